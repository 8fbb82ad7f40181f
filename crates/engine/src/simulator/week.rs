//! One client's simulated week: review, drafts, the world's answer, the state after.

use super::environment::{Published, World, true_quality};
use super::random::{Luck, Purpose};
use super::state::{ChannelWeekResult, FatiguePath, Moving};
use crate::model::{
    AssetChoice, Channel, Client, ClientPlan, Post, PriorPost, ReviewPolicy, RiskBand, ScheduleStatus, Timestamp,
    WeekHours,
};
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
    /// Engagements of the posts that were committed before, in the order of the plan's prior posts.
    pub prior: Vec<f64>,
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
                let published = self.publish(GoingOut::planned(post), moving, result);
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
        let prior = plan.prior.iter().map(|post| self.publish_prior(post, moving, &mut results)).collect();
        let paths: Vec<FatiguePath> = moving
            .state
            .channels
            .iter()
            .zip(&results)
            .map(|(state, result)| FatiguePath::of(state, self.rules.channel(state.channel), self.hours, result))
            .collect();
        moving.record_warnings(&plan.signals.early_warning, self.hours.start());
        moving.advance(&results, &paths, self.hours, self.smoothing);
        ClientWeekResult { plan, posts, prior, fatigue: paths }
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

    /// Publishes a post that was committed before the week was planned, as it stands. It was approved before,
    /// or runs by itself. Gives what it earns.
    fn publish_prior(&self, post: &PriorPost, moving: &Moving, results: &mut [ChannelWeekResult]) -> f64 {
        let place = moving.state.channels.iter().position(|state| state.channel == post.channel);
        let Some(result) = place.and_then(|place| results.get_mut(place)) else { return 0.0 };
        let published = self.publish(GoingOut::prior(post), moving, result);
        let earned = self.world.answer(&published, self.hours, moving.account_drift);
        result.expected += post.expected_engagement;
        result.prior.push((published, earned));
        earned.engagement
    }

    /// A post as the world sees it. The state's recent posts hold those committed before, so that only
    /// the week's own are counted beside them.
    fn publish(&self, post: GoingOut<'_>, moving: &Moving, result: &ChannelWeekResult) -> Published {
        let state = moving.state.channels.iter().find(|state| state.channel == post.channel);
        let before = |hours: f64| {
            let from = after_hours(post.at, -hours);
            let own = result.published.iter().map(|(post, _)| &post.at);
            let earlier = state.into_iter().flat_map(|state| &state.recent_posts).chain(own);
            earlier.filter(|at| **at >= from && **at < post.at).count() as u32
        };
        let asset = post.asset.and_then(|choice| {
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
            campaign: self.world.campaign_weight(asset, post.channel, post.hour, self.hours),
            within_24_hours: before(24.0),
            within_7_days: before(7.0 * 24.0),
        }
    }
}

/// A post that goes out, planned or committed before.
#[derive(Clone, Copy)]
struct GoingOut<'p> {
    channel: Channel,
    hour: usize,
    at: Timestamp,
    asset: Option<&'p AssetChoice>,
}

impl<'p> GoingOut<'p> {
    fn planned(post: &'p Post) -> Self {
        Self { channel: post.channel, hour: post.hour, at: post.at, asset: post.asset.as_ref() }
    }

    fn prior(post: &'p PriorPost) -> Self {
        Self { channel: post.channel, hour: post.hour, at: post.at, asset: post.asset.as_ref() }
    }
}

fn after_hours(at: Timestamp, hours: f64) -> Timestamp {
    at.plus_seconds((hours * 3600.0) as i64)
}
