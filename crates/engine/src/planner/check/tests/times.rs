//! The times of posts and periods in limits: committed posts off the channel's minute, clocks that shift by half an hour,
//! minutes that are spread, hours that the clock shows twice, and posts that are committed after the week.

use std::collections::BTreeSet;

use super::tampered::Case;
use super::*;
use crate::model::{Certificate, ClientPlan, LimitUse, Post};
use crate::planner::solved_weeks;

/// The week that is planned.
const WEEK: &str = "2026-W43";

/// A client in a zone on Facebook, LinkedIn and X, with a post on X committed for Tuesday 10:25.
fn shop(zone: &str) -> (Client, ClientState) {
    let channels = [Channel::Fb, Channel::Linkedin, Channel::X];
    let (client, mut state) = client("shop", zone, week(WEEK), &channels, 40);
    commit(&mut state, &client, week(WEEK), Channel::X, &[34]);
    (client, state)
}

/// The client's plan under a limit on the posts from a time of Tuesday to Thursday 12:00, with the number of planned posts
/// in these days.
fn planned_from(zone: &str, limit: &str, from: &str, minute: u8) -> (ClientPlan, usize) {
    let limit = format!("[launch]\n{limit}\nwhere = {{ from = 2026-10-20T{from}, to = 2026-10-22T12:00:00 }}\n");
    let minute = format!("at = {minute} }}");
    let rules = rules_with(&[("limits.toml", "", &limit), ("calendar.toml", "at = 0 }", &minute)]);
    let scenario = scenario(week(WEEK), vec![shop(zone)]);
    let plan = passing(&scenario, &rules, week(WEEK)).clients.remove(0);
    let zone = scenario.clients[0].0.zone;
    let times = ["2026-10-20T10:20:00", "2026-10-22T12:00:00"].map(|text| text.parse().unwrap());
    let is_within = |post: &&Post| (times[0]..times[1]).contains(&zone.wall_time(post.at));
    let count = plan.posts.iter().filter(is_within).count();
    (plan, count)
}

#[test]
fn a_committed_post_counts_by_its_own_time_and_not_by_the_minute_of_its_channel() {
    for zone in ["Europe/London", "Asia/Kolkata", "Australia/Lord_Howe"] {
        for per in ["client", "workspace"] {
            let limit = format!("at_most = 1\nper = [\"{per}\", \"week\"]");
            // Planned posts go out at :00, but the committed one lies after 10:20.
            assert_eq!(planned_from(zone, &limit, "10:20:00", 0).1, 0, "{zone}, {per}");
            // Planned posts go out at :45, but the committed one lies before 10:30.
            assert_eq!(planned_from(zone, &limit, "10:30:00", 45).1, 1, "{zone}, {per}");
        }
    }
}

#[test]
fn of_two_committed_posts_in_an_hour_one_that_counts_is_enough() {
    let limits = "[launch]\nat_most = 1\nwhere = { from = 2026-10-20T10:30:00, to = 2026-10-22T12:00:00 }\n\
                  [agency]\nat_most = 1\nper = [\"workspace\", \"week\"]\n\
                  where = { from = 2026-10-20T10:30:00, to = 2026-10-22T12:00:00 }\n";
    let (client, mut state) = shop("Asia/Kolkata");
    let on_x = state.channels.iter_mut().find(|state| state.channel == Channel::X).unwrap();
    on_x.recent_posts.push(in_week(&client, week(WEEK), 34).plus_minutes(50));
    let rules = rules_with(&[("limits.toml", "", limits)]);
    let plan = passing(&scenario(week(WEEK), vec![(client, state)]), &rules, week(WEEK));
    let hours_limited = 35..84;
    assert!(plan.clients[0].posts.iter().all(|post| !hours_limited.contains(&post.hour)), "none is left");
}

#[test]
fn hours_of_a_limit_are_those_of_the_clock_at_the_time_of_the_post() {
    // On this Sunday the hours of the week begin at half past, so that posts go out 45 minutes later, at :15.
    let week = week("2026-W14");
    let shop = client("shop", "Australia/Lord_Howe", week, &[Channel::Fb], 20);
    let zone = shop.0.zone;
    let scenario = scenario(week, vec![shop]);
    for per in ["[\"client\", \"week\"]", "[\"client\", \"day\"]"] {
        let limit = format!("[at_ten]\nat_least = 1\nper = {per}\nwhere = {{ days = [\"sunday\"], hours = [10] }}\n");
        let rules = rules_with(&[("limits.toml", "", &limit), ("calendar.toml", "at = 0 }", "at = 45 }")]);
        let plan = passing(&scenario, &rules, week);
        let times: Vec<String> = plan.posts().map(|(_, post)| zone.wall_time(post.at).to_string()).collect();
        assert!(times.contains(&"2026-04-05 10:15:00".to_owned()), "{times:?}");
    }
}

#[test]
fn a_channel_without_planned_posts_has_its_own_spread_minute() {
    let week = week(WEEK);
    let limit = "[none]\nat_most = 0\n\
                 where = { channels = [\"x\"], from = 2026-10-20T10:01:00, to = 2026-10-20T11:00:00 }\n";
    let rules = rules_with(&[
        ("limits.toml", "", limit),
        ("calendar.toml", "{ mode = \"fixed\", at = 0 }", "{ mode = \"spread\" }"),
    ]);
    let clients = ["a", "b", "c", "d"].map(|id| {
        let (mut client, state) = client(id, "Asia/Kolkata", week, &[Channel::Fb, Channel::X], 20);
        client.calendar = (0..7).map(|day| special_day(DayKind::Blackout, week, day, Some(Channel::X))).collect();
        (client, state)
    });
    let plan = passing(&scenario(week, clients.into()), &rules, week);
    assert!(plan.posts().all(|(_, post)| post.channel == Channel::Fb));
    // Whichever of the clients do not post on X at :00 have the limit.
    let limited = plan.clients.iter().filter(|client| {
        let limits = &client.certificate.as_ref().unwrap().limits;
        limits.iter().any(|limit| *limit.limit == *"none")
    });
    assert!(limited.count() > 1);
}

