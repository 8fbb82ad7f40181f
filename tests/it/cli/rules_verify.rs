//! `mcoe rules verify`: rules without effect, rules that allow more at higher fatigue, duplicate rules.

use serde_json::Value;

use crate::support::TestFolder;

fn with_guardrail(name: &str, function: &str) -> TestFolder {
    let folder = TestFolder::new();
    let toml = folder.read("rules/guardrails.toml");
    folder.write("rules/guardrails.toml", &format!("{toml}\n[{name}]\nscope = \"post\"\nconflict = \"policy\"\n"));
    folder.write("rules/house.rhai", function);
    folder
}

/// The file and kind of each finding.
fn finding_kinds(folder: &TestFolder) -> Vec<(String, String)> {
    let reported = folder.mcoe("rules verify --format json").exits_with(1).json();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let findings = reported["verification"]["findings"].as_array().unwrap();
    findings.iter().map(|finding| (text(&finding["place"]["file"]), text(&finding["kind"]))).collect()
}

fn assert_only_finding(folder: &TestFolder, file: &str, kind: &str) {
    assert_eq!(finding_kinds(folder), [(file.to_owned(), kind.to_owned())]);
}

#[test]
fn every_guardrail_of_the_default_pack_is_shown_with_an_example_of_each_verdict() {
    insta::assert_snapshot!(TestFolder::new().mcoe("rules verify").succeeds().out);
}

#[test]
fn a_guardrail_that_never_or_always_fires_is_found() {
    let never = "fn house(post, ctx) { if post.fatigue > 1.0 { return block(\"tired\", \"wait\"); } pass() }";
    let kinds = finding_kinds(&with_guardrail("house", never));
    assert_eq!(
        kinds,
        [("house.rhai".to_owned(), "never_fires".to_owned()), ("house.rhai".to_owned(), "dead_condition".to_owned())]
    );
    let always =
        "fn house(post, ctx) { if post.hour >= 0 { warn(\"late\", \"wait\") } else { block(\"later\", \"wait\") } }";
    let kinds = finding_kinds(&with_guardrail("house", always));
    assert!(kinds.contains(&("house.rhai".to_owned(), "always_fires".to_owned())), "{kinds:?}");
}

#[test]
fn a_guardrail_with_three_conditions_is_reached() {
    let text = "fn house(post, ctx) {\n    if ctx.channel == \"linkedin\" && ctx.industry == \"law\" && post.weekday == 4 \
                && post.hour >= 15 {\n        return block(\"no posts on Friday afternoons\", \"post earlier\");\n    }\n    pass()\n}\n";
    let reported = with_guardrail("house", text).mcoe("rules verify").succeeds().out;
    let expected = "  block  line 3     ctx.industry = \"law\", post.hour = 15, post.weekday = 4   (linkedin)\n";
    assert!(reported.contains(expected), "{reported}");
}

#[test]
fn rules_that_allow_more_at_higher_fatigue_are_shown_with_two_inputs() {
    let text = "fn house(post, ctx) { if post.fatigue > 0.2 && post.fatigue < 0.3 { return block(\"tired\", \"wait\"); } pass() }";
    let folder = with_guardrail("house", text);
    assert_only_finding(&folder, "house.rhai", "not_monotone");
    folder
        .mcoe("rules verify")
        .exits_with(1)
        .stdout_has(&["post.fatigue = 0.299: block (fb;", "post.fatigue = 0.3: pass (fb;"]);
    let folder = TestFolder::new();
    folder.replace("rules/fatigue.toml", "{ from = 0.7, factor = 0.5 }", "{ from = 0.7, factor = 0.9 }");
    assert_only_finding(&folder, "fatigue.toml", "not_monotone");
    let folder = TestFolder::new();
    folder.replace("rules/risk.toml", "{ from = 80, confidence = 0.9 }", "{ from = 80, confidence = 0.3 }");
    assert_only_finding(&folder, "risk.toml", "not_monotone");
    let hook = "fn weekly_posts(ctx) { if ctx.fatigue > 0.5 { 9 } else { 3 } }";
    let folder = TestFolder::new();
    folder.write("rules/hook.rhai", hook);
    assert_only_finding(&folder, "hook.rhai", "not_monotone");
}

#[test]
fn numbers_without_effect_are_found() {
    let folder = TestFolder::new();
    folder.replace(
        "rules/risk.toml",
        "{ from = 80, confidence = 0.9 }",
        "{ from = 80, confidence = 0.9 }, { from = 100, confidence = 1.0 }",
    );
    folder.replace("rules/assets.toml", "base = 50", "base = 30");
    assert_only_finding(&folder, "risk.toml", "never_holds");
    let reported = TestFolder::new().mcoe("rules verify --format json").succeeds().json();
    let idle: Vec<&str> =
        reported["verification"]["idle"].as_array().unwrap().iter().map(|row| row["key"].as_str().unwrap()).collect();
    assert_eq!(idle, ["assets.recent_use", "assets.recent_use_days"]);
    let folder = TestFolder::new();
    folder.replace("rules/assets.toml", "recent_use_days = 7", "recent_use_days = 14");
    assert!(!folder.mcoe("rules verify").succeeds().out.contains("note:"));
}

