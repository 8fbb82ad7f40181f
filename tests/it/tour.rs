//! Follows the documents: runs their commands in order, makes their edits, and looks for the output that they
//! show in the actual output.
//!
//! The first line of a fence says what it is:
//!
//! | fence | action |
//! |:--|:--|
//! | `console` | lines after `$ ` are run; the output must contain the lines below each, in order; `…` matches anything |
//! | `diff FILE` | the lines without `+` must occur in the file exactly once; the lines without `-` replace them |
//! | `text FILE` | the file must have lines that contain these |
//! | any other language and `FILE` | the lines are appended to the file, which is created if missing |
//!
//! A command that shows an error must end with exit code 2, any other with 0. `ID` in a command is
//! the first cell of the last row of a `posts.csv` that a `text` fence showed. Other fences without a file are
//! ignored. After the comment `from a fresh checkout`, commands run in a new folder.
//!
//! If the program's output has changed, `MCOE_TOUR=rewrite cargo test tour` replaces each line that is no longer printed by
//! the nearest one that is, and copies the sample files.
//! It still fails for lines with `…` that are no longer printed: mend them by hand. Review the difference, and test again.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use mcoe::rules::{AssetFacts, ChannelFacts, ClientFacts, DefaultValue, Facts, HOOKS, PostFacts, Presence};
use mcoe::workbench::CASE_KEYS;
use tempfile::TempDir;

fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(file: &str) -> String {
    fs::read_to_string(project().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

fn is_rewriting() -> bool {
    std::env::var("MCOE_TOUR").is_ok_and(|what| what == "rewrite")
}

/// Compares a sample file in the project with a new one.
fn is_kept(kept: &str, written: &Path) {
    let written = fs::read(written).unwrap();
    if is_rewriting() {
        return fs::write(project().join(kept), written).unwrap();
    }
    let is_same = fs::read(project().join(kept)).is_ok_and(|kept| kept == written);
    assert!(is_same, "{kept} is out of date; `just tour` updates it");
}

/// A fenced block of a document.
struct Fence<'d> {
    language: &'d str,
    file: Option<&'d str>,
    /// With their line numbers.
    lines: Vec<(usize, &'d str)>,
}

/// The comment at which a new folder is used.
const FRESH: &str = "<!-- from a fresh checkout -->";

fn fences(document: &str) -> Vec<Fence<'_>> {
    let mut found = Vec::new();
    let mut lines = document.lines().enumerate();
    while let Some((_, line)) = lines.next() {
        if line == FRESH {
            found.push(Fence { language: FRESH, file: None, lines: Vec::new() });
        }
        let Some(info) = line.strip_prefix("```") else { continue };
        let mut words = info.split_whitespace();
        let (language, file) = (words.next().unwrap_or_default(), words.next());
        let body = lines.by_ref().take_while(|(_, line)| *line != "```");
        found.push(Fence { language, file, lines: body.map(|(at, line)| (at + 1, line)).collect() });
    }
    found
}

/// A document, followed in a folder like a fresh checkout.
struct Tour<'d> {
    document: &'d str,
    folder: TempDir,
    /// Earlier folders, first one first.
    left: Vec<TempDir>,
    /// The value of `ID`.
    id: String,
    failures: String,
    /// Lines to rewrite, by number, with their new text.
    rewrites: Vec<(usize, String)>,
}

impl<'d> Tour<'d> {
    fn new(document: &'d str) -> Self {
        Self {
            document,
            folder: checkout(),
            left: Vec::new(),
            id: String::new(),
            failures: String::new(),
            rewrites: Vec::new(),
        }
    }

    /// Follows the document from top to bottom. Returns the first folder.
    fn follow(mut self) -> TempDir {
        let text = read(self.document);
        let mut commands = 0;
        for fence in fences(&text) {
            match (fence.language, fence.file) {
                (FRESH, _) => self.left.push(std::mem::replace(&mut self.folder, checkout())),
                ("console", _) => commands += self.run_all(&fence),
                ("diff", Some(file)) => self.edit(&fence, file),
                ("text", Some(file)) => self.look(&fence, file),
                (_, Some(file)) => self.add(&fence, file),
                (_, None) => {}
            }
        }
        assert!(commands > 0, "{} has no commands", self.document);
        if is_rewriting() {
            self.rewrite(&text);
        }
        assert!(self.failures.is_empty(), "{}", self.failures);
        self.left.into_iter().next().unwrap_or(self.folder)
    }

