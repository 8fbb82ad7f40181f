//! Closed hours: posts move to open hours in the client's time zone, and none is lost.

use mcoe::model::{Channel, Plan, Scenario};
use mcoe::planner::check::check_plan;
use mcoe::rules::PackFiles;

use crate::support::{Agency, compiled, default_pack, pack_with_changes, plan};

/// The default pack with closed ranges in `calendar.toml`.
fn with_closed_hours(rows: &str) -> PackFiles {
    pack_with_changes(&[("calendar.toml", "closed = []", &format!("closed = [{rows}]"))])
}

fn shop(zone: &str, week: &str) -> Scenario {
    Agency::starting(week).with_client("shop", zone, &[Channel::Fb, Channel::Tiktok]).scenario()
}

/// The plan under a pack, which the checker must accept.
fn checked_plan(files: PackFiles, scenario: &Scenario) -> Plan {
    let rules = compiled(files);
    let plan = plan(&rules, scenario);
    let breaches: Vec<String> = check_plan(&plan, scenario, &rules).iter().map(ToString::to_string).collect();
    assert_eq!(breaches, Vec::<String>::new());
    plan
}

/// Number of a channel's hours that closed ranges removed.
fn closed_hours(plan: &Plan, channel: Channel) -> u32 {
    let allocations = plan.clients.iter().flat_map(|client| &client.allocations);
    let removed = allocations.filter(|allocation| allocation.channel == channel).flat_map(|row| &row.hours_removed);
    removed.filter(|(rule, _)| *rule == "closed_hours").map(|(_, hours)| hours).sum()
}

/// Local date and time of each post of a channel.
fn local_times(plan: &Plan, channel: Channel) -> Vec<String> {
    let posts = plan.posts().filter(|(_, post)| post.channel == channel);
    posts.map(|(client, post)| client.zone.local(post.at).format("%Y-%m-%dT%H:%M").to_string()).collect()
}

fn post_count(plan: &Plan) -> usize {
    plan.posts().count()
}

#[test]
fn posts_move_out_of_a_closed_weekend_and_none_is_lost() {
    // The clocks go back on Sunday, so the weekend has one more hour.
    let scenario = shop("Europe/London", "2026-W43");
    let unrestricted = checked_plan(default_pack(), &scenario);
    let restricted = checked_plan(with_closed_hours("{ from = \"friday 18:00\", to = \"monday 08:00\" }"), &scenario);
    let is_closed = |time: &String| time.as_str() < "2026-10-19T08:00" || time.as_str() >= "2026-10-23T18:00";
    let moved: usize = [Channel::Fb, Channel::Tiktok]
        .iter()
        .map(|channel| local_times(&unrestricted, *channel).iter().filter(|time| is_closed(time)).count())
        .sum();
    assert!(moved > 0, "nothing had to move");
    assert_eq!(post_count(&restricted), post_count(&unrestricted));
    for channel in [Channel::Fb, Channel::Tiktok] {
        assert!(!local_times(&restricted, channel).iter().any(&is_closed), "{:?}", local_times(&restricted, channel));
        assert_eq!(closed_hours(&restricted, channel), 8 + 6 + 24 + 25);
    }
}

#[test]
fn a_repeated_hour_is_closed_twice_and_a_skipped_hour_never() {
    let pack = || with_closed_hours("{ from = \"sunday 01:00\", to = \"sunday 02:00\" }");
    for (zone, week, hours) in
        [("Europe/London", "2026-W43", 2), ("Europe/London", "2026-W13", 0), ("Europe/London", "2026-W42", 1)]
    {
        assert_eq!(closed_hours(&checked_plan(pack(), &shop(zone, week)), Channel::Fb), hours, "{week}");
    }
}

#[test]
fn an_hour_is_closed_if_any_of_its_minutes_is_closed() {
    let scenario = shop("Asia/Kolkata", "2026-W43");
    for (rows, hours) in [
        ("{ from = \"monday 09:59\", to = \"monday 10:00\" }", 1),
        ("{ from = \"monday 09:59\", to = \"monday 10:01\" }", 2),
        ("{ from = \"sunday 23:30\", to = \"monday 00:30\" }", 2),
        ("{ from = 2026-10-20T09:30:00, to = 2026-10-20T11:00:00 }", 2),
        ("{ from = 2026-10-25T23:59:59, to = 2026-10-26T09:00:00 }", 1),
        ("{ from = 2026-10-26T00:00:00, to = 2026-10-27T00:00:00 }", 0),
        ("{ from = \"monday 09:00\", to = \"monday 11:00\" }, { from = \"monday 10:00\", to = \"monday 12:00\" }", 3),
    ] {
        assert_eq!(closed_hours(&checked_plan(with_closed_hours(rows), &scenario), Channel::Fb), hours, "{rows}");
    }
}

#[test]
fn closed_ranges_of_pack_overlay_calendar_and_channel_are_combined() {
    let scenario = shop("America/New_York", "2026-W52");
    let unrestricted = checked_plan(default_pack(), &scenario);
    let mut files = with_closed_hours("{ from = \"monday 00:00\", to = \"monday 12:00\" }");
    let overlay = "scope = { client = \"shop\" }\n\
                   [calendar]\nclosed = [{ from = 2026-12-24T12:00:00, to = 2026-12-27T00:00:00 }]\n\
                   [channels.tiktok]\nclosed = [{ from = \"tuesday 12:00\", to = \"tuesday 14:00\" }]\n";
    files.insert("overlays/shop.toml".to_owned(), overlay.to_owned());
    let restricted = checked_plan(files, &scenario);
    assert_eq!(closed_hours(&restricted, Channel::Fb), 12 + 60);
    assert_eq!(closed_hours(&restricted, Channel::Tiktok), 12 + 60 + 2);
    assert_eq!(post_count(&restricted), post_count(&unrestricted));
    let is_christmas = |time: &String| ("2026-12-24T12:00".."2026-12-27T00:00").contains(&time.as_str());
    let has_christmas_post = |plan: &Plan| {
        [Channel::Fb, Channel::Tiktok].iter().any(|channel| local_times(plan, *channel).iter().any(is_christmas))
    };
    assert!(has_christmas_post(&unrestricted) && !has_christmas_post(&restricted));
}
