//! Sample backtests, from empty to usual.

use std::collections::BTreeMap;

use crate::calibration::{Backtest, Method, Prediction};
use crate::model::{Channel, ClientId, Timestamp};
use crate::stats::ClusteredMean;

/// Backtests of several shapes, each with a name.
pub fn backtests() -> Vec<(&'static str, Backtest)> {
    let usual = backtest();
    let without_hours = Backtest { hour_gain: None, ..usual.clone() };
    let mut hostile = usual.clone();
    for prediction in &mut hostile.predictions {
        prediction.account = ClientId::new(format!("<b>{}|`x`</b>", prediction.account));
    }
    let mut one_account = usual.clone();
    one_account.predictions.retain(|prediction| prediction.account.as_str() == "tea");
    let mut nothing_earned = usual.clone();
    for prediction in &mut nothing_earned.predictions {
        (prediction.actual, prediction.quantiles, prediction.mean) = (0.0, [0.0; 5], 0.0);
        (prediction.point, prediction.crps) = (0.0, 0.0);
    }
    vec![
        ("usual", usual),
        ("without-hours", without_hours),
        ("names", hostile),
        ("one-account", one_account),
        ("zeros", nothing_earned),
        ("empty", Backtest { predictions: Vec::new(), hour_gain: None, widening_factors: BTreeMap::new() }),
    ]
}

/// A usual backtest.
pub fn backtest() -> Backtest {
    let mut predictions = Vec::new();
    for (account, channel) in [("tea", Channel::Fb), ("coffee", Channel::Fb), ("milk", Channel::Ig)] {
        for cut in 0..4 {
            for horizon_weeks in [1, 4] {
                let methods = Method::ALL.into_iter().enumerate();
                predictions.extend(methods.map(|(number, method)| {
                    prediction(account, channel, cut, horizon_weeks, method, 1.0 + 0.1 * number as f64)
                }));
            }
        }
    }
    let hour_gain = Some(ClusteredMean { mean: 0.06, standard_error: 0.02, clusters: 12 });
    Backtest { predictions, hour_gain, widening_factors: BTreeMap::new() }
}

fn prediction(
    account: &str,
    channel: Channel,
    cut: u32,
    horizon_weeks: u32,
    method: Method,
    factor: f64,
) -> Prediction {
    let week = 7 * 86_400;
    let actual = f64::from(horizon_weeks) * 300.0 * (1.0 + 0.3 * f64::from(cut % 3));
    let middle = f64::from(horizon_weeks) * 360.0 * factor;
    Prediction {
        account: ClientId::new(account),
        channel,
        cut: Timestamp::from_second(1_780_000_000 + i64::from(cut) * 4 * week),
        horizon_weeks,
        method,
        posts: 5 * horizon_weeks as usize,
        quantiles: [0.6, 0.85, 1.0, 1.2, 1.7].map(|share| share * middle),
        mean: 1.05 * middle,
        point: middle,
        actual,
        crps: 0.12 * factor,
        pit: f64::from(cut) / 4.0 + 0.1,
    }
}
