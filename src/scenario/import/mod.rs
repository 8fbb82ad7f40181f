//! Imports a real posting history as a scenario folder.
//!
//! ```text
//! rows ── posts ──> accounts ── zones ──> clients ── state ──> channels
//!                                            └────── pool ───> assets
//! ```
//!
//! Values that were not measured stay unknown: rows without them count for spacing and fatigue, never for rates. The
//! state is that at the scenario's start, even for accounts that stopped posting long before; no history is shifted in
//! time to look more recent. Everything omitted or assumed is counted in the notes.

mod clients;
mod histories;
mod notes;
mod pool;
mod posts;
mod state;
mod zones;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use self::clients::{ImportedClient, week_start};
use self::state::Estimates;
use super::channel_defaults::ChannelDefaults;
use super::error::ScenarioErrors;
use super::scenario_files::ScenarioFiles;
use crate::calibration::{AccountCalibration, Calibration, calibrate};
use crate::diagnostic::{Diagnostic, Place};
use crate::model::{
    AssetId, AssetRow, Channel, ClientId, ClientRow, ClientStatus, HistoryRow, Timestamp, Week, WorkspaceId, Zone,
};
use crate::tables::Manifest;
pub use histories::{PostingHistories, posting_histories, read_histories, read_history, scenario_histories};
pub use notes::ImportNotes;

/// Days of history that the scenario includes.
pub(super) const HISTORY_DAYS: i64 = 35;

pub(super) const DAY_SECONDS: i64 = 86_400;

/// How accounts are grouped into clients.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AccountGrouping {
    /// Every account is a client of its own.
    Account,
    /// The client is the text before the first `_` of the account's name; an account without one is a client of its
    /// own.
    Prefix,
    /// A CSV or Parquet file with the columns account, client_id and, optionally, name, workspace_id
    /// and time_zone. Every account of the history must be in it.
    Mapping(PathBuf),
}

/// Options for importing a posting history.
#[derive(Debug, Clone, PartialEq)]
pub struct ImportOptions {
    /// The scenario's name.
    pub name: String,
    /// How accounts are grouped into clients.
    pub grouping: AccountGrouping,
    /// First week; `None` for the week after the last post of the whole history. Posts from its Monday on are omitted,
    /// so that the scenario does not contain the future.
    pub start: Option<Week>,
    /// Default number of weeks of a simulation.
    pub weeks: u32,
    /// Time zone of every client; `None` to infer it from `utc_offset_min`, or UTC if that is unknown.
    pub zone: Option<Zone>,
    /// Workspace of clients for which a mapping gives none.
    pub workspace_id: WorkspaceId,
    /// Weekly posts, half-life of fatigue, fatigue per post and engagement rate of each channel, in channel order.
    pub channel_defaults: [ChannelDefaults; Channel::COUNT],
    /// Maximum initial fatigue of an account at its usual load: the load of earlier posts that it exceeds at one post
    /// in twenty. If this is less than `warn_at` of the rules, an account that always posts a lot starts neither
    /// exhausted nor blocked.
    pub usual_fatigue: f64,
    /// Maximum number of past posts that become assets, per client and channel.
    pub assets_per_channel: usize,
}

/// The default of [`ImportOptions::usual_fatigue`].
pub const USUAL_FATIGUE: f64 = 0.4;

impl ImportOptions {
    /// The defaults: every account is a client, start and zones come from the history, and there are twelve weeks, the
    /// typical values of channels, a usual fatigue of 0.4 and 40 assets per channel.
    #[must_use]
    pub fn new(name: String) -> Self {
        Self {
            name,
            grouping: AccountGrouping::Account,
            start: None,
            weeks: 12,
            zone: None,
            workspace_id: WorkspaceId::new("imported"),
            channel_defaults: ChannelDefaults::all_typical(),
            usual_fatigue: USUAL_FATIGUE,
            assets_per_channel: 40,
        }
    }
}

