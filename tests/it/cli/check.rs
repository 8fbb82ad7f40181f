//! `mcoe check`: valid input is summarised, and all errors are reported at once.

use crate::support::TestFolder;

#[test]
fn a_valid_pack_and_scenario_are_summarised() {
    let folder = TestFolder::new();
    let out = folder.mcoe("check --scenario small").succeeds().out;
    assert!(out.starts_with("rules `default` are valid: 5 guardrails, hash "), "{out}");
    assert!(out.contains("scenario `Two corner shops` is valid: 2 clients, 5 channels, 10 assets, hash "), "{out}");
    let out = folder.mcoe("check").succeeds().out;
    assert_eq!(out.lines().count(), 1, "{out}");
}

#[test]
fn json_output_has_the_same_facts() {
    let folder = TestFolder::new();
    let reported = folder.mcoe("check --scenario small --format json").succeeds().json();
    assert_eq!(reported["errors"], 0);
    assert_eq!(reported["rules"]["name"], "default");
    assert_eq!(reported["rules"]["guardrails"], 5);
    assert_eq!(reported["rules"]["hash"].as_str().unwrap().len(), 64);
    assert_eq!(reported["scenario"]["clients"], 2);
    assert!(folder.mcoe("check --format json").succeeds().json()["scenario"].is_null());
}

#[test]
fn errors_of_several_files_are_reported_at_once_with_their_places() {
    let folder = TestFolder::new();
    folder.replace("rules/fatigue.toml", "\nwarn_at = ", "\nwarn_at = 2 # ");
    folder.replace("rules/channels.toml", "\nhour_lift", "\nhour_lifd");
    folder.replace("rules/risk.toml", "\nminus_reality_gap = ", "\nminus_reality_gap = \"much\" # ");
    let place_of = |file: &str, text: &str| {
        let content = folder.read(file);
        format!("{file}:{}:", content.lines().position(|line| line.starts_with(text)).unwrap() + 1)
    };
    let places = [
        place_of("rules/fatigue.toml", "warn_at = 2"),
        place_of("rules/channels.toml", "hour_lifd"),
        place_of("rules/risk.toml", "minus_reality_gap"),
    ];
    let ran = folder.mcoe("check").exits_with(2);
    assert_eq!(ran.out, "");
    for place in places {
        assert!(ran.err.contains(&place), "{place} is not in:\n{}", ran.err);
    }
    ran.stderr_has(&["`hour_lift`", "3 error(s) in the rules pack `rules`"]);
}

#[test]
fn errors_of_rules_scripts_and_scenario_are_reported_at_once() {
    let folder = TestFolder::new();
    folder.replace("rules/fatigue.toml", "\nwarn_at = ", "\nwarn_at = 2 # ");
    folder.replace("rules/guardrails.rhai", "fn early_warning(post, ctx) {", "fn early_warning(post, ctx) { let = 1;");
    folder.replace("small/clients.csv", "Europe/London", "Europe/Londn");
    let ran = folder.mcoe("check --scenario small").exits_with(2);
    ran.stderr_has(&["rules/fatigue.toml:", "rules/guardrails.rhai:", "clients.csv: row 1", "`Europe/London`"]);
}

#[test]
fn errors_in_json_have_a_place_a_cause_and_a_remedy() {
    let folder = TestFolder::new();
    folder.replace("rules/fatigue.toml", "\nwarn_at = ", "\nwarn_at = 2 # ");
    folder.replace("rules/fatigue.toml", "\nblock_at", "\nblok_at");
    let reported: serde_json::Value =
        serde_json::from_str(&folder.mcoe("check --format json").exits_with(2).err).unwrap();
    let mistakes = reported["diagnostics"].as_array().unwrap();
    assert_eq!(reported["errors"], mistakes.len());
    assert!(mistakes.len() >= 2, "{reported}");
    for mistake in mistakes {
        assert_eq!(mistake["file"], "fatigue.toml", "{mistake}");
        assert!(mistake["line"].as_u64().unwrap() > 0 && mistake["column"].as_u64().unwrap() > 0, "{mistake}");
        assert!(!mistake["cause"].as_str().unwrap().is_empty() && !mistake["remedy"].as_str().unwrap().is_empty());
    }
}