    fn path(&self, file: &str) -> PathBuf {
        self.folder.path().join(file)
    }

    fn fail(&mut self, line: usize, what: &str) {
        writeln!(self.failures, "\n{}:{line}: {what}", self.document).unwrap();
    }

    fn rewrite(&self, text: &str) {
        let mut lines: Vec<&str> = text.lines().collect();
        for (line, words) in &self.rewrites {
            lines[line - 1] = words;
        }
        fs::write(project().join(self.document), lines.join("\n") + "\n").unwrap();
    }

    /// Reports a line that was not printed, and the nearest one that was.
    fn miss(&mut self, line: usize, words: &str, said: &str) {
        let likeness = |said: &&str| (strsim::normalized_levenshtein(said, words) * 1e6) as u32;
        let near = said.lines().max_by_key(likeness).unwrap_or("nothing");
        if is_rewriting() && !words.contains('…') {
            self.rewrites.push((line, near.to_owned()));
            return;
        }
        self.fail(line, &format!("the document shows:\n  {words}\nbut the nearest line of the output is:\n  {near}"));
    }

    fn run_all(&mut self, fence: &Fence<'_>) -> usize {
        let starts: Vec<usize> = (0..fence.lines.len()).filter(|at| fence.lines[*at].1.starts_with("$ ")).collect();
        for (index, start) in starts.iter().enumerate() {
            let end = starts.get(index + 1).copied().unwrap_or(fence.lines.len());
            self.run(fence.lines[*start], &fence.lines[start + 1..end]);
        }
        starts.len()
    }

    fn run(&mut self, (line, command): (usize, &str), shown: &[(usize, &str)]) {
        let arguments = command
            .strip_prefix("$ mcoe ")
            .or_else(|| command.strip_prefix("$ cargo run --release -- "))
            .unwrap_or_else(|| panic!("{}:{line}: only mcoe is run, not `{command}`", self.document));
        let arguments = arguments.split_whitespace().map(|word| if word == "ID" { self.id.as_str() } else { word });
        let output = Command::new(env!("CARGO_BIN_EXE_mcoe"))
            .args(arguments)
            .current_dir(self.folder.path())
            .env_remove("DATABASE_URL")
            .output()
            .unwrap();
        let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        let expected = if shown.iter().any(|(_, line)| line.starts_with("error")) { 2 } else { 0 };
        if output.status.code() != Some(expected) {
            self.fail(line, &format!("`{command}` ended with {}, not {expected}:\n{said}", output.status));
            return;
        }
        let mut rest: Vec<&str> = said.lines().collect();
        for (line, words) in shown.iter().filter(|(_, words)| !words.trim().is_empty()) {
            match rest.iter().position(|said| holds(said, words)) {
                Some(at) => rest = rest.split_off(at + 1),
                None => self.miss(*line, words, &said),
            }
        }
    }

    fn edit(&mut self, fence: &Fence<'_>, file: &str) {
        let side = |other: char| {
            let lines = fence.lines.iter().filter(|(_, line)| !line.starts_with(other));
            lines.map(|(_, line)| format!("{}\n", line.get(1..).unwrap_or_default())).collect::<String>()
        };
        let (old, new) = (side('+'), side('-'));
        let text = fs::read_to_string(self.path(file)).unwrap();
        let found = text.matches(&old).count();
        if found != 1 {
            let line = fence.lines.first().map_or(0, |(line, _)| *line);
            self.fail(line, &format!("{file} holds these lines {found} times:\n{old}"));
        }
        fs::write(self.path(file), text.replace(&old, &new)).unwrap();
    }

    fn look(&mut self, fence: &Fence<'_>, file: &str) {
        let text = fs::read_to_string(self.path(file)).unwrap_or_default();
        for (line, words) in &fence.lines {
            match text.lines().find(|held| holds(held, words)) {
                Some(row) if file.ends_with("posts.csv") => {
                    row.split(',').next().unwrap_or_default().clone_into(&mut self.id);
                }
                Some(_) => {}
                None => self.miss(*line, words, &text),
            }
        }
    }

    fn add(&self, fence: &Fence<'_>, file: &str) {
        let path = self.path(file);
        let mut text = fs::read_to_string(&path).unwrap_or_default();
        for (_, line) in &fence.lines {
            text.push_str(line);
            text.push('\n');
        }
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
}

/// A folder with the rules and scenarios of the project.
fn checkout() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for name in ["rules", "scenarios"] {
        copy(&project().join(name), &folder.path().join(name));
    }
    folder
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let place = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &place);
        } else {
            fs::copy(&path, place).unwrap();
        }
    }
}

