//! `mcoe rules test`: passed cases are counted, failed ones shown with an explanation.

use crate::support::Workplace;

const CASES: &str = "[a_rested_page_posts_in_full]\nexpect = { weekly_posts = 5 }\n\n\
                     [a_tired_page_posts_less]\nabout = \"Three of five.\"\nstate = { fatigue = 0.4 }\n\
                     expect = { weekly_posts = 3, priority = 50 }\n\n\
                     [a_tired_post_is_held]\npost = { fatigue = 0.8 }\n\
                     expect = { verdicts.channel_fatigue = \"block\", reasons.channel_fatigue = \"0.80\" }\n";

fn with_cases(text: &str) -> Workplace {
    let place = Workplace::new();
    place.write("rules/tests/tiredness.toml", text);
    place
}

#[test]
fn passed_cases_are_counted() {
    let place = with_cases(CASES);
    let out = place.mcoe("rules test").done().out;
    assert_eq!(out, "3 case(s) passed, 0 failed, rules `default`\n");
}

#[test]
fn a_failure_shows_expected_and_actual_results_and_their_explanation() {
    let place = with_cases(CASES);
    place.replace("rules/fatigue.toml", "{ from = 0.4, factor = 0.75 }", "{ from = 0.4, factor = 0.9 }");
    place.replace("rules/guardrails.rhai", "post.fatigue >= ctx.block_at", "post.fatigue > ctx.block_at");
    let ran = place.mcoe("rules test").ends_with(1).says(&["2 of 3 case(s) failed"]);
    insta::assert_snapshot!(ran.out);
}

#[test]
fn a_filter_leaves_the_other_cases_out() {
    let place = with_cases(CASES);
    assert!(place.mcoe("rules test --filter held").done().out.starts_with("1 case(s) pass"));
    assert!(place.mcoe("rules test --filter tiredness.toml").done().out.starts_with("3 case(s) pass"));
    let ran = place.mcoe("rules test --filter a_tired_page_posts_les_").ends_with(2);
    ran.says(&["no case contains", "did you mean `a_tired_page_posts_less`?"]);
}

#[test]
fn json_output_holds_the_same() {
    let place = with_cases(CASES);
    place.replace("rules/fatigue.toml", "{ from = 0.4, factor = 0.75 }", "{ from = 0.45, factor = 0.75 }");
    let reported = place.mcoe("rules test --format json").ends_with(1).json();
    assert_eq!((&reported["passed"], &reported["failed"]), (&2.into(), &1.into()));
    let case = &reported["cases"][1];
    assert_eq!((&case["name"], &case["line"]), (&"a_tired_page_posts_less".into(), &4.into()));
    let mismatch = &case["mismatches"][0];
    assert_eq!((&mismatch["key"], &mismatch["line"]), (&"weekly_posts".into(), &7.into()));
    assert_eq!((&mismatch["expected"], &mismatch["came"]), (&"3".into(), &"5".into()));
    let rule = mismatch["because"].as_array().unwrap().iter().find(|step| step["key"] == "fatigue.frequency").unwrap();
    assert_eq!(rule["file"], "fatigue.toml");
    let line = place.read("rules/fatigue.toml").lines().position(|line| line.contains("from = 0.45")).unwrap() + 1;
    assert_eq!(rule["line"], line);
}

