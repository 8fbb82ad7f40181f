//! Simulations of weeks that are already committed: their posts are published unchanged and count towards the results.

use mcoe::model::{AssetUse, Channel, Plan, Scenario, Tier};
use mcoe::planner::{Planner, plan_week};
use mcoe::report::{self, ComparisonReport, RunReport, TableFormat};
use mcoe::rules::CompiledRules;
use mcoe::simulator::{ComparedPack, Comparison, Extent, Simulation, compare, simulate};

use crate::simulator::NeverStops;
use crate::support::{Agency, compiled, default_pack, pack_with_changes, pack_with_file, plan};

const EXTENT: Extent = Extent { weeks: 3, replications: 4, seed: 5 };

fn run(rules: &CompiledRules, scenario: &Scenario) -> Simulation {
    simulate(&Planner::new(rules, Tier::Exact, None), scenario, EXTENT, &NeverStops).unwrap()
}

/// Two clients whose posts are all approved in time.
fn shops() -> Scenario {
    let mut scenario = Agency::starting("2026-W40")
        .with_client("acme", "Europe/London", &[Channel::Linkedin, Channel::X])
        .with_client("bolt", "Australia/Sydney", &[Channel::Ig, Channel::Email])
        .scenario();
    scenario.review.medium_approved = 1.0;
    scenario.review.high_approved = 1.0;
    scenario.review.delay_hours = 0.01;
    scenario
}

/// The scenario with every post of the plan committed, as the ledger exports it.
fn with_committed_posts(scenario: &Scenario, plan: &Plan) -> Scenario {
    let mut scenario = scenario.clone();
    for (client, post) in plan.posts() {
        assert!(post.is_live());
        let mut clients = scenario.clients.iter_mut();
        let (_, state) = clients.find(|(other, _)| other.id == client.client_id).unwrap();
        let channel = state.channels.iter_mut().find(|channel| channel.channel == post.channel).unwrap();
        channel.recent_posts.push(post.at);
        channel.last_post_at = channel.last_post_at.max(Some(post.at));
        let asset_id = post.asset.as_ref().unwrap().used().clone();
        state.asset_uses.push(AssetUse { asset_id, channel: post.channel, at: post.at });
    }
    scenario
}

#[track_caller]
fn assert_near(actual: f64, expected: f64) {
    assert!((actual - expected).abs() <= 1e-9 * expected.abs(), "{actual} is not {expected}");
}

#[test]
fn simulating_a_committed_week_equals_planning_it() {
    let rules = compiled(default_pack());
    let scenario = shops();
    let plan = plan(&rules, &scenario);
    let posts = plan.posts().count();
    let (planned, committed) = (run(&rules, &scenario), run(&rules, &with_committed_posts(&scenario, &plan)));
    assert_eq!((planned.provenance.committed_posts, committed.provenance.committed_posts), (0, posts as u32));
    let first = &committed.weekly[0];
    assert_eq!((first.posts_committed, first.posts_planned, first.reviews), (posts as f64, 0.0, 0.0));
    for (planned, committed) in planned.weekly.iter().zip(&committed.weekly) {
        assert_eq!((committed.posts_wanted, committed.posts_target), (planned.posts_wanted, planned.posts_target));
        assert_eq!(committed.posts_drafted, planned.posts_drafted);
        assert_near(committed.engagement.mean, planned.engagement.mean);
        assert_near(committed.expected_engagement, planned.expected_engagement);
    }
    for (planned, committed) in planned.channels.iter().zip(&committed.channels) {
        assert_near(committed.engagement.mean, planned.engagement.mean);
        assert_near(committed.mean_fatigue, planned.mean_fatigue);
        assert_near(committed.share_above_warn, planned.share_above_warn);
    }
    for (planned, committed) in planned.channel_weeks.iter().zip(&committed.channel_weeks) {
        assert_eq!((planned.fatigue, planned.posts_drafted), (committed.fatigue, committed.posts_drafted));
    }
    for (planned, committed) in planned.clients.iter().zip(&committed.clients) {
        assert_near(committed.engagement.mean, planned.engagement.mean);
        assert_near(committed.expected_engagement, planned.expected_engagement);
    }
    assert_eq!((&planned.calendar, &planned.assets.by_uses), (&committed.calendar, &committed.assets.by_uses));
}

#[test]
fn a_partly_committed_week_is_planned_around_its_posts() {
    let rules = compiled(default_pack());
    let scenario = shops();
    let mut plan = plan(&rules, &scenario);
    plan.clients.iter_mut().for_each(|client| client.posts.truncate(2));
    let first = &run(&rules, &with_committed_posts(&scenario, &plan)).weekly[0];
    assert_eq!((first.posts_committed, first.committed_in_target), (4.0, 4.0));
    assert!(first.posts_planned > 4.0 && first.posts_planned <= first.posts_target - 4.0, "{first:?}");
    assert!(first.posts_drafted > first.posts_planned, "{first:?}");
}

#[test]
fn posts_committed_for_a_later_week_count_in_that_week() {
    let rules = compiled(default_pack());
    let scenario = shops();
    let later = plan_week(&Planner::new(&rules, Tier::Exact, None), &scenario, scenario.start.plus(1)).unwrap();
    let posts = later.posts().count() as f64;
    let simulation = run(&rules, &with_committed_posts(&scenario, &later));
    let counts: Vec<f64> = simulation.weekly.iter().map(|week| week.posts_committed).collect();
    assert_eq!(counts, [0.0, posts, 0.0]);
    assert!(simulation.weekly[1].engagement.mean > 0.0);
    let after_the_run = with_committed_posts(&scenario, &two_weeks_later(&later));
    assert_eq!(run(&rules, &after_the_run).provenance.committed_posts, 0);
}

