//! `mcoe rules fmt`: formats a pack without changing its meaning.

use crate::support::{Workplace, project, read_folder};

const CASES: &str = "[crumb]  # a page\nexpect={weekly_posts=5,priority = 60 }\n";
const OVERLAY: &str = "scope={client=\"crumb-and-co\"}# theirs\n\n\n[channels.fb]\n  weekly_posts=4\n";

/// The default pack with unformatted files.
fn untidy() -> Workplace {
    let place = Workplace::new();
    place.write("rules/tests/crumb.toml", CASES);
    place.write("rules/overlays/crumb.toml", OVERLAY);
    place.replace("rules/guardrails.rhai", "    pass()\n", "    pass()  \n");
    place
}

#[test]
fn every_shipped_file_is_formatted() {
    let place = Workplace::new();
    for (name, text) in read_folder(&project("rules")) {
        place.write(&format!("rules/{name}"), &text);
    }
    let ran = place.mcoe("rules fmt --check").done();
    assert_eq!((ran.out.as_str(), ran.err.as_str()), ("", ""));
}

#[test]
fn check_lists_unformatted_files_and_writes_nothing() {
    let place = untidy();
    let before = place.folder("rules");
    let ran = place.mcoe("rules fmt --check").ends_with(1).says(&["3 file(s)", "remedy: run `mcoe rules fmt"]);
    assert_eq!(ran.out, "rules/guardrails.rhai\nrules/overlays/crumb.toml\nrules/tests/crumb.toml\n");
    assert!(place.folder("rules") == before, "something was written");
}

#[test]
fn formatting_files_does_not_change_the_pack() {
    let place = untidy();
    place.write("before/pack.toml", "");
    for (name, bytes) in place.folder("rules") {
        place.write(&format!("before/{name}"), std::str::from_utf8(&bytes).unwrap());
    }
    let ran = place.mcoe("rules fmt").done();
    assert_eq!(ran.out, "rules/guardrails.rhai\nrules/overlays/crumb.toml\nrules/tests/crumb.toml\n");
    let cases = "[crumb]   # a page\nexpect = { weekly_posts = 5, priority = 60 }\n";
    let overlay = "scope = { client = \"crumb-and-co\" }   # theirs\n\n[channels.fb]\nweekly_posts = 4\n";
    assert_eq!(place.read("rules/tests/crumb.toml"), cases);
    assert_eq!(place.read("rules/overlays/crumb.toml"), overlay);
    assert_eq!(place.mcoe("rules diff before rules").done().out, "the packs do not differ\n");
    assert_eq!(place.mcoe("rules fmt").done().out, "");
    place.mcoe("rules fmt --check").done();
}

#[test]
fn nothing_is_written_if_a_file_cannot_be_read() {
    let place = untidy();
    place.replace("rules/fatigue.toml", "warn_at = 0.5", "warn_at = ");
    place.replace("rules/risk.toml", "[review]", "[review");
    place.replace("rules/early_warning.rhai", "fn attention(score) {", "fn attention(score {");
    let before = place.folder("rules");
    for line in ["rules fmt", "rules fmt --check"] {
        let ran = place.mcoe(line).ends_with(2);
        assert_eq!(ran.out, "");
        ran.says(&["rules/fatigue.toml:5", "rules/risk.toml:", "rules/early_warning.rhai:", "3 error(s)"]);
    }
    assert!(place.folder("rules") == before, "something was written");
    place.mcoe("rules fmt --rules nowhere").ends_with(2).says(&["cannot read the rules pack `nowhere`"]);
}

#[test]
fn an_invalid_but_readable_pack_is_formatted() {
    let place = Workplace::new();
    place.replace("rules/fatigue.toml", "warn_at = 0.5", "warn_it   =0.5");
    assert_eq!(place.mcoe("rules fmt").done().out, "rules/fatigue.toml\n");
    assert!(place.read("rules/fatigue.toml").contains("\nwarn_it = 0.5\n"));
}

#[test]
fn json_output_lists_the_files() {
    let reported = untidy().mcoe("rules fmt --check --format json").ends_with(1).json();
    assert_eq!(reported["changed"], serde_json::json!(["guardrails.rhai", "overlays/crumb.toml", "tests/crumb.toml"]));
    assert_eq!(reported["refused"], serde_json::json!([]));
}
