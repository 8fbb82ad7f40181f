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
use crate::rules::Rules;
use crate::scenario::{self, AccountGrouping, ChannelDefaults, ImportOptions, ScenarioErrors};

/// Turn a posting history (CSV) into a scenario.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  mcoe import posts.csv --out scenario\n  mcoe import posts.csv --client prefix --zone Asia/Bangkok --out scenario\n\nThe history needs the columns account, channel, published_at (ISO 8601 with its offset) and engagements;\nutc_offset_min (minutes), content_type and reach_or_null (people reached) are used where they are there.\nAn offset of published_at other than UTC tells the zone where utc_offset_min does not. Rows that repeat\nanother one count once. CSV may separate its cells by commas, semicolons or tabs."
)]
pub(super) struct Import {
    /// The history: CSV or Parquet, a row a post.
    posts: PathBuf,
    #[command(flatten)]
    out: OutArguments,
    /// What counts as one client.
    #[arg(long, value_enum, default_value_t = ClientIs::Account, conflicts_with = "mapping")]
    client: ClientIs,
    /// Table that says which account belongs to which client: account, client_id[, name, workspace_id, time_zone].
    #[arg(long, value_name = "FILE")]
    mapping: Option<PathBuf>,
    /// Time zone of every client, such as Europe/London. Default: from the offsets in the history, else UTC.
    #[arg(long, value_name = "ZONE")]
    zone: Option<Zone>,
    /// First week, such as 2026-W40. Default: the one after the last post.
    #[arg(long, value_name = "WEEK")]
    start: Option<Week>,
    /// How many weeks the scenario runs.
    #[arg(long, value_name = "N", default_value_t = 12, value_parser = clap::value_parser!(u32).range(1..=520))]
    weeks: u32,
    #[command(flatten)]
    rules: RulesArgument,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ClientIs {
    /// Every account.
    Account,
    /// The text before the first `_` of an account's name.
    Prefix,
}

impl Import {
    pub fn run(&self, globals: &Globals) -> Result<(), Failure> {
        let name =
            self.posts.file_stem().map_or_else(|| "imported".to_owned(), |stem| stem.to_string_lossy().into_owned());
        let options = ImportOptions {
            grouping: match (&self.mapping, self.client) {
                (Some(file), _) => AccountGrouping::Mapping(file.clone()),
                (None, ClientIs::Account) => AccountGrouping::Account,
                (None, ClientIs::Prefix) => AccountGrouping::Prefix,
            },
            start: self.start,
            weeks: self.weeks,
            zone: self.zone,
            figures: self.figures(globals)?,
            ..ImportOptions::new(name)
        };
        let out = OutFolder::open(&self.out.out, self.out.force)?;
        let imported =
            scenario::import(&self.posts, &options).map_err(|errors| input::scenario_failure(errors, globals))?;
        for (name, bytes) in scenario::render(&imported.files).map_err(ScenarioErrors::from)? {
            out.write(&name, &bytes)?;
        }
        super::progress::stop_if_asked()?;
        out.finish()?;
        if globals.format == Format::Json {
            return print(&format!("{}\n", json!({ "notes": imported.notes })));
        }
        print(&format!("{}\nwritten to {}\n", imported.notes, self.out.out.display()))
    }

    /// The channels' figures from the rules pack, or defaults if there is no pack in the default folder.
    fn figures(&self, globals: &Globals) -> Result<[ChannelDefaults; Channel::COUNT], Failure> {
        if !self.rules.rules.is_dir() && self.rules.rules.as_os_str() == "rules" {
            return Ok(ChannelDefaults::all_typical());
        }
        let files = read_pack(&self.rules.rules, globals)?;
        let rules = input::compile(files.clone())
            .map_err(|wrong| diagnostics::rules_failure(&wrong, &files, &self.rules.rules, globals))?;
        Ok(figures(&rules.base()))
    }
}

fn figures(rules: &Rules) -> [ChannelDefaults; Channel::COUNT] {
    let mut figures = ChannelDefaults::all_typical();
    for (figures, rules) in figures.iter_mut().zip(&rules.channels) {
        figures.half_life_hours = rules.half_life_hours;
        figures.fatigue_per_post = rules.fatigue_per_post;
        figures.weekly_posts = f64::from(rules.weekly_posts);
    }
    figures
}
