//! Pipes, devices, links and oversized files in place of a pack, a scenario or an output.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::Command;

use crate::support::TestFolder;

fn make_pipe(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

/// Whether this user can read a file without read permission, as root can.
fn ignores_permissions(path: &Path) -> bool {
    fs::read(path).is_ok()
}

#[test]
fn a_pipe_is_refused_wherever_a_file_is_read() {
    let folder = TestFolder::new();
    make_pipe(&folder.path("rules/more.toml"));
    make_pipe(&folder.path("rules/notes"));
    folder.mcoe("check").exits_with(2).stderr_has(&["rules/more.toml", "it is a pipe, not a file", "regular file"]);
    fs::remove_file(folder.path("rules/more.toml")).unwrap();
    for file in ["small/scenario.toml", "small/channels.csv"] {
        let text = folder.read(file);
        fs::remove_file(folder.path(file)).unwrap();
        make_pipe(&folder.path(file));
        folder.mcoe("check --scenario small").exits_with(2).stderr_has(&[file, "it is a pipe", "regular file"]);
        fs::remove_file(folder.path(file)).unwrap();
        folder.write(file, &text);
    }
    folder.mcoe("check --scenario small").succeeds();
    make_pipe(&folder.path("posts.csv"));
    folder.mcoe("import posts.csv --out shop").exits_with(2).stderr_has(&["posts.csv", "it is a pipe"]);
    folder.write("history.csv", "account,channel,published_at,engagements\nshop,fb,2026-08-03T09:00:00Z,4\n");
    folder
        .mcoe("import history.csv --mapping posts.csv --out shop")
        .exits_with(2)
        .stderr_has(&["posts.csv", "it is a pipe"]);
    folder.mcoe("plan small --out plan").succeeds();
    fs::remove_file(folder.path("plan/plan.json")).unwrap();
    make_pipe(&folder.path("plan/plan.json"));
    folder.mcoe("explain plan --post 00000000-0000-0000-0000-000000000000").exits_with(2).stderr_has(&["it is a pipe"]);
}

#[test]
fn circular_links_are_all_reported_at_once() {
    let folder = TestFolder::new();
    symlink(".", folder.path("rules/a")).unwrap();
    symlink("../rules", folder.path("rules/b")).unwrap();
    symlink("round.toml", folder.path("rules/round.toml")).unwrap();
    let ran = folder.mcoe("check").exits_with(2);
    ran.stderr_has(&[
        "rules/a",
        "rules/b",
        "rules/round.toml",
        "its links form a cycle",
        "3 error(s) in the rules pack",
    ]);
    let reported = folder.mcoe("check --format json").exits_with(2).err;
    let reported: serde_json::Value = serde_json::from_str(&reported).unwrap();
    assert_eq!(
        (&reported["errors"], &reported["diagnostics"][0]["code"]),
        (&3.into(), &"link_loop".into()),
        "{reported}"
    );
    symlink("loop", folder.path("loop")).unwrap();
    folder.mcoe("check --rules loop").exits_with(2).stderr_has(&["`loop`", "form a cycle"]);
    for file in ["scenario.toml", "assets.csv"] {
        fs::remove_file(folder.path("small").join(file)).unwrap();
        symlink(file, folder.path("small").join(file)).unwrap();
    }
    folder.mcoe("plan small --rules missing --out plan").exits_with(2);
}

#[test]
fn a_pack_may_consist_of_links() {
    let folder = TestFolder::new();
    fs::create_dir(folder.path("shared")).unwrap();
    fs::rename(folder.path("rules/risk.toml"), folder.path("shared/risk.toml")).unwrap();
    symlink("../shared/risk.toml", folder.path("rules/risk.toml")).unwrap();
    symlink("nowhere", folder.path("rules/scratch")).unwrap();
    folder.mcoe("check").succeeds();
}

#[test]
fn dev_and_proc_are_refused_as_pack_and_scenario() {
    let folder = TestFolder::new();
    for system_folder in ["/dev", "/proc"] {
        folder.mcoe(&format!("check --rules {system_folder}")).exits_with(2).stderr_has(&["error"]);
        folder.mcoe(&format!("check --scenario {system_folder}")).exits_with(2).stderr_has(&["scenario.toml"]);
    }
    folder.mcoe("import /dev/zero --out shop").exits_with(2).stderr_has(&["it is a device"]);
    folder.mcoe("check --rules rules/pack.toml").exits_with(2).stderr_has(&["it is not a folder", "--rules"]);
}

#[test]
fn files_that_are_too_large_are_refused_before_they_are_read() {
    let folder = TestFolder::new();
    fs::File::create(folder.path("rules/large.toml")).unwrap().set_len(3 << 40).unwrap();
    folder.mcoe("check").exits_with(2).stderr_has(&["rules/large.toml", "it is larger than 1 MiB"]);
    fs::remove_file(folder.path("rules/large.toml")).unwrap();
    fs::File::create(folder.path("small/history.csv")).unwrap().set_len(3 << 40).unwrap();
    folder.mcoe("check --scenario small").exits_with(2).stderr_has(&["small/history.csv", "it is larger than 2 GiB"]);
    fs::create_dir_all(folder.path("rules/1/2/3/4/5/6/7/8/9")).unwrap();
    folder.mcoe("check").exits_with(2).stderr_has(&["rules/1/2/3/4/5/6/7/8/9", "more than 8 folders deep"]);
}

#[test]
fn unreadable_parts_of_a_scenario_are_bad_input_with_a_remedy() {
    let folder = TestFolder::new();
    fs::write(folder.path("small/scenario.toml"), b"name = \"a\"\nformat = 1\n# \xff\n").unwrap();
    folder.mcoe("check --scenario small").exits_with(2).stderr_has(&[
        "small/scenario.toml",
        "line 3 is not UTF-8",
        "save",
    ]);
    folder.copy_scenario("small");
    for table in ["assets", "history"] {
        fs::remove_file(folder.path(&format!("small/{table}.csv"))).unwrap();
        fs::create_dir(folder.path(&format!("small/{table}.csv"))).unwrap();
    }
    let ran = folder.mcoe("check --scenario small").exits_with(2);
    ran.stderr_has(&[
        "small/assets.csv",
        "small/history.csv",
        "it is a folder, not a file",
        "2 error(s) in the scenario",
    ]);
    let reported = folder.mcoe("check --scenario small --format json").exits_with(2).err;
    let reported: serde_json::Value = serde_json::from_str(&reported).unwrap();
    assert_eq!(reported["diagnostics"][0]["code"], "not_a_file", "{reported}");
}

#[test]
fn files_without_read_permission_are_bad_input() {
    let folder = TestFolder::new();
    let make_unreadable = |name: &str| {
        let path = folder.path(name);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).unwrap();
        path
    };
    if ignores_permissions(&make_unreadable("small/assets.csv")) {
        println!("SKIPPED: this user can read every file");
        return;
    }
    folder.mcoe("check --scenario small").exits_with(2).stderr_has(&["small/assets.csv", "permission denied", "chmod"]);
    make_unreadable("rules/risk.toml");
    folder.mcoe("check").exits_with(2).stderr_has(&["rules/risk.toml", "permission denied", "chmod"]);
}

