//! Calibrates every account of a posting history.

use std::collections::BTreeMap;

use rayon::prelude::*;

use super::estimates::{AccountCalibration, AccountEstimator};
use super::fit::{ChannelFit, fit_channel};
use super::history::AccountHistory;
use crate::model::{Channel, Timestamp};

/// What a posting history says of the response of every account.
#[derive(Debug, Clone, PartialEq)]
pub struct Calibration {
    /// The instant after the last post; levels are of this instant.
    pub until: Timestamp,
    /// By channel, then in the order of the histories.
    pub accounts: Vec<AccountCalibration>,
}

/// Fits every channel of the histories to all their posts, pooling over the channel's accounts. Without any post there
/// is nothing to calibrate, and the result is `None`.
#[must_use]
pub fn calibrate(histories: &[AccountHistory]) -> Option<Calibration> {
    let last = histories.iter().filter_map(|history| history.posts.last()).map(|post| post.at).max()?;
    let until = last.plus_seconds(1);
    let mut channels: BTreeMap<Channel, Vec<&AccountHistory>> = BTreeMap::new();
    for history in histories {
        channels.entry(history.channel).or_default().push(history);
    }
    let channels: Vec<Vec<&AccountHistory>> = channels.into_values().collect();
    let calibrated = channels.par_iter().map(|accounts| {
        let fit = fit_channel(accounts, until, None);
        fit.map_or_else(Vec::new, |fit| of_channel(&fit, accounts, until))
    });
    Some(Calibration { until, accounts: calibrated.flatten_iter().collect() })
}

fn of_channel(fit: &ChannelFit, histories: &[&AccountHistory], until: Timestamp) -> Vec<AccountCalibration> {
    let accounts = fit.accounts.par_iter().zip(histories);
    accounts.map(|(account, history)| AccountEstimator::new(fit, account, history, until).calibration()).collect()
}
