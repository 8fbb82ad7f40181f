//! Simulated weekly totals of engagement against those of real accounts: how much they vary, and how strongly each
//! week's total correlates with the next. The posts are those that the accounts made; only what they earn is simulated.
//!
//! `cargo test --test it -- weekly_totals --nocapture` prints both figures of every data set.

use mcoe::calibration::{AccountHistory, Calibration, calibrate};
use mcoe::model::{Asset, AssetId, AssetUse, Channel, Scenario, Score, Tier, Week, WorldEstimate, Zone};
use mcoe::planner::Planner;
use mcoe::rules::CompiledRules;
use mcoe::scenario::read_histories;
use mcoe::simulator::{Extent, simulate};
use mcoe::stats::{mean, variance};

use crate::simulator::NeverStops;
use crate::support::{Agency, compiled, pack_with_keys, project};

/// Number of weeks that are compared, at the end of a data set. Actual and simulated totals need the same number, as a
/// correlation estimated from few weeks is biased downwards.
const WEEKS: u32 = 24;

/// Replications of every account.
const REPLICATIONS: u64 = 20;

/// How weekly totals vary.
#[derive(Clone, Copy)]
struct Spread {
    /// Standard deviation of log(1 + total).
    log_sd: f64,
    /// Correlation of log(1 + total) with that of the week after.
    lag_1: f64,
}

impl Spread {
    fn of(totals: &[f64]) -> Self {
        let logs: Vec<f64> = totals.iter().map(|total| libm::log1p(*total)).collect();
        let mean_log = mean(&logs);
        let deviations: Vec<f64> = logs.iter().map(|log| log - mean_log).collect();
        let products = deviations.iter().zip(&deviations[1..]).map(|(this, next)| this * next);
        let squares: f64 = deviations.iter().map(|deviation| deviation * deviation).sum();
        Self { log_sd: variance(&logs).unwrap().sqrt(), lag_1: products.sum::<f64>() / squares }
    }

    fn average(spreads: &[Self]) -> Self {
        let mean_of = |field: fn(&Self) -> f64| mean(&spreads.iter().map(field).collect::<Vec<_>>());
        Self { log_sd: mean_of(|spread| spread.log_sd), lag_1: mean_of(|spread| spread.lag_1) }
    }
}

/// The first of the [`WEEKS`] weeks before the week of the last post.
fn first_week(histories: &[AccountHistory]) -> Week {
    let last = histories.iter().filter_map(|history| history.posts.last()).map(|post| post.at).max().unwrap();
    Week::of(last.date()).plus(-i64::from(WEEKS))
}

/// What the posts of each week earned; `None` if a week has no measured post.
fn totals(history: &AccountHistory, start: Week) -> Option<Vec<f64>> {
    let week_total = |number: u32| {
        let monday = |number: u32| history.zone.start_of_day(start.plus(i64::from(number)).monday()).unwrap();
        let posts = history.posts.iter().filter(|post| (monday(number)..monday(number + 1)).contains(&post.at));
        let engagements: Vec<f64> = posts.filter_map(|post| post.engagements).collect();
        (!engagements.is_empty()).then(|| engagements.iter().sum())
    };
    (0..WEEKS).map(week_total).collect()
}

/// A scenario of the account with its calibrated world. The measured posts are committed, each with an asset of its
/// content type.
fn scenario_of_actual_posts(history: &AccountHistory, calibration: &Calibration, start: Week) -> Scenario {
    let estimates = calibration.account(&history.account, history.channel).unwrap();
    let agency =
        Agency::starting("2026-W01").with_client(history.account.as_str(), history.zone.name(), &[history.channel]);
    let mut scenario = agency.scenario();
    scenario.start = start;
    scenario.environment.leave_per_post = 0.0;
    scenario.environment.lasting_loss = 0.0;
    let (client, state) = &mut scenario.clients[0];
    client.world = estimates.world().map(WorldEstimate::from).collect();
    client.assets.clear();
    let monday = client.zone.start_of_day(start.monday()).unwrap();
    let measured: Vec<_> = history.posts.iter().filter(|post| post.engagements.is_some()).collect();
    let channel = &mut state.channels[0];
    channel.as_of = monday;
    channel.recent_posts = measured.iter().map(|post| post.at).filter(|at| *at >= monday.plus_days(-30)).collect();
    for post in measured.iter().filter(|post| post.at >= monday) {
        let Some(kind) = &post.content_type else { continue };
        let id = AssetId::new(kind.to_string());
        if !client.assets.iter().any(|asset| asset.id == id) {
            let created_at = history.posts[0].at.plus_days(-400);
            let asset = Asset { quality: Score::HALF, ..Asset::new(id.clone(), &**kind, created_at) };
            client.assets.push(asset);
        }
        state.asset_uses.push(AssetUse { asset_id: id, channel: history.channel, at: post.at });
    }
    client.assets.sort_by(|one, other| one.id.cmp(&other.id));
    scenario
}

