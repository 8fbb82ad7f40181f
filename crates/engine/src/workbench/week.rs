//! The week of a case on all channels of its client, as the planner plans it: the posts, and what the limits do to them.

use std::fmt;
use std::sync::Arc;

use chrono::{Datelike as _, NaiveDateTime, Timelike as _};

use crate::model::{Channel, ClientPlan, LimitUse, Reason, named};
use crate::rules::{
    ACTIONS_A_DAY, ClosedRange, CompiledRules, LimitBound, LimitRules, LimitScope, REVIEW_CAPACITY, Rules, day_name,
};

named!(
    /// What a limit does to a week.
    LimitState {
        /// It costs nothing.
        Slack = "slack",
        /// The week would earn more without it.
        Binds = "binds",
        /// It has a price, which the week pays.
        Broken = "broken",
        /// It contradicts other limits, so that nothing is planned.
        Unmet = "unmet",
    }
);

/// A post of the week: committed before, or planned and not blocked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct WeekPost {
    /// Its time on the client's clock.
    pub at: NaiveDateTime,
    /// Its channel.
    pub channel: Channel,
}

/// A channel, a weekday in days since Monday and an hour of the day.
pub(super) type ChannelHour = (Channel, u8, u8);

impl WeekPost {
    /// Its channel, weekday and hour.
    pub(super) fn channel_hour(&self) -> ChannelHour {
        (self.channel, self.at.weekday().num_days_from_monday() as u8, self.at.hour() as u8)
    }
}

/// A list of posts, as a case states it.
pub(super) fn channel_hours_text(posts: impl Iterator<Item = ChannelHour>) -> String {
    let post = |(channel, day, hour): ChannelHour| {
        format!("{{ channel = \"{channel}\", day = \"{}\", hour = {hour} }}", day_name(day))
    };
    format!("[{}]", posts.map(post).collect::<Vec<_>>().join(", "))
}

/// A number of posts of the week that meet some conditions.
#[derive(Debug, Clone, PartialEq)]
pub struct PostCount {
    /// The channels; empty for all.
    pub channels: Vec<Channel>,
    /// Weekdays in days since Monday; empty for all.
    pub days: Vec<u8>,
    /// Hours of the day; empty for all.
    pub hours: Vec<u8>,
    /// The times between which posts count; `None` for the whole week.
    pub range: Option<ClosedRange>,
    /// Minimum number.
    pub at_least: usize,
    /// Maximum number; `None` if there is none.
    pub at_most: Option<usize>,
}

impl PostCount {
    /// The posts that count.
    pub(super) fn counted<'p>(&'p self, posts: &'p [WeekPost]) -> impl Iterator<Item = &'p WeekPost> {
        posts.iter().filter(|post| self.counts(post))
    }

    /// Whether the right number of posts counts.
    pub(super) fn admits(&self, posts: &[WeekPost]) -> bool {
        let count = self.counted(posts).count();
        count >= self.at_least && self.at_most.is_none_or(|most| count <= most)
    }

    fn counts(&self, post: &WeekPost) -> bool {
        let (channel, day, hour) = post.channel_hour();
        (self.channels.is_empty() || self.channels.contains(&channel))
            && (self.days.is_empty() || self.days.contains(&day))
            && (self.hours.is_empty() || self.hours.contains(&hour))
            && self.range.is_none_or(|range| range.covers(post.at))
    }

    /// The posts that count, with their number, in words.
    pub(super) fn actual_text(&self, posts: &[WeekPost]) -> String {
        let counted: Vec<ChannelHour> = self.counted(posts).map(WeekPost::channel_hour).collect();
        match counted.len() {
            0 => "no post".to_owned(),
            count => format!("{}: {}", number_of_posts(count), channel_hours_text(counted.into_iter())),
        }
    }
}

/// For example "1 post" or "2 posts".
fn number_of_posts(count: usize) -> String {
    format!("{count} {}", if count == 1 { "post" } else { "posts" })
}

impl fmt::Display for PostCount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.at_least, self.at_most) {
            (least, Some(most)) if least == most => write!(f, "exactly {}", number_of_posts(least))?,
            (0, Some(most)) => write!(f, "at most {}", number_of_posts(most))?,
            (least, None) => write!(f, "at least {}", number_of_posts(least))?,
            (least, Some(most)) => write!(f, "{least} to {most} posts")?,
        }
        if !self.channels.is_empty() {
            let names: Vec<&str> = self.channels.iter().map(|channel| channel.name()).collect();
            write!(f, " on {}", names.join(", "))?;
        }
        if !self.days.is_empty() {
            let names: Vec<&str> = self.days.iter().map(|day| day_name(*day)).collect();
            write!(f, " on {}", names.join(", "))?;
        }
        if !self.hours.is_empty() {
            write!(f, " in the hours {:?}", self.hours)?;
        }
        self.range.map_or(Ok(()), |range| write!(f, " from {range}"))
    }
}

