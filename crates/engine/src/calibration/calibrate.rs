//! Calibrates every account of a posting history.

use rayon::prelude::*;

use super::account_estimates::{AccountCalibration, AccountEstimator};
use super::channel_estimates::{ChannelCalibration, channel_calibration};
use super::fit::{ChannelFit, fit_channel};
use super::history::{AccountHistory, by_channel, observations};
use crate::model::{Channel, ClientId, Timestamp};

/// Estimates of the response of every account in a posting history.
#[derive(Debug, Clone, PartialEq)]
pub struct Calibration {
    /// One second after the last post; levels are estimated as of this instant.
    pub until: Timestamp,
    /// The channels that have accounts, in channel order.
    pub channels: Vec<ChannelCalibration>,
    /// The accounts by channel, then in the order of the histories.
    pub accounts: Vec<AccountCalibration>,
    /// The channels, in channel order, to whose posts no model could be fitted, because a matrix of the fit was not
    /// positive definite. Their accounts are left out.
    pub unfitted: Vec<Channel>,
}

impl Calibration {
    /// The calibration of an account on a channel.
    #[must_use]
    pub fn account(&self, account: &ClientId, channel: Channel) -> Option<&AccountCalibration> {
        let is_of_account = |history: &AccountHistory| history.channel == channel && history.account == *account;
        self.accounts.iter().find(|calibration| is_of_account(&calibration.history))
    }
}

/// Fits a model for every channel of the histories to all posts, pooled over the channel's accounts; `None` if there is
/// no post.
#[must_use]
pub fn calibrate(histories: &[AccountHistory]) -> Option<Calibration> {
    let last = histories.iter().filter_map(|history| history.posts.last()).map(|post| post.at).max()?;
    let until = last.plus_seconds(1);
    let channel_histories: Vec<(Channel, Vec<&AccountHistory>)> = by_channel(histories).into_iter().collect();
    let fitted = channel_histories.par_iter().map(|(channel, accounts)| {
        let fit = fit_channel(accounts, until, None);
        fit.map(|fit| calibrations(&fit, *channel, accounts, until)).ok_or(*channel)
    });
    let mut calibration = Calibration { until, channels: Vec::new(), accounts: Vec::new(), unfitted: Vec::new() };
    for result in fitted.collect::<Vec<Result<_, Channel>>>() {
        match result {
            Ok((channel, accounts)) => {
                calibration.channels.push(channel);
                calibration.accounts.extend(accounts);
            }
            Err(channel) => calibration.unfitted.push(channel),
        }
    }
    Some(calibration)
}

/// The calibration of a channel, and those of its accounts.
fn calibrations(
    fit: &ChannelFit,
    channel: Channel,
    histories: &[&AccountHistory],
    until: Timestamp,
) -> (ChannelCalibration, Vec<AccountCalibration>) {
    let of_accounts = fit
        .accounts
        .par_iter()
        .zip(histories)
        .map(|(account, history)| AccountEstimator::new(fit, account, history, until).calibration());
    let accounts: Vec<AccountCalibration> = of_accounts.collect();
    let observed: Vec<_> =
        histories.iter().flat_map(|history| observations(history, &fit.types, fit.half_life.hours)).collect();
    (channel_calibration(fit, channel, &observed, &accounts), accounts)
}