#[test]
fn results_are_printed_as_junit_xml() {
    let place = with_cases(&CASES.replace("Three of five.", "Three of <five> & \\\"more\\\"."));
    place.write("rules/tests/other.toml", "[another]\nexpect = { weekly_posts = 5 }\n");
    let passing = place.mcoe("rules test --format junit").done();
    assert!(passing.out.contains("tests=\"4\" skipped=\"0\" failures=\"0\" errors=\"0\""), "{}", passing.out);
    place.replace("rules/fatigue.toml", "{ from = 0.4, factor = 0.75 }", "{ from = 0.4, factor = 0.9 }");
    let ran = place.mcoe("rules test --format junit").ends_with(1).says(&["1 of 4 case(s) failed"]);
    let hash = place.mcoe("rules test --format json").json()["rules"]["hash"].as_str().unwrap().to_owned();
    insta::assert_snapshot!(ran.out.replace(&hash, "[hash]"));
    place.replace("rules/guardrails.rhai", "fn truth_layer(post, ctx) {", "fn truth_layer(post, ctx) { throw 1;");
    let out = place.mcoe("rules test --format junit").ends_with(1).out;
    assert!(out.contains("<error message=\"the rules could not be evaluated: guardrails.rhai:67:29: "), "{out}");
}

#[test]
fn coverage_is_not_in_the_xml() {
    let reported = ["coverage ", "outcomes of conditions", "no case depends on `assets.base`"];
    let ran = with_cases(CASES).mcoe("rules test --format junit --coverage").done().says(&reported);
    assert!(ran.out.starts_with("<?xml") && !ran.out.contains("coverage"), "{}", ran.out);
    assert!(!ran.out.contains("no case depends on"), "{}", ran.out);
}

#[test]
fn other_commands_refuse_junit() {
    let place = with_cases(CASES);
    let before = place.entries();
    for line in ["check", "plan small --out plan", "rules fmt", "rules diff rules rules", "status", "completions bash"]
    {
        let ran = place.mcoe(&format!("{line} --format junit")).ends_with(2);
        assert_eq!(ran.out, "");
        ran.says(&["error: only `mcoe rules test` supports `--format junit`", "remedy: use `--format json`"]);
    }
    assert_eq!(place.entries(), before);
}

#[test]
fn every_error_in_files_of_cases_is_reported_at_once() {
    let place = with_cases(
        "[one]\nchannel = \"instagram\"\nstate = { fatige = 0.4 }\nclient = { id = \"crumb-and-c\", time_zone = \"Europe/Londn\" }\n\
         expect = { weekly_posts = 5, verdicts.truth_layr = \"warn\" }\n\n[two]\nchannel = \"fb\"\n",
    );
    place
        .write("rules/tests/more.toml", "[two]\nexpect = { weekly_post = 3 }\n\n[Three]\nexpect = { risk = \"lo\" }\n");
    place
        .write("rules/overlays/crumb.toml", "scope = { client = \"crumb-and-co\" }\n[channels.fb]\nweekly_posts = 4\n");
    let ran = place.mcoe("rules test").ends_with(2);
    assert_eq!(ran.out, "");
    insta::assert_snapshot!(ran.err);
    assert_eq!(place.mcoe("check").ends_with(2).err, ran.err, "check tells them as well");
}

#[test]
fn a_case_of_a_client_uses_its_overlays() {
    let place = with_cases("[crumb_posts_less]\nclient = { id = \"crumb-and-co\" }\nexpect = { weekly_posts = 4 }\n");
    place
        .write("rules/overlays/crumb.toml", "scope = { client = \"crumb-and-co\" }\n[channels.fb]\nweekly_posts = 4\n");
    place.mcoe("rules test").done();
    place.replace("rules/overlays/crumb.toml", "weekly_posts = 4", "weekly_posts = 3");
    let out = place.mcoe("rules test").ends_with(1).out;
    assert!(out.contains("rules/overlays/crumb.toml:3  channels.fb.weekly_posts is 3"), "{out}");
}

#[test]
fn a_case_of_a_campaign_uses_its_overlay() {
    let place = with_cases(
        "[sale]\nclient = { id = \"crumb-and-co\", campaigns = [{ id = \"sale\", weight = 2 }] }\nasset = { quality = 0, \
         campaign = \"sale\" }\npost = { hour = 10 }\nexpect = { slot_value = 68, asset_score = 57 }\n",
    );
    let overlay = "scope = { client = \"crumb-and-co\", campaign = \"sale\" }\n[assets]\nbase = 30\n";
    place.write("rules/overlays/sale.toml", overlay);
    place.mcoe("rules test").done();
}

