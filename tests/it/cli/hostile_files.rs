//! Pipes, devices, links and oversized files in place of a pack, a scenario or an output.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::Command;

use crate::support::Workplace;

fn make_pipe(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

/// Whether this user can read every file, so that permissions have no effect.
fn may_read_all(path: &Path) -> bool {
    fs::read(path).is_ok()
}

#[test]
fn a_pipe_is_refused_wherever_a_file_is_read() {
    let place = Workplace::new();
    make_pipe(&place.path("rules/more.toml"));
    make_pipe(&place.path("rules/notes"));
    place.mcoe("check").ends_with(2).says(&["rules/more.toml", "it is a pipe, not a file", "regular file"]);
    fs::remove_file(place.path("rules/more.toml")).unwrap();
    for file in ["small/scenario.toml", "small/channels.csv"] {
        let text = place.read(file);
        fs::remove_file(place.path(file)).unwrap();
        make_pipe(&place.path(file));
        place.mcoe("check --scenario small").ends_with(2).says(&[file, "it is a pipe", "regular file"]);
        fs::remove_file(place.path(file)).unwrap();
        place.write(file, &text);
    }
    place.mcoe("check --scenario small").done();
    make_pipe(&place.path("posts.csv"));
    place.mcoe("import posts.csv --out shop").ends_with(2).says(&["posts.csv", "it is a pipe"]);
    place.write("history.csv", "account,channel,published_at,engagements\nshop,fb,2026-08-03T09:00:00Z,4\n");
    place.mcoe("import history.csv --mapping posts.csv --out shop").ends_with(2).says(&["posts.csv", "it is a pipe"]);
    place.mcoe("plan small --out plan").done();
    fs::remove_file(place.path("plan/plan.json")).unwrap();
    make_pipe(&place.path("plan/plan.json"));
    place.mcoe("explain plan --post 00000000-0000-0000-0000-000000000000").ends_with(2).says(&["it is a pipe"]);
}

#[test]
fn circular_links_are_all_reported_at_once() {
    let place = Workplace::new();
    symlink(".", place.path("rules/a")).unwrap();
    symlink("../rules", place.path("rules/b")).unwrap();
    symlink("round.toml", place.path("rules/round.toml")).unwrap();
    let ran = place.mcoe("check").ends_with(2);
    ran.says(&["rules/a", "rules/b", "rules/round.toml", "its links form a cycle", "3 error(s) in the rules pack"]);
    let reported = place.mcoe("check --format json").ends_with(2).err;
    let reported: serde_json::Value = serde_json::from_str(&reported).unwrap();
    assert_eq!(
        (&reported["errors"], &reported["diagnostics"][0]["code"]),
        (&3.into(), &"link_loop".into()),
        "{reported}"
    );
    symlink("loop", place.path("loop")).unwrap();
    place.mcoe("check --rules loop").ends_with(2).says(&["`loop`", "form a cycle"]);
    for file in ["scenario.toml", "assets.csv"] {
        fs::remove_file(place.path("small").join(file)).unwrap();
        symlink(file, place.path("small").join(file)).unwrap();
    }
    place.mcoe("plan small --rules missing --out plan").ends_with(2);
}

#[test]
fn a_pack_may_consist_of_links() {
    let place = Workplace::new();
    fs::create_dir(place.path("shared")).unwrap();
    fs::rename(place.path("rules/risk.toml"), place.path("shared/risk.toml")).unwrap();
    symlink("../shared/risk.toml", place.path("rules/risk.toml")).unwrap();
    symlink("nowhere", place.path("rules/scratch")).unwrap();
    place.mcoe("check").done();
}

#[test]
fn dev_and_proc_are_refused_as_pack_and_scenario() {
    let place = Workplace::new();
    for folder in ["/dev", "/proc"] {
        place.mcoe(&format!("check --rules {folder}")).ends_with(2).says(&["error"]);
        place.mcoe(&format!("check --scenario {folder}")).ends_with(2).says(&["scenario.toml"]);
    }
    place.mcoe("import /dev/zero --out shop").ends_with(2).says(&["it is a device"]);
    place.mcoe("check --rules rules/pack.toml").ends_with(2).says(&["it is not a folder", "--rules"]);
}

#[test]
fn files_that_are_too_large_are_refused_before_they_are_read() {
    let place = Workplace::new();
    fs::File::create(place.path("rules/large.toml")).unwrap().set_len(3 << 40).unwrap();
    place.mcoe("check").ends_with(2).says(&["rules/large.toml", "it is larger than 1 MiB"]);
    fs::remove_file(place.path("rules/large.toml")).unwrap();
    fs::File::create(place.path("small/history.csv")).unwrap().set_len(3 << 40).unwrap();
    place.mcoe("check --scenario small").ends_with(2).says(&["small/history.csv", "it is larger than 2 GiB"]);
    fs::create_dir_all(place.path("rules/1/2/3/4/5/6/7/8/9")).unwrap();
    place.mcoe("check").ends_with(2).says(&["rules/1/2/3/4/5/6/7/8/9", "more than 8 folders deep"]);
}

#[test]
fn unreadable_parts_of_a_scenario_are_bad_input_with_a_remedy() {
    let place = Workplace::new();
    fs::write(place.path("small/scenario.toml"), b"name = \"a\"\nformat = 1\n# \xff\n").unwrap();
    place.mcoe("check --scenario small").ends_with(2).says(&["small/scenario.toml", "line 3 is not UTF-8", "save"]);
    place.bring("small");
    for table in ["assets", "history"] {
        fs::remove_file(place.path(&format!("small/{table}.csv"))).unwrap();
        fs::create_dir(place.path(&format!("small/{table}.csv"))).unwrap();
    }
    let ran = place.mcoe("check --scenario small").ends_with(2);
    ran.says(&["small/assets.csv", "small/history.csv", "it is a folder, not a file", "2 error(s) in the scenario"]);
    let reported = place.mcoe("check --scenario small --format json").ends_with(2).err;
    let reported: serde_json::Value = serde_json::from_str(&reported).unwrap();
    assert_eq!(reported["diagnostics"][0]["code"], "not_a_file", "{reported}");
}

#[test]
fn files_without_read_permission_are_bad_input() {
    let place = Workplace::new();
    let hidden = |name: &str| {
        let path = place.path(name);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).unwrap();
        path
    };
    if may_read_all(&hidden("small/assets.csv")) {
        println!("SKIPPED: this user may read every file");
        return;
    }
    place.mcoe("check --scenario small").ends_with(2).says(&["small/assets.csv", "permission denied", "chmod"]);
    hidden("rules/risk.toml");
    place.mcoe("check").ends_with(2).says(&["rules/risk.toml", "permission denied", "chmod"]);
}

