//! Usual figures of each channel, for scenarios that are made up or imported.
//!
//! They describe scenarios, not policy: what the engine plans by stands in the rules pack, and
//! whoever imports may put the pack's own figures in their place.

use crate::model::Channel;

/// Usual figures of one channel.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ChannelFigures {
    /// Posts a week that are wanted.
    pub weekly_posts: f64,
    /// Hours in which fatigue halves.
    pub half_life_hours: f64,
    /// Fatigue that one post adds.
    pub fatigue_per_post: f64,
    /// Engagements per person reached, the median of accounts; none where it is not known.
    pub engagement_rate: Option<f64>,
}

impl ChannelFigures {
    /// The figures of the default rules pack: weekly frequencies and half-lives as starting points,
    /// rates as the medians seen in real data (email: the middle of the usual opens).
    #[must_use]
    pub const fn usual(channel: Channel) -> Self {
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

    /// The usual figures of every channel, in channel order.
    #[must_use]
    pub fn all_usual() -> [Self; Channel::COUNT] {
        Channel::ALL.map(Self::usual)
    }

    /// Fatigue that posts leave behind, each given by the hours it lies back: every post adds
    /// `fatigue_per_post`, which then halves every `half_life_hours`. At most 1.
    #[must_use]
    pub fn fatigue_after(&self, hours_back: impl Iterator<Item = f64>) -> f64 {
        let left = hours_back.map(|hours| self.fatigue_per_post * libm::exp2(-hours / self.half_life_hours));
        left.sum::<f64>().min(1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_post_of_one_half_life_ago_has_left_half_its_fatigue() {
        let figures = ChannelFigures::usual(Channel::Fb);
        assert!((figures.fatigue_after([48.0].into_iter()) - 0.05).abs() < 1e-12);
        assert_eq!(figures.fatigue_after(std::iter::repeat_n(0.0, 50)), 1.0);
    }
}