/// A scenario imported from a posting history.
#[derive(Debug, Clone, PartialEq)]
pub struct Imported {
    /// The files of the scenario folder.
    pub files: ScenarioFiles,
    /// What was read, omitted and assumed.
    pub notes: ImportNotes,
    /// Estimates of the response of each channel's audience.
    pub calibration: Calibration,
}

/// All posts on one channel of a client before the start, oldest first.
#[derive(Debug, Default)]
pub(super) struct Series {
    pub posts: Vec<SeriesPost>,
    pub accounts: BTreeSet<ClientId>,
}

/// One post of a series.
#[derive(Debug, Clone)]
pub(super) struct SeriesPost {
    /// Index of the account that posted it.
    pub account: usize,
    /// When it was published.
    pub at: Timestamp,
    /// Content type; `None` if the file does not say.
    pub kind: Option<Arc<str>>,
    /// People reached; `None` if not measured.
    pub reach: Option<f64>,
    /// Engagements; `None` if not measured.
    pub engagements: Option<f64>,
}

/// Imports a posting history: a CSV or Parquet file with the columns account, channel, published_at, content_type,
/// reach_or_null, engagements and, optionally, utc_offset_min. Other columns are ignored.
///
/// # Errors
/// Files that cannot be read, every invalid row with its location, accounts missing from the mapping, and a start
/// before every post.
pub fn import(posts_file: &Path, options: &ImportOptions) -> Result<Imported, ScenarioErrors> {
    let history = posts::read(posts_file)?;
    let mapping = match &options.grouping {
        AccountGrouping::Mapping(path) => Some(posts::read_mapping(path, &history.accounts)?),
        AccountGrouping::Account | AccountGrouping::Prefix => None,
    };
    let mut notes = ImportNotes {
        rows: history.rows,
        repeated_rows: history.repeated,
        accounts: history.accounts.len(),
        ..ImportNotes::default()
    };
    let clients = clients::clients(&history.accounts, options, mapping.as_ref(), &mut notes);
    let start = match options.start {
        Some(start) => start,
        None => clients::start_after(&history.accounts, &clients)?,
    };
    let mut manifest = Manifest::new(options.name.clone(), start, options.weeks);
    manifest.default_zone = options.zone.unwrap_or_else(Zone::utc);
    let mut series = clients::series(&history.accounts, &clients, start, &mut notes)?;
    series.retain(|_, series| !series.posts.is_empty());
    let no_posts = || {
        let cause = format!("there are no posts before the start, {}", start.monday());
        ScenarioErrors::from(Diagnostic::new("no_posts", Place::None, cause, "use a later start"))
    };
    let calibration = calibrate(&histories::series_histories(&series, &clients)).ok_or_else(no_posts)?;
    let assumed = state::Assumptions::from_series(&series, &options.channel_defaults);
    let mut builder =
        ScenarioBuilder { files: ScenarioFiles::new(manifest), notes, series, assumed, calibration, options };
    for (id, client) in &clients {
        builder.add_client(id, client)?;
    }
    Ok(Imported { files: builder.files, notes: builder.notes, calibration: builder.calibration })
}

type SeriesKey = (ClientId, Channel);

/// The scenario while its clients are added.
struct ScenarioBuilder<'o> {
    files: ScenarioFiles,
    notes: ImportNotes,
    series: BTreeMap<SeriesKey, Series>,
    assumed: state::Assumptions,
    calibration: Calibration,
    options: &'o ImportOptions,
}

impl ScenarioBuilder<'_> {
    /// Adds a client with its channels, assets and history, if it has a post before the start.
    fn add_client(&mut self, id: &ClientId, client: &ImportedClient) -> Result<(), ScenarioErrors> {
        let as_of = week_start(self.files.manifest.start, &client.zone)?;
        let channels_before = self.files.channels.len();
        for channel in Channel::ALL {
            let Some(series) = self.series.get(&(id.clone(), channel)) else { continue };
            let pool = pool::assets(id, channel, series, self.options.assets_per_channel);
            let calibration = self.calibration.account(id, channel);
            let estimates = Estimates { assumed: &self.assumed, calibration };
            let row = state::channel_row(id, channel, series, as_of, estimates, self.options, &mut self.notes);
            self.files.world.extend(calibration.into_iter().flat_map(AccountCalibration::world));
            self.files.channels.push(row);
            self.files.history.extend(history_rows(id, channel, series, as_of, &pool));
            self.files.assets.extend(pool.into_iter().map(|(_, asset)| asset));
        }
        self.notes.channels = self.files.channels.len();
        self.notes.assets = self.files.assets.len();
        self.notes.history_rows = self.files.history.len();
        if self.files.channels.len() > channels_before {
            self.notes.clients += 1;
            self.files.clients.push(client_row(id, client, self.options));
        }
        Ok(())
    }
}

