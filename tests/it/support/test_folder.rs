//! A folder in which tests run the real binary, with a pack and a scenario that they may change.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use assert_cmd::cargo::cargo_bin;
use serde_json::Value;
use tempfile::TempDir;

use super::{Table, default_pack, project};

/// Longer than any command of these tests takes, even on a busy machine.
const MAX_WAIT: Duration = Duration::from_secs(300);

/// A temporary folder with the default pack in `rules` and a shipped scenario in `small`.
pub struct TestFolder {
    dir: TempDir,
}

impl TestFolder {
    pub fn new() -> Self {
        let folder = Self { dir: tempfile::tempdir().unwrap() };
        for (name, text) in default_pack() {
            folder.write(&format!("rules/{name}"), &text);
        }
        folder.copy_scenario("small");
        folder
    }

    /// Copies a shipped scenario into the folder, under its own name.
    pub fn copy_scenario(&self, scenario: &str) {
        let source = project("scenarios").join(scenario);
        fs::create_dir_all(self.path(scenario)).unwrap();
        for entry in fs::read_dir(source).unwrap() {
            let entry = entry.unwrap();
            fs::copy(entry.path(), self.path(scenario).join(entry.file_name())).unwrap();
        }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    pub fn json(&self, name: &str) -> Value {
        serde_json::from_str(&self.read(name)).unwrap()
    }

    pub fn table(&self, name: &str) -> Table {
        Table::parse(&self.read(name))
    }

    pub fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Replaces the first occurrence of a text in a file; it must occur.
    pub fn replace(&self, name: &str, from: &str, to: &str) {
        let text = self.read(name);
        assert!(text.contains(from), "`{from}` is not in {name}");
        self.write(name, &text.replacen(from, to, 1));
    }

    /// The files of the report in `run`, without its wall time.
    pub fn report_files(&self) -> BTreeMap<String, Vec<u8>> {
        let mut files = self.files_in("run");
        let mut run: Value = serde_json::from_slice(&files["run.json"]).unwrap();
        run.as_object_mut().unwrap().remove("wall_seconds").unwrap();
        files.insert("run.json".to_owned(), run.to_string().into_bytes());
        files
    }

    /// Sorted names of the folder's entries, including hidden ones.
    pub fn entries(&self) -> Vec<String> {
        let entries = fs::read_dir(self.dir.path()).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    /// The content of every file in a folder and its subfolders, by its path within the folder.
    pub fn files_in(&self, name: &str) -> BTreeMap<String, Vec<u8>> {
        let mut files = BTreeMap::new();
        read_into(&self.path(name), "", &mut files);
        files
    }

    /// A command that runs the binary in the folder. Its arguments are separated by spaces.
    pub fn command(&self, arguments: &str) -> Command {
        let mut command = Command::new(cargo_bin!("mcoe"));
        command.args(arguments.split_whitespace()).current_dir(self.dir.path()).stdin(Stdio::null());
        command.env_remove("DATABASE_URL").env_remove("MCOE_ACTOR");
        command
    }

    /// Runs the binary in the folder. Its arguments are separated by spaces.
    pub fn mcoe(&self, arguments: &str) -> CommandOutput {
        let output = assert_cmd::Command::from_std(self.command(arguments)).timeout(MAX_WAIT).output().unwrap();
        CommandOutput {
            arguments: arguments.to_owned(),
            code: output.status.code(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

fn read_into(dir: &Path, prefix: &str, files: &mut BTreeMap<String, Vec<u8>>) {
    for entry in fs::read_dir(dir).unwrap_or_else(|error| panic!("{}: {error}", dir.display())) {
        let path = entry.unwrap().path();
        let name = format!("{prefix}{}", path.file_name().unwrap().to_string_lossy());
        if path.is_dir() {
            read_into(&path, &format!("{name}/"), files);
        } else {
            files.insert(name, fs::read(&path).unwrap());
        }
    }
}

/// What a command printed, and its exit code.
#[derive(Debug)]
pub struct CommandOutput {
    arguments: String,
    /// The exit code; `None` if a signal ended the command.
    pub code: Option<i32>,
    /// The whole of stdout.
    pub out: String,
    /// The whole of stderr.
    pub err: String,
}

impl CommandOutput {
    /// Fails the test unless the command ended with this exit code and without a panic.
    #[track_caller]
    pub fn exits_with(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "mcoe {}\n{}\n{}", self.arguments, self.out, self.err);
        assert!(!self.err.contains("panicked"), "{}", self.err);
        self
    }

    /// Fails the test unless the command succeeded.
    #[track_caller]
    pub fn succeeds(self) -> Self {
        self.exits_with(0)
    }

    /// Fails the test unless stderr contains every text.
    #[track_caller]
    pub fn stderr_has(self, texts: &[&str]) -> Self {
        for text in texts {
            assert!(self.err.contains(text), "`{text}` is not in:\n{}", self.err);
        }
        self
    }

    /// Fails the test unless stdout contains every text.
    #[track_caller]
    pub fn stdout_has(self, texts: &[&str]) -> Self {
        for text in texts {
            assert!(self.out.contains(text), "`{text}` is not in:\n{}", self.out);
        }
        self
    }

    /// The JSON on stdout.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}", self.out))
    }
}
