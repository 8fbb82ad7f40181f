//! A plausible simulation, built without randomness, and extreme variants of it.

use crate::model::{Channel, ClientId, RiskBand, Week, WorkspaceId};
use crate::simulator::{
    AssetSummary, ChannelSummary, ChannelWeek, ClientSummary, GuardrailSummary, Headline, Provenance, Simulation,
    TargetChanges, WeekSummary,
};
use crate::stats::Estimate;

/// The size of a sample simulation.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    pub channels: usize,
    pub clients: usize,
    pub weeks: u32,
    pub replications: u32,
    /// Factor on all counts.
    pub size: f64,
}

pub const USUAL: Shape = Shape { channels: 9, clients: 12, weeks: 12, replications: 20, size: 1.0 };

/// What is typical of a channel.
pub(super) struct Traits {
    pub posts_per_week: f64,
    pub fatigue: f64,
    pub engagements_per_post: f64,
}

const fn traits(posts_per_week: f64, fatigue: f64, engagements_per_post: f64) -> Traits {
    Traits { posts_per_week, fatigue, engagements_per_post }
}

/// What is typical of each channel.
pub(super) const TRAITS: [Traits; Channel::COUNT] = [
    traits(5.0, 0.28, 310.0),
    traits(7.0, 0.41, 520.0),
    traits(14.0, 0.58, 840.0),
    traits(5.0, 0.24, 95.0),
    traits(2.0, 0.18, 1450.0),
    traits(3.0, 0.21, 24.0),
    traits(3.0, 0.19, 60.0),
    traits(2.0, 0.12, 130.0),
    traits(10.0, 0.33, 88.0),
];

/// Each rule with the shares of planned posts that it blocks and warns about.
const RULES: [(&str, f64, f64); 7] = [
    ("early_warning", 0.012, 0.05),
    ("channel_fatigue", 0.031, 0.21),
    ("policy_compliance", 0.004, 0.0),
    ("truth_layer", 0.0, 0.12),
    ("timing_conflict", 0.0008, 0.0),
    ("brand_calendar", 0.0, 0.0),
    ("review_capacity", 0.018, 0.0),
];

pub(super) const CLIENTS: [&str; 12] = [
    "Harbour Coffee Roasters",
    "Bluegum Physio",
    "Nordlys Outdoor",
    "Kestrel & Sons Legal",
    "Sunday Market Florist",
    "Mako Surf School",
    "Ember Ceramics",
    "Tideway Credit Union",
    "Foxglove Skincare",
    "Little Acorn Preschool",
    "Quarry Bouldering",
    "Olive Branch Catering",
];

/// A deterministic number in `0..1` that looks random.
pub(super) fn pseudo_random(index: usize, salt: usize) -> f64 {
    let mixed = (index.wrapping_mul(2_654_435_761) ^ salt.wrapping_mul(40_503)).wrapping_mul(2_246_822_519);
    ((mixed >> 7) % 10_007) as f64 / 10_007.0
}

fn estimate(mean: f64, spread: f64, replications: u32) -> Estimate {
    let value = |replication| {
        let position = (f64::from(replication) + 0.5) / f64::from(replications) - 0.5;
        mean * (1.0 + spread * (position * 2.0 + position * position * position))
    };
    Estimate::of(&(0..replications).map(value).collect::<Vec<f64>>())
}

/// The usual sample simulation.
pub fn simulation() -> Simulation {
    shaped(USUAL)
}

/// The usual simulation and its variants, each with a name.
pub fn variants() -> Vec<(&'static str, Simulation)> {
    let zero = Shape { size: 0.0, ..USUAL };
    vec![
        ("usual", simulation()),
        ("year", shaped(Shape { weeks: 52, ..USUAL })),
        ("one-week", shaped(Shape { weeks: 1, ..USUAL })),
        ("one-client", shaped(Shape { clients: 1, channels: 4, ..USUAL })),
        ("one-replication", shaped(Shape { replications: 1, ..USUAL })),
        ("sixty-clients", shaped(Shape { clients: 60, ..USUAL })),
        ("zeros", shaped(zero)),
        ("nothing", shaped(Shape { channels: 0, clients: 0, weeks: 0, ..zero })),
        ("huge", shaped(Shape { size: 90_000.0, weeks: 160, ..USUAL })),
        ("names", with_hostile_names(simulation())),
        ("committed", with_committed_posts(simulation())),
    ]
}

