//! A plausible simulation, built without randomness, and extreme variants of it: for tests only.

use std::sync::Arc;

use crate::model::{
    ActionType, AgencyDirector, Allocation, AssetChoice, AssetId, CampaignId, Channel, ChannelSnapshot, ClientId,
    ClientOps, ClientPlan, ClientStatus, Conflict, ConflictKind, CreativeDirector, Decision, DecisionStatus,
    EarlyWarning, PerformanceReality, Plan, Policy, Post, Reason, RiskBand, Scaling, ScheduleStatus, Severity, Signals,
    TargetSource, Tier, Week, WorkspaceId, Zone,
};
use crate::simulator::{
    AssetSummary, ChannelDifference, ChannelSummary, ChannelWeek, ClientCounts, ClientDifference, ClientSummary,
    Comparison, GuardrailSummary, Headline, Measure, MeasureDifference, Pack, Provenance, Simulation, StoppingRule,
    TargetChanges, Versus, WeekDifference, WeekSummary,
};
use crate::stats::{Difference, Estimate, Pairs};

/// The size of a sample simulation.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    pub channels: usize,
    pub clients: usize,
    pub weeks: u32,
    pub replications: u32,
    /// Factor on all counts.
    pub size: f64,
}

pub const USUAL: Shape = Shape { channels: 9, clients: 12, weeks: 12, replications: 20, size: 1.0 };

/// Posts a week, fatigue at rest and engagements a post, by channel.
const TRAITS: [(f64, f64, f64); Channel::COUNT] = [
    (5.0, 0.28, 310.0),
    (7.0, 0.41, 520.0),
    (14.0, 0.58, 840.0),
    (5.0, 0.24, 95.0),
    (2.0, 0.18, 1450.0),
    (3.0, 0.21, 24.0),
    (3.0, 0.19, 60.0),
    (2.0, 0.12, 130.0),
    (10.0, 0.33, 88.0),
];

const RULES: [(&str, f64, f64); 7] = [
    ("early_warning", 0.012, 0.05),
    ("channel_fatigue", 0.031, 0.21),
    ("policy_compliance", 0.004, 0.0),
    ("truth_layer", 0.0, 0.12),
    ("timing_conflict", 0.0008, 0.0),
    ("brand_calendar", 0.0, 0.0),
    ("review_capacity", 0.018, 0.0),
];

const CLIENTS: [&str; 12] = [
    "Harbour Coffee Roasters",
    "Bluegum Physio",
    "Nordlys Outdoor",
    "Kestrel & Sons Legal",
    "Sunday Market Florist",
    "Mako Surf School",
    "Ember Ceramics",
    "Tideway Credit Union",
    "Foxglove Skincare",
    "Little Acorn Preschool",
    "Quarry Bouldering",
    "Olive Branch Catering",
];

fn wobble(place: usize, salt: usize) -> f64 {
    let mixed = (place.wrapping_mul(2_654_435_761) ^ salt.wrapping_mul(40_503)).wrapping_mul(2_246_822_519);
    ((mixed >> 7) % 10_007) as f64 / 10_007.0
}

fn estimate(mean: f64, spread: f64, replications: u32) -> Estimate {
    let value = |replication| {
        let place = (f64::from(replication) + 0.5) / f64::from(replications) - 0.5;
        mean * (1.0 + spread * (place * 2.0 + place * place * place))
    };
    Estimate::of(&(0..replications).map(value).collect::<Vec<f64>>())
}

/// The usual sample simulation.
pub fn simulation() -> Simulation {
    shaped(USUAL)
}

/// The usual simulation and its variants, each with a name.
pub fn variants() -> Vec<(&'static str, Simulation)> {
    let zero = Shape { size: 0.0, ..USUAL };
    vec![
        ("usual", simulation()),
        ("year", shaped(Shape { weeks: 52, ..USUAL })),
        ("one-week", shaped(Shape { weeks: 1, ..USUAL })),
        ("one-client", shaped(Shape { clients: 1, channels: 4, ..USUAL })),
        ("one-replication", shaped(Shape { replications: 1, ..USUAL })),
        ("sixty-clients", shaped(Shape { clients: 60, ..USUAL })),
        ("zeros", shaped(zero)),
        ("nothing", shaped(Shape { channels: 0, clients: 0, weeks: 0, ..zero })),
        ("huge", shaped(Shape { size: 90_000.0, weeks: 160, ..USUAL })),
        ("names", named(simulation())),
        ("committed", committed(simulation())),
    ]
}

