//! Comparisons: equal to separate simulations, the same bytes on any number of threads, and early stopping.

use mcoe::model::{Channel, ReviewPolicy, Scenario, Tier};
use mcoe::planner::Planner;
use mcoe::report::verdicts;
use mcoe::rules::CompiledRules;
use mcoe::simulator::{
    CompareError, ComparedPack, ComparedScenario, Comparison, Extent, Headline, Measure, Observer, SimulateError,
    Simulation, compare, compare_scenarios, simulate,
};
use mcoe::stats::Estimate;
use proptest::prelude::*;

use crate::simulator::{NeverStops, StopsAtOnce};
use crate::support::{
    Agency, compiled, default_pack, pack_with_changes, pack_with_keys, proptest_config, shipped_scenario,
};

/// The default pack with more posts on Facebook and a stricter low-risk band.
fn bold() -> CompiledRules {
    compiled(pack_with_changes(&[
        ("pack.toml", "name = \"default\"", "name = \"bold\""),
        ("channels.toml", "weekly_posts = 5", "weekly_posts = 8"),
        ("risk.toml", "from = 0.75", "from = 0.8"),
        ("risk.toml", "to = 0.75", "to = 0.8"),
    ]))
}

#[test]
fn sixteen_times_as_many_posts_earn_more_engagement_and_lose_net_worth() {
    let base = compiled(default_pack());
    let flood = compiled(pack_with_keys(&[
        ("channels.toml", "weekly_posts", "80"),
        ("channels.toml", "min_spacing_hours", "1"),
        ("channels.toml", "fatigue_per_post", "0.001"),
        ("channels.toml", "response_strength", "0.0"),
        ("assets.toml", "cooldown_hours", "1"),
        ("assets.toml", "max_uses_per_week", "100"),
    ]));
    let mut scenario = shipped_scenario("agency", &base);
    for (client, _) in &mut scenario.clients {
        client.policy.max_actions_per_day = 200;
    }
    let comparison = run(&[&base, &flood], &scenario, extent(12, 1), None);
    let relative = |measure| comparison.versus[0].measure(measure).unwrap().difference.relative().unwrap();
    assert!(relative(Measure::Engagement) > 0.5 && relative(Measure::PostsDrafted) > 5.0);
    assert!(relative(Measure::NetWorth) < -1.0 && relative(Measure::AudienceEnd) < -0.5);
    let counts = comparison.versus[0].client_counts;
    assert!(counts.better == 0 && counts.worse >= 10, "clients are judged by net worth: {counts:?}");
}

fn extent(weeks: u32, replications: u32) -> Extent {
    Extent { weeks, replications, seed: 7 }
}

/// Compares packs, the first being the base, on one scenario.
fn run(packs: &[&CompiledRules], scenario: &Scenario, extent: Extent, until: Option<f64>) -> Comparison {
    try_run(packs, scenario, extent, until, &NeverStops).unwrap()
}

fn try_run(
    packs: &[&CompiledRules],
    scenario: &Scenario,
    extent: Extent,
    until: Option<f64>,
    observer: &dyn Observer,
) -> Result<Comparison, CompareError> {
    let planners: Vec<Planner<'_>> = packs.iter().map(|rules| Planner::new(rules, Tier::Exact, None)).collect();
    let contenders: Vec<ComparedPack<'_>> = planners
        .iter()
        .zip(packs)
        .map(|(planner, rules)| ComparedPack { label: rules.name(), planner, scenario })
        .collect();
    compare(contenders[0], &contenders[1..], extent, until, observer)
}

fn simulate_alone(rules: &CompiledRules, scenario: &Scenario, extent: Extent) -> Simulation {
    simulate(&Planner::new(rules, Tier::Exact, None), scenario, extent, &NeverStops).unwrap()
}

fn estimate(headline: &Headline, measure: Measure) -> &Estimate {
    match measure {
        Measure::NetWorth => &headline.net_worth,
        Measure::Engagement => &headline.engagement,
        Measure::ExpectedEngagement => &headline.expected_engagement,
        Measure::HoursOfWork => &headline.hours_of_work,
        Measure::Cost => &headline.cost,
        Measure::AudienceEnd => &headline.audience_end,
        Measure::PostsWanted => &headline.posts_wanted,
        Measure::PostsPlanned => &headline.posts_planned,
        Measure::PostsDrafted => &headline.posts_drafted,
        Measure::PostsBlocked => &headline.posts_blocked,
        Measure::Reviews => &headline.reviews,
        Measure::Rejected => &headline.rejected,
        Measure::Expired => &headline.expired,
        Measure::WithoutAsset => &headline.without_asset,
        Measure::HoursAboveWarn => &headline.hours_above_warn,
        Measure::HoursAboveBlock => &headline.hours_above_block,
    }
}

