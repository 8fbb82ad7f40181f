//! The posting history and the mapping of accounts as they stand in their files.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use super::SeriesPost;
use crate::files;
use crate::model::{Channel, Timestamp, Zone};
use crate::scenario::channels::PEOPLE;
use crate::scenario::error::{Problems, ScenarioError, ScenarioErrors, TableError};
use crate::scenario::frame::{self, FileKind, TableSpec};
use crate::scenario::read::MOST_OF_A_TABLE;
use crate::scenario::roster::is_first;
use crate::scenario::table::{Bounds, Row, Table};

const POSTS: TableSpec = TableSpec {
    required: &["account", "channel", "published_at", "engagements"],
    optional: &["content_type", "reach_or_null", "utc_offset_min"],
    others_allowed: true,
};

const MAPPING: TableSpec = TableSpec {
    required: &["account", "client_id"],
    optional: &["name", "workspace_id", "time_zone"],
    others_allowed: false,
};

/// Offsets from UTC lie between -14 and +14 hours.
const MOST_OFFSET_MINUTES: f64 = 840.0;

/// A posting history.
#[derive(Debug)]
pub(super) struct History {
    pub rows: usize,
    /// Rows that say what an earlier one of the file says.
    pub repeated: usize,
    /// By name.
    pub accounts: Vec<Account>,
}

/// One account and its posts, in the order of the file.
#[derive(Debug)]
pub(super) struct Account {
    pub name: Arc<str>,
    pub posts: Vec<Post>,
}

/// One row of the history.
#[derive(Debug, Clone)]
pub(super) struct Post {
    pub channel: Channel,
    pub at: Timestamp,
    /// Minutes that the account's clock was ahead of UTC, where known.
    pub offset_minutes: Option<i32>,
    /// The same as its time is written; `+00:00` may be the clock or UTC.
    written_offset: Option<i32>,
    pub kind: Option<Arc<str>>,
    pub reach: Option<f64>,
    pub engagements: Option<f64>,
}

impl Post {
    /// The post as one of a series, by the account of that index.
    pub fn in_series(&self, account: usize) -> SeriesPost {
        let Self { at, reach, engagements, .. } = *self;
        SeriesPost { account, at, kind: self.kind.clone(), reach, engagements }
    }
}

/// What a mapping says of an account.
#[derive(Debug, Clone)]
pub(super) struct Mapped {
    pub client_id: Arc<str>,
    pub name: Option<String>,
    pub workspace_id: Option<String>,
    pub zone: Option<Zone>,
}

/// Reads a posting history.
pub(super) fn read(path: &Path) -> Result<History, ScenarioErrors> {
    let mut problems = Problems::default();
    let table = table(path, &POSTS, &mut problems)?;
    let mut accounts: BTreeMap<Arc<str>, Vec<Post>> = BTreeMap::new();
    let mut kinds: BTreeMap<&str, Arc<str>> = BTreeMap::new();
    let height = table.as_ref().map_or(0, Table::height);
    for index in 0..height {
        let Some(mut row) = table.as_ref().map(|table| table.row(index, &mut problems)) else { continue };
        let account = row.identifier("account");
        let kind = row.text("content_type").map(|kind| Arc::clone(kinds.entry(kind).or_insert_with(|| kind.into())));
        let (Some(account), Some(post)) = (account, post(&mut row, kind)) else { continue };
        match accounts.get_mut(account) {
            Some(posts) => posts.push(post),
            None => {
                accounts.insert(account.into(), vec![post]);
            }
        }
    }
    finished(problems)?;
    let accounts: Vec<Account> =
        accounts.into_iter().map(|(name, posts)| Account { name, posts: with_clock(once(posts)) }).collect();
    let kept: usize = accounts.iter().map(|account| account.posts.len()).sum();
    Ok(History { rows: height, repeated: height - kept, accounts })
}

/// The posts without those that an earlier row tells of already, as where two exports overlap.
fn once(posts: Vec<Post>) -> Vec<Post> {
    let mut seen = BTreeSet::new();
    let number = |number: Option<f64>| number.map(f64::to_bits);
    let mut is_new = |post: &Post| {
        seen.insert((post.channel, post.at, post.kind.clone(), number(post.reach), number(post.engagements)))
    };
    posts.into_iter().filter(|post| is_new(post)).collect()
}