fn client_row(id: &ClientId, client: &ImportedClient, options: &ImportOptions) -> ClientRow {
    ClientRow {
        client_id: id.clone(),
        workspace_id: client.workspace_id.clone().unwrap_or_else(|| options.workspace_id.clone()),
        name: Some(client.name.clone().unwrap_or_else(|| id.as_str().into())),
        industry: "".into(),
        tags: vec!["imported".into()],
        time_zone: Some(client.zone),
        status: ClientStatus::Active,
        priority: 50.0,
    }
}

fn history_rows(
    id: &ClientId,
    channel: Channel,
    series: &Series,
    as_of: Timestamp,
    pool: &[(usize, AssetRow)],
) -> Vec<HistoryRow> {
    // Posts that became assets are kept however old they are, so that cooldowns of any length can be checked.
    let since = as_of.as_second() - HISTORY_DAYS * DAY_SECONDS;
    let assets: BTreeMap<usize, &AssetId> = pool.iter().map(|(post, asset)| (*post, &asset.asset_id)).collect();
    let is_included = |index: usize, post: &SeriesPost| post.at.as_second() >= since || assets.contains_key(&index);
    let posts = series.posts.iter().enumerate().filter(|(index, post)| is_included(*index, post));
    posts
        .map(|(index, post)| HistoryRow {
            client_id: id.clone(),
            channel,
            published_at: post.at,
            asset_id: assets.get(&index).map(|asset| (*asset).clone()),
            content_type: post.kind.clone(),
            reach: post.reach,
            engagements: post.engagements,
            needs_review: false,
        })
        .collect()
}

#[cfg(test)]
pub(super) mod tests {
    pub(crate) use super::posts::tests::columns;
    use super::*;
    use crate::scenario::tests::{policy, write_folder};
    use crate::scenario::{ScenarioError, read};

    /// The path of a file of real data; `None`, with a message, if it does not exist.
    fn real_data(name: &str) -> Option<PathBuf> {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data").join(name);
        let exists = path.is_file();
        if !exists {
            println!("SKIPPED: {} does not exist", path.display());
        }
        exists.then_some(path)
    }

    fn imported(name: &str, change: impl FnOnce(&mut ImportOptions)) -> Option<Imported> {
        let mut options = ImportOptions::new(name.to_owned());
        change(&mut options);
        let imported = import(&real_data(name)?, &options).unwrap();
        println!("{name}: {}", imported.notes);
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("scenario");
        write_folder(&folder, &imported.files);
        let scenario = read(&folder, &policy()).unwrap_or_else(|errors| panic!("{errors}"));
        assert_eq!(scenario.clients.len(), imported.notes.clients);
        Some(imported)
    }

