//! Simulations: the same bytes on any number of threads, common random numbers under different rules, and no bias.

use mcoe::model::{
    Channel, ChannelState, Environment, EstimateSource, ReviewPolicy, Scenario, Score, Tier, WorldEstimate,
    WorldParameter,
};
use mcoe::planner::Planner;
use mcoe::report::{self, RunReport, TableFormat};
use mcoe::rules::CompiledRules;
use mcoe::simulator::{ClientSummary, Extent, Headline, Observer, SimulateError, Simulation, simulate};
use mcoe::stats::Estimate;

use crate::support::{Agency, compiled, default_pack, pack_with_file, pack_with_keys, shipped_scenario};

/// Lets a simulation run to its end.
pub struct NeverStops;

impl Observer for NeverStops {
    fn week_done(&self) {}

    fn should_stop(&self) -> bool {
        false
    }
}

/// Stops a simulation at once.
pub struct StopsAtOnce;

impl Observer for StopsAtOnce {
    fn week_done(&self) {}

    fn should_stop(&self) -> bool {
        true
    }
}

fn run(rules: &CompiledRules, scenario: &Scenario, weeks: u32, replications: u32, seed: u64) -> Simulation {
    let planner = Planner::new(rules, Tier::Exact, None);
    simulate(&planner, scenario, Extent { weeks, replications, seed }, &NeverStops).unwrap()
}

/// All results of a simulation, as JSON and in full precision.
fn exact_results(simulation: &Simulation) -> (String, String) {
    (serde_json::to_string(simulation).unwrap(), format!("{simulation:?}"))
}

#[test]
fn a_simulation_is_bit_identical_on_any_number_of_threads() {
    let rules = compiled(default_pack());
    let scenario = shipped_scenario("agency", &rules);
    let run_on = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| exact_results(&run(&rules, &scenario, 2, 5, 11)))
    };
    let on_one = run_on(1);
    assert!(on_one == run_on(2), "two threads differ from one");
    assert!(on_one == run_on(8), "eight threads differ from one");
}

#[test]
fn a_simulation_depends_on_its_seed_alone() {
    let rules = compiled(default_pack());
    let scenario = shipped_scenario("small", &rules);
    let first = run(&rules, &scenario, 2, 3, 1);
    assert!(exact_results(&first) == exact_results(&run(&rules, &scenario, 2, 3, 1)));
    let other = run(&rules, &scenario, 2, 3, 2);
    assert_ne!(first.headline.engagement.mean.to_bits(), other.headline.engagement.mean.to_bits());
}

#[test]
fn results_of_seeds_agree_within_their_intervals() {
    let rules = compiled(default_pack());
    let scenario = shipped_scenario("small", &rules);
    let by_seed: Vec<Estimate> = (1..=8).map(|seed| run(&rules, &scenario, 2, 20, seed).headline.engagement).collect();
    let mean = by_seed.iter().map(|estimate| estimate.mean).sum::<f64>() / 8.0;
    let contains_mean = |estimate: &&Estimate| estimate.interval.is_some_and(|[low, high]| low <= mean && mean <= high);
    let count = by_seed.iter().filter(contains_mean).count();
    assert!(count >= 7, "{count} of 8 intervals contain the mean of all seeds, {mean}: {by_seed:?}");
}

#[test]
fn true_parameters_differ_between_replications_and_repeat_with_the_seed() {
    // Only the client's true parameters are random.
    let (rules, mut scenario) = matching_rules_and_scenario();
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

fn client_summary<'s>(simulation: &'s Simulation, id: &str) -> &'s ClientSummary {
    simulation.clients.iter().find(|client| client.client_id.as_str() == id).unwrap()
}

#[test]
fn one_more_post_does_not_change_the_random_numbers_of_others() {
    let base = compiled(default_pack());
    let overlay = "scope = { client = \"crumb-and-co\" }\n[channels.fb]\nweekly_posts = 6\n";
    let more = compiled(pack_with_file("overlays/more.toml", overlay));
    let scenario = shipped_scenario("agency", &base);
    let (before, after) = (run(&base, &scenario, 3, 4, 5), run(&more, &scenario, 3, 4, 5));
    let (was, is) = (client_summary(&before, "crumb-and-co"), client_summary(&after, "crumb-and-co"));
    assert!(is.posts_wanted > was.posts_wanted);
    assert_ne!(is.engagement.mean.to_bits(), was.engagement.mean.to_bits());
    let clients = before.clients.iter().zip(&after.clients);
    for (was, is) in clients.filter(|(was, _)| was.client_id.as_str() != "crumb-and-co") {
        assert_eq!(format!("{was:?}"), format!("{is:?}"));
    }
}

