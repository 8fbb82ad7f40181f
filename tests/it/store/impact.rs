//! Recorded decisions re-evaluated under rules: the same rules change nothing, and other rules change exactly what the
//! ledger's tables imply.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::{Datelike as _, NaiveDate};
use mcoe::model::{ActionType, Channel, RiskBand, Severity, Tier, Warning, WarningId, WarningStatus};
use mcoe::planner::{self, CauseKey, ChangeKind, Impact, Planner};
use mcoe::rules::{CompiledRules, PackFiles};
use mcoe::store::{Change, Commit, ImpactFilter, Ledger, ScheduleFilter, StoreError};

use super::{FRIDAY, load_agency, rules, weekly, workspace};
use crate::support::{TestDatabase, at, compiled, on_both, pack_with_changes, pack_with_file, pack_with_keys, plan};

const SCHEDULES: &str = "SELECT count(*) FROM campaign_orchestration_schedules";

/// A decision of a daily pass as it was recorded before passes stored the rules' facts.
const OLD_PASS: &str = "INSERT INTO campaign_orchestration_actions (id, created_at, schedule_id, client_id, \
     workspace_id, action_type, decision_payload, source_signals, risk_class, confidence_score, truth_notes, \
     truth_compliant, disclaimers, status, actor) SELECT '00000000-0000-8000-8000-000000000001', created_at, \
     schedule_id, client_id, workspace_id, action_type, '{\"from\":\"blocked\",\"to\":\"ready\",\"reason\":null}', \
     '{\"guardrails\":[]}', risk_class, confidence_score, truth_notes, truth_compliant, disclaimers, status, 'daily_pass' \
     FROM campaign_orchestration_actions WHERE action_type = 'posting_decision' ORDER BY id LIMIT 1";

async fn impact_of_pack(ledger: &Ledger, files: PackFiles, filter: &ImpactFilter) -> Impact {
    let rules = compiled(files);
    let planner = Planner::new(&rules, Tier::Exact, None);
    ledger.impact(&planner, filter, usize::MAX, &|_| {}).await.unwrap()
}

async fn impact_of(ledger: &Ledger, rules: &CompiledRules) -> Impact {
    let planner = Planner::new(rules, Tier::Exact, None);
    ledger.impact(&planner, &ImpactFilter::default(), usize::MAX, &|_| {}).await.unwrap()
}

/// Ids of the schedules that changed in a given way, sorted.
fn changed_ids(impact: &Impact, kind: ChangeKind) -> Vec<String> {
    let is_of_kind = |change: &&planner::Change| change.differs.iter().any(|(found, _)| *found == kind);
    let mut ids: Vec<String> =
        impact.changes.values().flatten().filter(is_of_kind).map(|change| change.schedule_id.to_string()).collect();
    ids.sort();
    ids
}

/// Ids of the schedules that meet an SQL condition, sorted.
async fn schedule_ids(database: &TestDatabase, condition: &str) -> Vec<String> {
    let sql = format!("SELECT CAST(id AS text) FROM campaign_orchestration_schedules WHERE {condition} ORDER BY 1");
    let mut ids = database.texts(&sql).await;
    ids.sort();
    ids
}

/// Opens a warning of high severity for a client, or resolves it, and runs the daily pass.
async fn set_warning(
    ledger: &Ledger,
    rules: &CompiledRules,
    scenario: &mut mcoe::model::Scenario,
    now: &str,
    is_open: bool,
) {
    let (_, state) = scenario.clients.iter_mut().find(|(client, _)| client.id.as_str() == "crumb-and-co").unwrap();
    state.warnings.retain(|warning| warning.id.as_str() != "storm");
    if is_open {
        state.warnings.push(Warning {
            id: WarningId::new("storm"),
            kind: "collapse_risk".into(),
            severity: Severity::High,
            status: WarningStatus::Open,
            opened_at: at("2026-09-07T00:00:00Z"),
        });
    }
    ledger.load(scenario, rules, at(now)).await.unwrap();
    let planner = Planner::new(rules, Tier::Exact, None);
    ledger.daily(&planner, None, at(now), &|| false).await.unwrap();
}

