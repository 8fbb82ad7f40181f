//! A posting history as the calibration takes it: one history for each account and channel.

use std::collections::BTreeMap;
use std::path::Path;

use super::notes::ImportNotes;
use super::{posts, zones};
use crate::calibration::{AccountHistory, Post};
use crate::model::{Channel, Zone};
use crate::scenario::error::ScenarioErrors;

/// The histories of a file, by account and channel, with what was read and assumed.
#[derive(Debug, Clone, PartialEq)]
pub struct PostingHistories {
    /// The histories, by account, then channel.
    pub accounts: Vec<AccountHistory>,
    /// Counts of rows, of rows that repeat another, of unmeasured rows, and of zones that were assumed.
    pub notes: ImportNotes,
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
        let zone = zone.unwrap_or_else(|| zones::of_accounts(std::iter::once(account), &mut notes));
        let mut channels: BTreeMap<Channel, Vec<Post>> = BTreeMap::new();
        for post in &account.posts {
            notes.rows_without_engagement += usize::from(post.engagements.is_none());
            channels.entry(post.channel).or_default().push(Post {
                at: post.at,
                content_type: post.kind.clone(),
                engagements: post.engagements,
            });
        }
        let histories = channels.into_iter();
        accounts
            .extend(histories.map(|(channel, posts)| AccountHistory::new(account.name.clone(), channel, zone, posts)));
    }
    notes.channels = accounts.len();
    Ok(PostingHistories { accounts, notes })
}