fn simulated_spread(rules: &CompiledRules, scenario: &Scenario) -> Spread {
    let planner = Planner::new(rules, Tier::Fast, None);
    let spread = |seed: u64| {
        let extent = Extent { weeks: WEEKS, replications: 1, seed };
        let simulation = simulate(&planner, scenario, extent, &NeverStops).unwrap();
        assert_eq!(simulation.headline.posts_planned.mean, 0.0, "only actual posts are simulated");
        Spread::of(&simulation.weekly.iter().map(|week| week.engagement.mean).collect::<Vec<_>>())
    };
    Spread::average(&(0..REPLICATIONS).map(spread).collect::<Vec<_>>())
}

/// The average spread of a data set's actual and simulated weekly totals.
struct ComparedSpreads {
    actual: Spread,
    simulated: Spread,
}

/// Compares and prints the spreads of a data set's accounts that have a measured post in every week.
fn compare_spreads(name: &str, zone: Option<Zone>) -> Option<ComparedSpreads> {
    let path = project("../shared/data").join(name);
    if !path.is_file() {
        println!("SKIPPED: {} does not exist", path.display());
        return None;
    }
    let keys = Channel::ALL.map(|channel| format!("{}.weekly_posts", channel.name()));
    let keys: Vec<_> = keys.iter().map(|key| ("channels.toml", key.as_str(), "0")).collect();
    let rules = compiled(pack_with_keys(&keys));
    let histories = read_histories(&path, zone).unwrap().accounts;
    let calibration = calibrate(&histories).unwrap();
    let start = first_week(&histories);
    let (mut actual_spreads, mut simulated_spreads) = (Vec::new(), Vec::new());
    for history in &histories {
        let Some(totals) = totals(history, start) else { continue };
        let actual = Spread::of(&totals);
        let simulated = simulated_spread(&rules, &scenario_of_actual_posts(history, &calibration, start));
        println!(
            "{}: {:.2} {:.2} | {:.2} {:.2}",
            history.account, actual.log_sd, actual.lag_1, simulated.log_sd, simulated.lag_1
        );
        actual_spreads.push(actual);
        simulated_spreads.push(simulated);
    }
    let (actual, simulated) = (Spread::average(&actual_spreads), Spread::average(&simulated_spreads));
    println!(
        "{name}, {} accounts: log SD {:.3}, simulated {:.3} ({:+.0} %); lag-1 correlation {:.2}, simulated {:.2}",
        actual_spreads.len(),
        actual.log_sd,
        simulated.log_sd,
        100.0 * (simulated.log_sd / actual.log_sd - 1.0),
        actual.lag_1,
        simulated.lag_1,
    );
    Some(ComparedSpreads { actual, simulated })
}

/// Largest accepted relative difference of the standard deviations.
const SD_TOLERANCE: f64 = 0.2;

/// Largest accepted difference of the correlations.
const LAG_1_TOLERANCE: f64 = 0.15;

#[test]
fn simulated_weekly_totals_of_communities_vary_like_the_actual_ones() {
    let Some(ComparedSpreads { actual, simulated }) = compare_spreads("posts_reddit.csv", None) else { return };
    assert!((simulated.log_sd / actual.log_sd - 1.0).abs() <= SD_TOLERANCE);
    assert!((simulated.lag_1 - actual.lag_1).abs() <= LAG_1_TOLERANCE);
}

// The other data sets have too few accounts for an assertion: a correlation over 24 weeks has a standard error of 0.2.

#[test]
fn weekly_totals_of_live_sellers_are_compared() {
    compare_spreads("posts_fb_live_sellers.csv", Some("Asia/Bangkok".parse().unwrap()));
}

#[test]
fn weekly_totals_of_many_channels_are_compared() {
    compare_spreads("posts_multichannel.csv", None);
}
