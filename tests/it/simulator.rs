//! Simulations: the same bytes on any machine, common random numbers under any rules, no bias.

use mcoe::model::{
    Channel, ChannelState, Environment, EstimateSource, ReviewPolicy, Scenario, Score, Tier, WorldEstimate,
    WorldParameter,
};
use mcoe::planner::Planner;
use mcoe::report::{self, RunReport, TableFormat};
use mcoe::rules::CompiledRules;
use mcoe::simulator::{ClientSummary, Extent, Headline, Observer, SimulateError, Simulation, simulate};
use mcoe::stats::Estimate;

use crate::support::{Agency, compiled, default_pack, shipped, with_file, with_keys};

pub struct Patient;

impl Observer for Patient {
    fn week_done(&self) {}

    fn should_stop(&self) -> bool {
        false
    }
}

fn run(rules: &CompiledRules, scenario: &Scenario, weeks: u32, replications: u32, seed: u64) -> Simulation {
    let planner = Planner::new(rules, Tier::Exact, None);
    simulate(&planner, scenario, Extent { weeks, replications, seed }, &Patient).unwrap()
}

/// All results of a simulation, bit by bit.
fn bytes(simulation: &Simulation) -> (String, String) {
    (serde_json::to_string(simulation).unwrap(), format!("{simulation:?}"))
}

#[test]
fn a_simulation_is_bit_identical_on_any_number_of_threads() {
    let rules = compiled(default_pack());
    let scenario = shipped("agency", &rules);
    let on = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| bytes(&run(&rules, &scenario, 2, 5, 11)))
    };
    let one = on(1);
    assert!(one == on(2), "two threads differ from one");
    assert!(one == on(8), "eight threads differ from one");
}

#[test]
fn a_simulation_depends_on_its_seed_alone() {
    let rules = compiled(default_pack());
    let scenario = shipped("small", &rules);
    let first = run(&rules, &scenario, 2, 3, 1);
    assert!(bytes(&first) == bytes(&run(&rules, &scenario, 2, 3, 1)));
    let other = run(&rules, &scenario, 2, 3, 2);
    assert_ne!(first.headline.engagement.mean.to_bits(), other.headline.engagement.mean.to_bits());
}

#[test]
fn results_of_seeds_agree_within_their_intervals() {
    let rules = compiled(default_pack());
    let scenario = shipped("small", &rules);
    let found: Vec<Estimate> = (1..=8).map(|seed| run(&rules, &scenario, 2, 20, seed).headline.engagement).collect();
    let middle = found.iter().map(|estimate| estimate.mean).sum::<f64>() / 8.0;
    let holds = |estimate: &&Estimate| estimate.interval.is_some_and(|[low, high]| low <= middle && middle <= high);
    let holding = found.iter().filter(holds).count();
    assert!(holding >= 7, "{holding} of 8 intervals hold the mean of all, {middle}: {found:?}");
}

#[test]
fn true_parameters_differ_between_replications_and_not_between_packs() {
    // Only the randomness of the client's true parameters is left.
    let (rules, mut scenario) = agreed();
    scenario.environment = Environment {
        rate_log_sd: 0.3,
        noise_log_sd: 0.0,
        account_drift_log_sd: 0.0,
        channel_log_sd: 0.0,
        ..scenario.environment
    };
    let engagement = |replications: u32| run(&rules, &scenario, 1, replications, 3).headline.engagement;
    let [low, high] = engagement(6).interval.unwrap();
    assert!(low < high * 0.9, "{low} to {high}");
    assert_eq!(engagement(1).mean.to_bits(), engagement(1).mean.to_bits());
}

fn client<'s>(simulation: &'s Simulation, id: &str) -> &'s ClientSummary {
    simulation.clients.iter().find(|client| client.client_id.as_str() == id).unwrap()
}

