//! `mcoe rules test`: passed cases are counted, failed ones shown with an explanation.

use crate::support::TestFolder;

const CASES: &str = "[a_rested_page_posts_in_full]\nexpect = { weekly_posts = 5 }\n\n\
                     [a_tired_page_posts_less]\nabout = \"Three of five.\"\nstate = { fatigue = 0.4 }\n\
                     expect = { weekly_posts = 3, priority = 50 }\n\n\
                     [a_tired_post_is_held]\npost = { fatigue = 0.8 }\n\
                     expect = { verdicts.channel_fatigue = \"block\", reasons.channel_fatigue = \"0.80\" }\n";

fn with_cases(text: &str) -> TestFolder {
    let folder = TestFolder::new();
    folder.write("rules/tests/tiredness.toml", text);
    folder
}

#[test]
fn passed_cases_are_counted() {
    let folder = with_cases(CASES);
    let out = folder.mcoe("rules test").succeeds().out;
    assert_eq!(out, "3 case(s) passed, 0 failed, rules `default`\n");
}

#[test]
fn a_failure_shows_expected_and_actual_results_and_their_explanation() {
    let folder = with_cases(CASES);
    folder.replace("rules/fatigue.toml", "{ from = 0.4, factor = 0.75 }", "{ from = 0.4, factor = 0.9 }");
    folder.replace("rules/guardrails.rhai", "post.fatigue >= ctx.block_at", "post.fatigue > ctx.block_at");
    let ran = folder.mcoe("rules test").exits_with(1).stderr_has(&["2 of 3 case(s) failed"]);
    insta::assert_snapshot!(ran.out);
}

#[test]
fn a_filter_leaves_the_other_cases_out() {
    let folder = with_cases(CASES);
    assert!(folder.mcoe("rules test --filter held").succeeds().out.starts_with("1 case(s) pass"));
    assert!(folder.mcoe("rules test --filter tiredness.toml").succeeds().out.starts_with("3 case(s) pass"));
    let ran = folder.mcoe("rules test --filter a_tired_page_posts_les_").exits_with(2);
    ran.stderr_has(&["no case contains", "did you mean `a_tired_page_posts_less`?"]);
}

#[test]
fn json_output_has_the_same_results() {
    let folder = with_cases(CASES);
    folder.replace("rules/fatigue.toml", "{ from = 0.4, factor = 0.75 }", "{ from = 0.45, factor = 0.75 }");
    let reported = folder.mcoe("rules test --format json").exits_with(1).json();
    assert_eq!((&reported["passed"], &reported["failed"]), (&2.into(), &1.into()));
    let case = &reported["cases"][1];
    assert_eq!((&case["name"], &case["line"]), (&"a_tired_page_posts_less".into(), &4.into()));
    let mismatch = &case["mismatches"][0];
    assert_eq!((&mismatch["key"], &mismatch["line"]), (&"weekly_posts".into(), &7.into()));
    assert_eq!((&mismatch["expected"], &mismatch["came"]), (&"3".into(), &"5".into()));
    let rule = mismatch["because"].as_array().unwrap().iter().find(|step| step["key"] == "fatigue.frequency").unwrap();
    assert_eq!(rule["file"], "fatigue.toml");
    let line = folder.read("rules/fatigue.toml").lines().position(|line| line.contains("from = 0.45")).unwrap() + 1;
    assert_eq!(rule["line"], line);
}

#[test]
fn results_are_printed_as_junit_xml() {
    let folder = with_cases(&CASES.replace("Three of five.", "Three of <five> & \\\"more\\\"."));
    folder.write("rules/tests/other.toml", "[another]\nexpect = { weekly_posts = 5 }\n");
    let passing = folder.mcoe("rules test --format junit").succeeds();
    assert!(passing.out.contains("tests=\"4\" skipped=\"0\" failures=\"0\" errors=\"0\""), "{}", passing.out);
    folder.replace("rules/fatigue.toml", "{ from = 0.4, factor = 0.75 }", "{ from = 0.4, factor = 0.9 }");
    let ran = folder.mcoe("rules test --format junit").exits_with(1).stderr_has(&["1 of 4 case(s) failed"]);
    let hash = folder.mcoe("rules test --format json").json()["rules"]["hash"].as_str().unwrap().to_owned();
    insta::assert_snapshot!(ran.out.replace(&hash, "[hash]"));
    folder.replace("rules/guardrails.rhai", "fn truth_layer(post, ctx) {", "fn truth_layer(post, ctx) { throw 1;");
    let out = folder.mcoe("rules test --format junit").exits_with(1).out;
    assert!(out.contains("<error message=\"the rules could not be evaluated: guardrails.rhai:67:29: "), "{out}");
}

