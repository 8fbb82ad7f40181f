//! The default pack's test cases: all pass, and each of many changes to the pack makes one fail.

use mcoe::rules::{CompiledRules, PackFiles};
use mcoe::workbench;

use crate::support::{compiled, default_pack, project, read_folder};

/// The default pack with its test cases.
fn pack_with_cases() -> PackFiles {
    read_folder(&project("rules"))
}

/// Names of the test cases that fail.
fn failed_cases(rules: &CompiledRules) -> Vec<String> {
    let cases = workbench::read(rules).unwrap_or_else(|mistakes| panic!("{mistakes:?}"));
    let report = workbench::run(rules, &cases);
    report.cases.into_iter().filter(|case| !case.passed()).map(|case| case.name).collect()
}

#[test]
fn the_default_pack_does_what_its_cases_say() {
    let rules = compiled(pack_with_cases());
    assert!(workbench::read(&rules).unwrap().len() > 150);
    assert_eq!(failed_cases(&rules), Vec::<String>::new());
}

#[test]
fn every_change_to_the_default_pack_fails_a_case() {
    let changes = [
        ("channels.toml", "weekly_posts = 14", "weekly_posts = 13", "tiktok_posts_fourteen_times_a_week"),
        ("channels.toml", "min_spacing_hours = 48", "min_spacing_hours = 24", "youtube_keeps_48_hours"),
        ("channels.toml", "half_life_hours = 12 ", "half_life_hours = 24 ", "reddit_fatigue_halves"),
        ("channels.toml", "response_strength = 0.11", "response_strength = 0.12", "the_fatigue_of_one_post"),
        ("channels.toml", "to = \"06:00\"", "to = \"05:00\"", "fb_posts_five_times_a_week"),
        ("fatigue.toml", "from = 0.4, factor", "from = 0.45, factor", "from_fatigue_040"),
        ("fatigue.toml", "from = 0.7, factor = 0.5", "from = 0.7, factor = 0.6", "from_fatigue_070_half"),
        ("fatigue.toml", "warn_at = 0.5", "warn_at = 0.55", "from_fatigue_050_a_post_is_warned_of"),
        ("fatigue.toml", "block_at = 0.8", "block_at = 0.85", "from_fatigue_080_a_post_is_held"),
        ("fatigue.toml", "from = 0.7, points = 20", "from = 0.7, points = 15", "from_fatigue_070_half"),
        ("fatigue.toml", "from = 0.7, hours = 48", "from = 0.7, hours = 36", "from_fatigue_070_it_waits"),
        ("assets.toml", "cooldown_hours = 168", "cooldown_hours = 120", "an_asset_rests_a_week"),
        ("assets.toml", "made_for_channel = 15", "made_for_channel = 10", "an_asset_made_for_the_channel"),
        ("guardrails.toml", "medium_warnings_at_most = 2", "medium_warnings_at_most = 3", "a_third_warning"),
        ("guardrails.toml", "max_gap = 0.3", "max_gap = 0.4", "results_further_apart"),
        ("risk.toml", "from = 80, confidence = 0.9", "from = 80, confidence = 0.85", "a_score_of_80"),
        ("risk.toml", "minus_no_history = 0.05", "minus_no_history = 0.1", "no_history_takes_005"),
        ("risk.toml", "max_actions_per_day = 10", "max_actions_per_day = 9", "ten_actions_a_day"),
        ("calendar.toml", "holiday_factor = 0.9", "holiday_factor = 1.0", "a_holiday_is_worth"),
        ("early_warning.toml", "high_from = 0.85", "high_from = 0.9", "from_085_a_warning"),
        ("guardrails.rhai", "ctx.high_warnings > 0 &&", "ctx.high_warnings > 1 &&", "an_open_warning_of_high"),
        ("guardrails.rhai", "< ctx.min_spacing_hours", "<= ctx.min_spacing_hours", "fb_posts_just_far_enough_apart"),
        ("guardrails.rhai", "!post.has_content", "!post.has_asset", "a_post_without_content"),
    ];
    for (file, old, new, case) in changes {
        let mut files = pack_with_cases();
        let text = files.get_mut(file).unwrap();
        assert!(text.contains(old), "`{old}` is not in {file}");
        *text = text.replacen(old, new, 1);
        let failed = failed_cases(&compiled(files));
        assert!(failed.iter().any(|name| name.starts_with(case)), "{file}: `{new}` fails {failed:?} and not `{case}`");
    }
}

/// The default pack with limits, and cases of whole weeks that test them.
fn pack_with_limits() -> PackFiles {
    let mut files = default_pack();
    files.extend(read_folder(&project("tests/cases/limits")));
    files
}

#[test]
fn limits_do_to_a_week_what_its_cases_say() {
    let rules = compiled(pack_with_limits());
    let cases = workbench::read(&rules).unwrap_or_else(|mistakes| panic!("{mistakes:?}"));
    assert_eq!(workbench::run(&rules, &cases).cases.into_iter().filter(|case| !case.passed()).collect::<Vec<_>>(), []);
}

#[test]
fn every_change_to_the_limits_fails_a_case() {
    let changes = [
        ("at_most = 2\n", "at_most = 3\n", "a_brand_has_two_posts_a_day"),
        ("per = [\"client\", \"day\"]", "per = [\"client\", \"channel\", \"day\"]", "a_brand_has_two_posts_a_day"),
        ("[\"saturday\", \"sunday\"]", "[\"saturday\"]", "a_brand_has_two_posts_a_day"),
        ("at_least = 2\n", "at_least = 1\n", "a_b2b_client"),
        ("tags = [\"b2b\"]", "tags = [\"b2c\"]", "a_b2b_client"),
        ("price = 0.5", "", "a_price_is_paid"),
        ("days = [\"tuesday\"] }", "days = [\"monday\"] }", "an_overlay_switches_a_limit_on"),
    ];
    for (old, new, case) in changes {
        let mut files = pack_with_limits();
        let text = files.get_mut("limits.toml").unwrap();
        assert!(text.contains(old), "`{old}` is not in limits.toml");
        *text = text.replacen(old, new, 1);
        let failed = failed_cases(&compiled(files));
        assert!(failed.iter().any(|name| name.starts_with(case)), "`{new}` fails {failed:?} and not `{case}`");
    }
}

#[test]
fn limits_are_covered_by_cases_in_which_they_change_the_week() {
    let rules = compiled(pack_with_limits());
    let cases = workbench::read(&rules).unwrap();
    let uncovered = |cases: &[workbench::Case]| -> Vec<String> {
        let gaps = workbench::coverage(&rules, cases).unwrap().gaps.into_iter();
        gaps.filter(|gap| &*gap.file == "limits.toml").map(|gap| gap.what).collect()
    };
    // No channel's best hours lie on Friday evening, so that limit costs nothing in any case. The overlay states
    // another `enabled` than the limit itself.
    let gaps =
        ["friday_evening.at_most", "friday_evening.where.days", "friday_evening.where.hours", "quiet_tuesday.enabled"];
    assert_eq!(uncovered(&cases), gaps.map(|key| format!("no case depends on `limits.{key}`")));
    let without_overlay: Vec<_> =
        cases.into_iter().filter(|case| case.name != "an_overlay_switches_a_limit_on").collect();
    assert!(uncovered(&without_overlay).contains(&"no case depends on `limits.quiet_tuesday.at_most`".to_owned()));
}
