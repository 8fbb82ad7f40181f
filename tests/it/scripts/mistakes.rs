//! Mistakes in scripts that are reported before any script runs.

use mcoe::diagnostic::{Diagnostic, SourceLocation};
use mcoe::rules::PackFiles;

use crate::support::{pack_with_changes, pack_with_file, rendered, try_compile};

/// The error of a pack that must have exactly one.
fn only_mistake(files: PackFiles) -> Diagnostic {
    let mut mistakes = try_compile(files.clone()).err().expect("the pack should not compile");
    assert_eq!(mistakes.len(), 1, "{}", rendered(&mistakes, &files));
    mistakes.remove(0)
}

fn location(mistake: &Diagnostic) -> &SourceLocation {
    mistake.place.source().unwrap()
}

/// Fails unless a pack has exactly one error, with a code, a place (file, line, column) and words.
#[track_caller]
fn assert_reported(files: PackFiles, code: &str, place: (&str, u32, u32), words: &[&str]) {
    let mistake = only_mistake(files);
    let (file, line, column) = place;
    let expected = (code, format!("{file}:{line}:{column}"));
    assert_eq!((mistake.code, mistake.place.to_string()), expected, "{mistake:?}");
    let text = format!("{}\n{}", mistake.cause, mistake.remedy);
    for word in words {
        assert!(text.contains(word), "`{word}` is not in:\n{text}");
    }
}

/// The 1-based number of the first line of a file that contains a text.
fn line_of(files: &PackFiles, file: &str, text: &str) -> u32 {
    let index = files[file].lines().position(|line| line.contains(text));
    u32::try_from(index.unwrap_or_else(|| panic!("`{text}` is not in {file}"))).unwrap() + 1
}

#[test]
fn a_syntax_error_is_reported_with_its_place() {
    let files = pack_with_file("hooks.rhai", "fn weekly_posts(ctx) {\n    let = 3;\n}\n");
    assert_reported(files, "script_syntax", ("hooks.rhai", 2, 9), &["name of a variable"]);
}

#[test]
fn syntax_errors_in_several_files_are_reported_at_once() {
    let mut files = pack_with_file("a.rhai", "fn weekly_posts(ctx) {\n");
    files.insert("b.rhai".to_owned(), "fn confidence(post, ctx) { 1 + }\n".to_owned());
    let mistakes = try_compile(files).err().unwrap();
    let places: Vec<&str> = mistakes.iter().map(|mistake| &*location(mistake).file).collect();
    assert_eq!(places, ["a.rhai", "b.rhai"]);
    assert!(mistakes.iter().all(|mistake| location(mistake).line >= 1), "{mistakes:?}");
}

#[test]
fn a_misspelt_function_gets_a_suggestion() {
    let files = pack_with_file("hooks.rhai", "fn weekly_posts(ctx) {\n    clmap(ctx.fatigue, 0.0, 1.0)\n}\n");
    assert_reported(files, "unknown_function", ("hooks.rhai", 2, 5), &["`clmap`", "did you mean `clamp`?"]);
    let files = pack_with_changes(&[("guardrails.rhai", "return block(\"the client", "return blok(\"the client")]);
    let line = line_of(&files, "guardrails.rhai", "blok(");
    assert_reported(files, "unknown_function", ("guardrails.rhai", line, 16), &["did you mean `block`?"]);
}

#[test]
fn a_function_that_is_not_registered_is_unknown() {
    for (call, name) in [("sleep(3)", "sleep"), ("exit()", "exit"), ("timestamp()", "timestamp"), ("rand()", "rand")] {
        let files = pack_with_file("hooks.rhai", &format!("fn weekly_posts(ctx) {{ {call}; 1 }}\n"));
        assert_reported(files, "unknown_function", ("hooks.rhai", 1, 24), &[&format!("`{name}`")]);
    }
}

#[test]
fn a_misspelt_field_gets_a_suggestion() {
    for (view, script, nearest) in [
        ("post", "fn confidence(post, ctx) {\n    if post.fatige > 0.5 { 0.5 } else { 0.9 }\n}\n", "post.fatigue"),
        ("ctx", "fn weekly_posts(ctx) {\n    if ctx.fatige > 0.5 { 1 } else { 2 }\n}\n", "ctx.fatigue"),
        ("asset", "fn score_asset(asset, ctx) {\n    if asset.qualty > 0.5 { 1 } else { 2 }\n}\n", "asset.quality"),
    ] {
        let files = pack_with_file("hooks.rhai", script);
        let column = 8 + u32::try_from(view.len()).unwrap() + 1;
        assert_reported(files, "unknown_field", ("hooks.rhai", 2, column), &[&format!("did you mean `{nearest}`?")]);
    }
}

