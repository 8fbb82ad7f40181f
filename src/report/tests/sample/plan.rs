//! A small plan, and decisions about it.

use std::sync::Arc;

use crate::model::{
    ActionType, AgencyDirector, Allocation, AssetChoice, AssetId, CampaignId, Certificate, Channel, ChannelSnapshot,
    ClientId, ClientOps, ClientPlan, ClientStatus, Conflict, ConflictKind, CreativeDirector, Decision, DecisionStatus,
    EarlyWarning, LimitKind, LimitUse, PerformanceReality, Plan, Policy, Post, PostSurroundings, Reason, RiskBand,
    Scaling, ScheduleStatus, Severity, SharedLimitUse, SharedPeriod, Signals, TargetSource, Tier, WorkspaceCertificate,
    WorkspaceId,
};

/// A small plan with one ready, one pending and one blocked post, on both sides of a clock change.
pub fn plan() -> Plan {
    Plan {
        plan_id: uuid::Uuid::from_u128(7),
        scenario: "agency".to_owned(),
        week: "2026-W40".parse().unwrap(),
        not_before: None,
        rules_hash: "aa".to_owned(),
        scenario_hash: "bb".to_owned(),
        clients: vec![ClientPlan {
            client_id: ClientId::new("harbour; coffee, roasters"),
            workspace_id: WorkspaceId::new("north"),
            zone: "Australia/Sydney".parse().unwrap(),
            posts: vec![ready(), pending(), blocked()],
            committed: Vec::new(),
            allocations: vec![allocation()],
            conflicts: vec![Conflict {
                channel: None,
                kind: ConflictKind::Warning,
                severity: Severity::High,
                description: "a warning, \"collapse\", holds".to_owned(),
                affected: 1,
                resolution: "resolve it".to_owned(),
            }],
            signals: signals(),
            certificate: Some(certificate()),
            unmet_limits: Vec::new(),
            quotas: Vec::new(),
        }],
        workspaces: vec![workspace()],
    }
}

/// A workspace whose clients reach a shared limit on Tuesday.
fn workspace() -> WorkspaceCertificate {
    let limit = SharedLimitUse {
        limit: "agency_day".into(),
        industry: None,
        tag: None,
        channel: None,
        period: SharedPeriod::Day(1),
        allowed: 60.0,
        used: 60.0,
        price: 7.5,
    };
    let (objective, upper_bound) = (240.0, Some(240.5));
    WorkspaceCertificate { workspace_id: WorkspaceId::new("north"), objective, upper_bound, limits: vec![limit] }
}

/// A week whose Monday is full, and in which one channel has more than its minimum share.
fn certificate() -> Certificate {
    let monday = "2026-09-28T00:00:00".parse().unwrap();
    let limit = |limit: &str, kind, channel, hours, [allowed, used, price]: [f64; 3]| LimitUse {
        limit: limit.into(),
        kind,
        follow_up: None,
        channel,
        asset: None,
        campaign: None,
        is_weighed: false,
        first_hour: 0,
        from: monday,
        hours,
        allowed,
        used,
        price,
    };
    let limits = vec![
        limit("max_actions_per_day", LimitKind::AtMost, None, 24, [4.0, 4.0, 12.5]),
        limit("spring_share", LimitKind::AtLeastShare, Some(Channel::Ig), 168, [0.4, 0.5, 0.0]),
    ];
    Certificate { objective: 240.0, upper_bound: 250.0, limits }
}

fn ready() -> Post {
    let asset = AssetChoice {
        asset_id: AssetId::new("asset-1"),
        variation_id: Some(AssetId::new("asset-1b")),
        is_evolution: false,
        score: 82.0,
        quality_factor: 1.1,
    };
    let post = post("2026-09-28T22:00:00Z", Channel::Fb);
    Post { status: ScheduleStatus::Ready, asset: Some(asset), ..post }
}

fn pending() -> Post {
    post("2026-10-03T22:00:00Z", Channel::Tiktok)
}

fn blocked() -> Post {
    let reason = Reason::Guardrail {
        rule: "early_warning".into(),
        reason: "a warning of high severity, \"collapse\", holds; the post must wait until it is resolved".into(),
        remedy: "resolve it".into(),
    };
    let post = post("2026-10-04T03:30:00Z", Channel::X);
    Post { status: ScheduleStatus::Blocked, campaign_id: None, blocked: Some(Arc::new(reason)), ..post }
}