#[test]
fn every_invalid_row_of_a_scenario_is_reported_with_file_row_and_column() {
    let folder = TestFolder::new();
    folder.replace("small/channels.csv", "kettle-lane,fb,2400", "kettle-lane,facebok,2400");
    folder.replace("small/channels.csv", "orbit-repair,fb,900", "orbit-repair,fb,-900");
    folder.replace("small/clients.csv", "America/New_York", "America/NewYork");
    let ran = folder.mcoe("check --scenario small").exits_with(2);
    assert_eq!(ran.out, "");
    ran.stderr_has(&[
        "channels.csv: row 1 (line 2), column `channel`",
        "channels.csv: row 4 (line 5), column `audience`",
        "clients.csv: row 2 (line 3), column `time_zone`",
        "`America/New_York`",
        "3 error(s) in the scenario",
    ]);
}

#[test]
fn errors_of_a_scenario_are_also_reported_in_json() {
    let folder = TestFolder::new();
    folder.replace("small/channels.csv", "orbit-repair,fb,900", "orbit-repair,fb,-900");
    let err = folder.mcoe("check --scenario small --format json").exits_with(2).err;
    let reported: serde_json::Value = serde_json::from_str(&err).unwrap_or_else(|error| panic!("{error}: {err}"));
    assert_eq!(reported["errors"], 1);
    let mistake = &reported["diagnostics"][0];
    assert_eq!((&mistake["file"], &mistake["row"]), (&"channels.csv".into(), &4.into()), "{reported}");
    assert_eq!(mistake["column"], "audience");
}

#[test]
fn a_missing_folder_is_reported_with_a_remedy() {
    let folder = TestFolder::new();
    folder.mcoe("check --rules nowhere").exits_with(2).stderr_has(&["`nowhere`", "--rules"]);
    folder.mcoe("check --scenario nowhere").exits_with(2).stderr_has(&["nowhere"]);
    folder.write("rules/guardrails.rhai", "");
    std::fs::write(folder.path("rules/guardrails.rhai"), [0xff, 0xfe, 0x00]).unwrap();
    folder.mcoe("check").exits_with(2).stderr_has(&["guardrails.rhai", "UTF-8"]);
}

/// A folder whose pack has one more guardrail, `house`, with this body.
fn with_guardrail(body: &str) -> TestFolder {
    let folder = TestFolder::new();
    let tables = folder.read("rules/guardrails.toml");
    folder.write("rules/guardrails.toml", &format!("{tables}\n[house]\nscope = \"post\"\nconflict = \"policy\"\n"));
    folder.write("rules/house.rhai", &format!("fn house(post, ctx) {{\n{body}\n}}\n"));
    folder
}

#[test]
fn a_verdict_that_is_not_returned_is_an_error() {
    for body in [
        "if post.hour > 15 { block(\"late\", \"post earlier\") }\npass()",
        "if post.hour > 15 { block(\"late\", \"post earlier\"); }\npass()",
        "warn(\"always\", \"never\");\npass()",
        "if ctx.fatigue > 0.5 { if post.hour > 15 { warn(\"late\", \"post earlier\") } else { pass() } }\npass()",
        "for hour in 0..3 { if post.hour == hour { block(\"early\", \"post later\") } }\npass()",
        "try { block(\"late\", \"post earlier\") } catch { pass() }",
    ] {
        let ran = with_guardrail(body).mcoe("check").exits_with(2);
        ran.stderr_has(&["dropped_verdict", "is discarded here", "rules/house.rhai", "write `return "]);
    }
    for body in [
        "if post.hour > 15 { return block(\"late\", \"post earlier\"); }\npass()",
        "if post.hour > 15 { block(\"late\", \"post earlier\") } else { pass() }",
        "let said = if post.hour > 15 { block(\"late\", \"post earlier\") } else { pass() };\nsaid",
        "switch post.weekday { 4 => block(\"Friday\", \"another day\"), _ => pass() }",
        "{ pass() }",
        "try { block(\"late\", \"post earlier\") } catch { return pass(); }",
    ] {
        with_guardrail(body).mcoe("check").succeeds();
    }
}

