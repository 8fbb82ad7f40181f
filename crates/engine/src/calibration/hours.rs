//! Whether hours that were fitted to an account earn more on posts that the fit has not seen.

use super::effects::Effect;
use super::fit::{AccountFit, ChannelFit};
use super::history::Observation;
use crate::stats::Cluster;

/// Groups of hours that count as an account's best: a quarter of the day.
const BEST_BINS: usize = 2;

/// What measured posts in the account's best hours earned more than its others: the difference of mean
/// log(1 + engagements), other effects apart; `None` if all are in the best hours, or none is.
pub(super) fn gain(channel: &ChannelFit, account: &AccountFit, posts: &[Observation]) -> Option<Cluster> {
    let best = best_bins(channel, account);
    let mut other_effects = account.effects.mean.clone();
    for (effect, value) in channel.design.effects().iter().zip(other_effects.iter_mut()) {
        if matches!(effect, Effect::Hours(_)) {
            *value = 0.0;
        }
    }
    let [mut inside, mut outside] = [(0.0, 0.0); 2];
    for post in posts {
        let Some(log) = post.log_engagements else { continue };
        let group = if best.contains(&post.hour_bin) { &mut inside } else { &mut outside };
        group.0 += 1.0;
        group.1 += log - channel.design.mean(post, &other_effects);
    }
    let ((n, inside), (m, outside)) = (inside, outside);
    (n > 0.0 && m > 0.0).then(|| Cluster { mean: inside / n - outside / m, weight: n * m / (n + m) })
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
    bins.sort_by(|(one, a), (other, b)| b.total_cmp(a).then(one.cmp(other)));
    bins.into_iter().take(BEST_BINS).map(|(bin, _)| bin).collect()
}