/// A client that must have two posts in each of the hours that begin at 01:00 on the Sunday on which the clock goes back.
fn case_with_repeated_hour() -> Case {
    let limit = "[night]\nat_least = 2\nper = [\"client\", \"hour\"]\nwhere = { days = [\"sunday\"], hours = [1] }\n";
    let rules = rules_with(&[("limits.toml", "", limit), ("channels.toml", "to = \"06:00\" }", "to = \"00:00\" }")]);
    let channels = [Channel::Fb, Channel::Ig, Channel::Tiktok, Channel::X];
    let scenario = scenario(week(WEEK), vec![client("night", "Europe/London", week(WEEK), &channels, 40)]);
    let plan = passing(&scenario, &rules, week(WEEK));
    Case { scenario, rules, plan }
}

fn certificate(plan: &mut Plan) -> &mut Certificate {
    plan.clients[0].certificate.as_mut().unwrap()
}

#[test]
fn hours_that_the_clock_shows_alike_are_different_periods() {
    let case = case_with_repeated_hour();
    let mut plan = case.plan.clone();
    let limits: Vec<&LimitUse> = certificate(&mut plan).limits.iter().filter(|used| *used.limit == *"night").collect();
    let [first, second] = limits[..] else { panic!("{limits:?}") };
    assert_eq!((first.first_hour, second.first_hour, first.from), (145, 146, second.from));
    assert!(first.price > 0.0 && second.price > 0.0, "{limits:?}");
    let broken = case.broken_by(|plan| {
        let night = certificate(plan).limits.iter_mut().filter(|used| *used.limit == *"night");
        night.for_each(|used| used.first_hour = 145);
    });
    assert!(broken.contains(&"certificate_bound"), "{broken:?}");
    let broken = case.broken_by(|plan| {
        certificate(plan).limits.iter_mut().for_each(|used| used.from = "2026-10-24T01:30:00".parse().unwrap());
    });
    assert!(broken.contains(&"certificate_limits"), "{broken:?}");
}

#[test]
fn exported_rows_have_different_ids_in_a_week_in_which_the_clock_goes_back() {
    let Case { scenario, rules, .. } = case_with_repeated_hour();
    let weeks = solved_weeks(&Planner::new(&rules, Tier::Exact, None), &scenario, week(WEEK)).unwrap();
    let ids: Vec<&str> = weeks.clients[0].limits.iter().map(|row| row.id.as_str()).collect();
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len(), "{ids:?}");
    for id in ["night from 2026-10-25T01:00:00+01:00", "night from 2026-10-25T01:00:00+00:00"] {
        assert!(ids.contains(&id), "{ids:?}");
    }
    assert!(ids.contains(&"max_actions_per_day from 2026-10-25T00:00:00"), "{ids:?}");
}

/// At most two posts, or two posts with photos, in any 48 hours.
const ROLLING: [&str; 2] = [
    "[rest]\nat_most = 2\nwithin_hours = 48\n",
    "[rest]\nat_most = 2\nwithin_hours = 48\nwhere = { kinds = [\"photo\"] }\n",
];

/// Commits two posts with photos for the hours 172 and 176, after the 169 hours of the week.
fn commit_after_week(client: &Client, state: &mut ClientState) {
    commit(state, client, week(WEEK), Channel::X, &[172, 176]);
    for (asset, hour) in client.assets.iter().zip([172, 176]) {
        let at = in_week(client, week(WEEK), hour).plus_minutes(25);
        state.asset_uses.push(AssetUse { asset_id: asset.id.clone(), channel: Channel::X, at });
    }
}

#[test]
fn posts_that_are_committed_after_the_week_count_within_hours() {
    for limit in ROLLING {
        let rules = rules_with(&[("limits.toml", "", limit)]);
        let channels = [Channel::Fb, Channel::Linkedin, Channel::X];
        let mut scenario = scenario(week(WEEK), vec![client("shop", "Europe/London", week(WEEK), &channels, 40)]);
        // Together with both committed posts, a post from hour 129 on would be the third in 48 hours.
        let late = |plan: &Plan| plan.posts().filter(|(_, post)| post.hour >= 129 && post.asset.is_some()).count();
        let before = passing(&scenario, &rules, week(WEEK));
        assert!(late(&before) > 0, "{limit}");
        let (client, state) = &mut scenario.clients[0];
        commit_after_week(client, state);
        assert_eq!(late(&passing(&scenario, &rules, week(WEEK))), 0, "{limit}");
        let breaches = check_plan(&before, &scenario, &rules);
        assert!(breaches.iter().any(|breach| breach.rule == "limits"), "{breaches:?}");
    }
}

#[test]
fn a_limit_within_hours_that_is_broken_at_a_price_costs_it_in_every_period_up_to_the_end_of_the_week() {
    let limit = "[rest]\nat_most = 1\nwithin_hours = 60\nprice = 0.001\n";
    let rules = rules_with(&[("limits.toml", "", limit)]);
    let shop = client("shop", "Europe/London", week(WEEK), &[Channel::Fb, Channel::Tiktok, Channel::X], 40);
    let plan = passing(&scenario(week(WEEK), vec![shop]), &rules, week(WEEK));
    assert!(
        plan.posts().filter(|(_, post)| post.hour >= 109).count() > 1,
        "the limit is broken at the end of the week"
    );
}
