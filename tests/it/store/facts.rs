//! Posts whose facts change after they are committed: on the day, the daily pass re-evaluates them under each kind of
//! change and records the reason; posts that no change affects are drafted.

use chrono::{Datelike as _, Timelike as _};
use mcoe::model::{
    CalendarEntry, Campaign, CampaignId, Channel, Client, ClientState, DayKind, Reason, Scenario, ScheduleStatus, Tier,
};
use mcoe::planner::Planner;
use mcoe::rules::CompiledRules;
use mcoe::store::{Change, DailyOutcome, Ledger, Schedule, ScheduleFilter, StoreError};

use super::{FRIDAY, load_agency, rules, weekly, workspace};
use crate::support::{
    Agency, TestDatabase, at, compiled, default_pack, on_both, pack_with_changes, pack_with_file,
    rules_with_high_risk_posts, set_key,
};

const WEEK: &str = "2026-W37";

/// A tea shop in London with two channels, which posts every day.
fn shop() -> Agency {
    Agency::starting(WEEK).with_client("shop", "Europe/London", &[Channel::Fb, Channel::Tiktok])
}

/// The shop after a change of its facts.
fn shop_but(change: impl FnOnce(&mut Client, &mut ClientState)) -> Scenario {
    shop().edit_last(change).scenario()
}

async fn load(ledger: &Ledger, rules: &CompiledRules, scenario: &Scenario, now: &str) {
    ledger.load(scenario, rules, at(now)).await.unwrap();
}

/// A ledger with the shop's week committed.
async fn with_week(database: &TestDatabase, rules: &CompiledRules) -> Ledger {
    let ledger = database.ledger().await;
    load(&ledger, rules, &shop().scenario(), FRIDAY).await;
    weekly(&ledger, rules, WEEK, FRIDAY).await;
    ledger
}

async fn daily(ledger: &Ledger, rules: &CompiledRules, now: &str) -> DailyOutcome {
    let planner = Planner::new(rules, Tier::Exact, None);
    ledger.daily(&planner, None, at(now), &|| false).await.unwrap()
}

/// Runs a pass in the morning and at night on each of these days of September.
async fn run_passes(ledger: &Ledger, rules: &CompiledRules, days: std::ops::RangeInclusive<u32>) {
    for day in days {
        daily(ledger, rules, &format!("2026-09-{day:02}T05:00:00Z")).await;
        daily(ledger, rules, &format!("2026-09-{day:02}T22:30:00Z")).await;
    }
}

/// All schedules, in order of time.
async fn all(ledger: &Ledger) -> Vec<Schedule> {
    let mut schedules = ledger.schedules(&ScheduleFilter::default()).await.unwrap();
    schedules.sort_by_key(|schedule| schedule.scheduled_for);
    schedules
}

/// Day of the month on the client's clock.
fn day(schedule: &Schedule) -> u32 {
    let zone: mcoe::model::Zone = schedule.time_zone.parse().unwrap();
    zone.local(schedule.scheduled_for).day()
}

fn with_status(schedules: &[Schedule], status: ScheduleStatus) -> Vec<&Schedule> {
    schedules.iter().filter(|schedule| schedule.status == status).collect()
}

fn codes(schedules: &[&Schedule]) -> Vec<String> {
    let mut codes: Vec<String> = schedules.iter().filter_map(|schedule| schedule.blocked_code.clone()).collect();
    codes.sort();
    codes.dedup();
    codes
}

fn assert_cooldown_is_kept(hours: f64, schedules: &[Schedule]) {
    for (index, first) in schedules.iter().enumerate().filter(|(_, first)| first.used_asset().is_some()) {
        let is_repeat = |next: &&Schedule| (next.channel, next.used_asset()) == (first.channel, first.used_asset());
        if let Some(next) = schedules[index + 1..].iter().find(is_repeat) {
            let gap = next.scheduled_for.since(first.scheduled_for).as_seconds_f64() / 3600.0;
            assert!(gap >= hours, "{first:?} {next:?}");
        }
    }
}

fn blackout(from: &str, to: &str) -> CalendarEntry {
    CalendarEntry {
        from: from.parse().unwrap(),
        to: to.parse().unwrap(),
        kind: DayKind::Blackout,
        factor: None,
        channel: None,
        name: "Stocktaking".into(),
    }
}

/// Checks that these days of September have no drafts, that their posts are blocked for this reason, and that other days
/// have drafts.
async fn assert_blocked_on(ledger: &Ledger, days: &[u32], code: &str) {
    let schedules = all(ledger).await;
    let (of_days, others): (Vec<&Schedule>, Vec<&Schedule>) =
        schedules.iter().partition(|schedule| days.contains(&day(schedule)));
    assert!(!of_days.is_empty() && others.iter().any(|schedule| schedule.status == ScheduleStatus::Completed));
    for schedule in of_days {
        assert_ne!(schedule.status, ScheduleStatus::Completed, "{schedule:?}");
        let reason = match schedule.reason() {
            Some(Reason::Expired { because: Some(because), .. }) => *because,
            reason => reason.unwrap(),
        };
        assert_eq!(reason.code(), code, "{schedule:?}");
    }
}

