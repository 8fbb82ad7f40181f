//! Recorded decisions: what many of them have in common is stored once, and each is read whole.

use std::collections::BTreeMap;

use mcoe::model::{ActionType, Tier};
use mcoe::planner::{self, Planner};
use mcoe::store::{Action, ActionFilter, Ledger};
use serde_json::{Value, json};

use super::{FRIDAY, commit, load_agency, rules, weekly};
use crate::support::{TestDatabase, TestFolder, at, block_on, on_both, plan};

/// Every decision that matches a filter, newest first.
async fn actions(ledger: &Ledger, filter: ActionFilter) -> Vec<Action> {
    ledger.actions(&ActionFilter { limit: 1_000_000, ..filter }, None).await.unwrap().rows
}

fn parsed(json: &str) -> Value {
    serde_json::from_str(json).unwrap()
}

/// A decision as another program records it, about the schedule whose id is the SQL expression.
fn foreign_decision(id: &str, schedule: &str) -> String {
    format!(
        "INSERT INTO campaign_orchestration_actions (id, created_at, schedule_id, client_id, workspace_id, action_type, \
         decision_payload, source_signals, risk_class, confidence_score, truth_notes, truth_compliant, disclaimers, \
         status, executed_at, execution_result, actor) SELECT '{id}', '2026-09-05T08:00:00Z', {schedule}, client_id, \
         workspace_id, 'schedule_approved', '{{\"share\":0.10}}', '{{\"ours\":[1,2.50]}}', 'high', 0.25, '[\"doubt\"]', \
         truth_compliant, '[]', 'rejected', NULL, NULL, 'robot' FROM campaign_orchestration_actions \
         WHERE action_type = 'schedule_created' ORDER BY id LIMIT 1"
    )
}