#[test]
fn one_more_post_does_not_change_the_random_numbers_of_others() {
    let base = compiled(default_pack());
    let overlay = "scope = { client = \"crumb-and-co\" }\n[channels.fb]\nweekly_posts = 6\n";
    let more = compiled(with_file("overlays/more.toml", overlay));
    let scenario = shipped("agency", &base);
    let (before, after) = (run(&base, &scenario, 3, 4, 5), run(&more, &scenario, 3, 4, 5));
    let (was, is) = (client(&before, "crumb-and-co"), client(&after, "crumb-and-co"));
    assert!(is.posts_wanted > was.posts_wanted);
    assert_ne!(is.engagement.mean.to_bits(), was.engagement.mean.to_bits());
    for (was, is) in
        before.clients.iter().zip(&after.clients).filter(|(was, _)| was.client_id.as_str() != "crumb-and-co")
    {
        assert_eq!(format!("{was:?}"), format!("{is:?}"));
    }
}

/// Rules and an environment that agree: no lift, no fatigue, no effect of quality, everything approved.
fn agreed() -> (CompiledRules, Scenario) {
    let rules = compiled(with_keys(&[
        ("channels.toml", "response_strength", "0.0"),
        ("assets.toml", "quality_at_0", "1.0"),
        ("assets.toml", "quality_at_100", "1.0"),
        ("assets.toml", "quality_without_asset", "1.0"),
        ("channels.toml", "hour_lift", "1.0"),
        ("channels.toml", "momentum_gain", "0.0"),
    ]));
    let mut scenario = Agency::starting("2026-W40")
        .with("acme", "Europe/London", &[Channel::Fb, Channel::Ig])
        .with("bolt", "Australia/Sydney", &[Channel::Ig, Channel::X])
        .scenario();
    scenario.environment = Environment {
        loss_24_hours: 0.0,
        loss_7_days: 0.0,
        lasting_loss: 0.0,
        leave_per_post: 0.0,
        leave_per_email: 0.0,
        hour_log_sd: 0.0,
        weekday_log_sd: 0.0,
        rate_log_sd: 0.0,
        asset_log_gain: 0.0,
        ..Environment::default()
    };
    scenario.review =
        ReviewPolicy { medium_approved: 1.0, high_approved: 1.0, delay_hours: 0.1, planned_ahead_hours: 48.0 };
    (rules, scenario)
}

#[test]
fn noise_has_mean_one_if_environment_and_rules_agree() {
    let (rules, scenario) = agreed();
    let simulation = run(&rules, &scenario, 2, 300, 17);
    let headline = &simulation.headline;
    assert_eq!(headline.posts_drafted.mean.to_bits(), headline.posts_planned.mean.to_bits(), "every post runs");
    assert!(headline.expected_engagement.p95 - headline.expected_engagement.p5 < 1e-6, "the plan is always the same");
    let expected = headline.expected_engagement.mean;
    let [low, high] = headline.engagement.interval.unwrap().map(|end| end / expected);
    let ratio = headline.engagement.mean / expected;
    println!("realised over expected: {ratio:.4}, 95 % interval {low:.4} to {high:.4}");
    assert!(high - low < 0.06, "the interval is too wide to tell: {low} to {high}");
    // The seed is fixed; with an interval twice as wide, a correct engine fails for one in ten thousand seeds.
    let half = high - low;
    assert!((ratio - half..=ratio + half).contains(&1.0), "realised over expected is {ratio}, {low} to {high}");
}

/// Estimates that say what the rules say, without any error.
fn as_the_rules_say(rules: &CompiledRules, state: &ChannelState) -> Vec<WorldEstimate> {
    let numbers = rules.base().channel(state.channel).clone();
    let level = state.audience * state.engagement_rate.unwrap();
    let parameters = [
        (WorldParameter::Level, level),
        (WorldParameter::ResponseStrength, numbers.response_strength),
        (WorldParameter::HalfLifeHours, numbers.half_life_hours),
    ];
    let estimate = |(parameter, value)| WorldEstimate {
        channel: state.channel,
        parameter,
        value,
        standard_error: 0.0,
        source: EstimateSource::Data,
    };
    parameters.into_iter().map(estimate).collect()
}

