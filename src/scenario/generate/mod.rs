//! Generates scenarios of any size from a seed: an agency with clients on all continents.
//!
//! Every client's random numbers are keyed by (seed, client, purpose), so that a larger scenario with the same seed
//! contains the clients of a smaller one unchanged.

mod client_state;
mod content;
mod draw;
mod names;
mod posting;
mod regions;

use chrono::NaiveDate;

use self::draw::Draw;
use self::names::Business;
use self::regions::Region;
use super::error::ScenarioError;
use super::manifest::Manifest;
use super::scenario_files::ScenarioFiles;
use crate::diagnostic::{Diagnostic, Place};
use crate::model::{
    CalendarEntry, CalendarRow, Channel, ClientId, ClientRow, ClientStatus, DayKind, Timestamp, Week, WorkspaceId,
    Zone, plus_days,
};

/// Options of a generated scenario.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GenerateOptions {
    /// Number of clients, up to 1,000,000.
    pub clients: u32,
    /// The same seed gives the same bytes.
    pub seed: u64,
    /// Number of weeks, `1..=520`.
    pub weeks: u32,
    /// First week.
    pub start: Week,
    /// The scenario's name.
    pub name: String,
}

/// Number of clients per workspace.
const CLIENTS_PER_WORKSPACE: u32 = 25;

const MAX_CLIENTS: u32 = 1_000_000;
const MAX_WEEKS: u32 = 520;

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
}

impl GeneratedClient {
    fn draw(&self, purpose: &str) -> Draw {
        Draw::of(self.seed, self.number, purpose)
    }

    fn id(&self) -> &str {
        &self.business.slug
    }

    fn client_id(&self) -> ClientId {
        ClientId::new(self.id())
    }

    /// The instant `days` days after the start, truncated to the second; before the start if negative.
    fn day(&self, days: f64) -> Timestamp {
        self.as_of.plus_seconds((days * DAY_SECONDS as f64) as i64)
    }

    fn date(&self, days: u32) -> NaiveDate {
        plus_days(self.start.monday(), i64::from(days))
    }
}

/// Generates a scenario.
///
/// # Errors
/// If sizes are out of range, or the start lies at the edge of the calendar.
pub fn generate(options: &GenerateOptions) -> Result<ScenarioFiles, ScenarioError> {
    check("clients", options.clients, MAX_CLIENTS)?;
    check("weeks", options.weeks, MAX_WEEKS)?;
    let manifest = Manifest::new(options.name.clone(), options.start, options.weeks);
    let mut files = ScenarioFiles::new(manifest);
    for date in regions::black_fridays(options.start, options.weeks) {
        files.calendar.push(CalendarRow::new("all", day(date, DayKind::Boost, Some(1.2), "Black Friday")));
    }
    for number in 1..=options.clients {
        add(&mut files, &new_client(options, number)?);
    }
    Ok(files)
}

fn check(what: &str, number: u32, max: u32) -> Result<(), ScenarioError> {
    if (1..=max).contains(&number) {
        return Ok(());
    }
    let (cause, remedy) = (format!("cannot generate {number} {what}"), format!("use 1 to {max}"));
    Err(Diagnostic::new("out_of_range", Place::None, cause, remedy).into())
}

fn new_client(options: &GenerateOptions, number: u32) -> Result<GeneratedClient, ScenarioError> {
    let draw = |purpose: &str| Draw::of(options.seed, number, purpose);
    // The purpose of a draw selects its random numbers.
    let region = Region::drawn(&mut draw("place"));
    let zone: Zone = region.zone.parse()?;
    let as_of = zone.start_of_day(options.start.monday())?;
    Ok(GeneratedClient {
        seed: options.seed,
        number,
        business: names::business(&mut draw("name"), number),
        region,
        zone,
        as_of,
        channels: channels(&mut draw("channels")),
        start: options.start,
        weeks: options.weeks,
    })
}

/// All nine channels for most clients, four to eight for the others.
fn channels(draw: &mut Draw) -> Vec<Channel> {
    let mut channels = Channel::ALL.to_vec();
    if draw.chance(0.6) {
        return channels;
    }
    let wanted = draw.whole(4, 8) as usize;
    while channels.len() > wanted {
        let removed = draw.pick(&channels).copied();
        channels.retain(|channel| Some(*channel) != removed);
    }
    channels
}

fn add(files: &mut ScenarioFiles, client: &GeneratedClient) {
    files.clients.push(client_row(client));
    let campaigns = content::campaigns(client);
    let assets = content::assets(client, &campaigns);
    for channel in &client.channels {
        let (row, posts) = posting::channel(client, *channel, &assets);
        files.channels.push(row);
        files.history.extend(posts);
    }
    files.campaigns.extend(campaigns);
    files.assets.extend(assets);
    files.policies.extend(client_state::policy(client));
    files.warnings.extend(client_state::warnings(client));
    files.reality.extend(client_state::reality(client));
    files.calendar.extend(days(client));
}

fn client_row(client: &GeneratedClient) -> ClientRow {
    let mut draw = client.draw("client");
    let status = match draw.share() {
        share if share < 0.95 => ClientStatus::Active,
        share if share < 0.99 => ClientStatus::Onboarding,
        _ => ClientStatus::Paused,
    };
    let tier = *draw.weighted(&[("standard", 6.0), ("plus", 3.0), ("key", 1.0)]);
    let floor = if tier == "key" { 70.0 } else { 20.0 };
    ClientRow {
        client_id: client.client_id(),
        workspace_id: WorkspaceId::new(format!("studio-{:02}", (client.number - 1) / CLIENTS_PER_WORKSPACE + 1)),
        name: Some(client.business.name.as_str().into()),
        industry: client.business.trade.industry.into(),
        tags: vec!["invented".into(), tier.into()],
        time_zone: Some(client.zone),
        status,
        priority: draw.between(floor, floor + 25.0).round(),
    }
}

