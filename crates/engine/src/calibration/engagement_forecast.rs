//! Forecasts of planned posts.

use rayon::prelude::*;

use super::backtest::{BacktestOptions, backtest, moved_to_recent_level};
use super::fit::{AccountFit, ChannelFit, fit_channel};
use super::forecast::{Draws, draw_sums};
use super::history::{AccountHistory, Observation, Post, by_channel, observations, weeks_in_seconds};
use super::prediction::SHARES;
use crate::model::{Channel, ClientId, Timestamp};

/// Longest horizon of the backtest that determines how much ranges are widened, in weeks.
const MAX_TESTED_WEEKS: u32 = 26;

/// The forecast of one post, or of the sum of an account's posts.
#[derive(Debug, Clone, PartialEq)]
pub struct EngagementForecast {
    /// The account.
    pub account: ClientId,
    /// Its channel.
    pub channel: Channel,
    /// The post's time; `None` for the sum of the account's posts.
    pub at: Option<Timestamp>,
    /// Number of posts.
    pub posts: usize,
    /// Quantiles of the engagements at [`SHARES`].
    pub quantiles: [f64; SHARES.len()],
    /// Mean of the engagements.
    pub mean: f64,
}

/// Forecasts planned posts from all posts before the first planned one: for each account the sum of its posts, then
/// each post. Ranges are widened by the factor that a backtest with the same horizon finds. An account without history
/// is forecast as one more account of its channel.
#[must_use]
pub fn forecast_posts(
    histories: &[AccountHistory],
    planned: &[AccountHistory],
    options: &BacktestOptions,
) -> Vec<EngagementForecast> {
    let instants = || planned.iter().flat_map(|account| &account.posts).map(|post| post.at);
    let (Some(cut), Some(last)) = (instants().min(), instants().max()) else { return Vec::new() };
    let before: Vec<AccountHistory> = histories.iter().map(|history| history.before(cut)).collect();
    let horizon = horizon_weeks(cut, last);
    let tested = backtest(&before, &BacktestOptions { horizons: vec![horizon], ..options.clone() });
    let of_channel = |(channel, planned): (Channel, Vec<&AccountHistory>)| {
        let channel_histories = before.iter().filter(|history| history.channel == channel).cloned().collect();
        let widening_factor = tested.widening_factors.get(&(channel, horizon)).copied().unwrap_or(1.0);
        Forecaster { cut, widening_factor, options }.channel_forecasts(channel_histories, &planned)
    };
    by_channel(planned).into_iter().flat_map(of_channel).collect()
}

fn horizon_weeks(cut: Timestamp, last: Timestamp) -> u32 {
    let seconds = last.as_second() - cut.as_second();
    let horizon = u32::try_from(seconds / weeks_in_seconds(1) + 1).unwrap_or(MAX_TESTED_WEEKS);
    horizon.min(MAX_TESTED_WEEKS)
}

struct Forecaster<'o> {
    cut: Timestamp,
    /// The factor by which ranges are widened.
    widening_factor: f64,
    options: &'o BacktestOptions,
}

impl Forecaster<'_> {
    /// The forecasts of a channel's planned posts, from the histories of its accounts.
    fn channel_forecasts(
        &self,
        mut histories: Vec<AccountHistory>,
        planned: &[&AccountHistory],
    ) -> Vec<EngagementForecast> {
        for account in planned {
            if !histories.iter().any(|history| history.account == account.account) {
                histories.push(AccountHistory { posts: Vec::new(), ..(*account).clone() });
            }
        }
        let accounts: Vec<&AccountHistory> = histories.iter().collect();
        let Some(fit) = fit_channel(&accounts, self.cut, None) else { return Vec::new() };
        let of_account = |planned: &&AccountHistory| {
            let position = histories.iter().position(|history| history.account == planned.account)?;
            Some(self.account_forecasts(&fit, fit.accounts.get(position)?, histories.get(position)?, planned))
        };
        planned.par_iter().filter_map(of_account).flatten_iter().collect()
    }

    /// The forecasts of an account: the sum of its posts, then each post.
    fn account_forecasts(
        &self,
        fit: &ChannelFit,
        account: &AccountFit,
        history: &AccountHistory,
        planned: &AccountHistory,
    ) -> Vec<EngagementForecast> {
        let posts: Vec<Post> = history.posts.iter().chain(&planned.posts).cloned().collect();
        let merged = AccountHistory { posts, ..history.clone() };
        let observed = observations(&merged, &fit.types, fit.half_life.hours);
        let planned_posts = observed.get(history.posts.len()..).unwrap_or_default();
        let forecast = |at: Option<Timestamp>, posts: &[Observation]| {
            let draws = self.draws(fit, account, history, at, posts)?;
            Some(EngagementForecast {
                account: planned.account.clone(),
                channel: planned.channel,
                at,
                posts: posts.len(),
                quantiles: SHARES.map(|share| draws.quantile(share)),
                mean: crate::stats::mean(draws.sums()),
            })
        };
        let each = planned.posts.iter().zip(planned_posts);
        let each = each.map(|(post, observed)| forecast(Some(post.at), std::slice::from_ref(observed)));
        std::iter::once(forecast(None, planned_posts)).chain(each).flatten().collect()
    }

    /// Draws of the sum of the given posts. `at` is the time of a single post, and part of the seed.
    fn draws(
        &self,
        fit: &ChannelFit,
        account: &AccountFit,
        history: &AccountHistory,
        at: Option<Timestamp>,
        posts: &[Observation],
    ) -> Option<Draws> {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&self.options.seed.to_le_bytes()).update(history.account.as_str().as_bytes());
        hasher.update(history.channel.name().as_bytes());
        hasher.update(&at.map_or(i64::MIN, Timestamp::as_second).to_le_bytes());
        let seed = *hasher.finalize().as_bytes();
        let draws = draw_sums(fit, account, posts, self.options.draws, seed)?;
        Some(moved_to_recent_level(&draws, (fit, account), posts, seed).adjusted(0.0, self.widening_factor))
    }
}