#[test]
fn no_link_next_to_an_output_is_followed() {
    let folder = TestFolder::new();
    fs::create_dir(folder.path("victim")).unwrap();
    folder.write("victim/plan.json", "precious");
    let possible_names: Vec<String> = (1..3000).map(|id| format!(".plan.new-{id}")).collect();
    possible_names.iter().for_each(|name| symlink("victim", folder.path(name)).unwrap());
    folder.mcoe("plan small --out plan").succeeds();
    folder.mcoe("plan small --out plan --force").succeeds();
    assert!(!fs::symlink_metadata(folder.path("plan")).unwrap().is_symlink());
    assert_eq!(folder.files_in("victim").len(), 1);
    assert_eq!(folder.read("victim/plan.json"), "precious");
}

#[test]
fn an_output_that_is_a_link_is_refused_at_once() {
    let folder = TestFolder::new();
    symlink("nowhere", folder.path("plan")).unwrap();
    folder.write("rules/slow.rhai", "fn weekly_posts(ctx) { loop {} }\n");
    for line in ["plan small --out plan", "plan small --out plan --force"] {
        folder.mcoe(line).exits_with(2).stderr_has(&["`plan` is a symbolic link", "name the folder itself"]);
    }
    assert!(!folder.path("nowhere").exists());
}

#[test]
fn points_of_a_sweep_are_not_saved_through_a_link() {
    let folder = TestFolder::new();
    let line = "rules sweep small --set channels.fb.weekly_posts=1..2 --weeks 1 --replications 1 --out sw --restart";
    folder.write("thesis.txt", "chapter one");
    symlink("thesis.txt", folder.path(".sw.sweep.jsonl")).unwrap();
    folder.mcoe(line).exits_with(2).stderr_has(&["it is a symbolic link", "move the file elsewhere"]);
    fs::remove_file(folder.path(".sw.sweep.jsonl")).unwrap();
    fs::rename(folder.path("thesis.txt"), folder.path(".sw.sweep.jsonl")).unwrap();
    folder.mcoe(line).exits_with(2).stderr_has(&["line 1 is not the header of a sweep", "move the file elsewhere"]);
    assert_eq!(folder.read(".sw.sweep.jsonl"), "chapter one");
}

