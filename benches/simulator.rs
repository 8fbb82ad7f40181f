//! Time of planning and simulating whole clients: `cargo bench --bench simulator`.
//!
//! Prints microseconds per client-week on one thread, the share of the optimiser in it, how the time
//! of a simulation grows with clients, weeks and replications, and the time of a comparison of two packs.

#![allow(clippy::expect_used, clippy::panic, reason = "a bench that cannot be set up stops")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use mcoe::model::{Client, ClientState, Scenario, Tier};
use mcoe::planner::{self, Planner, Solver};
use mcoe::rules::CompiledRules;
use mcoe::scenario::{self, GenerateOptions, USUAL_HISTORY_DAYS};
use mcoe::simulator::{self, ComparedPack, Extent, Observer};

#[path = "support/world.rs"]
mod world;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Number of clients to generate for the planning bench, which uses those with all nine channels.
const CLIENTS: u32 = 200;
const ROUNDS: usize = 7;

struct Nobody;

impl Observer for Nobody {
    fn week_done(&self) {}

    fn should_stop(&self) -> bool {
        false
    }
}

fn main() {
    let rules = world::compiled();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("one thread");
    pool.install(|| {
        planning(&rules);
        growth(&rules);
        comparing(&rules);
    });
}

/// A generated scenario, as read from its folder.
fn generated(clients: u32, rules: &CompiledRules) -> Scenario {
    let options = GenerateOptions {
        clients,
        seed: 1,
        weeks: 12,
        history_days: USUAL_HISTORY_DAYS,
        start: "2026-W37".parse().expect("a week"),
        name: "bench".to_owned(),
    };
    let files = scenario::generate(&options).expect("the options are in range").files;
    let dir = tempfile::tempdir().expect("a temporary folder");
    for (name, bytes) in scenario::render(&files).expect("tables can be written") {
        std::fs::write(dir.path().join(name), bytes).expect("the disk has room");
    }
    scenario::read(dir.path(), &rules.base().risk.default_policy).expect("what was generated is valid")
}

/// The median of several rounds.
fn median(mut work: impl FnMut() -> Duration) -> Duration {
    let mut times: Vec<Duration> = (0..ROUNDS).map(|_| work()).collect();
    times.sort();
    times.get(ROUNDS / 2).copied().unwrap_or_default()
}

fn timed<T>(work: impl FnOnce() -> T) -> Duration {
    let start = Instant::now();
    black_box(work());
    start.elapsed()
}

fn planning(rules: &CompiledRules) {
    let mut scenario = generated(CLIENTS, rules);
    scenario.clients.retain(|(client, state)| client.status.is_planned() && state.channels.len() == 9);
    let clients: Vec<(&Client, &ClientState)> =
        scenario.clients.iter().map(|(client, state)| (client, state)).collect();
    let count = clients.len() as f64;
    let per_client = |time: Duration| time.as_secs_f64() * 1e6 / count;

    let planner = Planner::new(rules, Tier::Exact, None);
    let all_in =
        median(|| timed(|| planner.plan_clients(&clients, &scenario.capacity, scenario.start).expect("planned")));
    let plan = planner::plan_week(&planner, &scenario, scenario.start).expect("planned");
    let decisions = median(|| timed(|| planner::decisions(&plan)));
    let check = median(|| timed(|| planner::check::check_plan(&plan, &scenario, rules)));
    let weeks = planner::instances(&planner, &scenario, scenario.start).expect("planned");
    let instances: Vec<_> = weeks.into_iter().flat_map(|week| week.channels).collect();
    let mut solver = Solver::default();
    let solve = median(|| timed(|| instances.iter().map(|i| solver.solve(&i.instance).objective).sum::<f64>()));
    let prices = median(|| timed(|| instances.iter().map(|i| solver.end_weight(&i.instance, 2)).sum::<f64>()));
    let posts = plan.posts().count() as f64 / count;
    println!("planning, one thread, {count} clients of nine channels, {posts:.1} posts a client-week");
    println!("  plan                          {:8.1} us a client-week", per_client(all_in));
    println!(
        "  of it the optimiser           {:8.1} us ({:.0} %)",
        per_client(solve),
        100.0 * solve.as_secs_f64() / all_in.as_secs_f64()
    );
    println!(
        "  of it prices of fatigue       {:8.1} us ({:.0} %)",
        per_client(prices),
        100.0 * prices.as_secs_f64() / all_in.as_secs_f64()
    );
    println!("  decisions on record           {:8.1} us", per_client(decisions));
    println!("  plan with decisions           {:8.1} us", per_client(all_in + decisions));
    println!("  independent check             {:8.1} us", per_client(check));
}

fn simulated(rules: &CompiledRules, scenario: &Scenario, weeks: u32, replications: u32) -> Duration {
    let planner = Planner::new(rules, Tier::Exact, None);
    let extent = Extent { weeks, replications, seed: 1 };
    timed(|| simulator::simulate(&planner, scenario, extent, &Nobody).expect("simulated"))
}

fn growth(rules: &CompiledRules) {
    println!(
        "simulating, one thread; the last column is time over the first row's, divided by the size over the first row's"
    );
    let mut first = None;
    for (clients, weeks, replications) in
        [(50, 4, 1), (100, 4, 1), (200, 4, 1), (50, 8, 1), (50, 16, 1), (50, 4, 2), (50, 4, 4)]
    {
        let scenario = generated(clients, rules);
        let time = simulated(rules, &scenario, weeks, replications).as_secs_f64();
        let size = f64::from(clients * weeks * replications);
        let per_size = time / size;
        let base = *first.get_or_insert(per_size);
        println!(
            "  {clients:4} clients {weeks:3} weeks {replications:2} replications {time:7.3} s {:7.1} us a client-week {:5.2}",
            per_size * 1e6,
            per_size / base
        );
    }
}

/// Times a comparison of two packs and a simulation of the first alternately, so that both run under the same load.
fn comparing(rules: &CompiledRules) {
    let scenario = generated(50, rules);
    let extent = Extent { weeks: 4, replications: 10, seed: 1 };
    let compared = || {
        let planners = [(), ()].map(|()| Planner::new(rules, Tier::Exact, None));
        let [base, other] =
            planners.each_ref().map(|planner| ComparedPack { label: "pack", planner, scenario: &scenario });
        timed(|| simulator::compare(base, &[other], extent, None, &Nobody).expect("compared"))
    };
    let mut ratios: Vec<(f64, f64, f64)> = (0..ROUNDS)
        .map(|_| (simulated(rules, &scenario, extent.weeks, extent.replications), compared()))
        .map(|(simulate, compare)| (simulate.as_secs_f64(), compare.as_secs_f64()))
        .map(|(simulate, compare)| (compare / simulate, simulate, compare))
        .collect();
    ratios.sort_by(|(a, ..), (b, ..)| a.total_cmp(b));
    let (ratio, simulate, compare) = ratios.get(ROUNDS / 2).copied().unwrap_or_default();
    let (least, most) = (ratios.first().map_or(0.0, |row| row.0), ratios.last().map_or(0.0, |row| row.0));
    println!("comparing two packs, one thread, 50 clients, 4 weeks, 10 replications; median of {ROUNDS} turns");
    println!(
        "  simulate one {simulate:7.3} s, compare two {compare:7.3} s: {ratio:.2} times ({least:.2} to {most:.2}), at most 2.10 wanted"
    );
}
