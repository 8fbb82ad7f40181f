//! `mcoe actions`: lists recorded decisions.

use clap::Args;
use serde_json::json;

use super::failure::Failure;
use super::ledger::DatabaseArgument;
use super::{Format, Globals, print};
use crate::model::{ActionType, Timestamp, WorkspaceId};
use crate::store::{Action, ActionFilter, OpenMode};

/// List recorded decisions, newest first: what was decided, from which signals, by whom.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  mcoe actions --schedule 0b7f\n  mcoe actions --client bakery --type schedule_approved --format json"
)]
pub(super) struct Actions {
    /// Only decisions of this workspace.
    #[arg(long, value_name = "ID")]
    workspace: Option<String>,
    /// Only decisions about this schedule: its id, or the start of it.
    #[arg(long, value_name = "ID")]
    schedule: Option<String>,
    /// Only decisions about this client.
    #[arg(long, value_name = "ID")]
    client: Option<String>,
    /// Only decisions of this type, such as schedule_approved.
    #[arg(long = "type", value_name = "TYPE", value_parser = action_type)]
    kind: Option<ActionType>,
    /// Only decisions made at this time or later.
    #[arg(long, value_name = "TIME")]
    from: Option<Timestamp>,
    /// Maximum number of decisions.
    #[arg(long, value_name = "N", default_value_t = 50)]
    limit: u32,
    #[command(flatten)]
    database: DatabaseArgument,
}

fn action_type(text: &str) -> Result<ActionType, String> {
    text.parse().map_err(|_| {
        let names: Vec<&str> = ActionType::ALL.iter().map(|kind| kind.name()).collect();
        format!("write one of {}", names.join(", "))
    })
}

impl Actions {
    pub fn run(&self, globals: &Globals) -> Result<(), Failure> {
        let actions = self.database.with(OpenMode::Read, |ledger| async move {
            let ledger = match &self.workspace {
                Some(workspace) => ledger.scoped_to(WorkspaceId::new(workspace.as_str())),
                None => ledger,
            };
            let schedule = match &self.schedule {
                Some(prefix) => Some(ledger.schedule_id(prefix).await?),
                None => None,
            };
            let filter = ActionFilter {
                schedule,
                client: self.client.clone(),
                action_type: self.kind,
                from: self.from,
                limit: self.limit,
                ..ActionFilter::default()
            };
            Ok(ledger.actions(&filter, None).await?.rows)
        })?;
        if globals.format == Format::Json {
            return print(&format!("{}\n", json!(actions)));
        }
        print(&actions.iter().map(as_text).collect::<String>())
    }
}

fn as_text(action: &Action) -> String {
    let schedule = action.schedule_id.map_or_else(String::new, |id| {
        let prefix: String = id.to_string().chars().take(8).collect();
        format!("  schedule {prefix}")
    });
    format!(
        "{}  {:<17} {:<17} {}{schedule}  by {}\n          {}\n",
        action.created_at,
        action.action_type.name(),
        action.status.name(),
        action.client_id,
        action.actor,
        action.decision_payload
    )
}
