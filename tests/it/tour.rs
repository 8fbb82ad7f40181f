//! Follows the documents: runs their commands in order, makes their edits, and looks for the output that they
//! show in the actual output.
//!
//! The first line of a fence says what it is:
//!
//! | fence | action |
//! |:--|:--|
//! | `console` | lines after `$ ` are run; the output must contain the lines below each, in order; `…` is any text |
//! | `diff FILE` | the lines without `+` must occur in the file exactly once; the lines without `-` replace them |
//! | `text FILE` | the file must have lines that contain these |
//! | any other language and `FILE` | the lines are appended to the file, which is created if missing |
//!
//! A command that shows an error must end with exit code 2, any other with 0. `ID` in a command is
//! the first cell of the last row of a `posts.csv` that a `text` fence showed. Other fences without a file are
//! ignored. After the comment `from a fresh checkout`, commands run in a new folder.
//!
//! If the program's output has changed, `MCOE_TOUR=rewrite cargo test tour::` replaces each line that is no longer
//! printed with the most similar one that is, and copies the sample files. It still fails for lines with `…` that are
//! no longer printed: edit them by hand. Review the difference, and test again.

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
    std::env::var("MCOE_TOUR").is_ok_and(|mode| mode == "rewrite")
}

/// Compares a sample file in the project with a newly written one, or replaces it.
fn assert_up_to_date(sample: &str, written: &Path) {
    let written = fs::read(written).unwrap();
    if is_rewriting() {
        return fs::write(project().join(sample), written).unwrap();
    }
    let is_same = fs::read(project().join(sample)).is_ok_and(|content| content == written);
    assert!(is_same, "{sample} is out of date; `just tour` updates it");
}

/// A fenced block of a document.
struct Fence<'d> {
    language: &'d str,
    file: Option<&'d str>,
    /// The lines with their numbers.
    lines: Vec<(usize, &'d str)>,
}

/// The comment after which commands run in a new folder.
const FRESH_CHECKOUT: &str = "<!-- from a fresh checkout -->";

fn fences(document: &str) -> Vec<Fence<'_>> {
    let mut fences = Vec::new();
    let mut lines = document.lines().enumerate();
    while let Some((_, line)) = lines.next() {
        if line == FRESH_CHECKOUT {
            fences.push(Fence { language: FRESH_CHECKOUT, file: None, lines: Vec::new() });
        }
        let Some(info) = line.strip_prefix("```") else { continue };
        let mut words = info.split_whitespace();
        let (language, file) = (words.next().unwrap_or_default(), words.next());
        let body = lines.by_ref().take_while(|(_, line)| *line != "```");
        fences.push(Fence { language, file, lines: body.map(|(at, line)| (at + 1, line)).collect() });
    }
    fences
}