/// Whether a key of a case's `expect` table needs the week to be planned on all channels.
pub(super) fn is_of_week(key: &str) -> bool {
    matches!(key, "posts" | "week") || key.starts_with("limits.")
}

/// The names of all limits: those of the pack, of the client's policy and of the reviewers.
pub(super) fn limit_names(pack: &CompiledRules) -> Vec<Arc<str>> {
    let of_scenario = [ACTIONS_A_DAY, REVIEW_CAPACITY].map(Arc::from);
    pack.pack().declared_limits().into_iter().chain(of_scenario).collect()
}

/// Committed posts, and planned ones that are not blocked, by time, then channel.
pub(super) fn posts(plan: &ClientPlan) -> Vec<WeekPost> {
    let post = |at, channel| WeekPost { at: plan.zone.wall_time(at), channel };
    let planned =
        plan.posts.iter().filter(|planned| planned.is_live()).map(|planned| post(planned.at, planned.channel));
    let committed = plan.committed.iter().map(|committed| post(committed.at, committed.channel));
    let mut posts: Vec<WeekPost> = planned.chain(committed).collect();
    posts.sort_unstable();
    posts
}

/// What a limit does to the week; `None` if the planner proved no bound, so that nothing is known.
pub(super) fn limit_state(plan: &ClientPlan, rules: &Rules, name: &str) -> Option<LimitState> {
    if !plan.unmet_limits.is_empty() {
        let is_unmet = plan.unmet_limits.iter().any(|unmet| **unmet == *name);
        return Some(if is_unmet { LimitState::Unmet } else { LimitState::Slack });
    }
    let certificate = plan.certificate.as_ref()?;
    let priced = rules.limits.iter().find(|limit| *limit.name == *name && limit.price.is_some());
    let uses = || certificate.limits.iter().filter(|limit_use| *limit_use.limit == *name);
    if priced.is_some_and(|limit| uses().any(|limit_use| is_exceeded(limit, limit_use))) {
        return Some(LimitState::Broken);
    }
    let costs = uses().any(|limit_use| limit_use.price > TOLERANCE) || leaves_no_review(plan, name);
    Some(if costs { LimitState::Binds } else { LimitState::Slack })
}

/// Smallest price, and smallest excess, that counts: smaller ones come from rounding.
const TOLERANCE: f64 = 1e-6;

fn is_exceeded(limit: &LimitRules, limit_use: &LimitUse) -> bool {
    // Of a limit that clients share, the use states the client's quota.
    let allowed = match limit.bound {
        LimitBound::AtMost(posts) if limit.scope != LimitScope::Client => posts,
        _ => limit_use.allowed,
    };
    let excess = limit_use.used - allowed;
    if limit_use.kind.is_from_below() { excess < -TOLERANCE } else { excess > TOLERANCE }
}

/// Whether a limit on reviews blocks a post of the week.
fn leaves_no_review(plan: &ClientPlan, name: &str) -> bool {
    plan.posts.iter().any(|post| match post.blocked.as_deref() {
        Some(Reason::ReviewCapacity) => name == REVIEW_CAPACITY,
        Some(Reason::ReviewLimit { limit }) => **limit == *name,
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn post(channel: Channel, at: &str) -> WeekPost {
        WeekPost { at: at.parse().unwrap(), channel }
    }

    #[test]
    fn posts_count_if_they_meet_every_condition() {
        let posts = [
            post(Channel::Fb, "2026-11-27T17:59:00"),
            post(Channel::Fb, "2026-11-27T18:00:00"),
            post(Channel::X, "2026-11-29T09:00:00"),
            post(Channel::X, "2026-11-30T07:59:00"),
            post(Channel::X, "2026-11-30T08:00:00"),
        ];
        let range = ClosedRange::Weekly { from: 4 * 1440 + 18 * 60, to: 8 * 60 };
        let none = PostCount {
            channels: Vec::new(),
            days: Vec::new(),
            hours: Vec::new(),
            range: Some(range),
            at_least: 0,
            at_most: Some(0),
        };
        assert_eq!(none.counted(&posts).count(), 3);
        assert!(!none.admits(&posts) && none.admits(&posts[..1]) && none.admits(&posts[4..]));
        assert_eq!(none.to_string(), "exactly 0 posts from friday 18:00 to monday 08:00");
        let on_x = PostCount { channels: vec![Channel::X], days: vec![0], at_most: None, at_least: 2, ..none };
        assert_eq!(on_x.to_string(), "at least 2 posts on x on monday from friday 18:00 to monday 08:00");
        let counted = "1 post: [{ channel = \"x\", day = \"monday\", hour = 7 }]";
        assert_eq!(on_x.actual_text(&posts), counted);
        assert_eq!(PostCount { hours: vec![3], ..on_x }.actual_text(&posts), "no post");
    }
}
