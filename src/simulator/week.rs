//! One client's simulated week: review, drafts, the world's answer, the state after.

use jiff::{SignedDuration, Timestamp};

use super::environment::{Published, World, true_quality};
use super::random::{Luck, Purpose};
use super::state::{ChannelWeekResult, FatiguePath, Moving};
use crate::model::{Client, ClientPlan, Post, ReviewPolicy, RiskBand, ScheduleStatus, WeekHours};
use crate::rules::Rules;

/// What became of a planned post.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// Its draft was made.
    Drafted,
    /// A guardrail, or want of capacity, held it.
    Blocked,
    /// A reviewer refused it.
    Rejected,
    /// The answer came after its time.
    Expired,
}

/// One planned post after its week.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct PostResult {
    pub fate: Fate,
    pub reviewed: bool,
    pub engagement: f64,
}

/// A client's week after it happened.
pub(super) struct ClientWeekResult {
    pub plan: ClientPlan,
    /// In the order of the plan's posts.
    pub posts: Vec<PostResult>,
    /// In the order of the state's channels.
    pub fatigue: Vec<FatiguePath>,
}

/// What a client's week happens in.
pub(super) struct Setting<'a> {
    pub client: &'a Client,
    pub world: &'a World<'a>,
    pub luck: Luck,
    pub review: &'a ReviewPolicy,
    pub rules: &'a Rules,
    pub hours: &'a WeekHours,
    /// Weeks since the simulation began.
    pub week_number: i64,
    pub smoothing: f64,
}

impl Setting<'_> {
    /// Lets a planned week happen and moves the client's state on.
    pub fn happen(&self, plan: ClientPlan, moving: &mut Moving) -> ClientWeekResult {
        let wanted = plan.allocations.iter().map(|allocation| allocation.posts_wanted);
        let mut results: Vec<ChannelWeekResult> =
            wanted.map(|wanted| ChannelWeekResult { wanted, ..Default::default() }).collect();
        moving.account_drift += self.world.drift_step(self.week_number);
        let mut posts = Vec::with_capacity(plan.posts.len());
        for post in &plan.posts {
            let (fate, reviewed) = self.fate(post);
            let mut engagement = 0.0;
            let place = moving.state.channels.iter().position(|state| state.channel == post.channel);
            if let (Fate::Drafted, Some(result)) = (fate, place.and_then(|place| results.get_mut(place))) {
                let this_week: Vec<Timestamp> = result.published.iter().map(|(post, _)| post.at).collect();
                let published = self.publish(post, moving, &this_week);
                let earned = self.world.answer(&published, self.hours, moving.account_drift);
                engagement = earned.engagement;
                result.expected += post.expected_engagement;
                result.published.push((published, earned));
                if let Some(asset) = &post.asset {
                    moving.use_asset(asset.used(), post.channel, post.at);
                }
            }
            posts.push(PostResult { fate, reviewed, engagement });
        }
        let paths: Vec<FatiguePath> = moving
            .state
            .channels
            .iter()
            .zip(&results)
            .map(|(state, result)| FatiguePath::of(state, self.rules.channel(state.channel), self.hours, result))
            .collect();
        moving.record_warnings(&plan.signals.early_warning, self.hours.start());
        moving.advance(&results, &paths, self.hours, self.smoothing);
        ClientWeekResult { plan, posts, fatigue: paths }
    }

    /// What becomes of a post, and whether a reviewer saw it.
    fn fate(&self, post: &Post) -> (Fate, bool) {
        match post.status {
            ScheduleStatus::Ready => (Fate::Drafted, false),
            ScheduleStatus::Pending => (self.review(post), true),
            _ => (Fate::Blocked, false),
        }
    }

    fn review(&self, post: &Post) -> Fate {
        let channel = Some(post.channel);
        let hour = post.at.as_second();
        let delay = self.review.delay_hours * self.luck.exponential(Purpose::ReviewDelay, channel, hour);
        let answered = after_hours(self.hours.start(), delay - self.review.planned_ahead_hours);
        let chance = match post.risk {
            RiskBand::High => self.review.high_approved,
            RiskBand::Medium | RiskBand::Low => self.review.medium_approved,
        };
        if self.luck.uniform(Purpose::ReviewAnswer, channel, hour) >= chance {
            Fate::Rejected
        } else if answered > post.at {
            Fate::Expired
        } else {
            Fate::Drafted
        }
    }

    fn publish(&self, post: &Post, moving: &Moving, this_week: &[Timestamp]) -> Published {
        let state = moving.state.channels.iter().find(|state| state.channel == post.channel);
        let before = |hours: f64| {
            let from = after_hours(post.at, -hours);
            let earlier = state.into_iter().flat_map(|state| &state.recent_posts).chain(this_week);
            earlier.filter(|at| **at >= from && **at < post.at).count() as u32
        };
        let asset = post.asset.as_ref().and_then(|choice| {
            self.client
                .assets
                .binary_search_by(|asset| asset.id.cmp(choice.used()))
                .ok()
                .and_then(|i| self.client.assets.get(i))
        });
        Published {
            channel: post.channel,
            hour: post.hour,
            at: post.at,
            quality: asset.map_or(0.0, true_quality),
            within_24_hours: before(24.0),
            within_7_days: before(7.0 * 24.0),
        }
    }
}

fn after_hours(at: Timestamp, hours: f64) -> Timestamp {
    at.saturating_add(SignedDuration::from_secs((hours * 3600.0) as i64)).unwrap_or(at)
}