#[test]
fn no_link_next_to_an_output_is_followed() {
    let place = Workplace::new();
    fs::create_dir(place.path("victim")).unwrap();
    place.write("victim/plan.json", "precious");
    let guessed: Vec<String> = (1..3000).map(|id| format!(".plan.new-{id}")).collect();
    guessed.iter().for_each(|name| symlink("victim", place.path(name)).unwrap());
    place.mcoe("plan small --out plan").done();
    place.mcoe("plan small --out plan --force").done();
    assert!(!fs::symlink_metadata(place.path("plan")).unwrap().is_symlink());
    assert_eq!(place.folder("victim").len(), 1);
    assert_eq!(place.read("victim/plan.json"), "precious");
}

#[test]
fn an_output_that_is_a_link_is_refused_at_once() {
    let place = Workplace::new();
    symlink("nowhere", place.path("plan")).unwrap();
    place.write("rules/slow.rhai", "fn weekly_posts(ctx) { loop {} }\n");
    for line in ["plan small --out plan", "plan small --out plan --force"] {
        place.mcoe(line).ends_with(2).says(&["`plan` is a symbolic link", "name the folder itself"]);
    }
    assert!(!place.path("nowhere").exists());
}

#[test]
fn points_of_a_sweep_are_not_saved_through_a_link() {
    let place = Workplace::new();
    let line = "rules sweep small --set channels.fb.weekly_posts=1..2 --weeks 1 --replications 1 --out sw --restart";
    place.write("thesis.txt", "chapter one");
    symlink("thesis.txt", place.path(".sw.sweep.jsonl")).unwrap();
    place.mcoe(line).ends_with(2).says(&["it is a symbolic link", "move the file elsewhere"]);
    fs::remove_file(place.path(".sw.sweep.jsonl")).unwrap();
    fs::rename(place.path("thesis.txt"), place.path(".sw.sweep.jsonl")).unwrap();
    place.mcoe(line).ends_with(2).says(&["line 1 is not the header of a sweep", "move the file elsewhere"]);
    assert_eq!(place.read(".sw.sweep.jsonl"), "chapter one");
}