#[test]
fn coverage_is_not_in_the_xml() {
    let reported = ["coverage ", "outcomes of conditions", "no case depends on `assets.base`"];
    let ran = with_cases(CASES).mcoe("rules test --format junit --coverage").succeeds().stderr_has(&reported);
    assert!(ran.out.starts_with("<?xml") && !ran.out.contains("coverage"), "{}", ran.out);
    assert!(!ran.out.contains("no case depends on"), "{}", ran.out);
}

#[test]
fn other_commands_refuse_junit() {
    let folder = with_cases(CASES);
    let before = folder.entries();
    for line in ["check", "plan small --out plan", "rules fmt", "rules diff rules rules", "status", "completions bash"]
    {
        let ran = folder.mcoe(&format!("{line} --format junit")).exits_with(2);
        assert_eq!(ran.out, "");
        ran.stderr_has(&["error: only `mcoe rules test` supports `--format junit`", "remedy: use `--format json`"]);
    }
    assert_eq!(folder.entries(), before);
}

#[test]
fn every_error_in_files_of_cases_is_reported_at_once() {
    let folder = with_cases(
        "[one]\nchannel = \"instagram\"\nstate = { fatige = 0.4 }\nclient = { id = \"crumb-and-c\", time_zone = \"Europe/Londn\" }\n\
         expect = { weekly_posts = 5, verdicts.truth_layr = \"warn\" }\n\n[two]\nchannel = \"fb\"\n",
    );
    folder
        .write("rules/tests/more.toml", "[two]\nexpect = { weekly_post = 3 }\n\n[Three]\nexpect = { risk = \"lo\" }\n");
    folder
        .write("rules/overlays/crumb.toml", "scope = { client = \"crumb-and-co\" }\n[channels.fb]\nweekly_posts = 4\n");
    let ran = folder.mcoe("rules test").exits_with(2);
    assert_eq!(ran.out, "");
    insta::assert_snapshot!(ran.err);
    assert_eq!(folder.mcoe("check").exits_with(2).err, ran.err, "check reports the same errors");
}

#[test]
fn a_case_of_a_client_uses_its_overlays() {
    let folder = with_cases("[crumb_posts_less]\nclient = { id = \"crumb-and-co\" }\nexpect = { weekly_posts = 4 }\n");
    folder
        .write("rules/overlays/crumb.toml", "scope = { client = \"crumb-and-co\" }\n[channels.fb]\nweekly_posts = 4\n");
    folder.mcoe("rules test").succeeds();
    folder.replace("rules/overlays/crumb.toml", "weekly_posts = 4", "weekly_posts = 3");
    let out = folder.mcoe("rules test").exits_with(1).out;
    assert!(out.contains("rules/overlays/crumb.toml:3  channels.fb.weekly_posts is 3"), "{out}");
}

#[test]
fn a_case_of_a_campaign_uses_its_overlay() {
    let folder = with_cases(
        "[sale]\nclient = { id = \"crumb-and-co\", campaigns = [{ id = \"sale\", weight = 2 }] }\nasset = { quality = 0, \
         campaign = \"sale\" }\npost = { hour = 10 }\nexpect = { slot_value = 68, asset_score = 57 }\n",
    );
    let overlay = "scope = { client = \"crumb-and-co\", campaign = \"sale\" }\n[assets]\nbase = 30\n";
    folder.write("rules/overlays/sale.toml", overlay);
    folder.mcoe("rules test").succeeds();
}

#[test]
fn a_snapshot_is_written_on_request_and_compared_afterwards() {
    let folder = with_cases("[whole]\nsnapshot = true\nstate = { fatigue = 0.3 }\n");
    let out = folder.mcoe("rules test").exits_with(1).out;
    assert!(out.contains("--update writes them"), "{out}");
    folder.mcoe("rules test --update").succeeds().stderr_has(&["wrote rules/tests/whole.snapshot"]);
    let snapshot = folder.read("rules/tests/whole.snapshot");
    for line in ["\nweekly_posts = 5\n", "\nverdicts.truth_layer = \"pass\"\n"] {
        assert!(snapshot.contains(line), "{snapshot}");
    }
    assert_eq!(folder.mcoe("rules test").succeeds().err, "");
    folder.mcoe("check").succeeds();
    folder.replace("rules/channels.toml", "weekly_posts = 5", "weekly_posts = 6");
    let out = folder.mcoe("rules test").exits_with(1).out;
    assert!(out.contains("expected 5   (rules/tests/whole.snapshot:2)") && out.contains("actual   6"), "{out}");
    folder.mcoe("rules test --update").succeeds();
    assert!(folder.read("rules/tests/whole.snapshot").contains("\nweekly_posts = 6\n"));
}