#[test]
fn a_misspelt_field_in_a_string_or_a_helper_is_found() {
    let files = pack_with_file("hooks.rhai", "fn weekly_posts(ctx) { let a = `f ${ctx.fatige}`; a.len }\n");
    assert_eq!(only_mistake(files).place.name(), "ctx.fatige");
    let files = pack_with_file("hooks.rhai", "fn weekly_posts(ctx) { tired(ctx) }\nfn tired(ctx) { ctx.fatige }\n");
    let mistake = only_mistake(files);
    assert_eq!((mistake.place.name(), location(&mistake).line), ("ctx.fatige", 2));
}

#[test]
fn a_misspelt_parameter_gets_a_suggestion() {
    let files = pack_with_changes(&[("guardrails.rhai", "ctx.params.max_gap", "ctx.params.max_gapp")]);
    let line = line_of(&files, "guardrails.rhai", "max_gapp");
    let mistake = only_mistake(files);
    let location = location(&mistake);
    assert_eq!((mistake.code, &*location.file, location.line), ("unknown_field", "guardrails.rhai", line));
    assert!(location.column >= 18, "{mistake:?}");
    assert_eq!(mistake.remedy, "did you mean `ctx.params.max_gap`?");
    let files = pack_with_changes(&[("guardrails.rhai", "ctx.params.max_gap", "ctx.params.colour")]);
    assert_eq!(only_mistake(files).remedy, "add `colour` to [truth_layer.params] in guardrails.toml");
}

#[test]
fn a_hook_with_wrong_parameters_is_reported_with_the_right_ones() {
    let files = pack_with_file("hooks.rhai", "\nfn weekly_posts(channel, week) { 1 }\n");
    assert_reported(
        files,
        "wrong_parameters",
        ("hooks.rhai", 2, 1),
        &["takes (channel, week)", "write `fn weekly_posts(ctx)`"],
    );
    let files = pack_with_changes(&[("guardrails.rhai", "fn truth_layer(post, ctx)", "fn truth_layer(ctx, post)")]);
    let line = line_of(&files, "guardrails.rhai", "fn truth_layer");
    assert_reported(files, "wrong_parameters", ("guardrails.rhai", line, 1), &["write `fn truth_layer(post, ctx)`"]);
}

#[test]
fn a_channel_week_guardrail_takes_no_post() {
    let files = pack_with_changes(&[("guardrails.toml", "scope = \"post\"", "scope = \"channel_week\"")]);
    assert_eq!(only_mistake(files).remedy, "write `fn early_warning(ctx)`");
}

#[test]
fn a_guardrail_without_a_function_is_reported_at_its_declaration() {
    let table = "[wordy]\nenabled = true\nscope = \"post\"\nconflict = \"asset\"\nwarn_raises_risk = false\n";
    let mut files = pack_with_changes(&[]);
    files.get_mut("guardrails.toml").unwrap().push_str(table);
    let line = line_of(&files, "guardrails.toml", "[wordy]");
    let mistake = only_mistake(files);
    assert_eq!((mistake.code, &*location(&mistake).file), ("guardrail_without_function", "guardrails.toml"));
    assert!((line..line + 2).contains(&location(&mistake).line), "{mistake:?} is not at line {line}");
    assert_eq!(mistake.cause, "no script defines `fn wordy(post, ctx)`");
}

#[test]
fn a_mistyped_guardrail_is_matched_with_its_function() {
    let files = pack_with_changes(&[("guardrails.rhai", "fn truth_layer(", "fn truth_layr(")]);
    let mistakes = try_compile(files).err().unwrap();
    let reported: Vec<(&str, &str)> = mistakes.iter().map(|mistake| (mistake.code, mistake.remedy.as_str())).collect();
    assert!(reported[0].0 == "guardrail_without_function" && reported[0].1.contains("`truth_layr`"), "{reported:?}");
    assert!(reported[1].0 == "undeclared_function" && reported[1].1.contains("`truth_layer`"), "{reported:?}");
}

#[test]
fn signals_need_a_function_that_scores_them() {
    let mut files = pack_with_changes(&[]);
    files.remove("early_warning.rhai");
    assert_eq!(only_mistake(files).code, "signals_without_function");
}

