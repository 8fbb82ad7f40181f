//! `mcoe rules fmt`: formats a pack without changing its meaning.

use crate::support::{TestFolder, project, read_folder};

const CASES: &str = "[crumb]  # a page\nexpect={weekly_posts=5,priority = 60 }\n";
const OVERLAY: &str = "scope={client=\"crumb-and-co\"}# theirs\n\n\n[channels.fb]\n  weekly_posts=4\n";

/// A folder whose pack has three unformatted files.
fn with_unformatted_files() -> TestFolder {
    let folder = TestFolder::new();
    folder.write("rules/tests/crumb.toml", CASES);
    folder.write("rules/overlays/crumb.toml", OVERLAY);
    folder.replace("rules/guardrails.rhai", "    pass()\n", "    pass()  \n");
    folder
}

#[test]
fn every_shipped_file_is_formatted() {
    let folder = TestFolder::new();
    for (name, text) in read_folder(&project("rules")) {
        folder.write(&format!("rules/{name}"), &text);
    }
    let ran = folder.mcoe("rules fmt --check").succeeds();
    assert_eq!((ran.out.as_str(), ran.err.as_str()), ("", ""));
}

#[test]
fn check_lists_unformatted_files_and_writes_nothing() {
    let folder = with_unformatted_files();
    let before = folder.files_in("rules");
    let ran = folder.mcoe("rules fmt --check").exits_with(1).stderr_has(&["3 file(s)", "remedy: run `mcoe rules fmt"]);
    assert_eq!(ran.out, "rules/guardrails.rhai\nrules/overlays/crumb.toml\nrules/tests/crumb.toml\n");
    assert!(folder.files_in("rules") == before, "something was written");
}

#[test]
fn formatting_files_does_not_change_the_pack() {
    let folder = with_unformatted_files();
    folder.write("before/pack.toml", "");
    for (name, bytes) in folder.files_in("rules") {
        folder.write(&format!("before/{name}"), std::str::from_utf8(&bytes).unwrap());
    }
    let ran = folder.mcoe("rules fmt").succeeds();
    assert_eq!(ran.out, "rules/guardrails.rhai\nrules/overlays/crumb.toml\nrules/tests/crumb.toml\n");
    let cases = "[crumb]   # a page\nexpect = { weekly_posts = 5, priority = 60 }\n";
    let overlay = "scope = { client = \"crumb-and-co\" }   # theirs\n\n[channels.fb]\nweekly_posts = 4\n";
    assert_eq!(folder.read("rules/tests/crumb.toml"), cases);
    assert_eq!(folder.read("rules/overlays/crumb.toml"), overlay);
    assert_eq!(folder.mcoe("rules diff before rules").succeeds().out, "the packs do not differ\n");
    assert_eq!(folder.mcoe("rules fmt").succeeds().out, "");
    folder.mcoe("rules fmt --check").succeeds();
}

#[test]
fn nothing_is_written_if_a_file_cannot_be_read() {
    let folder = with_unformatted_files();
    folder.replace("rules/fatigue.toml", "warn_at = 0.5", "warn_at = ");
    folder.replace("rules/risk.toml", "[review]", "[review");
    folder.replace("rules/early_warning.rhai", "fn attention(score) {", "fn attention(score {");
    let before = folder.files_in("rules");
    for line in ["rules fmt", "rules fmt --check"] {
        let ran = folder.mcoe(line).exits_with(2);
        assert_eq!(ran.out, "");
        ran.stderr_has(&["rules/fatigue.toml:5", "rules/risk.toml:", "rules/early_warning.rhai:", "3 error(s)"]);
    }
    assert!(folder.files_in("rules") == before, "something was written");
    folder.mcoe("rules fmt --rules nowhere").exits_with(2).stderr_has(&["cannot read the rules pack `nowhere`"]);
}

#[test]
fn an_invalid_but_readable_pack_is_formatted() {
    let folder = TestFolder::new();
    folder.replace("rules/fatigue.toml", "warn_at = 0.5", "warn_it   =0.5");
    assert_eq!(folder.mcoe("rules fmt").succeeds().out, "rules/fatigue.toml\n");
    assert!(folder.read("rules/fatigue.toml").contains("\nwarn_it = 0.5\n"));
}

#[test]
fn json_output_lists_the_files() {
    let reported = with_unformatted_files().mcoe("rules fmt --check --format json").exits_with(1).json();
    assert_eq!(reported["changed"], serde_json::json!(["guardrails.rhai", "overlays/crumb.toml", "tests/crumb.toml"]));
    assert_eq!(reported["refused"], serde_json::json!([]));
}
