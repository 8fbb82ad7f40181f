//! The state of a workspace of the ledger as a scenario, and its posting history, for the commands that take one.

use clap::Args;

use super::failure::Failure;
use super::ledger::{DEFAULT_DATABASE, DatabaseArgument, NowArgument};
use crate::model::{Scenario, Timestamp, Week, WorkspaceId};
use crate::report::shell_word;
use crate::scenario::{self, ScenarioFiles};
use crate::store::OpenMode;

/// A workspace as the source of a posting history.
#[derive(Debug, Args)]
pub(super) struct LedgerHistoryArguments {
    /// Take the posting history of a workspace of the ledger, instead of a file: its posts, and what they earned as far
    /// as `mcoe db load` has read it.
    #[arg(long, value_name = "WORKSPACE", conflicts_with = "history")]
    from_database: Option<String>,
    #[command(flatten)]
    database: DatabaseArgument,
    #[command(flatten)]
    now: NowArgument,
}

/// The posting history of a workspace of the ledger.
pub(super) struct LedgerHistory {
    /// The workspace's id.
    pub workspace: String,
    /// The workspace in its current state, as `mcoe db export` writes it.
    pub scenario: Scenario,
    /// The files of that scenario. At least one row of its history is measured.
    pub files: ScenarioFiles,
    /// The arguments that select it, as written on a command line.
    pub arguments: String,
}

impl LedgerHistoryArguments {
    /// The history of the workspace; `None` if none is named.
    pub fn read(&self) -> Result<Option<LedgerHistory>, Failure> {
        let Some(workspace) = &self.from_database else { return Ok(None) };
        let now = self.now.time();
        let (scenario, mut files) = workspace_files(&self.database, workspace, Week::after(now))?;
        // Committed posts of the rest of the week are not made yet.
        files.history.retain(|post| post.engagements.is_some() || post.published_at < now);
        if files.history.iter().all(|post| post.engagements.is_none()) {
            let cause = format!("the ledger knows no post of workspace `{workspace}` whose engagements were measured");
            let remedy = "load a scenario whose table `history` has `engagements`: `mcoe db load SCENARIO`";
            return Err(Failure::input(cause, remedy));
        }
        let arguments = self.as_text(workspace, now)?;
        Ok(Some(LedgerHistory { workspace: workspace.clone(), scenario, files, arguments }))
    }

    fn as_text(&self, workspace: &str, now: Timestamp) -> Result<String, Failure> {
        let database = self.database.url()?.to_string();
        let database =
            if database == DEFAULT_DATABASE { String::new() } else { format!(" --database {}", shell_word(&database)) };
        Ok(format!("--from-database {}{database} --now {now}", shell_word(workspace)))
    }
}

/// A workspace in its current state as a scenario that starts in a week, and the files of that scenario's folder, with
/// what past posts earned.
pub(super) fn workspace_files(
    database: &DatabaseArgument,
    workspace: &str,
    week: Week,
) -> Result<(Scenario, ScenarioFiles), Failure> {
    let workspace = WorkspaceId::new(workspace);
    let (scenario, measured) = database.with(OpenMode::Read, |ledger| async move {
        Ok((ledger.scenario(&workspace, week).await?, ledger.measured_posts(&workspace).await?))
    })?;
    let mut files = scenario::files_of(&scenario);
    files.add_measured_posts(measured);
    Ok((scenario, files))
}