#[test]
fn a_failing_rule_fails_the_case_and_is_named() {
    let folder = with_cases("[any]\nexpect = { risk = \"low\" }\n");
    folder.replace("rules/guardrails.rhai", "fn early_warning(post, ctx) {", "fn early_warning(post, ctx) { throw 1;");
    let out = folder.mcoe("rules test").exits_with(1).out;
    assert!(out.contains("the rules could not be evaluated: guardrails.rhai:"), "{out}");
}

#[test]
fn a_pack_without_cases_gets_a_hint() {
    TestFolder::new().mcoe("rules test").exits_with(2).stderr_has(&["there are no cases in `rules/tests`", "remedy:"]);
}

#[test]
fn undetected_changes_are_listed_with_their_places() {
    let folder = with_cases(CASES);
    // No case depends on health, and this 0.4 is the only one in the file.
    folder.replace("rules/fatigue.toml", "fair_from = 0.4", "fair_from = 0.45");
    let reported = folder.mcoe("rules test --mutate --format json").succeeds().json();
    let survivors = reported["mutation"]["survivors"].as_array().unwrap();
    let is_survivor = |file: &str, was: &str, becomes: &str| {
        survivors.iter().any(|s| s["file"] == file && s["was"] == was && s["becomes"] == becomes)
    };
    assert!(!is_survivor("fatigue.toml", "0.4", "0.41"), "a case is exactly at the threshold");
    assert!(is_survivor("fatigue.toml", "0.4", "0.39"), "no case is just below the threshold");
    let edges: Vec<_> = survivors.iter().filter(|s| s["was"] == ">=" && s["becomes"] == ">").collect();
    let [edge] = edges.as_slice() else { panic!("only the threshold of `block` has a case exactly at it: {edges:?}") };
    let script = folder.read("rules/guardrails.rhai");
    let warn = script.lines().position(|line| line.contains("post.fatigue >= ctx.warn_at")).unwrap() + 1;
    assert_eq!((&edge["file"], &edge["line"]), (&"guardrails.rhai".into(), &warn.into()));
    assert!(is_survivor("assets.toml", "50", "51"), "no case asks for a score");
    let out = folder.mcoe("rules test --mutate").succeeds().out;
    let line = folder.read("rules/assets.toml").lines().position(|line| line.starts_with("base")).unwrap() + 1;
    assert!(out.contains(&format!("rules/assets.toml:{line}  assets.base: `50` could be `51`")), "{out}");
}

#[test]
fn uncovered_rules_are_listed_and_can_fail_the_run() {
    let folder = with_cases(CASES);
    let reported = folder.mcoe("rules test --coverage --format json").succeeds().json();
    let gaps = reported["coverage"]["parts"]["gaps"].as_array().unwrap();
    let line_of = |file: &str, text: &str| {
        folder.read(file).lines().position(|line| line.trim_start().starts_with(text)).unwrap() + 1
    };
    let is_gap = |file: &str, line: usize, what: &str| {
        gaps.iter()
            .any(|gap| gap["file"] == file && gap["line"] == line && gap["what"].as_str().unwrap().contains(what))
    };
    let block = line_of("rules/guardrails.rhai", "if post.fatigue >= ctx.block_at");
    assert!(!is_gap("guardrails.rhai", block, ""), "cases cover both outcomes of the block's condition");
    let warn = line_of("rules/guardrails.rhai", "if post.fatigue >= ctx.warn_at");
    assert!(is_gap("guardrails.rhai", warn, "condition true"), "no post is warned of: {gaps:?}");
    let step = line_of("rules/fatigue.toml", "{ from = 0.7, factor");
    assert!(is_gap("fatigue.toml", step, "at or above `fatigue.frequency`"), "{gaps:?}");
    assert!(is_gap("assets.toml", line_of("rules/assets.toml", "base = "), "depends on `assets.base`"), "{gaps:?}");
    let percent = reported["coverage"]["percent"].as_f64().unwrap();
    assert!((5.0..60.0).contains(&percent), "{percent}");
    folder.mcoe("rules test --coverage-at-least 5").succeeds();
    let ran = folder.mcoe("rules test --coverage-at-least 90%").exits_with(1);
    ran.stderr_has(&["less than the required 90 %"]);
    folder.mcoe("rules test --coverage-at-least 101").exits_with(2);
}