/// Rules and a scenario in which a post earns on average what is expected: best hours, fatigue and quality have no
/// effect, and every post is approved.
fn matching_rules_and_scenario() -> (CompiledRules, Scenario) {
    let rules = compiled(pack_with_keys(&[
        ("channels.toml", "response_strength", "0.0"),
        ("assets.toml", "quality_at_0", "1.0"),
        ("assets.toml", "quality_at_100", "1.0"),
        ("assets.toml", "quality_without_asset", "1.0"),
        ("channels.toml", "hour_lift", "1.0"),
        ("channels.toml", "momentum_gain", "0.0"),
    ]));
    let mut scenario = Agency::starting("2026-W40")
        .with_client("acme", "Europe/London", &[Channel::Fb, Channel::Ig])
        .with_client("bolt", "Australia/Sydney", &[Channel::Ig, Channel::X])
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
    let (rules, scenario) = matching_rules_and_scenario();
    let simulation = run(&rules, &scenario, 2, 300, 17);
    let headline = &simulation.headline;
    assert_eq!(headline.posts_drafted.mean.to_bits(), headline.posts_planned.mean.to_bits(), "every post is drafted");
    assert!(headline.expected_engagement.p95 - headline.expected_engagement.p5 < 1e-6, "the plan is always the same");
    let expected = headline.expected_engagement.mean;
    let [low, high] = headline.engagement.interval.unwrap().map(|end| end / expected);
    let ratio = headline.engagement.mean / expected;
    println!("realised over expected: {ratio:.4}, 95 % interval {low:.4} to {high:.4}");
    assert!(high - low < 0.06, "the interval is too wide for a conclusion: {low} to {high}");
    // The seed is fixed; with an interval twice as wide, a correct engine fails for one in ten thousand seeds.
    let tolerance = high - low;
    let is_within = (ratio - tolerance..=ratio + tolerance).contains(&1.0);
    assert!(is_within, "realised over expected is {ratio}, {low} to {high}");
}

