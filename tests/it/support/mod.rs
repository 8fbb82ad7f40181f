//! Helpers that tests share: rules packs, scenarios, databases, servers, a browser, and runs of the real binary.

mod agency;
mod browser;
mod openapi;
mod packages;
pub mod postgres;
mod table;
mod test_database;
mod test_folder;
mod test_server;

use std::path::{Path, PathBuf};

use mcoe::diagnostic::{Diagnostic, render};
use mcoe::model::{Plan, Scenario, Tier};
use mcoe::planner::{self, PlanError, Planner};
use mcoe::rules::{CompiledRules, PackFiles, load};
use mcoe::scenario;
use proptest::test_runner::Config as ProptestConfig;

pub use agency::{Agency, at};
pub use browser::Browser;
pub use openapi::operation;
pub use packages::{find_in_path, find_or_install, install};
pub use table::Table;
pub(crate) use test_database::on_both;
pub use test_database::{TestDatabase, block_on};
pub use test_folder::{CommandOutput, TestFolder};
pub use test_server::{HttpClient, Response, TestServer, options, token, token_until};

/// Makes proptest try this number of cases, unless `PROPTEST_CASES` sets another, and save no failures in files.
pub fn proptest_config(default_cases: u32) -> ProptestConfig {
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::default() };
    let is_overridden = std::env::var_os("PROPTEST_CASES").is_some();
    ProptestConfig { cases: if is_overridden { config.cases } else { default_cases }, ..config }
}

/// The absolute path of a file or folder of the project.
pub fn project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// The newest version of the ledger's schema, which is the number of migrations.
pub fn newest_schema_version() -> i64 {
    std::fs::read_dir(project("migrations/sqlite")).unwrap().count() as i64
}

/// The text of every file in a folder and its subfolders, by its path within the folder.
pub fn read_folder(folder: &Path) -> PackFiles {
    let mut files = PackFiles::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().to_str().unwrap().replace('\\', "/");
                files.insert(name, std::fs::read_to_string(&path).unwrap());
            }
        }
    }
    files
}

/// The default pack, without its tests.
pub fn default_pack() -> PackFiles {
    let mut files = read_folder(&project("rules"));
    files.retain(|name, _| !name.starts_with("tests/"));
    files
}

/// The default pack with a file added or replaced.
pub fn pack_with_file(name: &str, text: &str) -> PackFiles {
    let mut files = default_pack();
    files.insert(name.to_owned(), text.to_owned());
    files
}

/// The default pack with the first occurrence of some texts replaced: file, old text, new text.
pub fn pack_with_changes(changes: &[(&str, &str, &str)]) -> PackFiles {
    let mut files = default_pack();
    for (file, old, new) in changes {
        let text = files.get_mut(*file).unwrap();
        assert!(text.contains(old), "`{old}` is not in {file}");
        *text = text.replacen(old, new, 1);
    }
    files
}

/// Sets a key in a file of a pack: `key` in every table that has it, `table.key` in that table only.
pub fn set_key(files: &mut PackFiles, file: &str, key: &str, value: &str) {
    let (only_table, key) = key.split_once('.').map_or((None, key), |(table, key)| (Some(table), key));
    let text = files.get_mut(file).unwrap();
    let mut table = String::new();
    let mut occurrences = 0;
    let lines = text.lines().map(|line| {
        if let Some(header) = line.strip_prefix('[') {
            header.split(']').next().unwrap_or_default().clone_into(&mut table);
        }
        let sets_key = only_table.is_none_or(|name| name == table) && line.starts_with(&format!("{key} = "));
        occurrences += usize::from(sets_key);
        if sets_key { format!("{key} = {value}\n") } else { format!("{line}\n") }
    });
    *text = lines.collect();
    assert!(occurrences > 0, "`{key}` is not in {file}");
}

/// The default pack with some keys set: file, key, value, as in [`set_key`].
pub fn pack_with_keys(keys: &[(&str, &str, &str)]) -> PackFiles {
    let mut files = default_pack();
    for (file, key, value) in keys {
        set_key(&mut files, file, key, value);
    }
    files
}

/// A pack's errors as text, with the source lines that they concern.
pub fn rendered(mistakes: &[Diagnostic], files: &PackFiles) -> String {
    let in_rules: Vec<Diagnostic> = mistakes.iter().map(|mistake| mistake.clone().within("rules")).collect();
    render(&in_rules, &|name| files.get(name.strip_prefix("rules/")?).map(String::as_str), false)
}

/// Loads and compiles a pack. Returns all its errors if it is invalid.
pub fn try_compile(files: PackFiles) -> Result<CompiledRules, Vec<Diagnostic>> {
    CompiledRules::compile(load(files)?)
}

/// Loads and compiles a pack, which must be valid.
pub fn compiled(files: PackFiles) -> CompiledRules {
    try_compile(files.clone()).unwrap_or_else(|mistakes| panic!("{}", rendered(&mistakes, &files)))
}

/// Rules under which ordinary posts are of high risk.
pub fn rules_with_high_risk_posts() -> CompiledRules {
    rules_with_bands("0.95", "0.98")
}

/// Rules under which confidence below `medium_from` means high risk, from there to `low_from` medium risk, and from
/// `low_from` low risk.
pub fn rules_with_bands(medium_from: &str, low_from: &str) -> CompiledRules {
    compiled(pack_with_changes(&[
        ("risk.toml", "from = 0.75\nto = 1.0", &format!("from = {low_from}\nto = 1.0")),
        ("risk.toml", "from = 0.60\nto = 0.75", &format!("from = {medium_from}\nto = {low_from}")),
        ("risk.toml", "from = 0.0\nto = 0.60", &format!("from = 0.0\nto = {medium_from}")),
    ]))
}

/// A shipped scenario, in which clients without a policy have the pack's default policy.
pub fn shipped_scenario(name: &str, rules: &CompiledRules) -> Scenario {
    scenario::read(&project("scenarios").join(name), &rules.base().risk.default_policy)
        .unwrap_or_else(|errors| panic!("{errors}"))
}

/// Plans the first week of a scenario.
pub fn try_plan(rules: &CompiledRules, scenario: &Scenario) -> Result<Plan, PlanError> {
    planner::plan_week(&Planner::new(rules, Tier::Exact, None), scenario, scenario.start)
}

/// Plans the first week of a scenario, which must succeed.
pub fn plan(rules: &CompiledRules, scenario: &Scenario) -> Plan {
    try_plan(rules, scenario).unwrap_or_else(|error| panic!("{error}"))
}