#[test]
fn expectation_and_outcome_agree_if_rules_and_world_have_the_same_parameters() {
    let rules = compiled(with_keys(&[
        ("assets.toml", "quality_at_0", "1.0"),
        ("assets.toml", "quality_at_100", "1.0"),
        ("assets.toml", "quality_without_asset", "1.0"),
        ("channels.toml", "hour_lift", "1.0"),
        ("channels.toml", "momentum_gain", "0.0"),
    ]));
    let (_, mut scenario) = agreed();
    for (client, state) in &mut scenario.clients {
        client.world = state.channels.iter().flat_map(|channel| as_the_rules_say(&rules, channel)).collect();
    }
    let Headline { engagement, expected_engagement, .. } = run(&rules, &scenario, 4, 2, 5).headline;
    let ratio = engagement.mean / expected_engagement.mean;
    // Posts of more than 30 days before are no part of the state, and weigh next to nothing.
    assert!((ratio - 1.0).abs() < 1e-3, "{ratio}");
    // Other parameters give another outcome of the same plans.
    for (client, _) in &mut scenario.clients {
        client
            .world
            .iter_mut()
            .filter(|one| one.parameter == WorldParameter::ResponseStrength)
            .for_each(|one| one.value = 0.3);
    }
    let tired = run(&rules, &scenario, 4, 2, 5).headline;
    assert!(tired.engagement.mean < 0.97 * engagement.mean, "{} {}", tired.engagement.mean, engagement.mean);
}

#[test]
fn people_leave_at_posts_and_net_worth_is_engagement_less_what_work_and_people_cost() {
    let (rules, mut scenario) = agreed();
    let people: f64 = scenario.clients.iter().flat_map(|(_, state)| &state.channels).map(|one| one.audience).sum();
    let is_close = |one: f64, other: f64| (one / other - 1.0).abs() < 1e-9;
    let still = run(&rules, &scenario, 4, 1, 5).headline;
    assert!(is_close(still.audience_end.mean, people), "{} of {people}", still.audience_end.mean);
    assert!(still.hours_of_work.mean > 10.0 && is_close(still.cost.mean, 20.0 * still.hours_of_work.mean));
    assert!(is_close(still.net_worth.mean, still.engagement.mean - still.cost.mean));
    scenario.environment.leave_per_post = 0.001;
    let leaving = run(&rules, &scenario, 4, 1, 5).headline;
    assert!(leaving.audience_end.mean < 0.97 * people, "{} of {people}", leaving.audience_end.mean);
    assert!(leaving.engagement.mean < 0.99 * still.engagement.mean);
    assert!(leaving.cost.mean > 20.0 * leaving.hours_of_work.mean + 3.0 * (people - leaving.audience_end.mean));
    assert!(is_close(leaving.net_worth.mean, leaving.engagement.mean - leaving.cost.mean));
    scenario.environment.leave_doubling_posts = 1.0;
    let crowded = run(&rules, &scenario, 4, 1, 5).headline;
    assert!(crowded.audience_end.mean < leaving.audience_end.mean, "each post of the last 7 days adds as much again");
}

#[test]
fn posting_more_than_usual_for_weeks_lowers_what_a_post_earns() {
    let (rules, mut scenario) = agreed();
    let per_post = |scenario: &Scenario, weeks: u32| {
        let headline = run(&rules, scenario, weeks, 1, 5).headline;
        headline.engagement.mean / headline.posts_drafted.mean
    };
    let still = per_post(&scenario, 8);
    scenario.environment.lasting_loss = 0.5;
    assert!(per_post(&scenario, 8) < 0.95 * still, "twelve posts in four weeks are usual, and there are more");
    scenario.environment.min_usual_posts = 60.0;
    assert!((per_post(&scenario, 8) / still - 1.0).abs() < 1e-9, "sixty posts in four weeks are usual");
    scenario.environment.min_usual_posts = 12.0;
    // A month as busy as the weeks simulated is usual.
    for channel in scenario.clients.iter_mut().flat_map(|(_, state)| &mut state.channels) {
        channel.posts_last_30_days = 60;
    }
    assert!((per_post(&scenario, 8) / still - 1.0).abs() < 1e-9);
}

#[test]
fn the_spread_of_single_posts_is_that_of_the_environment() {
    let (rules, mut scenario) = agreed();
    scenario.environment.noise_log_sd = 0.0;
    scenario.environment.channel_log_sd = 0.0;
    scenario.environment.account_drift_log_sd = 0.0;
    let still = run(&rules, &scenario, 2, 4, 17).headline.engagement;
    let expected = run(&rules, &scenario, 2, 4, 17).headline.expected_engagement;
    assert!((still.mean / expected.mean - 1.0).abs() < 1e-9, "without luck every post earns what is expected of it");
    assert!(still.p95 - still.p5 < 1e-6 * still.mean);
}