fn is_blocked_as(outcome: &Result<Vec<Schedule>, StoreError>, code: &str) -> bool {
    matches!(outcome, Err(StoreError::Blocked { reason, .. }) if reason.code() == code)
}

on_both! {
    async fn a_later_blackout_blocks_the_posts_of_its_days(database: &TestDatabase) {
        let rules = rules();
        let ledger = with_week(database, &rules).await;
        let closed = shop_but(|client, _| client.calendar.push(blackout("2026-09-09", "2026-09-11")));
        load(&ledger, &rules, &closed, "2026-09-07T12:00:00Z").await;
        run_passes(&ledger, &rules, 7..=9).await;
        let schedules = all(&ledger).await;
        let on_ninth = schedules.iter().find(|schedule| day(schedule) == 9).unwrap();
        assert_eq!(on_ninth.blocked_reason.as_deref(), Some("closed_day: nothing is posted on 2026-09-09: Stocktaking"));
        assert_eq!(Reason::read(on_ninth.blocked_code.as_deref().unwrap(), &on_ninth.blocked_details), Some(
            Reason::ClosedDay { date: "2026-09-09".parse().unwrap(), name: "Stocktaking".into() }
        ));
        run_passes(&ledger, &rules, 10..=13).await;
        assert_blocked_on(&ledger, &[9, 10, 11], "closed_day").await;
    }

    async fn a_blackout_of_pack_or_overlay_blocks_like_one_of_the_scenario(database: &TestDatabase) {
        let open = rules();
        let ledger = with_week(database, &open).await;
        let days = |from: u32, to: u32| {
            format!("days = [{{ from = 2026-09-{from:02}, to = 2026-09-{to:02}, kind = \"blackout\", name = \"Mourning\" }}]")
        };
        let in_pack = compiled(pack_with_changes(&[("calendar.toml", "days = []", &days(8, 9))]));
        let overlay = format!("scope = {{ client = \"shop\" }}\n[calendar]\n{}\n", days(8, 11));
        let in_overlay = compiled(pack_with_file("overlays/shop.toml", &overlay));
        run_passes(&ledger, &open, 7..=7).await;
        run_passes(&ledger, &in_pack, 8..=9).await;
        run_passes(&ledger, &in_overlay, 10..=13).await;
        assert_blocked_on(&ledger, &[8, 9, 10, 11], "closed_day").await;
    }

    async fn later_closed_hours_block_the_posts_in_them(database: &TestDatabase) {
        let open = rules();
        let ledger = with_week(database, &open).await;
        let weekend = "closed = [{ from = \"friday 18:00\", to = \"monday 08:00\" }]";
        let closed = compiled(pack_with_changes(&[("calendar.toml", "closed = []", weekend)]));
        run_passes(&ledger, &open, 7..=11).await;
        let saturday = all(&ledger).await.into_iter().find(|schedule| day(schedule) == 12).unwrap();
        let by_id = ScheduleFilter { ids: vec![saturday.id], ..ScheduleFilter::default() };
        let now = at("2026-09-11T23:00:00Z");
        ledger.change(&by_id, Change::Cancel { reason: "by mistake" }, &open, "ann", now).await.unwrap();
        let restored = ledger.change(&by_id, Change::Restore, &closed, "ann", now).await.unwrap().any();
        assert!(is_blocked_as(&restored, "closed_hours"), "{restored:?}");
        ledger.change(&by_id, Change::Restore, &open, "ann", now).await.unwrap().any().unwrap();
        run_passes(&ledger, &closed, 12..=13).await;
        assert_blocked_on(&ledger, &[12, 13], "closed_hours").await;
        let reason = ledger.schedules(&by_id).await.unwrap().remove(0).blocked_reason.unwrap();
        assert!(reason.contains("nothing is posted from friday 18:00 to monday 08:00"), "{reason}");
    }

    async fn a_campaigns_asset_is_not_used_after_its_end(database: &TestDatabase) {
        let (ledger, rules) = (database.ledger().await, rules());
        let campaign = |ends: &str| {
            let ends_on = ends.parse().unwrap();
            shop_but(move |client, _| {
                client.campaigns = vec![Campaign {
                    id: CampaignId::new("autumn"), name: "Autumn".into(), goal: "sales".into(),
                    starts_on: "2026-09-01".parse().unwrap(), ends_on, channels: Vec::new(), weight: 1.0, any_asset: false,
                }];
                client.assets.iter_mut().for_each(|asset| asset.campaign_id = Some(CampaignId::new("autumn")));
            })
        };
        load(&ledger, &rules, &campaign("2026-09-30"), FRIDAY).await;
        weekly(&ledger, &rules, WEEK, FRIDAY).await;
        load(&ledger, &rules, &campaign("2026-09-09"), FRIDAY).await;
        run_passes(&ledger, &rules, 7..=13).await;
        assert_blocked_on(&ledger, &[10, 11, 12, 13], "campaign_dates").await;
    }

    async fn a_removed_channel_is_switched_off_and_keeps_its_history(database: &TestDatabase) {
        let rules = rules();
        let ledger = with_week(database, &rules).await;
        run_passes(&ledger, &rules, 7..=8).await;
        let posts = database.number("SELECT count(*) FROM drafts WHERE channel = 'fb'").await;
        let without = shop_but(|_, state| state.channels.retain(|state| state.channel != Channel::Fb));
        let reload = async || ledger.load(&without, &rules, at("2026-09-09T01:00:00Z")).await.unwrap().channels_off;
        assert_eq!([reload().await, reload().await], [1, 0]);
        run_passes(&ledger, &rules, 9..=13).await;
        weekly(&ledger, &rules, "2026-W38", "2026-09-13T22:30:00Z").await;
        assert_eq!(database.number("SELECT count(*) FROM drafts WHERE channel = 'fb'").await, posts);
        let schedules = all(&ledger).await;
        let is_late = |schedule: &&Schedule| schedule.channel == Channel::Fb && day(schedule) > 8;
        let late: Vec<&Schedule> = schedules.iter().filter(is_late).collect();
        assert!(late.iter().all(|schedule| day(schedule) <= 13), "fb is planned again");
        assert!(!late.is_empty() && codes(&late).iter().all(|code| code == "channel_off" || code == "expired"), "{late:?}");
        let (_, channels) = ledger.status(&rules.base().fatigue, at("2026-09-13T22:30:00Z")).await.unwrap();
        assert_eq!(channels.iter().map(|status| status.channel).collect::<Vec<_>>(), [Channel::Tiktok]);
        load(&ledger, &rules, &shop().scenario(), "2026-09-14T01:00:00Z").await;
        let back = ledger.scenario(&workspace("of-shop"), "2026-W38".parse().unwrap()).await.unwrap();
        let fb = &back.clients[0].1.channels[0];
        assert!(fb.channel == Channel::Fb && fb.recent_posts.len() as i64 >= posts, "{fb:?}");
    }

    async fn a_channel_with_zero_weekly_posts_is_switched_off(database: &TestDatabase) {
        let rules = rules();
        let ledger = with_week(database, &rules).await;
        let mut files = default_pack();
        set_key(&mut files, "channels.toml", "tiktok.weekly_posts", "0");
        let without = compiled(files);
        let is_on_tiktok = |schedule: &&Schedule| schedule.channel == Channel::Tiktok;
        let id = all(&ledger).await.iter().find(is_on_tiktok).unwrap().id;
        let by_id = ScheduleFilter { ids: vec![id], ..ScheduleFilter::default() };
        ledger.change(&by_id, Change::Cancel { reason: "by mistake" }, &rules, "ann", at(FRIDAY)).await.unwrap();
        let restored = ledger.change(&by_id, Change::Restore, &without, "ann", at(FRIDAY)).await.unwrap().any();
        assert!(is_blocked_as(&restored, "channel_off"), "{restored:?}");
        ledger.change(&by_id, Change::Restore, &rules, "ann", at(FRIDAY)).await.unwrap().any().unwrap();
        let approved = ledger.change(&by_id, Change::Approve, &without, "bob", at(FRIDAY)).await.unwrap().any();
        assert!(is_blocked_as(&approved, "channel_off"), "{approved:?}");
        run_passes(&ledger, &without, 7..=13).await;
        let schedules = all(&ledger).await;
        let drafted = with_status(&schedules, ScheduleStatus::Completed);
        assert!(!drafted.is_empty() && drafted.iter().all(|schedule| schedule.channel == Channel::Fb), "{drafted:?}");
    }

    async fn a_paused_client_is_distinguished_from_a_guardrail_of_that_name(database: &TestDatabase) {
        let rules = rules();
        let ledger = with_week(database, &rules).await;
        let paused = shop_but(|client, _| client.status = mcoe::model::ClientStatus::Paused);
        load(&ledger, &rules, &paused, FRIDAY).await;
        daily(&ledger, &rules, "2026-09-08T05:00:00Z").await;
        let schedules = all(&ledger).await;
        let blocked = with_status(&schedules, ScheduleStatus::Blocked);
        assert!(!blocked.is_empty());
        assert_eq!(codes(&blocked), ["client_status"]);
        let now = "2026-09-09T05:00:00Z";
        load(&ledger, &rules, &shop().scenario(), now).await;
        let guardrail = "fn client_status(post, ctx) { block(\"not on a Wednesday\", \"wait\") }\n";
        let table = "\n[client_status]\nenabled = true\nscope = \"post\"\nconflict = \"policy\"\nwarn_raises_risk = false\n";
        let mut files = pack_with_file("ours.rhai", guardrail);
        files.get_mut("guardrails.toml").unwrap().push_str(table);
        let with_guardrail = compiled(files);
        daily(&ledger, &with_guardrail, now).await;
        let schedules = all(&ledger).await;
        let is_blocked = |schedule: &&Schedule| schedule.status == ScheduleStatus::Blocked && day(schedule) == 9;
        let blocked: Vec<&Schedule> = schedules.iter().filter(is_blocked).collect();
        assert_eq!(codes(&blocked), ["guardrail"]);
        assert_eq!(blocked[0].blocked_details["rule"], "client_status");
        // A guardrail blocks the posts, so they are released without it, and the decision can be re-evaluated.
        let impact = ledger.impact(&Planner::new(&rules, Tier::Exact, None), &mcoe::store::ImpactFilter::default(), 9, &|_| {}).await.unwrap();
        assert!(impact.count.differ.values().sum::<u64>() > 0, "{impact:?}");
        daily(&ledger, &rules, now).await;
        assert!(!all(&ledger).await.iter().any(|schedule| is_blocked(&schedule)));
    }

    async fn a_client_with_a_new_time_zone_is_evaluated_in_it(database: &TestDatabase) {
        let rules = rules();
        let ledger = with_week(database, &rules).await;
        let moved = shop_but(|client, _| client.zone = "Australia/Sydney".parse().unwrap());
        load(&ledger, &rules, &moved, FRIDAY).await;
        run_passes(&ledger, &rules, 6..=13).await;
        let sydney: mcoe::model::Zone = "Australia/Sydney".parse().unwrap();
        let schedules = all(&ledger).await;
        let hour = |schedule: &Schedule| sydney.local(schedule.scheduled_for).hour();
        let is_quiet = |schedule: &&Schedule| hour(schedule) >= 23 || hour(schedule) < 6;
        assert!(schedules.iter().any(|schedule| is_quiet(&schedule)), "no post lies in the new quiet hours");
        for schedule in &schedules {
            let drafted = schedule.status == ScheduleStatus::Completed;
            assert_eq!(drafted, !is_quiet(&schedule), "{} {:?}", sydney.local(schedule.scheduled_for), schedule.blocked_reason);
        }
    }

    async fn a_story_step_is_blocked_until_the_step_before_has_run(database: &TestDatabase) {
        let (ledger, rules) = (database.ledger().await, compiled(pack_with_changes(&[
            ("channels.toml", "weekly_posts = 5", "weekly_posts = 1"),
        ])));
        let story = Agency::starting(WEEK).with_client("shop", "Europe/London", &[Channel::Fb]).edit_last(|client, _| {
            client.assets.truncate(2);
            client.assets[1].parent_id = Some(client.assets[0].id.clone());
            client.assets[1].evolution_step = 1;
            client.assets[0].quality = mcoe::model::Score::HALF;
        }).scenario();
        load(&ledger, &rules, &story, FRIDAY).await;
        weekly(&ledger, &rules, WEEK, FRIDAY).await;
        weekly(&ledger, &rules, "2026-W38", FRIDAY).await;
        let schedules = all(&ledger).await;
        let [first, second] = schedules.as_slice() else { panic!("{schedules:?}") };
        assert_eq!((first.used_asset(), second.used_asset()), (Some("shop-00"), Some("shop-01")));
        let by_id = ScheduleFilter { ids: vec![first.id], ..ScheduleFilter::default() };
        ledger.change(&by_id, Change::Cancel { reason: "not yet" }, &rules, "ann", at(FRIDAY)).await.unwrap().any().unwrap();
        let second_day = day(second);
        run_passes(&ledger, &rules, 7..=second_day).await;
        assert_eq!(database.number("SELECT count(*) FROM drafts").await, 0);
        let blocked = &all(&ledger).await[1];
        assert_eq!(blocked.blocked_reason.as_deref(), Some("story_order: asset shop-01 is step 1 of a story whose previous step has not run"));
        assert_eq!(blocked.status, ScheduleStatus::Blocked);
        run_passes(&ledger, &rules, second_day + 1..=second_day + 2).await;
        let expired = &all(&ledger).await[1];
        assert_eq!((expired.status, expired.blocked_code.as_deref()), (ScheduleStatus::Cancelled, Some("expired")));
    }

    async fn a_post_made_by_hand_counts_for_spacing_and_fatigue(database: &TestDatabase) {
        let rules = rules();
        let ledger = with_week(database, &rules).await;
        run_passes(&ledger, &rules, 7..=8).await;
        let schedules = all(&ledger).await;
        let next = schedules.iter().find(|schedule| schedule.channel == Channel::Fb && day(schedule) > 8).unwrap();
        let by_hand = next.scheduled_for.plus_minutes(-30);
        let posted = shop_but(|_, state| state.channels[0].recent_posts.push(by_hand));
        let now = next.scheduled_for.plus_minutes(-5).to_string();
        let before = ledger.scenario(&workspace("of-shop"), WEEK.parse().unwrap()).await.unwrap();
        let reload = async || ledger.load(&posted, &rules, at(&now)).await.unwrap().posts;
        assert_eq!([reload().await, reload().await], [1, 0], "a post counts once");
        daily(&ledger, &rules, &next.scheduled_for.plus_minutes(5).to_string()).await;
        let blocked = all(&ledger).await.into_iter().find(|schedule| schedule.id == next.id).unwrap();
        assert_eq!(blocked.blocked_code.as_deref(), Some("spacing"), "{blocked:?}");
        assert!(blocked.blocked_reason.unwrap().contains(&by_hand.to_string()));
        let after = ledger.scenario(&workspace("of-shop"), WEEK.parse().unwrap()).await.unwrap();
        let fatigue = |scenario: &Scenario| scenario.clients[0].1.channels[0].fatigue.get();
        assert!(fatigue(&after) > fatigue(&before), "{} {}", fatigue(&before), fatigue(&after));
        assert_eq!(database.number("SELECT posts_last_7_days FROM channel_state WHERE channel = 'fb'").await,
            schedules.iter().filter(|schedule| schedule.channel == Channel::Fb && day(schedule) <= 8).count() as i64 + 1);
    }

    async fn the_rest_of_a_running_week_is_planned_and_a_past_week_is_not(database: &TestDatabase) {
        let (ledger, rules) = (database.ledger().await, rules());
        load(&ledger, &rules, &shop().scenario(), FRIDAY).await;
        let now = "2026-09-10T14:00:00Z";
        weekly(&ledger, &rules, WEEK, now).await;
        let schedules = all(&ledger).await;
        assert!(schedules.iter().all(|schedule| schedule.scheduled_for >= at(now)), "{schedules:?}");
        let weekly_posts = |channel: Channel| rules.base().channel(channel).weekly_posts as usize;
        for channel in [Channel::Fb, Channel::Tiktok] {
            let posts = schedules.iter().filter(|schedule| schedule.channel == channel).count();
            assert_eq!(posts, weekly_posts(channel), "{channel}");
        }
        let planner = Planner::new(&rules, Tier::Exact, None);
        let (of_shop, past_week) = (workspace("of-shop"), "2026-W36".parse().unwrap());
        let refused = ledger.weekly(&planner, &of_shop, past_week, "ann", at(now), &mcoe::store::NoObserver).await;
        assert!(matches!(refused, Err(StoreError::WeekOver(_))));
        assert_eq!(all(&ledger).await.len(), schedules.len());
    }

    async fn a_client_in_an_eastern_zone_gets_no_post_in_the_past(database: &TestDatabase) {
        let (ledger, rules) = (database.ledger().await, rules());
        let island = Agency::starting(WEEK).with_client("island", "Pacific/Kiritimati", &[Channel::Tiktok]).scenario();
        load(&ledger, &rules, &island, FRIDAY).await;
        // Sunday night in UTC is Monday afternoon there.
        let now = "2026-09-06T23:30:00Z";
        weekly(&ledger, &rules, WEEK, now).await;
        let schedules = all(&ledger).await;
        assert!(!schedules.is_empty() && schedules.iter().all(|schedule| schedule.scheduled_for >= at(now)), "{schedules:?}");
    }

    async fn a_post_without_content_is_blocked_and_cannot_be_approved(database: &TestDatabase) {
        let (ledger, rules) = (database.ledger().await, rules());
        let three_assets = shop_but(|client, _| {
            client.assets.truncate(3);
            client.assets[2].title = " ".into();
        });
        load(&ledger, &rules, &three_assets, FRIDAY).await;
        weekly(&ledger, &rules, WEEK, FRIDAY).await;
        let schedules = all(&ledger).await;
        let blocked = with_status(&schedules, ScheduleStatus::Blocked);
        assert_eq!(codes(&blocked), ["no_asset"]);
        assert!(schedules.iter().all(|schedule| schedule.used_asset() != Some("shop-02")), "an asset without content is used");
        // Versions that did not block such posts committed them as pending.
        let id = blocked[0].id;
        let set_pending = format!("UPDATE campaign_orchestration_schedules SET status = 'pending', blocked_reason = NULL, \
                           blocked_code = NULL WHERE id = '{id}'");
        database.run(&set_pending).await.unwrap();
        let by_id = ScheduleFilter { ids: vec![id], ..ScheduleFilter::default() };
        let refused = ledger.change(&by_id, Change::Approve, &rules, "bob", at(FRIDAY)).await.unwrap().any().unwrap_err();
        assert!(matches!(&refused, StoreError::Blocked { reason, .. } if **reason == Reason::NoAsset), "{refused}");
        assert!(refused.remedy().contains("asset"), "{}", refused.remedy());
        run_passes(&ledger, &rules, 6..=15).await;
        let drafts = database.number("SELECT count(*) FROM drafts").await;
        assert_eq!(drafts, schedules.len() as i64 - blocked.len() as i64);
        assert_eq!(with_status(&all(&ledger).await, ScheduleStatus::Blocked).len(), 0, "no past post stays blocked");
    }

    async fn a_later_asset_can_be_attached_to_a_post_without_one(database: &TestDatabase) {
        let (ledger, rules) = (database.ledger().await, rules());
        let three_assets = shop_but(|client, _| client.assets.truncate(3));
        load(&ledger, &rules, &three_assets, FRIDAY).await;
        weekly(&ledger, &rules, WEEK, FRIDAY).await;
        let before = all(&ledger).await;
        let blocked = with_status(&before, ScheduleStatus::Blocked);
        assert_eq!(codes(&blocked), ["no_asset"]);
        let planner = Planner::new(&rules, Tier::Exact, None);
        let ready = before.iter().find(|schedule| schedule.used_asset().is_some()).unwrap();
        let used = ready.used_asset().unwrap().to_owned();
        let attach = async |id, asset: &str| ledger.attach(&planner, id, asset, "ann", at(FRIDAY)).await;
        let refused = attach(ready.id, &used).await.unwrap_err();
        assert!(matches!(refused, StoreError::AssetNotReplaceable { .. }), "{refused}");
        let late = ledger.attach(&planner, blocked[0].id, &used, "ann", blocked[0].scheduled_for).await.unwrap_err();
        assert!(matches!(late, StoreError::TooLate(_)), "{late}");
        let refused = attach(blocked[0].id, "shop-99").await.unwrap_err();
        assert!(matches!(&refused, StoreError::Blocked { reason, .. } if reason.code() == "asset_gone"), "{refused}");
        load(&ledger, &rules, &shop().scenario(), FRIDAY).await;
        // A later week, in which uses of an asset count for the cooldown as well.
        weekly(&ledger, &rules, "2026-W38", FRIDAY).await;
        let before = all(&ledger).await;
        let assets = shop().scenario().clients[0].0.assets.clone();
        for schedule in &blocked {
            let mut attached = None;
            for asset in &assets {
                match attach(schedule.id, asset.id.as_str()).await {
                    Ok(schedule) => attached = Some(schedule),
                    Err(StoreError::Blocked { reason, .. }) => {
                        assert!(["asset_cooldown", "asset_uses", "empty_asset", "asset_channel"].contains(&reason.code()), "{reason}");
                        continue;
                    }
                    Err(error) => panic!("{error}"),
                }
                break;
            }
            let Some(attached) = attached else { continue };
            let (before, after) = (schedule.worth().unwrap(), attached.worth().unwrap());
            assert!(attached.status != ScheduleStatus::Blocked && after.net_worth > before.net_worth, "{attached:?}");
            let stored = all(&ledger).await;
            assert_eq!(stored.iter().find(|other| other.id == schedule.id).unwrap(), &attached);
            // The same request again, as after a lost response, and a different request.
            assert_eq!(attach(schedule.id, attached.used_asset().unwrap()).await.unwrap(), attached);
            let twice = ledger.attach(&planner, schedule.id, &used, "ann", at("2026-09-04T09:00:00Z")).await.unwrap_err();
            assert!(matches!(twice, StoreError::AssetNotReplaceable { .. }), "{twice}");
        }
        let attached = "SELECT count(*) FROM campaign_orchestration_actions WHERE actor = 'ann' \
                        AND action_type = 'select_asset' AND CAST(decision_payload AS text) LIKE '%instead_of%'";
        let attached = database.number(attached).await;
        assert!(attached > 0, "no asset was free");
        run_passes(&ledger, &rules, 6..=21).await;
        let after = all(&ledger).await;
        let drafted = with_status(&after, ScheduleStatus::Completed).len();
        assert_eq!(drafted as i64, before.len() as i64 - blocked.len() as i64 + attached);
        // Posts that had an asset kept it.
        for schedule in before.iter().filter(|schedule| schedule.used_asset().is_some()) {
            assert_eq!(after.iter().find(|other| other.id == schedule.id).unwrap().used_asset(), schedule.used_asset());
        }
        assert_cooldown_is_kept(rules.base().assets.cooldown_hours, &after);
    }

    async fn attaching_another_asset_voids_an_approval(database: &TestDatabase) {
        let (ledger, rules) = (database.ledger().await, rules_with_high_risk_posts());
        load(&ledger, &rules, &shop().scenario(), FRIDAY).await;
        weekly(&ledger, &rules, WEEK, FRIDAY).await;
        let first = all(&ledger).await.into_iter().find(|schedule| schedule.status == ScheduleStatus::Pending).unwrap();
        let by_id = ScheduleFilter { ids: vec![first.id], ..ScheduleFilter::default() };
        ledger.change(&by_id, Change::Approve, &rules, "bob", at(FRIDAY)).await.unwrap().any().unwrap();
        let removed = first.used_asset().unwrap();
        let without = shop_but(|client, _| client.assets.retain(|asset| asset.id.as_str() != removed));
        load(&ledger, &rules, &without, FRIDAY).await;
        let morning = format!("2026-09-{:02}T00:10:00Z", day(&first));
        daily(&ledger, &rules, &morning).await;
        let planner = Planner::new(&rules, Tier::Exact, None);
        let mut attached = None;
        for asset in without.clients[0].0.assets.iter().rev() {
            attached = ledger.attach(&planner, first.id, asset.id.as_str(), "cleo", at(&morning)).await.ok();
            if attached.is_some() {
                break;
            }
        }
        let attached = attached.expect("no asset was free");
        assert_eq!((attached.status, attached.approved_by), (ScheduleStatus::Pending, None));
        daily(&ledger, &rules, &morning).await;
        let reevaluated = ledger.schedules(&by_id).await.unwrap().remove(0);
        assert_eq!(reevaluated.status, ScheduleStatus::Pending, "{reevaluated:?}");
        let refused = ledger.change(&by_id, Change::Approve, &rules, "cleo", at(&morning)).await.unwrap().any().unwrap_err();
        assert!(matches!(refused, StoreError::SecondPerson { .. }), "{refused}");
        ledger.change(&by_id, Change::Approve, &rules, "bob", at(&morning)).await.unwrap().any().unwrap();
        // The plan's recorded facts no longer apply to the post, so its decision counts as one without facts.
        let impact = ledger.impact(&planner, &mcoe::store::ImpactFilter::default(), 3, &|_| {}).await.unwrap();
        assert_eq!((impact.without_facts, impact.changes.len()), (1, 0), "{impact:?}");
    }

    async fn removing_an_asset_blocks_its_post_until_it_is_back(database: &TestDatabase) {
        let rules = rules();
        let ledger = with_week(database, &rules).await;
        let first = all(&ledger).await.remove(0);
        let asset = first.used_asset().unwrap().to_owned();
        let without = shop_but(|client, _| client.assets.retain(|known| known.id.as_str() != asset));
        load(&ledger, &rules, &without, FRIDAY).await;
        daily(&ledger, &rules, "2026-09-07T05:00:00Z").await;
        let blocked = all(&ledger).await.remove(0);
        assert_eq!((blocked.status, blocked.blocked_code.as_deref()), (ScheduleStatus::Blocked, Some("asset_gone")));
        load(&ledger, &rules, &shop().scenario(), FRIDAY).await;
        daily(&ledger, &rules, "2026-09-07T05:10:00Z").await;
        let released = all(&ledger).await.remove(0);
        assert_eq!((released.status, released.blocked_reason), (first.status, None));
    }

    async fn a_cancelled_post_can_be_restored_before_its_time(database: &TestDatabase) {
        let rules = rules();
        let ledger = with_week(database, &rules).await;
        let first = all(&ledger).await.remove(0);
        let by_id = ScheduleFilter { ids: vec![first.id], ..ScheduleFilter::default() };
        ledger.change(&by_id, Change::Cancel { reason: "by mistake" }, &rules, "ann", at(FRIDAY)).await.unwrap();
        let cancelled = &ledger.schedules(&by_id).await.unwrap()[0];
        assert_eq!(cancelled.blocked_code.as_deref(), Some("cancelled"));
        ledger.change(&by_id, Change::Restore, &rules, "ann", at(FRIDAY)).await.unwrap().any().unwrap();
        let restored = &ledger.schedules(&by_id).await.unwrap()[0];
        assert_eq!((restored.status, restored.blocked_reason.as_deref()), (ScheduleStatus::Pending, None));
        let sequence = [&first, cancelled, restored].map(|schedule| schedule.calendar_sequence);
        assert!(sequence.is_sorted_by(|a, b| a < b), "{sequence:?}");
        assert_eq!(restored.calendar_uid, first.calendar_uid);
        ledger.change(&by_id, Change::Approve, &rules, "bob", at(FRIDAY)).await.unwrap().any().unwrap();
        ledger.change(&by_id, Change::Cancel { reason: "after all" }, &rules, "ann", at(FRIDAY)).await.unwrap();
        let late = ledger.change(&by_id, Change::Restore, &rules, "ann", at("2026-09-20T08:00:00Z")).await.unwrap().any();
        assert!(matches!(late, Err(StoreError::TooLate(_))), "{late:?}");
        let twice = ledger.change(&by_id, Change::Cancel { reason: "" }, &rules, "ann", at(FRIDAY)).await.unwrap().any();
        assert!(matches!(twice, Err(StoreError::InvalidTransition { .. })), "{twice:?}");
    }

    async fn a_cancelled_post_is_not_restored_too_close_to_a_live_post(database: &TestDatabase) {
        let rules = rules();
        let ledger = with_week(database, &rules).await;
        let mut files = default_pack();
        set_key(&mut files, "channels.toml", "fb.min_spacing_hours", "72");
        set_key(&mut files, "channels.toml", "fb.weekly_posts", "2");
        let wide = compiled(files);
        let first = all(&ledger).await.into_iter().find(|schedule| schedule.channel == Channel::Fb).unwrap();
        let by_id = ScheduleFilter { ids: vec![first.id], ..ScheduleFilter::default() };
        ledger.change(&by_id, Change::Cancel { reason: "by mistake" }, &rules, "ann", at(FRIDAY)).await.unwrap();
        let restored = ledger.change(&by_id, Change::Restore, &wide, "ann", at(FRIDAY)).await.unwrap().any();
        assert!(is_blocked_as(&restored, "spacing"), "{restored:?}");
        ledger.change(&by_id, Change::Restore, &rules, "ann", at(FRIDAY)).await.unwrap().any().unwrap();
        // For an approval the earlier of two conflicting posts takes precedence.
        ledger.change(&by_id, Change::Approve, &wide, "bob", at(FRIDAY)).await.unwrap().any().unwrap();
    }

    async fn overlapping_changes_change_the_rest_and_count_those_skipped(database: &TestDatabase) {
        let (ledger, rules) = (database.ledger().await, rules());
        load_agency(&ledger, &rules).await;
        weekly(&ledger, &rules, WEEK, FRIDAY).await;
        let pending = ScheduleFilter { statuses: vec![ScheduleStatus::Pending], ..ScheduleFilter::default() };
        let listed = ledger.schedules(&pending).await.unwrap();
        assert!(listed.len() > 3);
        let ids: Vec<_> = listed.iter().map(|schedule| schedule.id).collect();
        let two = ScheduleFilter { ids: ids[..2].to_vec(), ..ScheduleFilter::default() };
        ledger.change(&two, Change::Cancel { reason: "sold out" }, &rules, "ann", at(FRIDAY)).await.unwrap();
        // A person whose list is older approves all of them.
        let by_id = ScheduleFilter { ids, ..pending };
        let changed = ledger.change(&by_id, Change::Approve, &rules, "bob", at(FRIDAY)).await.unwrap();
        assert_eq!((changed.done.len(), changed.skipped.len()), (listed.len() - 2, 2));
        let is_cancelled = |why: &StoreError| matches!(why, StoreError::InvalidTransition { from: ScheduleStatus::Cancelled, .. });
        assert!(changed.skipped.iter().all(|skipped| is_cancelled(&skipped.why)));
    }

    async fn a_second_pass_at_the_same_instant_changes_nothing(database: &TestDatabase) {
        let (ledger, rules) = (database.ledger().await, rules());
        load_agency(&ledger, &rules).await;
        weekly(&ledger, &rules, WEEK, FRIDAY).await;
        for now in ["2026-09-08T09:30:00Z", "2026-09-10T23:00:00Z"] {
            daily(&ledger, &rules, now).await;
            let tables = [
                ("campaign_orchestration_schedules", "id, status, blocked_code, confidence, updated_at, calendar_sequence"),
                ("campaign_orchestration_actions", "id, created_at, status"),
                ("channel_state", "client_id, channel, fatigue_score, fatigue_as_of, posts_last_7_days, updated_at"),
                ("drafts", "id"),
            ];
            let mut before = Vec::new();
            for (table, columns) in tables {
                before.push(database.rows_as_text(table, columns).await);
            }
            let again = daily(&ledger, &rules, now).await;
            assert_eq!((again.drafted, again.blocked, again.readied, again.returned, again.expired), (0, 0, 0, 0, 0));
            for ((table, columns), before) in tables.into_iter().zip(before) {
                assert_eq!(database.rows_as_text(table, columns).await, before, "{table}");
            }
        }
    }

    async fn approve_alone_approves_high_risk_and_is_recorded(database: &TestDatabase) {
        let (ledger, rules) = (database.ledger().await, rules_with_high_risk_posts());
        load_agency(&ledger, &rules).await;
        weekly(&ledger, &rules, WEEK, FRIDAY).await;
        let high = ScheduleFilter {
            risk: Some(mcoe::model::RiskBand::High),
            statuses: vec![ScheduleStatus::Pending],
            ..ScheduleFilter::default()
        };
        let refused = ledger.change(&high, Change::Approve, &rules, "ann", at(FRIDAY)).await.unwrap().any().unwrap_err();
        assert!(refused.remedy().contains("--alone"), "{}", refused.remedy());
        let done = ledger.change(&high, Change::ApproveAlone, &rules, "ann", at(FRIDAY)).await.unwrap().any().unwrap();
        assert!(!done.is_empty());
        let recorded = "SELECT count(*) FROM campaign_orchestration_actions WHERE action_type = 'schedule_approved' \
                        AND CAST(decision_payload AS text) LIKE '%works_alone%'";
        assert_eq!(database.number(recorded).await, done.len() as i64);
    }
}
