//! Typical values of each channel, for generated and imported scenarios.
//!
//! They only fill in values that a scenario needs; weeks are planned by the rules pack. An import can take the values
//! from the pack instead.

use crate::model::Channel;

/// Typical values of one channel.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ChannelDefaults {
    /// Target number of posts per week.
    pub weekly_posts: f64,
    /// Half-life of fatigue, in hours.
    pub half_life_hours: f64,
    /// Fatigue that one post adds.
    pub fatigue_per_post: f64,
    /// Engagements per person reached; `None` if the rate is unknown.
    pub engagement_rate: Option<f64>,
}

impl ChannelDefaults {
    /// The typical values of a channel: those of the default rules pack, except that Reddit's half-life is longer and
    /// that unknown engagement rates are `None`. Frequencies and half-lives are starting points. Engagement rates are
    /// medians of real data, but that of email is the middle of usual open rates.
    #[must_use]
    pub const fn typical(channel: Channel) -> Self {
        let (weekly_posts, half_life_hours, engagement_rate) = match channel {
            Channel::Fb => (5.0, 48.0, Some(0.034)),
            Channel::Ig => (7.0, 48.0, Some(0.042)),
            Channel::Tiktok => (14.0, 24.0, Some(0.106)),
            Channel::Linkedin => (5.0, 48.0, Some(0.023)),
            Channel::Youtube => (2.0, 96.0, Some(0.057)),
            Channel::Gmb => (3.0, 96.0, None),
            Channel::Reddit => (3.0, 72.0, None),
            Channel::Email => (2.0, 96.0, Some(0.09)),
            Channel::X => (10.0, 24.0, Some(0.044)),
        };
        Self { weekly_posts, half_life_hours, fatigue_per_post: 0.1, engagement_rate }
    }

    /// The typical values of every channel, in channel order.
    #[must_use]
    pub fn all_typical() -> [Self; Channel::COUNT] {
        Channel::ALL.map(Self::typical)
    }

    /// The load from past posts, given the age of each in hours: a post counts 1 when it is published, and half as much
    /// after each half-life.
    #[must_use]
    pub fn load(&self, ages: impl Iterator<Item = f64>) -> f64 {
        ages.map(|hours| libm::exp2(-hours / self.half_life_hours)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_load_of_a_post_halves_after_one_half_life() {
        let defaults = ChannelDefaults::typical(Channel::Fb);
        assert!((defaults.load([48.0, 96.0].into_iter()) - 0.75).abs() < 1e-12);
    }
}
