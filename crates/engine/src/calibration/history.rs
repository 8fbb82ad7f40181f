//! Posting histories: what was posted when, and what it earned.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{Datelike as _, Timelike as _};

use crate::model::{Channel, ClientId, HOUR_SECONDS, HOURS_PER_BIN, Timestamp, Zone};

/// Seconds in a day of 24 hours.
pub(super) const DAY_SECONDS: i64 = 24 * HOUR_SECONDS;

/// The posts of one account on one channel.
#[derive(Debug, Clone, PartialEq)]
pub struct AccountHistory {
    /// The account.
    pub account: ClientId,
    /// The channel it posts on.
    pub channel: Channel,
    /// The time zone of its audience.
    pub zone: Zone,
    /// Its posts, the oldest first.
    pub posts: Vec<Post>,
}

impl AccountHistory {
    /// A history with its posts sorted by time; posts at the same instant keep the given order.
    #[must_use]
    pub fn new(account: ClientId, channel: Channel, zone: Zone, mut posts: Vec<Post>) -> Self {
        posts.sort_by_key(|post| post.at);
        Self { account, channel, zone, posts }
    }

    /// The history with only the posts before an instant.
    pub(super) fn before(&self, at: Timestamp) -> Self {
        Self { posts: self.posts.iter().take(self.count_before(at)).cloned().collect(), ..self.clone() }
    }

    /// The number of posts before an instant, which is also the index of the first post not before it.
    pub(super) fn count_before(&self, at: Timestamp) -> usize {
        self.posts.partition_point(|post| post.at < at)
    }
}

/// One post.
#[derive(Debug, Clone, PartialEq)]
pub struct Post {
    /// When it was published.
    pub at: Timestamp,
    /// Its content type; `None` if unknown.
    pub content_type: Option<Arc<str>>,
    /// What it earned; `None` if not measured.
    pub engagements: Option<f64>,
}

/// A post as the model's input: its regressors and its outcome.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Observation {
    /// Days since 1970-01-01 00:00 UTC.
    pub days: f64,
    /// Index of its group of hours of the local day, `0..HOUR_BINS`.
    pub hour_bin: usize,
    /// Days since Monday in local time, `0..7`.
    pub weekday: usize,
    /// Index of its content type among the channel's; `None` if unknown.
    pub content_type: Option<usize>,
    /// log(1 + load), where the load is that before the post.
    pub log_load: f64,
    /// log(1 + engagements); `None` if not measured.
    pub log_engagements: Option<f64>,
}

/// All posts of a history as the model's input, in the same order.
pub(super) fn observations(history: &AccountHistory, types: &ContentTypes, half_life_hours: f64) -> Vec<Observation> {
    let observation = |(post, load): (&Post, f64)| {
        let local = history.zone.wall_time(post.at);
        Observation {
            days: post.at.as_second() as f64 / DAY_SECONDS as f64,
            hour_bin: (local.hour() / HOURS_PER_BIN) as usize,
            weekday: local.weekday().num_days_from_monday() as usize,
            content_type: types.index(post.content_type.as_deref()),
            log_load: libm::log1p(load),
            log_engagements: post.engagements.map(libm::log1p),
        }
    };
    history.posts.iter().zip(loads(&history.posts, half_life_hours)).map(observation).collect()
}

/// The load before each post: the sum of the weights of earlier posts, each 1 at its time and halved every half-life.
pub(super) fn loads(posts: &[Post], half_life_hours: f64) -> impl Iterator<Item = f64> {
    let half_life_seconds = half_life_hours * HOUR_SECONDS as f64;
    let (mut load_after_last, mut last_at) = (0.0, None);
    posts.iter().map(move |post| {
        let seconds = last_at.map_or(0, |last_at: Timestamp| post.at.as_second() - last_at.as_second());
        let load = load_after_last * libm::exp2(-(seconds as f64) / half_life_seconds);
        (load_after_last, last_at) = (load + 1.0, Some(post.at));
        load
    })
}

/// The content types of a channel with their indices, which follow alphabetical order.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct ContentTypes(BTreeMap<Arc<str>, usize>);

impl ContentTypes {
    /// The content types of all posts in the histories.
    pub fn of<'a>(histories: impl IntoIterator<Item = &'a AccountHistory>) -> Self {
        let posts = histories.into_iter().flat_map(|history| &history.posts);
        let mut types: BTreeMap<Arc<str>, usize> =
            posts.filter_map(|post| Some((Arc::clone(post.content_type.as_ref()?), 0))).collect();
        types.values_mut().enumerate().for_each(|(index, value)| *value = index);
        Self(types)
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The types in the order of their indices.
    pub fn names(&self) -> impl Iterator<Item = &Arc<str>> {
        self.0.keys()
    }

    fn index(&self, name: Option<&str>) -> Option<usize> {
        self.0.get(name?).copied()
    }
}

/// The histories of each channel, in the given order.
pub(super) fn by_channel(histories: &[AccountHistory]) -> BTreeMap<Channel, Vec<&AccountHistory>> {
    let mut channels: BTreeMap<Channel, Vec<&AccountHistory>> = BTreeMap::new();
    for history in histories {
        channels.entry(history.channel).or_default().push(history);
    }
    channels
}

/// Seconds in the given number of weeks.
pub(super) fn weeks_in_seconds(count: u32) -> i64 {
    i64::from(count) * 7 * DAY_SECONDS
}
