//! Random channel-weeks under the default rules, for benches and tests. Not part of the library.

use rand::{Rng, RngExt};

use super::{FatigueResponse, Instance, LinearResponse};

/// The rules of a channel.
#[derive(Debug, Clone, Copy)]
pub struct Preset {
    pub name: &'static str,
    pub weekly_posts: usize,
    pub spacing_hours: usize,
    pub half_life_hours: f64,
}

const fn preset(name: &'static str, weekly_posts: usize, spacing_hours: usize, half_life_hours: f64) -> Preset {
    Preset { name, weekly_posts, spacing_hours, half_life_hours }
}

impl std::fmt::Display for Preset {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.name)
    }
}

/// The nine channels of a client.
pub const CHANNELS: [Preset; 9] = [
    preset("fb", 5, 4, 48.0),
    preset("ig", 7, 4, 48.0),
    preset("tiktok", 14, 4, 24.0),
    preset("linkedin", 5, 12, 48.0),
    preset("youtube", 2, 48, 96.0),
    preset("gmb", 3, 12, 96.0),
    preset("reddit", 3, 4, 72.0),
    preset("email", 2, 24, 24.0),
    preset("x", 10, 4, 24.0),
];

/// A channel that posts three times a day.
#[allow(dead_code, reason = "not every bench has a busy channel")]
pub const BUSY: Preset = preset("busy", 21, 4, 24.0);

const BEST_HOURS: [usize; 4] = [7, 12, 19, 22];

/// A week of a channel: best hours are worth 1.12 times the others, weekdays and hours vary by up to 5 % each, nights
/// have no posts, fatigue at the start is up to 0.5, and half of the weeks have a price on fatigue at the end.
pub fn channel_week(preset: &Preset, hours: usize, random: &mut impl Rng) -> Instance {
    let level = random.random_range(5.0..500.0);
    // A week of more than 168 hours reaches into an eighth day.
    let day_factors: Vec<f64> = (0..8).map(|_| random.random_range(0.95..1.05)).collect();
    let mut value = Vec::with_capacity(hours);
    for hour in 0..hours {
        let lift = if BEST_HOURS.contains(&(hour % 24)) { 1.12 } else { 1.0 };
        value.push(level * lift * day_factors[hour / 24] * random.random_range(0.95..1.05));
    }
    Instance {
        value,
        allowed: (0..hours).map(|hour| (6..23).contains(&(hour % 24))).collect(),
        posts_max: preset.weekly_posts,
        spacing_hours: preset.spacing_hours,
        next_after: Vec::new(),
        hours_since_last_post: Some(random.random_range(1..60)),
        fatigue_start: random.random_range(0.0..0.5),
        fatigue_per_post: 0.1,
        decay_per_hour: libm::exp2(-1.0 / preset.half_life_hours),
        response: FatigueResponse::Linear(LinearResponse { warn_at: 0.5, slope_below: 0.6, slope_above: 1.4 }),
        block_at: 0.8,
        cost: 0.0,
        end_weight: if random.random_bool(0.5) { 0.0 } else { level * random.random_range(0.5..3.0) },
        committed: Vec::new(),
    }
}