#[test]
fn each_side_is_bit_identical_to_a_separate_simulation() {
    let (base, other) = (compiled(default_pack()), bold());
    let scenario = shipped_scenario("small", &base);
    let comparison = run(&[&base, &other], &scenario, extent(2, 13), None);
    let base_run = simulate_alone(&base, &scenario, extent(2, 13));
    let other_run = simulate_alone(&other, &scenario, extent(2, 13));
    let versus = &comparison.versus[0];
    assert_eq!(versus.headline.len(), Measure::ALL.len());
    for row in &versus.headline {
        let (base, other) = (estimate(&base_run.headline, row.measure), estimate(&other_run.headline, row.measure));
        let name = row.measure.name();
        assert_eq!(row.difference.base.to_bits(), base.mean.to_bits(), "{name}");
        assert_eq!(row.difference.other.to_bits(), other.mean.to_bits(), "{name}");
        let difference = other.mean - base.mean;
        assert!((row.difference.mean - difference).abs() <= 1e-9 * base.mean.abs().max(1.0), "{name}");
    }
    for (row, (base, other)) in versus.weekly.iter().zip(base_run.weekly.iter().zip(&other_run.weekly)) {
        assert_eq!((row.week, row.engagement.base), (base.week, base.engagement.mean));
        assert_eq!(row.engagement.other.to_bits(), other.engagement.mean.to_bits());
    }
    for (row, (base, other)) in versus.channels.iter().zip(base_run.channels.iter().zip(&other_run.channels)) {
        assert_eq!((row.channel, row.clients, row.engagement.base), (base.channel, base.clients, base.engagement.mean));
        assert_eq!(row.engagement.other.to_bits(), other.engagement.mean.to_bits());
    }
    for (row, (base, other)) in versus.clients.iter().zip(base_run.clients.iter().zip(&other_run.clients)) {
        assert_eq!((&row.client_id, row.engagement.base), (&base.client_id, base.engagement.mean));
        assert_eq!(row.engagement.other.to_bits(), other.engagement.mean.to_bits());
    }
    assert_eq!(comparison.variants[0].provenance, base_run.provenance);
    assert_eq!(comparison.variants[1].provenance, other_run.provenance);
}

#[test]
fn a_comparison_is_bit_identical_on_any_number_of_threads() {
    let (base, other) = (compiled(default_pack()), bold());
    let scenario = shipped_scenario("agency", &base);
    for until in [None, Some(0.03)] {
        let run_on = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| format!("{:?}", run(&[&base, &other], &scenario, extent(1, 25), until)))
        };
        let on_one = run_on(1);
        assert!(on_one == run_on(2), "two threads differ from one");
        assert!(on_one == run_on(8), "eight threads differ from one");
    }
}

proptest! {
    #![proptest_config(proptest_config(12))]

    #[test]
    fn a_pack_compared_with_itself_shows_no_difference(
        seed in any::<u64>(),
        weeks in 1_u32..4,
        replications in 1_u32..13,
    ) {
        let rules = compiled(default_pack());
        let scenario = shipped_scenario("small", &rules);
        let comparison = run(&[&rules, &rules], &scenario, Extent { weeks, replications, seed }, None);
        let versus = &comparison.versus[0];
        for row in &versus.headline {
            prop_assert!(row.difference.is_same && row.difference.mean == 0.0, "{:?}", row);
        }
        let differences = versus.weekly.iter().map(|row| &row.engagement);
        let differences = differences.chain(versus.channels.iter().map(|row| &row.engagement));
        for difference in differences.chain(versus.clients.iter().map(|row| &row.engagement)) {
            prop_assert!(difference.is_same && difference.interval.is_none_or(|ends| ends == [0.0; 2]));
        }
        let counts = versus.client_counts;
        prop_assert_eq!((counts.worse, counts.better, counts.same), (0, 0, counts.clients));
        prop_assert!(verdicts(&comparison)[0].starts_with("There is no difference"));
    }
}

#[test]
fn weeks_channels_and_clients_each_add_up_to_the_total_difference() {
    let (base, other) = (compiled(default_pack()), bold());
    let comparison = run(&[&base, &other], &shipped_scenario("agency", &base), extent(2, 4), None);
    let versus = &comparison.versus[0];
    let total = versus.measure(Measure::Engagement).unwrap().difference.mean;
    let weeks: f64 = versus.weekly.iter().map(|row| row.engagement.mean).sum();
    let channels: f64 = versus.channels.iter().map(|row| row.engagement.mean).sum();
    let clients: f64 = versus.clients.iter().map(|row| row.engagement.mean).sum();
    assert!(total.abs() > 1.0);
    for sum in [weeks, channels, clients] {
        assert!((sum - total).abs() < 1e-6 * total.abs(), "{sum} is not {total}");
    }
}

