//! Limits that the clients of a workspace share: `cargo bench -p mcoe-engine --bench shared_limits` prints the gap of the
//! workspace's plan and the time of planning it, by number of clients. `-- 10000` plans that many clients.
//!
//! The agency posts six tenths of what its clients would post, each day; or rivals of an industry never post on the same
//! channel in the same hour.

use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mcoe_engine::model::{
    Asset, AssetId, Channel, ChannelState, Client, ClientId, ClientState, Plan, Policy, Scenario, Score, Tier, Week,
    Zone,
};
use mcoe_engine::planner::{Planner, plan_week};
use mcoe_engine::rules::CompiledRules;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

#[path = "../examples/support/mod.rs"]
mod support;

const SIZES: [usize; 3] = [25, 300, 2_000];
const ZONES: [&str; 4] = ["Europe/London", "Europe/Berlin", "America/New_York", "Asia/Tokyo"];
const INDUSTRIES: [&str; 12] =
    ["bakery", "law", "garden", "software", "travel", "fashion", "fitness", "books", "music", "toys", "cars", "coffee"];
const ASSETS: usize = 40;

fn main() -> Result<(), Box<dyn Error>> {
    let asked: Vec<usize> = std::env::args().filter_map(|argument| argument.parse().ok()).collect();
    for clients in if asked.is_empty() { SIZES.to_vec() } else { asked } {
        report(clients)?;
    }
    Ok(())
}

fn report(clients: usize) -> Result<(), Box<dyn Error>> {
    let scenario = agency(clients)?;
    let (alone, time) = planned(&rules("")?, &scenario)?;
    println!("{clients} clients: {} posts in {time:.1?}", alone.posts().count());
    let a_day = alone.posts().count() as f64 / 7.0 * 0.6;
    let day = format!("[agency_day]\nat_most = {a_day:.0}\nper = [\"workspace\", \"day\"]\n");
    let rivals = "[rivals]\nat_most = 1\nper = [\"industry\", \"channel\", \"hour\"]\n".to_owned();
    // Only so many clients fit into the hours of a week.
    let limits = [("60 % of a day", Some(day)), ("rivals", Some(rivals).filter(|_| clients <= 30))];
    for (name, limit) in limits {
        let Some(limit) = limit else { continue };
        let (plan, limited) = planned(&rules(&limit)?, &scenario)?;
        let workspace = plan.workspaces.first().ok_or("no client gives way")?;
        let bound = workspace.upper_bound.ok_or("no bound")?;
        println!(
            "    {name}: {} posts, gap {:.4} %, {limited:.1?}, {:.1} times as long",
            plan.posts().count(),
            100.0 * (bound - workspace.objective) / bound,
            limited.as_secs_f64() / time.as_secs_f64(),
        );
    }
    Ok(())
}

fn rules(limits: &str) -> Result<CompiledRules, Box<dyn Error>> {
    let mut pack = support::default_pack()?;
    pack.insert("limits.toml".to_owned(), limits.to_owned());
    support::compiled(pack)
}

fn planned(rules: &CompiledRules, scenario: &Scenario) -> Result<(Plan, Duration), Box<dyn Error>> {
    let start = Instant::now();
    let plan = plan_week(&Planner::new(rules, Tier::Exact, None), scenario, scenario.start)?;
    Ok((plan, start.elapsed()))
}

/// One workspace with clients of nine channels, drawn from a fixed seed.
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
    let asset = |place: usize, random: &mut ChaCha8Rng| Asset {
        quality: score(random.random_range(0.3..1.0)),
        brand_consistency: score(random.random_range(0.7..1.0)),
        title: format!("Photo {place}").into(),
        body: "Fresh.".into(),
        ..Asset::new(AssetId::new(format!("{number}-{place}")), "photo", monday.plus_hours(-24 - place as i64))
    };
    let usual = template_state.channels.first().ok_or("the bakery has no channel")?;
    let channel = |channel, random: &mut ChaCha8Rng| ChannelState {
        channel,
        audience: random.random_range(500.0..50_000.0),
        engagement_rate: Some(random.random_range(0.005..0.05)),
        last_post_at: Some(monday.plus_hours(-48)),
        recent_posts: vec![monday.plus_hours(-48)],
        as_of: monday,
        ..usual.clone()
    };
    let state = ClientState {
        channels: Channel::ALL.into_iter().map(|one| channel(one, random)).collect(),
        ..template_state.clone()
    };
    let client = Client {
        id: ClientId::new(format!("client-{number:05}")),
        name: format!("Client {number}").into(),
        industry: Arc::from(pick(&INDUSTRIES)),
        zone,
        priority: random.random_range(1.0..100.0_f64).round(),
        policy: Policy { max_actions_per_day: 60, ..template.policy },
        assets: (0..ASSETS).map(|place| asset(place, random)).collect(),
        ..template.clone()
    };
    Ok((client, state))
}
