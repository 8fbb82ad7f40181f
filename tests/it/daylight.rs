//! Weeks with clock changes of an hour or half an hour, in northern and southern zones.
//!
//! The expected instants were derived by hand from the zones' published rules.

use chrono::{TimeDelta, Timelike as _};
use mcoe::model::{Channel, Plan, Scenario, ScheduleStatus, Spacing, Tier, Timestamp, Week, WeekHours, Zone};
use mcoe::planner::check::check_plan;
use mcoe::planner::{Planner, WhyNot, plan_week, why_not};
use mcoe::rules::{CompiledRules, PackFiles};

use crate::support::{Agency, at, compiled, pack_with_keys, plan};

/// Zone, week, and the week's number of hours.
const WEEKS: [(&str, &str, usize); 12] = [
    ("Europe/London", "2026-W13", 167),
    ("Europe/London", "2026-W14", 168),
    ("Europe/London", "2026-W43", 169),
    ("America/New_York", "2026-W10", 167),
    ("America/New_York", "2026-W44", 169),
    ("Australia/Sydney", "2026-W14", 169),
    ("Australia/Sydney", "2026-W15", 168),
    ("Australia/Sydney", "2026-W40", 167),
    // The clocks change by half an hour: no post is placed in the half hour at the week's end.
    ("Australia/Lord_Howe", "2026-W14", 168),
    ("Australia/Lord_Howe", "2026-W40", 167),
    ("Asia/Kolkata", "2026-W14", 168),
    ("UTC", "2026-W13", 168),
];

#[test]
fn a_week_has_as_many_hours_as_elapse_in_it() {
    for (zone, week, hours) in WEEKS {
        let week: Week = week.parse().unwrap();
        let week_hours = WeekHours::new(week, &zone.parse::<Zone>().unwrap()).unwrap();
        assert_eq!(week_hours.len(), hours, "{week} in {zone}");
    }
}

/// The default pack with one fb post a day, at nine.
fn daily_at_nine() -> PackFiles {
    pack_with_keys(&[
        ("channels.toml", "fb.weekly_posts", "7"),
        ("channels.toml", "fb.min_spacing_hours", "12"),
        ("channels.toml", "fb.best_hours", "{ weekday = [9], weekend = [9] }"),
        ("channels.toml", "fb.hour_lift", "10.0"),
    ])
}

fn fb_plan(pack: PackFiles, zone: &str, week: &str) -> Plan {
    let scenario = Agency::starting(week).with_client("acme", zone, &[Channel::Fb]).scenario();
    plan(&compiled(pack), &scenario)
}

fn instants(plan: &Plan) -> Vec<Timestamp> {
    plan.posts().map(|(_, post)| post.at).collect()
}

/// Zone, week, and the seven instants of nine o'clock there. After Lord Howe's clock change it is half past nine,
/// because the hours of that day then begin at half past.
const NINE_O_CLOCK: [(&str, &str, [&str; 7]); 9] = [
    (
        "Europe/London",
        "2026-W13",
        ["03-23T09:00", "03-24T09:00", "03-25T09:00", "03-26T09:00", "03-27T09:00", "03-28T09:00", "03-29T08:00"],
    ),
    (
        "Europe/London",
        "2026-W43",
        ["10-19T08:00", "10-20T08:00", "10-21T08:00", "10-22T08:00", "10-23T08:00", "10-24T08:00", "10-25T09:00"],
    ),
    (
        "Europe/London",
        "2026-W44",
        ["10-26T09:00", "10-27T09:00", "10-28T09:00", "10-29T09:00", "10-30T09:00", "10-31T09:00", "11-01T09:00"],
    ),
    (
        "America/New_York",
        "2026-W10",
        ["03-02T14:00", "03-03T14:00", "03-04T14:00", "03-05T14:00", "03-06T14:00", "03-07T14:00", "03-08T13:00"],
    ),
    (
        "America/New_York",
        "2026-W44",
        ["10-26T13:00", "10-27T13:00", "10-28T13:00", "10-29T13:00", "10-30T13:00", "10-31T13:00", "11-01T14:00"],
    ),
    (
        "Australia/Sydney",
        "2026-W14",
        ["03-29T22:00", "03-30T22:00", "03-31T22:00", "04-01T22:00", "04-02T22:00", "04-03T22:00", "04-04T23:00"],
    ),
    (
        "Australia/Sydney",
        "2026-W40",
        ["09-27T23:00", "09-28T23:00", "09-29T23:00", "09-30T23:00", "10-01T23:00", "10-02T23:00", "10-03T22:00"],
    ),
    (
        "Australia/Lord_Howe",
        "2026-W14",
        ["03-29T22:00", "03-30T22:00", "03-31T22:00", "04-01T22:00", "04-02T22:00", "04-03T22:00", "04-04T23:00"],
    ),
    (
        "Australia/Lord_Howe",
        "2026-W40",
        ["09-27T22:30", "09-28T22:30", "09-29T22:30", "09-30T22:30", "10-01T22:30", "10-02T22:30", "10-03T22:30"],
    ),
];