#[test]
fn a_comparison_that_can_never_be_true_is_an_error_with_a_remedy() {
    for (condition, cause, remedy) in [
        ("post.hour == \"9\"", "the text `\"9\"` is not", "write the number without quotes: `9`"),
        ("post.weekday in [\"sat\", \"sun\"]", "the text `\"sat\"` is not", "write `5`"),
        ("post.weekday == 7", "`post.weekday` is never 7", "Monday is 0, Sunday is 6"),
        ("post.hour == 9.5", "`post.hour` is never 9.5", "from 0 to 23"),
        ("24 == post.hour", "`post.hour` is never 24", "from 0 to 23"),
        ("post.fatigue > 50", "`post.fatigue > 50` is never true", "from 0 to 1"),
        ("ctx.channel == \"facebook\"", "`ctx.channel` is never `\"facebook\"`", "it is one of: fb, ig"),
        ("ctx.status == \"paused\"", "`ctx.status` is never `\"paused\"`", "active, onboarding"),
        ("ctx.industry == 3", "the number 3 is not", "in double quotes"),
        ("ctx.assessed == \"yes\"", "the text `\"yes\"` is not", "write `ctx.assessed`, or `!ctx.assessed`"),
        ("ctx.client.startswith(\"a\")", "no function is called `startswith`", "house.rhai"),
        ("post.asset_score > 100", "`post.asset_score > 100` is never true", "from 0 to 100"),
        ("ctx.audience < 0", "`ctx.audience < 0` is never true", "from 0"),
        ("9 <= post.hour <= 12", "compares the result of another comparison", "`9 <= post.hour && post.hour <= 12`"),
        ("post.campaign == ()", "`post.campaign` is a text, but `()` is not", "compare it with `\"\"`"),
        ("post.date == 2026-12-24", "`post.date` is a text", "in double quotes"),
        ("[\"linked-in\", \"fb\"].contains(ctx.channel)", "never `\"linked-in\"`", "did you mean `\"linkedin\"`?"),
        ("post.asset_title == \"${ctx.client}\"", "`${…}` is not replaced", "in backticks"),
        ("post.hour =< 12", "`=<` is not an operator", "write `<=`"),
        ("post.date == \"24.12.2026\"", "`post.date` is never `\"24.12.2026\"`", "such as `\"2026-12-24\"`"),
        ("post.date != \"2026-02-30\"", "`post.date` is never `\"2026-02-30\"`", "a date of the calendar"),
        ("post.date in [\"2026-12-24\", \"25 December\"]", "is never `\"25 December\"`", "such as `\"2026-12-24\"`"),
        (
            "post.date >= \"12-24\"",
            "`post.date >= \"12-24\"` compares with a text that is not a date",
            "year, month and day",
        ),
        ("\"linked-in\" in post.channels_of_day", "never contains `\"linked-in\"`", "did you mean `\"linkedin\"`?"),
        ("post.channels_of_day.contains(\"meta\")", "never contains `\"meta\"`", "it is one of: fb, ig"),
        ("24 in post.hours_of_day", "`post.hours_of_day` never contains 24", "from 0 to 23"),
        ("\"9\" in post.hours_of_day", "`post.hours_of_day` contains numbers", "without quotes"),
        ("3 in ctx.tags", "`ctx.tags` contains texts", "in double quotes"),
        (
            "post.asset_title.to_lower() == \"Free\"",
            "never equals or contains `\"Free\"` after `to_lower()`",
            "write `\"free\"`",
        ),
        ("post.asset_title.to_lower().contains(\"Free\")", "after `to_lower()`", "write `\"free\"`"),
        ("\"Free\" in post.asset_title.to_lower()", "after `to_lower()`", "write `\"free\"`"),
        ("post.asset_title.to_upper().starts_with(\"Sale\")", "after `to_upper()`", "write `\"SALE\"`"),
    ] {
        let folder = with_guardrail(&format!("    if {condition} {{ return warn(\"a\", \"b\"); }}\n    pass()"));
        folder.mcoe("check").exits_with(2).stderr_has(&["rules/house.rhai:2:", cause, remedy]);
    }
    let valid = "    if post.hour >= 0 && ctx.channel in [\"fb\", \"x\"] && post.weekday != 6 && ctx.hours_since_last_post < 10000 \
                 && post.date >= \"2026-12\" && post.date < \"2027\" && !(\"fb\" in post.channels_of_day) \
                 && post.asset_title.to_lower() != \"free\" \
                 { return warn(\"a\", \"b\"); }\n    pass()";
    with_guardrail(valid).mcoe("check").succeeds();
}

