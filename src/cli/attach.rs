//! `mcoe attach`: attaches an asset to a committed post that has none, or that is blocked because of its asset.

use clap::Args;
use serde_json::json;

use super::failure::Failure;
use super::ledger::{ActorArgument, DatabaseArgument, NowArgument};
use super::{Format, Globals, RulesArgument, input, print};
use crate::model::{ScheduleStatus, Tier};
use crate::planner::Planner;
use crate::store::OpenMode;

/// Attach an asset to a committed post that has none, or that is blocked because of its asset
///
/// The post is re-evaluated at once, and becomes ready or needs approval.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  mcoe attach 0b7f bakery-story-12")]
pub(super) struct Attach {
    /// The schedule's id, or the start of it.
    schedule: String,
    /// The asset's id.
    asset: String,
    #[command(flatten)]
    rules: RulesArgument,
    #[command(flatten)]
    database: DatabaseArgument,
    #[command(flatten)]
    actor: ActorArgument,
    #[command(flatten)]
    now: NowArgument,
}

impl Attach {
    pub fn run(&self, globals: &Globals) -> Result<(), Failure> {
        let rules = input::rules(&self.rules.rules, globals)?;
        let planner = Planner::new(&rules, Tier::Exact, None);
        let (actor, now) = (self.actor.name(), self.now.time());
        let schedule = self.database.with(OpenMode::Write, |ledger| async move {
            let id = ledger.schedule_id(&self.schedule).await?;
            Ok(ledger.attach(&planner, id, &self.asset, &actor, now).await?)
        })?;
        if globals.format == Format::Json {
            return print(&format!("{}\n", json!(schedule)));
        }
        let result = match (schedule.status, &schedule.blocked_reason) {
            (ScheduleStatus::Pending, Some(reason)) => format!("it needs approval: {reason}"),
            _ => "it becomes a draft at its scheduled time".to_owned(),
        };
        print(&format!("attached {} to {}; {result}\n", self.asset, schedule.id))
    }
}
