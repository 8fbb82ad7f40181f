//! Simulations of weeks that are already committed: their posts are published unchanged, and count.

use mcoe::model::{AssetUse, Channel, Plan, Scenario, Tier, Week};
use mcoe::planner::{Planner, plan_week};
use mcoe::report::{self, ComparisonReport, RunReport, TableFormat};
use mcoe::rules::CompiledRules;
use mcoe::simulator::{ComparedPack, Comparison, Extent, Observer, Simulation, compare, simulate};

use crate::support::{Agency, changed, compiled, default_pack, plan};

struct Patient;

impl Observer for Patient {
    fn week_done(&self) {}

    fn should_stop(&self) -> bool {
        false
    }
}

const EXTENT: Extent = Extent { weeks: 3, replications: 4, seed: 5 };

fn run(rules: &CompiledRules, scenario: &Scenario) -> Simulation {
    simulate(&Planner::new(rules, Tier::Exact, None), scenario, EXTENT, &Patient).unwrap()
}

/// Two clients whose posts are all approved in time.
fn shops() -> Scenario {
    let mut scenario = Agency::starting("2026-W40")
        .with("acme", "Europe/London", &[Channel::Linkedin, Channel::X])
        .with("bolt", "Australia/Sydney", &[Channel::Ig, Channel::Email])
        .scenario();
    scenario.review.medium_approved = 1.0;
    scenario.review.high_approved = 1.0;
    scenario.review.delay_hours = 0.01;
    scenario
}

/// The scenario with every post of its plan committed, as the ledger exports it.
fn committed(scenario: &Scenario, plan: &Plan) -> Scenario {
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
fn near(one: f64, other: f64) {
    assert!((one - other).abs() <= 1e-9 * other.abs(), "{one} is not {other}");
}

#[test]
fn simulating_a_committed_week_equals_planning_it() {
    let rules = compiled(default_pack());
    let scenario = shops();
    let plan = plan(&rules, &scenario);
    let posts = plan.posts().count();
    let (open, taken) = (run(&rules, &scenario), run(&rules, &committed(&scenario, &plan)));
    assert_eq!((open.provenance.committed_posts, taken.provenance.committed_posts), (0, posts as u32));
    let first = &taken.weekly[0];
    assert_eq!((first.posts_committed, first.posts_planned, first.reviews), (posts as f64, 0.0, 0.0));
    for (open, taken) in open.weekly.iter().zip(&taken.weekly) {
        assert_eq!((taken.posts_wanted, taken.posts_target), (open.posts_wanted, open.posts_target));
        assert_eq!(taken.posts_drafted, open.posts_drafted);
        near(taken.engagement.mean, open.engagement.mean);
        near(taken.expected_engagement, open.expected_engagement);
    }
    for (open, taken) in open.channels.iter().zip(&taken.channels) {
        near(taken.engagement.mean, open.engagement.mean);
        near(taken.mean_fatigue, open.mean_fatigue);
        near(taken.share_above_warn, open.share_above_warn);
    }
    for (open, taken) in open.channel_weeks.iter().zip(&taken.channel_weeks) {
        assert_eq!((open.fatigue, open.posts_drafted), (taken.fatigue, taken.posts_drafted));
    }
    for (open, taken) in open.clients.iter().zip(&taken.clients) {
        near(taken.engagement.mean, open.engagement.mean);
        near(taken.expected_engagement, open.expected_engagement);
    }
    assert_eq!((&open.calendar, &open.assets.by_uses), (&taken.calendar, &taken.assets.by_uses));
}

#[test]
fn a_partly_committed_week_is_planned_around_its_posts() {
    let rules = compiled(default_pack());
    let scenario = shops();
    let mut plan = plan(&rules, &scenario);
    plan.clients.iter_mut().for_each(|client| client.posts.truncate(2));
    let first = &run(&rules, &committed(&scenario, &plan)).weekly[0];
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
    let simulation = run(&rules, &committed(&scenario, &later));
    let counts: Vec<f64> = simulation.weekly.iter().map(|week| week.posts_committed).collect();
    assert_eq!(counts, [0.0, posts, 0.0]);
    assert!(simulation.weekly[1].engagement.mean > 0.0);
    let beyond = committed(&scenario, &shifted(&later, scenario.start.plus(2)));
    assert_eq!(run(&rules, &beyond).provenance.committed_posts, 0, "the run ends before");
}

/// A plan shifted by two weeks.
fn shifted(plan: &Plan, week: Week) -> Plan {
    let mut plan = Plan { week, ..plan.clone() };
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
    let known = committed(&scenario, &plan);
    let mut unknown = known.clone();
    unknown.clients.iter_mut().for_each(|(_, state)| state.asset_uses.clear());
    let mut expected = [known, unknown].map(|mut scenario| {
        // Nothing but the committed post.
        let none = compiled(crate::support::with_file("none.rhai", "fn weekly_posts(ctx) { 0 }\n"));
        scenario.clients.truncate(1);
        let simulation = run(&none, &scenario);
        assert_eq!(simulation.headline.posts_drafted.mean, 1.0);
        assert!(simulation.headline.without_asset.mean == 0.0, "what is not on record is not counted as missing");
        (simulation.headline.expected_engagement.mean, simulation.headline.engagement.mean)
    });
    let without = rules.base().assets.quality_without_asset;
    near(expected[1].0 / expected[0].0, without / quality);
    // Also in the simulated response: quality 0.9 against none, both relative to the client's usual 0.9.
    near(expected[1].1 / expected[0].1, libm::exp(-0.9 * scenario.environment.asset_log_gain));
    expected.reverse();
}

#[test]
fn a_simulation_of_a_committed_week_is_bit_identical_on_any_number_of_threads() {
    let rules = compiled(default_pack());
    let scenario = shops();
    let scenario = committed(&scenario, &plan(&rules, &scenario));
    let on = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| format!("{:?}", run(&rules, &scenario)))
    };
    let one = on(1);
    assert!(one == on(2) && one == on(8));
}

