//! Random texts as input: nothing panics, and every error has a place.

use std::sync::LazyLock;

use mcoe::diagnostic::{Diagnostic, Place};
use mcoe::model::{Channel, Policy, Scenario};
use mcoe::rules::PackFiles;
use mcoe::scenario::{self, ScenarioError, ScenarioErrors};
use proptest::prelude::*;
use proptest::sample::{Index, select};

use crate::support::{Agency, default_pack, project, proptest_config, read_folder, rendered, try_compile, try_plan};

static SHOP: LazyLock<Scenario> = LazyLock::new(|| {
    Agency::starting("2026-W40").with_client("acme", "Europe/London", &[Channel::Fb, Channel::X]).scenario()
});

/// Loads and compiles a pack and, if that succeeds, plans under it.
fn assert_reported_or_planned(files: PackFiles) {
    let mistakes = match try_compile(files.clone()) {
        Ok(rules) => {
            if let Err(error) = try_plan(&rules, &SHOP) {
                assert!(!error.to_string().is_empty());
            }
            return;
        }
        Err(mistakes) => mistakes,
    };
    assert!(!mistakes.is_empty());
    for mistake in &mistakes {
        assert_has_place(mistake, &files);
    }
    assert!(!rendered(&mistakes, &files).is_empty());
}

fn assert_has_place(mistake: &Diagnostic, files: &PackFiles) {
    let place = mistake.place.source().unwrap();
    let is_whole_file = place.line == 0 && place.column == 0;
    let lines = files.get(&*place.file).map_or(0, |text| text.lines().count() + 1);
    let is_in_file = (1..=lines).contains(&(place.line as usize)) && place.column >= 1;
    assert!(is_whole_file || is_in_file, "{mistake:?}");
    assert!(!place.file.is_empty() && !mistake.cause.is_empty() && !mistake.remedy.is_empty(), "{mistake:?}");
}

/// Tokens that are likely to be valid in a script.
const SCRIPT_TOKENS: &[&str] = &[
    "fn ",
    "let ",
    "if ",
    "else ",
    "loop {",
    "while true {",
    "for x in 0..9 {",
    "return ",
    "break",
    "throw ",
    "{",
    "}",
    "(",
    ")",
    "[",
    "]",
    "#{",
    ";",
    ",",
    ".",
    "=",
    "==",
    ">=",
    "+=",
    "+",
    "-",
    "*",
    "/",
    "%",
    "!",
    "&&",
    "||",
    "??",
    "?.",
    "..",
    "=>",
    "switch ",
    "do {",
    "until ",
    "this",
    "ctx",
    "post",
    "asset",
    "client",
    "ctx.fatigue",
    "post.fatigue",
    "ctx.params.max_gap",
    "pass()",
    "warn(\"a\", \"b\")",
    "block(\"a\", \"b\")",
    "clamp(1.0, 0.0, 2.0)",
    "0",
    "1",
    "0.5",
    "1e308",
    "9223372036854775807",
    "\"",
    "`",
    "${",
    "'",
    "// ",
    "/* ",
    "*/",
    "\n",
    "\\",
    "\u{0}",
    "ä",
    "💥",
    "|",
    "const ",
    "import ",
    "export ",
    "private ",
    "try {",
    "} catch (e) {",
    "in ",
    "is_def_var",
    "Fn(\"pass\")",
    "call(",
    "weekly_posts",
    "hour_weights",
    "score_asset",
    "confidence",
    "channel_fatigue",
    "to_string()",
    "len",
    "type_of(",
];

/// Tokens that are likely to be valid in a table.
const TABLE_TOKENS: &[&str] = &[
    ",",
    "\n",
    "\r\n",
    "\"",
    "\"\"",
    ";",
    "-1",
    "0",
    "1e999",
    "nan",
    "inf",
    "0.5",
    "2026-10-19T00:00:00Z",
    "2026-02-30",
    "kettle-lane",
    "orbit-repair",
    "nobody",
    "fb",
    "x",
    "true",
    "maybe",
    "client:",
    "client:kettle-lane/fb",
    "all",
    "Europe/London",
    "\u{feff}",
    "\t",
    " ",
    "ä",
    "💥",
    "\u{0}",
    "k1",
    "k-week",
    "=",
    "[",
    "]",
];

/// One of the tokens, or any text.
fn piece(tokens: &'static [&'static str]) -> impl Strategy<Value = String> {
    prop_oneof![5 => select(tokens).prop_map(str::to_owned), 1 => any::<String>()]
}

/// Replaces some characters of a text.
#[derive(Debug)]
struct Edit {
    start: Index,
    removed_chars: usize,
    inserted: String,
}

fn edits(tokens: &'static [&'static str]) -> impl Strategy<Value = Vec<Edit>> {
    let edit = (any::<Index>(), 0_usize..30, piece(tokens));
    let edit = edit.prop_map(|(start, removed_chars, inserted)| Edit { start, removed_chars, inserted });
    prop::collection::vec(edit, 1..6)
}

fn apply(edits: Vec<Edit>, text: &mut String) {
    for Edit { start, removed_chars, inserted } in edits {
        let bounds: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
        let start = start.index(bounds.len());
        text.replace_range(bounds[start]..bounds[(start + removed_chars).min(bounds.len() - 1)], &inserted);
    }
}

