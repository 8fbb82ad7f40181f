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
/// no post. A channel whose fit fails numerically is left out.
#[must_use]
pub fn calibrate(histories: &[AccountHistory]) -> Option<Calibration> {
    let last = histories.iter().filter_map(|history| history.posts.last()).map(|post| post.at).max()?;
    let until = last.plus_seconds(1);
    let channel_histories: Vec<(Channel, Vec<&AccountHistory>)> = by_channel(histories).into_iter().collect();
    let calibrated = channel_histories.par_iter().filter_map(|(channel, accounts)| {
        let fit = fit_channel(accounts, until, None)?;
        Some(calibrations(&fit, *channel, accounts, until))
    });
    let (channels, accounts): (Vec<_>, Vec<Vec<_>>) = calibrated.collect::<Vec<_>>().into_iter().unzip();
    Some(Calibration { until, channels, accounts: accounts.into_iter().flatten().collect() })
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