#[test]
fn a_guardrail_that_repeats_another_is_found() {
    let text = "fn house(post, ctx) { if post.fatigue >= 0.9 { return warn(\"tired\", \"wait\"); } pass() }";
    let folder = with_guardrail("house", text);
    assert_only_finding(&folder, "house.rhai", "overlap");
    folder
        .mcoe("rules verify")
        .exits_with(1)
        .stdout_has(&["`channel_fatigue` blocks every post that `house` warns of or blocks"]);
}

#[test]
fn an_overlay_is_verified_in_its_scope() {
    let folder = TestFolder::new();
    let overlay = "[scope]\nclient = \"bakery\"\n\n[fatigue]\nfrequency = [{ from = 0.2, factor = 0.5 }, { from = 0.4, factor = 1 }]\n";
    folder.write("rules/overlays/bakery.toml", overlay);
    assert_only_finding(&folder, "overlays/bakery.toml", "not_monotone");
    folder.mcoe("rules verify").exits_with(1).stdout_has(&["client `bakery`"]);
}

/// A folder whose pack has these seasons.
fn with_seasons(folder: TestFolder, seasons: &str) -> TestFolder {
    folder.replace("rules/calendar.toml", "closed = []", &format!("closed = []\nseasons = [{seasons}]"));
    folder
}

const CHRISTMAS: &str = "{ from = 2026-12-21T00:00:00, to = 2027-01-04T00:00:00, posts = 0.5 }";

#[test]
fn weeks_in_which_seasons_change_the_number_of_posts_are_verified_too() {
    // The season makes 3 of the 5 posts on fb.
    let text = "fn house(post, ctx) { if ctx.channel == \"fb\" && ctx.weekly_posts == 3 && post.fatigue < 0.2 { \
                return block(\"rare\", \"wait\"); } pass() }";
    assert_only_finding(&with_guardrail("house", "fn house(post, ctx) { pass() }"), "house.rhai", "never_fires");
    let kinds = finding_kinds(&with_guardrail("house", text));
    assert!(kinds.contains(&("house.rhai".to_owned(), "never_fires".to_owned())), "{kinds:?}");
    let folder = with_seasons(with_guardrail("house", text), CHRISTMAS);
    assert_only_finding(&folder, "house.rhai", "not_monotone");
    folder.mcoe("rules verify").exits_with(1).stdout_has(&["post.fatigue = 0.199: block (fb, week 2026-W52;"]);
    // The ordinary week is not that of the default case, which lies in this season.
    let november = "{ from = 2026-11-09T00:00:00, to = 2026-12-14T00:00:00, posts = 2 }";
    let ordinary = text.replace("weekly_posts == 3", "weekly_posts == 5");
    let folder = with_seasons(with_guardrail("house", &ordinary), november);
    assert_only_finding(&folder, "house.rhai", "not_monotone");
}

#[test]
fn a_function_that_allows_more_in_a_season_only_is_found() {
    let hook = "fn weekly_posts(ctx) { if ctx.weekly_posts > 14 && ctx.fatigue > 0.5 { 20 } else { 3 } }";
    let folder = TestFolder::new();
    folder.write("rules/hook.rhai", hook);
    folder.mcoe("rules verify").succeeds();
    let folder = with_seasons(folder, "{ from = 2026-11-23T00:00:00, to = 2026-11-30T00:00:00, posts = 1.5 }");
    assert_only_finding(&folder, "hook.rhai", "not_monotone");
    folder.mcoe("rules verify").exits_with(1).stdout_has(&["(tiktok, week 2026-W48)"]);
}

#[test]
fn minima_of_limits_that_a_season_makes_impossible_are_found() {
    let folder = TestFolder::new();
    let limits = "[daily]\nat_least = 1\nper = [\"day\"]\nwhere = { channels = [\"fb\"], days = [\"monday\", \"tuesday\", \
                  \"wednesday\", \"thursday\"] }\n\n[wanted]\nat_least = 5\nwhere = { channels = [\"fb\"] }\nprice = 9\n";
    folder.write("rules/limits.toml", limits);
    folder.mcoe("rules verify").succeeds();
    let folder = with_seasons(folder, CHRISTMAS);
    assert_only_finding(&folder, "limits.toml", "unmet_in_season");
    folder.mcoe("rules verify").exits_with(1).stdout_has(&[
        "rules/limits.toml:2 cannot be met in a season",
        "`daily` needs more posts than a season leaves, so nothing is planned in that week",
        "week 2026-W52: at least 4 posts are needed, the seasons leave 3 of 5",
        "remedy: give the limit a `price`",
    ]);
    folder.replace(
        "rules/limits.toml",
        "where = { channels = [\"fb\"], days",
        "where = { to = 2026-12-21T00:00:00, channels = [\"fb\"], days",
    );
    folder.mcoe("rules verify").succeeds();
}

#[test]
fn a_season_that_changes_no_number_of_posts_is_noted() {
    let short = "{ from = 2026-11-23T00:00:00, to = 2026-11-23T03:00:00, posts = 0.9 }";
    let folder = with_seasons(TestFolder::new(), &format!("{CHRISTMAS}, {short}"));
    let out = folder.mcoe("rules verify").succeeds().out;
    let notes: Vec<&str> = out.lines().filter(|line| line.contains("`calendar.seasons` has no effect")).collect();
    let [note] = notes.as_slice() else { panic!("{out}") };
    assert!(note.contains("no channel has more or fewer posts with this season"), "{note}");
}
