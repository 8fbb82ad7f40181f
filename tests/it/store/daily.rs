//! The daily pass: what it drafts, expires, blocks and makes ready, and how fatigue develops.

use mcoe::model::{ScheduleStatus, Severity, Tier, Warning, WarningId, WarningStatus};
use mcoe::planner::{Planner, decayed_fatigue, fatigue_after_post};
use mcoe::rules::CompiledRules;
use mcoe::store::{ActionFilter, Change, DailyOutcome, ImpactFilter, Ledger, ScheduleFilter};

use super::{FRIDAY, load_agency, rules, weekly, workspace};
use crate::support::{TestDatabase, at, compiled, default_pack, on_both};

async fn daily(ledger: &Ledger, rules: &CompiledRules, now: &str) -> DailyOutcome {
    let planner = Planner::new(rules, Tier::Exact, None);
    ledger.daily(&planner, None, at(now), &|| false).await.unwrap()
}

const SCHEDULES: &str = "SELECT count(*) FROM campaign_orchestration_schedules WHERE";

/// Commits the agency's week, approves all of it, and runs the daily pass of its first evening, in which every draft of
/// the workspace `harbour` fails.
async fn daily_with_failing_drafts(database: &TestDatabase, ledger: &Ledger, rules: &CompiledRules) -> DailyOutcome {
    weekly(ledger, rules, "2026-W37", FRIDAY).await;
    let pending = ScheduleFilter { statuses: vec![ScheduleStatus::Pending], ..ScheduleFilter::default() };
    ledger.change(&pending, Change::Approve, rules, "bob", at(FRIDAY)).await.unwrap();
    // The assets lose their content after the day's posts were re-evaluated and before they are drafted; otherwise
    // the posts would be blocked.
    let empty_assets = || {
        let update = async { database.run("UPDATE assets SET media_url = '', title = '', body = ''").await.unwrap() };
        std::thread::scope(|scope| scope.spawn(|| crate::support::block_on(update)).join().unwrap());
        false
    };
    let planner = Planner::new(rules, Tier::Exact, None);
    let calls = std::sync::atomic::AtomicU32::new(0);
    // This is called once for each workspace, and then before each batch of drafts.
    let should_stop = || calls.fetch_add(1, std::sync::atomic::Ordering::Relaxed) > 0 && empty_assets();
    let (harbour, evening) = (workspace("harbour"), at("2026-09-07T20:00:00Z"));
    let outcome = ledger.daily(&planner, Some(&harbour), evening, &should_stop).await.unwrap();
    assert!(outcome.failed > 0, "{outcome:?}");
    outcome
}

/// Number of recorded decisions of the daily pass that moved a schedule from one status to another.
async fn decisions(ledger: &Ledger, from: ScheduleStatus, to: ScheduleStatus) -> usize {
    let filter = ActionFilter { actor: Some("daily_pass".to_owned()), limit: 10_000, ..ActionFilter::default() };
    let decisions = ledger.actions(&filter, None).await.unwrap().rows;
    let is_move = |payload: &serde_json::Value| payload["from"] == from.name() && payload["to"] == to.name();
    decisions.iter().filter(|decision| is_move(&decision.decision_payload)).count()
}

