//! Help, arguments, completions, and closed pipes.

use std::process::Stdio;

use crate::support::TestFolder;

/// Every command that runs, such as `plan` and `db load`: those that `--help` lists, and their own commands.
fn commands(folder: &TestFolder) -> Vec<String> {
    let mut runnable = Vec::new();
    let mut groups = vec![String::new()];
    while let Some(group) = groups.pop() {
        let help = folder.mcoe(&format!("{group} --help")).succeeds().out;
        let listed = commands_in(&help);
        if listed.is_empty() {
            runnable.push(group);
        } else {
            groups.extend(listed.iter().map(|name| format!("{group} {name}").trim_start().to_owned()));
        }
    }
    runnable.sort();
    assert!(runnable.len() > 35 && runnable.iter().any(|command| command == "db load"), "{runnable:?}");
    runnable
}

/// The names of the commands in a help text. The text of a long description is indented further than the names.
fn commands_in(help: &str) -> Vec<String> {
    let lines = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let names = lines.filter_map(|line| line.strip_prefix("  ")?.split(' ').next());
    names.filter(|name| !name.is_empty() && *name != "help").map(str::to_owned).collect()
}

#[test]
fn every_command_shows_an_example_of_itself() {
    let folder = TestFolder::new();
    for command in commands(&folder) {
        let help = folder.mcoe(&format!("{command} --help")).succeeds().out;
        assert!(help.contains("Example"), "{command}: {help}");
        assert!(help.contains(&format!("  mcoe {command}")), "{command}: {help}");
    }
    let help = folder.mcoe("--help").succeeds().out;
    assert!(help.contains("Example") && help.contains("Exit codes: 0 success"), "{help}");
}

#[test]
fn every_command_describes_the_global_options() {
    let folder = TestFolder::new();
    for command in commands(&folder) {
        let help = folder.mcoe(&format!("{command} --help")).succeeds().out;
        for option in ["--format", "--quiet", "--verbose", "--color"] {
            assert!(help.contains(option), "{command} does not explain {option}");
        }
    }
}

#[test]
fn invalid_arguments_exit_with_2_and_write_nothing() {
    let folder = TestFolder::new();
    let before = folder.entries();
    for line in [
        "",
        "plam small --out plan",
        "plan",
        "plan small",
        "plan small --out plan --wek 2026-W43",
        "plan small --out plan --week 2026-W54",
        "plan small --out plan --week Monday",
        "plan small --out plan --threads 0",
        "plan small --out plan --threads many",
        "plan small --out plan --tables xlsx",
        "simulate small --out run --weeks 0",
        "simulate small --out run --replications 0",
        "simulate small --out run --seed -1",
        "simulate small --out run --tier best",
        "generate --out scenario",
        "generate --clients 0 --out scenario",
        "import",
        "explain plan",
        "explain plan --post 1 --why-not a/fb/2026-10-19T09:00",
        "completions basic",
    ] {
        let ran = folder.mcoe(line).exits_with(2);
        assert!(!ran.err.is_empty() && ran.out.is_empty(), "mcoe {line}: {ran:?}");
    }
    assert_eq!(folder.entries(), before);
}

#[test]
fn a_mistyped_command_or_option_gets_a_suggestion() {
    let folder = TestFolder::new();
    folder.mcoe("simulat small --out run").exits_with(2).stderr_has(&["simulate"]);
    folder.mcoe("plan small --out plan --calender").exits_with(2).stderr_has(&["--calendar"]);
}

#[test]
fn completions_of_every_shell_include_every_command() {
    let folder = TestFolder::new();
    let commands = commands(&folder);
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = folder.mcoe(&format!("completions {shell}")).succeeds().out;
        for command in &commands {
            let is_known = command.split(' ').all(|name| script.contains(name));
            assert!(is_known, "{shell} does not know {command}");
        }
        assert!(script.contains("why-not"), "{shell} does not know --why-not");
    }
}

#[test]
fn a_closed_pipe_is_not_an_error() {
    let folder = TestFolder::new();
    for line in ["completions bash", "--help", "check", "plan small --out plan --format json"] {
        let mut child = folder.command(line).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "mcoe {line}: {stderr}");
        assert!(!stderr.contains("panicked"), "mcoe {line}: {stderr}");
    }
}

#[test]
fn closed_stdout_and_stderr_cause_no_panic() {
    let folder = TestFolder::new();
    let mut child =
        folder.command("check --rules nowhere").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop((child.stdout.take(), child.stderr.take()));
    assert_eq!(child.wait().unwrap().code(), Some(2));
}

#[test]
fn quiet_prints_only_errors_and_verbose_prints_the_time_of_rules() {
    let folder = TestFolder::new();
    assert_eq!(folder.mcoe("plan small --out a --quiet").succeeds().err, "");
    folder.mcoe("plan small --out b --verbose").succeeds().stderr_has(&["rules were called", "of the threads' time"]);
    folder.mcoe("plan small --out b --quiet").exits_with(2).stderr_has(&["`b` already exists"]);
}

#[test]
fn colours_are_used_only_on_request() {
    let folder = TestFolder::new();
    folder.replace("rules/fatigue.toml", "\nwarn_at = ", "\nwarn_at = 2 # ");
    let has_colour = |line: &str| folder.mcoe(line).exits_with(2).err.contains('\u{1b}');
    assert!(!has_colour("check"));
    assert!(!has_colour("check --color never"));
    assert!(has_colour("check --color always"));
}

#[test]
fn the_long_version_names_the_built_in_time_zones() {
    let folder = TestFolder::new();
    let version = concat!("mcoe ", env!("CARGO_PKG_VERSION"), "\n");
    let long = folder.mcoe("--version").succeeds().out;
    let zones = long.strip_prefix(version).unwrap_or_else(|| panic!("{long}"));
    assert!(zones.starts_with("time zones: tz 20"), "{long}");
    assert_eq!(folder.mcoe("-V").succeeds().out, version);
}
