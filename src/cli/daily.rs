//! `mcoe daily`: the daily pass.

use clap::Args;
use serde_json::json;

use super::failure::Failure;
use super::ledger::{DatabaseArgument, NowArgument};
use super::{Format, Globals, RulesArgument, input, print, progress};
use crate::model::{Tier, WorkspaceId};
use crate::planner::Planner;
use crate::store::OpenMode;

/// Re-evaluate today's schedules and create drafts of those that are due
///
/// Schedules that were not approved in time expire. Nothing is published. It is safe to run at any time, also on
/// several machines at once.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  mcoe daily\n  mcoe daily --now 2026-11-23T10:00:00Z")]
pub(super) struct Daily {
    /// The workspace. Default: all.
    #[arg(long, value_name = "ID")]
    workspace: Option<String>,
    #[command(flatten)]
    rules: RulesArgument,
    #[command(flatten)]
    database: DatabaseArgument,
    #[command(flatten)]
    now: NowArgument,
}

impl Daily {
    pub fn run(&self, globals: &Globals) -> Result<(), Failure> {
        let rules = input::rules(&self.rules.rules, globals)?;
        let planner = Planner::new(&rules, Tier::Exact, None);
        let now = self.now.time();
        progress::set_saved_work("what the daily pass has done is saved; run it again for the rest".to_owned());
        let outcome = self.database.with(OpenMode::Write, |ledger| async move {
            let only = self.workspace.as_deref().map(WorkspaceId::new);
            Ok(ledger.daily(&planner, only.as_ref(), now, &progress::is_stopping).await?)
        })?;
        if globals.format == Format::Json {
            return print(&format!("{}\n", json!(outcome)));
        }
        print(&format!(
            "{} drafts created, {} failed\n{} schedules of today re-evaluated: {} blocked, {} made ready, {} sent back for approval\n\
             {} expired, {} failed schedules retried\n",
            outcome.drafted,
            outcome.failed,
            outcome.judged,
            outcome.blocked,
            outcome.readied,
            outcome.returned,
            outcome.expired,
            outcome.retried
        ))
    }
}
