//! `mcoe rules show`: the effective values for a client and a channel, and where each is set.

use std::fmt::Write as _;

use clap::Args;
use serde_json::json;

use crate::cli::failure::Failure;
use crate::cli::{Format, Globals, RulesArgument, input, print};
use crate::diagnostic::hint;
use crate::model::{CampaignId, Channel, ClientId, WorkspaceId};
use crate::rules::EffectiveValue;

/// Show the effective rules for a client, each with the file and line where it is set
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  mcoe rules show --channel tiktok\n  mcoe rules show --workspace north --client bakery fatigue\n  mcoe rules show channels.tiktok.weekly_posts"
)]
pub(super) struct Show {
    /// Only values under this key, such as `fatigue` or `channels.tiktok`.
    key: Option<String>,
    /// The client, for its overlays.
    #[arg(long, value_name = "ID")]
    client: Option<String>,
    /// The client's workspace, for its overlays.
    #[arg(long, value_name = "ID")]
    workspace: Option<String>,
    /// A campaign of the client, for its overlays.
    #[arg(long, value_name = "ID")]
    campaign: Option<String>,
    /// From `channels.toml`, show only the values of this channel.
    #[arg(long, value_name = "CHANNEL")]
    channel: Option<Channel>,
    #[command(flatten)]
    rules: RulesArgument,
}

impl Show {
    pub fn run(&self, globals: &Globals) -> Result<(), Failure> {
        let rules = input::rules(&self.rules.rules, globals)?;
        let pack = rules.pack();
        // No overlay is for an empty id, so without an id no overlay of a workspace or client applies.
        let id = |id: &Option<String>| id.clone().unwrap_or_default();
        let campaign = self.campaign.as_deref().map(CampaignId::new);
        let overlays = pack.overlay_key(
            &WorkspaceId::new(id(&self.workspace)),
            &ClientId::new(id(&self.client)),
            campaign.as_ref(),
        );
        let all = pack.effective(&overlays);
        let shown: Vec<&EffectiveValue> =
            all.iter().filter(|value| value.matches(self.key.as_deref(), self.channel)).collect();
        if let (Some(key), true) = (&self.key, shown.is_empty()) {
            return Err(unknown_key(key, &all));
        }
        if globals.format == Format::Json {
            return print(&format!("{}\n", json!(shown)));
        }
        let files: Vec<&str> = pack.overlay_files(&overlays).collect();
        let mut text = match files.as_slice() {
            [] => "no overlay applies\n".to_owned(),
            files => format!("applied overlays: {}\n", files.join(", ")),
        };
        for value in shown {
            // Writing to a `String` cannot fail.
            let _ = write_value(&mut text, value);
        }
        print(&text)
    }
}

fn unknown_key(key: &str, all: &[EffectiveValue]) -> Failure {
    let near = hint("; ", EffectiveValue::nearest(key, all));
    let remedy = "`mcoe rules show` without a key lists all keys";
    Failure::input(format!("the pack has no key `{key}`{near}"), remedy)
}

fn write_value(text: &mut String, value: &EffectiveValue) -> std::fmt::Result {
    let place = match &value.file {
        Some(file) => format!("{file}:{}", value.line),
        None => "default".to_owned(),
    };
    let base = value.base.as_ref().map_or_else(String::new, |base| format!(" (overrides {base})"));
    writeln!(text, "{} = {}{base}   {place}", value.key, value.value)
}