#[test]
fn a_post_keeps_its_local_time_across_a_clock_change() {
    for (zone, week, expected) in NINE_O_CLOCK {
        let plan = fb_plan(daily_at_nine(), zone, week);
        let expected: Vec<Timestamp> = expected.iter().map(|time| at(&format!("2026-{time}:00Z"))).collect();
        assert_eq!(instants(&plan), expected, "{week} in {zone}");
        for (client, post) in plan.posts() {
            let local = client.zone.local(post.at);
            assert_eq!(local.hour(), 9, "{local}");
        }
    }
}

/// The default pack in which fb may post at any hour, with these best hours and this spacing.
fn around_the_clock(best: &str, posts: u32, spacing: u32) -> PackFiles {
    pack_with_keys(&[
        ("channels.toml", "fb.weekly_posts", &posts.to_string()),
        ("channels.toml", "fb.min_spacing_hours", &spacing.to_string()),
        ("channels.toml", "fb.best_hours", &format!("{{ weekday = {best}, weekend = {best} }}")),
        ("channels.toml", "fb.hour_lift", "10.0"),
        ("channels.toml", "fb.quiet_hours", "{ from = \"23:00\", to = \"06:00\", enabled = false }"),
    ])
}

/// Local dates and times of a plan, to the minute.
fn local_times(plan: &Plan) -> Vec<String> {
    plan.posts().map(|(client, post)| client.zone.local(post.at).format("%m-%d %H:%M").to_string()).collect()
}

#[test]
fn no_post_is_placed_in_a_skipped_hour() {
    // Zone, week, the best hour, the week's last day, which lacks that hour, and the instant that it would have had.
    for (zone, week, best, last_day, skipped) in [
        ("Europe/London", "2026-W13", "[1]", "03-29", "2026-03-29T01:00:00Z"),
        ("America/New_York", "2026-W10", "[2]", "03-08", "2026-03-08T07:00:00Z"),
        ("Australia/Sydney", "2026-W40", "[2]", "10-04", "2026-10-03T16:00:00Z"),
    ] {
        let plan = fb_plan(around_the_clock(best, 6, 12), zone, week);
        let times = local_times(&plan);
        assert_eq!(times.len(), 6, "{times:?}");
        assert!(times.iter().all(|time| !time.starts_with(last_day)), "{week} in {zone}: {times:?}");
        assert!(!instants(&plan).contains(&at(skipped)), "{week} in {zone}");
        let hour = best.trim_matches(['[', ']']);
        assert!(times.iter().all(|time| time.ends_with(&format!("0{hour}:00"))), "{times:?}");
    }
}