/// The simulation with all posts of its first week committed before the run.
fn with_committed_posts(mut simulation: Simulation) -> Simulation {
    if let Some(week) = simulation.weekly.first_mut() {
        simulation.provenance.committed_posts = week.posts_drafted as u32;
        (week.posts_committed, week.committed_in_target) = (week.posts_drafted, week.posts_drafted);
        (week.posts_planned, week.posts_blocked, week.risk) = (0.0, 0.0, [0.0; RiskBand::ALL.len()]);
    }
    simulation
}

fn with_hostile_names(mut simulation: Simulation) -> Simulation {
    let long = "Gesellschaft für Großwetterlagenbeobachtung & Söhne ".repeat(4);
    let names = ["<script>alert('x')</script>", long.as_str(), "a|b`c*d_e", "\"quoted\" & 'so on'"];
    for (client, name) in simulation.clients.iter_mut().zip(names) {
        client.name = name.to_owned();
        client.client_id = ClientId::new(name);
    }
    if let Some(rule) = simulation.guardrails.first_mut() {
        rule.rule = "a_rule_with_a_name_that_goes_on_and_on_and_never_seems_to_end<script>".to_owned();
    }
    simulation.provenance.scenario = "<script>scenario</script>".to_owned();
    simulation.provenance.rules = "rules`with`ticks & <b>".to_owned();
    simulation
}

/// A simulation of the given size.
pub fn shaped(shape: Shape) -> Simulation {
    let start: Week = "2026-W48".parse().unwrap();
    let weekly: Vec<WeekSummary> = (0..shape.weeks as usize).map(|week| week_summary(shape, start, week)).collect();
    let channels: Vec<ChannelSummary> = (0..shape.channels).map(|index| channel_summary(shape, index)).collect();
    let channel_weeks = (0..shape.weeks as usize)
        .flat_map(|week| (0..shape.channels).map(move |index| channel_week(shape, start, week, index)))
        .collect();
    Simulation {
        provenance: provenance(shape, start),
        headline: headline(shape, &weekly, &channels),
        weekly,
        channels,
        channel_weeks,
        clients: (0..shape.clients).map(|index| client_summary(shape, index)).collect(),
        guardrails: guardrails(shape),
        calendar: calendar(shape),
        assets: assets(shape),
    }
}

pub(super) fn provenance(shape: Shape, start: Week) -> Provenance {
    Provenance {
        scenario: "agency".to_owned(),
        scenario_hash: "9c1185a5c5e9fc54612808977ee8f548b2258d31b4a1f8c3d0f6e7a9b2c4d6e8".to_owned(),
        rules: "default".to_owned(),
        rules_hash: "4e07408562bedb8b60ce05c1decfe3ad16b72230967de01f640b7e4729b49fce".to_owned(),
        version: "0.1.0".to_owned(),
        time_zones: "2026a".to_owned(),
        seed: 7,
        start,
        weeks: shape.weeks,
        replications: shape.replications,
        clients: shape.clients as u32,
        tier: "fast".to_owned(),
        committed_posts: 0,
    }
}

fn wanted(shape: Shape, channel: usize) -> f64 {
    TRAITS[channel].posts_per_week * shape.clients as f64 * shape.size
}

fn target(shape: Shape, channel: usize, week: usize) -> f64 {
    let factor = if fatigue_at(channel, week) > 0.5 { 0.78 } else { 0.97 };
    wanted(shape, channel) * (factor + 0.03 * pseudo_random(week, channel))
}

fn drafted(shape: Shape, channel: usize, week: usize) -> f64 {
    target(shape, channel, week) * (0.86 + 0.09 * pseudo_random(week, channel + 11))
}

fn fatigue_at(channel: usize, week: usize) -> f64 {
    let rise = 0.25 * (1.0 - libm::exp(-(week as f64) / 3.0));
    (TRAITS[channel].fatigue * (0.75 + rise + 0.12 * (pseudo_random(week, channel + 5) - 0.5))).min(0.95)
}

fn season(week: usize) -> f64 {
    1.0 + 0.18 * libm::sin(week as f64 * 0.55) + 0.05 * pseudo_random(week, 3)
}

