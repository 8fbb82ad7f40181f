//! Time of planning and simulating whole clients: `cargo bench --bench simulator`.
//!
//! Prints the microseconds that planning takes per client-week on one thread, and the optimiser's share of that time;
//! how the time of a simulation grows with clients, weeks and replications; and the time of a comparison of two packs.

#![allow(clippy::expect_used, clippy::panic, reason = "a bench that cannot be set up stops")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use mcoe::model::{Client, ClientState, Scenario, Tier};
use mcoe::planner::{self, Planner, Solver};
use mcoe::rules::CompiledRules;
use mcoe::scenario::{self, DEFAULT_HISTORY_DAYS, GenerateOptions};
use mcoe::simulator::{self, ComparedPack, Extent, Observer};

#[path = "support/world.rs"]
mod world;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Number of clients to generate for the planning bench, which uses those with all nine channels.
const CLIENTS: u32 = 200;
const ROUNDS: usize = 7;

/// Observes nothing and never stops a run.
struct Unobserved;

impl Observer for Unobserved {
    fn week_done(&self) {}

    fn should_stop(&self) -> bool {
        false
    }
}

fn main() {
    let rules = world::compiled();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("one thread");
    pool.install(|| {
        print_planning(&rules);
        print_growth(&rules);
        print_comparison(&rules);
    });
}

/// A generated scenario, as read from its folder.
fn generated(clients: u32, rules: &CompiledRules) -> Scenario {
    let options = GenerateOptions {
        clients,
        seed: 1,
        weeks: 12,
        history_days: DEFAULT_HISTORY_DAYS,
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

/// The median time over several rounds.
fn median_time(mut timed_work: impl FnMut() -> Duration) -> Duration {
    let mut times: Vec<Duration> = (0..ROUNDS).map(|_| timed_work()).collect();
    times.sort();
    times.get(ROUNDS / 2).copied().unwrap_or_default()
}

fn timed<T>(work: impl FnOnce() -> T) -> Duration {
    let start = Instant::now();
    black_box(work());
    start.elapsed()
}

fn print_planning(rules: &CompiledRules) {
    let mut scenario = generated(CLIENTS, rules);
    scenario.clients.retain(|(client, state)| client.status.is_planned() && state.channels.len() == 9);
    let clients: Vec<(&Client, &ClientState)> =
        scenario.clients.iter().map(|(client, state)| (client, state)).collect();
    let count = clients.len() as f64;
    let per_client = |time: Duration| time.as_secs_f64() * 1e6 / count;

    let planner = Planner::new(rules, Tier::Exact, None);
    let plan_time =
        median_time(|| timed(|| planner.plan_clients(&clients, &scenario.capacity, scenario.start).expect("planned")));
    let plan = planner::plan_week(&planner, &scenario, scenario.start).expect("planned");
    let decisions = median_time(|| timed(|| planner::decisions(&plan)));
    let check = median_time(|| timed(|| planner::check::check_plan(&plan, &scenario, rules)));
    let weeks = planner::solved_weeks(&planner, &scenario, scenario.start).expect("planned").clients;
    let instances: Vec<_> = weeks.into_iter().flat_map(|week| week.channels).collect();
    let mut solver = Solver::default();
    let solve = median_time(|| timed(|| instances.iter().map(|i| solver.solve(&i.instance).objective).sum::<f64>()));
    let prices = median_time(|| timed(|| instances.iter().map(|i| solver.end_weight(&i.instance, 2)).sum::<f64>()));
    let posts = plan.posts().count() as f64 / count;
    println!("planning, one thread, {count} clients of nine channels, {posts:.1} posts a client-week");
    println!("  plan                          {:8.1} us a client-week", per_client(plan_time));
    println!(
        "    of which the optimiser      {:8.1} us ({:.0} %)",
        per_client(solve),
        100.0 * solve.as_secs_f64() / plan_time.as_secs_f64()
    );
    println!(
        "    of which prices of fatigue  {:8.1} us ({:.0} %)",
        per_client(prices),
        100.0 * prices.as_secs_f64() / plan_time.as_secs_f64()
    );
    println!("  recording decisions           {:8.1} us", per_client(decisions));
    println!("  plan with decisions           {:8.1} us", per_client(plan_time + decisions));
    println!("  independent check             {:8.1} us", per_client(check));
}

fn simulate_timed(rules: &CompiledRules, scenario: &Scenario, weeks: u32, replications: u32) -> Duration {
    let planner = Planner::new(rules, Tier::Exact, None);
    let extent = Extent { weeks, replications, seed: 1 };
    timed(|| simulator::simulate(&planner, scenario, extent, &Unobserved).expect("simulated"))
}

fn print_growth(rules: &CompiledRules) {
    println!("simulating, one thread; the last column is the time per client-week, relative to that of the first row");
    let mut time_of_first_row = None;
    for (clients, weeks, replications) in
        [(50, 4, 1), (100, 4, 1), (200, 4, 1), (50, 8, 1), (50, 16, 1), (50, 4, 2), (50, 4, 4)]
    {
        let scenario = generated(clients, rules);
        let time = simulate_timed(rules, &scenario, weeks, replications).as_secs_f64();
        let client_weeks = f64::from(clients * weeks * replications);
        let time_per_week = time / client_weeks;
        let base_time = *time_of_first_row.get_or_insert(time_per_week);
        println!(
            "  {clients:4} clients {weeks:3} weeks {replications:2} replications {time:7.3} s {:7.1} us a client-week {:5.2}",
            time_per_week * 1e6,
            time_per_week / base_time
        );
    }
}

/// Times a simulation of one pack and a comparison of two in turn, so that both are timed under the same system load.
fn print_comparison(rules: &CompiledRules) {
    let scenario = generated(50, rules);
    let extent = Extent { weeks: 4, replications: 10, seed: 1 };
    let compare_timed = || {
        let planners = [(), ()].map(|()| Planner::new(rules, Tier::Exact, None));
        let [base, other] =
            planners.each_ref().map(|planner| ComparedPack { label: "pack", planner, scenario: &scenario });
        timed(|| simulator::compare(base, &[other], extent, None, &Unobserved).expect("compared"))
    };
    let round = |_| {
        let simulate = simulate_timed(rules, &scenario, extent.weeks, extent.replications).as_secs_f64();
        Round { simulate, compare: compare_timed().as_secs_f64() }
    };
    let mut rounds: Vec<Round> = (0..ROUNDS).map(round).collect();
    rounds.sort_by(|a, b| a.ratio().total_cmp(&b.ratio()));
    let [least, ratio, most] = [0, ROUNDS / 2, ROUNDS - 1].map(|index| rounds.get(index).map_or(0.0, Round::ratio));
    let Round { simulate, compare } = rounds.get(ROUNDS / 2).copied().unwrap_or_default();
    println!("comparing two packs, one thread, 50 clients, 4 weeks, 10 replications; median of {ROUNDS} rounds");
    println!(
        "  simulate one {simulate:7.3} s, compare two {compare:7.3} s: {ratio:.2} times ({least:.2} to {most:.2}), target: at most 2.10"
    );
}

/// Seconds of a simulation of one pack, and of a comparison of two.
#[derive(Clone, Copy, Default)]
struct Round {
    simulate: f64,
    compare: f64,
}

impl Round {
    fn ratio(&self) -> f64 {
        self.compare / self.simulate
    }
}