#[test]
fn a_higher_loss_from_frequent_posting_lowers_engagement() {
    let (rules, scenario) = agreed();
    let engagement = |loss: f64| {
        let mut scenario = scenario.clone();
        scenario.environment.loss_7_days = loss;
        run(&rules, &scenario, 3, 10, 17).headline.engagement.mean
    };
    assert!(engagement(0.3) < 0.9 * engagement(0.0));
}

/// Every estimate of a simulation.
fn estimates(simulation: &Simulation) -> Vec<&Estimate> {
    let headline = &simulation.headline;
    let mut all = vec![&headline.engagement, &headline.expected_engagement, &headline.posts_drafted, &headline.reviews];
    all.extend(simulation.weekly.iter().map(|week| &week.engagement));
    all.extend(simulation.channels.iter().map(|channel| &channel.engagement));
    all.extend(simulation.clients.iter().map(|client| &client.engagement));
    all
}

#[test]
fn one_replication_has_no_interval_and_two_have() {
    let rules = compiled(default_pack());
    let scenario = shipped("small", &rules);
    assert!(estimates(&run(&rules, &scenario, 2, 1, 1)).iter().all(|estimate| estimate.interval.is_none()));
    for estimate in estimates(&run(&rules, &scenario, 2, 2, 1)) {
        let [low, high] = estimate.interval.unwrap();
        assert!(low <= estimate.mean && estimate.mean <= high, "{estimate:?}");
        assert!(estimate.p5 <= estimate.p50 && estimate.p50 <= estimate.p95, "{estimate:?}");
    }
}

#[test]
fn one_more_week_does_not_change_earlier_weeks() {
    let rules = compiled(default_pack());
    let scenario = shipped("agency", &rules);
    let (short, long) = (run(&rules, &scenario, 2, 3, 9), run(&rules, &scenario, 3, 3, 9));
    assert_eq!(format!("{:?}", short.weekly), format!("{:?}", &long.weekly[..2]));
    let channels = short.channel_weeks.len();
    assert_eq!(format!("{:?}", short.channel_weeks), format!("{:?}", &long.channel_weeks[..channels]));
    assert_eq!(long.weekly.len(), 3);
}

#[test]
fn one_more_replication_does_not_change_earlier_ones() {
    let rules = compiled(default_pack());
    let scenario = shipped("small", &rules);
    let (two, three) = (run(&rules, &scenario, 2, 2, 9), run(&rules, &scenario, 2, 3, 9));
    let total = |simulation: &Simulation, count: f64| simulation.headline.engagement.mean * count;
    let third = total(&three, 3.0) - total(&two, 2.0);
    assert!(third > 0.0, "{third}");
    let quantiles = |simulation: &Simulation| [simulation.headline.engagement.p5, simulation.headline.engagement.p95];
    assert!(quantiles(&three)[1] >= 0.0 && quantiles(&two)[1] >= quantiles(&two)[0]);
}

#[test]
fn the_parts_of_a_simulation_add_up() {
    let rules = compiled(default_pack());
    let scenario = shipped("agency", &rules);
    let simulation = run(&rules, &scenario, 3, 3, 2);
    let headline = &simulation.headline;
    let near = |what: &str, one: f64, other: f64| {
        assert!((one - other).abs() <= 1e-9 * one.abs().max(1.0), "{what}: {one} is not {other}");
    };
    near("engagement by week", headline.engagement.mean, simulation.weekly.iter().map(|w| w.engagement.mean).sum());
    near(
        "engagement by channel",
        headline.engagement.mean,
        simulation.channels.iter().map(|c| c.engagement.mean).sum(),
    );
    near("engagement by client", headline.engagement.mean, simulation.clients.iter().map(|c| c.engagement.mean).sum());
    near("drafts by week", headline.posts_drafted.mean, simulation.weekly.iter().map(|w| w.posts_drafted).sum());
    near("drafts by client", headline.posts_drafted.mean, simulation.clients.iter().map(|c| c.posts_drafted).sum());
    near("risk bands", headline.posts_planned.mean, simulation.weekly.iter().flat_map(|w| w.risk).sum());
    let fates =
        headline.posts_drafted.mean + headline.posts_blocked.mean + headline.rejected.mean + headline.expired.mean;
    near("fates of posts", headline.posts_planned.mean, fates);
    for rule in &simulation.guardrails {
        near(&rule.rule, rule.blocked, rule.blocked_by_week.iter().sum());
        if !rule.by_engine {
            near(&rule.rule, headline.posts_planned.mean, rule.passed + rule.warned + rule.blocked);
        }
    }
}

