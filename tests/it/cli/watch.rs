//! `mcoe watch`: reacts to each save, whatever an editor does to the files.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use crate::support::TestFolder;

/// Longer than any round takes, even on a busy machine.
const MAX_WAIT: Duration = Duration::from_secs(120);

/// A running `mcoe watch`, stopped when it is dropped.
struct Watching {
    child: Child,
    lines: Receiver<String>,
}

impl Watching {
    fn start(folder: &TestFolder, line: &str) -> Self {
        let mut child = folder.command(line).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let lines = lines_of(child.stdout.take().unwrap());
        Self { child, lines }
    }

    /// The lines up to and including the first that contains the text.
    #[track_caller]
    fn until(&self, text: &str) -> String {
        let mut out = String::new();
        loop {
            let line = self.lines.recv_timeout(MAX_WAIT).unwrap_or_else(|_| panic!("`{text}` was not printed:\n{out}"));
            out += &line;
            out.push('\n');
            if line.contains(text) {
                return out;
            }
        }
    }

    /// Interrupts the command as Ctrl-C does. Returns its exit code and stderr.
    fn interrupt(mut self) -> (Option<i32>, String) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-INT", &id]).status().unwrap().success());
        let mut stderr = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
        (self.child.wait().unwrap().code(), stderr)
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        // If the test failed, the command is still running.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn lines_of(out: ChildStdout) -> Receiver<String> {
    let (sender, lines) = channel();
    thread::spawn(move || BufReader::new(out).lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
    lines
}

fn folder_with_a_case() -> TestFolder {
    let folder = TestFolder::new();
    folder.write("rules/tests/one.toml", "[a_page_posts_in_full]\nexpect = { weekly_posts = 5 }\n");
    folder
}

#[test]
fn each_save_shows_failures_and_the_difference_of_the_plans() {
    let folder = folder_with_a_case();
    let watching = Watching::start(&folder, "watch small");
    let first = watching.until("the next plan is compared with it");
    assert!(first.starts_with("round 1\n1 case(s) passed, 0 failed\nthe plan of 2026-W43: "), "{first}");

    folder.replace("rules/channels.toml", "weekly_posts = 5", "weekly_posts = 4");
    let second = watching.until(" dropped");
    assert!(second.contains("round 2: rules/channels.toml\n"), "{second}");
    assert!(second.contains("FAILED a_page_posts_in_full") && second.contains("    actual   4\n"), "{second}");
    assert!(second.contains("0 case(s) passed, 1 failed\nthe plan of 2026-W43:\n"), "{second}");

    // Saves the file without a change.
    folder.replace("small/channels.csv", ",", ",");
    watching.until("round 3: small/channels.csv");
    watching.until("no post changes");
    let (code, stderr) = watching.interrupt();
    assert_eq!(code, Some(0), "{stderr}");
    assert!(stderr.contains("round 3 took ") && stderr.ends_with("stopped watching\n"), "{stderr}");
}

#[test]
fn an_invalid_pack_is_reported_and_the_next_valid_one_compared_with_the_last_plan() {
    let folder = folder_with_a_case();
    let watching = Watching::start(&folder, "watch small");
    watching.until("compared with it");
    folder.replace("rules/channels.toml", "weekly_posts = 5", "weekly_posts = ");
    watching.until("no plan because of errors");
    folder.replace("rules/channels.toml", "weekly_posts = ", "weekly_posts = 4");
    let out = watching.until("  expected engagement ");
    assert!(out.contains("round 3: rules/channels.toml") && out.contains("dropped"), "{out}");
    let (code, stderr) = watching.interrupt();
    assert_eq!(code, Some(0));
    assert!(stderr.contains("rules/channels.toml:47:") && stderr.contains("1 error(s) in the rules pack"), "{stderr}");
}

const SATURATING: &str = "response = \"saturating\"";
const LINEAR: &str = "response = \"linear\"\nslope_below_warn = 0.6\nslope_above_warn = 1.4";

#[test]
fn removed_and_restored_files_and_folders_are_watched() {
    let folder = folder_with_a_case();
    let watching = Watching::start(&folder, "watch small");
    watching.until("compared with it");

    fs::remove_file(folder.path("rules/tests/one.toml")).unwrap();
    assert!(watching.until("no post changes").contains("0 case(s) passed, 0 failed"));

    let text = folder.read("rules/fatigue.toml");
    folder.write("rules/.fatigue.toml.new", &text.replace(SATURATING, LINEAR));
    fs::rename(folder.path("rules/.fatigue.toml.new"), folder.path("rules/fatigue.toml")).unwrap();
    assert!(watching.until("  expected engagement ").contains("round 3: rules/fatigue.toml"));

    fs::rename(folder.path("rules"), folder.path("away")).unwrap();
    watching.until("no plan because of errors");
    fs::rename(folder.path("away"), folder.path("rules")).unwrap();
    watching.until("no post changes");
    folder.replace("rules/fatigue.toml", LINEAR, SATURATING);
    watching.until("  expected engagement ");
    assert_eq!(watching.interrupt().0, Some(0));
}

#[test]
fn after_a_burst_of_saves_the_last_one_is_planned() {
    let folder = folder_with_a_case();
    let watching = Watching::start(&folder, "watch small --format json");
    watching.until("\"round\":1");
    for posts in ["4", "3", "2", "1"] {
        let text = folder.read("rules/channels.toml");
        let changed = text.replacen("weekly_posts = ", &format!("weekly_posts = {posts} # "), 1);
        folder.write("rules/channels.toml", &changed);
    }
    watching.until("\"came\":\"1\"");
    let (code, stderr) = watching.interrupt();
    assert_eq!(code, Some(0), "{stderr}");
}

#[test]
fn missing_folders_cannot_be_watched() {
    let folder = folder_with_a_case();
    folder.mcoe("watch nowhere").exits_with(2).stderr_has(&["the folder `nowhere` does not exist", "remedy:"]);
    folder.mcoe("watch small --rules nowhere").exits_with(2).stderr_has(&["the folder `nowhere` does not exist"]);
}