#[test]
fn a_snapshot_is_written_on_request_and_compared_afterwards() {
    let place = with_cases("[whole]\nsnapshot = true\nstate = { fatigue = 0.3 }\n");
    let out = place.mcoe("rules test").ends_with(1).out;
    assert!(out.contains("--update writes them"), "{out}");
    place.mcoe("rules test --update").done().says(&["wrote rules/tests/whole.snapshot"]);
    let kept = place.read("rules/tests/whole.snapshot");
    assert!(kept.contains("\nweekly_posts = 5\n") && kept.contains("\nverdicts.truth_layer = \"pass\"\n"), "{kept}");
    assert_eq!(place.mcoe("rules test").done().err, "");
    place.mcoe("check").done();
    place.replace("rules/channels.toml", "weekly_posts = 5", "weekly_posts = 6");
    let out = place.mcoe("rules test").ends_with(1).out;
    assert!(out.contains("expected 5   (rules/tests/whole.snapshot:2)") && out.contains("actual   6"), "{out}");
    place.mcoe("rules test --update").done();
    assert!(place.read("rules/tests/whole.snapshot").contains("\nweekly_posts = 6\n"));
}

#[test]
fn a_failing_rule_fails_the_case_and_is_named() {
    let place = with_cases("[any]\nexpect = { risk = \"low\" }\n");
    place.replace("rules/guardrails.rhai", "fn early_warning(post, ctx) {", "fn early_warning(post, ctx) { throw 1;");
    let out = place.mcoe("rules test").ends_with(1).out;
    assert!(out.contains("the rules could not be evaluated: guardrails.rhai:"), "{out}");
}

#[test]
fn a_pack_without_cases_gets_a_hint() {
    Workplace::new().mcoe("rules test").ends_with(2).says(&["there are no cases in `rules/tests`", "remedy:"]);
}

#[test]
fn undetected_changes_are_listed_with_their_places() {
    let place = with_cases(CASES);
    // No case depends on health, and this 0.4 is the only one in the file.
    place.replace("rules/fatigue.toml", "fair_from = 0.4", "fair_from = 0.45");
    let reported = place.mcoe("rules test --mutate --format json").done().json();
    let survivors = reported["mutation"]["survivors"].as_array().unwrap();
    let is_survivor = |file: &str, was: &str, becomes: &str| {
        survivors.iter().any(|s| s["file"] == file && s["was"] == was && s["becomes"] == becomes)
    };
    assert!(!is_survivor("fatigue.toml", "0.4", "0.41"), "a case lies at the very edge");
    assert!(is_survivor("fatigue.toml", "0.4", "0.39"), "no case lies just below it");
    let edges: Vec<_> = survivors.iter().filter(|s| s["was"] == ">=" && s["becomes"] == ">").collect();
    let [edge] = edges.as_slice() else { panic!("a case lies at the very edge of the block alone: {edges:?}") };
    let script = place.read("rules/guardrails.rhai");
    let warn = script.lines().position(|line| line.contains("post.fatigue >= ctx.warn_at")).unwrap() + 1;
    assert_eq!((&edge["file"], &edge["line"]), (&"guardrails.rhai".into(), &warn.into()));
    assert!(is_survivor("assets.toml", "50", "51"), "no case asks for a score");
    let out = place.mcoe("rules test --mutate").done().out;
    let line = place.read("rules/assets.toml").lines().position(|line| line.starts_with("base")).unwrap() + 1;
    assert!(out.contains(&format!("rules/assets.toml:{line}  assets.base: `50` could be `51`")), "{out}");
}

