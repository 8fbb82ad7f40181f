//! Scripts that fail while they run: planning stops and reports where.
//!
//! An exceeded limit is reported at the line of the hook that was called, because the script engine does not say where
//! in the hook it was exceeded.

use mcoe::model::Channel;
use mcoe::planner::PlanError;
use mcoe::rules::{PackFiles, RuleFailure};

use crate::support::{Agency, TestFolder, compiled, pack_with_changes, pack_with_file, try_plan};

/// The error with which planning under a pack stops.
fn failure(files: PackFiles) -> RuleFailure {
    let scenario = Agency::starting("2026-W40").with_client("acme", "Europe/London", &[Channel::Fb]).scenario();
    match try_plan(&compiled(files), &scenario) {
        Err(PlanError::Rule(failure)) => failure,
        other => panic!("the rule should fail: {other:?}"),
    }
}

/// Fails unless planning stops at a place (file, line, column) with a cause that contains a text.
#[track_caller]
fn assert_stops(files: PackFiles, place: (&str, u32, u32), cause: &str) {
    let failure = failure(files);
    assert_eq!((&*failure.location.file, failure.location.line, failure.location.column), place, "{failure}");
    assert!(failure.cause.contains(cause), "`{cause}` is not in:\n{failure}");
    assert!(!failure.remedy.is_empty(), "{failure}");
}

/// The default pack with a script of hooks.
fn hooks(script: &str) -> PackFiles {
    pack_with_file("hooks.rhai", script)
}

#[test]
fn an_endless_loop_is_stopped() {
    assert_stops(hooks("\nfn weekly_posts(ctx) {\n    loop {}\n}\n"), ("hooks.rhai", 2, 1), "too many operations");
    let script = "fn weekly_posts(ctx) {\n    let n = 0;\n    while true { n += 1; }\n    n\n}\n";
    assert_stops(hooks(script), ("hooks.rhai", 1, 1), "too many operations");
}

#[test]
fn endless_recursion_is_stopped() {
    let script = "fn weekly_posts(ctx) { down(1) }\nfn down(n) {\n    down(n + 1)\n}\n";
    assert_stops(hooks(script), ("hooks.rhai", 1, 1), "stack overflow");
}

#[test]
fn deep_calls_of_deep_expressions_do_not_overflow_the_stack() {
    let sum = format!("{}down(n + 1){}", "1+(".repeat(8), ")".repeat(8));
    let script =
        format!("fn weekly_posts(ctx) {{ down(1) }}\nfn down(n) {{ if n > 0 {{ while true {{ return {sum}; }} }} }}\n");
    assert_stops(hooks(&script), ("hooks.rhai", 1, 1), "stack overflow");
}

#[test]
fn an_endlessly_growing_string_is_stopped() {
    let script = "fn weekly_posts(ctx) {\n    let text = \"x\";\n    loop { text += text; }\n}\n";
    let failure = failure(hooks(script));
    assert_eq!((&*failure.location.file, failure.location.line), ("hooks.rhai", 1), "{failure}");
    assert!(failure.remedy.contains("4096"), "{failure}");
}

#[test]
fn an_endlessly_growing_array_or_map_is_stopped() {
    for (body, cause) in [
        ("let a = [1]; loop { a += a; }", "too large"),
        ("let m = #{}; let n = 0; loop { n += 1; m[`k${n}`] = n; }", "too many operations"),
    ] {
        assert_stops(hooks(&format!("fn weekly_posts(ctx) {{\n    {body}\n}}\n")), ("hooks.rhai", 1, 1), cause);
    }
}

#[test]
fn a_huge_array_made_by_one_call_is_stopped() {
    let script = "fn weekly_posts(ctx) {\n    let a = [];\n    a.pad(1000000000, 0);\n    a.len\n}\n";
    assert_stops(hooks(script), ("hooks.rhai", 1, 1), "too large");
}

#[test]
fn a_result_of_the_wrong_type_is_an_error() {
    assert_stops(hooks("fn weekly_posts(ctx) { \"many\" }\n"), ("hooks.rhai", 1, 1), "it returned `many`");
    assert_stops(hooks("fn weekly_posts(ctx) { }\n"), ("hooks.rhai", 1, 1), "it returns nothing");
    assert_stops(hooks("fn weekly_posts(ctx) { 2.5 }\n"), ("hooks.rhai", 1, 1), "it returned 2.5");
    assert_stops(hooks("fn hour_weights(ctx) { [1, 2, 3] }\n"), ("hooks.rhai", 1, 1), "3 entries");
    assert_stops(hooks("fn score_asset(asset, ctx) { true }\n"), ("hooks.rhai", 1, 1), "it returned `true`");
}

