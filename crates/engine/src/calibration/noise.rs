//! The distribution of the noise of an account's posts: what the errors of its earlier posts show of it.

use super::fit::{AccountFit, ChannelFit};
use crate::model::NOISE_PERCENTS;

/// Sum of the weights of an account's own errors at which half of its noise follows them and half its channel's.
const HALF_OWN_WEIGHT: f64 = 60.0;

/// The share of the errors between each end and the percentile next to it.
const OUTER_SHARE: f64 = 0.01;

/// Quantiles from which the mean of the errors beyond a percentile is computed.
const STEPS_TO_END: usize = 50;

/// Half-life of the weight of an account's own error, in days. How far posts scatter around their expectation changes
/// with time, as levels do.
const HALF_LIFE_DAYS: f64 = 90.0;

/// The weights of an account's own errors, in the order of time: 1 of the last one, less of those before it.
pub(super) fn own_weights(account: &AccountFit) -> impl Iterator<Item = f64> {
    account.ages.iter().map(|days| libm::exp2(-days / HALF_LIFE_DAYS))
}

/// The share of an account's noise that follows its own errors, and not its channel's.
pub(super) fn own_share(account: &AccountFit) -> f64 {
    let weight: f64 = own_weights(account).sum();
    weight / (weight + HALF_OWN_WEIGHT)
}

/// Standardised errors with weights whose sum is 1: the account's own, and its channel's for the share that is not its
/// own. None if the channel has no measured post.
pub(super) fn weighted_errors(channel: &ChannelFit, account: &AccountFit) -> Vec<(f64, f64)> {
    let own = own_share(account);
    let all: f64 = own_weights(account).sum();
    let of_account = account.innovations.iter().zip(own_weights(account));
    let of_account = of_account.map(|(error, weight)| (*error, own * weight / all));
    let each = (1.0 - own) / channel.innovations.len() as f64;
    of_account.chain(channel.innovations.iter().map(|error| (*error, each))).collect()
}

/// The noise of an account's posts at each of [`NOISE_PERCENTS`], as factors on what is expected, whose mean is 1; none if
/// the channel has no measured post.
pub(super) fn percentiles(channel: &ChannelFit, account: &AccountFit) -> Vec<(u8, f64)> {
    let mut errors = weighted_errors(channel, account);
    errors.sort_by(|one, other| one.0.total_cmp(&other.0));
    let sd = account.variances.noise.sqrt();
    let mean: f64 = errors.iter().map(|(error, weight)| weight * libm::exp(sd * error)).sum();
    let factor = |percent: u8| {
        let error = match percent {
            0 => end(&errors, 0.0, OUTER_SHARE)?,
            100 => end(&errors, 1.0, 1.0 - OUTER_SHARE)?,
            _ => weighted_quantile(&errors, f64::from(percent) / 100.0)?,
        };
        Some((percent, libm::exp(sd * error) / mean))
    };
    NOISE_PERCENTS.into_iter().filter_map(factor).collect()
}

/// The end at which a straight line from the quantile at the share `from` to that end, at the share `to`, has the mean of
/// the errors between. The most extreme of many errors would make such posts too frequent.
fn end(sorted: &[(f64, f64)], to: f64, from: f64) -> Option<f64> {
    let share = |step: usize| from + (to - from) * (step as f64 + 0.5) / STEPS_TO_END as f64;
    let between = (0..STEPS_TO_END).map(|step| weighted_quantile(sorted, share(step))).sum::<Option<f64>>()?;
    Some(2.0 * between / STEPS_TO_END as f64 - weighted_quantile(sorted, from)?)
}

/// The quantile of ascending values with weights whose sum is 1, straight between the middles of their weights; `None`
/// without values.
fn weighted_quantile(sorted: &[(f64, f64)], share: f64) -> Option<f64> {
    let mut before: Option<(f64, f64)> = None;
    let mut reached = 0.0;
    for (value, weight) in sorted {
        let middle = reached + weight / 2.0;
        if middle >= share {
            let Some((last_middle, last)) = before else { return Some(*value) };
            return Some(last + (value - last) * (share - last_middle) / (middle - last_middle));
        }
        before = Some((middle, *value));
        reached += weight;
    }
    before.map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_weighted_quantile_lies_between_the_values_and_follows_the_weights() {
        let at = |share| weighted_quantile(&[(1.0, 0.25), (2.0, 0.25), (4.0, 0.5)], share).unwrap();
        assert_eq!([0.0, 0.125, 0.25, 0.375, 0.75, 1.0].map(at), [1.0, 1.0, 1.5, 2.0, 4.0, 4.0]);
        assert_eq!(weighted_quantile(&[], 0.5), None);
    }

    #[test]
    fn an_end_keeps_the_mean_of_the_errors_beyond_a_percentile() {
        let errors: Vec<(f64, f64)> = (0..1000).map(|index| (f64::from(index) / 100.0, 0.001)).collect();
        let high = end(&errors, 1.0, 0.99).unwrap();
        assert!((high - 9.995).abs() < 0.02, "{high}");
        let low = end(&errors, 0.0, 0.01).unwrap();
        assert!((low + 0.005).abs() < 0.02, "{low}");
        let same = end(&[(2.0, 1.0)], 1.0, 0.99).unwrap();
        assert!((same - 2.0).abs() < 1e-9);
    }
}
