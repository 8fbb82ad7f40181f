//! What the ledger guarantees on both databases: loading, committing, reviewing, isolation of workspaces, and recorded
//! decisions.

use std::collections::BTreeSet;
use std::sync::Arc;

use mcoe::model::{
    ActionType, AssetUse, Campaign, CampaignId, Channel, ClientPlan, ClientState, Plan, Post, RiskBand, Scenario,
    ScheduleStatus, WorkspaceId,
};
use mcoe::planner::RecordedWorth;
use mcoe::scenario;
use mcoe::store::{ActionFilter, Change, Schedule, ScheduleFilter, StoreError};

use super::{FRIDAY, commit, load_agency, rules, weekly, workspace};
use crate::support::{
    Agency, TestDatabase, at, compiled, default_pack, on_both, pack_with_keys, plan, rules_with_high_risk_posts,
    shipped_scenario,
};

/// First and last use by asset and channel, sorted.
fn spans(state: &ClientState) -> Vec<(String, Channel, String)> {
    let mut uses: Vec<AssetUse> = state.asset_uses.clone();
    uses.sort_by(|a, b| (&a.asset_id, a.channel, a.at).cmp(&(&b.asset_id, b.channel, b.at)));
    let mut spans = Vec::new();
    for group in uses.chunk_by(|a, b| (&a.asset_id, a.channel) == (&b.asset_id, b.channel)) {
        let (first, last) = (&group[0], &group[group.len() - 1]);
        spans.push((first.asset_id.to_string(), first.channel, first.at.to_string()));
        spans.push((last.asset_id.to_string(), last.channel, last.at.to_string()));
    }
    spans.dedup();
    spans
}