#[test]
fn common_random_numbers_narrow_the_interval_of_a_difference() {
    let (base, other) = (compiled(default_pack()), bold());
    let comparison = run(&[&base, &other], &shipped_scenario("agency", &base), extent(2, 20), None);
    let engagement = comparison.versus[0].measure(Measure::Engagement).unwrap().difference;
    assert!(engagement.variance_reduction.unwrap() > 0.5, "{engagement:?}");
}

#[test]
fn a_comparison_stops_early_after_the_batch_that_reaches_the_half_width() {
    let (base, other) = (compiled(default_pack()), bold());
    let scenario = shipped_scenario("agency", &base);
    let half_width = |comparison: &Comparison| {
        let difference = comparison.versus[0].measure(Measure::NetWorth).unwrap().difference;
        difference.half_width().unwrap() / difference.base
    };
    let half_width_after = |replications| half_width(&run(&[&base, &other], &scenario, extent(1, replications), None));
    let target = half_width_after(20);
    let stopped = run(&[&base, &other], &scenario, extent(1, 1000), Some(target));
    let replications = stopped.variants[0].provenance.replications;
    assert!(replications == 20 || replications == 10 && half_width_after(10) <= target, "{replications}");
    assert!(stopped.until.unwrap().is_reached && half_width(&stopped) <= target);
    let unstopped = run(&[&base, &other], &scenario, extent(1, 13), Some(1e-9));
    assert_eq!(unstopped.variants[0].provenance.replications, 13);
    assert!(!unstopped.until.unwrap().is_reached);
}

#[test]
fn with_three_packs_p_values_are_corrected_and_differences_stay_pairwise() {
    let (base, other) = (compiled(default_pack()), bold());
    let scenario = shipped_scenario("small", &base);
    let three = run(&[&base, &other, &base], &scenario, extent(2, 10), None);
    let two = run(&[&base, &other], &scenario, extent(2, 10), None);
    for (of_three, of_two) in three.versus[0].headline.iter().zip(&two.versus[0].headline) {
        assert_eq!(of_three.difference, of_two.difference);
        assert_eq!(of_two.corrected_p, of_two.difference.p);
        // The base compared with itself has p = 1, so Holm's correction doubles this p-value.
        assert_eq!(of_three.corrected_p.unwrap(), (2.0 * of_two.difference.p.unwrap()).min(1.0));
    }
}

#[test]
fn hours_above_warn_are_counted_with_the_base_packs_threshold() {
    let no_fatigue_loss = ("channels.toml", "response_strength", "0.0");
    let pack = |warn_at: &str| {
        let warn = ("fatigue.toml", "warn_at", warn_at);
        compiled(pack_with_keys(&[no_fatigue_loss, warn]))
    };
    let (base, early) = (pack("0.5"), pack("0.05"));
    let mut scenario = Agency::starting("2026-W40").with_client("acme", "Europe/London", &[Channel::Fb]).scenario();
    scenario.review =
        ReviewPolicy { medium_approved: 1.0, high_approved: 1.0, delay_hours: 0.1, planned_ahead_hours: 48.0 };
    let hours = |rules: &CompiledRules| simulate_alone(rules, &scenario, extent(2, 2)).headline.hours_above_warn.mean;
    assert!(hours(&early) > hours(&base));
    let comparison = run(&[&base, &early], &scenario, extent(2, 2), None);
    let difference = |measure| comparison.versus[0].measure(measure).unwrap().difference;
    assert!(difference(Measure::PostsDrafted).is_same);
    assert!(difference(Measure::HoursAboveWarn).is_same, "{:?}", difference(Measure::HoursAboveWarn));
}

#[test]
fn a_verdict_names_fewer_drafts_and_blocked_posts_before_the_review_load() {
    let base = compiled(default_pack());
    let scenario = shipped_scenario("small", &base);
    let mut files = default_pack();
    let function = "fn nothing(post, ctx) { if ctx.channel == \"ig\" { block(\"no\", \"never\") } else { pass() } }";
    files.insert("nothing.rhai".to_owned(), function.to_owned());
    let guardrails = format!("{}\n[nothing]\nscope = \"post\"\nconflict = \"policy\"\n", files["guardrails.toml"]);
    files.insert("guardrails.toml".to_owned(), guardrails);
    let strict = compiled(files);
    let verdict = verdicts(&run(&[&base, &strict], &scenario, extent(2, 10), None)).join("");
    let position = |words: &str| verdict.find(words).unwrap_or_else(|| panic!("`{words}` is not in: {verdict}"));
    assert!(["fewer drafts", "more blocked posts", " review"].map(position).is_sorted_by(|a, b| a < b), "{verdict}");
}