fn committed(mut simulation: Simulation) -> Simulation {
    if let Some(week) = simulation.weekly.first_mut() {
        simulation.provenance.committed_posts = week.posts_drafted as u32;
        (week.posts_committed, week.committed_in_target) = (week.posts_drafted, week.posts_drafted);
        (week.posts_planned, week.posts_blocked, week.risk) = (0.0, 0.0, [0.0; RiskBand::ALL.len()]);
    }
    simulation
}

fn named(mut simulation: Simulation) -> Simulation {
    let long = "Gesellschaft für Großwetterlagenbeobachtung & Söhne ".repeat(4);
    let names = ["<script>alert('x')</script>", long.as_str(), "a|b`c*d_e", "\"quoted\" & 'so on'"];
    for (client, name) in simulation.clients.iter_mut().zip(names) {
        client.name = name.to_owned();
        client.client_id = ClientId::new(name);
    }
    if let Some(rule) = simulation.guardrails.first_mut() {
        rule.rule = "a_rule_with_a_name_that_goes_on_and_on_and_never_seems_to_end<script>".to_owned();
    }
    simulation.provenance.scenario = "<script>scenario</script>".to_owned();
    simulation.provenance.rules = "rules`with`ticks & <b>".to_owned();
    simulation
}

/// A simulation of the given size.
pub fn shaped(shape: Shape) -> Simulation {
    let start: Week = "2026-W48".parse().unwrap();
    let weekly: Vec<WeekSummary> = (0..shape.weeks as usize).map(|week| week_summary(shape, start, week)).collect();
    let channels: Vec<ChannelSummary> = (0..shape.channels).map(|index| channel_summary(shape, index)).collect();
    let channel_weeks = (0..shape.weeks as usize)
        .flat_map(|week| (0..shape.channels).map(move |index| channel_week(shape, start, week, index)))
        .collect();
    Simulation {
        provenance: provenance(shape, start),
        headline: headline(shape, &weekly, &channels),
        weekly,
        channels,
        channel_weeks,
        clients: (0..shape.clients).map(|index| client_summary(shape, index)).collect(),
        guardrails: guardrails(shape),
        calendar: calendar(shape),
        assets: assets(shape),
    }
}

fn provenance(shape: Shape, start: Week) -> Provenance {
    Provenance {
        scenario: "agency".to_owned(),
        scenario_hash: "9c1185a5c5e9fc54612808977ee8f548b2258d31b4a1f8c3d0f6e7a9b2c4d6e8".to_owned(),
        rules: "default".to_owned(),
        rules_hash: "4e07408562bedb8b60ce05c1decfe3ad16b72230967de01f640b7e4729b49fce".to_owned(),
        version: "0.1.0".to_owned(),
        time_zones: "2026a".to_owned(),
        seed: 7,
        start,
        weeks: shape.weeks,
        replications: shape.replications,
        clients: shape.clients as u32,
        tier: "fast".to_owned(),
        committed_posts: 0,
    }
}

fn wanted(shape: Shape, channel: usize) -> f64 {
    TRAITS[channel].0 * shape.clients as f64 * shape.size
}

fn target(shape: Shape, channel: usize, week: usize) -> f64 {
    let factor = if fatigue_at(channel, week) > 0.5 { 0.78 } else { 0.97 };
    wanted(shape, channel) * (factor + 0.03 * wobble(week, channel))
}

fn drafted(shape: Shape, channel: usize, week: usize) -> f64 {
    target(shape, channel, week) * (0.86 + 0.09 * wobble(week, channel + 11))
}

