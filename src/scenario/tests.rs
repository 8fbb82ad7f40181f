//! Helpers of the scenario tests, and the columns of imported files for the test that lists the columns of all tables.

use std::path::Path;

use super::{ScenarioFiles, render};
use crate::model::Policy;

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

/// Writes the files into a new folder.
pub(super) fn write_folder(dir: &Path, files: &ScenarioFiles) {
    std::fs::create_dir_all(dir).unwrap();
    for (name, bytes) in render(files).unwrap() {
        std::fs::write(dir.join(name), bytes).unwrap();
    }
}