/// Half as many posts on X as the default pack wants.
fn fewer() -> CompiledRules {
    compiled(changed(&[
        ("pack.toml", "name = \"default\"", "name = \"fewer\""),
        ("channels.toml", "weekly_posts = 10", "weekly_posts = 5"),
    ]))
}

fn compared(base: &CompiledRules, other: &CompiledRules, scenario: &Scenario) -> Comparison {
    let planners = [base, other].map(|rules| Planner::new(rules, Tier::Exact, None));
    let contender = |place: usize, label| ComparedPack { label, planner: &planners[place], scenario };
    compare(contender(0, "default"), &[contender(1, "fewer")], EXTENT, None, &Patient).unwrap()
}

#[test]
fn a_committed_week_is_the_same_under_every_compared_pack() {
    let (base, other) = (compiled(default_pack()), fewer());
    let scenario = shops();
    let taken = committed(&scenario, &plan(&base, &scenario));
    let comparison = compared(&base, &other, &taken);
    let weeks: Vec<_> = comparison.versus[0].weekly.iter().map(|week| week.engagement).collect();
    assert!(weeks[0].is_same && weeks[0].base > 100.0, "{:?}", weeks[0]);
    assert!(!weeks[1].is_same && weeks[1].mean < 0.0, "{:?}", weeks[1]);
    near(weeks[0].base, compared(&base, &other, &scenario).versus[0].weekly[0].engagement.base);
    let report = ComparisonReport { comparison: &comparison, command: "mcoe compare", tables: TableFormat::Csv };
    let reported = markdown(report::comparison_documents(&report).unwrap());
    assert!(reported.contains("posts of these weeks were committed before the run"), "{reported}");
}

fn markdown(files: Vec<report::File>) -> String {
    let (_, bytes) = files.into_iter().find(|(name, _)| name == "summary.md").unwrap();
    String::from_utf8(bytes).unwrap().replace('\u{a0}', " ")
}

fn reported(simulation: &Simulation) -> String {
    let report = RunReport { simulation, command: "mcoe simulate", tables: TableFormat::Csv };
    markdown(report::documents(&report).unwrap())
}

#[test]
fn a_report_shows_which_posts_were_already_committed() {
    let rules = compiled(default_pack());
    let scenario = shops();
    assert!(!reported(&run(&rules, &scenario)).contains("committed"));
    let reported = reported(&run(&rules, &committed(&scenario, &plan(&rules, &scenario))));
    let words: Vec<&str> = reported.lines().filter(|line| line.to_lowercase().contains("committed")).collect();
    insta::assert_snapshot!(words.join("\n"));
    let without: Vec<&str> = reported.lines().filter(|line| line.contains("no time slot left in the week")).collect();
    assert!(without[0].contains("| 0 |"), "{without:?}");
}
