//! The distribution of the noise of an account's posts: what the errors of its earlier posts show of it.

use super::fit::{AccountFit, ChannelFit};

/// Sum of the weights of an account's own errors at which half of its noise follows them and half its channel's.
const HALF_OWN_WEIGHT: f64 = 60.0;

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
