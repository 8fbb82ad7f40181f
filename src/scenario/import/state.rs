//! Estimates a channel's rate, audience and scores from its past posts.
//!
//! Scores compare results in log(1 + engagements), so that a single hit does not dominate a channel:
//!
//! - level: mean engagements of a post to a rested audience at the end of the history, estimated by the calibration. It
//!   excludes the loss that is due to the account's own load, since the planner applies that loss itself.
//! - audience: median reach of the newest posts; the rate is the level divided by it. If reach was never measured, the
//!   rate stays blank, so that the planner assumes the rate of the rules, and the audience is the level divided by that
//!   rate: only the product of the two is meaningful.
//! - momentum: mean log of the last 30 days minus that of the 180 days before; engagement: mean log of the last 30 days
//!   minus the account's mean for the same content type in the year before. Both differences are shrunk towards zero by
//!   `n / (n + 5)` and mapped to `0..=1` by the logistic function.
//! - visibility: posts of the last 30 days divided by the rules' number of posts.
//! - fatigue: the load of the past posts times the fatigue per post, see [`ChannelDefaults`]. If, at the account's
//!   usual load, this product exceeds [`ImportOptions::usual_fatigue`], it is scaled down at every load by the factor
//!   that makes the two equal at the usual load.

use std::collections::BTreeMap;

use super::notes::ImportNotes;
use super::{DAY_SECONDS, ImportOptions, Series, SeriesKey, SeriesPost};
use crate::calibration::{AccountCalibration, usual_load};
use crate::model::digits::rounded;
use crate::model::{Channel, ChannelRow, ClientId, Score, Timestamp, WorldParameter};
use crate::scenario::channel_defaults::ChannelDefaults;
use crate::stats::{mean, quantile};

/// Number of newest posts from which audiences are estimated.
const NEWEST_POSTS: usize = 100;

/// Minimum number of posts of a period or content type to compare with.
const MIN_POSTS_TO_COMPARE: usize = 5;

/// Number of posts at which a difference in results counts half.
const SCORE_PRIOR_POSTS: f64 = 5.0;

/// Limits of the values in a row of `channels`.
const MAX_RATE: f64 = 5.0;
const MIN_AUDIENCE: f64 = 0.01;
const MAX_AUDIENCE: f64 = 1e11;
const MAX_POSTS_IN_7_DAYS: u32 = 2_500;
const MAX_POSTS_IN_30_DAYS: u32 = 10_000;

/// The rate that the default rules assume on channels for which no rate is known.
const UNKNOWN_RATE: f64 = 0.02;

/// Minimum rate, by which an audience can be divided.
const MIN_RATE: f64 = 1e-4;

/// Audience of a channel without any measurement, if no other client's reach on it is known.
const ASSUMED_AUDIENCE: f64 = 1000.0;

/// What is assumed about channels that lack measurements.
#[derive(Debug)]
pub(super) struct Assumptions {
    /// Engagements per person reached, in channel order.
    rates: [f64; Channel::COUNT],
    /// Audience by channel.
    audiences: BTreeMap<Channel, f64>,
}

impl Assumptions {
    /// The rates that the planner assumes for channels without a measured rate, and the median reach of the history's
    /// accounts on each channel.
    pub fn from_series(series: &BTreeMap<SeriesKey, Series>, defaults: &[ChannelDefaults; Channel::COUNT]) -> Self {
        let mut audiences = BTreeMap::new();
        for channel in Channel::ALL {
            let on_channel = series.iter().filter(|((_, other), _)| *other == channel).map(|(_, series)| series);
            let reaches: Vec<f64> = on_channel.filter_map(typical_reach).collect();
            audiences.insert(channel, median(&reaches).unwrap_or(ASSUMED_AUDIENCE));
        }
        Self {
            rates: defaults.each_ref().map(|channel| channel.engagement_rate.unwrap_or(UNKNOWN_RATE).max(MIN_RATE)),
            audiences,
        }
    }

    fn rate(&self, channel: Channel) -> f64 {
        self.rates.get(channel.index()).copied().unwrap_or(MIN_RATE)
    }

    fn audience(&self, channel: Channel) -> f64 {
        self.audiences.get(&channel).copied().unwrap_or(ASSUMED_AUDIENCE)
    }
}

/// What is assumed about all channels, and what is estimated for one.
pub(super) struct Estimates<'e> {
    pub assumed: &'e Assumptions,
    pub calibration: Option<&'e AccountCalibration>,
}