#[test]
fn comparisons_through_variables_loops_and_cases_are_checked() {
    for (body, cause, line) in [
        (
            "    switch ctx.channel {\n        \"instagram\" => warn(\"a\", \"b\"),\n        _ => pass()\n    }",
            "`ctx.channel` is never `\"instagram\"`",
            3,
        ),
        (
            "    switch post.weekday {\n        7 => warn(`${ctx.client}`, \"b\"),\n        _ => pass()\n    }",
            "`post.weekday` is never 7",
            3,
        ),
        (
            "    let channel = ctx.channel;\n    if channel == \"meta\" { return warn(\"a\", \"b\"); }\n    pass()",
            "is never `\"meta\"`",
            3,
        ),
        (
            "    let ours = [\"fb\", \"insta\"];\n    if ctx.channel in ours { return warn(\"a\", \"b\"); }\n    pass()",
            "is never `\"insta\"`",
            2,
        ),
        (
            "    for hour in post.hours_of_day {\n        if hour > 24 { return warn(\"a\", \"b\"); }\n    }\n    pass()",
            "is never true",
            3,
        ),
    ] {
        with_guardrail(body).mcoe("check").exits_with(2).stderr_has(&[cause, &format!("rules/house.rhai:{line}:")]);
    }
    for (body, name) in [
        (
            "    switch ctx.client {\n        \"crumb-and-coo\" => warn(\"a\", \"b\"),\n        _ => pass()\n    }",
            "client `crumb-and-coo`",
        ),
        (
            "    for tag in ctx.tags {\n        if tag == \"retial\" { return warn(\"a\", \"b\"); }\n    }\n    pass()",
            "client with the tag `retial`",
        ),
        (
            "    if [\"law frm\"].contains(ctx.industry) { return warn(\"a\", \"b\"); }\n    pass()",
            "client of the industry `law frm`",
        ),
    ] {
        let folder = with_guardrail(body);
        folder.copy_scenario("agency");
        folder.mcoe("check --scenario agency").exits_with(2).stderr_has(&["no ", name]);
    }
}

#[test]
fn values_that_are_not_returned_and_overlays_without_effect_are_reported() {
    let folder = TestFolder::new();
    folder.write(
        "rules/hooks.rhai",
        "fn weekly_posts(ctx) {\n    if ctx.channel == \"fb\" { 3 }\n    ctx.weekly_posts\n}\n",
    );
    folder.mcoe("check").exits_with(2).stderr_has(&[
        "`3` is discarded here",
        "write `return 3;`",
        "rules/hooks.rhai:2:",
    ]);
    folder.write(
        "rules/hooks.rhai",
        "fn weekly_posts(ctx) {\n    if ctx.channel == \"fb\" { 3 } else { ctx.weekly_posts }\n}\n",
    );
    folder.write("rules/overlays/law.toml", "scope = { client = \"wren-hale-law\" }\n");
    folder.copy_scenario("agency");
    let reported = folder.mcoe("check --scenario agency").succeeds();
    reported.stderr_has(&["the overlay has a scope and changes nothing", "rules/overlays/law.toml:1"]);
    let folder = with_guardrail("    if ctx.tags.length() > 3 { return warn(\"a\", \"b\"); }\n    pass()");
    folder.mcoe("check").exits_with(2).stderr_has(&["no function is called `length`", "did you mean `len`?"]);
}

#[test]
fn a_mistyped_file_extension_is_reported_and_other_files_are_ignored() {
    let folder = TestFolder::new();
    for name in ["README.md", "calendar.toml~", "calendar.toml.bak", "notes.txt", "page.html"] {
        folder.write(&format!("rules/{name}"), "not a part of the pack");
    }
    folder.mcoe("check").succeeds();
    folder.write("rules/house.rhia", "fn house(post, ctx) { pass() }\n");
    folder.write("rules/overlays/law.tml", "scope = { client = \"a\" }\n");
    folder.mcoe("check").exits_with(2).stderr_has(&[
        "rules/house.rhia",
        "rename it to `house.rhai`",
        "rename it to `overlays/law.toml`",
    ]);
}

