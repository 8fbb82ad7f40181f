//! Comparisons: equal to two simulations, the same bytes on any machine, and early stopping.

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

use crate::support::{Agency, cases, changed, compiled, default_pack, shipped, with_keys};

struct Patient;

impl Observer for Patient {
    fn week_done(&self) {}

    fn should_stop(&self) -> bool {
        false
    }
}

struct Hasty;

impl Observer for Hasty {
    fn week_done(&self) {}

    fn should_stop(&self) -> bool {
        true
    }
}

/// The default pack with more posts on Facebook and a stricter low-risk band.
fn bold() -> CompiledRules {
    compiled(changed(&[
        ("pack.toml", "name = \"default\"", "name = \"bold\""),
        ("channels.toml", "weekly_posts = 5", "weekly_posts = 8"),
        ("risk.toml", "from = 0.75", "from = 0.8"),
        ("risk.toml", "to = 0.75", "to = 0.8"),
    ]))
}

#[test]
fn sixteen_times_as_many_posts_earn_more_engagement_and_lose_net_worth() {
    let base = compiled(default_pack());
    let flood = compiled(with_keys(&[
        ("channels.toml", "weekly_posts", "80"),
        ("channels.toml", "min_spacing_hours", "1"),
        ("channels.toml", "fatigue_per_post", "0.001"),
        ("channels.toml", "response_strength", "0.0"),
        ("assets.toml", "cooldown_hours", "1"),
        ("assets.toml", "max_uses_per_week", "100"),
    ]));
    let mut scenario = shipped("agency", &base);
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
    try_run(packs, scenario, extent, until, &Patient).unwrap()
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

fn alone(rules: &CompiledRules, scenario: &Scenario, extent: Extent) -> Simulation {
    simulate(&Planner::new(rules, Tier::Exact, None), scenario, extent, &Patient).unwrap()
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
    let scenario = shipped("small", &base);
    let comparison = run(&[&base, &other], &scenario, extent(2, 13), None);
    let (one, two) = (alone(&base, &scenario, extent(2, 13)), alone(&other, &scenario, extent(2, 13)));
    let versus = &comparison.versus[0];
    assert_eq!(versus.headline.len(), Measure::ALL.len());
    for row in &versus.headline {
        let (was, is) = (estimate(&one.headline, row.measure), estimate(&two.headline, row.measure));
        let name = row.measure.name();
        assert_eq!(row.difference.base.to_bits(), was.mean.to_bits(), "{name}");
        assert_eq!(row.difference.other.to_bits(), is.mean.to_bits(), "{name}");
        let difference = is.mean - was.mean;
        assert!((row.difference.mean - difference).abs() <= 1e-9 * was.mean.abs().max(1.0), "{name}");
    }
    for (row, (was, is)) in versus.weekly.iter().zip(one.weekly.iter().zip(&two.weekly)) {
        assert_eq!((row.week, row.engagement.base), (was.week, was.engagement.mean));
        assert_eq!(row.engagement.other.to_bits(), is.engagement.mean.to_bits());
    }
    for (row, (was, is)) in versus.channels.iter().zip(one.channels.iter().zip(&two.channels)) {
        assert_eq!((row.channel, row.clients, row.engagement.base), (was.channel, was.clients, was.engagement.mean));
        assert_eq!(row.engagement.other.to_bits(), is.engagement.mean.to_bits());
    }
    for (row, (was, is)) in versus.clients.iter().zip(one.clients.iter().zip(&two.clients)) {
        assert_eq!((&row.client_id, row.engagement.base), (&was.client_id, was.engagement.mean));
        assert_eq!(row.engagement.other.to_bits(), is.engagement.mean.to_bits());
    }
    assert_eq!(comparison.variants[0].provenance, one.provenance);
    assert_eq!(comparison.variants[1].provenance, two.provenance);
}

#[test]
fn a_comparison_is_bit_identical_on_any_number_of_threads() {
    let (base, other) = (compiled(default_pack()), bold());
    let scenario = shipped("agency", &base);
    for until in [None, Some(0.03)] {
        let on = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| format!("{:?}", run(&[&base, &other], &scenario, extent(1, 25), until)))
        };
        let one = on(1);
        assert!(one == on(2), "two threads differ from one");
        assert!(one == on(8), "eight threads differ from one");
    }
}