#[test]
fn a_key_without_effect_is_distinguished_from_an_uncovered_one() {
    let folder = with_cases(CASES);
    let out = folder.mcoe("rules test --coverage").succeeds().out;
    assert!(out.contains("`assets.recent_use` has no effect: `cooldown_hours` 168"), "{out}");
    let overlay = "scope = { client = \"crumb-and-co\" }\n[assets]\ncooldown_hours = 72\n";
    folder.write("rules/overlays/crumb.toml", overlay);
    let out = folder.mcoe("rules test --coverage").succeeds().out;
    assert!(out.contains("no case depends on `assets.recent_use`"), "{out}");
    let again = "[again]\nclient = { id = \"crumb-and-co\" }\nasset = { used_hours_ago = 72, quality = 0, \
                 brand_consistency = 0, made_for_channel = false }\nexpect = { asset_score = 20 }\n";
    folder.write("rules/tests/again.toml", again);
    let out = folder.mcoe("rules test --coverage").succeeds().out;
    assert!(!out.contains("assets.recent_use"), "{out}");
}

#[test]
fn a_season_changes_what_a_case_of_its_weeks_expects_and_is_explained() {
    let text = "[christmas]\nweek = \"2026-W52\"\nexpect = { weekly_posts = 3 }\n\n\
                [before_christmas]\nweek = \"2026-W51\"\nexpect = { weekly_posts = 5 }\n";
    let folder = with_cases(text);
    let season = "seasons = [{ from = 2026-12-21T00:00:00, to = 2027-01-04T00:00:00, posts = 0.5 }]";
    folder.replace("rules/calendar.toml", "closed = []", &format!("closed = []\n{season}"));
    assert!(folder.mcoe("rules test").succeeds().out.starts_with("2 case(s) passed, 0 failed"));
    folder.replace("rules/tests/tiredness.toml", "weekly_posts = 3", "weekly_posts = 5");
    let out = folder.mcoe("rules test").exits_with(1).out;
    assert!(out.contains("season from 2026-12-21T00:00:00 to 2027-01-04T00:00:00"), "{out}");
    let line = folder.read("rules/calendar.toml").lines().position(|line| line == season).unwrap() + 1;
    assert!(out.contains(&format!("calendar.toml:{line}")), "{out}");
}

#[test]
fn every_error_in_cases_of_whole_weeks_is_reported_at_once() {
    let folder = with_cases(
        "[one]\nchannel = \"tiktok\"\nchannels = [{ channel = \"fb\" }, { channel = \"fb\" }]\n\
         state.committed = [{ day = \"monday\", hour = 9, channel = \"ig\" }]\nassets = [{ campaign = \"sale\" }]\n\
         [one.expect]\nweek = [{ channel = \"x\", day = \"monday\", hour = 9 }]\nlimits = { brand_dai = \"binds\" }\nposts = [\n\
         { channels = [\"linkedin\"] },\n{ exactly = 1, at_most = 2 },\n{ at_least = 3, at_most = 2 },\n\
         { from = \"friday 18:00\", exactly = 0 },\n{ from = \"friday 18:00\", to = 2026-11-30T08:00:00, exactly = 0 },\n\
         { from = \"friday 18:00\", to = \"friday 18:00\", exactly = 0 },\n\
         { from = 2026-11-30T08:00:00, to = 2026-11-29T08:00:00, exactly = 0 },\n]\n",
    );
    folder.write("rules/limits.toml", "[brand_day]\nat_most = 4\nper = [\"client\", \"day\"]\n");
    insta::assert_snapshot!(folder.mcoe("rules test").exits_with(2).err);
}

#[test]
fn a_limit_that_does_not_bind_as_expected_is_explained() {
    let folder = with_cases(
        "[busy]\nchannels = [{ channel = \"fb\" }, { channel = \"ig\" }, { channel = \"x\" }]\n\
         [busy.expect]\nlimits = { brand_day = \"slack\" }\n\
         posts = [{ at_least = 30 }, { from = \"monday 00:00\", to = \"tuesday 00:00\", at_most = 1 }]\n",
    );
    folder.write("rules/limits.toml", "[brand_day]\nat_most = 2\nper = [\"client\", \"day\"]\n");
    insta::assert_snapshot!(folder.mcoe("rules test").exits_with(1).out);
}