#[test]
fn a_guardrail_that_returns_no_verdict_is_an_error() {
    let files = pack_with_changes(&[(
        "guardrails.rhai",
        "    pass()\n}\n\n/// Checks the fatigue",
        "    true\n}\n\n/// Checks the fatigue",
    )]);
    let failure = failure(files);
    assert_eq!((&*failure.location.file, failure.function.as_str()), ("guardrails.rhai", "early_warning"), "{failure}");
    assert!(
        failure.location.line >= 1 && failure.remedy.contains("pass(), warn(reason, remedy) or block"),
        "{failure}"
    );
}

#[test]
fn nan_and_numbers_out_of_range_are_errors() {
    for (result, shown) in [("0.0 / 0.0", "NaN"), ("1.0 / 0.0", "inf"), ("1.5", "1.5"), ("-0.1", "-0.1")] {
        assert_stops(hooks(&format!("fn confidence(post, ctx) {{ {result} }}\n")), ("hooks.rhai", 1, 1), shown);
    }
    assert_stops(hooks("fn weekly_posts(ctx) { -1 }\n"), ("hooks.rhai", 1, 1), "-1");
    assert_stops(hooks("fn weekly_posts(ctx) { 169 }\n"), ("hooks.rhai", 1, 1), "169");
    assert_stops(hooks("fn score_asset(asset, ctx) { 100.5 }\n"), ("hooks.rhai", 1, 1), "100.5");
    let weights = "fn hour_weights(ctx) { let w = []; w.pad(168, 1.0); w[5] = 0.0 / 0.0; w }\n";
    assert_stops(hooks(weights), ("hooks.rhai", 1, 1), "monday 5:00, is `NaN`");
}

#[test]
fn integer_overflow_and_division_by_zero_are_errors() {
    assert_stops(
        hooks("fn weekly_posts(ctx) {\n    1 / (ctx.weekly_posts - 5)\n}\n"),
        ("hooks.rhai", 2, 7),
        "division by zero",
    );
    let failure = failure(hooks("fn weekly_posts(ctx) {\n    9223372036854775807 + ctx.weekly_posts\n}\n"));
    assert_eq!((&*failure.location.file, failure.location.line), ("hooks.rhai", 2), "{failure}");
}

#[test]
fn a_signal_matrix_must_score_every_signal() {
    let files = pack_with_changes(&[(
        "early_warning.rhai",
        "        story_stall: attention(client.days_since_new_asset / 50.0),\n",
        "",
    )]);
    let failure = failure(files);
    assert_eq!(failure.function, "signal_matrix");
    assert!(failure.cause.contains("`story_stall`"), "{failure}");
    let files = pack_with_changes(&[(
        "early_warning.rhai",
        "story_stall: attention(client.days_since_new_asset / 50.0)",
        "story_stall: 1.01",
    )]);
    assert!(self::failure(files).cause.contains("`story_stall`"));
}

#[test]
fn scripts_cannot_change_their_facts() {
    for body in ["ctx.fatigue = 0.0; 1", "ctx.params.x = 1; 1"] {
        let failure = failure(hooks(&format!("fn weekly_posts(ctx) {{\n    {body}\n}}\n")));
        assert_eq!((&*failure.location.file, failure.location.line), ("hooks.rhai", 2), "{failure}");
    }
}

#[test]
fn an_unknown_field_found_at_run_time_is_reported_with_its_place() {
    let script = "fn weekly_posts(ctx) { helper(ctx) }\nfn helper(c) {\n    c.fatige\n}\n";
    let failure = failure(hooks(script));
    assert_eq!((&*failure.location.file, failure.location.line), ("hooks.rhai", 3), "{failure}");
    assert!(failure.cause.contains("fatige"), "{failure}");
}

#[test]
fn a_thrown_value_is_reported() {
    assert_stops(hooks("fn weekly_posts(ctx) {\n    throw \"no idea\"\n}\n"), ("hooks.rhai", 2, 5), "no idea");
}

#[test]
fn the_first_failing_client_is_reported_on_any_number_of_threads() {
    let folder = TestFolder::new();
    let script = "fn weekly_posts(ctx) {\n    throw `not for ${ctx.client} on ${ctx.channel}`\n}\n";
    folder.write("rules/hooks.rhai", script);
    let error_on = |threads: u32| folder.mcoe(&format!("plan small --out plan --threads {threads}")).exits_with(2).err;
    let error = error_on(1);
    assert!(error.contains("not for kettle-lane on fb"), "{error}");
    assert_eq!(error, error_on(4));
}

#[test]
fn the_message_of_a_failure_names_the_file_of_the_pack() {
    let folder = TestFolder::new();
    folder.write("rules/hooks.rhai", "fn weekly_posts(ctx) {\n    throw \"no idea\"\n}\n");
    let ran = folder.mcoe("simulate small --out run").exits_with(2);
    assert_eq!(ran.out, "");
    ran.stderr_has(&["error: hooks.rhai:2:5: `weekly_posts` failed: ", "no idea", "remedy: ", "nothing was written"]);
}