/// Holidays of the client's country, and a blackout of a few days for some clients.
fn days(client: &GeneratedClient) -> Vec<CalendarRow> {
    let scope = || format!("client:{}", client.id());
    let holidays = client.region.holidays(client.start, client.weeks).into_iter();
    let mut rows: Vec<_> =
        holidays.map(|(date, name)| CalendarRow::new(scope(), day(date, DayKind::Holiday, None, name))).collect();
    let mut draw = client.draw("blackout");
    if draw.chance(0.03) {
        let first = draw.whole(0, client.weeks * 7 - 1);
        let (from, to) = (client.date(first), client.date(first + draw.whole(0, 2)));
        let closed = CalendarEntry { from, to, ..day(from, DayKind::Blackout, None, "No posts: stocktaking") };
        rows.push(CalendarRow::new(scope(), closed));
    }
    rows
}

fn day(date: NaiveDate, kind: DayKind, factor: Option<f64>, name: &str) -> CalendarEntry {
    CalendarEntry { from: date, to: date, kind, factor, channel: None, name: name.into() }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};
    use std::path::Path;

    use super::*;
    use crate::model::Severity;
    use crate::scenario::read;
    use crate::scenario::tests::{policy, write_folder};

    fn options(clients: u32, seed: u64) -> GenerateOptions {
        GenerateOptions { clients, seed, weeks: 12, start: "2026-W37".parse().unwrap(), name: "invented".to_owned() }
    }

    fn bytes(dir: &Path) -> BTreeMap<String, Vec<u8>> {
        let name = |entry: &std::fs::DirEntry| entry.file_name().into_string().unwrap();
        std::fs::read_dir(dir)
            .unwrap()
            .map(|entry| entry.unwrap())
            .map(|entry| (name(&entry), std::fs::read(entry.path()).unwrap()))
            .collect()
    }

    fn written(options: &GenerateOptions) -> BTreeMap<String, Vec<u8>> {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("scenario");
        write_folder(&folder, &generate(options).unwrap());
        bytes(&folder)
    }

    #[test]
    fn the_same_seed_gives_the_same_bytes_and_another_seed_others() {
        assert!(written(&options(5, 1)) == written(&options(5, 1)));
        assert!(written(&options(5, 1)) != written(&options(5, 2)));
    }

    #[test]
    fn more_clients_do_not_change_the_first_ones() {
        let (few, many) = (generate(&options(3, 9)).unwrap(), generate(&options(6, 9)).unwrap());
        assert_eq!(few.clients, many.clients[..3]);
        assert_eq!(few.assets, many.assets[..few.assets.len()]);
        assert_eq!(few.history, many.history[..few.history.len()]);
    }

    #[test]
    fn a_generated_scenario_can_be_read() {
        let files = generate(&options(60, 3)).unwrap();
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("scenario");
        write_folder(&folder, &files);
        let scenario = read(&folder, &policy()).unwrap_or_else(|errors| panic!("{errors}"));
        let channels: usize = scenario.clients.iter().map(|(_, state)| state.channels.len()).sum();
        let assets: usize = scenario.clients.iter().map(|(client, _)| client.assets.len()).sum();
        let posts: usize = scenario
            .clients
            .iter()
            .flat_map(|(_, state)| &state.channels)
            .map(|channel| channel.recent_posts.len())
            .sum();
        assert_eq!((channels, assets), (files.channels.len(), files.assets.len()));
        assert_eq!(posts, files.history.len());
        for channel in scenario.clients.iter().flat_map(|(_, state)| &state.channels) {
            assert_eq!(channel.recent_posts.len(), channel.posts_last_30_days as usize);
            assert!(channel.fatigue.get() <= 0.5);
        }
    }

    #[test]
    fn a_thousand_clients_have_the_documented_distribution() {
        let files = generate(&options(1000, 1)).unwrap();
        let mut channels: BTreeMap<&str, usize> = BTreeMap::new();
        for row in &files.channels {
            *channels.entry(row.client_id.as_str()).or_default() += 1;
        }
        let with_nine = channels.values().filter(|count| **count == 9).count();
        assert!((550..650).contains(&with_nine), "{with_nine}");
        assert!(channels.values().all(|count| (4..=9).contains(count)));
        let workspaces: BTreeSet<_> = files.clients.iter().map(|row| &row.workspace_id).collect();
        assert_eq!(workspaces.len(), 40);
        let high = files.warnings.iter().filter(|row| row.severity == Severity::High).count();
        assert!((8..40).contains(&high), "{high}");
        let mut assets: BTreeMap<&str, usize> = BTreeMap::new();
        for row in &files.assets {
            *assets.entry(row.client_id.as_str()).or_default() += 1;
            assert!((1..=5).contains(&row.channels.len()), "{}", row.asset_id);
        }
        assert!(assets.values().all(|count| (24..=40).contains(count)));
        assert!(files.assets.iter().any(|row| row.evolution_step == 2));
    }

    #[test]
    fn zero_clients_or_weeks_are_rejected() {
        assert!(generate(&options(0, 1)).is_err());
        assert!(generate(&GenerateOptions { weeks: 0, ..options(1, 1) }).is_err());
    }
}
