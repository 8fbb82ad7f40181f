//! Groups accounts into clients, finds the start of the scenario, and collects the posts of each channel before it.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::notes::ImportNotes;
use super::posts::{Account, AccountMapping};
use super::{AccountGrouping, DAY_SECONDS, HISTORY_DAYS, ImportOptions, Series, SeriesKey, zones};
use crate::diagnostic::{Diagnostic, Place};
use crate::model::{ClientId, Timestamp, Week, WorkspaceId, Zone};
use crate::scenario::error::ScenarioErrors;

/// A client composed of accounts.
#[derive(Debug)]
pub(super) struct ImportedClient {
    pub name: Option<Arc<str>>,
    pub workspace_id: Option<WorkspaceId>,
    pub zone: Zone,
    /// Indices into the file's accounts.
    pub accounts: Vec<usize>,
}

/// The clients, by id.
pub(super) fn clients(
    accounts: &[Account],
    options: &ImportOptions,
    mapping: Option<&BTreeMap<ClientId, AccountMapping>>,
    notes: &mut ImportNotes,
) -> BTreeMap<ClientId, ImportedClient> {
    let mut members: BTreeMap<ClientId, Vec<usize>> = BTreeMap::new();
    for (index, account) in accounts.iter().enumerate() {
        let mapped = mapping.and_then(|mapping| mapping.get(&account.name));
        let id = match (mapped, &options.grouping) {
            (Some(mapped), _) => mapped.client_id.clone(),
            (None, AccountGrouping::Prefix) => client_prefix(&account.name),
            (None, _) => account.name.clone(),
        };
        members.entry(id).or_default().push(index);
    }
    let mut clients = BTreeMap::new();
    for (id, members) in members {
        let member_accounts = || members.iter().filter_map(|member| accounts.get(*member));
        let mappings = || member_accounts().filter_map(|account| mapping?.get(&account.name));
        let given_zone = options.zone.or_else(|| mappings().find_map(|mapped| mapped.zone));
        let zone = given_zone.unwrap_or_else(|| zones::infer_zone(member_accounts(), notes));
        let name = mappings().find_map(|mapped| mapped.name.clone());
        let workspace_id = mappings().find_map(|mapped| mapped.workspace_id.clone());
        clients.insert(id, ImportedClient { name, workspace_id, zone, accounts: members });
    }
    clients
}

/// The text before the first `_` of an account's name; the whole name if there is none.
fn client_prefix(account: &ClientId) -> ClientId {
    match account.as_str().split_once('_') {
        Some((prefix, _)) if !prefix.is_empty() => ClientId::new(prefix),
        _ => account.clone(),
    }
}

/// Monday 00:00 of the week in the zone.
pub(super) fn week_start(week: Week, zone: &Zone) -> Result<Timestamp, ScenarioErrors> {
    Ok(zone.start_of_day(week.monday())?)
}

/// The first week that begins, in the time zone of every client, after the last post.
pub(super) fn start_after(
    accounts: &[Account],
    clients: &BTreeMap<ClientId, ImportedClient>,
) -> Result<Week, ScenarioErrors> {
    let last = accounts.iter().flat_map(|account| account.posts.iter().map(|post| post.at)).max();
    let last = last.ok_or_else(|| {
        Diagnostic::new("no_posts", Place::None, "the history has no posts", "give one with a row per post")
    })?;
    let zones: BTreeMap<&str, &Zone> = clients.values().map(|client| (client.zone.name(), &client.zone)).collect();
    let mut start = Week::of(last.date());
    for zone in zones.values() {
        while week_start(start, zone)? <= last {
            start = start.plus(1);
        }
    }
    Ok(start)
}

/// The posts before the start, by client and channel.
pub(super) fn series(
    accounts: &[Account],
    clients: &BTreeMap<ClientId, ImportedClient>,
    start: Week,
    notes: &mut ImportNotes,
) -> Result<BTreeMap<SeriesKey, Series>, ScenarioErrors> {
    let mut all_series: BTreeMap<SeriesKey, Series> = BTreeMap::new();
    for (id, client) in clients {
        let as_of = week_start(start, &client.zone)?;
        for (index, account) in client.accounts.iter().filter_map(|index| Some((*index, accounts.get(*index)?))) {
            let mut last_before = None;
            for post in &account.posts {
                if post.at >= as_of {
                    notes.rows_after_start += 1;
                    continue;
                }
                notes.rows_without_engagement += usize::from(post.engagements.is_none());
                notes.rows_without_reach += usize::from(post.reach.is_none());
                last_before = last_before.max(Some(post.at));
                let series = all_series.entry((id.clone(), post.channel)).or_default();
                series.accounts.insert(account.name.clone());
                series.posts.push(post.to_series_post(index));
            }
            let is_dormant = |last: Timestamp| last.as_second() < as_of.as_second() - HISTORY_DAYS * DAY_SECONDS;
            notes.dormant_accounts += usize::from(last_before.is_some_and(is_dormant));
            notes.accounts_after_start += usize::from(last_before.is_none());
        }
    }
    for series in all_series.values_mut() {
        series.posts.sort_by_key(|post| (post.at, post.account));
        notes.merged_accounts += series.accounts.len() - 1;
        let pairs = series.posts.iter().zip(series.posts.iter().skip(1));
        notes.posts_at_one_time += pairs.filter(|(left, right)| left.at == right.at).count();
    }
    Ok(all_series)
}