fn fatigue_at(channel: usize, week: usize) -> f64 {
    let (_, rest, _) = TRAITS[channel];
    let tired = 0.25 * (1.0 - libm::exp(-(week as f64) / 3.0));
    (rest * (0.75 + tired + 0.12 * (wobble(week, channel + 5) - 0.5))).min(0.95)
}

fn season(week: usize) -> f64 {
    1.0 + 0.18 * libm::sin(week as f64 * 0.55) + 0.05 * wobble(week, 3)
}

fn week_summary(shape: Shape, start: Week, week: usize) -> WeekSummary {
    let over = |value: fn(Shape, usize, usize) -> f64| (0..shape.channels).map(|index| value(shape, index, week)).sum();
    let (posts_target, posts_drafted): (f64, f64) = (over(target), over(drafted));
    let planned = posts_target * (0.97 + 0.02 * wobble(week, 1));
    let missing = planned - posts_drafted;
    let expected: f64 = (0..shape.channels).map(|index| drafted(shape, index, week) * TRAITS[index].2).sum();
    let medium = planned * (0.2 + 0.1 * wobble(week, 8));
    let high = planned * (0.04 + 0.05 * wobble(week, 9));
    let posts_wanted: f64 = (0..shape.channels).map(|index| wanted(shape, index)).sum();
    WeekSummary {
        week: start.plus(week as i64),
        engagement: estimate(expected * season(week) * 0.96, 0.14, shape.replications),
        expected_engagement: expected,
        posts_wanted,
        posts_target,
        target_changes: TargetChanges { fewer_by_fatigue: posts_wanted - posts_target, ..TargetChanges::default() },
        posts_committed: 0.0,
        committed_in_target: 0.0,
        posts_planned: planned,
        posts_drafted,
        posts_blocked: missing * 0.6,
        reviews: (medium + high) * 0.9,
        rejected: missing * 0.25,
        expired: missing * 0.15,
        risk: [planned - medium - high, medium, high],
    }
}

fn channel_week(shape: Shape, start: Week, week: usize, index: usize) -> ChannelWeek {
    let middle = fatigue_at(index, week);
    let drafts = drafted(shape, index, week);
    ChannelWeek {
        week: start.plus(week as i64),
        channel: Channel::ALL[index],
        posts_wanted: wanted(shape, index),
        posts_target: target(shape, index, week),
        posts_drafted: drafts,
        engagement: drafts * TRAITS[index].2 * season(week),
        fatigue: if shape.size == 0.0 { [0.0; 3] } else { [middle * 0.4, middle, (middle * 1.45 + 0.05).min(0.97)] },
    }
}

fn channel_summary(shape: Shape, index: usize) -> ChannelSummary {
    let over = |value: fn(Shape, usize, usize) -> f64| {
        (0..shape.weeks as usize).map(|week| value(shape, index, week)).sum::<f64>()
    };
    let (planned, drafts) = (over(target) * 0.98, over(drafted));
    let rest = TRAITS[index].1 * f64::from(u8::from(shape.size > 0.0));
    ChannelSummary {
        channel: Channel::ALL[index],
        clients: shape.clients as u32,
        engagement: estimate(drafts * TRAITS[index].2, 0.1, shape.replications),
        posts_wanted: wanted(shape, index) * f64::from(shape.weeks),
        posts_committed: 0.0,
        posts_planned: planned,
        posts_drafted: drafts,
        posts_blocked: (planned - drafts) * 0.6,
        without_asset: planned * 0.03 * wobble(index, 2),
        mean_fatigue: rest,
        share_above_warn: (rest - 0.22).max(0.0) * 1.4,
        share_above_block: (rest - 0.5).max(0.0) * 0.5,
        warn_at: 0.5,
        block_at: 0.8,
    }
}

