//! Turns the best past posts of a channel into evergreen assets.
//!
//! A post is rated by log(1 + engagements) relative to its account's mean for the month, in standard deviations of the
//! account, so that neither a growing account nor a single good month dominates the pool. A month's mean is shrunk
//! towards the account's with a prior of five posts. Posting histories contain no text, so the title of an asset is the
//! content type and date of its post.

use std::collections::BTreeMap;

use chrono::Datelike as _;

use super::state::log_engagements;
use super::{Series, SeriesPost};
use crate::model::digits::rounded;
use crate::model::{AssetId, AssetRow, Channel, ClientId, Score};
use crate::stats::{mean, variance};

/// Weight of an account's mean in the mean of a month, in posts.
const MONTH_PRIOR_POSTS: f64 = 5.0;

/// Minimum standard deviation by which results are divided.
const MIN_SD: f64 = 0.1;

/// The `max` best posts as assets, each with its index in the series, best first. Quality is the share of the
/// channel's measured posts that did worse.
pub(super) fn assets(id: &ClientId, channel: Channel, series: &Series, max: usize) -> Vec<(usize, AssetRow)> {
    let mut scored = scored_posts(series);
    let count = scored.len() as f64;
    scored.sort_by(|(left, score), (right, other)| other.total_cmp(score).then(left.cmp(right)));
    let best = scored.into_iter().take(max).enumerate();
    best.filter_map(|(rank, (index, _))| {
        let quality = rounded((count - rank as f64 - 0.5) / count, 4);
        Some((index, asset(id, channel, rank, quality, series.posts.get(index)?)))
    })
    .collect()
}

fn asset(id: &ClientId, channel: Channel, rank: usize, quality: f64, post: &SeriesPost) -> AssetRow {
    let kind = post.kind.as_deref().unwrap_or("post");
    let asset_id = AssetId::new(format!("{id}-{channel}-{:03}", rank + 1));
    AssetRow {
        channels: vec![channel],
        quality_score: Score::new(quality),
        title: format!("{kind} of {}", post.at.date()).into(),
        ..AssetRow::new(asset_id, id.clone(), kind, post.at)
    }
}

/// The score of each measured post, with its index in the series: its result in standard deviations above its account's
/// monthly mean.
fn scored_posts(series: &Series) -> Vec<(usize, f64)> {
    let mut accounts: BTreeMap<usize, Vec<MeasuredPost>> = BTreeMap::new();
    for (index, post) in series.posts.iter().enumerate() {
        if let Some(log) = log_engagements(post) {
            accounts.entry(post.account).or_default().push(MeasuredPost { index, month: month_number(post), log });
        }
    }
    let mut scored: Vec<_> = accounts.values().flat_map(|posts| relative_to_month(posts)).collect();
    scored.sort_by_key(|(index, _)| *index);
    scored
}

/// A post with measured engagements.
struct MeasuredPost {
    /// Its index in the series.
    index: usize,
    month: i32,
    /// log(1 + engagements).
    log: f64,
}

/// A number that identifies the month of a post.
fn month_number(post: &SeriesPost) -> i32 {
    let date = post.at.date();
    date.year() * 12 + date.month() as i32
}

fn relative_to_month(posts: &[MeasuredPost]) -> Vec<(usize, f64)> {
    let logs: Vec<f64> = posts.iter().map(|post| post.log).collect();
    let account_mean = mean(&logs);
    let mut months: BTreeMap<i32, Vec<f64>> = BTreeMap::new();
    for post in posts {
        months.entry(post.month).or_default().push(post.log);
    }
    let shrunk = |logs: &Vec<f64>| {
        let n = logs.len() as f64;
        (logs.iter().sum::<f64>() + MONTH_PRIOR_POSTS * account_mean) / (n + MONTH_PRIOR_POSTS)
    };
    let expected: BTreeMap<i32, f64> = months.iter().map(|(month, logs)| (*month, shrunk(logs))).collect();
    let residual = |post: &MeasuredPost| post.log - expected.get(&post.month).copied().unwrap_or(account_mean);
    let residuals: Vec<f64> = posts.iter().map(residual).collect();
    let sd = variance(&residuals).unwrap_or(0.0).sqrt().max(MIN_SD);
    posts.iter().zip(residuals).map(|(post, residual)| (post.index, residual / sd)).collect()
}
