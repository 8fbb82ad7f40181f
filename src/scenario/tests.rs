//! Helpers of the scenario tests, and the columns of imported files for the test that lists the columns of all tables.

use std::path::Path;

use super::{ScenarioFiles, ScenarioParts, read_under, render};
use crate::model::{Client, ClientState, Policy, Scenario};
use crate::rules::{CompiledRules, load};

pub(crate) use super::import::tests::columns as import_columns;

/// A policy for clients that have none.
pub(super) fn policy() -> Policy {
    Policy {
        agent_enabled: true,
        auto_exec_enabled: true,
        max_actions_per_day: 10,
        pause_on_high_severity_warning: true,
    }
}

/// The shipped pack.
pub(super) fn rules() -> CompiledRules {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("rules");
    let entries = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_file());
    let name = |path: &Path| path.file_name().unwrap().to_string_lossy().into_owned();
    let files = entries.map(|path| (name(&path), std::fs::read_to_string(&path).unwrap()));
    CompiledRules::compile(load(files.collect()).unwrap()).unwrap()
}

/// Writes the files into a new folder.
pub(super) fn write_folder(dir: &Path, files: &ScenarioFiles) {
    std::fs::create_dir_all(dir).unwrap();
    for (name, bytes) in render(files).unwrap() {
        std::fs::write(dir.join(name), bytes).unwrap();
    }
}

/// Asserts that reading a folder in parts gives the same clients, warnings and errors as reading it as a whole, whatever
/// the size of the parts.
#[track_caller]
pub(super) fn assert_parts_agree(dir: &Path) {
    let rules = rules();
    let whole = read_under(dir, &rules);
    for min_clients in [1, 2, 5, 1000] {
        let in_parts = ScenarioParts::open_in_groups_of(dir, &rules, min_clients, Clone::clone);
        match (&whole, in_parts) {
            (Ok((scenario, warnings)), Ok(checked)) => {
                assert_eq!(&checked.warnings, warnings, "in parts of {min_clients}");
                assert_same_clients(scenario, &checked.parts);
                assert_eq!(checked.inspected.len(), checked.parts.count());
            }
            (Err(whole), Err(in_parts)) => {
                let texts = [whole, &in_parts].map(|errors| errors.iter().map(ToString::to_string).collect::<Vec<_>>());
                assert_eq!(texts[0], texts[1], "in parts of {min_clients}");
            }
            (whole, in_parts) => panic!("{whole:?}, but in parts of {min_clients}: {in_parts:?}"),
        }
    }
}

#[track_caller]
fn assert_same_clients(whole: &Scenario, parts: &ScenarioParts) {
    let mut clients: Vec<(Client, ClientState)> = Vec::new();
    for number in 0..parts.count() {
        let part = parts.part(number).unwrap().into_owned();
        let last = clients.iter().map(|(client, _)| &client.workspace_id).max();
        assert!(part.clients.iter().all(|(client, _)| last.is_none_or(|last| *last < client.workspace_id)));
        clients.extend(part.clients.iter().cloned());
        assert_eq!(Scenario { clients: Vec::new(), ..part }, Scenario { clients: Vec::new(), ..whole.clone() });
    }
    clients.sort_by(|(a, _), (b, _)| a.id.cmp(&b.id));
    assert!(clients == whole.clients, "the parts have other clients");
}