fn client_summary(shape: Shape, index: usize) -> ClientSummary {
    let weeks = f64::from(shape.weeks);
    let wanted: f64 = (0..shape.channels).map(|channel| TRAITS[channel].0 * shape.size * weeks).sum();
    let planned = wanted * (0.74 + 0.24 * wobble(index, 21));
    let drafts = planned * (0.8 + 0.19 * wobble(index, 22));
    let expected = drafts * 400.0 * (0.3 + wobble(index, 23));
    let name = CLIENTS[index % CLIENTS.len()];
    let branch = index / CLIENTS.len();
    ClientSummary {
        client_id: ClientId::new(format!("client-{:03}", index + 1)),
        name: if branch == 0 { name.to_owned() } else { format!("{name} {}", branch + 1) },
        workspace_id: WorkspaceId::new(if index.is_multiple_of(2) { "north" } else { "south" }),
        time_zone: if index.is_multiple_of(3) { "Australia/Sydney" } else { "Europe/Oslo" }.to_owned(),
        engagement: estimate(expected * (0.8 + 0.4 * wobble(index, 24)), 0.2, shape.replications),
        expected_engagement: expected,
        posts_wanted: wanted,
        posts_committed: 0.0,
        posts_planned: planned,
        posts_drafted: drafts,
        posts_blocked: (planned - drafts) * 0.7,
        reviews: planned * 0.28,
        without_asset: planned * 0.04 * wobble(index, 25),
        mean_fatigue: (0.2 + 0.3 * wobble(index, 26)) * f64::from(u8::from(shape.size > 0.0)),
        risk: [planned * 0.7, planned * 0.22, planned * 0.08],
    }
}

fn guardrails(shape: Shape) -> Vec<GuardrailSummary> {
    let planned = |week: usize| (0..shape.channels).map(|index| target(shape, index, week)).sum::<f64>() * 0.98;
    RULES
        .iter()
        .enumerate()
        .map(|(salt, (rule, blocks, warns))| {
            let blocked_by_week: Vec<f64> = (0..shape.weeks as usize)
                .map(|week| planned(week) * blocks * (0.3 + 1.4 * wobble(week, salt + 40)))
                .collect();
            let all: f64 = (0..shape.weeks as usize).map(planned).sum();
            let blocked: f64 = blocked_by_week.iter().sum();
            let warned = all * warns;
            GuardrailSummary {
                rule: (*rule).to_owned(),
                by_engine: *rule == "review_capacity",
                passed: (all - warned - blocked).max(0.0),
                warned,
                blocked,
                blocked_by_week,
            }
        })
        .collect()
}

fn calendar(shape: Shape) -> Vec<[f64; 24]> {
    let size = shape.size * shape.clients as f64 * f64::from(shape.weeks);
    (0..7)
        .map(|day| {
            let mut hours = [0.0; 24];
            for (hour, posts) in hours.iter_mut().enumerate() {
                let best = [7, 9, 11, 12, 14, 17, 19, 21].contains(&hour);
                let awake = (6..23).contains(&hour);
                let level = if best { 0.55 } else { 0.06 };
                *posts = if awake {
                    size * level * (0.5 + wobble(hour, day)) * if day > 4 { 0.6 } else { 1.0 }
                } else {
                    0.0
                };
            }
            hours
        })
        .collect()
}

fn assets(shape: Shape) -> AssetSummary {
    let assets = (shape.clients * 40) as u32;
    let shares = [0.22, 0.31, 0.2, 0.12, 0.08, 0.04, 0.03];
    let by_uses = shares.iter().map(|share| share * f64::from(assets)).collect();
    AssetSummary { assets, by_uses, variations: 214.0 * shape.size, evolutions: 61.5 * shape.size }
}