fn week_summary(shape: Shape, start: Week, week: usize) -> WeekSummary {
    let over = |value: fn(Shape, usize, usize) -> f64| (0..shape.channels).map(|index| value(shape, index, week)).sum();
    let (posts_target, posts_drafted): (f64, f64) = (over(target), over(drafted));
    let planned = posts_target * (0.97 + 0.02 * pseudo_random(week, 1));
    let missing = planned - posts_drafted;
    let engagements = |index: usize| drafted(shape, index, week) * TRAITS[index].engagements_per_post;
    let expected: f64 = (0..shape.channels).map(engagements).sum();
    let medium = planned * (0.2 + 0.1 * pseudo_random(week, 8));
    let high = planned * (0.04 + 0.05 * pseudo_random(week, 9));
    let posts_wanted: f64 = (0..shape.channels).map(|index| wanted(shape, index)).sum();
    WeekSummary {
        week: start.plus(week as i64),
        engagement: estimate(expected * season(week) * 0.96, 0.14, shape.replications),
        net_worth: estimate(expected * season(week) * 0.96 - 15.0 * posts_drafted, 0.15, shape.replications),
        hours_of_work: 1.5 * posts_drafted,
        cost: 15.0 * posts_drafted,
        audience_end: 9000.0 * shape.clients as f64 * libm::pow(0.997, week as f64),
        expected_engagement: expected,
        posts_wanted,
        posts_target,
        target_changes: TargetChanges { fewer_by_fatigue: posts_wanted - posts_target, ..TargetChanges::default() },
        posts_committed: 0.0,
        committed_in_target: 0.0,
        posts_planned: planned,
        posts_drafted,
        posts_blocked: missing * 0.6,
        reviews: (medium + high) * 0.9,
        rejected: missing * 0.25,
        expired: missing * 0.15,
        risk: [planned - medium - high, medium, high],
    }
}

fn channel_week(shape: Shape, start: Week, week: usize, index: usize) -> ChannelWeek {
    let middle = fatigue_at(index, week);
    let drafts = drafted(shape, index, week);
    ChannelWeek {
        week: start.plus(week as i64),
        channel: Channel::ALL[index],
        posts_wanted: wanted(shape, index),
        posts_target: target(shape, index, week),
        posts_drafted: drafts,
        engagement: drafts * TRAITS[index].engagements_per_post * season(week),
        fatigue: if shape.size == 0.0 { [0.0; 3] } else { [middle * 0.4, middle, (middle * 1.45 + 0.05).min(0.97)] },
    }
}

fn channel_summary(shape: Shape, index: usize) -> ChannelSummary {
    let over = |value: fn(Shape, usize, usize) -> f64| {
        (0..shape.weeks as usize).map(|week| value(shape, index, week)).sum::<f64>()
    };
    let (planned, drafts) = (over(target) * 0.98, over(drafted));
    let Traits { fatigue, engagements_per_post, .. } = TRAITS[index];
    let fatigue = fatigue * f64::from(u8::from(shape.size > 0.0));
    ChannelSummary {
        channel: Channel::ALL[index],
        clients: shape.clients as u32,
        engagement: estimate(drafts * engagements_per_post, 0.1, shape.replications),
        net_worth: estimate(drafts * (engagements_per_post - 15.0), 0.11, shape.replications),
        hours_of_work: 1.5 * drafts,
        cost: 15.0 * drafts,
        audience_end: 1000.0 * shape.clients as f64,
        posts_wanted: wanted(shape, index) * f64::from(shape.weeks),
        posts_committed: 0.0,
        posts_planned: planned,
        posts_drafted: drafts,
        posts_blocked: (planned - drafts) * 0.6,
        without_asset: planned * 0.03 * pseudo_random(index, 2),
        mean_fatigue: fatigue,
        share_above_warn: (fatigue - 0.22).max(0.0) * 1.4,
        share_above_block: (fatigue - 0.5).max(0.0) * 0.5,
        warn_at: 0.5,
        block_at: 0.8,
    }
}

fn client_summary(shape: Shape, index: usize) -> ClientSummary {
    let weeks = f64::from(shape.weeks);
    let wanted: f64 = (0..shape.channels).map(|channel| TRAITS[channel].posts_per_week * shape.size * weeks).sum();
    let planned = wanted * (0.74 + 0.24 * pseudo_random(index, 21));
    let drafts = planned * (0.8 + 0.19 * pseudo_random(index, 22));
    let expected = drafts * 400.0 * (0.3 + pseudo_random(index, 23));
    let name = CLIENTS[index % CLIENTS.len()];
    let branch = index / CLIENTS.len();
    ClientSummary {
        client_id: ClientId::new(format!("client-{:03}", index + 1)),
        name: if branch == 0 { name.to_owned() } else { format!("{name} {}", branch + 1) },
        workspace_id: WorkspaceId::new(if index.is_multiple_of(2) { "north" } else { "south" }),
        time_zone: if index.is_multiple_of(3) { "Australia/Sydney" } else { "Europe/Oslo" }.to_owned(),
        engagement: estimate(expected * (0.8 + 0.4 * pseudo_random(index, 24)), 0.2, shape.replications),
        net_worth: estimate(expected * (0.8 + 0.4 * pseudo_random(index, 24)) - 15.0 * drafts, 0.2, shape.replications),
        hours_of_work: 1.5 * drafts,
        cost: 15.0 * drafts,
        audience_end: 9000.0 * (0.5 + pseudo_random(index, 27)),
        expected_engagement: expected,
        posts_wanted: wanted,
        posts_committed: 0.0,
        posts_planned: planned,
        posts_drafted: drafts,
        posts_blocked: (planned - drafts) * 0.7,
        reviews: planned * 0.28,
        without_asset: planned * 0.04 * pseudo_random(index, 25),
        mean_fatigue: (0.2 + 0.3 * pseudo_random(index, 26)) * f64::from(u8::from(shape.size > 0.0)),
        risk: [planned * 0.7, planned * 0.22, planned * 0.08],
    }
}

