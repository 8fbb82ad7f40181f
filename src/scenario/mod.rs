//! Scenario folders: read and validated, as a whole or in parts, written, imported from a posting history, or generated.
//!
//! ```text
//! scenario.toml + tables ── read, parts ──> model::Scenario
//! posting history ── import ──┐
//! seed ── generate ───────────┴──> ScenarioFiles ── render ──> scenario.toml + tables
//! ```
//!
//! Besides `frames` and the report's tables, only this layer uses polars, to read files. Nothing is guessed:
//! an invalid cell is reported with its row and column, and nothing is dropped silently. Blank cells stay unknown.

mod channel_defaults;
mod error;
mod generate;
mod import;
mod parts;
mod read;
mod rows;
mod scenario_files;
mod table_file;
#[cfg(test)]
pub(crate) mod tests;
mod write;

pub use crate::tables::{MANIFEST_FILE, Manifest, histories_of};
pub use channel_defaults::ChannelDefaults;
pub use error::{ScenarioError, ScenarioErrors};
pub use generate::{DEFAULT_HISTORY_DAYS, GenerateOptions, GeneratedScenario, TrueResponse, generate};
pub use import::{
    AccountGrouping, ImportNotes, ImportOptions, Imported, PostingHistories, USUAL_FATIGUE, import, posting_histories,
    read_histories, read_history, scenario_histories,
};
pub use parts::{CheckedParts, ScenarioParts};
pub use read::{read, read_under, read_with_warnings};
pub use rows::read_rows;
pub use scenario_files::{ScenarioFiles, files_of};
pub use write::{render, render_truth};