struct Hasty;

impl Observer for Hasty {
    fn week_done(&self) {}

    fn should_stop(&self) -> bool {
        true
    }
}

#[test]
fn an_observer_can_stop_a_run() {
    let rules = compiled(default_pack());
    let scenario = shipped("small", &rules);
    let planner = Planner::new(&rules, Tier::Exact, None);
    let extent = Extent { weeks: 2, replications: 2, seed: 1 };
    assert_eq!(simulate(&planner, &scenario, extent, &Hasty).unwrap_err(), SimulateError::Stopped);
}

#[test]
fn a_simulation_without_clients_is_all_zeros() {
    let rules = compiled(default_pack());
    let simulation = run(&rules, &Agency::starting("2026-W40").scenario(), 2, 2, 1);
    assert_eq!(simulation.headline.engagement.mean, 0.0);
    assert!(simulation.clients.is_empty() && simulation.weekly.len() == 2);
}

/// The report of a simulation in Markdown.
fn reported(simulation: &Simulation) -> String {
    let report = RunReport { simulation, command: "mcoe simulate", tables: TableFormat::Csv };
    let files = report::documents(&report).unwrap();
    let (_, bytes) = files.into_iter().find(|(name, _)| name == "summary.md").unwrap();
    String::from_utf8(bytes).unwrap()
}

#[test]
fn posts_dropped_by_a_hook_are_not_attributed_to_fatigue() {
    let fortnight = "fn weekly_posts(ctx) {\n    if ctx.channel != \"email\" { return ctx.weekly_posts + 1; }\n    \
                     if ctx.hours_since_last_post >= 240 { 1 } else { 0 }\n}\n";
    let rules = compiled(with_file("fortnight.rhai", fortnight));
    let agency = Agency::starting("2026-W40").with("acme", "Europe/London", &[Channel::Linkedin, Channel::Email]);
    let simulation = run(&rules, &agency.scenario(), 4, 2, 3);
    let changes: Vec<[f64; 3]> = simulation
        .weekly
        .iter()
        .map(|week| week.target_changes)
        .map(|changes| [changes.fewer_by_fatigue, changes.fewer_by_hook, changes.more_by_hook])
        .collect();
    assert_eq!(changes, [[0.0, 1.0, 1.0], [0.0, 2.0, 1.0], [0.0, 1.0, 1.0], [0.0, 2.0, 1.0]]);
    let reported = reported(&simulation);
    assert!(reported.contains("removed by the rules' script (the pack's weekly_posts function) | −6"), "{reported}");
    assert!(reported.contains("added by the rules' script (the pack's weekly_posts function) | 4"), "{reported}");
    assert!(reported.contains("reduced because of fatigue | 0"), "{reported}");
}

#[test]
fn posts_dropped_because_of_fatigue_are_not_attributed_to_a_hook() {
    let rules = compiled(default_pack());
    let tired = Agency::starting("2026-W40")
        .with("acme", "Europe/London", &[Channel::Linkedin])
        .but(|_, state| state.channels[0].fatigue = Score::clamped(0.9));
    let simulation = run(&rules, &tired.scenario(), 1, 2, 3);
    let week = &simulation.weekly[0];
    assert!(week.target_changes.fewer_by_fatigue >= 1.0, "{week:?}");
    assert_eq!(week.target_changes.fewer_by_fatigue, week.posts_wanted - week.posts_target);
    assert!(!week.target_changes.has_hook_changes() && !reported(&simulation).contains("hook"));
}