on_both! {
    async fn a_scenario_survives_a_round_trip_through_the_ledger(database: &TestDatabase) {
        let (ledger, rules) = (database.ledger().await, rules());
        let scenario = load_agency(&ledger, &rules).await;
        for id in ["harbour", "hudson", "southern"] {
            let stored = ledger.scenario(&workspace(id), scenario.start).await.unwrap();
            let dir = tempfile::tempdir().unwrap();
            for (name, bytes) in scenario::render(&scenario::files_of(&stored)).unwrap() {
                std::fs::write(dir.path().join(name), bytes).unwrap();
            }
            let exported = scenario::read(dir.path(), &rules.base().risk.default_policy).unwrap();
            assert_eq!(exported.clients.len(), 4);
            for (exported, stored) in exported.clients.iter().zip(&stored.clients) {
                assert_eq!(exported, stored, "{}", stored.0.id);
            }
            for (client, state) in &stored.clients {
                let (loaded, before) = scenario.clients.iter().find(|(known, _)| known.id == client.id).unwrap();
                assert_eq!(client, loaded);
                assert_eq!(state.channels, before.channels, "{}", client.id);
                assert_eq!((&state.warnings, &state.reality), (&before.warnings, &before.reality));
                assert_eq!(spans(state), spans(before));
            }
            assert_eq!((stored.capacity, stored.environment), (scenario.capacity.clone(), scenario.environment.clone()));
        }
    }

    async fn two_posts_of_a_channel_at_one_instant_survive_a_round_trip(database: &TestDatabase) {
        let (ledger, rules) = (database.ledger().await, rules());
        let shop = Agency::starting("2026-W37").with_client("shop", "Europe/London", &[Channel::Fb, Channel::X]);
        let mut scenario = shop.scenario();
        let (client, state) = &mut scenario.clients[0];
        let twice = at("2026-09-03T09:00:00Z");
        let fb = state.channels.iter_mut().find(|state| state.channel == Channel::Fb).unwrap();
        (fb.recent_posts, fb.last_post_at) = (vec![twice, twice], Some(twice));
        let asset_id = client.assets[0].id.clone();
        state.asset_uses = vec![AssetUse { asset_id, channel: Channel::Fb, at: twice }];
        let posts = |scenario: &Scenario| {
            let (_, state) = &scenario.clients[0];
            state.channels.iter().find(|state| state.channel == Channel::Fb).unwrap().recent_posts.clone()
        };
        // A second load adds nothing.
        for _ in 0..2 {
            ledger.load(&scenario, &rules, at(FRIDAY)).await.unwrap();
            let stored = ledger.scenario(&workspace("of-shop"), scenario.start).await.unwrap();
            assert_eq!(posts(&stored), [twice, twice]);
            let dir = tempfile::tempdir().unwrap();
            for (name, bytes) in scenario::render(&scenario::files_of(&stored)).unwrap() {
                std::fs::write(dir.path().join(name), bytes).unwrap();
            }
            let exported = scenario::read(dir.path(), &rules.base().risk.default_policy).unwrap();
            assert_eq!(posts(&exported), [twice, twice]);
        }
    }

    async fn any_asset_campaigns_and_asset_tags_survive_a_round_trip(database: &TestDatabase) {
        let (ledger, rules) = (database.ledger().await, rules());
        let campaign = |id: &str, any_asset| Campaign {
            id: CampaignId::new(id),
            name: id.into(),
            goal: "sales".into(),
            starts_on: "2026-09-07".parse().unwrap(),
            ends_on: "2026-09-20".parse().unwrap(),
            channels: vec![Channel::Fb],
            weight: 1.4,
            any_asset,
        };
        let shop = Agency::starting("2026-W37").with_client("shop", "Europe/London", &[Channel::Fb, Channel::X]);
        let mut scenario = shop.scenario();
        for any_asset in [true, false] {
            let campaigns = vec![campaign("fair", any_asset), campaign("sale", false)];
            scenario.clients[0].0.campaigns = campaigns.clone();
            scenario.clients[0].0.assets[1].tags = vec!["spring".into(), if any_asset { "old" } else { "new" }.into()];
            let tags = |scenario: &Scenario| -> Vec<Vec<Arc<str>>> {
                scenario.clients[0].0.assets.iter().map(|asset| asset.tags.clone()).collect()
            };
            ledger.load(&scenario, &rules, at(FRIDAY)).await.unwrap();
            let stored = ledger.scenario(&workspace("of-shop"), scenario.start).await.unwrap();
            assert_eq!((&stored.clients[0].0.campaigns, tags(&stored)), (&campaigns, tags(&scenario)));
            let dir = tempfile::tempdir().unwrap();
            for (name, bytes) in scenario::render(&scenario::files_of(&stored)).unwrap() {
                std::fs::write(dir.path().join(name), bytes).unwrap();
            }
            let exported = scenario::read(dir.path(), &rules.base().risk.default_policy).unwrap();
            assert_eq!((&exported.clients[0].0.campaigns, tags(&exported)), (&campaigns, tags(&scenario)));
        }
    }

    async fn loading_again_replaces_settings_and_keeps_the_ledgers_state(database: &TestDatabase) {
        let (ledger, rules) = (database.ledger().await, rules());
        let mut scenario = load_agency(&ledger, &rules).await;
        weekly(&ledger, &rules, "2026-W37", FRIDAY).await;
        let before = ledger.scenario(&workspace("harbour"), scenario.start).await.unwrap();
        let id = before.clients[0].0.id.clone();
        let (client, state) = scenario.clients.iter_mut().find(|(client, _)| client.id == id).unwrap();
        let retired = client.assets.remove(0);
        client.priority = 12.0;
        state.warnings.clear();
        state.channels[0].fatigue = mcoe::model::Score::ONE;
        let reported = ledger.load(&scenario, &rules, at(FRIDAY)).await.unwrap();
        assert_eq!((reported.new_clients, reported.known_clients), (0, 12));
        let after = ledger.scenario(&workspace("harbour"), scenario.start).await.unwrap();
        let (client, state) = &after.clients[0];
        assert!(client.assets.iter().all(|asset| asset.id != retired.id));
        assert_eq!((client.priority, state.warnings.len()), (12.0, 0));
        assert_eq!(state.channels, before.clients[0].1.channels);
    }

    async fn an_unreadable_database_value_is_reported_with_its_column(database: &TestDatabase) {
        let (ledger, rules) = (database.ledger().await, rules());
        let scenario = load_agency(&ledger, &rules).await;
        for (change, value, column) in [
            ("UPDATE clients SET time_zone = 'Mars/Base' WHERE workspace_id = 'harbour'", "Mars/Base", "time_zone"),
            ("UPDATE clients SET time_zone = 'UTC', tags = '{\"new\": 1}'", "{\"new\": 1}", "tags"),
        ] {
            database.run(change).await.unwrap();
            let reported = ledger.scenario(&workspace("harbour"), scenario.start).await.unwrap_err().to_string();
            assert_eq!(reported, format!("the database has the invalid value `{value}` in `{column}`"));
        }
    }

    async fn a_client_cannot_change_its_workspace(database: &TestDatabase) {
        let (ledger, rules) = (database.ledger().await, rules());
        let mut scenario = load_agency(&ledger, &rules).await;
        let id = scenario.clients[0].0.id.to_string();
        scenario.clients[0].0.workspace_id = workspace("elsewhere");
        let refused = ledger.load(&scenario, &rules, at(FRIDAY)).await.unwrap_err();
        assert!(matches!(&refused, StoreError::OtherWorkspace(ids) if *ids == [id]), "{refused}");
        assert_eq!(database.number("SELECT count(*) FROM workspaces WHERE workspace_id = 'elsewhere'").await, 0);
    }

    async fn committing_twice_changes_nothing(database: &TestDatabase) {
        let (ledger, rules) = (database.ledger().await, rules());
        let scenario = load_agency(&ledger, &rules).await;
        let plan = plan(&rules, &scenario);
        let first = commit(&ledger, &rules, &scenario, &plan, "ann").await.unwrap();
        assert!(first.is_new);
        assert_eq!(first.schedules, plan.posts().count());
        assert_eq!(first.schedules, first.ready + first.pending + first.blocked);
        let count = "SELECT count(*) FROM campaign_orchestration_";
        let counts =
            [database.number(&format!("{count}schedules")).await, database.number(&format!("{count}actions")).await];
        assert_eq!(counts, [first.schedules as i64, first.decisions as i64]);
        let second = commit(&ledger, &rules, &scenario, &plan, "bob").await.unwrap();
        assert!(!second.is_new);
        let counts_again =
            [database.number(&format!("{count}schedules")).await, database.number(&format!("{count}actions")).await];
        assert_eq!(counts_again, counts);
        assert_eq!(database.texts("SELECT DISTINCT created_by FROM campaign_orchestration_schedules").await, ["ann"]);
    }

    async fn a_schedule_holds_the_values_of_its_planned_post(database: &TestDatabase) {
        let (ledger, rules) = (database.ledger().await, rules());
        let scenario = load_agency(&ledger, &rules).await;
        let plan = plan(&rules, &scenario);
        commit(&ledger, &rules, &scenario, &plan, "ann").await.unwrap();
        let schedules = ledger.schedules(&ScheduleFilter::default()).await.unwrap();
        assert_eq!(schedules.len(), plan.posts().count());
        for (client, post) in plan.posts() {
            let id = plan.post_id(&client.client_id, post);
            let schedule = schedules.iter().find(|schedule| schedule.id == id).unwrap();
            assert_eq!((schedule.channel, schedule.scheduled_for, schedule.status), (post.channel, post.at, post.status));
            assert_eq!((schedule.risk_level, schedule.confidence), (post.risk, post.confidence));
            assert_eq!((schedule.fatigue, schedule.expected_engagement), (post.fatigue, post.expected_engagement));
            let worth = schedule.worth().unwrap();
            assert_eq!((worth.cost, worth.net_worth), (post.cost, post.net_worth));
            assert_eq!(schedule.used_asset(), post.asset.as_ref().map(|asset| asset.used().as_str()));
            assert_eq!(schedule.blocked_reason.as_deref(), post.blocked_reason().as_deref());
            assert_eq!(schedule.plan_id, plan.plan_id);
        }
        let filter = ActionFilter { action_type: Some(ActionType::PostingDecision), limit: 10_000, ..ActionFilter::default() };
        let decisions = ledger.actions(&filter, None).await.unwrap().rows;
        assert_eq!(decisions.len(), schedules.len());
        for decision in decisions {
            let schedule = schedules.iter().find(|schedule| Some(schedule.id) == decision.schedule_id).unwrap();
            assert_eq!(RecordedWorth::read(&decision.decision_payload), schedule.worth());
        }
        assert!(schedules.iter().filter_map(Schedule::worth).any(|worth| worth.cost > 0.0));
    }

    async fn a_plan_is_refused_once_its_clients_state_has_changed(database: &TestDatabase) {
        let (ledger, rules) = (database.ledger().await, rules());
        let scenario = load_agency(&ledger, &rules).await;
        let first = plan(&rules, &scenario);
        let planner = || mcoe::planner::Planner::new(&rules, mcoe::model::Tier::Exact, None);
        let second = mcoe::planner::plan_week(&planner(), &scenario, scenario.start.plus(1)).unwrap();
        commit(&ledger, &rules, &scenario, &first, "ann").await.unwrap();
        let before = database.number("SELECT count(*) FROM campaign_orchestration_schedules").await;
        let Err(StoreError::StateChanged(changes)) = commit(&ledger, &rules, &scenario, &second, "ann").await else {
            panic!("the plan was accepted");
        };
        let (client, _) = &first.posts().find(|(_, post)| post.is_live()).unwrap();
        let of_client = changes.iter().find(|line| line.contains(client.client_id.as_str())).unwrap();
        assert!(of_client.contains("new posts"), "{of_client}");
        assert_eq!(database.number("SELECT count(*) FROM campaign_orchestration_schedules").await, before);
        let decisions = mcoe::planner::decisions(&second);
        let old_plan = mcoe::store::Commit {
            plan: &second,
            decisions: &decisions,
            scenario: &scenario,
            rules: &rules,
            actor: "ann",
            now: at(FRIDAY),
            counted: mcoe::store::Counted::Live, progress: &|| {},
        };
        let rebased = ledger.rebase(old_plan, planner()).await.unwrap();
        assert_eq!(rebased.len(), 3);
        let posts = second.posts().count();
        assert_eq!(rebased.iter().map(|workspace| workspace.kept + workspace.dropped).sum::<usize>(), posts);
        let all: usize = rebased.iter().map(|workspace| workspace.committed.schedules).sum();
        let after = database.number("SELECT count(*) FROM campaign_orchestration_schedules").await;
        assert_eq!(after, before + all as i64);
        let kept: usize = rebased.iter().map(|workspace| workspace.kept).sum();
        assert_eq!(rebased.iter().map(|workspace| workspace.added).sum::<usize>() + kept, all);
        let blocked = database.number("SELECT count(*) FROM campaign_orchestration_schedules \
                                 WHERE status = 'blocked' AND scheduled_for >= '2026-09-14T12:00:00Z'").await;
        assert!(blocked > 0, "no post is blocked, so none could be planned again by mistake");
        // Rebasing again adds nothing, and the existing rows count as kept.
        for _ in 0..2 {
            let again = ledger.rebase(old_plan, planner()).await.unwrap();
            assert!(again.iter().all(|workspace| workspace.added == 0 && !workspace.committed.is_new), "{again:?}");
            assert_eq!(again.iter().map(|workspace| workspace.kept).sum::<usize>(), kept);
            assert_eq!(database.number("SELECT count(*) FROM campaign_orchestration_schedules").await, after);
        }
    }

    async fn a_rebase_after_a_small_change_of_state_moves_no_post(database: &TestDatabase) {
        let ledger = database.ledger().await;
        let without_bonus = compiled(pack_with_keys(&[("calendar.toml", "keep_bonus", "0")]));
        let scenario = load_agency(&ledger, &rules()).await;
        let old = plan(&without_bonus, &scenario);
        let change = "UPDATE channel_state SET fatigue_score = fatigue_score + 0.03 WHERE fatigue_score < 0.9";
        database.run(change).await.unwrap();
        let keys = |plan: &Plan| -> BTreeSet<String> {
            let key = |client: &ClientPlan, post: &Post| format!("{} {} {}", client.client_id, post.channel, post.at);
            plan.posts().map(|(client, post)| key(client, post)).collect()
        };
        let workspaces: BTreeSet<WorkspaceId> = old.clients.iter().map(|client| client.workspace_id.clone()).collect();
        let mut moved_without_bonus = 0;
        for workspace in workspaces {
            let changed = ledger.scenario(&workspace, scenario.start).await.unwrap();
            moved_without_bonus += keys(&plan(&without_bonus, &changed)).difference(&keys(&old)).count();
        }
        assert!(moved_without_bonus > 20, "{moved_without_bonus}");
        let (rules, decisions) = (rules(), mcoe::planner::decisions(&old));
        let old_plan = mcoe::store::Commit {
            plan: &old,
            decisions: &decisions,
            scenario: &scenario,
            rules: &rules,
            actor: "ann",
            now: at(FRIDAY),
            counted: mcoe::store::Counted::Live, progress: &|| {},
        };
        let planner = mcoe::planner::Planner::new(&rules, mcoe::model::Tier::Exact, None);
        let rebased = ledger.rebase(old_plan, planner).await.unwrap();
        let sum = |count: fn(&mcoe::store::Rebased) -> usize| rebased.iter().map(count).sum::<usize>();
        assert_eq!((sum(|rebased| rebased.dropped), sum(|rebased| rebased.kept)), (0, old.posts().count()));
        let added = sum(|rebased| rebased.added);
        assert!(added * 10 < moved_without_bonus, "{added} posts are new, {moved_without_bonus} without the bonus");
        assert!(rebased.iter().all(|rebased| rebased.keep_bonus > 0.0), "{rebased:?}");
        // Only new posts and blocked ones are decided without a bonus.
        let recorded = database.number("SELECT count(*) FROM campaign_orchestration_actions \
                                        WHERE action_type = 'time_choice' \
                                        AND CAST(decision_payload AS text) LIKE '%keep_bonus%'").await;
        let live = sum(|rebased| rebased.committed.schedules - rebased.committed.blocked) as i64;
        assert!((live - added as i64..=live).contains(&recorded), "{recorded} of {live}, {added} of them new");
    }

    async fn a_plan_is_refused_once_posts_are_past(database: &TestDatabase) {
        let (ledger, rules) = (database.ledger().await, rules());
        let scenario = load_agency(&ledger, &rules).await;
        let plan = plan(&rules, &scenario);
        let decisions = mcoe::planner::decisions(&plan);
        let commit = |now: &str| mcoe::store::Commit {
            plan: &plan,
            decisions: &decisions,
            scenario: &scenario,
            rules: &rules,
            actor: "ann",
            now: at(now),
            counted: mcoe::store::Counted::Live, progress: &|| {},
        };
        let Err(StoreError::StateChanged(changes)) = ledger.commit(commit("2026-09-09T08:00:00Z")).await else {
            panic!("posts in the past were accepted");
        };
        assert!(changes.iter().all(|line| line.contains("of its posts are in the past")), "{changes:?}");
        let refused = ledger.commit(commit("2026-09-15T08:00:00Z")).await.unwrap_err();
        assert!(matches!(refused, StoreError::WeekOver(_)), "{refused}");
        assert_eq!(database.number("SELECT count(*) FROM campaign_orchestration_schedules").await, 0);
        let planner = mcoe::planner::Planner::new(&rules, mcoe::model::Tier::Exact, None);
        ledger.rebase(commit("2026-09-09T08:00:00Z"), planner).await.unwrap();
        let past = "SELECT count(*) FROM campaign_orchestration_schedules WHERE scheduled_for < '2026-09-09T08:00:00Z'";
        assert_eq!(database.number(past).await, 0);
    }

    async fn a_plan_for_unknown_clients_is_refused(database: &TestDatabase) {
        let (ledger, rules) = (database.ledger().await, rules());
        let scenario = shipped_scenario("small", &rules);
        let refused = commit(&ledger, &rules, &scenario, &plan(&rules, &scenario), "ann").await.unwrap_err();
        assert!(matches!(&refused, StoreError::UnknownClients(ids) if ids.len() == 2), "{refused}");
    }

    async fn a_week_is_planned_once(database: &TestDatabase) {
        let (ledger, rules) = (database.ledger().await, rules());
        load_agency(&ledger, &rules).await;
        weekly(&ledger, &rules, "2026-W37", FRIDAY).await;
        let count = "SELECT count(*) FROM campaign_orchestration_schedules";
        let first = database.number(count).await;
        weekly(&ledger, &rules, "2026-W37", FRIDAY).await;
        assert_eq!(database.number(count).await, first);
        weekly(&ledger, &rules, "2026-W38", FRIDAY).await;
        assert!(database.number(count).await > first);
    }

    async fn two_live_schedules_cannot_share_an_instant(database: &TestDatabase) {
        let (ledger, rules) = (database.ledger().await, rules());
        load_agency(&ledger, &rules).await;
        weekly(&ledger, &rules, "2026-W37", FRIDAY).await;
        let columns = "created_at, updated_at, client_id, workspace_id, channel, scheduled_for, time_zone, \
                       content_preview, priority, risk_level, created_by, plan_id, rules_hash, confidence, \
                       expected_engagement, fatigue";
        let copy = |id: &str, status: &str| format!(
            "INSERT INTO campaign_orchestration_schedules (id, status, {columns}) SELECT \
             '00000000-0000-8000-8000-0000000000{id}', '{status}', {columns} \
             FROM campaign_orchestration_schedules WHERE status = 'ready' ORDER BY scheduled_for, id LIMIT 1"
        );
        let refused = database.run(&copy("01", "pending")).await.unwrap_err();
        assert!(refused.to_lowercase().contains("unique"), "{refused}");
        database.run(&copy("02", "cancelled")).await.unwrap();
    }

    async fn pending_schedules_can_be_approved_and_cancelled(database: &TestDatabase) {
        let (ledger, rules) = (database.ledger().await, rules());
        load_agency(&ledger, &rules).await;
        weekly(&ledger, &rules, "2026-W37", FRIDAY).await;
        let pending = ScheduleFilter { statuses: vec![ScheduleStatus::Pending], ..ScheduleFilter::default() };
        let listed = ledger.schedules(&pending).await.unwrap();
        let risks: Vec<RiskBand> = listed.iter().map(|schedule| schedule.risk_level).collect();
        assert!(risks.is_sorted_by(|a, b| a >= b), "{risks:?}");
        let medium = ScheduleFilter { risk: Some(RiskBand::Medium), ..pending.clone() };
        let approved = ledger.change(&medium, Change::Approve, &rules, "bob", at(FRIDAY)).await.unwrap().done;
        assert!(!approved.is_empty());
        let by_id = ScheduleFilter { ids: vec![approved[0].id], ..ScheduleFilter::default() };
        let after = ledger.schedules(&by_id).await.unwrap();
        assert_eq!((after[0].status, after[0].approved_by.as_deref()), (ScheduleStatus::Ready, Some("bob")));
        let of_schedule = ActionFilter { schedule: Some(approved[0].id), limit: 9, ..ActionFilter::default() };
        let actions = ledger.actions(&of_schedule, None).await.unwrap().rows;
        let approval = actions.iter().find(|action| action.action_type.name() == "schedule_approved").unwrap();
        assert_eq!(approval.actor, "bob");
        let cancelled = ledger.change(&by_id, Change::Cancel { reason: "sold out" }, &rules, "ann", at(FRIDAY)).await;
        assert_eq!(cancelled.unwrap().done.len(), 1);
        let after = &ledger.schedules(&by_id).await.unwrap()[0];
        assert_eq!(after.blocked_reason.as_deref(), Some("cancelled by ann: sold out"));
        let refused = ledger.change(&by_id, Change::Approve, &rules, "bob", at(FRIDAY)).await.unwrap().any().unwrap_err();
        assert!(refused.to_string().contains("is cancelled and cannot become ready"), "{refused}");
    }

    async fn the_state_says_which_committed_posts_need_a_review(database: &TestDatabase) {
        let (ledger, rules) = (database.ledger().await, rules());
        let start = load_agency(&ledger, &rules).await.start;
        weekly(&ledger, &rules, "2026-W37", FRIDAY).await;
        let pending = ScheduleFilter { statuses: vec![ScheduleStatus::Pending], ..ScheduleFilter::default() };
        let needing_review = async || {
            let stored = ledger.scenario(&workspace("harbour"), start).await.unwrap();
            let dir = tempfile::tempdir().unwrap();
            for (name, bytes) in scenario::render(&scenario::files_of(&stored)).unwrap() {
                std::fs::write(dir.path().join(name), bytes).unwrap();
            }
            let exported = scenario::read(dir.path(), &rules.base().risk.default_policy).unwrap();
            for ((_, exported), (_, stored)) in exported.clients.iter().zip(&stored.clients) {
                assert_eq!(exported.channels, stored.channels);
            }
            let channels = stored.clients.iter().flat_map(|(_, state)| &state.channels);
            channels.map(|channel| channel.posts_needing_review.len()).sum::<usize>()
        };
        let listed = ledger.schedules(&pending).await.unwrap();
        let of_harbour: Vec<_> = listed.iter().filter(|schedule| schedule.workspace_id == "harbour").collect();
        assert!(of_harbour.len() > 1);
        assert_eq!(needing_review().await, of_harbour.len());
        let one = ScheduleFilter { ids: vec![of_harbour[0].id], ..ScheduleFilter::default() };
        assert_eq!(ledger.change(&one, Change::Approve, &rules, "bob", at(FRIDAY)).await.unwrap().done.len(), 1);
        assert_eq!(needing_review().await, of_harbour.len());
        let cancel = Change::Cancel { reason: "sold out" };
        assert_eq!(ledger.change(&one, cancel, &rules, "ann", at(FRIDAY)).await.unwrap().done.len(), 1);
        assert_eq!(needing_review().await, of_harbour.len() - 1);
    }

    async fn high_risk_needs_a_second_person_if_the_rules_say_so(database: &TestDatabase) {
        let (ledger, rules) = (database.ledger().await, rules_with_high_risk_posts());
        load_agency(&ledger, &rules).await;
        weekly(&ledger, &rules, "2026-W37", FRIDAY).await;
        let high = ScheduleFilter {
            risk: Some(RiskBand::High),
            statuses: vec![ScheduleStatus::Pending],
            ..ScheduleFilter::default()
        };
        let refused = ledger.change(&high, Change::Approve, &rules, "ann", at(FRIDAY)).await.unwrap().any().unwrap_err();
        assert!(matches!(refused, StoreError::SecondPerson { .. }), "{refused}");
        let approved = "SELECT count(*) FROM campaign_orchestration_schedules WHERE approved_by IS NOT NULL";
        assert_eq!(database.number(approved).await, 0);
        let from = "second_person_for_high_risk = true";
        let mut files = default_pack();
        let risk = files.get_mut("risk.toml").unwrap();
        *risk = risk.replace(from, "second_person_for_high_risk = false");
        let one_person_suffices = compiled(files);
        let one = ScheduleFilter { limit: Some(1), ..high.clone() };
        assert_eq!(ledger.change(&one, Change::Approve, &one_person_suffices, "ann", at(FRIDAY)).await.unwrap().done.len(), 1);
        assert!(!ledger.change(&high, Change::Approve, &rules, "bob", at(FRIDAY)).await.unwrap().done.is_empty());
    }

    async fn an_overlay_may_waive_the_second_person_for_one_client(database: &TestDatabase) {
        let mut files = rules_with_high_risk_posts().pack().files.clone();
        let overlay = "scope = { client = \"crumb-and-co\" }\n[risk.review]\nsecond_person_for_high_risk = false\n";
        files.insert("overlays/crumb.toml".to_owned(), overlay.to_owned());
        let (ledger, rules) = (database.ledger().await, compiled(files));
        load_agency(&ledger, &rules).await;
        weekly(&ledger, &rules, "2026-W37", FRIDAY).await;
        let high = ScheduleFilter {
            risk: Some(RiskBand::High),
            statuses: vec![ScheduleStatus::Pending],
            ..ScheduleFilter::default()
        };
        let changed = ledger.change(&high, Change::Approve, &rules, "ann", at(FRIDAY)).await.unwrap();
        assert!(!changed.done.is_empty() && !changed.skipped.is_empty());
        assert!(changed.done.iter().all(|schedule| schedule.client_id == "crumb-and-co"));
        assert!(changed.skipped.iter().all(|skipped| skipped.schedule.client_id != "crumb-and-co"));
        assert!(changed.skipped.iter().all(|skipped| matches!(skipped.why, StoreError::SecondPerson { .. })));
    }

    async fn recorded_decisions_cannot_be_changed(database: &TestDatabase) {
        let (ledger, rules) = (database.ledger().await, rules());
        load_agency(&ledger, &rules).await;
        weekly(&ledger, &rules, "2026-W37", FRIDAY).await;
        let mut attempts = vec![
            "UPDATE campaign_orchestration_actions SET actor = 'nobody'".to_owned(),
            "DELETE FROM campaign_orchestration_actions".to_owned(),
        ];
        if database.is_postgres() {
            attempts.push("TRUNCATE decisions".to_owned());
            attempts.push("TRUNCATE decision_texts, decision_assessments CASCADE".to_owned());
            let as_app = "SET ROLE mcoe_app; SELECT set_config('mcoe.workspace_id', 'harbour', false);";
            attempts.push(format!("{as_app} UPDATE campaign_orchestration_actions SET actor = 'nobody'"));
            attempts.push(format!("{as_app} DELETE FROM campaign_orchestration_actions"));
        }
        let before = database.number("SELECT count(*) FROM campaign_orchestration_actions").await;
        for attempt in attempts {
            let refused = database.run(&attempt).await.unwrap_err();
            assert!(refused.contains("never changed") || refused.contains("permission denied"), "{attempt}: {refused}");
        }
        assert_eq!(database.number("SELECT count(*) FROM campaign_orchestration_actions").await, before);
        let by_nobody = "SELECT count(*) FROM campaign_orchestration_actions WHERE actor = 'nobody'";
        assert_eq!(database.number(by_nobody).await, 0);
    }

    async fn a_workspace_sees_nothing_of_another(database: &TestDatabase) {
        let (ledger, rules) = (database.ledger().await, rules());
        load_agency(&ledger, &rules).await;
        weekly(&ledger, &rules, "2026-W37", FRIDAY).await;
        let harbour = ledger.scoped_to(workspace("harbour"));
        assert_eq!(harbour.workspaces().await.unwrap(), [workspace("harbour")]);
        let own = harbour.schedules(&ScheduleFilter::default()).await.unwrap();
        assert!(!own.is_empty() && own.iter().all(|schedule| schedule.workspace_id == "harbour"));
        let all = ledger.schedules(&ScheduleFilter::default()).await.unwrap();
        let of_hudson = all.iter().find(|schedule| schedule.workspace_id == "hudson").unwrap();
        assert!(harbour.schedule_id(&of_hudson.id.to_string()).await.is_err());
        let by_id = ScheduleFilter { ids: vec![of_hudson.id], ..ScheduleFilter::default() };
        let refused = harbour.change(&by_id, Change::Cancel { reason: "ours now" }, &rules, "eve", at(FRIDAY)).await;
        assert!(matches!(refused, Err(StoreError::UnknownSchedule(_))), "{refused:?}");
        let actions = harbour.actions(&ActionFilter { limit: 100_000, ..ActionFilter::default() }, None).await.unwrap().rows;
        assert!(!actions.is_empty() && actions.iter().all(|action| action.workspace_id == "harbour"));
        let fatigue = &rules.base().fatigue;
        let total = harbour.status(fatigue, at(FRIDAY)).await.unwrap().0.total_schedules;
        assert_eq!(total, own.len() as i64);
    }

    async fn the_status_figures_equal_the_counts_of_schedules(database: &TestDatabase) {
        let (ledger, rules) = (database.ledger().await, rules());
        load_agency(&ledger, &rules).await;
        weekly(&ledger, &rules, "2026-W37", FRIDAY).await;
        let pending_on_x = ScheduleFilter {
            channel: Some(Channel::X),
            statuses: vec![ScheduleStatus::Pending],
            ..ScheduleFilter::default()
        };
        ledger.change(&pending_on_x, Change::Cancel { reason: "" }, &rules, "bob", at(FRIDAY)).await.unwrap();
        let planner = mcoe::planner::Planner::new(&rules, mcoe::model::Tier::Exact, None);
        ledger.daily(&planner, None, at("2026-09-08T20:00:00Z"), &|| false).await.unwrap();
        let count = async |condition: &str| {
            database.number(&format!("SELECT count(*) FROM campaign_orchestration_schedules WHERE {condition}")).await
        };
        let (overview, channels) = ledger.status(&rules.base().fatigue, at("2026-09-08T20:00:00Z")).await.unwrap();
        assert_eq!(overview.total_schedules, count("1 = 1").await);
        assert_eq!(overview.pending_schedules, count("status = 'pending'").await);
        assert_eq!(overview.ready_schedules, count("status = 'ready'").await);
        assert_eq!(overview.blocked_count, count("status = 'blocked'").await);
        assert_eq!(overview.completed_today, count("status = 'completed'").await);
        assert!(overview.completed_today > 0 && overview.conflicts_detected > 0);
        assert_eq!(channels.len(), overview.channels_active);
        for channel in channels {
            let name = channel.channel.name();
            assert_eq!(channel.pending, count(&format!("status = 'pending' AND channel = '{name}'")).await);
            assert_eq!(channel.completed, count(&format!("status = 'completed' AND channel = '{name}'")).await);
            assert!((0.0..=1.0).contains(&channel.health_score));
        }
    }
}