#[test]
fn a_repeated_hour_can_have_two_posts() {
    for (zone, week, best, both) in [
        ("Europe/London", "2026-W43", "[1]", ["2026-10-25T00:00:00Z", "2026-10-25T01:00:00Z"]),
        ("America/New_York", "2026-W44", "[1]", ["2026-11-01T05:00:00Z", "2026-11-01T06:00:00Z"]),
        ("Australia/Sydney", "2026-W14", "[2]", ["2026-04-04T15:00:00Z", "2026-04-04T16:00:00Z"]),
    ] {
        let plan = fb_plan(around_the_clock(best, 8, 1), zone, week);
        let posts_at = instants(&plan);
        assert_eq!(posts_at.len(), 8, "{:?}", local_times(&plan));
        for instant in both {
            assert!(posts_at.contains(&at(instant)), "{instant} is not in {posts_at:?}");
        }
        let mut distinct = posts_at.clone();
        distinct.dedup();
        assert_eq!(distinct, posts_at);
        let times = local_times(&plan);
        assert_eq!(times[6], times[7], "the same local time twice");
        let ids: Vec<_> = plan.posts().map(|(client, post)| plan.post_id(&client.client_id, post)).collect();
        assert_ne!(ids[6], ids[7]);
    }
}

#[test]
fn a_spacing_that_is_not_a_whole_number_of_days_counts_elapsed_hours() {
    // On the day London's clocks go forward, 00:00 and 04:00 are three hours apart, which is too close.
    let spring = local_times(&fb_plan(around_the_clock("[0, 4]", 14, 4), "Europe/London", "2026-W13"));
    assert!(spring.contains(&"03-28 00:00".to_owned()) && spring.contains(&"03-28 04:00".to_owned()), "{spring:?}");
    assert!(!(spring.contains(&"03-29 00:00".to_owned()) && spring.contains(&"03-29 04:00".to_owned())), "{spring:?}");
    // On the day they go back, 00:00 and 03:00 are four hours apart, which is far enough.
    let autumn = local_times(&fb_plan(around_the_clock("[0, 3]", 14, 4), "Europe/London", "2026-W43"));
    assert!(autumn.contains(&"10-25 00:00".to_owned()) && autumn.contains(&"10-25 03:00".to_owned()), "{autumn:?}");
    assert!(!(autumn.contains(&"10-24 00:00".to_owned()) && autumn.contains(&"10-24 03:00".to_owned())), "{autumn:?}");
}

#[test]
fn posts_of_a_channel_keep_their_spacing_across_every_clock_change() {
    for (zone, week, _) in WEEKS {
        let channels = [Channel::Fb, Channel::Linkedin, Channel::Youtube, Channel::Email, Channel::Tiktok];
        let scenario = Agency::starting(week).with_client("acme", zone, &channels).scenario();
        let rules = compiled(crate::support::default_pack());
        let plan = plan(&rules, &scenario);
        for channel in channels {
            let spacing = Spacing::from_hours(rules.base().channel(channel).min_spacing_hours);
            let posts = plan.clients[0].posts.iter().filter(|post| post.channel == channel);
            let instants: Vec<Timestamp> = posts.map(|post| post.at).collect();
            for pair in instants.windows(2) {
                let zone = zone.parse().unwrap();
                assert!(spacing.is_far_enough(pair[0], pair[1], &zone), "{channel}, {week} in {zone}");
            }
        }
        for (client, post) in plan.posts() {
            let local = client.zone.local(post.at);
            let minutes = local.hour() * 60 + local.minute();
            assert!((360..1380).contains(&minutes), "{local} is in quiet hours");
        }
    }
}

#[test]
fn spread_minutes_keep_the_spacing_across_the_end_of_a_week() {
    let files = pack_with_keys(&[("calendar.toml", "minute", "{ mode = \"spread\" }")]);
    let rules = compiled(files);
    let first = Agency::starting("2026-W43").with_client("acme", "Europe/London", &[Channel::Tiktok]).scenario();
    let posts = instants(&plan(&rules, &first));
    let last = *posts.last().unwrap();
    let second = Agency::starting("2026-W44")
        .with_client("acme", "Europe/London", &[Channel::Tiktok])
        .edit_last(|_, state| {
            state.channels[0].last_post_at = Some(last);
            state.channels[0].recent_posts.clone_from(&posts);
        })
        .scenario();
    let next = instants(&plan(&rules, &second));
    let minute = |instant: &Timestamp| instant.as_second().rem_euclid(3600) / 60;
    assert!(posts.iter().chain(&next).all(|post| minute(post) == minute(&last)), "a client's channel has one minute");
    assert!(next[0].as_second() - last.as_second() >= 4 * 3600);
}