on_both! {
    async fn due_posts_are_drafted_once(database: &TestDatabase) {
        let (ledger, rules) = (database.ledger().await, rules());
        load_agency(&ledger, &rules).await;
        weekly(&ledger, &rules, "2026-W37", FRIDAY).await;
        let due =
            database.number(&format!("{SCHEDULES} status = 'ready' AND scheduled_for <= '2026-09-07T20:00:00Z'")).await;
        let first = daily(&ledger, &rules, "2026-09-07T20:00:00Z").await;
        assert_eq!((first.drafted as i64, first.failed), (due, 0));
        assert!(due > 0);
        let second = daily(&ledger, &rules, "2026-09-07T20:00:00Z").await;
        assert_eq!((second.drafted, second.expired), (0, 0));
        assert_eq!(database.number("SELECT count(*) FROM drafts").await, due);
        assert_eq!(database.number(&format!("{SCHEDULES} status = 'completed'")).await, due);
        assert_eq!(database.number(&format!("{SCHEDULES} status = 'executing'")).await, 0);
        let executed = "SELECT count(*) FROM campaign_orchestration_actions WHERE action_type = 'schedule_executed'";
        assert_eq!(database.number(executed).await, due);
        let titled = "SELECT count(*) FROM drafts WHERE CAST(content AS text) LIKE '%title%'";
        assert_eq!(database.number(titled).await, due);
    }

    async fn posts_not_approved_in_time_expire(database: &TestDatabase) {
        let (ledger, rules) = (database.ledger().await, rules());
        load_agency(&ledger, &rules).await;
        weekly(&ledger, &rules, "2026-W37", FRIDAY).await;
        let late = format!("{SCHEDULES} status = 'pending' AND scheduled_for <= '2026-09-08T12:00:00Z'");
        let pending = database.number(&late).await;
        let outcome = daily(&ledger, &rules, "2026-09-08T12:00:00Z").await;
        assert!(pending > 0 && outcome.expired as i64 >= pending, "{pending} {outcome:?}");
        assert_eq!(database.number(&late).await, 0);
        let expired = format!("{SCHEDULES} status = 'cancelled' AND blocked_reason LIKE 'expired: nobody approved%'");
        assert_eq!(database.number(&expired).await, pending);
    }

    async fn posts_whose_draft_is_too_late_expire(database: &TestDatabase) {
        let (ledger, rules) = (database.ledger().await, rules());
        load_agency(&ledger, &rules).await;
        weekly(&ledger, &rules, "2026-W37", FRIDAY).await;
        let late =
            database.number(&format!("{SCHEDULES} status = 'ready' AND scheduled_for < '2026-09-09T12:00:00Z'")).await;
        daily(&ledger, &rules, "2026-09-10T12:00:00Z").await;
        let expired = format!("{SCHEDULES} status = 'cancelled' AND blocked_reason LIKE 'expired: its draft%'");
        assert_eq!(database.number(&expired).await, late);
        let late_drafts = "SELECT count(*) FROM drafts WHERE scheduled_for < '2026-09-09T12:00:00Z'";
        assert_eq!(database.number(late_drafts).await, 0);
    }

    async fn a_warning_blocks_the_days_posts_until_it_is_resolved(database: &TestDatabase) {
        let (ledger, rules) = (database.ledger().await, rules());
        let mut scenario = load_agency(&ledger, &rules).await;
        weekly(&ledger, &rules, "2026-W37", FRIDAY).await;
        let today = "scheduled_for >= '2026-09-08T00:00:00Z' AND scheduled_for < '2026-09-09T00:00:00Z' \
                     AND client_id = 'crumb-and-co'";
        let live = format!("{SCHEDULES} status IN ('ready', 'pending') AND {today}");
        let before = database.number(&live).await;
        assert!(before > 0);
        let (_, state) = scenario.clients.iter_mut().find(|(client, _)| client.id.as_str() == "crumb-and-co").unwrap();
        state.warnings.push(Warning {
            id: WarningId::new("storm"),
            kind: "collapse_risk".into(),
            severity: Severity::High,
            status: WarningStatus::Open,
            opened_at: at("2026-09-07T00:00:00Z"),
        });
        ledger.load(&scenario, &rules, at("2026-09-07T00:00:00Z")).await.unwrap();
        let outcome = daily(&ledger, &rules, "2026-09-08T01:00:00Z").await;
        assert!(outcome.blocked > 0, "{outcome:?}");
        assert_eq!(database.number(&live).await, 0);
        let by_warning = format!("{SCHEDULES} status = 'blocked' AND blocked_reason LIKE 'early_warning:%' AND {today}");
        // A post that was already blocked may now have this reason, too.
        assert!(database.number(&by_warning).await >= before);
        let (_, state) = scenario.clients.iter_mut().find(|(client, _)| client.id.as_str() == "crumb-and-co").unwrap();
        state.warnings.pop();
        ledger.load(&scenario, &rules, at("2026-09-08T02:00:00Z")).await.unwrap();
        let outcome = daily(&ledger, &rules, "2026-09-08T02:00:00Z").await;
        assert!(outcome.readied + outcome.returned > 0, "{outcome:?}");
        assert_eq!(database.number(&live).await, before);
    }

    async fn a_failed_draft_is_retried_as_the_rules_say(database: &TestDatabase) {
        let (ledger, rules) = (database.ledger().await, rules());
        let scenario = load_agency(&ledger, &rules).await;
        let first = daily_with_failing_drafts(database, &ledger, &rules).await;
        let reason = format!("{SCHEDULES} status = 'failed' AND blocked_reason LIKE 'draft failed: asset%' AND attempts = 1");
        assert_eq!(database.number(&reason).await, first.failed as i64);
        let soon = daily(&ledger, &rules, "2026-09-07T20:30:00Z").await;
        assert_eq!(soon.retried, 0, "{soon:?}");
        ledger.load(&scenario, &rules, at(FRIDAY)).await.unwrap();
        let later = daily(&ledger, &rules, "2026-09-07T21:30:00Z").await;
        assert!(later.retried > 0 && later.drafted >= later.retried && later.failed == 0, "{later:?}");
        let retried = database.number(&format!("{SCHEDULES} status = 'completed' AND attempts = 2")).await;
        assert_eq!(retried, later.retried as i64);
        assert_eq!(decisions(&ledger, ScheduleStatus::Failed, ScheduleStatus::Ready).await, later.retried);
        let planner = Planner::new(&rules, Tier::Exact, None);
        ledger.impact(&planner, &ImpactFilter::default(), 10, &|_| {}).await.unwrap();
    }

    async fn a_failed_draft_expires_when_it_is_too_late(database: &TestDatabase) {
        let (ledger, rules) = (database.ledger().await, rules());
        load_agency(&ledger, &rules).await;
        let failed = daily_with_failing_drafts(database, &ledger, &rules).await.failed;
        let outcome = daily(&ledger, &rules, "2026-09-09T12:00:00Z").await;
        assert!(outcome.expired >= failed, "{outcome:?}");
        assert_eq!(database.number(&format!("{SCHEDULES} status = 'failed'")).await, 0);
        let reason = "expired: its draft was not made in time (draft failed: asset%";
        let expired = format!("{SCHEDULES} status = 'cancelled' AND blocked_reason LIKE '{reason}'");
        assert_eq!(database.number(&expired).await, failed as i64);
        assert_eq!(decisions(&ledger, ScheduleStatus::Failed, ScheduleStatus::Cancelled).await, failed);
    }

    async fn an_unknown_time_zone_of_a_schedule_is_an_error_that_names_the_client(database: &TestDatabase) {
        let (ledger, rules) = (database.ledger().await, rules());
        load_agency(&ledger, &rules).await;
        weekly(&ledger, &rules, "2026-W37", FRIDAY).await;
        let client = "client_id = 'crumb-and-co'";
        database.run(&format!("UPDATE campaign_orchestration_schedules SET time_zone = 'Mars/Base' WHERE {client}")).await.unwrap();
        let planner = Planner::new(&rules, Tier::Exact, None);
        let now = at("2026-09-07T20:00:00Z");
        let errors = [
            ledger.daily(&planner, None, now, &|| false).await.map(drop).unwrap_err(),
            ledger.impact(&planner, &ImpactFilter::default(), 10, &|_| {}).await.map(drop).unwrap_err(),
        ];
        for error in errors {
            assert_eq!(error.to_string(), "a schedule of client `crumb-and-co` has the unknown time zone `Mars/Base`");
        }
    }

    async fn fatigue_and_counts_follow_the_formula_of_the_simulator(database: &TestDatabase) {
        let (ledger, rules) = (database.ledger().await, rules());
        let scenario = load_agency(&ledger, &rules).await;
        weekly(&ledger, &rules, "2026-W37", FRIDAY).await;
        for day in 7..=13 {
            daily(&ledger, &rules, &format!("2026-09-{day:02}T05:00:00Z")).await;
            daily(&ledger, &rules, &format!("2026-09-{day:02}T19:00:00Z")).await;
        }
        let now = at("2026-09-13T19:00:00Z");
        let current = ledger.scenario(&workspace("harbour"), "2026-W38".parse().unwrap()).await.unwrap();
        let mut drafts = 0;
        for (client, state) in &current.clients {
            let (_, before) = scenario.clients.iter().find(|(known, _)| known.id == client.id).unwrap();
            for channel in &state.channels {
                let client_rules = rules.for_client(client);
                let channel_rules = client_rules.base().channel(channel.channel);
                let start = before.channels.iter().find(|known| known.channel == channel.channel).unwrap();
                let posts = database.texts(&format!(
                    "SELECT CAST(id AS text) FROM drafts WHERE client_id = '{}' AND channel = '{}'",
                    client.id, channel.channel
                )).await;
                drafts += posts.len();
                let completed = ledger.schedules(&ScheduleFilter {
                    client: Some(client.id.to_string()),
                    channel: Some(channel.channel),
                    statuses: vec![ScheduleStatus::Completed],
                    ..ScheduleFilter::default()
                }).await.unwrap();
                let mut times: Vec<_> = completed.iter().map(|schedule| schedule.scheduled_for).collect();
                times.sort();
                assert_eq!(times.len(), posts.len());
                let (fatigue, as_of) = times.iter().fold((start.fatigue.get(), start.as_of), |state, post| {
                    fatigue_after_post(state, *post, &client.zone, channel_rules.half_life_hours, channel_rules.fatigue_per_post)
                });
                let expected = decayed_fatigue(fatigue, as_of, now, channel_rules.half_life_hours);
                let actual = decayed_fatigue(channel.fatigue.get(), channel.as_of, now, channel_rules.half_life_hours);
                assert!((actual - expected).abs() < 1e-4, "{} {}: {actual} {expected}", client.id, channel.channel);
                let since = |days: i64| now.plus_days(-days);
                let loaded = start.recent_posts.iter().filter(|at| **at < start.as_of);
                let past: Vec<_> = loaded.chain(&times).filter(|at| **at < now).collect();
                let count = |days| past.iter().filter(|at| ***at >= since(days)).count() as u32;
                assert_eq!((channel.posts_last_7_days, channel.posts_last_30_days), (count(7), count(30)), "{} {}", client.id, channel.channel);
            }
        }
        assert!(drafts > 50, "{drafts}");
    }

    async fn after_a_pass_the_status_decays_fatigue_by_the_rules_of_the_pass(database: &TestDatabase) {
        let (ledger, rules) = (database.ledger().await, rules());
        load_agency(&ledger, &rules).await;
        let mut files = default_pack();
        let channels = files.get_mut("channels.toml").unwrap();
        let with_short_half_life = |line: &str| match line.starts_with("half_life_hours = ") {
            true => "half_life_hours = 6".to_owned(),
            false => line.to_owned(),
        };
        *channels = channels.lines().map(with_short_half_life).collect::<Vec<_>>().join("\n");
        let changed = compiled(files);
        daily(&ledger, &changed, "2026-09-07T20:00:00Z").await;
        let fatigue = &changed.base().fatigue;
        // The fatigue of a draft counts from the end of its hour, so not yet at the time of the pass.
        let (_, then) = ledger.status(fatigue, at("2026-09-08T00:00:00Z")).await.unwrap();
        let (_, later) = ledger.status(fatigue, at("2026-09-08T06:00:00Z")).await.unwrap();
        assert!(then.iter().any(|channel| channel.fatigue > 1e-3), "{then:?}");
        for (then, later) in then.iter().zip(&later) {
            assert!((later.fatigue - then.fatigue / 2.0).abs() < 1e-6, "{}: {} {}", then.channel, then.fatigue, later.fatigue);
        }
    }

    async fn setting_the_clock_back_loses_and_repeats_nothing(database: &TestDatabase) {
        let (ledger, rules) = (database.ledger().await, rules());
        load_agency(&ledger, &rules).await;
        weekly(&ledger, &rules, "2026-W37", FRIDAY).await;
        daily(&ledger, &rules, "2026-09-08T20:00:00Z").await;
        let drafts = database.number("SELECT count(*) FROM drafts").await;
        let state = "SELECT client_id || channel || CAST(fatigue_score AS text) || CAST(fatigue_as_of AS text) FROM channel_state ORDER BY 1";
        let before = database.texts(state).await;
        let set_back = daily(&ledger, &rules, "2026-09-07T09:00:00Z").await;
        assert_eq!((set_back.drafted, set_back.expired, set_back.failed), (0, 0, 0), "{set_back:?}");
        assert_eq!(database.number("SELECT count(*) FROM drafts").await, drafts);
        assert_eq!(database.texts(state).await, before);
        let next_day = daily(&ledger, &rules, "2026-09-09T08:00:00Z").await;
        assert!(next_day.drafted > 0, "{next_day:?}");
    }
}