/// The count in a message such as `seen 7`.
fn seen_count(message: &str) -> i64 {
    let count = message.split("seen ").nth(1).unwrap_or_else(|| panic!("{message}"));
    count.split(' ').next().unwrap().parse().unwrap()
}

#[test]
fn row_level_security_hides_other_workspaces_from_the_applications_role() {
    let database = TestDatabase::postgres();
    crate::support::block_on(async {
        let (ledger, rules) = (database.ledger().await, rules());
        load_agency(&ledger, &rules).await;
        weekly(&ledger, &rules, "2026-W37", FRIDAY).await;
        let tables = [
            "workspaces",
            "clients",
            "policies",
            "assets",
            "channel_state",
            "publications",
            "plan_clients",
            "plans",
            "campaign_orchestration_schedules",
            "campaign_orchestration_actions",
            "decisions",
            "decision_texts",
            "decision_assessments",
            "schedule_tallies",
        ];
        for table in tables {
            let count = |workspace: &str| {
                format!(
                    "DO $$ DECLARE n bigint; BEGIN \
                     PERFORM set_config('mcoe.workspace_id', '{workspace}', true); \
                     SET LOCAL ROLE mcoe_app; SELECT count(*) INTO n FROM {table}; \
                     RAISE EXCEPTION 'seen %', n; END $$"
                )
            };
            let all = database.number(&format!("SELECT count(*) FROM {table}")).await;
            let own = database.run(&count("harbour")).await.unwrap_err();
            let none = database.run(&count("")).await.unwrap_err();
            assert_eq!(seen_count(&none), 0, "{table}");
            let own = seen_count(&own);
            assert!(0 < own && own < all, "{table}: {own} of {all}");
        }
        let insert_elsewhere = "SELECT set_config('mcoe.workspace_id', 'harbour', false); SET ROLE mcoe_app; \
                                INSERT INTO publications (client_id, workspace_id, channel, published_at) \
                                SELECT 'hudson-table', 'hudson', 'fb', now()";
        let refused = database.run(insert_elsewhere).await.unwrap_err();
        assert!(refused.contains("row-level security"), "{refused}");
    });
}
