//! Simple forecasts with which a calibrated model is compared: means of the engagements of earlier posts, with ranges
//! from resampling those posts.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use super::forecast::Draws;
use super::history::{AccountHistory, DAY_SECONDS, weeks_in_seconds};
use super::prediction::Method;
use crate::model::Timestamp;

/// Number of weeks before the cut that the mean of recent posts covers.
const RECENT_WEEKS: u32 = 8;

/// Half-life of a post's weight under exponential smoothing.
const SMOOTHING_HALF_LIFE_DAYS: f64 = 28.0;

/// Forecasts the sum of the engagements of posts after a cut: the point forecast, and resampled sums.
pub(super) fn forecast_sum(
    method: Method,
    history: &AccountHistory,
    cut: Timestamp,
    post_count: usize,
    draw_count: usize,
    seed: [u8; 32],
) -> (f64, Draws) {
    let sample = weighted_engagements(method, history, cut);
    let total: f64 = sample.iter().map(|(_, weight)| weight).sum();
    let mean = sample.iter().map(|(engagements, weight)| engagements * weight).sum::<f64>() / total;
    let mut rng = ChaCha8Rng::from_seed(seed);
    let mut cumulative_weight = 0.0;
    let cumulative: Vec<(f64, f64)> = sample
        .iter()
        .map(|(engagements, weight)| {
            cumulative_weight += weight;
            (cumulative_weight, *engagements)
        })
        .collect();
    let mut draw_post = || {
        let target = rng.random::<f64>() * total;
        let index = cumulative.partition_point(|(end, _)| *end <= target);
        cumulative.get(index).or(cumulative.last()).map_or(0.0, |(_, engagements)| *engagements)
    };
    let sums = (0..draw_count).map(|_| (0..post_count).map(|_| draw_post()).sum()).collect();
    (mean * post_count as f64, Draws::new(sums))
}

/// Mean engagements of the posts in the [`RECENT_WEEKS`] before a cut; `None` if none of these was measured.
pub(super) fn recent_mean(history: &AccountHistory, cut: Timestamp) -> Option<f64> {
    let recent: Vec<f64> = recent_engagements(history, cut).collect();
    (!recent.is_empty()).then(|| crate::stats::mean(&recent))
}

fn recent_engagements(history: &AccountHistory, cut: Timestamp) -> impl Iterator<Item = f64> {
    let since = cut.plus_seconds(-weeks_in_seconds(RECENT_WEEKS));
    let posts = history.posts.get(history.count_before(since)..history.count_before(cut)).unwrap_or_default();
    posts.iter().filter_map(|post| post.engagements)
}

/// The engagements from which a method resamples, each with its weight. If no post of the recent weeks was measured,
/// `RecentMean` uses all earlier posts.
fn weighted_engagements(method: Method, history: &AccountHistory, cut: Timestamp) -> Vec<(f64, f64)> {
    let before = history.posts.iter().take(history.count_before(cut));
    let measured = before.filter_map(|post| Some((post.at, post.engagements?)));
    let age_days = |at: Timestamp| (cut.as_second() - at.as_second()) as f64 / DAY_SECONDS as f64;
    match method {
        Method::RecentMean if recent_mean(history, cut).is_some() => {
            recent_engagements(history, cut).map(|engagements| (engagements, 1.0)).collect()
        }
        // Weights are above 0, so that their total is too.
        Method::Smoothing => measured
            .map(|(at, engagements)| (engagements, libm::exp2(-age_days(at) / SMOOTHING_HALF_LIFE_DAYS).max(1e-12)))
            .collect(),
        _ => measured.map(|(_, engagements)| (engagements, 1.0)).collect(),
    }
}
