//! The tables of a backtest.

use super::{ResultTable, columns};
use crate::calibration::{Backtest, EngagementForecast, Method, Prediction, SHARES, Score};
use crate::model::{Channel, ClientId, Timestamp};

/// The tables `predictions`, one row per forecast, and `scores`, one row per method and horizon over all accounts, by
/// channel and by account.
#[must_use]
pub fn backtest_tables(backtest: &Backtest) -> [ResultTable; 2] {
    [predictions(&backtest.predictions), scores(backtest)]
}

fn predictions(predictions: &[Prediction]) -> ResultTable {
    let mut table = ResultTable::new(
        "predictions",
        "forecasts of the total engagements of an account's posts after a cut, the date of the forecast",
    );
    columns!(table, predictions, |row| {
        /// The account.
        account: ClientId = row.account.clone(),
        /// Its channel.
        channel: Channel = row.channel,
        /// The date from which the forecast is made: only earlier posts are used.
        cut: Timestamp = row.cut,
        /// Number of weeks after the cut whose posts are summed.
        horizon_weeks: u32 = row.horizon_weeks,
        /// How the forecast was made: the model or a simple method.
        method: String = row.method.name().to_owned(),
        /// Number of measured posts that were published in these weeks.
        posts: u32 = row.posts as u32,
    });
    add_quantiles(&mut table, predictions, |prediction| &prediction.quantiles);
    columns!(table, predictions, |row| {
        /// Mean of the forecast.
        mean: f64 = row.mean,
        /// The point forecast that is scored: the model's median, or the number of posts times a simple method's mean.
        point: f64 = row.point,
        /// Engagements that the posts earned.
        actual: f64 = row.actual,
        /// Continuous ranked probability score of log(1 + engagements); lower is better.
        crps: f64 = row.crps,
        /// Share of the forecast distribution below the engagements that were earned.
        pit: f64 = row.pit,
    });
    table
}

/// The table `expectations`: the forecast for an account's planned posts together, and for each of them.
#[must_use]
pub fn expectations_table(expectations: &[EngagementForecast]) -> ResultTable {
    let mut table = ResultTable::new("expectations", "forecast engagements of planned posts");
    columns!(table, expectations, |row| {
        /// The account.
        account: ClientId = row.account.clone(),
        /// Its channel.
        channel: Channel = row.channel,
        /// When the post is planned; blank for all of the account's planned posts together.
        published_at: Option<Timestamp> = row.at,
        /// Number of posts.
        posts: u32 = row.posts as u32,
    });
    add_quantiles(&mut table, expectations, |expectation| &expectation.quantiles);
    columns!(table, expectations, |row| {
        /// Mean of the engagements.
        mean: f64 = row.mean,
    });
    table
}

/// Adds the columns of a forecast's quantiles.
fn add_quantiles<R>(table: &mut ResultTable, rows: &[R], quantiles: impl Fn(&R) -> &[f64; SHARES.len()]) {
    columns!(table, rows, |row| {
        /// 5 % quantile: the engagements are below it with a probability of 5 %.
        q05: f64 = quantiles(row)[0],
        /// 25 % quantile.
        q25: f64 = quantiles(row)[1],
        /// The median.
        q50: f64 = quantiles(row)[2],
        /// 75 % quantile.
        q75: f64 = quantiles(row)[3],
        /// 95 % quantile.
        q95: f64 = quantiles(row)[4],
    });
}

/// A row of `scores`.
struct ScoreRow {
    channel: Option<Channel>,
    account: Option<ClientId>,
    horizon_weeks: u32,
    method: Method,
    score: Score,
}

fn scores(backtest: &Backtest) -> ResultTable {
    let mut scopes: Vec<(Option<Channel>, Option<ClientId>)> = vec![(None, None)];
    let account_scope = |prediction: &Prediction| (Some(prediction.channel), Some(prediction.account.clone()));
    let mut accounts: Vec<_> = backtest.predictions.iter().map(account_scope).collect();
    accounts.sort();
    accounts.dedup();
    let mut channels: Vec<_> = accounts.iter().map(|(channel, _)| (*channel, None)).collect();
    channels.dedup();
    scopes.extend(channels);
    scopes.extend(accounts);
    let mut rows = Vec::new();
    for (channel, account) in scopes {
        for horizon_weeks in backtest.horizons() {
            for method in Method::ALL {
                let of_scope = backtest.select(method, horizon_weeks).filter(|prediction| {
                    channel.is_none_or(|channel| prediction.channel == channel)
                        && account.as_ref().is_none_or(|account| prediction.account == *account)
                });
                let score = Score::of(of_scope);
                rows.extend(score.map(|score| ScoreRow {
                    channel,
                    account: account.clone(),
                    horizon_weeks,
                    method,
                    score,
                }));
            }
        }
    }
    let mut table =
        ResultTable::new("scores", "accuracy of the forecasts of a method, on the scale of log(1 + engagements)");
    columns!(table, rows, |row| {
        /// The channel; blank for all.
        channel: Option<Channel> = row.channel,
        /// The account; blank for all.
        account: Option<ClientId> = row.account.clone(),
        /// Number of weeks after the cut whose posts are summed.
        horizon_weeks: u32 = row.horizon_weeks,
        /// The method.
        method: String = row.method.name().to_owned(),
        /// Number of forecasts.
        forecasts: u32 = row.score.predictions as u32,
        /// Mean absolute error of the point forecast.
        error: f64 = row.score.error,
        /// Mean error of the point forecast: above 0 if forecasts were too high.
        bias: f64 = row.score.bias,
        /// Share of the outcomes within the 50 % range.
        coverage_50: f64 = row.score.coverage_50,
        /// Share of the outcomes within the 90 % range.
        coverage_90: f64 = row.score.coverage_90,
        /// Mean pinball loss over the five quantiles; lower is better.
        pinball: f64 = row.score.pinball,
        /// Mean continuous ranked probability score; lower is better.
        crps: f64 = row.score.crps,
    });
    table
}