/// The default pack with an fb post every day at nine and a spacing of one day.
fn a_day_apart() -> PackFiles {
    pack_with_keys(&[
        ("channels.toml", "fb.weekly_posts", "7"),
        ("channels.toml", "fb.min_spacing_hours", "24"),
        ("channels.toml", "fb.best_hours", "{ weekday = [9], weekend = [9] }"),
        ("channels.toml", "fb.hour_lift", "1.5"),
    ])
}

fn fb_scenario(zone: &str, week: &str) -> Scenario {
    Agency::starting(week).with_client("acme", zone, &[Channel::Fb]).scenario()
}

#[track_caller]
fn assert_passes(plan: &Plan, scenario: &Scenario, rules: &CompiledRules) {
    let breaches: Vec<String> = check_plan(plan, scenario, rules).iter().map(ToString::to_string).collect();
    assert_eq!(breaches, Vec::<String>::new());
    assert!(plan.posts().all(|(_, post)| post.status != ScheduleStatus::Blocked), "a guardrail blocks a post");
}

/// Six weekly plans, each with the posts of earlier weeks as history, and their scenarios.
fn six_weeks(tier: Tier, rules: &CompiledRules, zone: &str, first: &str) -> Vec<(Plan, Scenario)> {
    let mut scenario = fb_scenario(zone, first);
    let planner = Planner::new(rules, tier, None);
    let weeks = (0..6).map(|week| {
        let plan = plan_week(&planner, &scenario, scenario.start.plus(week)).unwrap();
        let planned_from = scenario.clone();
        let channel = &mut scenario.clients[0].1.channels[0];
        channel.recent_posts.extend(instants(&plan));
        channel.last_post_at = channel.recent_posts.last().copied();
        (plan, planned_from)
    });
    weeks.collect()
}

/// Zones, and the first of six weeks with a clock change among them.
const SEASONS: [(&str, &str); 4] = [
    ("Europe/London", "2026-W10"),
    ("Europe/London", "2026-W40"),
    ("America/New_York", "2026-W08"),
    ("America/New_York", "2026-W41"),
];

#[test]
fn a_daily_post_stays_at_nine_for_six_weeks_across_a_clock_change() {
    let rules = compiled(a_day_apart());
    for (tier, (zone, first)) in [Tier::Exact, Tier::Fast].into_iter().flat_map(|tier| SEASONS.map(|s| (tier, s))) {
        for (plan, scenario) in six_weeks(tier, &rules, zone, first) {
            let times = local_times(&plan);
            assert_eq!(times.len(), 7, "{zone}, {}: {times:?}", plan.week);
            assert!(times.iter().all(|time| time.ends_with(" 09:00")), "{zone}, {}: {times:?}", plan.week);
            let exact = plan_week(&Planner::new(&rules, Tier::Exact, None), &scenario, plan.week).unwrap();
            assert_passes(&exact, &scenario, &rules);
            assert_eq!(local_times(&exact), times, "{zone}, {}", plan.week);
        }
    }
}

/// The rules that a week's plan violates after its last post is moved by some hours.
fn broken_by_moving_sunday(week: &str, hours: i64) -> Vec<&'static str> {
    let rules = compiled(a_day_apart());
    let scenario = fb_scenario("Europe/London", week);
    let mut plan = plan(&rules, &scenario);
    assert_passes(&plan, &scenario, &rules);
    let sunday = plan.clients[0].posts.last_mut().unwrap();
    sunday.at = sunday.at.plus_hours(hours);
    sunday.hour = usize::try_from(sunday.hour as i64 + hours).unwrap();
    check_plan(&plan, &scenario, &rules).iter().map(|breach| breach.rule).collect()
}