#[test]
fn functions_are_tried_with_valid_dates_and_other_posts_of_the_day() {
    for condition in [
        "post.date.split(\"-\")[1] == \"12\"",
        "parse_int(post.date.sub_string(8, 2)) > 20",
        "!post.channels_of_day.is_empty() && post.hours_of_day[post.channels_of_day.len() - 1] == post.hour",
    ] {
        let body = format!("    if {condition} {{ return warn(\"a\", \"b\"); }}\n    pass()");
        with_guardrail(&body).mcoe("check").succeeds();
    }
    let shortened = "    let month = post.date;\n    month.truncate(7);\n    \
                     if month == \"2026-12\" { return warn(\"a\", \"b\"); }\n    pass()";
    with_guardrail(shortened).mcoe("check").succeeds();
    for (condition, shown) in [
        ("post.month == 2 && post.day == 30", "never warns or blocks"),
        ("post.date.ends_with(\"-12-24\")", "post.date = \"2028-12-24\""),
        ("post.week == 53", "post.week = 53"),
        ("post.date >= \"2026-12-24\" && post.weekday == 6", "post.date = \"2026-12-27\""),
        ("post.date <= \"2026-12-31\" && post.weekday == 6", "post.weekday = 6"),
        ("post.date.starts_with(\"2026-12\") && post.day > 20", "post.date = \"2026-12-21\""),
        ("post.date > \"2026-12-24\"", "post.date = \"2026-12-25\""),
        ("post.date < \"2026-03-01\"", "post.date = \"2026-02-28\""),
    ] {
        let folder = with_guardrail(&format!("    if {condition} {{ return block(\"a\", \"b\"); }}\n    pass()"));
        let ran = folder.mcoe("rules verify");
        assert!(ran.out.contains(shown), "{condition}: {}", ran.out);
    }
}

#[test]
fn a_constant_outside_its_function_is_reported() {
    let folder = TestFolder::new();
    folder.write("rules/hooks.rhai", "const MOST = 3;\nfn weekly_posts(ctx) {\n    MOST\n}\n");
    folder.mcoe("check").exits_with(2).stderr_has(&["`MOST` is declared outside the function", "rules/hooks.rhai:3:"]);
}

#[test]
fn a_function_that_would_stop_a_plan_is_reported_with_a_situation() {
    let folder = with_guardrail(
        "    let share = 10 / (post.hour - 15);\n    if share > 3 { return warn(\"a\", \"b\"); }\n    pass()",
    );
    folder
        .mcoe("check")
        .exits_with(2)
        .stderr_has(&["`house` fails where post.hour = 15: division by zero", "rules/house.rhai:2:"]);
    with_guardrail("    if post.hour == 9 { return pass(); }").mcoe("check").exits_with(2).stderr_has(&[
        "`house` fails",
        "it returns nothing",
        "write `pass()` as its last line",
    ]);
    with_guardrail("    let n = 0;\n    loop { n += 1; }\n    pass()")
        .mcoe("check")
        .exits_with(2)
        .stderr_has(&["too many operations"]);
    let folder = TestFolder::new();
    folder.write(
        "rules/hooks.rhai",
        "fn weekly_posts(ctx) {\n    if ctx.channel == \"email\" { return -1; }\n    ctx.weekly_posts\n}\n",
    );
    folder.mcoe("check").exits_with(2).stderr_has(&[
        "`weekly_posts` fails",
        "it returned `-1`",
        "return a number of 0 to 168",
    ]);
    folder.write("rules/hooks.rhai", "fn score_asset(asset, ctx) {\n    100 / (asset.evolution_step - 3)\n}\n");
    folder.mcoe("check").exits_with(2).stderr_has(&["`score_asset` fails where asset.evolution_step = 3"]);
}

