//! Reads a posting history and a mapping of accounts from their files.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use chrono::DateTime;

use super::SeriesPost;
use crate::diagnostic::{Diagnostic, Diagnostics, TableLocation};
use crate::files;
use crate::model::{
    Cell, CellError, Channel, ClientId, Column, InstantRange, Kind, Record, Timestamp, Value, WorkspaceId, Zone, record,
};
use crate::scenario::error::{ScenarioError, ScenarioErrors};
use crate::scenario::read::MAX_TABLE_BYTES;
use crate::scenario::table_file::{self, FileKind};
use crate::tables::TableSpec;
use crate::tables::{Table, check_unique};

record! {
    /// A row of a posting history.
    struct PostRow {
        /// The account that posted.
        account: ClientId,
        /// The channel.
        channel: Channel,
        /// When it was published, with its UTC offset if known.
        published_at: ClockTime,
        /// Content type, such as photo, video or article.
        content_type: Option<Arc<str>>,
        /// People reached.
        #[column(range = 0.0..=1e11)]
        reach_or_null: Option<f64>,
        /// Number of engagements.
        #[column(range = 0.0..=1e11, required)]
        engagements: Option<f64>,
        /// UTC offset of the account's clock, in minutes.
        #[column(range = -840.0..=840.0)]
        utc_offset_min: Option<f64>,
    }
}

record! {
    /// A row of a mapping: which client an account belongs to.
    struct MappingRow {
        /// The account.
        account: ClientId,
        /// Its client.
        client_id: ClientId,
        /// The client's name in reports.
        name: Option<Arc<str>>,
        /// The workspace of the client.
        workspace_id: Option<WorkspaceId>,
        /// The time zone of the client's audience.
        time_zone: Option<Zone>,
    }
}

/// An instant, and the UTC offset in minutes of the clock it was read from, if the text has one. `Z` means that the
/// time is in UTC and says nothing about the clock.
#[derive(Debug, Clone, Copy, PartialEq)]
struct ClockTime {
    at: Timestamp,
    minutes_ahead: Option<i32>,
}

impl ClockTime {
    /// Parses ISO 8601, ISO 8601 with blanks (`2026-09-07 08:30 +0000`), or RFC 2822.
    fn parse(text: &str) -> Option<Self> {
        let iso = Timestamp::parse_with_offset(text).ok();
        let is_utc = iso.is_some() && text.ends_with(['Z', 'z']);
        let with_blanks = || {
            let mut formats = ["%Y-%m-%d %H:%M %z", "%Y-%m-%d %H:%M:%S %z"].into_iter();
            formats.find_map(|format| DateTime::parse_from_str(text, format).ok())
        };
        let at = iso.or_else(with_blanks).or_else(|| DateTime::parse_from_rfc2822(text).ok())?;
        let minutes_ahead = (!is_utc).then(|| at.offset().local_minus_utc() / 60);
        Some(Self { at: at.to_utc().into(), minutes_ahead })
    }
}

impl Cell for ClockTime {
    const KIND: Kind = Kind::Text;

    fn from_value(value: Value<'_>) -> Result<Self, Vec<CellError>> {
        let text = String::from_value(value)?;
        let remedy = "write ISO 8601 with a UTC offset, such as `2026-09-07T08:30:00Z` or `2026-09-07 10:30:00+02:00`";
        let time = Self::parse(&text)
            .ok_or_else(|| vec![CellError::expected("not_a_time", &text, "a point in time", remedy)])?;
        InstantRange::Any.check(time.at, &text, None).map_err(|error| vec![error])?;
        Ok(time)
    }

    fn value(&self) -> Option<Value<'_>> {
        Some(Value::Instant(self.at))
    }
}

/// A posting history.
#[derive(Debug)]
pub(super) struct History {
    /// Number of rows.
    pub rows: usize,
    /// Number of rows that repeat an earlier row of the same account.
    pub repeated: usize,
    /// The accounts, by name.
    pub accounts: Vec<Account>,
}