fn headline(shape: Shape, weekly: &[WeekSummary], channels: &[ChannelSummary]) -> Headline {
    let many = shape.replications;
    let over = |value: fn(&WeekSummary) -> f64| weekly.iter().map(value).sum::<f64>();
    let hours = f64::from(shape.weeks) * 168.0 * shape.clients as f64;
    Headline {
        engagement: estimate(over(|week| week.engagement.mean), 0.08, many),
        expected_engagement: estimate(over(|week| week.expected_engagement), 0.01, many),
        posts_wanted: estimate(over(|week| week.posts_wanted), 0.0, many),
        posts_planned: estimate(over(|week| week.posts_planned), 0.01, many),
        posts_drafted: estimate(over(|week| week.posts_drafted), 0.015, many),
        posts_blocked: estimate(over(|week| week.posts_blocked), 0.1, many),
        reviews: estimate(over(|week| week.reviews), 0.05, many),
        rejected: estimate(over(|week| week.rejected), 0.2, many),
        expired: estimate(over(|week| week.expired), 0.2, many),
        without_asset: estimate(channels.iter().map(|channel| channel.without_asset).sum(), 0.1, many),
        hours_above_warn: estimate(channels.iter().map(|channel| channel.share_above_warn * hours).sum(), 0.05, many),
        hours_above_block: estimate(channels.iter().map(|channel| channel.share_above_block * hours).sum(), 0.1, many),
    }
}