    fn import_text(text: &str, change: impl FnOnce(&mut ImportOptions)) -> Result<Imported, ScenarioErrors> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("posts.csv");
        std::fs::write(&path, text).unwrap();
        let mut options = ImportOptions::new("test".to_owned());
        change(&mut options);
        import(&path, &options)
    }

    const HEADER: &str = "account,channel,published_at,utc_offset_min,content_type,reach_or_null,engagements\n";

    #[test]
    fn the_multichannel_history_is_imported_with_notes() {
        let Some(imported) = imported("posts_multichannel.csv", |_| ()) else { return };
        let notes = &imported.notes;
        assert_eq!((notes.rows, notes.accounts, notes.clients), (4316, 23, 23));
        assert_eq!((notes.repeated_rows, notes.rows_without_engagement), (97, 794));
        assert_eq!(imported.files.manifest.start.monday().to_string(), "2024-08-05");
        let zone = |id: &str| {
            let row = imported.files.clients.iter().find(|row| row.client_id.as_str() == id).unwrap();
            row.time_zone.unwrap().name()
        };
        assert_eq!(zone("orgA_fb_1"), "America/New_York");
        assert_eq!(zone("orgA_fb_2"), "Asia/Kolkata");
        assert_eq!(zone("orgA_fb_4"), "Etc/GMT+5");
        assert_eq!(zone("orgA_youtube_3"), "Australia/Sydney");
        assert_eq!(zone("orgB_ig"), "UTC");
    }

    #[test]
    fn accounts_with_the_same_prefix_become_one_client() {
        let Some(imported) = imported("posts_multichannel.csv", |options| options.grouping = AccountGrouping::Prefix)
        else {
            return;
        };
        let ids: Vec<_> = imported.files.clients.iter().map(|row| row.client_id.as_str()).collect();
        assert_eq!(ids, ["indD", "orgA", "orgB", "orgC"]);
        // Four fb pages, two tiktok, two x, nine youtube of orgA, and two ig of orgC.
        assert_eq!(imported.notes.merged_accounts, 3 + 1 + 1 + 8 + 1);
    }

    #[test]
    fn the_live_sellers_are_imported_in_the_given_time_zone() {
        let zone: Zone = "Asia/Bangkok".parse().unwrap();
        let Some(imported) = imported("posts_fb_live_sellers.csv", |options| options.zone = Some(zone)) else { return };
        assert_eq!((imported.notes.rows, imported.notes.clients), (6997, 9));
        assert!(imported.files.clients.iter().all(|row| row.time_zone.unwrap().name() == "Asia/Bangkok"));
        assert_eq!(imported.files.manifest.start.monday().to_string(), "2018-06-18");
        assert_eq!(imported.notes.dormant_accounts, 1);
    }

    #[test]
    fn fifty_communities_are_imported_without_reach() {
        let Some(imported) = imported("posts_reddit.csv", |_| ()) else { return };
        assert_eq!((imported.notes.rows, imported.notes.clients), (34043, 50));
        assert_eq!(imported.notes.channels_without_reach, 50);
        // Assumed rates stay blank, and no channel starts with fatigue at which the rules warn.
        let channels = &imported.files.channels;
        assert!(channels.iter().all(|channel| channel.avg_engagement_rate.is_none()));
        assert!(channels.iter().all(|channel| channel.fatigue_score.is_some_and(|fatigue| fatigue.get() < 0.5)));
        assert_eq!(imported.files.assets.len(), 50 * 40);
    }

    #[test]
    fn rows_without_metrics_count_for_spacing_but_not_for_rates() {
        let text = format!(
            "{HEADER}a,fb,2026-08-30T10:00:00Z,,photo,1000,100\na,fb,2026-08-31T10:00:00Z,,photo,1000,100\n\
             a,fb,2026-09-05T10:00:00Z,,photo,,\n"
        );
        let imported = import_text(&text, |_| ()).unwrap();
        let channel = &imported.files.channels[0];
        // Two posts say little about the noise, which makes the mean larger than the median.
        let rate = channel.avg_engagement_rate.unwrap();
        assert!((0.09..=0.2).contains(&rate), "{rate}");
        assert_eq!(channel.audience, 1000.0);
        assert_eq!((channel.posts_last_7_days, channel.posts_last_30_days), (Some(2), Some(3)));
        assert_eq!(channel.last_post_at.unwrap().to_string(), "2026-09-05T10:00:00Z");
        assert_eq!(imported.notes.rows_without_engagement, 1);
        assert_eq!(imported.files.history[2].engagements, None);
        assert_eq!(imported.files.assets.len(), 2);
    }

    #[test]
    fn an_account_that_posts_every_hour_starts_at_most_at_its_usual_fatigue() {
        let posts = (1..=6).flat_map(|day| (0..24).map(move |hour| (day, hour)));
        let rows: String =
            posts.map(|(day, hour)| format!("a,fb,2026-09-{day:02}T{hour:02}:00:00Z,,photo,100,10\n")).collect();
        let fatigue = |usual_fatigue: f64| {
            let imported =
                import_text(&format!("{HEADER}{rows}"), |options| options.usual_fatigue = usual_fatigue).unwrap();
            imported.files.channels[0].fatigue_score.unwrap().get()
        };
        assert!((0.35..0.42).contains(&fatigue(USUAL_FATIGUE)), "{}", fatigue(USUAL_FATIGUE));
        assert!((fatigue(0.2) / fatigue(0.4) - 0.5).abs() < 1e-3);
    }

    #[test]
    fn later_posts_do_not_affect_an_earlier_start() {
        let text =
            format!("{HEADER}a,fb,2026-08-05T10:00:00Z,,photo,100,10\na,fb,2026-09-09T10:00:00Z,,photo,100,90\n");
        let imported = import_text(&text, |options| options.start = Some("2026-W36".parse().unwrap())).unwrap();
        assert_eq!(imported.notes.rows_after_start, 1);
        assert_eq!(imported.files.history.len(), 1);
        assert!(imported.files.channels[0].avg_engagement_rate.unwrap() < 0.3);
    }

    #[test]
    fn the_first_week_begins_after_the_last_post_in_every_time_zone() {
        let sunday_evening = format!("{HEADER}a,fb,2026-09-06T20:00:00Z,,photo,100,10\n");
        let start_in = |zone: &str| {
            let zone = zone.parse().unwrap();
            import_text(&sunday_evening, |options| options.zone = Some(zone)).unwrap().files.manifest.start.to_string()
        };
        assert_eq!(start_in("UTC"), "2026-W37");
        assert_eq!(start_in("Australia/Sydney"), "2026-W38");
    }

    #[test]
    fn a_mapping_must_contain_every_account() {
        let text = format!("{HEADER}a,fb,2026-09-05T10:00:00Z,,photo,,10\nb,ig,2026-09-05T10:00:00Z,,photo,,10\n");
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("clients.csv");
        let mapped = |rows: &str| {
            std::fs::write(&path, format!("account,client_id,name,time_zone\n{rows}")).unwrap();
            import_text(&text, |options| options.grouping = AccountGrouping::Mapping(path.clone()))
        };
        let imported = mapped("a,acme,Acme,Asia/Tokyo\nb,acme,,\n").unwrap();
        assert_eq!(imported.files.clients.len(), 1);
        assert_eq!(imported.files.clients[0].name.as_deref(), Some("Acme"));
        assert_eq!(imported.files.clients[0].time_zone.unwrap().name(), "Asia/Tokyo");
        let errors = mapped("a,acme,,\n").unwrap_err().to_string();
        assert!(errors.contains("account `b` of the history is missing"), "{errors}");
        let errors = mapped("a,acme,,\nbb,acme,,\n").unwrap_err().to_string();
        assert!(errors.contains("there is no account `bb`; did you mean `b`?"), "{errors}");
    }

    #[test]
    fn every_invalid_row_of_a_history_is_reported() {
        let text = format!(
            "{HEADER}a,facebok,2026-09-05T10:00:00Z,,photo,,10\na,fb,yesterday,,photo,-1,x\n,fb,2026-09-05T10:00:00Z,,,,\n"
        );
        let errors = import_text(&text, |_| ()).unwrap_err();
        let places: Vec<_> = errors
            .iter()
            .filter_map(|error| match error {
                ScenarioError::Invalid(diagnostic) => match &diagnostic.place {
                    Place::Table(at) => Some((at.row?, at.line?, at.column.as_str())),
                    _ => None,
                },
                _ => None,
            })
            .collect();
        let expected = [
            (1, 2, "channel"),
            (2, 3, "published_at"),
            (2, 3, "reach_or_null"),
            (2, 3, "engagements"),
            (3, 4, "account"),
        ];
        assert_eq!(places, expected);
    }
}