#[test]
fn uncovered_rules_are_listed_and_can_fail_the_run() {
    let place = with_cases(CASES);
    let reported = place.mcoe("rules test --coverage --format json").done().json();
    let gaps = reported["coverage"]["parts"]["gaps"].as_array().unwrap();
    let line_of = |file: &str, text: &str| {
        place.read(file).lines().position(|line| line.trim_start().starts_with(text)).unwrap() + 1
    };
    let is_gap = |file: &str, line: usize, what: &str| {
        gaps.iter()
            .any(|gap| gap["file"] == file && gap["line"] == line && gap["what"].as_str().unwrap().contains(what))
    };
    let block = line_of("rules/guardrails.rhai", "if post.fatigue >= ctx.block_at");
    assert!(!is_gap("guardrails.rhai", block, ""), "the block is seen from both sides");
    let warn = line_of("rules/guardrails.rhai", "if post.fatigue >= ctx.warn_at");
    assert!(is_gap("guardrails.rhai", warn, "condition true"), "no post is warned of: {gaps:?}");
    let step = line_of("rules/fatigue.toml", "{ from = 0.7, factor");
    assert!(is_gap("fatigue.toml", step, "at or above `fatigue.frequency`"), "{gaps:?}");
    assert!(is_gap("assets.toml", line_of("rules/assets.toml", "base = "), "depends on `assets.base`"), "{gaps:?}");
    let percent = reported["coverage"]["percent"].as_f64().unwrap();
    assert!((5.0..60.0).contains(&percent), "{percent}");
    place.mcoe("rules test --coverage-at-least 5").done();
    let ran = place.mcoe("rules test --coverage-at-least 90%").ends_with(1);
    ran.says(&["less than the required 90 %"]);
    place.mcoe("rules test --coverage-at-least 101").ends_with(2);
}

#[test]
fn a_key_without_effect_is_distinguished_from_an_uncovered_one() {
    let place = with_cases(CASES);
    let out = place.mcoe("rules test --coverage").done().out;
    assert!(out.contains("`assets.recent_use` has no effect: `cooldown_hours` 168"), "{out}");
    let overlay = "scope = { client = \"crumb-and-co\" }\n[assets]\ncooldown_hours = 72\n";
    place.write("rules/overlays/crumb.toml", overlay);
    let out = place.mcoe("rules test --coverage").done().out;
    assert!(out.contains("no case depends on `assets.recent_use`"), "{out}");
    let again = "[again]\nclient = { id = \"crumb-and-co\" }\nasset = { used_hours_ago = 72, quality = 0, \
                 brand_consistency = 0, made_for_channel = false }\nexpect = { asset_score = 20 }\n";
    place.write("rules/tests/again.toml", again);
    let out = place.mcoe("rules test --coverage").done().out;
    assert!(!out.contains("assets.recent_use"), "{out}");
}

#[test]
fn a_season_changes_what_a_case_of_its_weeks_expects_and_is_explained() {
    let text = "[christmas]\nweek = \"2026-W52\"\nexpect = { weekly_posts = 3 }\n\n\
                [before_christmas]\nweek = \"2026-W51\"\nexpect = { weekly_posts = 5 }\n";
    let place = with_cases(text);
    let season = "seasons = [{ from = 2026-12-21T00:00:00, to = 2027-01-04T00:00:00, posts = 0.5 }]";
    place.replace("rules/calendar.toml", "closed = []", &format!("closed = []\n{season}"));
    assert!(place.mcoe("rules test").done().out.starts_with("2 case(s) passed, 0 failed"));
    place.replace("rules/tests/tiredness.toml", "weekly_posts = 3", "weekly_posts = 5");
    let out = place.mcoe("rules test").ends_with(1).out;
    assert!(out.contains("season from 2026-12-21T00:00:00 to 2027-01-04T00:00:00"), "{out}");
    let line = place.read("rules/calendar.toml").lines().position(|line| line == season).unwrap() + 1;
    assert!(out.contains(&format!("calendar.toml:{line}")), "{out}");
}
