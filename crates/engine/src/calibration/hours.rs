//! Tests on later posts whether the fitted best hours of an account are better than its other hours.

use super::effects::Effect;
use super::fit::{AccountFit, ChannelFit};
use super::history::Observation;
use crate::stats::{Cluster, mean};

/// Number of groups of hours that count as an account's best: a quarter of the day.
const BEST_BINS: usize = 2;

/// How much more posts in the account's best hours earned than its other posts: the difference of the means of
/// log(1 + engagements), from which all effects except those of hours are subtracted first. `None` if all measured
/// posts are in the best hours, or none is.
pub(super) fn gain(channel: &ChannelFit, account: &AccountFit, posts: &[Observation]) -> Option<Cluster> {
    let best = best_bins(channel, account);
    let mut other_effects = account.effects.mean.clone();
    for (effect, value) in channel.design.effects().iter().zip(other_effects.iter_mut()) {
        if matches!(effect, Effect::Hours(_)) {
            *value = 0.0;
        }
    }
    let measured = posts.iter().filter_map(|post| Some((post, post.log_engagements?)));
    let (in_best, others): (Vec<_>, Vec<_>) = measured.partition(|(post, _)| best.contains(&post.hour_bin));
    let mean_residual = |posts: &[(&Observation, f64)]| {
        let residuals = posts.iter().map(|(post, log)| log - channel.design.sum_of_effects(post, &other_effects));
        mean(&residuals.collect::<Vec<f64>>())
    };
    let [n, m] = [in_best.len() as f64, others.len() as f64];
    // The weight is inversely proportional to the variance of a difference of means of n and m posts.
    (n > 0.0 && m > 0.0)
        .then(|| Cluster { mean: mean_residual(&in_best) - mean_residual(&others), weight: n * m / (n + m) })
}

/// The groups of hours with the highest effects of the account.
fn best_bins(channel: &ChannelFit, account: &AccountFit) -> Vec<usize> {
    let effects = channel.design.effects().iter().zip(account.effects.mean.iter());
    let mut bins: Vec<(usize, f64)> = effects
        .filter_map(|(effect, value)| match effect {
            Effect::Hours(bin) => Some((*bin, *value)),
            _ => None,
        })
        .collect();
    bins.sort_by(|(bin_a, a), (bin_b, b)| b.total_cmp(a).then(bin_a.cmp(bin_b)));
    bins.into_iter().take(BEST_BINS).map(|(bin, _)| bin).collect()
}
