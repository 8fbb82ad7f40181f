//! `mcoe watch`: reacts to each save, whatever an editor does to the files.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use crate::support::Workplace;

/// Longer than any round takes, even on a busy machine.
const MAX_WAIT: Duration = Duration::from_secs(120);

/// A running `mcoe watch`, stopped when it is dropped.
struct Watching {
    child: Child,
    lines: Receiver<String>,
}

impl Watching {
    fn start(place: &Workplace, line: &str) -> Self {
        let mut child = place.command(line).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let lines = lines_of(child.stdout.take().unwrap());
        Self { child, lines }
    }

    /// The lines up to and including the first that contains the text.
    #[track_caller]
    fn until(&self, text: &str) -> String {
        let mut said = String::new();
        loop {
            let line = self.lines.recv_timeout(MAX_WAIT).unwrap_or_else(|_| panic!("`{text}` was not said:\n{said}"));
            said += &line;
            said.push('\n');
            if line.contains(text) {
                return said;
            }
        }
    }

    /// Interrupts it as Ctrl-C does, and returns its exit status and stderr.
    fn end(mut self) -> (Option<i32>, String) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-INT", &id]).status().unwrap().success());
        let mut said = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        (self.child.wait().unwrap().code(), said)
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        // If the test failed, it is still running.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn lines_of(out: ChildStdout) -> Receiver<String> {
    let (sender, lines) = channel();
    thread::spawn(move || BufReader::new(out).lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
    lines
}

fn place() -> Workplace {
    let place = Workplace::new();
    place.write("rules/tests/one.toml", "[a_page_posts_in_full]\nexpect = { weekly_posts = 5 }\n");
    place
}

#[test]
fn each_save_shows_failures_and_the_difference_of_the_plans() {
    let place = place();
    let watching = Watching::start(&place, "watch small");
    let first = watching.until("the next plan is compared with it");
    assert!(first.starts_with("round 1\n1 case(s) passed, 0 failed\nthe plan of 2026-W43: "), "{first}");

    place.replace("rules/channels.toml", "weekly_posts = 5", "weekly_posts = 4");
    let second = watching.until(" dropped");
    assert!(second.contains("round 2: rules/channels.toml\n"), "{second}");
    assert!(second.contains("FAILED a_page_posts_in_full") && second.contains("    actual   4\n"), "{second}");
    assert!(second.contains("0 case(s) passed, 1 failed\nthe plan of 2026-W43:\n"), "{second}");

    place.replace("small/channels.csv", ",", ",");
    watching.until("round 3: small/channels.csv");
    watching.until("no post changes");
    let (code, said) = watching.end();
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("round 3 took ") && said.ends_with("stopped watching\n"), "{said}");
}

#[test]
fn an_invalid_pack_is_reported_and_the_next_valid_one_compared_with_the_last_plan() {
    let place = place();
    let watching = Watching::start(&place, "watch small");
    watching.until("compared with it");
    place.replace("rules/channels.toml", "weekly_posts = 5", "weekly_posts = ");
    watching.until("no plan because of errors");
    place.replace("rules/channels.toml", "weekly_posts = ", "weekly_posts = 4");
    let said = watching.until("  expected engagement ");
    assert!(said.contains("round 3: rules/channels.toml") && said.contains("dropped"), "{said}");
    let (code, said) = watching.end();
    assert_eq!(code, Some(0));
    assert!(said.contains("rules/channels.toml:47:") && said.contains("1 error(s) in the rules pack"), "{said}");
}

const SATURATING: &str = "response = \"saturating\"";
const LINEAR: &str = "response = \"linear\"\nslope_below_warn = 0.6\nslope_above_warn = 1.4";

#[test]
fn removed_and_restored_files_and_folders_are_watched() {
    let place = place();
    let watching = Watching::start(&place, "watch small");
    watching.until("compared with it");

    fs::remove_file(place.path("rules/tests/one.toml")).unwrap();
    assert!(watching.until("no post changes").contains("0 case(s) passed, 0 failed"));

    let text = place.read("rules/fatigue.toml");
    place.write("rules/.fatigue.toml.new", &text.replace(SATURATING, LINEAR));
    fs::rename(place.path("rules/.fatigue.toml.new"), place.path("rules/fatigue.toml")).unwrap();
    assert!(watching.until("  expected engagement ").contains("round 3: rules/fatigue.toml"));

    fs::rename(place.path("rules"), place.path("away")).unwrap();
    watching.until("no plan because of errors");
    fs::rename(place.path("away"), place.path("rules")).unwrap();
    watching.until("no post changes");
    place.replace("rules/fatigue.toml", LINEAR, SATURATING);
    watching.until("  expected engagement ");
    assert_eq!(watching.end().0, Some(0));
}

#[test]
fn a_burst_of_saves_plans_the_last_one() {
    let place = place();
    let watching = Watching::start(&place, "watch small --format json");
    watching.until("\"round\":1");
    for posts in ["4", "3", "2", "1"] {
        let text = place.read("rules/channels.toml");
        place.write("rules/channels.toml", &text.replacen("weekly_posts = ", &format!("weekly_posts = {posts} # "), 1));
    }
    watching.until("\"came\":\"1\"");
    let (code, said) = watching.end();
    assert_eq!(code, Some(0), "{said}");
}

#[test]
fn missing_folders_cannot_be_watched() {
    let place = place();
    place.mcoe("watch nowhere").ends_with(2).says(&["the folder `nowhere` does not exist", "remedy:"]);
    place.mcoe("watch small --rules nowhere").ends_with(2).says(&["the folder `nowhere` does not exist"]);
}
