//! Row mappings for clients and their state.

use sqlx::{ColumnIndex, Decode, FromRow, Row, Type};

use super::row::{Clamped, Instant, Json, Name, Whole, from_row};
use crate::model::{Capacity, Channel, ChannelState, Environment, ReviewPolicy};

from_row! {
    /// A workspace without its clients.
    pub(super) struct WorkspaceRow {
        pub scenario: String,
        pub weeks: u32 as Whole<u32>,
        pub review: ReviewPolicy as Json<ReviewPolicy>,
        pub environment: Environment as Json<Environment>,
    } parts { pub capacity: Capacity in ModelRow }
}

from_row!(ModelRow<Capacity> {
    reviewers: Whole<u32>,
    reviews_per_reviewer_per_day: Whole<u32>,
});

/// A row with the id of the client it belongs to.
pub(super) struct WithClientId<T> {
    pub client_id: String,
    pub row: T,
}

impl<'r, R, T> FromRow<'r, R> for WithClientId<T>
where
    R: Row,
    &'static str: ColumnIndex<R>,
    String: Decode<'r, R::Database> + Type<R::Database>,
    T: FromRow<'r, R>,
{
    fn from_row(row: &'r R) -> Result<Self, sqlx::Error> {
        Ok(Self { client_id: row.try_get("client_id")?, row: T::from_row(row)? })
    }
}

from_row! {
    /// A channel's state, with whether the channel is active.
    pub(super) struct ChannelStateRow {
        pub active: bool,
    } parts { pub state: ChannelState in ModelRow }
}

from_row!(ModelRow<ChannelState> {
    channel: Name<Channel>,
    audience: f64,
    engagement_rate: Option<f64> = "avg_engagement_rate",
    last_post_at: Option<Instant>,
    posts_last_7_days: Whole<u32>,
    posts_last_30_days: Whole<u32>,
    fatigue: Clamped = "fatigue_score",
    as_of: Instant = "fatigue_as_of",
    momentum: Option<Clamped> = "momentum_score",
    visibility: Option<Clamped> = "visibility_score",
    engagement: Option<Clamped> = "engagement_score",
} empty { recent_posts, posts_needing_review });