/// The row of one channel, with its state at `as_of`.
pub(super) fn channel_row(
    id: &ClientId,
    channel: Channel,
    series: &Series,
    as_of: Timestamp,
    Estimates { assumed, calibration }: Estimates<'_>,
    options: &ImportOptions,
    notes: &mut ImportNotes,
) -> ChannelRow {
    let measured = calibration.filter(|account| account.measured > 0);
    let level = measured.and_then(|account| account.get(&WorldParameter::Level)).map(|level| level.estimate.value);
    let (audience, rate) = audience_and_rate(channel, series, level, assumed, notes);
    let defaults = options.channel_defaults.get(channel.index()).copied().unwrap_or(ChannelDefaults::typical(channel));
    let age = |post: &SeriesPost| (as_of.as_second() - post.at.as_second()) as f64 / 3600.0;
    let usual_load_of_posts =
        calibration.map_or(0.0, |account| usual_load(&account.history.posts, defaults.half_life_hours, as_of));
    // Not 0, so that no division by zero occurs.
    let fatigue_at_usual_load = (usual_load_of_posts * defaults.fatigue_per_post).max(f64::MIN_POSITIVE);
    let scale = (options.usual_fatigue / fatigue_at_usual_load).min(1.0);
    let fatigue = scale * defaults.load(series.posts.iter().map(age)) * defaults.fatigue_per_post;
    let posts_in_last = |days: i64| posts_between(series, as_of, 0, days).count();
    // A count above the table's limit stays blank and is then computed from the history.
    let count = |days, max: u32| u32::try_from(posts_in_last(days)).ok().filter(|count| *count <= max);
    let target = defaults.weekly_posts * 30.0 / 7.0;
    let visibility = if target > 0.0 { (posts_in_last(30) as f64 / target).min(1.0) } else { 1.0 };
    ChannelRow {
        avg_engagement_rate: rate.map(|rate| rounded(rate.clamp(MIN_RATE, MAX_RATE), 6)),
        last_post_at: series.posts.last().map(|post| post.at),
        posts_last_7_days: count(7, MAX_POSTS_IN_7_DAYS),
        posts_last_30_days: count(30, MAX_POSTS_IN_30_DAYS),
        fatigue_score: Some(rounded_score(fatigue)),
        momentum_score: momentum_score(series, as_of).map(rounded_score),
        visibility_score: Some(rounded_score(visibility)),
        engagement_score: engagement_score(series, as_of).map(rounded_score),
        ..ChannelRow::new(id.clone(), channel, rounded(audience.clamp(MIN_AUDIENCE, MAX_AUDIENCE), 2))
    }
}

/// A score rounded to four decimals.
fn rounded_score(number: f64) -> Score {
    Score::clamped(rounded(number, 4))
}

/// The audience, and the measured rate if there is one. `level` is the mean engagements of a post; `None` if
/// unmeasured.
fn audience_and_rate(
    channel: Channel,
    series: &Series,
    level: Option<f64>,
    assumed: &Assumptions,
    notes: &mut ImportNotes,
) -> (f64, Option<f64>) {
    match (typical_reach(series), level) {
        (Some(audience), Some(level)) => (audience, Some(level / audience)),
        (Some(audience), None) => {
            notes.channels_without_engagement += 1;
            (audience, None)
        }
        (None, Some(level)) => {
            notes.channels_without_reach += 1;
            (level / assumed.rate(channel), None)
        }
        (None, None) => {
            notes.channels_without_metrics += 1;
            (assumed.audience(channel), None)
        }
    }
}

fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    (!sorted.is_empty()).then(|| quantile(&sorted, 0.5))
}

/// The median reach of the newest posts; `None` if no reach was measured.
fn typical_reach(series: &Series) -> Option<f64> {
    let reaches = series.posts.iter().rev().filter_map(|post| post.reach.filter(|reach| *reach > 0.0));
    median(&reaches.take(NEWEST_POSTS).collect::<Vec<_>>())
}

/// log(1 + engagements); `None` if not measured.
pub(super) fn log_engagements(post: &SeriesPost) -> Option<f64> {
    post.engagements.map(libm::log1p)
}

/// Posts that are more than `min_days` and at most `max_days` days older than `as_of`.
fn posts_between(series: &Series, as_of: Timestamp, min_days: i64, max_days: i64) -> impl Iterator<Item = &SeriesPost> {
    let since = as_of.as_second() - max_days * DAY_SECONDS;
    let until = as_of.as_second() - min_days * DAY_SECONDS;
    series.posts.iter().filter(move |post| (since..until).contains(&post.at.as_second()))
}

fn momentum_score(series: &Series, as_of: Timestamp) -> Option<f64> {
    let logs = |min_days, max_days| -> Vec<f64> {
        posts_between(series, as_of, min_days, max_days).filter_map(log_engagements).collect()
    };
    let (recent, earlier) = (logs(0, 30), logs(30, 210));
    if recent.is_empty() || earlier.len() < MIN_POSTS_TO_COMPARE {
        return None;
    }
    Some(logistic_score(mean(&recent) - mean(&earlier), recent.len()))
}

fn engagement_score(series: &Series, as_of: Timestamp) -> Option<f64> {
    let mut by_kind: BTreeMap<Option<&str>, Vec<f64>> = BTreeMap::new();
    let mut all = Vec::new();
    for post in posts_between(series, as_of, 30, 395) {
        let Some(log) = log_engagements(post) else { continue };
        by_kind.entry(post.kind.as_deref()).or_default().push(log);
        all.push(log);
    }
    if all.len() < MIN_POSTS_TO_COMPARE {
        return None;
    }
    let overall = mean(&all);
    let difference = |post: &SeriesPost| {
        let same_kind = by_kind.get(&post.kind.as_deref()).filter(|logs| logs.len() >= MIN_POSTS_TO_COMPARE);
        Some(log_engagements(post)? - same_kind.map_or(overall, |logs| mean(logs)))
    };
    let differences: Vec<f64> = posts_between(series, as_of, 0, 30).filter_map(difference).collect();
    (!differences.is_empty()).then(|| logistic_score(mean(&differences), differences.len()))
}

/// The score of a difference in log results, shrunk towards zero by the number of posts; 0.5 for no difference.
fn logistic_score(difference: f64, posts: usize) -> f64 {
    let n = posts as f64;
    1.0 / (1.0 + libm::exp(-difference * n / (n + SCORE_PRIOR_POSTS)))
}