#[test]
fn names_in_the_pack_must_exist_in_the_scenario() {
    let folder = with_guardrail(
        "    if ctx.client == \"crumb-and-coo\" || ctx.industry == \"bakery chains\" { return warn(\"a\", \"b\"); }\n    pass()",
    );
    folder.copy_scenario("agency");
    folder.write("rules/overlays/law.toml", "scope = { client = \"wren-hale-lw\" }\n[channels.fb]\nweekly_posts = 3\n");
    let commands =
        ["check --scenario agency", "plan agency --out plan", "simulate agency --weeks 1 --out run", "db load agency"];
    for command in commands {
        let ran = folder.mcoe(command).exits_with(2);
        ran.stderr_has(&[
            "no client `crumb-and-coo`",
            "did you mean `crumb-and-co`?",
            "no client of the industry `bakery chains`",
        ])
        .stderr_has(&[
            "rules/house.rhai:2:",
            "no client `wren-hale-lw`",
            "rules/overlays/law.toml:1:",
            "`wren-hale-law`",
        ]);
    }
    assert!(!folder.entries().iter().any(|name| name == "plan" || name == "run" || name.contains("mcoe.db")));
    // Without a scenario the names cannot be checked.
    folder.mcoe("check").succeeds().stdout_has(&["rules `default` are valid"]).stderr_has(&[
        "warning",
        "it was not checked whether there is a client `wren-hale-lw`",
        "--scenario",
    ]);
    let reported = folder.mcoe("check --format json").succeeds().json();
    assert_eq!((&reported["errors"], reported["warnings"].as_array().unwrap().len()), (&0.into(), 3));
}

#[test]
fn an_overlay_for_a_campaign_of_another_client_is_reported() {
    let folder = TestFolder::new();
    folder.copy_scenario("agency");
    let overlay = |scope: &str| format!("scope = {{ {scope} }}\n[assets]\ncooldown_hours = 100\n");
    folder.write("rules/overlays/law.toml", &overlay("client = \"wren-hale-law\", campaign = \"crumb-harvest\""));
    folder.mcoe("check --scenario agency").exits_with(2).stderr_has(&[
        "the client `wren-hale-law` has no campaign `crumb-harvest`",
        "rules/overlays/law.toml:1:",
        "the campaign `crumb-harvest` belongs to `crumb-and-co`: write that client, or omit `client`",
    ]);
    for scope in ["client = \"crumb-and-co\", campaign = \"crumb-harvest\"", "campaign = \"crumb-harvest\""] {
        folder.write("rules/overlays/law.toml", &overlay(scope));
        folder.mcoe("check --scenario agency").succeeds();
    }
}

#[test]
fn tags_in_scripts_must_exist_in_the_scenario() {
    for (condition, message) in [
        ("\"b2bb\" in ctx.tags", "no client with the tag `b2bb`"),
        ("ctx.tags.contains(\"b2bb\")", "did you mean `b2b`?"),
        ("!(\"spring\" in post.asset_tags)", "no asset with the tag `spring`"),
    ] {
        let folder = with_guardrail(&format!("    if {condition} {{ return warn(\"a\", \"b\"); }}\n    pass()"));
        folder.copy_scenario("agency");
        folder.mcoe("check --scenario agency").exits_with(2).stderr_has(&[message, "rules/house.rhai:2:"]);
    }
    let folder = with_guardrail("    if \"b2b\" in ctx.tags { return warn(\"a\", \"b\"); }\n    pass()");
    folder.copy_scenario("agency");
    folder.mcoe("check --scenario agency").succeeds();
}

#[test]
fn two_overlays_of_one_client_that_set_the_same_key_are_reported() {
    let folder = TestFolder::new();
    folder.copy_scenario("agency");
    for (name, posts) in [("a", 3), ("b", 9)] {
        let text = format!("scope = {{ client = \"crumb-and-co\" }}\n[channels.fb]\nweekly_posts = {posts}\n");
        folder.write(&format!("rules/overlays/{name}.toml"), &text);
    }
    folder.mcoe("check --scenario agency").succeeds().stderr_has(&[
        "warning[set_twice]",
        "`overlays/a.toml` sets `channels.fb.weekly_posts` for the same scope",
        "rules/overlays/b.toml:3:",
    ]);
}