/// A pending post of a campaign, without an asset.
fn post(at: &str, channel: Channel) -> Post {
    Post {
        channel,
        hour: 9,
        at: at.parse().unwrap(),
        asset: None,
        campaign_id: Some(CampaignId::new("spring")),
        status: ScheduleStatus::Pending,
        priority: 60.0,
        fatigue: 0.25,
        surroundings: PostSurroundings { action_of_day: 1, hours_to_nearest_post: 48.0, others_of_day: Vec::new() },
        slot_value: 120.5,
        expected_engagement: 98.25,
        cost: 12.5,
        net_worth: 85.75,
        keep_bonus: 0.0,
        confidence: 0.8,
        confidence_steps: Vec::new(),
        risk: RiskBand::Low,
        verdicts: Vec::new(),
        blocked: None,
    }
}

fn allocation() -> Allocation {
    Allocation {
        channel: Channel::Fb,
        snapshot: snapshot().into(),
        posts_wanted: 5,
        posts_target: 4,
        target_source: TargetSource::FatigueSteps,
        posts_planned: 3,
        posts_blocked: 1,
        why_fewer: "fatigue at the start of the week".to_owned(),
        always_needs_review: false,
        fatigue_start: 0.42,
        fatigue_end: 0.38,
        mean_quality: 1.05,
        mean_cost: 12.0,
        end_weight: 3.1,
        objective: 250.5,
        upper_bound: 251.0,
        tier: Tier::Exact,
        hours_allowed: 119,
        hours_removed: vec![("quiet_hours", 49)],
        hours_closed_by_guardrails: Vec::new(),
    }
}

fn snapshot() -> ChannelSnapshot {
    ChannelSnapshot {
        industry: "food".into(),
        tags: Vec::new(),
        status: ClientStatus::Active,
        client_priority: 50.0,
        policy: Policy {
            agent_enabled: true,
            auto_exec_enabled: true,
            max_actions_per_day: 10,
            pause_on_high_severity_warning: true,
        },
        audience: 1_000.0,
        engagement_rate: None,
        fatigue: 0.42,
        momentum: 0.5,
        visibility: 0.5,
        engagement: 0.5,
        hours_since_last_post: 30.0,
        posts_last_7_days: 3,
        posts_last_30_days: 12,
    }
}

fn signals() -> Signals {
    Signals {
        client_ops: ClientOps {
            time_zone: "Australia/Sydney".to_owned(),
            status: ClientStatus::Active,
            agent_enabled: true,
            auto_exec_enabled: true,
            max_actions_per_day: 10,
            pause_on_high_severity_warning: true,
        },
        agency_director: AgencyDirector { campaigns: Vec::new(), blackout_days: Vec::new(), holidays: Vec::new() },
        early_warning: EarlyWarning { matrix: Vec::new(), high_warnings: 1, medium_warnings: 0 },
        performance_reality: PerformanceReality {
            assessed: false,
            perceived: 0.5,
            estimated: 0.5,
            low: 0.3,
            high: 0.7,
            gap: 0.0,
            confidence: 0.0,
            completeness: 0.0,
        },
        creative_director: CreativeDirector { usable_assets: 1, channels: Vec::new() },
        scaling: Scaling { posts_wanted: 5, daily_capacity: 10, load: 0.1, full_days: Vec::new() },
    }
}

/// Two decisions: one about a post of [`plan`], one about a channel.
pub fn decisions() -> Vec<Decision> {
    let id = uuid::Uuid::from_u128;
    let decision = |number, post_id, action_type| Decision {
        id: id(number),
        post_id,
        client_id: ClientId::new("harbour; coffee, roasters"),
        action_type,
        payload: serde_json::json!({"hour": 9, "why": "best, \"of all\""}).to_string(),
        source_signals: serde_json::json!({"fatigue": 0.25}).to_string().into(),
        risk_class: RiskBand::Medium,
        confidence: 0.7,
        truth_notes: [String::from("no assessment")].into(),
        truth_compliant: true,
        disclaimers: &[],
        status: DecisionStatus::AwaitingApproval,
        actor: "scaling",
    };
    vec![decision(1, Some(id(9)), ActionType::TimeChoice), decision(2, None, ActionType::FatigueCheck)]
}