/// A document, followed in a folder like a fresh checkout.
struct Tour<'d> {
    document: &'d str,
    folder: TempDir,
    /// The folders before this one, in order.
    earlier_folders: Vec<TempDir>,
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
            earlier_folders: Vec::new(),
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
                (FRESH_CHECKOUT, _) => self.earlier_folders.push(std::mem::replace(&mut self.folder, checkout())),
                ("console", _) => commands += self.run_commands(&fence),
                ("diff", Some(file)) => self.apply_diff(&fence, file),
                ("text", Some(file)) => self.expect_lines(&fence, file),
                (_, Some(file)) => self.append(&fence, file),
                (_, None) => {}
            }
        }
        assert!(commands > 0, "{} has no commands", self.document);
        if is_rewriting() {
            self.rewrite(&text);
        }
        assert!(self.failures.is_empty(), "{}", self.failures);
        self.earlier_folders.into_iter().next().unwrap_or(self.folder)
    }

    fn path(&self, file: &str) -> PathBuf {
        self.folder.path().join(file)
    }

    fn fail(&mut self, line: usize, reason: &str) {
        writeln!(self.failures, "\n{}:{line}: {reason}", self.document).unwrap();
    }

    fn rewrite(&self, text: &str) {
        let mut lines: Vec<&str> = text.lines().collect();
        for (line, new_text) in &self.rewrites {
            lines[line - 1] = new_text;
        }
        fs::write(project().join(self.document), lines.join("\n") + "\n").unwrap();
    }

    /// Reports a line of the document that is not in the output, with the most similar one that is, or rewrites it.
    fn report_missing(&mut self, line: usize, expected: &str, output: &str) {
        let similarity = |line: &&str| (strsim::normalized_levenshtein(line, expected) * 1e6) as u32;
        let nearest = output.lines().max_by_key(similarity).unwrap_or("nothing");
        if is_rewriting() && !expected.contains('…') {
            self.rewrites.push((line, nearest.to_owned()));
            return;
        }
        let reason = format!("the document shows:\n  {expected}\nbut the output has at best:\n  {nearest}");
        self.fail(line, &reason);
    }

    fn run_commands(&mut self, fence: &Fence<'_>) -> usize {
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
        let printed = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        let expected_code = if shown.iter().any(|(_, line)| line.starts_with("error")) { 2 } else { 0 };
        if output.status.code() != Some(expected_code) {
            self.fail(line, &format!("`{command}` ended with {}, not {expected_code}:\n{printed}", output.status));
            return;
        }
        let mut rest: Vec<&str> = printed.lines().collect();
        for (line, pattern) in shown.iter().filter(|(_, pattern)| !pattern.trim().is_empty()) {
            match rest.iter().position(|line| contains_pattern(line, pattern)) {
                Some(at) => rest = rest.split_off(at + 1),
                None => self.report_missing(*line, pattern, &printed),
            }
        }
    }

    fn apply_diff(&mut self, fence: &Fence<'_>, file: &str) {
        let lines_without = |sign: char| {
            let lines = fence.lines.iter().filter(|(_, line)| !line.starts_with(sign));
            lines.map(|(_, line)| format!("{}\n", line.get(1..).unwrap_or_default())).collect::<String>()
        };
        let (old, new) = (lines_without('+'), lines_without('-'));
        let text = fs::read_to_string(self.path(file)).unwrap();
        let count = text.matches(&old).count();
        if count != 1 {
            let line = fence.lines.first().map_or(0, |(line, _)| *line);
            self.fail(line, &format!("{file} has these lines {count} times:\n{old}"));
        }
        fs::write(self.path(file), text.replace(&old, &new)).unwrap();
    }

    fn expect_lines(&mut self, fence: &Fence<'_>, file: &str) {
        let text = fs::read_to_string(self.path(file)).unwrap_or_default();
        for (line, pattern) in &fence.lines {
            match text.lines().find(|line| contains_pattern(line, pattern)) {
                Some(row) if file.ends_with("posts.csv") => {
                    row.split(',').next().unwrap_or_default().clone_into(&mut self.id);
                }
                Some(_) => {}
                None => self.report_missing(*line, pattern, &text),
            }
        }
    }

    fn append(&self, fence: &Fence<'_>, file: &str) {
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
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target);
        } else {
            fs::copy(&path, target).unwrap();
        }
    }
}

/// Whether a line contains a text in which `…` matches anything.
fn contains_pattern(line: &str, pattern: &str) -> bool {
    let mut rest = line;
    pattern.trim().split('…').all(|part| {
        let found = rest.find(part);
        rest = found.map_or("", |at| &rest[at + part.len()..]);
        found.is_some()
    })
}

#[test]
fn the_readme_can_be_followed() {
    let folder = Tour::new("README.md").follow();
    assert_up_to_date("docs/engagement.png", &folder.path().join("reports/agency/figures/engagement.png"));
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
            assert!(folder.parent().unwrap().join(file).exists(), "{document} links to {link}, which does not exist");
        }
    }
}

#[test]
fn the_page_about_the_architecture_lists_every_folder() {
    let page = read("ARCHITECTURE.md");
    let folders = ["src", "crates/engine/src"].map(|folder| fs::read_dir(project().join(folder)).unwrap());
    for entry in folders.into_iter().flatten() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        assert!(!path.is_dir() || page.contains(&format!("| `{name}/` |")), "there is no row for {name}");
    }
}

/// The rows of a table of facts in `docs/rules.md`.
fn rows<T: Facts>() -> Vec<String> {
    T::fields().iter().map(|field| format!("| `{}` | {} |", field.name, field.doc.trim())).collect()
}

#[test]
fn the_page_about_rules_lists_every_fact_and_hook() {
    let page = read("docs/rules.md");
    let hooks = HOOKS.iter().map(|hook| {
        format!("| `{}({})` | {} | {} |", hook.name, hook.parameters.join(", "), hook.frequency, hook.returns)
    });
    let facts = [rows::<ChannelFacts>(), rows::<PostFacts>(), rows::<AssetFacts>(), rows::<ClientFacts>()];
    let missing: Vec<String> =
        hooks.chain(facts.into_iter().flatten()).filter(|row| !page.lines().any(|line| line == row)).collect();
    assert!(missing.is_empty(), "docs/rules.md lacks these rows:\n{}", missing.join("\n"));
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
    let missing: Vec<String> = case_rows().filter(|row| !page.lines().any(|line| line == row)).collect();
    assert!(missing.is_empty(), "docs/rules.md lacks these rows:\n{}", missing.join("\n"));
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
        assert_up_to_date(file, &folder.path().join(file));
    }
}