#[test]
fn a_comparison_without_clients_or_with_different_clients_is_an_error() {
    let rules = compiled(default_pack());
    let nobody = Agency::starting("2026-W40").scenario();
    let error = try_run(&[&rules, &rules], &nobody, extent(1, 2), None, &NeverStops).unwrap_err();
    assert!(error.to_string().contains("no client that is planned for"), "{error}");
    let planner = Planner::new(&rules, Tier::Exact, None);
    let (small, agency) = (shipped_scenario("small", &rules), shipped_scenario("agency", &rules));
    let pack = |label, scenario| ComparedPack { label, planner: &planner, scenario };
    let error = compare(pack("a", &small), &[pack("b", &agency)], extent(1, 2), None, &NeverStops).unwrap_err();
    assert_eq!(error, CompareError::Mismatch("a".to_owned(), "b".to_owned()));
}

/// Compares scenarios under the default pack, the first being the base.
fn run_scenarios(scenarios: &[(&str, &Scenario)], extent: Extent) -> Result<Comparison, CompareError> {
    let rules = compiled(default_pack());
    let planner = Planner::new(&rules, Tier::Exact, None);
    let compared: Vec<ComparedScenario<'_>> =
        scenarios.iter().map(|(label, scenario)| ComparedScenario { label, scenario }).collect();
    compare_scenarios(&planner, compared[0], &compared[1..], extent, None, &NeverStops)
}

#[test]
fn each_scenario_is_bit_identical_to_a_separate_simulation_and_its_clients_are_paired() {
    let rules = compiled(default_pack());
    let all_clients = shipped_scenario("agency", &rules);
    let mut without_fourth = all_clients.clone();
    without_fourth.clients.remove(3);
    without_fourth.capacity.reviewers += 2;
    let mut without_first = all_clients.clone();
    without_first.clients.remove(0);
    let run_on = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let scenarios = [("without-fourth", &without_fourth), ("all", &all_clients), ("without-first", &without_first)];
        pool.install(|| run_scenarios(&scenarios, extent(1, 12)).unwrap())
    };
    let comparison = run_on(1);
    assert!(format!("{comparison:?}") == format!("{:?}", run_on(4)), "four threads differ from one");
    let base_run = simulate_alone(&rules, &without_fourth, extent(1, 12));
    let other_run = simulate_alone(&rules, &all_clients, extent(1, 12));
    for row in &comparison.versus[0].headline {
        let (base, other) = (estimate(&base_run.headline, row.measure), estimate(&other_run.headline, row.measure));
        assert_eq!(row.difference.base.to_bits(), base.mean.to_bits(), "{}", row.measure.name());
        assert_eq!(row.difference.other.to_bits(), other.mean.to_bits(), "{}", row.measure.name());
    }
    let first = &all_clients.clients[0].0.id;
    let fourth = &all_clients.clients[3].0.id;
    assert!(comparison.versus[0].only_base.is_empty());
    let added = &comparison.versus[0].only_other;
    assert_eq!(added.iter().map(|client| &client.client_id).collect::<Vec<_>>(), [fourth]);
    let [removed, added] = [&comparison.versus[1].only_base, &comparison.versus[1].only_other];
    assert_eq!((&removed[0].client_id, &added[0].client_id), (first, fourth));
    for versus in &comparison.versus {
        let total = versus.measure(Measure::Engagement).unwrap().difference.mean;
        let clients = versus.clients.iter().chain(&versus.only_base).chain(&versus.only_other);
        let sum: f64 = clients.map(|client| client.engagement.mean).sum();
        assert!((sum - total).abs() < 1e-6 * total.abs(), "{sum} is not {total}");
    }
    let clients = all_clients.clients.len() as u32;
    assert_eq!(comparison.client_range(), [clients - 1, clients]);
}

#[test]
fn scenarios_that_start_in_different_weeks_or_plan_for_nobody_are_not_compared() {
    let rules = compiled(default_pack());
    let small = shipped_scenario("small", &rules);
    let mut later = small.clone();
    later.start = small.start.plus(1);
    let error = run_scenarios(&[("a", &small), ("b", &later)], extent(1, 2)).unwrap_err();
    assert!(matches!(&error, CompareError::DifferentStart { other, .. } if other == "b"), "{error}");
    let nobody = Agency::starting("2026-W43").scenario();
    assert!(run_scenarios(&[("a", &small), ("b", &nobody)], extent(1, 2)).is_err());
}

#[test]
fn an_observer_can_stop_a_comparison() {
    let rules = compiled(default_pack());
    let stopped = try_run(&[&rules, &rules], &shipped_scenario("small", &rules), extent(2, 2), None, &StopsAtOnce);
    assert_eq!(stopped.unwrap_err(), CompareError::Simulate(SimulateError::Stopped));
}
