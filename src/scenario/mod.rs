//! Scenario folders: read and checked as a whole, written, imported from a posting history, or made up.
//!
//! ```text
//! scenario.toml + tables ── read ──> model::Scenario
//! posting history ── import ──┐
//! seed ── generate ───────────┴──> ScenarioFiles ── render ──> scenario.toml + tables
//! ```
//!
//! The only layer beside the report's tables that knows polars, and only to read and write files.
//! It never guesses: a cell that is wrong is named with its row and column, and nothing is dropped
//! in silence. What is blank stays unknown.

mod error;
mod figures;
mod frame;
mod generate;
mod import;
mod layout;
mod manifest;
mod manifest_text;
mod read;
mod scenario_files;
mod write;

pub use error::{ScenarioError, ScenarioErrors};
pub use figures::ChannelFigures;
pub use generate::{GenerateOptions, generate};
pub use import::{ClientOf, ImportNotes, ImportOptions, Imported, import};
pub use manifest::{MANIFEST_FILE, Manifest};
pub use read::{read, read_with_warnings};
pub use scenario_files::{ScenarioFiles, files_of};
pub use write::render;

#[cfg(test)]
pub(crate) use import::columns as import_columns;
#[cfg(test)]
pub(crate) use write::write_folder;