on_both! {
    async fn the_same_rules_give_the_recorded_decisions(database: &TestDatabase) {
        let (ledger, rules) = (database.ledger().await, rules());
        let mut scenario = load_agency(&ledger, &rules).await;
        for week in ["2026-W37", "2026-W38", "2026-W39", "2026-W40"] {
            weekly(&ledger, &rules, week, FRIDAY).await;
        }
        let planned = impact_of(&ledger, &rules).await;
        assert_eq!(planned.count.judged as i64, database.number(SCHEDULES).await);
        assert!(planned.count.judged > 1000, "{}", planned.count.judged);
        assert_eq!((planned.count.same, planned.count.other_confidence), (planned.count.judged, 0));
        let medium = ScheduleFilter { risk: Some(RiskBand::Medium), ..ScheduleFilter::default() };
        let pending = ScheduleFilter { statuses: vec![mcoe::model::ScheduleStatus::Pending], ..medium };
        ledger.change(&pending, Change::Approve, &rules, "bob", at(FRIDAY)).await.unwrap();
        set_warning(&ledger, &rules, &mut scenario, "2026-09-08T01:00:00Z", true).await;
        set_warning(&ledger, &rules, &mut scenario, "2026-09-08T02:00:00Z", false).await;
        let after = impact_of(&ledger, &rules).await;
        assert!(after.by_daily_pass > 2, "{}", after.by_daily_pass);
        assert_eq!(after.count.judged, planned.count.judged + after.by_daily_pass);
        assert_eq!((after.count.same, after.count.other_confidence), (after.count.judged, 0), "{:?}", after.changes);
        assert_eq!(after.without_facts, 0);
    }

    async fn a_lower_threshold_blocks_the_posts_at_or_above_it(database: &TestDatabase) {
        let (ledger, rules) = (database.ledger().await, rules());
        load_agency(&ledger, &rules).await;
        weekly(&ledger, &rules, "2026-W37", FRIDAY).await;
        let files = pack_with_keys(&[("fatigue.toml", "warn_at", "0.15"), ("fatigue.toml", "block_at", "0.2")]);
        let reported = impact_of_pack(&ledger, files, &ImpactFilter::default()).await;
        let expected = schedule_ids(database, "status <> 'blocked' AND fatigue >= 0.2").await;
        assert!(!expected.is_empty());
        assert_eq!(changed_ids(&reported, ChangeKind::Blocked), expected);
        assert_eq!(reported.count.of(ChangeKind::Blocked) as usize, expected.len());
        let causes: Vec<_> = reported.causes.iter().filter(|(key, _)| key.kind == ChangeKind::Blocked).collect();
        let [(CauseKey { rule, file, line, .. }, (count, reason))] = causes.as_slice() else { panic!("{causes:?}") };
        assert_eq!((&**rule, &**file, *count as usize), ("channel_fatigue", "guardrails.rhai", expected.len()));
        assert!(*line > 0 && reason.contains("is at or above 0.20"), "{reason}");
        let channels: u64 = reported.channels.values().map(|count| count.of(ChangeKind::Blocked)).sum();
        assert_eq!(channels as usize, expected.len());
        let worst: Vec<u64> = reported.worst_channels().iter()
            .map(|(_, count)| count.of(ChangeKind::Blocked) + count.of(ChangeKind::NeedsReview)).collect();
        assert!(worst.is_sorted_by(|a, b| a >= b), "{worst:?}");
    }

    async fn a_higher_band_edge_sends_the_posts_below_it_to_review(database: &TestDatabase) {
        let (ledger, rules) = (database.ledger().await, rules());
        load_agency(&ledger, &rules).await;
        weekly(&ledger, &rules, "2026-W37", FRIDAY).await;
        let files = pack_with_changes(&[
            ("risk.toml", "[bands.low]\nfrom = 0.75", "[bands.low]\nfrom = 0.85"),
            ("risk.toml", "to = 0.75", "to = 0.85"),
        ]);
        let reported = impact_of_pack(&ledger, files, &ImpactFilter::default()).await;
        let between = "confidence >= 0.75 AND confidence < 0.85 AND risk_level = 'low'";
        let raised = schedule_ids(database, between).await;
        assert!(!raised.is_empty());
        assert_eq!(changed_ids(&reported, ChangeKind::BandRaised), raised);
        let sent_to_review = schedule_ids(database, &format!("{between} AND status = 'ready'")).await;
        assert_eq!(changed_ids(&reported, ChangeKind::NeedsReview), sent_to_review);
        assert!(reported.causes.keys().all(|key| (&*key.rule, &*key.file) == ("bands", "risk.toml") && key.line > 0));
        assert_eq!(reported.count.other_confidence, 0);
    }

    async fn a_new_guardrail_blocks_recorded_posts(database: &TestDatabase) {
        let (ledger, rules) = (database.ledger().await, rules());
        load_agency(&ledger, &rules).await;
        weekly(&ledger, &rules, "2026-W37", FRIDAY).await;
        let script = "// A house rule.\nfn no_noon(post, ctx) {\n    if post.hour >= 12 && post.weekday < 5 {\n        \
             return block(\"it goes out after noon\", \"post earlier\");\n    }\n    pass()\n}\n";
        let mut files = pack_with_file("house.rhai", script);
        files.get_mut("guardrails.toml").unwrap().push_str(
            "\n[no_noon]\nenabled = true\nscope = \"post\"\nconflict = \"timing\"\nwarn_raises_risk = false\n");
        let reported = impact_of_pack(&ledger, files, &ImpactFilter::default()).await;
        let all = ledger.schedules(&ScheduleFilter::default()).await.unwrap();
        let late = all.iter().filter(|schedule| {
            let local = schedule.metadata["local_time"].as_str().unwrap();
            let date: NaiveDate = local[..10].parse().unwrap();
            let weekday = date.weekday().num_days_from_monday();
            schedule.status != mcoe::model::ScheduleStatus::Blocked && weekday < 5 && &local[11..13] >= "12"
        });
        let mut expected: Vec<String> = late.map(|schedule| schedule.id.to_string()).collect();
        expected.sort();
        assert!(!expected.is_empty());
        assert_eq!(changed_ids(&reported, ChangeKind::Blocked), expected);
        let key = CauseKey {
            kind: ChangeKind::Blocked,
            rule: Arc::from("no_noon"),
            file: Arc::from("house.rhai"),
            line: 4,
        };
        assert_eq!(reported.causes[&key].0 as usize, expected.len());
    }

    async fn previews_of_older_versions_give_the_same_facts_of_assets(database: &TestDatabase) {
        let (ledger, rules) = (database.ledger().await, rules());
        load_agency(&ledger, &rules).await;
        weekly(&ledger, &rules, "2026-W37", FRIDAY).await;
        let script = "// A house rule.\nfn no_photos(post, ctx) {\n    if post.asset_kind == \"photo\" && post.has_content \
             && post.asset_score > 10.0 {\n        return block(\"it is a photo\", \"use a video\");\n    }\n    pass()\n}\n";
        let mut files = pack_with_file("house.rhai", script);
        files.get_mut("guardrails.toml").unwrap().push_str(
            "\n[no_photos]\nenabled = true\nscope = \"post\"\nconflict = \"asset\"\nwarn_raises_risk = false\n");
        let blocked = changed_ids(&impact_of_pack(&ledger, files.clone(), &ImpactFilter::default()).await, ChangeKind::Blocked);
        assert!(!blocked.is_empty());
        let without = if database.is_postgres() {
            "content_preview - 'score' - 'has_content'"
        } else {
            "json_remove(content_preview, '$.score', '$.has_content')"
        };
        database.run(&format!("UPDATE campaign_orchestration_schedules SET content_preview = {without}")).await.unwrap();
        let of_older = impact_of_pack(&ledger, files, &ImpactFilter::default()).await;
        assert_eq!(changed_ids(&of_older, ChangeKind::Blocked), blocked);
    }

    async fn a_removed_guardrail_no_longer_blocks_its_posts(database: &TestDatabase) {
        let (ledger, rules) = (database.ledger().await, rules());
        let mut scenario = load_agency(&ledger, &rules).await;
        weekly(&ledger, &rules, "2026-W37", FRIDAY).await;
        set_warning(&ledger, &rules, &mut scenario, "2026-09-08T01:00:00Z", true).await;
        let files = pack_with_keys(&[("guardrails.toml", "early_warning.enabled", "false")]);
        let reported = impact_of_pack(&ledger, files, &ImpactFilter::default()).await;
        let blocked = "SELECT count(*) FROM campaign_orchestration_actions WHERE action_type = 'schedule_blocked' \
                       AND CAST(decision_payload AS text) LIKE '%early_warning%'";
        let blocked = database.number(blocked).await as u64;
        assert!(blocked > 0 && reported.by_daily_pass > 0, "{blocked}");
        assert_eq!(reported.count.of(ChangeKind::Allowed), blocked);
        let by_rule: BTreeSet<&str> = reported.causes.keys().filter(|key| key.kind == ChangeKind::Allowed).map(|key| &*key.rule).collect();
        assert_eq!(by_rule, BTreeSet::from(["early_warning"]));
    }

    async fn overlays_affect_only_their_scope(database: &TestDatabase) {
        let (ledger, rules) = (database.ledger().await, rules());
        load_agency(&ledger, &rules).await;
        weekly(&ledger, &rules, "2026-W37", FRIDAY).await;
        let overlay = "[scope]\nclient = \"crumb-and-co\"\n\n[fatigue]\nwarn_at = 0.1\nblock_at = 0.15\n";
        let reported =
            impact_of_pack(&ledger, pack_with_file("overlays/crumb.toml", overlay), &ImpactFilter::default()).await;
        let expected =
            schedule_ids(database, "status <> 'blocked' AND fatigue >= 0.15 AND client_id = 'crumb-and-co'").await;
        assert!(!expected.is_empty());
        assert_eq!(changed_ids(&reported, ChangeKind::Blocked), expected);
        assert!(reported.worst_clients().iter().all(|((client, _), _)| client.as_str() == "crumb-and-co"));
    }

    async fn decisions_without_recorded_facts_are_counted_separately(database: &TestDatabase) {
        let (ledger, rules) = (database.ledger().await, rules());
        let scenario = load_agency(&ledger, &rules).await;
        let plan = plan(&rules, &scenario);
        let mut decisions = planner::decisions(&plan);
        let of_kind = |kind: ActionType| move |decision: &&mut mcoe::model::Decision| decision.action_type == kind;
        let check = decisions.iter_mut().find(of_kind(ActionType::FatigueCheck)).unwrap();
        let (client, payload): (_, serde_json::Value) = (check.client_id.clone(), serde_json::from_str(&check.payload).unwrap());
        check.source_signals = "{}".into();
        let last = decisions.iter_mut().rev().find(of_kind(ActionType::PostingDecision)).unwrap();
        assert_ne!(last.client_id, client);
        let mut old: serde_json::Value = serde_json::from_str(&last.payload).unwrap();
        old.as_object_mut().unwrap().remove("action_of_day").unwrap();
        last.payload = old.to_string();
        let commit = Commit { plan: &plan, decisions: &decisions, scenario: &scenario, rules: &rules, actor: "ann", now: at(FRIDAY), counted: mcoe::store::Counted::Live, progress: &|| {} };
        ledger.commit(commit).await.unwrap();
        database.run(OLD_PASS).await.unwrap();
        let reported = impact_of(&ledger, &rules).await;
        let channel = payload["channel"].as_str().unwrap();
        let of_channel =
            database.number(&format!("{SCHEDULES} WHERE client_id = '{client}' AND channel = '{channel}'")).await;
        assert!(of_channel > 0);
        assert_eq!(reported.without_facts as i64, of_channel + 2);
        assert_eq!(reported.count.judged + reported.without_facts, plan.posts().count() as u64 + 1);
        assert_eq!(reported.count.same, reported.count.judged);
    }

    async fn filters_and_row_level_security_select_decisions(database: &TestDatabase) {
        let (ledger, rules) = (database.ledger().await, rules());
        load_agency(&ledger, &rules).await;
        weekly(&ledger, &rules, "2026-W37", FRIDAY).await;
        let planner = Planner::new(&rules, Tier::Exact, None);
        let judged_count = async |ledger: &Ledger, filter: ImpactFilter| {
            ledger.impact(&planner, &filter, 0, &|_| {}).await.unwrap().count.judged as i64
        };
        let all = ImpactFilter::default;
        let harbour = ledger.scoped_to(workspace("harbour"));
        let count_where = async |condition: &str| database.number(&format!("{SCHEDULES} WHERE {condition}")).await;
        assert_eq!(judged_count(&harbour, all()).await, count_where("workspace_id = 'harbour'").await);
        let client = ImpactFilter { client: Some("crumb-and-co".to_owned()), ..all() };
        assert_eq!(judged_count(&ledger, client).await, count_where("client_id = 'crumb-and-co'").await);
        let channel = ImpactFilter { channel: Some(Channel::Ig), ..all() };
        assert_eq!(judged_count(&ledger, channel).await, count_where("channel = 'ig'").await);
        let count = database.number(SCHEDULES).await;
        assert_eq!(judged_count(&ledger, ImpactFilter { from: Some(at(FRIDAY)), ..all() }).await, count);
        assert_eq!(judged_count(&ledger, ImpactFilter { to: Some(at(FRIDAY)), ..all() }).await, 0);
        let nowhere = ledger.scoped_to(workspace("nowhere"));
        let refused = nowhere.impact(&planner, &all(), 0, &|_| {}).await.unwrap_err();
        assert!(matches!(refused, StoreError::UnknownWorkspace(_)), "{refused}");
    }
}