#[test]
fn the_checker_also_counts_days_in_the_clients_zone() {
    // Sunday 08:00 is 22 hours after Saturday 09:00 in spring, and 24 in autumn, but less than a day in both.
    for week in ["2026-W13", "2026-W43"] {
        assert!(broken_by_moving_sunday(week, -1).contains(&"spacing"), "{week}");
        assert!(!broken_by_moving_sunday(week, 1).contains(&"spacing"), "{week}");
    }
}

#[test]
fn a_committed_post_on_saturday_at_nine_allows_one_on_sunday_at_nine() {
    let rules = compiled(a_day_apart());
    for (week, saturday, sunday) in [
        ("2026-W13", "2026-03-28T09:00:00Z", "2026-03-29T08:00:00Z"),
        ("2026-W43", "2026-10-24T08:00:00Z", "2026-10-25T09:00:00Z"),
    ] {
        let mut scenario = fb_scenario("Europe/London", week);
        scenario.clients[0].1.channels[0].recent_posts = vec![at(saturday)];
        let after_saturday = plan(&rules, &scenario);
        assert_passes(&after_saturday, &scenario, &rules);
        let posts = instants(&after_saturday);
        assert_eq!(posts.last(), Some(&at(sunday)), "{posts:?}");
        assert_eq!(after_saturday.clients[0].posts.last().unwrap().surroundings.hours_to_nearest_post, 24.0);
        // Likewise, a committed post on Sunday allows one on Saturday.
        scenario.clients[0].1.channels[0].recent_posts = vec![at(sunday)];
        let before_sunday = plan(&rules, &scenario);
        assert_passes(&before_sunday, &scenario, &rules);
        assert!(instants(&before_sunday).contains(&at(saturday)), "{:?}", local_times(&before_sunday));
    }
}

#[test]
fn days_since_the_last_post_are_counted_across_a_clock_change_between_weeks() {
    let mut pack = a_day_apart();
    crate::support::set_key(&mut pack, "channels.toml", "fb.min_spacing_hours", "48");
    crate::support::set_key(&mut pack, "channels.toml", "fb.weekly_posts", "4");
    let rules = compiled(pack);
    for (week, saturday, monday) in [
        ("2026-W14", "2026-03-28T09:00:00Z", "2026-03-30T08:00:00Z"),
        ("2026-W44", "2026-10-24T08:00:00Z", "2026-10-26T09:00:00Z"),
    ] {
        let mut scenario = fb_scenario("Europe/London", week);
        scenario.clients[0].1.channels[0].last_post_at = Some(at(saturday));
        let plan = plan(&rules, &scenario);
        assert_passes(&plan, &scenario, &rules);
        assert_eq!(instants(&plan).first(), Some(&at(monday)), "{:?}", local_times(&plan));
        let client = &scenario.clients[0].0;
        let hour_before = client.zone.wall_time(at(monday)) - TimeDelta::hours(1);
        let planner = Planner::new(&rules, Tier::Exact, None);
        let answer = why_not(&planner, &scenario, plan.week, &client.id, Channel::Fb, hour_before).unwrap();
        let WhyNot::Forbidden { because, .. } = answer else { panic!("{answer:?}") };
        assert_eq!(because, "the last post is less than 2 days before, counted on the client's clock");
    }
}

#[test]
fn a_week_after_a_sunday_post_is_the_same_local_time_on_the_sunday_of_a_clock_change() {
    let mut pack = a_day_apart();
    crate::support::set_key(&mut pack, "channels.toml", "fb.min_spacing_hours", "168");
    crate::support::set_key(&mut pack, "channels.toml", "fb.weekly_posts", "1");
    let rules = compiled(pack);
    for (week, last, expected) in [
        ("2026-W13", "2026-03-22T09:00:00Z", "2026-03-29T08:00:00Z"),
        ("2026-W43", "2026-10-18T08:00:00Z", "2026-10-25T09:00:00Z"),
    ] {
        let mut scenario = fb_scenario("Europe/London", week);
        scenario.clients[0].1.channels[0].last_post_at = Some(at(last));
        let plan = plan(&rules, &scenario);
        assert_passes(&plan, &scenario, &rules);
        assert_eq!(instants(&plan), [at(expected)]);
    }
}
