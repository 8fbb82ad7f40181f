//! Whether hours that were fitted to an account earn more on posts that the fit has not seen.

use super::effects::Effect;
use super::fit::{AccountFit, ChannelFit};
use super::history::{HOUR_BINS, Observation};

/// Groups of hours that count as an account's best: a quarter of the day.
const BEST_BINS: usize = 2;

/// The posts of one account after one cut, in its best hours against the others.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct HourContrast {
    /// Mean of log(1 + engagements) in the best hours less that in the others, other effects apart.
    difference: f64,
    /// Effective number of posts.
    weight: f64,
}

impl HourContrast {
    /// Compares the measured posts; `None` if all are in the best hours, or none is.
    pub fn of(channel: &ChannelFit, account: &AccountFit, posts: &[Observation]) -> Option<Self> {
        let best = best_bins(channel, account);
        let mut others = account.effects.mean.clone();
        for (effect, place) in channel.design.effects().iter().zip(others.iter_mut()) {
            if matches!(effect, Effect::Hours(_)) {
                *place = 0.0;
            }
        }
        let [mut inside, mut outside] = [(0.0, 0.0); 2];
        for post in posts {
            let Some(log) = post.log_engagements else { continue };
            let group = if best.contains(&post.hour_bin) { &mut inside } else { &mut outside };
            group.0 += 1.0;
            group.1 += log - channel.design.mean(post, &others);
        }
        let ((n, sum), (m, other)) = (inside, outside);
        (n > 0.0 && m > 0.0).then(|| Self { difference: sum / n - other / m, weight: n * m / (n + m) })
    }
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
    debug_assert_eq!(bins.len(), HOUR_BINS);
    bins.sort_by(|(one, a), (other, b)| b.total_cmp(a).then(one.cmp(other)));
    bins.into_iter().take(BEST_BINS).map(|(bin, _)| bin).collect()
}

/// What posts in an account's fitted best hours earned more than its other posts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HourGain {
    /// Mean difference of log(1 + engagements).
    pub mean: f64,
    /// Its standard error, clustered by account and cut.
    pub standard_error: f64,
    /// Pairs of account and cut with posts in both kinds of hours.
    pub clusters: usize,
}

impl HourGain {
    /// The weighted mean of the contrasts; `None` with fewer than two.
    pub(super) fn of(contrasts: &[HourContrast]) -> Option<Self> {
        let total: f64 = contrasts.iter().map(|one| one.weight).sum();
        let mean = contrasts.iter().map(|one| one.weight * one.difference).sum::<f64>() / total;
        let off = |one: &HourContrast| one.weight * (one.difference - mean);
        let squares: f64 = contrasts.iter().map(|one| off(one) * off(one)).sum();
        let clusters = contrasts.len();
        let few = clusters as f64 / (clusters as f64 - 1.0);
        (clusters >= 2).then(|| Self { mean, standard_error: (squares * few).sqrt() / total, clusters })
    }

    /// The 90 % interval of the mean.
    #[must_use]
    pub fn interval(&self) -> [f64; 2] {
        // 95 % quantile of the standard normal distribution.
        const Z: f64 = 1.644_853_626_951_472_7;
        [self.mean - Z * self.standard_error, self.mean + Z * self.standard_error]
    }
}
