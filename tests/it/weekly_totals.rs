//! Simulated weekly totals against the weeks that real accounts had: how much they vary, and how much of a week is left
//! in the next one. The posts are those that were really made; only what they earn is simulated.
//!
//! `cargo test --test it -- weekly_totals --nocapture` prints both figures of every set.

use mcoe::calibration::{AccountHistory, Calibration, calibrate};
use mcoe::model::{Asset, AssetId, AssetUse, Channel, Scenario, Score, Tier, Week, WorldEstimate, Zone};
use mcoe::planner::Planner;
use mcoe::rules::CompiledRules;
use mcoe::scenario::read_histories;
use mcoe::simulator::{Extent, simulate};
use mcoe::stats::{mean, variance};

use crate::simulator::Patient;
use crate::support::{Agency, compiled, project, with_keys};

/// Weeks before the end of a set, the same number on both sides: an estimate of a correlation from few weeks is low.
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
        let middle = mean(&logs);
        let from_middle: Vec<f64> = logs.iter().map(|log| log - middle).collect();
        let products = from_middle.iter().zip(&from_middle[1..]).map(|(one, next)| one * next);
        let squares: f64 = from_middle.iter().map(|one| one * one).sum();
        Self { log_sd: variance(&logs).unwrap().sqrt(), lag_1: products.sum::<f64>() / squares }
    }

    fn average(spreads: &[Self]) -> Self {
        let of = |part: fn(&Self) -> f64| mean(&spreads.iter().map(part).collect::<Vec<_>>());
        Self { log_sd: of(|one| one.log_sd), lag_1: of(|one| one.lag_1) }
    }
}

/// The first of the last weeks before the last Monday of a set.
fn first_week(histories: &[AccountHistory]) -> Week {
    let last = histories.iter().filter_map(|history| history.posts.last()).map(|post| post.at).max().unwrap();
    Week::of(last.date()).plus(-i64::from(WEEKS))
}

/// What the posts of each week earned; `None` if a week has no measured post.
fn totals(history: &AccountHistory, start: Week) -> Option<Vec<f64>> {
    let week = |number: u32| {
        let monday = |number: u32| history.zone.start_of_day(start.plus(i64::from(number)).monday()).unwrap();
        let posts = history.posts.iter().filter(|post| (monday(number)..monday(number + 1)).contains(&post.at));
        let engagements: Vec<f64> = posts.filter_map(|post| post.engagements).collect();
        (!engagements.is_empty()).then(|| engagements.iter().sum())
    };
    (0..WEEKS).map(week).collect()
}

/// The account with its measured posts committed, each with an asset of its content type, and its calibrated world.
fn as_made(history: &AccountHistory, calibration: &Calibration, start: Week) -> Scenario {
    let found = calibration.account(&history.account, history.channel).unwrap();
    let agency = Agency::starting("2026-W01").with(history.account.as_str(), history.zone.name(), &[history.channel]);
    let mut scenario = agency.scenario();
    scenario.start = start;
    scenario.environment.leave_per_post = 0.0;
    scenario.environment.lasting_loss = 0.0;
    let (client, state) = &mut scenario.clients[0];
    client.world = found.world().map(WorldEstimate::from).collect();
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
            let made = history.posts[0].at.plus_days(-400);
            let asset = Asset { quality: Score::HALF, ..Asset::new(id.clone(), &**kind, made) };
            client.assets.push(asset);
        }
        state.asset_uses.push(AssetUse { asset_id: id, channel: history.channel, at: post.at });
    }
    client.assets.sort_by(|one, other| one.id.cmp(&other.id));
    scenario
}

fn simulated(rules: &CompiledRules, scenario: &Scenario) -> Spread {
    let planner = Planner::new(rules, Tier::Fast, None);
    let spread = |seed: u64| {
        let extent = Extent { weeks: WEEKS, replications: 1, seed };
        let simulation = simulate(&planner, scenario, extent, &Patient).unwrap();
        assert_eq!(simulation.headline.posts_planned.mean, 0.0, "only the posts that were made");
        Spread::of(&simulation.weekly.iter().map(|week| week.engagement.mean).collect::<Vec<_>>())
    };
    Spread::average(&(0..REPLICATIONS).map(spread).collect::<Vec<_>>())
}

/// Prints what a set's accounts with a measured post in every week had, and have in simulations.
fn compared(name: &str, zone: Option<Zone>) -> Option<(Spread, Spread)> {
    let path = project("../shared/data").join(name);
    if !path.is_file() {
        println!("SKIPPED: {} does not exist", path.display());
        return None;
    }
    let keys = Channel::ALL.map(|channel| format!("{}.weekly_posts", channel.name()));
    let keys: Vec<_> = keys.iter().map(|key| ("channels.toml", key.as_str(), "0")).collect();
    let rules = compiled(with_keys(&keys));
    let histories = read_histories(&path, zone).unwrap().accounts;
    let calibration = calibrate(&histories).unwrap();
    let start = first_week(&histories);
    let (mut own, mut drawn) = (Vec::new(), Vec::new());
    for history in &histories {
        let Some(totals) = totals(history, start) else { continue };
        own.push(Spread::of(&totals));
        drawn.push(simulated(&rules, &as_made(history, &calibration, start)));
        let (own, drawn) = (own[own.len() - 1], drawn[drawn.len() - 1]);
        println!("{}: {:.2} {:.2} | {:.2} {:.2}", history.account, own.log_sd, own.lag_1, drawn.log_sd, drawn.lag_1);
    }
    let (own_all, drawn_all) = (Spread::average(&own), Spread::average(&drawn));
    println!(
        "{name}, {} accounts: log SD {:.3}, simulated {:.3} ({:+.0} %); lag-1 correlation {:.2}, simulated {:.2}",
        own.len(),
        own_all.log_sd,
        drawn_all.log_sd,
        100.0 * (drawn_all.log_sd / own_all.log_sd - 1.0),
        own_all.lag_1,
        drawn_all.lag_1,
    );
    Some((own_all, drawn_all))
}

/// The largest relative difference of the standard deviations.
const SD_TOLERANCE: f64 = 0.2;

/// The largest difference of the correlations.
const LAG_1_TOLERANCE: f64 = 0.15;

#[test]
fn weekly_totals_of_communities_vary_as_they_did() {
    let Some((own, drawn)) = compared("posts_reddit.csv", None) else { return };
    assert!((drawn.log_sd / own.log_sd - 1.0).abs() <= SD_TOLERANCE);
    assert!((drawn.lag_1 - own.lag_1).abs() <= LAG_1_TOLERANCE);
}

// The other sets have too few accounts for an assertion: a correlation over 24 weeks has a standard error of 0.2.

#[test]
fn weekly_totals_of_live_sellers_are_compared() {
    compared("posts_fb_live_sellers.csv", Some("Asia/Bangkok".parse().unwrap()));
}

#[test]
fn weekly_totals_of_many_channels_are_compared() {
    compared("posts_multichannel.csv", None);
}