/// The plan with its posts two weeks later.
fn two_weeks_later(plan: &Plan) -> Plan {
    let mut plan = Plan { week: plan.week.plus(2), ..plan.clone() };
    let posts = plan.clients.iter_mut().flat_map(|client| &mut client.posts);
    posts.for_each(|post| post.at = post.at.plus_days(14));
    plan
}

#[test]
fn a_committed_post_with_an_unknown_asset_counts_as_one_without_an_asset() {
    let rules = compiled(default_pack());
    let scenario = shops();
    let mut plan = plan(&rules, &scenario);
    plan.clients.truncate(1);
    plan.clients[0].posts.truncate(1);
    let quality = plan.clients[0].posts[0].asset.as_ref().unwrap().quality_factor;
    let with_known_asset = with_committed_posts(&scenario, &plan);
    let mut with_unknown_asset = with_known_asset.clone();
    with_unknown_asset.clients.iter_mut().for_each(|(_, state)| state.asset_uses.clear());
    let [known, unknown] = [with_known_asset, with_unknown_asset].map(|mut scenario| {
        // Nothing but the committed post.
        let no_posts = compiled(pack_with_file("none.rhai", "fn weekly_posts(ctx) { 0 }\n"));
        scenario.clients.truncate(1);
        let headline = run(&no_posts, &scenario).headline;
        assert_eq!(headline.posts_drafted.mean, 1.0);
        assert!(headline.without_asset.mean == 0.0, "an asset that is not recorded is not counted as missing");
        headline
    });
    let quality_without_asset = rules.base().assets.quality_without_asset;
    assert_near(unknown.expected_engagement.mean / known.expected_engagement.mean, quality_without_asset / quality);
    // In the simulated response, the asset has quality 0.9, and a post without an asset quality 0.
    let gain = scenario.environment.asset_log_gain;
    assert_near(unknown.engagement.mean / known.engagement.mean, libm::exp(-0.9 * gain));
}

#[test]
fn a_simulation_of_a_committed_week_is_bit_identical_on_any_number_of_threads() {
    let rules = compiled(default_pack());
    let scenario = shops();
    let scenario = with_committed_posts(&scenario, &plan(&rules, &scenario));
    let run_on = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| format!("{:?}", run(&rules, &scenario)))
    };
    let on_one = run_on(1);
    assert!(on_one == run_on(2) && on_one == run_on(8));
}

/// The default pack with half as many posts on X.
fn fewer_posts() -> CompiledRules {
    compiled(pack_with_changes(&[
        ("pack.toml", "name = \"default\"", "name = \"fewer\""),
        ("channels.toml", "weekly_posts = 10", "weekly_posts = 5"),
    ]))
}

fn compare_packs(base: &CompiledRules, other: &CompiledRules, scenario: &Scenario) -> Comparison {
    let planners = [base, other].map(|rules| Planner::new(rules, Tier::Exact, None));
    let pack = |index: usize, label| ComparedPack { label, planner: &planners[index], scenario };
    compare(pack(0, "default"), &[pack(1, "fewer")], EXTENT, None, &NeverStops).unwrap()
}

#[test]
fn a_committed_week_is_the_same_under_every_compared_pack() {
    let (base, other) = (compiled(default_pack()), fewer_posts());
    let scenario = shops();
    let committed = with_committed_posts(&scenario, &plan(&base, &scenario));
    let comparison = compare_packs(&base, &other, &committed);
    let weeks: Vec<_> = comparison.versus[0].weekly.iter().map(|week| week.engagement).collect();
    assert!(weeks[0].is_same && weeks[0].base > 100.0, "{:?}", weeks[0]);
    assert!(!weeks[1].is_same && weeks[1].mean < 0.0, "{:?}", weeks[1]);
    assert_near(weeks[0].base, compare_packs(&base, &other, &scenario).versus[0].weekly[0].engagement.base);
    let report = ComparisonReport { comparison: &comparison, command: "mcoe compare", tables: TableFormat::Csv };
    let summary = markdown(report::comparison_documents(&report).unwrap());
    assert!(summary.contains("posts of these weeks were committed before the run"), "{summary}");
}

/// The text of a report's `summary.md`.
fn markdown(files: Vec<report::File>) -> String {
    let (_, bytes) = files.into_iter().find(|(name, _)| name == "summary.md").unwrap();
    String::from_utf8(bytes).unwrap().replace('\u{a0}', " ")
}

fn run_summary(simulation: &Simulation) -> String {
    let report = RunReport { simulation, command: "mcoe simulate", tables: TableFormat::Csv };
    markdown(report::documents(&report).unwrap())
}

#[test]
fn a_report_shows_which_posts_were_already_committed() {
    let rules = compiled(default_pack());
    let scenario = shops();
    assert!(!run_summary(&run(&rules, &scenario)).contains("committed"));
    let summary = run_summary(&run(&rules, &with_committed_posts(&scenario, &plan(&rules, &scenario))));
    let lines: Vec<&str> = summary.lines().filter(|line| line.to_lowercase().contains("committed")).collect();
    insta::assert_snapshot!(lines.join("\n"));
    let without_slot = summary.lines().find(|line| line.contains("no allowed hour left that earns its cost")).unwrap();
    assert!(without_slot.contains("| 0 |"), "{without_slot}");
}
