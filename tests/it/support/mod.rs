//! Shared by the tests: rules packs, scenarios, agencies built in code, tables, and the real binary.

mod agency;
mod browser;
mod ledger;
mod openapi;
mod packages;
pub mod postgres;
mod site;
mod table;
mod workplace;

use std::path::{Path, PathBuf};

use mcoe::diagnostic::{Diagnostic, render};
use mcoe::model::{Plan, Scenario, Tier};
use mcoe::planner::{self, PlanError, Planner};
use mcoe::rules::{CompiledRules, PackFiles, load};
use mcoe::scenario;
use proptest::test_runner::Config as ProptestConfig;

pub use agency::{Agency, at};
pub use browser::Browser;
pub(crate) use ledger::on_both;
pub use ledger::{Place, block_on};
pub use openapi::operation;
pub use site::{Answer, Asker, Site, options, token, token_until};
pub use table::Table;
pub use workplace::{Ran, Workplace};

/// The number of cases of a property; `PROPTEST_CASES` overrides it.
pub fn cases(usual: u32) -> ProptestConfig {
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::default() };
    let is_asked_for = std::env::var_os("PROPTEST_CASES").is_some();
    ProptestConfig { cases: if is_asked_for { config.cases } else { usual }, ..config }
}

/// A path within the project.
pub fn project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// The newest version of the ledger's schema: each has a migration.
pub fn newest_schema() -> i64 {
    std::fs::read_dir(project("migrations/sqlite")).unwrap().count() as i64
}

/// Every text of a folder by its path within it.
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
pub fn with_file(name: &str, text: &str) -> PackFiles {
    let mut files = default_pack();
    files.insert(name.to_owned(), text.to_owned());
    files
}

/// The default pack with some texts replaced: file, old text, new text.
pub fn changed(changes: &[(&str, &str, &str)]) -> PackFiles {
    let mut files = default_pack();
    for (file, from, to) in changes {
        let text = files.get_mut(*file).unwrap();
        assert!(text.contains(from), "`{from}` is not in {file}");
        *text = text.replacen(from, to, 1);
    }
    files
}

/// Sets a key of a pack's file in every table or, as `table.key`, in one.
pub fn set(files: &mut PackFiles, file: &str, key: &str, value: &str) {
    let (wanted, key) = key.split_once('.').map_or((None, key), |(table, key)| (Some(table), key));
    let text = files.get_mut(file).unwrap();
    let mut table = String::new();
    let mut found = 0;
    let lines = text.lines().map(|line| {
        if let Some(head) = line.strip_prefix('[') {
            head.split(']').next().unwrap_or_default().clone_into(&mut table);
        }
        let is_meant = wanted.is_none_or(|wanted| wanted == table) && line.starts_with(&format!("{key} = "));
        found += usize::from(is_meant);
        if is_meant { format!("{key} = {value}\n") } else { format!("{line}\n") }
    });
    *text = lines.collect();
    assert!(found > 0, "`{key}` is not in {file}");
}

/// The default pack with changed keys: file, key, value, as in [`set`].
pub fn with_keys(keys: &[(&str, &str, &str)]) -> PackFiles {
    let mut files = default_pack();
    for (file, key, value) in keys {
        set(&mut files, file, key, value);
    }
    files
}

/// The text of a pack's errors, with their source lines.
pub fn rendered(mistakes: &[Diagnostic], files: &PackFiles) -> String {
    let shown: Vec<Diagnostic> = mistakes.iter().map(|mistake| mistake.clone().within("rules")).collect();
    render(&shown, &|name| files.get(name.strip_prefix("rules/")?).map(String::as_str), false)
}

/// A pack, loaded and compiled, or everything that is wrong with it.
pub fn compile(files: PackFiles) -> Result<CompiledRules, Vec<Diagnostic>> {
    CompiledRules::compile(load(files)?)
}

/// A pack that must be valid.
pub fn compiled(files: PackFiles) -> CompiledRules {
    compile(files.clone()).unwrap_or_else(|mistakes| panic!("{}", rendered(&mistakes, &files)))
}

/// Rules under which ordinary posts are of high risk.
pub fn careful() -> CompiledRules {
    with_bands("0.95", "0.98")
}

/// Rules under which confidence below `medium` means high risk, and below `low` medium risk.
pub fn with_bands(medium: &str, low: &str) -> CompiledRules {
    compiled(changed(&[
        ("risk.toml", "from = 0.75\nto = 1.0", &format!("from = {low}\nto = 1.0")),
        ("risk.toml", "from = 0.60\nto = 0.75", &format!("from = {medium}\nto = {low}")),
        ("risk.toml", "from = 0.0\nto = 0.60", &format!("from = 0.0\nto = {medium}")),
    ]))
}

/// A shipped scenario under the default policy of a pack.
pub fn shipped(name: &str, rules: &CompiledRules) -> Scenario {
    scenario::read(&project("scenarios").join(name), &rules.base().risk.default_policy)
        .unwrap_or_else(|errors| panic!("{errors}"))
}

/// Plans the first week of a scenario.
pub fn try_plan(rules: &CompiledRules, scenario: &Scenario) -> Result<Plan, PlanError> {
    planner::plan_week(&Planner::new(rules, Tier::Exact, None), scenario, scenario.start)
}

/// Plans the first week of a scenario; must succeed.
pub fn plan(rules: &CompiledRules, scenario: &Scenario) -> Plan {
    try_plan(rules, scenario).unwrap_or_else(|error| panic!("{error}"))
}