/// The posts with the offsets that their times are written with, where these are a clock's: `+00:00` alone says that the
/// times are in UTC, and beside other offsets that the clock stood there.
fn with_clock(mut posts: Vec<Post>) -> Vec<Post> {
    if posts.iter().any(|post| post.written_offset.is_some_and(|minutes| minutes != 0)) {
        posts.iter_mut().for_each(|post| post.offset_minutes = post.offset_minutes.or(post.written_offset));
    }
    posts
}

fn post(row: &mut Row<'_, '_>, kind: Option<Arc<str>>) -> Option<Post> {
    let channel = row.channel("channel");
    let (at, written_offset) = row.instant_with_offset("published_at").unzip();
    let offset = row.number_in("utc_offset_min", Bounds::within(-MOST_OFFSET_MINUTES, MOST_OFFSET_MINUTES));
    let reach = row.number_in("reach_or_null", PEOPLE);
    let engagements = row.number_in("engagements", PEOPLE);
    Some(Post {
        channel: channel?,
        at: at?,
        offset_minutes: offset.map(|minutes| minutes.round() as i32),
        written_offset: written_offset.flatten(),
        kind,
        reach,
        engagements,
    })
}

/// Reads which client each account belongs to. Every account of the history must be in it, and it
/// may name no other.
pub(super) fn read_mapping(path: &Path, accounts: &[Account]) -> Result<BTreeMap<Arc<str>, Mapped>, ScenarioErrors> {
    let mut problems = Problems::default();
    let table = table(path, &MAPPING, &mut problems)?;
    let names: BTreeSet<&str> = accounts.iter().map(|known| known.name.as_ref()).collect();
    let mut mapping: BTreeMap<Arc<str>, Mapped> = BTreeMap::new();
    let mut first_rows = BTreeMap::new();
    for index in 0..table.as_ref().map_or(0, Table::height) {
        let Some(mut row) = table.as_ref().map(|table| table.row(index, &mut problems)) else { continue };
        let account = row.identifier("account");
        let client_id = row.identifier("client_id");
        let zone = row.zone("time_zone");
        let workspace_id = row.optional_identifier("workspace_id").map(str::to_owned);
        let (Some(account), Some(client_id)) = (account, client_id) else { continue };
        if !names.contains(account) {
            row.reject_unknown("account", "account", account, names.iter().copied());
        }
        if is_first(&mut row, &mut first_rows, &account, "account", "account") {
            let name = row.text("name").map(str::to_owned);
            mapping.insert(account.into(), Mapped { client_id: client_id.into(), name, workspace_id, zone });
        }
    }
    if problems.errors.is_empty() {
        problems.errors.extend(accounts.iter().filter(|known| !mapping.contains_key(&known.name)).map(|known| {
            TableError {
                code: "unmapped_account",
                file: file_name(path).into(),
                row: None,
                line: None,
                column: "account".to_owned(),
                value: known.name.to_string(),
                cause: format!("account `{}` of the history has no row", known.name),
                remedy: "add a row that names its client".to_owned(),
            }
        }));
    }
    finished(problems)?;
    Ok(mapping)
}

/// The table in a file; none, and a reason in `problems`, where it has no legible rows.
fn table(path: &Path, spec: &TableSpec, problems: &mut Problems) -> Result<Option<Table>, ScenarioErrors> {
    let bytes =
        files::read(path, MOST_OF_A_TABLE).map_err(|source| ScenarioError::Read { path: path.to_owned(), source })?;
    let name = file_name(path);
    let kind = FileKind::of(&name).unwrap_or(FileKind::Csv);
    Ok(frame::read(&name, kind, bytes, spec, &mut problems.errors).map(Table::new))
}

fn file_name(path: &Path) -> String {
    path.file_name().map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned())
}

fn finished(problems: Problems) -> Result<(), ScenarioErrors> {
    let errors = problems.errors.into_iter().map(ScenarioError::from).collect();
    ScenarioErrors::of(errors).map_or(Ok(()), Err)
}