/// One account and its posts, in the order of the file.
#[derive(Debug)]
pub(super) struct Account {
    pub name: ClientId,
    pub posts: Vec<Post>,
}

/// One row of the history.
#[derive(Debug, Clone)]
pub(super) struct Post {
    pub channel: Channel,
    pub at: Timestamp,
    /// UTC offset of the account's clock in minutes, if known.
    pub offset_minutes: Option<i32>,
    /// UTC offset in minutes as written in `published_at`; `+00:00` may be that of the clock, or only mean that the
    /// time is in UTC.
    written_offset: Option<i32>,
    pub kind: Option<Arc<str>>,
    pub reach: Option<f64>,
    pub engagements: Option<f64>,
}

impl Post {
    /// The post as part of a series, with the index of its account.
    pub fn to_series_post(&self, account: usize) -> SeriesPost {
        let Self { at, reach, engagements, .. } = *self;
        SeriesPost { account, at, kind: self.kind.clone(), reach, engagements }
    }
}

/// The mapping of one account.
#[derive(Debug, Clone)]
pub(super) struct AccountMapping {
    pub client_id: ClientId,
    pub name: Option<Arc<str>>,
    pub workspace_id: Option<WorkspaceId>,
    pub zone: Option<Zone>,
}

/// Reads a posting history.
pub(super) fn read(path: &Path) -> Result<History, ScenarioErrors> {
    let mut diagnostics = Diagnostics::default();
    let table = read_table::<PostRow>(path, true, &mut diagnostics)?;
    let mut accounts: BTreeMap<ClientId, Vec<Post>> = BTreeMap::new();
    let mut kinds: BTreeSet<Arc<str>> = BTreeSet::new();
    let height = table.as_ref().map_or(0, Table::height);
    for (table, index) in table.iter().flat_map(|table| (0..table.height()).map(move |index| (table, index))) {
        let Some(row) = table.row(index, None, &mut diagnostics).read::<PostRow>() else { continue };
        let kind = row.content_type.as_ref().map(|kind| interned(&mut kinds, kind));
        let post = Post { kind, ..Post::from(&row) };
        accounts.entry(row.account).or_default().push(post);
    }
    fail_on_errors(diagnostics)?;
    let accounts: Vec<Account> = accounts
        .into_iter()
        .map(|(name, posts)| Account { name, posts: with_written_offsets(without_duplicates(posts)) })
        .collect();
    let distinct_posts: usize = accounts.iter().map(|account| account.posts.len()).sum();
    Ok(History { rows: height, repeated: height - distinct_posts, accounts })
}

/// Interns a text, so that equal texts share one allocation.
fn interned(texts: &mut BTreeSet<Arc<str>>, text: &Arc<str>) -> Arc<str> {
    if let Some(interned) = texts.get(text) {
        return Arc::clone(interned);
    }
    texts.insert(Arc::clone(text));
    Arc::clone(text)
}

/// Removes posts that repeat an earlier row, as where two exports overlap.
fn without_duplicates(posts: Vec<Post>) -> Vec<Post> {
    let mut seen = BTreeSet::new();
    // Numbers are compared by their bits, because floating-point numbers cannot be in a set.
    let bits = |number: Option<f64>| number.map(f64::to_bits);
    let mut is_new =
        |post: &Post| seen.insert((post.channel, post.at, post.kind.clone(), bits(post.reach), bits(post.engagements)));
    posts.into_iter().filter(|post| is_new(post)).collect()
}

/// If any written offset is not zero, takes the written offsets as those of the account's clock: `+00:00` alone means
/// that the times are in UTC, but next to other offsets it means that the clock was at UTC.
fn with_written_offsets(mut posts: Vec<Post>) -> Vec<Post> {
    if posts.iter().any(|post| post.written_offset.is_some_and(|minutes| minutes != 0)) {
        posts.iter_mut().for_each(|post| post.offset_minutes = post.offset_minutes.or(post.written_offset));
    }
    posts
}