fn guardrails(shape: Shape) -> Vec<GuardrailSummary> {
    let planned = |week: usize| (0..shape.channels).map(|index| target(shape, index, week)).sum::<f64>() * 0.98;
    RULES
        .iter()
        .enumerate()
        .map(|(salt, (rule, blocks, warns))| {
            let blocked_by_week: Vec<f64> = (0..shape.weeks as usize)
                .map(|week| planned(week) * blocks * (0.3 + 1.4 * pseudo_random(week, salt + 40)))
                .collect();
            let all: f64 = (0..shape.weeks as usize).map(planned).sum();
            let blocked: f64 = blocked_by_week.iter().sum();
            let warned = all * warns;
            GuardrailSummary {
                rule: (*rule).to_owned(),
                by_engine: *rule == "review_capacity",
                passed: (all - warned - blocked).max(0.0),
                warned,
                blocked,
                blocked_by_week,
            }
        })
        .collect()
}

fn calendar(shape: Shape) -> Vec<[f64; 24]> {
    let size = shape.size * shape.clients as f64 * f64::from(shape.weeks);
    (0..7)
        .map(|day| {
            let mut hours = [0.0; 24];
            for (hour, posts) in hours.iter_mut().enumerate() {
                let is_best = [7, 9, 11, 12, 14, 17, 19, 21].contains(&hour);
                let is_daytime = (6..23).contains(&hour);
                let level = if is_best { 0.55 } else { 0.06 };
                *posts = if is_daytime {
                    size * level * (0.5 + pseudo_random(hour, day)) * if day > 4 { 0.6 } else { 1.0 }
                } else {
                    0.0
                };
            }
            hours
        })
        .collect()
}

fn assets(shape: Shape) -> AssetSummary {
    let assets = (shape.clients * 40) as u32;
    let shares = [0.22, 0.31, 0.2, 0.12, 0.08, 0.04, 0.03];
    let by_uses = shares.iter().map(|share| share * f64::from(assets)).collect();
    AssetSummary { assets, by_uses, variations: 214.0 * shape.size, evolutions: 61.5 * shape.size }
}

fn headline(shape: Shape, weekly: &[WeekSummary], channels: &[ChannelSummary]) -> Headline {
    let replications = shape.replications;
    let over = |value: fn(&WeekSummary) -> f64| weekly.iter().map(value).sum::<f64>();
    let hours = f64::from(shape.weeks) * 168.0 * shape.clients as f64;
    Headline {
        net_worth: estimate(over(|week| week.net_worth.mean), 0.09, replications),
        engagement: estimate(over(|week| week.engagement.mean), 0.08, replications),
        expected_engagement: estimate(over(|week| week.expected_engagement), 0.01, replications),
        hours_of_work: estimate(over(|week| week.hours_of_work), 0.015, replications),
        cost: estimate(over(|week| week.cost), 0.015, replications),
        audience_end: estimate(weekly.last().map_or(0.0, |week| week.audience_end), 0.001, replications),
        posts_wanted: estimate(over(|week| week.posts_wanted), 0.0, replications),
        posts_planned: estimate(over(|week| week.posts_planned), 0.01, replications),
        posts_drafted: estimate(over(|week| week.posts_drafted), 0.015, replications),
        posts_blocked: estimate(over(|week| week.posts_blocked), 0.1, replications),
        reviews: estimate(over(|week| week.reviews), 0.05, replications),
        rejected: estimate(over(|week| week.rejected), 0.2, replications),
        expired: estimate(over(|week| week.expired), 0.2, replications),
        without_asset: estimate(channels.iter().map(|channel| channel.without_asset).sum(), 0.1, replications),
        hours_above_warn: estimate(
            channels.iter().map(|channel| channel.share_above_warn * hours).sum(),
            0.05,
            replications,
        ),
        hours_above_block: estimate(
            channels.iter().map(|channel| channel.share_above_block * hours).sum(),
            0.1,
            replications,
        ),
    }
}