on_both! {
    async fn every_decision_of_a_plan_is_read_as_it_was_made(database: &TestDatabase) {
        let (ledger, rules) = (database.ledger().await, rules());
        let scenario = load_agency(&ledger, &rules).await;
        let plan = plan(&rules, &scenario);
        commit(&ledger, &rules, &scenario, &plan, "ann").await.unwrap();
        let made = planner::decisions(&plan);
        let recorded = actions(&ledger, ActionFilter::default()).await;
        assert_eq!(recorded.len(), made.len());
        let recorded: BTreeMap<_, _> = recorded.into_iter().map(|action| (action.id, action)).collect();
        for decision in made {
            let action = &recorded[&decision.id];
            assert_eq!(action.created_at, at(FRIDAY));
            assert_eq!((action.schedule_id, action.action_type), (decision.post_id, decision.action_type));
            assert_eq!(action.client_id, decision.client_id.as_str());
            assert_eq!(action.decision_payload, parsed(&decision.payload));
            assert_eq!(action.source_signals, parsed(&decision.source_signals));
            assert_eq!((action.risk_class, action.status), (decision.risk_class, decision.status));
            assert_eq!(action.confidence_score, decision.confidence);
            assert_eq!(json!(action.truth_notes), json!(decision.truth_notes));
            assert_eq!(action.truth_compliant, decision.truth_compliant);
            assert_eq!(json!(action.disclaimers), json!(decision.disclaimers));
            assert_eq!((action.actor.as_str(), action.executed_at), (decision.actor, None));
        }
        let signals = database.number("SELECT count(DISTINCT signals_no) FROM decisions").await;
        let decisions = database.number("SELECT count(*) FROM decisions").await;
        assert!(signals * 5 < decisions, "{signals} signals of {decisions} decisions");
    }

    async fn pages_of_decisions_add_up_to_the_whole_list(database: &TestDatabase) {
        let (ledger, rules) = (database.ledger().await, rules());
        load_agency(&ledger, &rules).await;
        weekly(&ledger, &rules, "2026-W37", FRIDAY).await;
        weekly(&ledger, &rules, "2026-W38", "2026-09-04T09:00:00Z").await;
        let planner = Planner::new(&rules, Tier::Exact, None);
        ledger.daily(&planner, None, at("2026-09-08T20:00:00Z"), &|| false).await.unwrap();
        let harbour = ledger.scoped_to(super::workspace("harbour"));
        let of_client = ActionFilter { client: Some("crumb-and-co".to_owned()), ..ActionFilter::default() };
        let of_passes = ActionFilter { actor: Some("daily_pass".to_owned()), ..ActionFilter::default() };
        for (ledger, filter) in [
            (&ledger, ActionFilter::default()),
            (&harbour, ActionFilter::default()),
            (&harbour, of_client),
            (&ledger, of_passes),
        ] {
            let all = actions(ledger, filter.clone()).await;
            assert!(all.is_sorted_by(|a, b| (a.created_at, a.id) > (b.created_at, b.id)), "{filter:?}");
            assert!(all.len() > 1 && all[0].created_at > all[all.len() - 1].created_at || filter.actor.is_some());
            let limit = all.len() as u32 / 5 + 1;
            let (mut pages, mut after) = (Vec::new(), None);
            loop {
                let page = ledger.actions(&ActionFilter { limit, ..filter.clone() }, after.as_ref()).await.unwrap();
                pages.extend(page.rows);
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
            assert_eq!(pages, all, "{filter:?}");
        }
    }

    async fn other_programs_record_decisions_through_the_view(database: &TestDatabase) {
        let (ledger, rules) = (database.ledger().await, rules());
        load_agency(&ledger, &rules).await;
        weekly(&ledger, &rules, "2026-W37", FRIDAY).await;
        let unknown = foreign_decision("00000000-0000-8000-8000-000000000001", "'00000000-0000-8000-8000-000000000002'");
        let refused = database.run(&unknown).await.unwrap_err();
        assert!(refused.contains("on record") || refused.contains("foreign key"), "{refused}");
        let known = foreign_decision("00000000-0000-8000-8000-000000000001", "schedule_id");
        database.run(&known).await.unwrap();
        assert!(database.run(&known).await.is_err(), "the same decision was recorded twice");
        let by_robot = ActionFilter { actor: Some("robot".to_owned()), ..ActionFilter::default() };
        let recorded = actions(&ledger, by_robot).await;
        assert_eq!(recorded.len(), 1);
        let action = &recorded[0];
        assert_eq!(action.action_type, ActionType::ScheduleApproved);
        assert_eq!((action.created_at, action.confidence_score), (at("2026-09-05T08:00:00Z"), 0.25));
        assert_eq!(action.decision_payload, json!({"share": 0.1}));
        assert_eq!(action.source_signals, json!({"ours": [1, 2.5]}));
        assert_eq!((action.truth_notes.as_slice(), action.disclaimers.len()), (&["doubt".to_owned()][..], 0));
        let of_schedule = ActionFilter { schedule: action.schedule_id, ..ActionFilter::default() };
        assert!(actions(&ledger, of_schedule).await.contains(action));
    }
}

#[test]
fn a_week_takes_at_most_3_kb_a_schedule_in_sqlite() {
    let database = TestDatabase::sqlite();
    let folder = TestFolder::new();
    let size = || std::fs::metadata(&database.url).unwrap().len();
    let run = |line: &str| {
        folder.mcoe(&format!("{line} --now 2026-09-04T08:00:00Z --database {}", database.url)).succeeds();
    };
    folder.mcoe("generate --clients 60 --out world --quiet").succeeds();
    run("db load world");
    let loaded = size();
    run("weekly --week 2026-W37");
    let schedules = block_on(database.number("SELECT count(*) FROM campaign_orchestration_schedules"));
    assert!(schedules > 2000, "{schedules}");
    let bytes = (size() - loaded) / u64::try_from(schedules).unwrap();
    assert!(bytes <= 3072, "{bytes} bytes a schedule");
}