/// Estimates equal to the rules' numbers, with standard errors of 0.
fn estimates_from_rules(rules: &CompiledRules, state: &ChannelState) -> Vec<WorldEstimate> {
    let channel_rules = rules.base().channel(state.channel).clone();
    let level = state.audience * state.engagement_rate.unwrap();
    let parameters = [
        (WorldParameter::Level, level),
        (WorldParameter::ResponseStrength, channel_rules.response_strength),
        (WorldParameter::HalfLifeHours, channel_rules.half_life_hours),
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
    let rules = compiled(pack_with_keys(&[
        ("assets.toml", "quality_at_0", "1.0"),
        ("assets.toml", "quality_at_100", "1.0"),
        ("assets.toml", "quality_without_asset", "1.0"),
        ("channels.toml", "hour_lift", "1.0"),
        ("channels.toml", "momentum_gain", "0.0"),
    ]));
    let (_, mut scenario) = matching_rules_and_scenario();
    for (client, state) in &mut scenario.clients {
        client.world = state.channels.iter().flat_map(|channel| estimates_from_rules(&rules, channel)).collect();
    }
    let Headline { engagement, expected_engagement, .. } = run(&rules, &scenario, 4, 2, 5).headline;
    let ratio = engagement.mean / expected_engagement.mean;
    // The ratio is not exactly 1, because posts from more than 30 days before are not part of the state.
    assert!((ratio - 1.0).abs() < 1e-3, "{ratio}");
    // With other true parameters, the same plans have another outcome.
    for (client, _) in &mut scenario.clients {
        let estimates = client.world.iter_mut();
        let strengths = estimates.filter(|estimate| estimate.parameter == WorldParameter::ResponseStrength);
        strengths.for_each(|estimate| estimate.value = 0.3);
    }
    let tired = run(&rules, &scenario, 4, 2, 5).headline;
    assert!(tired.engagement.mean < 0.97 * engagement.mean, "{} {}", tired.engagement.mean, engagement.mean);
}

#[test]
fn people_leave_after_posts_and_net_worth_is_engagement_less_the_cost_of_work_and_lost_people() {
    let (rules, mut scenario) = matching_rules_and_scenario();
    let channels = scenario.clients.iter().flat_map(|(_, state)| &state.channels);
    let audience: f64 = channels.map(|channel| channel.audience).sum();
    let is_close = |one: f64, other: f64| (one / other - 1.0).abs() < 1e-9;
    let staying = run(&rules, &scenario, 4, 1, 5).headline;
    assert!(is_close(staying.audience_end.mean, audience), "{} of {audience}", staying.audience_end.mean);
    assert!(staying.hours_of_work.mean > 10.0 && is_close(staying.cost.mean, 20.0 * staying.hours_of_work.mean));
    assert!(is_close(staying.net_worth.mean, staying.engagement.mean - staying.cost.mean));
    scenario.environment.leave_per_post = 0.001;
    let leaving = run(&rules, &scenario, 4, 1, 5).headline;
    assert!(leaving.audience_end.mean < 0.97 * audience, "{} of {audience}", leaving.audience_end.mean);
    assert!(leaving.engagement.mean < 0.99 * staying.engagement.mean);
    assert!(leaving.cost.mean > 20.0 * leaving.hours_of_work.mean + 3.0 * (audience - leaving.audience_end.mean));
    assert!(is_close(leaving.net_worth.mean, leaving.engagement.mean - leaving.cost.mean));
    scenario.environment.leave_doubling_posts = 1.0;
    let leaving_faster = run(&rules, &scenario, 4, 1, 5).headline;
    assert!(
        leaving_faster.audience_end.mean < leaving.audience_end.mean,
        "each post of the last 7 days adds to the share that leaves"
    );
}

#[test]
fn posting_more_than_usual_for_weeks_lowers_what_a_post_earns() {
    let (rules, mut scenario) = matching_rules_and_scenario();
    let per_post = |scenario: &Scenario, weeks: u32| {
        let headline = run(&rules, scenario, weeks, 1, 5).headline;
        headline.engagement.mean / headline.posts_drafted.mean
    };
    let without_loss = per_post(&scenario, 8);
    scenario.environment.lasting_loss = 0.5;
    assert!(per_post(&scenario, 8) < 0.95 * without_loss, "there are more than the usual twelve posts in four weeks");
    scenario.environment.min_usual_posts = 60.0;
    assert!((per_post(&scenario, 8) / without_loss - 1.0).abs() < 1e-9, "sixty posts in four weeks are usual");
    scenario.environment.min_usual_posts = 12.0;
    // After a month as busy as the simulated weeks, their number of posts is usual.
    for channel in scenario.clients.iter_mut().flat_map(|(_, state)| &mut state.channels) {
        channel.posts_last_30_days = 60;
    }
    assert!((per_post(&scenario, 8) / without_loss - 1.0).abs() < 1e-9);
}

#[test]
fn without_noise_every_post_earns_its_expected_engagement() {
    let (rules, mut scenario) = matching_rules_and_scenario();
    scenario.environment.noise_log_sd = 0.0;
    scenario.environment.channel_log_sd = 0.0;
    scenario.environment.account_drift_log_sd = 0.0;
    let Headline { engagement, expected_engagement, .. } = run(&rules, &scenario, 2, 4, 17).headline;
    assert!((engagement.mean / expected_engagement.mean - 1.0).abs() < 1e-9);
    assert!(engagement.p95 - engagement.p5 < 1e-6 * engagement.mean);
}

#[test]
fn a_higher_loss_from_frequent_posting_lowers_engagement() {
    let (rules, scenario) = matching_rules_and_scenario();
    let engagement = |loss: f64| {
        let mut scenario = scenario.clone();
        scenario.environment.loss_7_days = loss;
        run(&rules, &scenario, 3, 10, 17).headline.engagement.mean
    };
    assert!(engagement(0.3) < 0.9 * engagement(0.0));
}

/// Estimates of a simulation and of its weeks, channels and clients.
fn estimates(simulation: &Simulation) -> Vec<&Estimate> {
    let headline = &simulation.headline;
    let mut all = vec![&headline.engagement, &headline.expected_engagement, &headline.posts_drafted, &headline.reviews];
    all.extend(simulation.weekly.iter().map(|week| &week.engagement));
    all.extend(simulation.channels.iter().map(|channel| &channel.engagement));
    all.extend(simulation.clients.iter().map(|client| &client.engagement));
    all
}

#[test]
fn one_replication_gives_no_interval_and_two_give_one() {
    let rules = compiled(default_pack());
    let scenario = shipped_scenario("small", &rules);
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
    let scenario = shipped_scenario("agency", &rules);
    let (short, long) = (run(&rules, &scenario, 2, 3, 9), run(&rules, &scenario, 3, 3, 9));
    assert_eq!(format!("{:?}", short.weekly), format!("{:?}", &long.weekly[..2]));
    let channels = short.channel_weeks.len();
    assert_eq!(format!("{:?}", short.channel_weeks), format!("{:?}", &long.channel_weeks[..channels]));
    assert_eq!(long.weekly.len(), 3);
}

#[test]
fn one_more_replication_does_not_change_earlier_ones() {
    let rules = compiled(default_pack());
    let scenario = shipped_scenario("small", &rules);
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
    let scenario = shipped_scenario("agency", &rules);
    let simulation = run(&rules, &scenario, 3, 3, 2);
    let headline = &simulation.headline;
    let check = |name: &str, total: f64, sum: f64| {
        assert!((total - sum).abs() <= 1e-9 * total.abs().max(1.0), "{name}: {total} is not {sum}");
    };
    check("engagement by week", headline.engagement.mean, simulation.weekly.iter().map(|w| w.engagement.mean).sum());
    check(
        "engagement by channel",
        headline.engagement.mean,
        simulation.channels.iter().map(|c| c.engagement.mean).sum(),
    );
    check("engagement by client", headline.engagement.mean, simulation.clients.iter().map(|c| c.engagement.mean).sum());
    check("drafts by week", headline.posts_drafted.mean, simulation.weekly.iter().map(|w| w.posts_drafted).sum());
    check("drafts by client", headline.posts_drafted.mean, simulation.clients.iter().map(|c| c.posts_drafted).sum());
    check("risk bands", headline.posts_planned.mean, simulation.weekly.iter().flat_map(|w| w.risk).sum());
    let fates =
        headline.posts_drafted.mean + headline.posts_blocked.mean + headline.rejected.mean + headline.expired.mean;
    check("fates of posts", headline.posts_planned.mean, fates);
    for rule in &simulation.guardrails {
        check(&rule.rule, rule.blocked, rule.blocked_by_week.iter().sum());
        if !rule.by_engine {
            check(&rule.rule, headline.posts_planned.mean, rule.passed + rule.warned + rule.blocked);
        }
    }
}

#[test]
fn an_observer_can_stop_a_run() {
    let rules = compiled(default_pack());
    let scenario = shipped_scenario("small", &rules);
    let planner = Planner::new(&rules, Tier::Exact, None);
    let extent = Extent { weeks: 2, replications: 2, seed: 1 };
    assert_eq!(simulate(&planner, &scenario, extent, &StopsAtOnce).unwrap_err(), SimulateError::Stopped);
}

#[test]
fn a_simulation_without_clients_is_all_zeros() {
    let rules = compiled(default_pack());
    let simulation = run(&rules, &Agency::starting("2026-W40").scenario(), 2, 2, 1);
    assert_eq!(simulation.headline.engagement.mean, 0.0);
    assert!(simulation.clients.is_empty() && simulation.weekly.len() == 2);
}

/// The report of a simulation in Markdown.
fn markdown_report(simulation: &Simulation) -> String {
    let report = RunReport { simulation, command: "mcoe simulate", tables: TableFormat::Csv };
    let files = report::documents(&report).unwrap();
    let (_, bytes) = files.into_iter().find(|(name, _)| name == "summary.md").unwrap();
    String::from_utf8(bytes).unwrap()
}

#[test]
fn posts_dropped_by_a_hook_are_not_attributed_to_fatigue() {
    let script = "fn weekly_posts(ctx) {\n    if ctx.channel != \"email\" { return ctx.weekly_posts + 1; }\n    \
                  if ctx.hours_since_last_post >= 240 { 1 } else { 0 }\n}\n";
    let rules = compiled(pack_with_file("fortnight.rhai", script));
    let agency =
        Agency::starting("2026-W40").with_client("acme", "Europe/London", &[Channel::Linkedin, Channel::Email]);
    let simulation = run(&rules, &agency.scenario(), 4, 2, 3);
    let changes: Vec<[f64; 3]> = simulation
        .weekly
        .iter()
        .map(|week| week.target_changes)
        .map(|changes| [changes.fewer_by_fatigue, changes.fewer_by_hook, changes.more_by_hook])
        .collect();
    assert_eq!(changes, [[0.0, 1.0, 1.0], [0.0, 2.0, 1.0], [0.0, 1.0, 1.0], [0.0, 2.0, 1.0]]);
    let report = markdown_report(&simulation);
    assert!(report.contains("removed by the rules' script (the pack's weekly_posts function) | −6"), "{report}");
    assert!(report.contains("added by the rules' script (the pack's weekly_posts function) | 4"), "{report}");
    assert!(report.contains("reduced because of fatigue | 0"), "{report}");
}

#[test]
fn posts_dropped_because_of_fatigue_are_not_attributed_to_a_hook() {
    let rules = compiled(default_pack());
    let agency = Agency::starting("2026-W40")
        .with_client("acme", "Europe/London", &[Channel::Linkedin])
        .edit_last(|_, state| state.channels[0].fatigue = Score::clamped(0.9));
    let simulation = run(&rules, &agency.scenario(), 1, 2, 3);
    let week = &simulation.weekly[0];
    assert!(week.target_changes.fewer_by_fatigue >= 1.0, "{week:?}");
    assert_eq!(week.target_changes.fewer_by_fatigue, week.posts_wanted - week.posts_target);
    assert!(!week.target_changes.has_hook_changes() && !markdown_report(&simulation).contains("hook"));
}
