//! Tests of the model on histories with known effects, and on degenerate histories.

mod synthetic;

use std::collections::BTreeSet;
use std::sync::Arc;

use super::backtest::{BacktestOptions, EnoughHistory, backtest};
use super::calibrate::calibrate;
use super::effects::Effect;
use super::engagement_forecast::forecast_posts;
use super::fit::{ChannelFit, fit_channel};
use super::history::{AccountHistory, ContentTypes, Post, observations};
use super::prediction::{Method, Score};
use crate::model::{Channel, ClientId, HOUR_BINS, Timestamp, WorldParameter, Zone};
use synthetic::{HALF_LIFE_HOURS, World};

fn fitted(histories: &[AccountHistory]) -> ChannelFit {
    let all: Vec<&AccountHistory> = histories.iter().collect();
    fit_channel(&all, Timestamp::from_second(i64::MAX / 4), None).unwrap()
}

/// z of the 95 % quantile of the normal distribution.
const Z_95: f64 = 1.645;

#[test]
fn intervals_of_the_effect_of_load_hold_the_truth_as_often_as_they_say() {
    let (mut held, mut total) = (0, 0);
    // The accounts of a channel share the error of the channel's effects, so many channels are needed.
    for seed in 0..40 {
        let world = World::new(5, 100, seed);
        let fit = fitted(&world.histories);
        for (account, truth) in fit.accounts.iter().zip(&world.truths) {
            for (index, effect) in fit.design.effects().iter().enumerate() {
                // Of hours, weekdays and types only differences can be estimated, so only the load is compared.
                if matches!(effect, Effect::Load) {
                    let sd = account.effects.covariance[(index, index)].sqrt();
                    total += 1;
                    held += usize::from((account.effects.mean[index] - truth[index]).abs() <= Z_95 * sd);
                }
            }
        }
    }
    let share = held as f64 / f64::from(total);
    assert!((0.85..=0.95).contains(&share), "{held} of {total}");
}

/// The share of the hours' effects whose interval holds the truth, and the share of accounts with a detectable effect
/// of an hour.
fn shares_held_and_detected(worlds: impl Iterator<Item = World>) -> (f64, f64) {
    let (mut held, mut total, mut detected, mut accounts) = (0, 0, 0, 0);
    for world in worlds {
        let calibration = calibrate(&world.histories).unwrap();
        for (account, truth) in calibration.accounts.iter().zip(&world.truths) {
            let observed = observations(&account.history, &ContentTypes::of([&account.history]), HALF_LIFE_HOURS);
            let effect = |bin: usize| truth[1 + bin];
            let mean = observed.iter().map(|post| effect(post.hour_bin)).sum::<f64>() / observed.len() as f64;
            let hours: Vec<_> = (0..HOUR_BINS).filter_map(|bin| account.get(&WorldParameter::Hours(bin))).collect();
            for (bin, hours) in hours.iter().enumerate() {
                let [low, high] = hours.estimate.interval();
                held += usize::from((low..=high).contains(&libm::exp(effect(bin) - mean)));
                total += 1;
            }
            detected += usize::from(hours.iter().any(|hours| hours.is_detectable));
            accounts += 1;
        }
    }
    (held as f64 / f64::from(total), detected as f64 / f64::from(accounts))
}

#[test]
fn intervals_of_hours_hold_the_truth_as_often_as_they_say() {
    let (held, _) = shares_held_and_detected((100..140).map(|seed| World::new(5, 150, seed)));
    assert!((0.85..=0.95).contains(&held), "{held}");
}

#[test]
fn if_hours_have_no_effect_one_is_detected_in_at_most_a_tenth_of_accounts() {
    let world_without_hours = |seed| World::with_effects(5, 300, seed, |effect| !matches!(effect, Effect::Hours(_)));
    let (_, detected) = shares_held_and_detected((200..240).map(world_without_hours));
    assert!(detected <= 0.1, "{detected}");
}

#[test]
fn ranges_of_forecasts_hold_the_outcome_as_often_as_they_say() {
    let world = World::new(30, 200, 3);
    let options = BacktestOptions { cuts: 3, draws: 300, ..BacktestOptions::default() };
    let tested = backtest(&world.histories, &options);
    let score = Score::of(tested.select(Method::Model, 4)).unwrap();
    assert!(score.predictions >= 60, "{score:?}");
    assert!((0.84..=1.0).contains(&score.coverage_90), "{score:?}");
    let recent = Score::of(tested.select(Method::RecentMean, 4)).unwrap();
    assert!(score.pinball < recent.pinball, "{score:?} {recent:?}");
    let error = tested.mean_error(Method::Model, 4).unwrap();
    assert!((error.mean - score.error).abs() < 1e-9 && error.clusters == tested.accounts(), "{error:?} {score:?}");
}