/// Whether a line contains the words, where `…` matches anything.
fn holds(line: &str, words: &str) -> bool {
    let mut rest = line;
    words.trim().split('…').all(|part| {
        let found = rest.find(part);
        rest = found.map_or("", |at| &rest[at + part.len()..]);
        found.is_some()
    })
}

#[test]
fn the_readme_can_be_followed() {
    let folder = Tour::new("README.md").follow();
    is_kept("docs/engagement.png", &folder.path().join("reports/agency/figures/engagement.png"));
}

#[test]
fn the_page_about_rules_can_be_followed() {
    Tour::new("docs/rules.md").follow();
}

#[test]
fn every_link_of_the_documents_points_to_a_file() {
    let pages = ["docs/rules.md", "docs/limits.md"];
    let documents = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"];
    for document in documents.into_iter().chain(pages) {
        let text = read(document);
        let folder = project().join(document);
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let file = link.split('#').next().unwrap_or_default();
            if file.is_empty() || link.contains("://") {
                continue;
            }
            assert!(folder.parent().unwrap().join(file).exists(), "{document} links to {link}, which is not there");
        }
    }
}

#[test]
fn the_map_of_the_architecture_names_every_folder() {
    let map = read("ARCHITECTURE.md");
    let folders = ["src", "crates/engine/src"].map(|folder| fs::read_dir(project().join(folder)).unwrap());
    for entry in folders.into_iter().flatten() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        assert!(!path.is_dir() || map.contains(&format!("| `{name}/` |")), "the map lacks a row for {name}");
    }
}

/// The rows of a view's table in `docs/rules.md`.
fn rows<T: Facts>() -> Vec<String> {
    T::fields().iter().map(|field| format!("| `{}` | {} |", field.name, field.doc.trim())).collect()
}

#[test]
fn the_page_about_rules_lists_every_fact_and_hook() {
    let page = read("docs/rules.md");
    let hooks = HOOKS.iter().map(|hook| {
        format!("| `{}({})` | {} | {} |", hook.name, hook.parameters.join(", "), hook.frequency, hook.returns)
    });
    let views = [rows::<ChannelFacts>(), rows::<PostFacts>(), rows::<AssetFacts>(), rows::<ClientFacts>()];
    let lacking: Vec<String> =
        hooks.chain(views.into_iter().flatten()).filter(|row| !page.lines().any(|line| line == row)).collect();
    assert!(lacking.is_empty(), "docs/rules.md lacks these rows:\n{}", lacking.join("\n"));
}

/// The rows of the keys of cases in `docs/rules.md`.
fn case_rows() -> impl Iterator<Item = String> {
    CASE_KEYS.keys.iter().map(|key| {
        let path = key.path.trim_start_matches("<case>.");
        let default = match key.presence {
            Presence::Default(DefaultValue::Integer(number)) => format!("`{number}`"),
            Presence::Default(DefaultValue::Number(number)) => format!("`{number}`"),
            Presence::Default(DefaultValue::Bool(truth)) => format!("`{truth}`"),
            Presence::Default(DefaultValue::Text(text)) => format!("`{text}`"),
            Presence::Default(DefaultValue::Names(names)) => format!("`{names:?}`"),
            Presence::Default(DefaultValue::NoRows) => "`none`".to_owned(),
            _ => String::new(),
        };
        match path.starts_with("expect.") {
            true => format!("| `{path}` | {} |", key.doc),
            false => format!("| `{path}` | {default} | {} |", key.doc),
        }
    })
}

#[test]
fn the_page_about_rules_lists_every_key_of_cases() {
    let page = read("docs/rules.md");
    let lacking: Vec<String> = case_rows().filter(|row| !page.lines().any(|line| line == row)).collect();
    assert!(lacking.is_empty(), "docs/rules.md lacks these rows:\n{}", lacking.join("\n"));
}

#[test]
fn the_sample_report_is_up_to_date() {
    let folder = checkout();
    let output = Command::new(env!("CARGO_BIN_EXE_mcoe"))
        .args(["simulate", "scenarios/small", "--out", "reports/sample"])
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    for file in ["reports/sample/summary.md", "reports/sample/index.html"] {
        is_kept(file, &folder.path().join(file));
    }
}