fn pack_file() -> impl Strategy<Value = String> {
    select(default_pack().into_keys().collect::<Vec<_>>())
}

fn script_file() -> impl Strategy<Value = String> {
    select(vec!["guardrails.rhai", "early_warning.rhai", "more.rhai"]).prop_map(str::to_owned)
}

proptest! {
    #![proptest_config(proptest_config(192))]

    #[test]
    fn no_edit_of_a_script_makes_the_engine_panic(name in script_file(), edits in edits(SCRIPT_TOKENS)) {
        let mut files = default_pack();
        apply(edits, files.entry(name).or_default());
        assert_reported_or_planned(files);
    }

    #[test]
    fn no_random_tokens_as_a_script_make_the_engine_panic(
        pieces in prop::collection::vec(piece(SCRIPT_TOKENS), 0..50),
    ) {
        let mut files = default_pack();
        files.insert("more.rhai".to_owned(), pieces.concat());
        assert_reported_or_planned(files);
    }

    #[test]
    fn no_body_of_a_hook_makes_the_engine_panic(
        hook in select(vec![
            "weekly_posts(ctx)", "hour_weights(ctx)", "confidence(post, ctx)", "score_asset(asset, ctx)",
        ]),
        pieces in prop::collection::vec(piece(SCRIPT_TOKENS), 0..25),
    ) {
        let mut files = default_pack();
        files.insert("more.rhai".to_owned(), format!("fn {hook} {{\n{}\n}}\n", pieces.join(" ")));
        assert_reported_or_planned(files);
    }

    #[test]
    fn no_edit_of_any_file_of_a_pack_makes_the_engine_panic(name in pack_file(), edits in edits(TABLE_TOKENS)) {
        let mut files = default_pack();
        apply(edits, files.get_mut(&name).unwrap());
        assert_reported_or_planned(files);
    }
}

fn policy() -> Policy {
    Policy {
        agent_enabled: true,
        auto_exec_enabled: true,
        max_actions_per_day: 10,
        pause_on_high_severity_warning: true,
    }
}

fn read_scenario(files: &PackFiles) -> Result<Scenario, ScenarioErrors> {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in files {
        std::fs::write(dir.path().join(name), text).unwrap();
    }
    scenario::read(dir.path(), &policy())
}

/// Reads a scenario with these texts as its files; every error must have a place, a cause and a remedy.
fn assert_reported_or_read(files: &PackFiles) {
    let Err(errors) = read_scenario(files) else { return };
    assert!(!errors.is_empty() && !errors.is_system_failure(), "{errors}");
    for error in errors.iter() {
        match error {
            ScenarioError::Invalid(mistake) => match &mistake.place {
                Place::Table(place) => {
                    let is_reported = !place.file.is_empty() && !mistake.cause.is_empty() && !mistake.remedy.is_empty();
                    assert!(is_reported, "{mistake:?}");
                }
                _ => assert_has_place(mistake, files),
            },
            other => assert!(!other.to_string().is_empty()),
        }
    }
}

fn scenario_file() -> impl Strategy<Value = String> {
    select(read_folder(&project("scenarios/small")).into_keys().collect::<Vec<_>>())
}

proptest! {
    #![proptest_config(proptest_config(192))]

    #[test]
    fn no_edit_of_a_scenario_makes_the_reader_panic(name in scenario_file(), edits in edits(TABLE_TOKENS)) {
        let mut files = read_folder(&project("scenarios/small"));
        apply(edits, files.get_mut(&name).unwrap());
        assert_reported_or_read(&files);
    }

    #[test]
    fn no_text_in_place_of_a_table_makes_the_reader_panic(
        name in scenario_file(),
        pieces in prop::collection::vec(piece(TABLE_TOKENS), 0..60),
        keeps_head in any::<bool>(),
    ) {
        let mut files = read_folder(&project("scenarios/small"));
        let text = files.get_mut(&name).unwrap();
        let head = text.lines().next().unwrap_or_default().to_owned();
        *text = if keeps_head { format!("{head}\n{}", pieces.concat()) } else { pieces.concat() };
        assert_reported_or_read(&files);
    }
}

#[test]
fn very_deep_nesting_is_an_error_and_does_not_overflow() {
    for (open, close) in [("[", "]"), ("{ a = ", " }"), ("[ { a = ", " } ]")] {
        let mut files = default_pack();
        let deep = format!("days = {}1{}\n", open.repeat(20_000), close.repeat(20_000));
        files.insert("calendar.toml".to_owned(), deep);
        assert_reported_or_planned(files);
    }
    let mut files = default_pack();
    files.insert("calendar.toml".to_owned(), format!("{} = 1\n", "a.".repeat(20_000) + "a"));
    assert_reported_or_planned(files);
    for open in ["(", "[", "#{a:", "!", "-", "if true {", "`${", "|a| ", "{", "switch 1 {1=>", "fn f() {", "a.", "a["] {
        let mut files = default_pack();
        files.insert("more.rhai".to_owned(), format!("fn weekly_posts(ctx) {{ {}", open.repeat(20_000)));
        assert_reported_or_planned(files);
    }
}
