//! `mcoe status`: summary figures of the ledger.

use std::fmt::Write as _;

use clap::Args;
use serde_json::json;

use super::failure::Failure;
use super::ledger::{DatabaseArgument, NowArgument};
use super::{Format, Globals, RulesArgument, input, print};
use crate::model::WorkspaceId;
use crate::store::{ChannelStatus, OpenMode, Overview};

/// Show the number of schedules by status, and the health of the channels.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  mcoe status --workspace north --format json")]
pub(super) struct Status {
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

impl Status {
    pub fn run(&self, globals: &Globals) -> Result<(), Failure> {
        let rules = input::rules(&self.rules.rules, globals)?;
        let now = self.now.time();
        let (overview, channels) = self.database.with(OpenMode::Read, |ledger| async move {
            let ledger = match &self.workspace {
                Some(workspace) => ledger.scoped_to(WorkspaceId::new(workspace.as_str())),
                None => ledger,
            };
            Ok(ledger.status(&rules.base().fatigue, now).await?)
        })?;
        if globals.format == Format::Json {
            return print(&format!("{}\n", json!({"overview": overview, "channels": channels})));
        }
        print(&as_text(&overview, &channels))
    }
}

fn as_text(overview: &Overview, channels: &[ChannelStatus]) -> String {
    let mut text = format!(
        "{} schedules: {} need approval, {} ready, {} blocked, {} failed, {} drafted today\n\
         {} channels, average health {:.2}; {} client channels with high fatigue; {} conflicts in 7 days\n",
        overview.total_schedules,
        overview.pending_schedules,
        overview.ready_schedules,
        overview.blocked_count,
        overview.failed_count,
        overview.completed_today,
        overview.channels_active,
        overview.avg_health_score,
        overview.high_fatigue_channels,
        overview.conflicts_detected
    );
    if !channels.is_empty() {
        // Writing to a `String` cannot fail.
        let _ = write_channels(&mut text, channels);
    }
    text
}

fn write_channels(text: &mut String, channels: &[ChannelStatus]) -> std::fmt::Result {
    writeln!(text, "\nchannel   clients  pending  completed  health  fatigue  worst  wait h  last post (UTC)")?;
    for channel in channels {
        let last_post =
            channel.last_post_at.map_or_else(|| "never".to_owned(), |at| at.utc().format("%Y-%m-%d %H:%M").to_string());
        writeln!(
            text,
            "{:<9} {:>7}  {:>7}  {:>9}  {:>6.2}  {:>7.2}  {:>5.2}  {:>6.0}  {last_post}",
            channel.channel.name(),
            channel.clients,
            channel.pending,
            channel.completed,
            channel.health_score,
            channel.fatigue,
            channel.worst_fatigue,
            channel.recommended_wait_hours
        )?;
    }
    Ok(())
}
