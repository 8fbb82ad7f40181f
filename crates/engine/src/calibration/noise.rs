//! The distribution of the noise of an account's posts, estimated from the errors of earlier posts.

use super::fit::{AccountFit, ChannelFit};
use crate::model::NOISE_PERCENTS;

/// If the weights of an account's own errors sum to this, half of its noise is resampled from them, and half from the
/// errors of its channel.
const HALF_OWN_WEIGHT: f64 = 60.0;

/// The share of the errors below the 1st percentile, and of those above the 99th.
const OUTER_SHARE: f64 = 0.01;

/// Number of quantiles from which the mean of the errors of a tail is computed.
const STEPS_TO_END: usize = 50;

/// Half-life of the weight of an account's own error, in days. How far posts scatter around their expectation changes
/// with time, as levels do.
const HALF_LIFE_DAYS: f64 = 90.0;

/// The weights of an account's own errors, in order of time: 1 for the last error, less for earlier ones.
pub(super) fn own_weights(account: &AccountFit) -> impl Iterator<Item = f64> {
    account.ages.iter().map(|days| libm::exp2(-days / HALF_LIFE_DAYS))
}

/// The share of an account's noise that is resampled from its own errors; the rest is from those of its channel.
pub(super) fn own_share(account: &AccountFit) -> f64 {
    let weight: f64 = own_weights(account).sum();
    weight / (weight + HALF_OWN_WEIGHT)
}

/// Standardised errors, each with a weight; the weights sum to 1. Together, the account's own errors have the weight
/// [`own_share`], and all errors of its channel the rest. Empty if the channel has no measured post.
pub(super) fn weighted_errors(channel: &ChannelFit, account: &AccountFit) -> Vec<(f64, f64)> {
    let own_share = own_share(account);
    let own_weight_sum: f64 = own_weights(account).sum();
    let of_account = account.innovations.iter().zip(own_weights(account));
    let of_account = of_account.map(|(error, weight)| (*error, own_share * weight / own_weight_sum));
    let channel_weight = (1.0 - own_share) / channel.innovations.len() as f64;
    of_account.chain(channel.innovations.iter().map(|error| (*error, channel_weight))).collect()
}

/// The noise of an account's posts at each of [`NOISE_PERCENTS`], as a factor on the expected engagements. The mean
/// factor over all posts is 1. Empty if the channel has no measured post.
pub(super) fn percentiles(channel: &ChannelFit, account: &AccountFit) -> Vec<(u8, f64)> {
    let mut errors = weighted_errors(channel, account);
    errors.sort_by(|(a, _), (b, _)| a.total_cmp(b));
    let sd = account.variances.noise.sqrt();
    let mean: f64 = errors.iter().map(|(error, weight)| weight * libm::exp(sd * error)).sum();
    let factor = |percent: u8| {
        let error = match percent {
            0 => tail_end(&errors, OUTER_SHARE, 0.0)?,
            100 => tail_end(&errors, 1.0 - OUTER_SHARE, 1.0)?,
            _ => weighted_quantile(&errors, f64::from(percent) / 100.0)?,
        };
        Some((percent, libm::exp(sd * error) / mean))
    };
    NOISE_PERCENTS.into_iter().filter_map(factor).collect()
}

/// The error to use as the quantile at `to`, the end of a tail (0 or 1), so that linear interpolation from the quantile
/// at `from` up to it has the same mean as the errors of the tail. With the most extreme error instead, extreme posts
/// would be too frequent.
fn tail_end(sorted: &[(f64, f64)], from: f64, to: f64) -> Option<f64> {
    let share = |step: usize| from + (to - from) * (step as f64 + 0.5) / STEPS_TO_END as f64;
    let sum = (0..STEPS_TO_END).map(|step| weighted_quantile(sorted, share(step))).sum::<Option<f64>>()?;
    Some(2.0 * sum / STEPS_TO_END as f64 - weighted_quantile(sorted, from)?)
}

/// The quantile of ascending values, each with a weight; the weights sum to 1. Each value is the quantile at the sum of
/// the weights before it plus half of its own; between these shares, quantiles are interpolated linearly. `None` if
/// there are no values.
fn weighted_quantile(sorted: &[(f64, f64)], share: f64) -> Option<f64> {
    let mut previous: Option<(f64, f64)> = None;
    let mut cumulative = 0.0;
    for (value, weight) in sorted {
        let middle = cumulative + weight / 2.0;
        if middle >= share {
            let Some((last_middle, last_value)) = previous else { return Some(*value) };
            return Some(last_value + (value - last_value) * (share - last_middle) / (middle - last_middle));
        }
        previous = Some((middle, *value));
        cumulative += weight;
    }
    previous.map(|(_, value)| value)
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
    fn the_end_of_a_tail_keeps_the_mean_of_the_errors_beyond_a_percentile() {
        let errors: Vec<(f64, f64)> = (0..1000).map(|index| (f64::from(index) / 100.0, 0.001)).collect();
        let high = tail_end(&errors, 0.99, 1.0).unwrap();
        assert!((high - 9.995).abs() < 0.02, "{high}");
        let low = tail_end(&errors, 0.01, 0.0).unwrap();
        assert!((low + 0.005).abs() < 0.02, "{low}");
        let only_error = tail_end(&[(2.0, 1.0)], 0.99, 1.0).unwrap();
        assert!((only_error - 2.0).abs() < 1e-9);
    }
}