#[test]
fn an_unused_function_gets_a_suggestion() {
    let files = pack_with_file("hooks.rhai", "fn weekly_post(ctx) {\n    3\n}\n");
    assert_reported(files, "undeclared_function", ("hooks.rhai", 1, 1), &["`weekly_post`", "`weekly_posts`"]);
}

#[test]
fn a_helper_that_a_hook_calls_is_valid() {
    let files = pack_with_file("hooks.rhai", "fn weekly_posts(ctx) { half(ctx.weekly_posts) }\nfn half(n) { n / 2 }\n");
    assert!(try_compile(files).is_ok());
}

#[test]
fn a_call_with_too_few_arguments_is_reported_with_their_number() {
    let files = pack_with_file("hooks.rhai", "fn weekly_posts(ctx) {\n    half()\n}\nfn half(n) { n / 2 }\n");
    assert_reported(files, "wrong_arguments", ("hooks.rhai", 2, 5), &["called with 0 arguments and takes 1"]);
}

#[test]
fn a_statement_outside_functions_is_refused() {
    let files = pack_with_file("hooks.rhai", "// Posts a week.\nlet posts = 3;\nfn weekly_posts(ctx) { 3 }\n");
    assert_reported(files, "script_statement", ("hooks.rhai", 2, 1), &["outside every function"]);
}

#[test]
fn a_function_defined_in_two_files_is_refused_at_the_second() {
    let mut files = pack_with_file("a.rhai", "fn weekly_posts(ctx) { 1 }\n");
    files.insert("b.rhai".to_owned(), "// Again.\nfn weekly_posts(ctx) { 2 }\n".to_owned());
    assert_reported(files, "script_syntax", ("b.rhai", 2, 1), &["weekly_posts", "a name of its own"]);
}

#[test]
fn imports_and_other_access_outside_a_script_are_refused() {
    for script in [
        "fn weekly_posts(ctx) { eval(\"1\") }\n",
        "fn weekly_posts(ctx) { print(\"hello\"); 1 }\n",
        "fn weekly_posts(ctx) { debug(1); 1 }\n",
        "import \"other\" as other;\nfn weekly_posts(ctx) { 1 }\n",
        "fn weekly_posts(ctx) { import \"other\" as other; 1 }\n",
    ] {
        let mistake = only_mistake(pack_with_file("hooks.rhai", script));
        assert_eq!(
            (mistake.code, &*location(&mistake).file, location(&mistake).line),
            ("script_syntax", "hooks.rhai", 1),
            "{mistake:?}"
        );
    }
}

/// The facts that a function reads are determined from its source. Facts read by a function whose name is computed at
/// run time would be missed, and its results would be used for the wrong posts.
#[test]
fn functions_cannot_be_called_by_computed_names() {
    for script in [
        "fn weekly_posts(ctx) { Fn(\"half\").call(ctx) }\nfn half(ctx) { ctx.weekly_posts / 2 }\n",
        "fn confidence(post, ctx) { call(Fn(\"channel_\" + \"fatigue\"), post, ctx); 0.8 }\n",
        "fn weekly_posts(ctx) { let half = |n| n / 2; half.call(ctx.weekly_posts) }\n",
        "fn weekly_posts(ctx) { [1, 2].map(|n| n + ctx.weekly_posts)[0] }\n",
    ] {
        let mistakes =
            try_compile(pack_with_file("hooks.rhai", script)).err().unwrap_or_else(|| panic!("{script} compiles"));
        let reported: Vec<_> =
            mistakes.iter().map(|mistake| (&*location(mistake).file, location(mistake).line, &mistake.cause)).collect();
        assert!(reported.iter().any(|(file, line, _)| (*file, *line) == ("hooks.rhai", 1)), "{reported:?}");
    }
}

#[test]
fn deeply_nested_expressions_are_refused_without_overflow() {
    for (open, middle, close) in [("(", "1", ")"), ("[", "1", "]"), ("!", "true", ""), ("-", "1", ""), ("{", "1", "}")]
    {
        let deep = format!("{}{middle}{}", open.repeat(20_000), close.repeat(20_000));
        let files = pack_with_file("hooks.rhai", &format!("fn weekly_posts(ctx) {{ {deep} }}\n"));
        assert_eq!(only_mistake(files).code, "script_syntax", "{open}");
    }
}
