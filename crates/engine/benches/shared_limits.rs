//! Limits that the clients of a workspace share: `cargo bench -p mcoe-engine --bench shared_limits` prints, by number
//! of clients, the gap between the objective of the workspace's plan and its upper bound, and the time it takes to
//! plan. `-- 10000` plans that many clients.
//!
//! One limit allows, on each day, at most 60 % of the posts of an average day without limits. Two are by the hour: one
//! keeps two clients of an industry from posting on the same channel in the same hour, the other allows, in each hour, at
//! most 60 % of the posts of the busiest hour. The last are reviewers for 60 % of the posts, if every post needs a review.

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mcoe_engine::model::{
    Asset, AssetId, Capacity, Channel, ChannelState, Client, ClientId, ClientState, Plan, Policy, Scenario, Score,
    Tier, Week, Zone,
};
use mcoe_engine::planner::{Planner, plan_week};
use mcoe_engine::rules::CompiledRules;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

#[path = "../examples/support/mod.rs"]
mod support;

/// Numbers of clients.
const SIZES: [usize; 3] = [25, 300, 2_000];
const ZONES: [&str; 4] = ["Europe/London", "Europe/Berlin", "America/New_York", "Asia/Tokyo"];
const INDUSTRIES: [&str; 12] =
    ["bakery", "law", "garden", "software", "travel", "fashion", "fitness", "books", "music", "toys", "cars", "coffee"];
/// Number of assets of each client.
const ASSETS: usize = 40;

fn main() -> Result<(), Box<dyn Error>> {
    let sizes: Vec<usize> = std::env::args().filter_map(|argument| argument.parse().ok()).collect();
    for clients in if sizes.is_empty() { SIZES.to_vec() } else { sizes } {
        print_gaps_and_times(clients)?;
    }
    Ok(())
}

fn print_gaps_and_times(clients: usize) -> Result<(), Box<dyn Error>> {
    let scenario = agency(clients)?;
    let (unlimited, unlimited_time) = plan_timed(&rules("")?, &scenario)?;
    println!("{clients} clients: {} posts in {unlimited_time:.1?}", unlimited.posts().count());
    let max_posts_a_day = unlimited.posts().count() as f64 / 7.0 * 0.6;
    let agency_day = format!("[agency_day]\nat_most = {max_posts_a_day:.0}\nper = [\"workspace\", \"day\"]\n");
    let rivals = "[rivals]\nat_most = 1\nper = [\"industry\", \"channel\", \"hour\"]\n".to_owned();
    let mut posts_by_hour: BTreeMap<i64, usize> = BTreeMap::new();
    for (_, post) in unlimited.posts() {
        *posts_by_hour.entry(post.at.as_second().div_euclid(3600)).or_default() += 1;
    }
    let max_posts_an_hour = posts_by_hour.into_values().max().unwrap_or(0) * 6 / 10;
    // With more clients, the posts of an industry's clients do not fit into the hours of a week.
    let mut cases = vec![("60 % of a day", agency_day, scenario.clone())];
    if clients <= 30 {
        cases.push(("rivals", rivals, scenario.clone()));
        let agency_hour = format!("[agency_hour]\nat_most = {max_posts_an_hour}\nper = [\"workspace\", \"hour\"]\n");
        cases.push(("60 % of an hour", agency_hour, scenario.clone()));
    }
    cases.push(("reviewers for 60 %", String::new(), with_reviewers(scenario, unlimited.posts().count() * 6 / 10)));
    for (name, limit, scenario) in cases {
        let (plan, limited_time) = plan_timed(&rules(&limit)?, &scenario)?;
        let workspace = plan.workspaces.first().ok_or("no shared limit binds")?;
        let bound = workspace.upper_bound.ok_or("no bound")?;
        println!(
            "    {name}: {} posts, gap {:.4} %, {limited_time:.1?}, {:.1} times as long",
            plan.posts().filter(|(_, post)| post.is_live()).count(),
            100.0 * (bound - workspace.objective) / bound,
            limited_time.as_secs_f64() / unlimited_time.as_secs_f64(),
        );
    }
    Ok(())
}