#[test]
fn ranges_of_planned_posts_hold_the_outcomes_and_new_accounts_are_forecast_too() {
    let world = World::new(30, 200, 3);
    let last = world.histories.iter().filter_map(|history| history.posts.last()).map(|post| post.at).max().unwrap();
    let cut = last.plus_days(-28);
    let planned = |history: &AccountHistory| {
        let posts = history.posts.iter().filter(|post| post.at >= cut);
        let posts = posts.map(|post| Post { engagements: None, ..post.clone() }).collect();
        AccountHistory { posts, ..history.clone() }
    };
    let mut planned: Vec<AccountHistory> = world.histories.iter().map(planned).collect();
    planned.push(AccountHistory { account: ClientId::new("a new account"), ..planned[0].clone() });
    let options = BacktestOptions { cuts: 2, draws: 300, ..BacktestOptions::default() };
    let forecasts = forecast_posts(&world.histories, &planned, &options);
    let sums = || forecasts.iter().filter(|one| one.at.is_none() && one.posts > 0);
    let held = sums().filter(|one| {
        let Some(history) = world.histories.iter().find(|history| history.account == one.account) else { return false };
        let actual: f64 = history.posts.iter().filter(|post| post.at >= cut).filter_map(|post| post.engagements).sum();
        (one.quantiles[0]..=one.quantiles[4]).contains(&actual)
    });
    let (held, known) = (held.count(), sums().count() - 1);
    assert!(held as f64 >= 0.8 * known as f64, "{held} of {known}");
    let newcomer: Vec<_> = forecasts.iter().filter(|one| one.account.as_str() == "a new account").collect();
    assert_eq!(newcomer.len(), newcomer[0].posts + 1, "the sum, then each post");
    assert!(newcomer.iter().all(|one| one.quantiles[0] < one.quantiles[4] && one.mean.is_finite()), "{newcomer:?}");
}

#[test]
fn the_same_histories_give_the_same_predictions_on_any_number_of_threads() {
    let world = World::new(6, 120, 5);
    let options = BacktestOptions { cuts: 2, draws: 50, ..BacktestOptions::default() };
    let backtest_on = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| backtest(&world.histories, &options))
    };
    assert_eq!(backtest_on(1), backtest_on(4));
}

#[test]
fn only_accounts_with_enough_recent_history_before_a_cut_are_tested() {
    let daily = |account: &str, days: std::ops::Range<i64>, pause: std::ops::Range<i64>| {
        let post = |day: i64| (24 * day + day % 11, Some((20 + day * 7 % 13) as f64));
        let posts: Vec<_> = days.filter(|day| !pause.contains(day)).map(post).collect();
        AccountHistory { account: ClientId::new(account), ..history(&posts) }
    };
    // The only scored cut is in day 193: before it, `paused` has not posted for 43 days, and `young` only
    // began 52 days ago.
    let histories = [daily("steady", 0..201, 0..0), daily("paused", 0..201, 151..194), daily("young", 141..201, 0..0)];
    let tested = |enough: EnoughHistory| {
        let options = BacktestOptions { cuts: 1, horizons: vec![1], draws: 50, enough, ..BacktestOptions::default() };
        let names: BTreeSet<_> =
            backtest(&histories, &options).predictions.iter().map(|one| one.account.to_string()).collect();
        names.into_iter().collect::<Vec<_>>()
    };
    let usual = EnoughHistory::default();
    assert_eq!(tested(usual), ["steady"]);
    assert_eq!(tested(EnoughHistory { max_days_since_post: 44, ..usual }), ["paused", "steady"]);
    assert_eq!(tested(EnoughHistory { min_days: 50, ..usual }), ["steady", "young"]);
    assert_eq!(tested(EnoughHistory { min_days: 50, min_posts: 60, ..usual }), ["steady"]);
}

fn history(posts: &[(i64, Option<f64>)]) -> AccountHistory {
    let posts = posts.iter().map(|(hour, engagements)| Post {
        at: Timestamp::from_second(1_600_000_000 + hour * 3600),
        content_type: Some(Arc::from("photo")),
        engagements: *engagements,
    });
    AccountHistory::new(ClientId::new("a"), Channel::Fb, Zone::utc(), posts.collect())
}

#[test]
fn degenerate_histories_give_wide_ranges_of_finite_numbers() {
    let daily = |count: i64, engagements: fn(i64) -> Option<f64>| {
        history(&(0..count).map(|day| (day * 24, engagements(day))).collect::<Vec<_>>())
    };
    let cases = [
        ("no posts", history(&[])),
        ("one post", history(&[(0, Some(5.0))])),
        ("nothing measured", daily(50, |_| None)),
        ("all zeros", daily(400, |_| Some(0.0))),
        ("one instant", history(&[(0, Some(5.0)); 40])),
        ("years of silence", history(&[(0, Some(5.0)), (24 * 365 * 8, Some(7.0))])),
        ("an absurd outlier", daily(400, |day| Some(if day == 350 { 1e9 } else { 20.0 }))),
    ];
    for (case, history) in cases {
        let histories = [history];
        let fit = fitted(&histories);
        let account = &fit.accounts[0];
        let is_usable = |mean: f64, variance: f64| mean.is_finite() && variance.is_finite() && variance > 0.0;
        let variances = account.effects.covariance.diagonal();
        let mut effects = account.effects.mean.iter().zip(variances.iter());
        assert!(effects.all(|(mean, variance)| is_usable(*mean, *variance)), "{case}");
        let tested = backtest(&histories, &BacktestOptions { draws: 200, ..BacktestOptions::default() });
        for prediction in &tested.predictions {
            let numbers = prediction.quantiles.iter().chain([&prediction.mean, &prediction.point, &prediction.crps]);
            assert!(numbers.into_iter().all(|number| number.is_finite() && *number >= 0.0), "{case}: {prediction:?}");
            let [low, .., high] = prediction.quantiles;
            assert!(prediction.method != Method::Model || low < high, "{case}: {prediction:?}");
        }
    }
}
