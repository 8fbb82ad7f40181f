//! Typical figures of each channel, for generated and imported scenarios.
//!
//! They describe scenarios, not policy: the engine plans by the rules pack, and an import may use the pack's own
//! figures instead.

use crate::model::Channel;

/// Typical figures of one channel.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ChannelDefaults {
    /// Wanted posts per week.
    pub weekly_posts: f64,
    /// Half-life of fatigue, in hours.
    pub half_life_hours: f64,
    /// Fatigue that one post adds.
    pub fatigue_per_post: f64,
    /// Engagements per person reached; `None` if no figure is known.
    pub engagement_rate: Option<f64>,
}

impl ChannelDefaults {
    /// The figures of the default rules pack: weekly frequencies and half-lives as starting points, rates as the
    /// medians of real data where there is some (email: the middle of the usual open rates).
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

    /// The typical figures of every channel, in channel order.
    #[must_use]
    pub fn all_typical() -> [Self; Channel::COUNT] {
        Channel::ALL.map(Self::typical)
    }

    /// Number of past posts, each halved every `half_life_hours`, given how many hours ago each was.
    #[must_use]
    pub fn load_after(&self, hours_back: impl Iterator<Item = f64>) -> f64 {
        hours_back.map(|hours| libm::exp2(-hours / self.half_life_hours)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_load_of_a_post_halves_after_one_half_life() {
        let figures = ChannelDefaults::typical(Channel::Fb);
        assert!((figures.load_after([48.0, 96.0].into_iter()) - 0.75).abs() < 1e-12);
    }
}