impl From<&PostRow> for Post {
    fn from(row: &PostRow) -> Self {
        Self {
            channel: row.channel,
            at: row.published_at.at,
            offset_minutes: row.utc_offset_min.map(|minutes| minutes.round() as i32),
            written_offset: row.published_at.minutes_ahead,
            kind: row.content_type.clone(),
            reach: row.reach_or_null,
            engagements: row.engagements,
        }
    }
}

/// Reads which client each account belongs to. The mapping must contain every account of the history and no other.
pub(super) fn read_mapping(
    path: &Path,
    accounts: &[Account],
) -> Result<BTreeMap<ClientId, AccountMapping>, ScenarioErrors> {
    let mut diagnostics = Diagnostics::default();
    let table = read_table::<MappingRow>(path, false, &mut diagnostics)?;
    let names: BTreeSet<&str> = accounts.iter().map(|account| account.name.as_str()).collect();
    let mut mapping: BTreeMap<ClientId, AccountMapping> = BTreeMap::new();
    let mut first_rows = BTreeMap::new();
    for (table, index) in table.iter().flat_map(|table| (0..table.height()).map(move |index| (table, index))) {
        let mut row = table.row(index, None, &mut diagnostics);
        let Some(mapped) = row.read::<MappingRow>() else { continue };
        let account = mapped.account;
        if !names.contains(account.as_str()) {
            row.reject_unknown("account", "account", account.as_str(), names.iter().copied());
        }
        if check_unique(&mut row, &mut first_rows, &account, "account", "account") {
            let MappingRow { client_id, name, workspace_id, time_zone: zone, .. } = mapped;
            mapping.insert(account, AccountMapping { client_id, name, workspace_id, zone });
        }
    }
    if diagnostics.errors.is_empty() {
        let unmapped = accounts.iter().filter(|account| !mapping.contains_key(&account.name));
        diagnostics.errors.extend(unmapped.map(|account| unmapped_account(path, account)));
    }
    fail_on_errors(diagnostics)?;
    Ok(mapping)
}

fn unmapped_account(path: &Path, account: &Account) -> Diagnostic {
    let (file, column, value) = (file_name(path).into(), "account".to_owned(), account.name.to_string());
    let place = TableLocation { file, column, value, ..TableLocation::default() };
    let cause = format!("account `{}` of the history is missing", account.name);
    Diagnostic::new("unmapped_account", place, cause, "add a row with its client")
}

/// Reads a table of records; `None` if it has no readable rows, with the reasons in `diagnostics`.
fn read_table<R: Record>(
    path: &Path,
    ignore_unknown: bool,
    diagnostics: &mut Diagnostics,
) -> Result<Option<Table>, ScenarioErrors> {
    let bytes =
        files::read(path, MAX_TABLE_BYTES).map_err(|source| ScenarioError::Read { path: path.to_owned(), source })?;
    let name = file_name(path);
    let kind = FileKind::of(&name).unwrap_or(FileKind::Csv);
    let columns: Vec<&'static Column> = R::columns().collect();
    Ok(table_file::read(&name, kind, bytes, &TableSpec { columns, ignore_unknown }, &mut diagnostics.errors))
}

fn file_name(path: &Path) -> String {
    path.file_name().map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned())
}

fn fail_on_errors(diagnostics: Diagnostics) -> Result<(), ScenarioErrors> {
    let errors = diagnostics.errors.into_iter().map(ScenarioError::from).collect();
    ScenarioErrors::from_list(errors).map_or(Ok(()), Err)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// The columns of a posting history, and those of a mapping.
    pub(crate) fn columns() -> [Vec<&'static Column>; 2] {
        [PostRow::columns().collect(), MappingRow::columns().collect()]
    }
}
