//! Posting histories in the form that the calibration takes: one for each account and channel.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::clients::ImportedClient;
use super::notes::ImportNotes;
use super::{Series, SeriesKey, posts, zones};
use crate::calibration::{AccountHistory, Post};
use crate::files;
use crate::model::{Channel, ClientId, HistoryRow, Scenario, Zone};
use crate::scenario::error::{ScenarioError, ScenarioErrors};
use crate::scenario::read::MAX_MANIFEST_BYTES;
use crate::scenario::rows::read_rows;
use crate::tables::{MANIFEST_FILE, Manifest, histories_of};

/// The histories in a file, one for each account and channel, and notes on what was read and assumed.
#[derive(Debug, Clone, PartialEq)]
pub struct PostingHistories {
    /// The histories, sorted by account, then by channel.
    pub accounts: Vec<AccountHistory>,
    /// Counts of rows, repeated rows, unmeasured rows, accounts, channels and assumed zones.
    pub notes: ImportNotes,
}

/// The histories of imported series, one for each client and channel.
pub(super) fn series_histories(
    series: &BTreeMap<SeriesKey, Series>,
    clients: &BTreeMap<ClientId, ImportedClient>,
) -> Vec<AccountHistory> {
    let history = |((id, channel), series): (&SeriesKey, &Series)| {
        let posts = series.posts.iter().map(|post| Post {
            at: post.at,
            content_type: post.kind.clone(),
            engagements: post.engagements,
        });
        Some(AccountHistory::new(id.clone(), *channel, clients.get(id)?.zone, posts.collect()))
    };
    series.iter().filter_map(history).collect()
}

/// The histories of a scenario's channels, from its table `history` (see [`histories_of`]).
///
/// # Errors
/// If the table cannot be read.
pub fn scenario_histories(dir: &Path, scenario: &Scenario) -> Result<Vec<AccountHistory>, ScenarioErrors> {
    Ok(histories_of(read_history(dir)?, scenario))
}

/// The rows of a scenario's table `history`; none without the table.
///
/// # Errors
/// If the table cannot be read.
pub fn read_history(dir: &Path) -> Result<Vec<HistoryRow>, ScenarioErrors> {
    history_file(dir)?.map_or_else(|| Ok(Vec::new()), |file| read_rows(&dir.join(file)))
}

/// The histories of a scenario's channels that have posts, from the rows of its table `history` (see
/// [`histories_of`]), with notes.
#[must_use]
pub fn posting_histories(rows: Vec<HistoryRow>, scenario: &Scenario) -> PostingHistories {
    let mut accounts = histories_of(rows, scenario);
    accounts.retain(|history| !history.posts.is_empty());
    let posts = || accounts.iter().flat_map(|history| &history.posts);
    let notes = ImportNotes {
        rows: posts().count(),
        rows_without_engagement: posts().filter(|post| post.engagements.is_none()).count(),
        accounts: accounts.iter().map(|history| &history.account).collect::<BTreeSet<_>>().len(),
        channels: accounts.len(),
        ..ImportNotes::default()
    };
    PostingHistories { accounts, notes }
}

/// The file of a scenario's table `history`; `None` without one.
fn history_file(dir: &Path) -> Result<Option<String>, ScenarioErrors> {
    let path = dir.join(MANIFEST_FILE);
    let text = files::read_text(&path, MAX_MANIFEST_BYTES).map_err(|source| ScenarioError::Read { path, source })?;
    Ok(Manifest::parse(MANIFEST_FILE, &text)?.files.remove("history"))
}

/// Reads a posting history (see [`import`](super::import)). Without `zone`, each account's zone is inferred from its
/// UTC offsets, or is UTC.
///
/// # Errors
/// Files that cannot be read, and every invalid row with its location.
pub fn read_histories(posts_file: &Path, zone: Option<Zone>) -> Result<PostingHistories, ScenarioErrors> {
    let history = posts::read(posts_file)?;
    let mut notes = ImportNotes {
        rows: history.rows,
        repeated_rows: history.repeated,
        accounts: history.accounts.len(),
        ..ImportNotes::default()
    };
    let mut accounts = Vec::new();
    for account in &history.accounts {
        let zone = zone.unwrap_or_else(|| zones::infer_zone(std::iter::once(account), &mut notes));
        let mut posts_by_channel: BTreeMap<Channel, Vec<Post>> = BTreeMap::new();
        for post in &account.posts {
            notes.rows_without_engagement += usize::from(post.engagements.is_none());
            posts_by_channel.entry(post.channel).or_default().push(Post {
                at: post.at,
                content_type: post.kind.clone(),
                engagements: post.engagements,
            });
        }
        let history = |(channel, posts)| AccountHistory::new(account.name.clone(), channel, zone, posts);
        accounts.extend(posts_by_channel.into_iter().map(history));
    }
    notes.channels = accounts.len();
    Ok(PostingHistories { accounts, notes })
}
