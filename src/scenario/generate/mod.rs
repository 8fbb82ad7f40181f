//! Generates scenarios of any size from a seed: an agency with clients in Europe, America, Australia and Asia.
//!
//! Every client's random numbers are keyed by (seed, client, purpose), so that a larger scenario with the same seed
//! contains the clients of a smaller one unchanged.

mod client_state;
mod content;
mod draw;
mod names;
mod posting;
mod regions;
#[cfg(test)]
mod tests;
mod truth;

pub use self::truth::TrueResponse;

use chrono::NaiveDate;

use self::draw::Draw;
use self::names::Business;
use self::regions::Region;
use super::error::ScenarioError;
use super::scenario_files::ScenarioFiles;
use crate::diagnostic::{Diagnostic, Place};
use crate::model::{
    CalendarEntry, CalendarRow, Channel, ClientId, ClientRow, ClientStatus, DayKind, Timestamp, Week, WorkspaceId,
    Zone, plus_days,
};
use crate::tables::Manifest;

/// Options of a generated scenario.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GenerateOptions {
    /// Number of clients, up to 1,000,000.
    pub clients: u32,
    /// The same seed gives the same bytes.
    pub seed: u64,
    /// Number of weeks, `1..=520`.
    pub weeks: u32,
    /// Number of days before the start whose posts are generated, `1..=1095`.
    pub history_days: u32,
    /// First week.
    pub start: Week,
    /// The scenario's name.
    pub name: String,
}

/// A generated scenario.
#[derive(Debug, Clone, PartialEq)]
pub struct GeneratedScenario {
    /// The files of its folder.
    pub files: ScenarioFiles,
    /// The true response of each client's channels, in the order of the table `channels`.
    pub truth: Vec<TrueResponse>,
}

/// Default of [`GenerateOptions::history_days`]: as many days as `posts_last_30_days` of a channel counts.
pub const DEFAULT_HISTORY_DAYS: u32 = 30;

/// Number of clients per workspace.
const CLIENTS_PER_WORKSPACE: u32 = 25;

const MAX_CLIENTS: u32 = 1_000_000;
const MAX_WEEKS: u32 = 520;
const MAX_HISTORY_DAYS: u32 = 1095;

const DAY_SECONDS: i64 = 86_400;

/// A client while its rows are generated.
struct GeneratedClient {
    seed: u64,
    number: u32,
    business: Business,
    region: Region,
    zone: Zone,
    /// Monday 00:00 of the first week in the client's zone.
    as_of: Timestamp,
    channels: Vec<Channel>,
    start: Week,
    weeks: u32,
    history_days: u32,
}

impl GeneratedClient {
    fn draw(&self, purpose: &str) -> Draw {
        Draw::new(self.seed, self.number, purpose)
    }

    fn id(&self) -> &str {
        &self.business.slug
    }

    fn client_id(&self) -> ClientId {
        ClientId::new(self.id())
    }

    /// The instant `days` days after the start, or before it if negative; truncated to the second.
    fn instant(&self, days: f64) -> Timestamp {
        self.as_of.plus_seconds((days * DAY_SECONDS as f64) as i64)
    }

    /// The date `days` days after the first Monday.
    fn date(&self, days: u32) -> NaiveDate {
        plus_days(self.start.monday(), i64::from(days))
    }
}

/// Generates a scenario.
///
/// # Errors
/// If sizes are out of range, or the start lies at the edge of the calendar.
pub fn generate(options: &GenerateOptions) -> Result<GeneratedScenario, ScenarioError> {
    check_range("clients", options.clients, MAX_CLIENTS)?;
    check_range("weeks", options.weeks, MAX_WEEKS)?;
    check_range("days of history", options.history_days, MAX_HISTORY_DAYS)?;
    let manifest = Manifest::new(options.name.clone(), options.start, options.weeks);
    let mut files = ScenarioFiles::new(manifest);
    for date in regions::black_fridays(options.start, options.weeks) {
        let entry = calendar_entry(date, DayKind::Boost, Some(1.2), "Black Friday");
        files.calendar.push(CalendarRow::new("all", entry));
    }
    let mut truth = Vec::new();
    for number in 1..=options.clients {
        add_client(&mut files, &mut truth, &new_client(options, number)?);
    }
    Ok(GeneratedScenario { files, truth })
}

