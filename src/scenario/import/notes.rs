//! What an import read, omitted and assumed.

use std::fmt;

use serde::Serialize;

/// Counts of an import, for display and for JSON.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ImportNotes {
    /// Rows of the history.
    pub rows: usize,
    /// Rows that equal an earlier row of their account in every column that is read. Equal rows count as one post.
    pub repeated_rows: usize,
    /// Accounts in the history.
    pub accounts: usize,
    /// Clients made from the accounts.
    pub clients: usize,
    /// Channels of the clients.
    pub channels: usize,
    /// Assets made from past posts.
    pub assets: usize,
    /// Rows of the scenario's own history.
    pub history_rows: usize,
    /// Rows on or after the start; omitted.
    pub rows_after_start: usize,
    /// Rows whose engagements were not measured: not used for rates and assets, but for spacing and fatigue.
    pub rows_without_engagement: usize,
    /// Rows whose reach was not measured.
    pub rows_without_reach: usize,
    /// Posts at the same instant as another post of the same client and channel; all are kept.
    pub posts_at_one_time: usize,
    /// Accounts merged into another account of the same client and channel.
    pub merged_accounts: usize,
    /// Accounts whose last post lies more than 35 days before the start.
    pub dormant_accounts: usize,
    /// Accounts with posts on or after the start only; omitted.
    pub accounts_after_start: usize,
    /// Channels whose reach was never measured: their rate stays blank, so that the rules' rate is assumed, and their
    /// audience is derived from their engagements. Only the product of the two is meaningful.
    pub channels_without_reach: usize,
    /// Channels whose engagements were never measured: their rate stays unknown.
    pub channels_without_engagement: usize,
    /// Channels with neither measured: their audience is assumed.
    pub channels_without_metrics: usize,
    /// Clients without any UTC offset, assumed to be in UTC.
    pub zones_unknown: usize,
    /// Accounts whose offsets fit no known zone; their most common offset is assumed to be constant.
    pub zones_uncertain: usize,
    /// Accounts whose zone differs from that chosen for their client.
    pub accounts_in_other_zones: usize,
}

impl ImportNotes {
    fn remarks(&self) -> [(usize, &'static str); 13] {
        [
            (self.repeated_rows, "duplicate rows: counted once"),
            (self.rows_after_start, "rows on or after the start: omitted"),
            (self.rows_without_engagement, "rows without engagements: not used for rates and assets"),
            (self.rows_without_reach, "rows without reach: not used for rates"),
            (self.posts_at_one_time, "posts at the same time as another post on their channel: included"),
            (self.merged_accounts, "accounts merged with another account of the same client and channel"),
            (self.dormant_accounts, "accounts without posts in the 35 days before the start: included"),
            (self.accounts_after_start, "accounts without posts before the start: omitted"),
            (
                self.channels_without_reach,
                "channels without reach: the rules' rate is assumed, and the audience derived from the engagements",
            ),
            (self.channels_without_engagement, "channels without engagements: their rate is unknown"),
            (self.channels_without_metrics, "channels without metrics: their audience is assumed"),
            (self.zones_unknown, "clients without UTC offsets: UTC is assumed"),
            (
                self.zones_uncertain + self.accounts_in_other_zones,
                "accounts whose UTC offsets match no time zone, or not that of their client",
            ),
        ]
    }
}

impl fmt::Display for ImportNotes {
    /// A line of totals, then one line for each kind of thing that was omitted or assumed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rows, accounts, clients, channels, assets, history_rows, .. } = self;
        write!(
            f,
            "imported {rows} rows of {accounts} accounts as {clients} clients with {channels} channels, \
             {assets} assets and {history_rows} rows of history"
        )?;
        self.remarks()
            .iter()
            .filter(|(count, _)| *count > 0)
            .try_for_each(|(count, remark)| write!(f, "\n{count} {remark}"))
    }
}
