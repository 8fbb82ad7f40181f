//! Simple forecasts that a calibrated model is compared with: means of earlier posts, and their spread by drawing from
//! the same posts.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use super::forecast::Draws;
use super::history::{AccountHistory, DAY_SECONDS, weeks};
use super::prediction::Method;
use crate::model::Timestamp;

/// Weeks whose mean is a baseline.
const RECENT_WEEKS: u32 = 8;

/// Days in which the weight of a post halves under exponential smoothing.
const SMOOTHING_HALF_LIFE_DAYS: f64 = 28.0;

/// Draws the sum of `posts` posts after a cut, with the point forecast.
pub(super) fn draw(
    method: Method,
    history: &AccountHistory,
    cut: Timestamp,
    posts: usize,
    draws: usize,
    seed: [u8; 32],
) -> (f64, Draws) {
    let weighted = weighted(method, history, cut);
    let total: f64 = weighted.iter().map(|(_, weight)| weight).sum();
    let mean = weighted.iter().map(|(engagements, weight)| engagements * weight).sum::<f64>() / total;
    let mut rng = ChaCha8Rng::from_seed(seed);
    let mut reached = 0.0;
    let ends: Vec<(f64, f64)> = weighted
        .iter()
        .map(|(engagements, weight)| {
            reached += weight;
            (reached, *engagements)
        })
        .collect();
    let mut one = || {
        let at = rng.random::<f64>() * total;
        let index = ends.partition_point(|(end, _)| *end <= at);
        ends.get(index).or(ends.last()).map_or(0.0, |(_, engagements)| *engagements)
    };
    let sums = (0..draws).map(|_| (0..posts).map(|_| one()).sum()).collect();
    (mean * posts as f64, Draws::new(sums))
}

/// The mean of the last weeks before a cut; `None` if nothing was measured in them.
pub(super) fn recent_mean(history: &AccountHistory, cut: Timestamp) -> Option<f64> {
    let recent: Vec<f64> = recent(history, cut).collect();
    (!recent.is_empty()).then(|| crate::stats::mean(&recent))
}

fn recent(history: &AccountHistory, cut: Timestamp) -> impl Iterator<Item = f64> {
    let since = cut.plus_seconds(-weeks(RECENT_WEEKS));
    let posts = history.posts.get(history.count_before(since)..history.count_before(cut)).unwrap_or_default();
    posts.iter().filter_map(|post| post.engagements)
}

/// The engagements from which a method draws, with their weights. Without posts in the last weeks all are taken.
fn weighted(method: Method, history: &AccountHistory, cut: Timestamp) -> Vec<(f64, f64)> {
    let before = history.posts.iter().take(history.count_before(cut));
    let measured = before.filter_map(|post| Some((post.at, post.engagements?)));
    let age = |at: Timestamp| (cut.as_second() - at.as_second()) as f64 / DAY_SECONDS as f64;
    match method {
        Method::RecentMean if recent_mean(history, cut).is_some() => {
            recent(history, cut).map(|engagements| (engagements, 1.0)).collect()
        }
        Method::Smoothing => measured
            .map(|(at, engagements)| (engagements, libm::exp2(-age(at) / SMOOTHING_HALF_LIFE_DAYS).max(1e-12)))
            .collect(),
        _ => measured.map(|(_, engagements)| (engagements, 1.0)).collect(),
    }
}