/// The scenario in which every post needs a review, with reviewers for about so many posts a week.
fn with_reviewers(mut scenario: Scenario, reviews: usize) -> Scenario {
    scenario.clients.iter_mut().for_each(|(client, _)| client.policy.auto_exec_enabled = false);
    let reviews_a_day = u32::try_from(reviews / 5).unwrap_or(u32::MAX);
    scenario.capacity = Capacity { reviewers: 1, reviews_per_reviewer_per_day: reviews_a_day };
    scenario
}

fn rules(limits: &str) -> Result<CompiledRules, Box<dyn Error>> {
    let mut pack = support::default_pack()?;
    pack.insert("limits.toml".to_owned(), limits.to_owned());
    support::compiled(pack)
}

fn plan_timed(rules: &CompiledRules, scenario: &Scenario) -> Result<(Plan, Duration), Box<dyn Error>> {
    let start = Instant::now();
    let plan = plan_week(&Planner::new(rules, Tier::Exact, None), scenario, scenario.start)?;
    Ok((plan, start.elapsed()))
}

/// One workspace whose clients have nine channels each, drawn from a fixed seed.
fn agency(clients: usize) -> Result<Scenario, Box<dyn Error>> {
    let week: Week = "2026-W40".parse()?;
    let bakery = support::bakery(week)?;
    let template = bakery.clients.first().ok_or("the bakery is missing")?;
    let mut random = ChaCha8Rng::seed_from_u64(7);
    let clients = (0..clients).map(|number| client(number, template, week, &mut random)).collect::<Result<_, _>>()?;
    Ok(Scenario { clients, ..bakery })
}

fn client(
    number: usize,
    (template, template_state): &(Client, ClientState),
    week: Week,
    random: &mut ChaCha8Rng,
) -> Result<(Client, ClientState), Box<dyn Error>> {
    let pick = |names: &[&'static str]| names.get(number % names.len()).copied().unwrap_or_default();
    let zone: Zone = pick(&ZONES).parse()?;
    let monday = zone.start_of_day(week.monday())?;
    let score = |value: f64| Score::new(value).unwrap_or(Score::HALF);
    let asset = |index: usize, random: &mut ChaCha8Rng| Asset {
        quality: score(random.random_range(0.3..1.0)),
        brand_consistency: score(random.random_range(0.7..1.0)),
        title: format!("Photo {index}").into(),
        body: "Fresh.".into(),
        ..Asset::new(AssetId::new(format!("{number}-{index}")), "photo", monday.plus_hours(-24 - index as i64))
    };
    let template_channel = template_state.channels.first().ok_or("the bakery has no channel")?;
    let state = |channel, random: &mut ChaCha8Rng| ChannelState {
        channel,
        audience: random.random_range(500.0..50_000.0),
        engagement_rate: Some(random.random_range(0.005..0.05)),
        last_post_at: Some(monday.plus_hours(-48)),
        recent_posts: vec![monday.plus_hours(-48)],
        posts_needing_review: Vec::new(),
        as_of: monday,
        ..template_channel.clone()
    };
    let state = ClientState {
        channels: Channel::ALL.into_iter().map(|channel| state(channel, random)).collect(),
        ..template_state.clone()
    };
    let client = Client {
        id: ClientId::new(format!("client-{number:05}")),
        name: format!("Client {number}").into(),
        industry: Arc::from(pick(&INDUSTRIES)),
        zone,
        priority: random.random_range(1.0..100.0_f64).round(),
        policy: Policy { max_actions_per_day: 60, ..template.policy },
        assets: (0..ASSETS).map(|index| asset(index, random)).collect(),
        ..template.clone()
    };
    Ok((client, state))
}