/// The effect of another pack: its label, the mean relative difference, and the spread of the difference.
type Effect = (&'static str, f64, f64);

const BOLD: Effect = ("bold", 0.027, 0.05);
const UNCLEAR: Effect = ("hardly-other", 0.001, 0.2);
const SAME: Effect = ("twin", 0.0, 0.0);

/// Comparisons of packs with the default one, each with a name.
pub fn comparisons() -> Vec<(&'static str, Comparison)> {
    let until = |is_reached| Some(StoppingRule { half_width: 0.005, most_replications: 1000, is_reached });
    let usual = comparison(USUAL, &[BOLD]);
    let mut hostile = comparison(USUAL, &[("<script>`a|b`</script> & a name that goes on and on and on", 0.1, 0.3)]);
    for client in hostile.versus.iter_mut().flat_map(|versus| &mut versus.clients) {
        client.name = "<b>a|b`c*d_e</b>".to_owned();
    }
    vec![
        ("three-packs", comparison(USUAL, &[BOLD, ("careful", -0.18, 0.1), SAME])),
        ("reached", Comparison { until: until(true), ..usual.clone() }),
        ("not-reached", Comparison { until: until(false), ..usual.clone() }),
        ("usual", usual),
        ("unclear", comparison(USUAL, &[UNCLEAR])),
        ("same", comparison(USUAL, &[SAME])),
        ("one-replication", comparison(Shape { replications: 1, ..USUAL }, &[BOLD])),
        ("one-week", comparison(Shape { weeks: 1, ..USUAL }, &[BOLD])),
        ("one-client", comparison(Shape { clients: 1, channels: 4, ..USUAL }, &[BOLD])),
        ("many-clients", comparison(Shape { clients: 400, weeks: 52, ..USUAL }, &[BOLD])),
        ("zeros", comparison(Shape { size: 0.0, ..USUAL }, &[BOLD])),
        ("huge", comparison(Shape { size: 90_000.0, ..USUAL }, &[("wild", 3.0, 20.0)])),
        ("names", hostile),
    ]
}

fn comparison(shape: Shape, effects: &[Effect]) -> Comparison {
    let base = provenance(shape, "2026-W48".parse().unwrap());
    let pack = |label: &str| Pack {
        label: label.to_owned(),
        provenance: Provenance { rules: label.to_owned(), ..base.clone() },
    };
    Comparison {
        packs: std::iter::once("default").chain(effects.iter().map(|(label, ..)| *label)).map(pack).collect(),
        until: None,
        versus: effects.iter().map(|effect| versus(shape, *effect, base.start, effects.len())).collect(),
    }
}

fn pairs(shape: Shape, mean: f64, effect: f64, spread: f64, place: usize) -> Difference {
    let mut pairs = Pairs::default();
    for replication in 0..shape.replications as usize {
        let base = mean * shape.size * (0.9 + 0.2 * wobble(replication, place + 61));
        pairs.add(base, base * (1.0 + effect + spread * (wobble(replication, place + 62) - 0.5)));
    }
    pairs.difference()
}

fn versus(shape: Shape, (label, effect, spread): Effect, start: Week, packs: usize) -> Versus {
    // The effect differs between parts.
    let part = |mean, place| pairs(shape, mean, effect * (4.0 * wobble(place, 60) - 1.0), spread, place);
    let row = |(place, measure): (usize, Measure)| {
        let effect = if measure == Measure::Reviews { -5.0 * effect } else { effect };
        let difference = pairs(shape, 90_000.0 / libm::pow(1.0 + place as f64, 3.0), effect, spread, place);
        let corrected_p = difference.p.map(|p| (p * packs as f64).min(1.0));
        MeasureDifference { measure, difference, corrected_p }
    };
    let client = |index: usize| ClientDifference {
        client_id: ClientId::new(format!("client-{:03}", index + 1)),
        name: CLIENTS[index % CLIENTS.len()].to_owned(),
        engagement: part(7_000.0, index + 100),
    };
    let clients: Vec<ClientDifference> = (0..shape.clients).map(client).collect();
    let week = |week: usize| WeekDifference { week: start.plus(week as i64), engagement: part(7_500.0, week + 30) };
    let channel = |index: usize| ChannelDifference {
        channel: Channel::ALL[index],
        clients: shape.clients as u32,
        engagement: part(TRAITS[index].0 * TRAITS[index].2, index + 10),
    };
    Versus {
        label: label.to_owned(),
        headline: Measure::ALL.into_iter().enumerate().map(row).collect(),
        weekly: (0..shape.weeks as usize).map(week).collect(),
        channels: (0..shape.channels).map(channel).collect(),
        client_counts: ClientCounts::of(&clients),
        clients,
    }
}

/// A small plan with one ready, one pending and one blocked post, on both sides of a clock change.
pub fn plan() -> Plan {
    let zone: Zone = "Australia/Sydney".parse().unwrap();
    let post = |at: &str, channel, status, asset: Option<AssetChoice>, reason: Option<Reason>| Post {
        channel,
        hour: 9,
        at: at.parse().unwrap(),
        asset,
        campaign_id: reason.is_none().then(|| CampaignId::new("spring")),
        status,
        priority: 60.0,
        fatigue: 0.25,
        action_of_day: 1,
        hours_to_nearest_post: 48.0,
        others_of_day: Vec::new(),
        slot_value: 120.5,
        expected_engagement: 98.25,
        confidence: 0.8,
        confidence_steps: Vec::new(),
        risk: RiskBand::Low,
        verdicts: Vec::new(),
        blocked: reason.map(Arc::new),
    };
    let asset = AssetChoice {
        asset_id: AssetId::new("asset-1"),
        variation_id: Some(AssetId::new("asset-1b")),
        is_evolution: false,
        score: 82.0,
        quality_factor: 1.1,
    };
    let reason = Reason::Guardrail {
        rule: "early_warning".into(),
        reason: "a warning of high severity, \"collapse\", holds; the post must wait until it is resolved".into(),
        remedy: "resolve it".into(),
    };
    let posts = vec![
        post("2026-09-28T22:00:00Z", Channel::Fb, ScheduleStatus::Ready, Some(asset), None),
        post("2026-10-03T22:00:00Z", Channel::Tiktok, ScheduleStatus::Pending, None, None),
        post("2026-10-04T03:30:00Z", Channel::X, ScheduleStatus::Blocked, None, Some(reason)),
    ];
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
            zone,
            posts,
            prior: Vec::new(),
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
        }],
    }
}

fn allocation() -> Allocation {
    Allocation {
        channel: Channel::Fb,
        seen: seen().into(),
        posts_wanted: 5,
        posts_target: 4,
        target_source: TargetSource::FatigueSteps,
        posts_planned: 3,
        posts_blocked: 1,
        why_fewer: "fatigue at the start of the week".to_owned(),
        fatigue_start: 0.42,
        fatigue_end: 0.38,
        mean_quality: 1.05,
        end_weight: 3.1,
        objective: 250.5,
        upper_bound: 251.0,
        tier: Tier::Exact,
        hours_allowed: 119,
        hours_removed: vec![("quiet_hours", 49)],
    }
}

fn seen() -> ChannelSnapshot {
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