proptest! {
    #![proptest_config(cases(12))]

    #[test]
    fn a_pack_compared_with_itself_shows_no_difference(
        seed in any::<u64>(),
        weeks in 1_u32..4,
        replications in 1_u32..13,
    ) {
        let rules = compiled(default_pack());
        let scenario = shipped("small", &rules);
        let comparison = run(&[&rules, &rules], &scenario, Extent { weeks, replications, seed }, None);
        let versus = &comparison.versus[0];
        for row in &versus.headline {
            prop_assert!(row.difference.is_same && row.difference.mean == 0.0, "{:?}", row);
        }
        let parts = versus.weekly.iter().map(|row| &row.engagement);
        let parts = parts.chain(versus.channels.iter().map(|row| &row.engagement));
        for difference in parts.chain(versus.clients.iter().map(|row| &row.engagement)) {
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
    let comparison = run(&[&base, &other], &shipped("agency", &base), extent(2, 4), None);
    let versus = &comparison.versus[0];
    let whole = versus.measure(Measure::Engagement).unwrap().difference.mean;
    let weeks: f64 = versus.weekly.iter().map(|row| row.engagement.mean).sum();
    let channels: f64 = versus.channels.iter().map(|row| row.engagement.mean).sum();
    let clients: f64 = versus.clients.iter().map(|row| row.engagement.mean).sum();
    assert!(whole.abs() > 1.0);
    for sum in [weeks, channels, clients] {
        assert!((sum - whole).abs() < 1e-6 * whole.abs(), "{sum} is not {whole}");
    }
}

#[test]
fn common_random_numbers_narrow_the_interval_of_a_difference() {
    let (base, other) = (compiled(default_pack()), bold());
    let comparison = run(&[&base, &other], &shipped("agency", &base), extent(2, 20), None);
    let engagement = comparison.versus[0].measure(Measure::Engagement).unwrap().difference;
    assert!(engagement.variance_reduction.unwrap() > 0.5, "{engagement:?}");
}

#[test]
fn a_comparison_stops_early_after_the_batch_that_reaches_the_half_width() {
    let (base, other) = (compiled(default_pack()), bold());
    let scenario = shipped("agency", &base);
    let half_width = |comparison: &Comparison| {
        let difference = comparison.versus[0].measure(Measure::NetWorth).unwrap().difference;
        difference.half_width().unwrap() / difference.base
    };
    let at = |replications| half_width(&run(&[&base, &other], &scenario, extent(1, replications), None));
    let wanted = at(20);
    let ended = run(&[&base, &other], &scenario, extent(1, 1000), Some(wanted));
    let done = ended.variants[0].provenance.replications;
    assert!(done == 20 || done == 10 && at(10) <= wanted, "{done}");
    assert!(ended.until.unwrap().is_reached && half_width(&ended) <= wanted);
    let never = run(&[&base, &other], &scenario, extent(1, 13), Some(1e-9));
    assert_eq!(never.variants[0].provenance.replications, 13);
    assert!(!never.until.unwrap().is_reached);
}

#[test]
fn with_three_packs_p_values_are_corrected_and_differences_stay_pairwise() {
    let (base, other) = (compiled(default_pack()), bold());
    let scenario = shipped("small", &base);
    let three = run(&[&base, &other, &base], &scenario, extent(2, 10), None);
    let two = run(&[&base, &other], &scenario, extent(2, 10), None);
    for (row, lone) in three.versus[0].headline.iter().zip(&two.versus[0].headline) {
        assert_eq!(row.difference, lone.difference);
        assert_eq!(lone.corrected_p, lone.difference.p);
        // The other comparison has p = 1, so Holm's correction doubles this one.
        assert_eq!(row.corrected_p.unwrap(), (2.0 * lone.difference.p.unwrap()).min(1.0));
    }
}

#[test]
fn hours_of_fatigue_are_counted_by_the_base_packs_levels() {
    let without = ("channels.toml", "response_strength", "0.0");
    let pack = |warn_at: &str| {
        let warn = ("fatigue.toml", "warn_at", warn_at);
        compiled(with_keys(&[without, warn]))
    };
    let (base, early) = (pack("0.5"), pack("0.05"));
    let mut scenario = Agency::starting("2026-W40").with("acme", "Europe/London", &[Channel::Fb]).scenario();
    scenario.review =
        ReviewPolicy { medium_approved: 1.0, high_approved: 1.0, delay_hours: 0.1, planned_ahead_hours: 48.0 };
    let hours = |rules: &CompiledRules| alone(rules, &scenario, extent(2, 2)).headline.hours_above_warn.mean;
    assert!(hours(&early) > hours(&base));
    let comparison = run(&[&base, &early], &scenario, extent(2, 2), None);
    let of = |measure| comparison.versus[0].measure(measure).unwrap().difference;
    assert!(of(Measure::PostsDrafted).is_same);
    assert!(of(Measure::HoursAboveWarn).is_same, "{:?}", of(Measure::HoursAboveWarn));
}

#[test]
fn a_verdict_names_fewer_drafts_and_blocked_posts_before_the_review_load() {
    let base = compiled(default_pack());
    let scenario = shipped("small", &base);
    let mut files = default_pack();
    let function = "fn nothing(post, ctx) { if ctx.channel == \"ig\" { block(\"no\", \"never\") } else { pass() } }";
    files.insert("nothing.rhai".to_owned(), function.to_owned());
    let guardrails = format!("{}\n[nothing]\nscope = \"post\"\nconflict = \"policy\"\n", files["guardrails.toml"]);
    files.insert("guardrails.toml".to_owned(), guardrails);
    let strict = compiled(files);
    let said = verdicts(&run(&[&base, &strict], &scenario, extent(2, 10), None)).join("");
    let place = |words: &str| said.find(words).unwrap_or_else(|| panic!("`{words}` is not in: {said}"));
    assert!(
        place("fewer drafts") < place("more blocked posts") && place("more blocked posts") < place(" review"),
        "{said}"
    );
}

#[test]
fn a_comparison_without_clients_or_with_different_clients_is_an_error() {
    let rules = compiled(default_pack());
    let nobody = Agency::starting("2026-W40").scenario();
    let error = try_run(&[&rules, &rules], &nobody, extent(1, 2), None, &Patient).unwrap_err();
    assert!(error.to_string().contains("no client that is planned for"), "{error}");
    let planner = Planner::new(&rules, Tier::Exact, None);
    let (small, agency) = (shipped("small", &rules), shipped("agency", &rules));
    let of = |label, scenario| ComparedPack { label, planner: &planner, scenario };
    let error = compare(of("a", &small), &[of("b", &agency)], extent(1, 2), None, &Patient).unwrap_err();
    assert_eq!(error, CompareError::Mismatch("a".to_owned(), "b".to_owned()));
}

/// Compares scenarios under the default pack, the first being the base.
fn run_scenarios(scenarios: &[(&str, &Scenario)], extent: Extent) -> Result<Comparison, CompareError> {
    let rules = compiled(default_pack());
    let planner = Planner::new(&rules, Tier::Exact, None);
    let all: Vec<ComparedScenario<'_>> =
        scenarios.iter().map(|(label, scenario)| ComparedScenario { label, scenario }).collect();
    compare_scenarios(&planner, all[0], &all[1..], extent, None, &Patient)
}

#[test]
fn each_scenario_is_bit_identical_to_a_separate_simulation_and_its_clients_are_paired() {
    let rules = compiled(default_pack());
    let base = shipped("agency", &rules);
    let mut other = base.clone();
    other.clients.remove(3);
    other.capacity.reviewers += 2;
    let mut without_first = base.clone();
    without_first.clients.remove(0);
    let on = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let scenarios = [("other", &other), ("base", &base), ("without-first", &without_first)];
        pool.install(|| run_scenarios(&scenarios, extent(1, 12)).unwrap())
    };
    let comparison = on(1);
    assert!(format!("{comparison:?}") == format!("{:?}", on(4)), "four threads differ from one");
    let (one, two) = (alone(&rules, &other, extent(1, 12)), alone(&rules, &base, extent(1, 12)));
    for row in &comparison.versus[0].headline {
        let (was, is) = (estimate(&one.headline, row.measure), estimate(&two.headline, row.measure));
        assert_eq!(row.difference.base.to_bits(), was.mean.to_bits(), "{}", row.measure.name());
        assert_eq!(row.difference.other.to_bits(), is.mean.to_bits(), "{}", row.measure.name());
    }
    let alone_in_base = &base.clients[3].0.id;
    assert!(comparison.versus[0].only_base.is_empty());
    let added = &comparison.versus[0].only_other;
    assert_eq!(added.iter().map(|client| &client.client_id).collect::<Vec<_>>(), [alone_in_base]);
    let [first, third] = [&comparison.versus[1].only_base, &comparison.versus[1].only_other];
    assert_eq!((&first[0].client_id, &third[0].client_id), (&base.clients[0].0.id, alone_in_base));
    for versus in &comparison.versus {
        let whole = versus.measure(Measure::Engagement).unwrap().difference.mean;
        let clients = versus.clients.iter().chain(&versus.only_base).chain(&versus.only_other);
        let sum: f64 = clients.map(|client| client.engagement.mean).sum();
        assert!((sum - whole).abs() < 1e-6 * whole.abs(), "{sum} is not {whole}");
    }
    assert_eq!(comparison.client_range(), [base.clients.len() as u32 - 1, base.clients.len() as u32]);
}

#[test]
fn scenarios_that_start_in_different_weeks_or_plan_for_nobody_are_not_compared() {
    let rules = compiled(default_pack());
    let small = shipped("small", &rules);
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
    let stopped = try_run(&[&rules, &rules], &shipped("small", &rules), extent(2, 2), None, &Hasty);
    assert_eq!(stopped.unwrap_err(), CompareError::Simulate(SimulateError::Stopped));
}