#[test]
fn a_pack_is_formatted_without_writing_through_links() {
    let place = Workplace::new();
    let untidy = place.read("rules/risk.toml").replace(" = ", "   =   ");
    fs::create_dir(place.path("shared")).unwrap();
    place.write("shared/risk.toml", &untidy);
    fs::remove_file(place.path("rules/risk.toml")).unwrap();
    symlink("../shared/risk.toml", place.path("rules/risk.toml")).unwrap();
    place.mcoe("rules fmt").ends_with(2).says(&["cannot write `rules/risk.toml`: it is a symbolic link"]);
    assert_eq!(place.read("shared/risk.toml"), untidy);
    fs::remove_file(place.path("rules/risk.toml")).unwrap();
    place.write("rules/risk.toml", &untidy);
    fs::set_permissions(place.path("rules/risk.toml"), fs::Permissions::from_mode(0o640)).unwrap();
    place.mcoe("rules fmt").done();
    assert_ne!(place.read("rules/risk.toml"), untidy);
    let mode = fs::metadata(place.path("rules/risk.toml")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o640);
}

#[test]
fn names_never_control_the_terminal() {
    let place = Workplace::new();
    let is_plain = |text: &str| !text.chars().any(|c| (c.is_control() && !"\n\t".contains(c)) || c == '\u{202e}');
    place.replace("small/scenario.toml", "\"Two corner shops\"", r#""a\u001b[2J\u009b\u202eb""#);
    let ran = place.mcoe("check --scenario small").done();
    assert!(is_plain(&ran.out), "{:?}", ran.out);
    ran.shows(&[r"`a\u001b[2J\u009b\u202eb` is valid"]);
    let json = place.mcoe("check --scenario small --format json").done().json();
    assert_eq!(json["scenario"]["name"], "a\u{1b}[2J\u{9b}\u{202e}b");
    place.replace("small/channels.csv", "audience", "au\u{1b}[31mdience\u{7}");
    place.replace("small/clients.csv", "Europe/London", "Europe/\u{1b}]0;x\u{7}");
    let ran = place.mcoe("check --scenario small --color always").ends_with(2);
    assert!(is_plain(&ran.err), "{:?}", ran.err);
    ran.says(&[r"au\u001b[31mdience\u0007", r"Europe/\u001b]0;x\u0007"]);
    place.write("rules/o\u{1b}[31mdd.toml", "scope = \"\u{7}");
    place.write("rules/channels.toml", "[nonsense\u{1b}[2J]\n");
    let ran = place.mcoe("check --color never").ends_with(2);
    assert!(is_plain(&ran.err), "{:?}", ran.err);
    ran.says(&[r"o\u001b[31mdd.toml"]);
    let colored = place.mcoe("check --color always").ends_with(2).err;
    assert!(!colored.contains("\u{1b}[2J") && !colored.contains('\u{7}'), "{colored:?}");
}

#[test]
fn an_edited_plan_is_reported_as_edited() {
    let place = Workplace::new();
    place.mcoe("plan small --out plan").done();
    let id = place.json("plan/plan.json")["plan_id"].as_str().unwrap().to_owned();
    place.replace("plan/plan.json", &id, "00000000-0000-4000-8000-000000000000");
    place.mcoe("db load small --now 2026-10-16T08:00:00Z").done();
    let ran = place.mcoe("commit plan --now 2026-10-16T08:00:00Z").ends_with(2);
    ran.says(&["were changed after planning", "plan the week again"]);
}