fn check_range(noun: &str, number: u32, max: u32) -> Result<(), ScenarioError> {
    if (1..=max).contains(&number) {
        return Ok(());
    }
    let (cause, remedy) = (format!("cannot generate {number} {noun}"), format!("use 1 to {max}"));
    Err(Diagnostic::new("out_of_range", Place::None, cause, remedy).into())
}

fn new_client(options: &GenerateOptions, number: u32) -> Result<GeneratedClient, ScenarioError> {
    let draw = |purpose: &str| Draw::new(options.seed, number, purpose);
    // A draw's purpose determines its numbers: if `place` were renamed, every generated scenario would change.
    let region = Region::random(&mut draw("place"));
    let zone: Zone = region.zone.parse()?;
    let as_of = zone.start_of_day(options.start.monday())?;
    Ok(GeneratedClient {
        seed: options.seed,
        number,
        business: names::business(&mut draw("name"), number),
        region,
        zone,
        as_of,
        channels: draw_channels(&mut draw("channels")),
        start: options.start,
        weeks: options.weeks,
        history_days: options.history_days,
    })
}

/// All nine channels for most clients, four to eight for the others.
fn draw_channels(draw: &mut Draw) -> Vec<Channel> {
    let mut channels = Channel::ALL.to_vec();
    if draw.chance(0.6) {
        return channels;
    }
    let count = draw.integer(4, 8) as usize;
    while channels.len() > count {
        let removed = draw.pick(&channels).copied();
        channels.retain(|channel| Some(*channel) != removed);
    }
    channels
}

fn add_client(files: &mut ScenarioFiles, truth: &mut Vec<TrueResponse>, client: &GeneratedClient) {
    files.clients.push(client_row(client));
    let campaigns = content::campaigns(client);
    let assets = content::assets(client, &campaigns);
    for channel in &client.channels {
        let generated = posting::generate_channel(client, *channel, &assets);
        files.channels.push(generated.row);
        truth.push(generated.response);
        files.history.extend(generated.history);
    }
    files.campaigns.extend(campaigns);
    files.assets.extend(assets);
    files.policies.extend(client_state::policy(client));
    files.warnings.extend(client_state::warnings(client));
    files.reality.extend(client_state::reality(client));
    files.calendar.extend(calendar_rows(client));
}

fn client_row(client: &GeneratedClient) -> ClientRow {
    let mut draw = client.draw("client");
    let status = match draw.uniform() {
        number if number < 0.95 => ClientStatus::Active,
        number if number < 0.99 => ClientStatus::Onboarding,
        _ => ClientStatus::Paused,
    };
    let tier = *draw.weighted(&[("standard", 6.0), ("plus", 3.0), ("key", 1.0)]);
    let min_priority = if tier == "key" { 70.0 } else { 20.0 };
    ClientRow {
        client_id: client.client_id(),
        workspace_id: WorkspaceId::new(format!("studio-{:02}", (client.number - 1) / CLIENTS_PER_WORKSPACE + 1)),
        name: Some(client.business.name.as_str().into()),
        industry: client.business.trade.industry.into(),
        tags: vec!["invented".into(), tier.into()],
        time_zone: Some(client.zone),
        status,
        priority: draw.between(min_priority, min_priority + 25.0).round(),
    }
}

/// Holidays of the client's country, and a blackout of a few days for some clients.
fn calendar_rows(client: &GeneratedClient) -> Vec<CalendarRow> {
    let scope = || format!("client:{}", client.id());
    let holidays = client.region.holidays(client.start, client.weeks).into_iter();
    let row = |(date, name)| CalendarRow::new(scope(), calendar_entry(date, DayKind::Holiday, None, name));
    let mut rows: Vec<_> = holidays.map(row).collect();
    let mut draw = client.draw("blackout");
    if draw.chance(0.03) {
        let first = draw.integer(0, client.weeks * 7 - 1);
        let (from, to) = (client.date(first), client.date(first + draw.integer(0, 2)));
        let day = calendar_entry(from, DayKind::Blackout, None, "No posts: stocktaking");
        rows.push(CalendarRow::new(scope(), CalendarEntry { to, ..day }));
    }
    rows
}

/// An entry for one day on all channels.
fn calendar_entry(date: NaiveDate, kind: DayKind, factor: Option<f64>, name: &str) -> CalendarEntry {
    CalendarEntry { from: date, to: date, kind, factor, channel: None, name: name.into() }
}
