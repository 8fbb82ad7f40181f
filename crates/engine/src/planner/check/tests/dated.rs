//! Rules that apply in some weeks only: a plan made under the rules of another week does not pass.

use super::*;
use crate::model::Post;

/// The week that is planned. Its Sunday has 25 hours in London.
const WEEK: &str = "2026-W43";

#[test]
fn a_limit_of_every_second_week_is_checked_in_its_weeks() {
    let week = week(WEEK);
    let scenario = scenario(week, vec![client("letters", "Europe/London", week, &[Channel::Email, Channel::Fb], 40)]);
    let letter = |first_week: &str| {
        let bound = "[letter]\nat_least = 1\nevery_weeks = 2\n";
        let filter = "where = { channels = [\"email\"], days = [\"sunday\"], hours = [20] }\n";
        rules_with(&[("limits.toml", "", &format!("{bound}{filter}first_week = {first_week}\n"))])
    };
    // The clocks go back on that Sunday at 02:00.
    let is_letter = |post: &Post| post.channel == Channel::Email && post.hour == 6 * 24 + 20 + 1;
    // The Sundays of the week itself, of the next, and of one that is an even number of weeks away.
    for (first_week, applies) in [("2026-10-25", true), ("2026-11-01", false), ("2025-12-07", true)] {
        let rules = letter(first_week);
        let plan = passing(&scenario, &rules, week);
        assert_eq!(plan.clients[0].posts.iter().any(is_letter), applies, "{first_week}");
        for other in ["2026-10-25", "2026-11-01"] {
            let breaches = check_plan(&plan, &scenario, &letter(other));
            let is_broken = breaches.iter().any(|breach| breach.rule == "limits");
            assert_eq!(is_broken, !applies && other == "2026-10-25", "{first_week}, checked as {other}");
        }
    }
}

#[test]
fn a_plan_made_for_another_season_is_found() {
    let week = week(WEEK);
    let scenario = scenario(week, vec![client("seasonal", "Europe/London", week, &[Channel::Fb, Channel::Tiktok], 40)]);
    let season = |posts: f64| {
        let list = format!(
            "closed = []\nseasons = [{{ from = 2026-10-19T00:00:00, to = 2026-10-26T00:00:00, posts = {posts} }}]"
        );
        rules_with(&[("calendar.toml", "closed = []", &list)])
    };
    for (posts, wanted, why) in [
        (0.5, 3, "the season lowers weekly posts from 5 to 3"),
        (1.4, 7, ""),
        (0.05, 0, "the season lowers weekly posts from 5 to 0"),
    ] {
        let plan = passing(&scenario, &season(posts), week);
        let allocation = &plan.clients[0].allocations[0];
        assert_eq!((allocation.posts_wanted, allocation.posts_planned), (wanted, wanted), "{posts}");
        assert_eq!(allocation.why_fewer, why);
        let broken: Vec<_> = check_plan(&plan, &scenario, &rules()).iter().map(|breach| breach.rule).collect();
        assert!(broken.contains(&"posts_wanted") && broken.contains(&"posts_target"), "{posts}: {broken:?}");
    }
}