#[test]
fn a_pack_is_formatted_without_writing_through_links() {
    let folder = TestFolder::new();
    let untidy = folder.read("rules/risk.toml").replace(" = ", "   =   ");
    fs::create_dir(folder.path("shared")).unwrap();
    folder.write("shared/risk.toml", &untidy);
    fs::remove_file(folder.path("rules/risk.toml")).unwrap();
    symlink("../shared/risk.toml", folder.path("rules/risk.toml")).unwrap();
    folder.mcoe("rules fmt").exits_with(2).stderr_has(&["cannot write `rules/risk.toml`: it is a symbolic link"]);
    assert_eq!(folder.read("shared/risk.toml"), untidy);
    fs::remove_file(folder.path("rules/risk.toml")).unwrap();
    folder.write("rules/risk.toml", &untidy);
    fs::set_permissions(folder.path("rules/risk.toml"), fs::Permissions::from_mode(0o640)).unwrap();
    folder.mcoe("rules fmt").succeeds();
    assert_ne!(folder.read("rules/risk.toml"), untidy);
    let mode = fs::metadata(folder.path("rules/risk.toml")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o640);
}

#[test]
fn names_never_control_the_terminal() {
    let folder = TestFolder::new();
    let is_plain = |text: &str| !text.chars().any(|c| (c.is_control() && !"\n\t".contains(c)) || c == '\u{202e}');
    folder.replace("small/scenario.toml", "\"Two corner shops\"", r#""a\u001b[2J\u009b\u202eb""#);
    let ran = folder.mcoe("check --scenario small").succeeds();
    assert!(is_plain(&ran.out), "{:?}", ran.out);
    ran.stdout_has(&[r"`a\u001b[2J\u009b\u202eb` is valid"]);
    let json = folder.mcoe("check --scenario small --format json").succeeds().json();
    assert_eq!(json["scenario"]["name"], "a\u{1b}[2J\u{9b}\u{202e}b");
    folder.replace("small/channels.csv", "audience", "au\u{1b}[31mdience\u{7}");
    folder.replace("small/clients.csv", "Europe/London", "Europe/\u{1b}]0;x\u{7}");
    let ran = folder.mcoe("check --scenario small --color always").exits_with(2);
    assert!(is_plain(&ran.err), "{:?}", ran.err);
    ran.stderr_has(&[r"au\u001b[31mdience\u0007", r"Europe/\u001b]0;x\u0007"]);
    folder.write("rules/o\u{1b}[31mdd.toml", "scope = \"\u{7}");
    folder.write("rules/channels.toml", "[nonsense\u{1b}[2J]\n");
    let ran = folder.mcoe("check --color never").exits_with(2);
    assert!(is_plain(&ran.err), "{:?}", ran.err);
    ran.stderr_has(&[r"o\u001b[31mdd.toml"]);
    let colored = folder.mcoe("check --color always").exits_with(2).err;
    assert!(!colored.contains("\u{1b}[2J") && !colored.contains('\u{7}'), "{colored:?}");
}

#[test]
fn an_edited_plan_is_reported_as_edited() {
    let folder = TestFolder::new();
    folder.mcoe("plan small --out plan").succeeds();
    let id = folder.json("plan/plan.json")["plan_id"].as_str().unwrap().to_owned();
    folder.replace("plan/plan.json", &id, "00000000-0000-4000-8000-000000000000");
    folder.mcoe("db load small --now 2026-10-16T08:00:00Z").succeeds();
    let ran = folder.mcoe("commit plan --now 2026-10-16T08:00:00Z").exits_with(2);
    ran.stderr_has(&["were changed after planning", "plan the week again"]);
}

#[test]
#[cfg(target_os = "linux")]
fn a_failing_disk_exits_with_3_next_to_mistakes_and_in_json_too() {
    let folder = TestFolder::new();
    folder.mcoe("check --scenario small").succeeds();
    fs::remove_file(folder.path("small/clients.csv")).unwrap();
    // Reading the start of this file fails as a broken disk does.
    symlink("/proc/self/mem", folder.path("small/clients.csv")).unwrap();
    folder.copy_scenario("agency");
    let is_reported = |line: &str| {
        let failed = folder.mcoe(&format!("{line} --format json --quiet")).exits_with(3);
        let report: serde_json::Value = serde_json::from_str(&failed.err).unwrap();
        let reported = report["diagnostics"].as_array().unwrap().iter();
        let codes: Vec<&str> = reported.filter_map(|diagnostic| diagnostic["code"].as_str()).collect();
        assert!(codes.contains(&"unreadable"), "{line}: {codes:?}");
        codes.len()
    };
    assert_eq!(is_reported("check --scenario small"), 1);
    assert_eq!(is_reported("compare agency --against-scenario small --out versus"), 1);
    folder.replace("rules/fatigue.toml", "\nwarn_at = ", "\nwarn_at = 2 # ");
    assert_eq!(is_reported("check --scenario small"), 2);
    assert_eq!(is_reported("compare agency --against-scenario small --out versus"), 2);
    folder.mcoe("check --scenario small").exits_with(3).stderr_has(&["out_of_range", "Input/output error"]);
}
