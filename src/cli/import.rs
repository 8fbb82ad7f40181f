//! `mcoe import`: creates a scenario from a real posting history.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde_json::json;

use super::diagnostics;
use super::failure::Failure;
use super::folder::OutFolder;
use super::pack::read_pack;
use super::{Format, Globals, OutArguments, RulesArgument, input, print};
use crate::model::{Channel, Week, Zone};
use crate::report::shell_path;
use crate::rules::Rules;
use crate::scenario::{self, AccountGrouping, ChannelDefaults, ImportOptions, ScenarioErrors};

/// Create a scenario from a posting history.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  mcoe import posts.csv --out scenario\n  mcoe import posts.csv --client prefix --zone Asia/Bangkok --out scenario\n\nThe history needs the columns account, channel, published_at (ISO 8601 with UTC offset) and engagements.\nThe columns utc_offset_min (minutes), content_type and reach_or_null (people reached) are optional.\nIf utc_offset_min is missing, a non-zero UTC offset in published_at determines the time zone. Duplicate rows\ncount once. CSV cells may be separated by commas, semicolons or tabs."
)]
pub(super) struct Import {
    /// The history: CSV or Parquet, one row per post.
    posts: PathBuf,
    #[command(flatten)]
    out: OutArguments,
    #[command(flatten)]
    accounts: AccountArguments,
    /// First week, such as 2026-W40. Default: the week after the last post.
    #[arg(long, value_name = "WEEK")]
    start: Option<Week>,
    /// Length of the scenario in weeks.
    #[arg(long, value_name = "N", default_value_t = 12, value_parser = clap::value_parser!(u32).range(1..=520))]
    weeks: u32,
    /// Maximum initial fatigue, from 0 to 1, of an account at its usual load: the load of earlier posts that it exceeds
    /// at one post in twenty. If this is less than `warn_at` of the rules, an account that always posts a lot starts
    /// neither exhausted nor blocked.
    #[arg(long, value_name = "FATIGUE", default_value_t = scenario::USUAL_FATIGUE, value_parser = parse_fatigue)]
    usual_fatigue: f64,
    #[command(flatten)]
    rules: RulesArgument,
}

fn parse_fatigue(text: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(|number| (0.0..=1.0).contains(number));
    number.ok_or_else(|| "give a number from 0 to 1".to_owned())
}

/// How the accounts of a posting history become clients.
#[derive(Debug, Args)]
pub(super) struct AccountArguments {
    /// How accounts are grouped into clients.
    #[arg(long, value_enum, default_value_t = ClientGrouping::Account, conflicts_with = "mapping")]
    client: ClientGrouping,
    /// Table with the client of each account: account, client_id[, name, workspace_id, time_zone].
    #[arg(long, value_name = "FILE")]
    mapping: Option<PathBuf>,
    /// Time zone of every client, such as Europe/London. Default: from the offsets in the history, else UTC.
    #[arg(long, value_name = "ZONE")]
    zone: Option<Zone>,
}

impl AccountArguments {
    /// Options for importing a history of these accounts.
    pub fn options(&self, name: String) -> ImportOptions {
        let grouping = match (&self.mapping, self.client) {
            (Some(file), _) => AccountGrouping::Mapping(file.clone()),
            (None, ClientGrouping::Account) => AccountGrouping::Account,
            (None, ClientGrouping::Prefix) => AccountGrouping::Prefix,
        };
        ImportOptions { grouping, zone: self.zone, ..ImportOptions::new(name) }
    }

    /// The arguments that differ from their defaults, as written on a command line, each after a space.
    pub fn as_text(&self) -> String {
        let mut text = String::new();
        if let Some(mapping) = &self.mapping {
            text.push_str(&format!(" --mapping {}", shell_path(mapping)));
        }
        if self.client == ClientGrouping::Prefix {
            text.push_str(" --client prefix");
        }
        if let Some(zone) = self.zone {
            text.push_str(&format!(" --zone {}", zone.name()));
        }
        text
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum ClientGrouping {
    /// One client per account.
    Account,
    /// One client per account name up to its first `_`.
    Prefix,
}

impl Import {
    pub fn run(&self, globals: &Globals) -> Result<(), Failure> {
        let name =
            self.posts.file_stem().map_or_else(|| "imported".to_owned(), |stem| stem.to_string_lossy().into_owned());
        let options = ImportOptions {
            start: self.start,
            weeks: self.weeks,
            usual_fatigue: self.usual_fatigue,
            channel_defaults: self.channel_defaults(globals)?,
            ..self.accounts.options(name)
        };
        let out = OutFolder::open(&self.out.out, self.out.force)?;
        let imported =
            scenario::import(&self.posts, &options).map_err(|errors| input::scenario_failure(errors, globals))?;
        for (name, bytes) in scenario::render(&imported.files).map_err(ScenarioErrors::from)? {
            out.write(&name, &bytes)?;
        }
        super::progress::stop_if_requested()?;
        out.finish()?;
        if globals.format == Format::Json {
            return print(&format!("{}\n", json!({ "notes": imported.notes })));
        }
        print(&format!("{}\nwritten to {}\n", imported.notes, self.out.out.display()))
    }

    /// The defaults of each channel: those of the rules pack, or typical ones if the default folder has no pack.
    fn channel_defaults(&self, globals: &Globals) -> Result<[ChannelDefaults; Channel::COUNT], Failure> {
        if !self.rules.rules.is_dir() && self.rules.rules.as_os_str() == "rules" {
            return Ok(ChannelDefaults::all_typical());
        }
        let files = read_pack(&self.rules.rules, globals)?;
        let rules = input::compile(files.clone())
            .map_err(|errors| diagnostics::rules_failure(&errors, &files, &self.rules.rules, globals))?;
        Ok(defaults_from(&rules.base()))
    }
}

fn defaults_from(rules: &Rules) -> [ChannelDefaults; Channel::COUNT] {
    let mut defaults = ChannelDefaults::all_typical();
    for (channel, rules) in defaults.iter_mut().zip(&rules.channels) {
        channel.half_life_hours = rules.half_life_hours;
        channel.fatigue_per_post = rules.fatigue_per_post;
        channel.weekly_posts = f64::from(rules.weekly_posts);
        channel.engagement_rate = Some(rules.engagement_rate);
    }
    defaults
}
