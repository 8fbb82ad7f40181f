//! One client's simulated week: review, drafts, responses, the state afterwards.

use super::environment::{Published, Response, TrueClient, true_quality};
use super::random::{KeyedRng, Purpose};
use super::state::{ChannelWeekResult, FatiguePath, SimulatedClient};
use crate::model::{
    Allocation, Asset, AssetChoice, Channel, Client, ClientPlan, CommittedPost, HOUR_SECONDS, Post, ReviewPolicy,
    RiskBand, ScheduleStatus, Timestamp, WeekHours,
};
use crate::rules::{ClientRules, Rules};

/// The outcome of a planned post.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PostOutcome {
    /// Its draft was created.
    Drafted,
    /// Blocked by a guardrail or by the engine.
    Blocked,
    /// Rejected by a reviewer.
    Rejected,
    /// Approved only after it was due.
    Expired,
}

/// A planned post and its result.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct PostResult {
    pub post: Post,
    pub outcome: PostOutcome,
    pub reviewed: bool,
    pub engagement: f64,
    /// The work on it; none if its draft was not created.
    pub work: Work,
}

/// A post committed before the week was planned, and its engagements.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct CommittedResult {
    pub post: CommittedPost,
    pub engagement: f64,
    /// The work on it.
    pub work: Work,
}

/// The work on a post.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Work {
    pub hours: f64,
    /// What the hours cost, in the unit of worth.
    pub cost: f64,
}

/// The audience of a channel in a week, in people.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct AudienceWeek {
    pub channel: Channel,
    pub start: f64,
    pub end: f64,
}

/// The result of a client's week.
pub(super) struct ClientWeekResult {
    /// Planned posts, in the order of the plan.
    pub posts: Vec<PostResult>,
    /// Posts committed before, in the order of the plan.
    pub committed: Vec<CommittedResult>,
    pub allocations: Vec<Allocation>,
    /// Fatigue of the state's channels, in order.
    pub fatigue: Vec<FatiguePath>,
    /// Audiences of the state's channels, in order.
    pub audiences: Vec<AudienceWeek>,
}

/// The context of a client's simulated week.
pub(super) struct WeekContext<'a> {
    pub client: &'a Client,
    pub truth: &'a TrueClient<'a>,
    pub rng: KeyedRng,
    pub review: &'a ReviewPolicy,
    pub rules: &'a Rules,
    /// The rules by which work costs.
    pub worth_rules: &'a ClientRules,
    pub hours: &'a WeekHours,
    /// Weeks since the start of the simulation.
    pub week_number: i64,
    pub smoothing: f64,
}

impl WeekContext<'_> {
    /// Simulates a planned week and advances the client's state.
    pub fn simulate(&self, plan: ClientPlan, moving: &mut SimulatedClient) -> ClientWeekResult {
        let wanted = plan.allocations.iter().map(|allocation| allocation.posts_wanted);
        let mut results: Vec<ChannelWeekResult> =
            wanted.map(|wanted| ChannelWeekResult { wanted, ..Default::default() }).collect();
        moving.account_drift += self.truth.drift_step(self.week_number);
        let before = moving.audiences();
        let mut posts = Vec::with_capacity(plan.posts.len());
        for post in plan.posts {
            let (outcome, reviewed) = self.outcome(&post);
            let (mut engagement, mut work) = (0.0, Work::default());
            let place = moving.state.channels.iter().position(|state| state.channel == post.channel);
            if let (PostOutcome::Drafted, Some(result)) = (outcome, place.and_then(|place| results.get_mut(place))) {
                let outgoing = OutgoingPost::planned(&post);
                let (published, earned) = self.publish(outgoing, moving, result);
                engagement = earned.engagement;
                work = self.work(outgoing);
                result.expected += post.expected_engagement;
                result.published.push((published, earned));
                if let Some(asset) = &post.asset {
                    moving.use_asset(asset.used(), post.channel, post.at);
                }
            }
            posts.push(PostResult { post, outcome, reviewed, engagement, work });
        }
        let publish_committed = |post: CommittedPost| {
            let engagement = self.publish_committed(&post, moving, &mut results);
            let work = self.work(OutgoingPost::committed(&post));
            CommittedResult { post, engagement, work }
        };
        let committed = plan.committed.into_iter().map(publish_committed).collect();
        let paths: Vec<FatiguePath> = moving
            .state
            .channels
            .iter()
            .zip(&results)
            .map(|(state, result)| FatiguePath::of(state, self.rules.channel(state.channel), self.hours, result))
            .collect();
        moving.record_warnings(&plan.signals.early_warning, self.hours.start());
        moving.advance(&results, &paths, self.hours, self.smoothing);
        let audience = |(before, after): (&(Channel, f64), (Channel, f64))| AudienceWeek {
            channel: before.0,
            start: before.1,
            end: after.1,
        };
        let audiences = before.iter().zip(moving.audiences()).map(audience).collect();
        ClientWeekResult { posts, committed, allocations: plan.allocations, fatigue: paths, audiences }
    }

    /// The outcome of a post, and whether it was reviewed.
    fn outcome(&self, post: &Post) -> (PostOutcome, bool) {
        match post.status {
            ScheduleStatus::Ready => (PostOutcome::Drafted, false),
            ScheduleStatus::Pending => (self.review(post), true),
            _ => (PostOutcome::Blocked, false),
        }
    }

    fn review(&self, post: &Post) -> PostOutcome {
        let channel = Some(post.channel);
        let hour = post.at.as_second();
        let delay = self.review.delay_hours * self.rng.exponential(Purpose::ReviewDelay, channel, hour);
        let answered = after_hours(self.hours.start(), delay - self.review.planned_ahead_hours);
        let chance = match post.risk {
            RiskBand::High => self.review.high_approved,
            RiskBand::Medium | RiskBand::Low => self.review.medium_approved,
        };
        if self.rng.uniform(Purpose::ReviewAnswer, channel, hour) >= chance {
            PostOutcome::Rejected
        } else if answered > post.at {
            PostOutcome::Expired
        } else {
            PostOutcome::Drafted
        }
    }

    /// Publishes a post that was committed before the week was planned, unchanged: it was approved earlier, or runs
    /// automatically. Returns its engagements.
    fn publish_committed(
        &self,
        post: &CommittedPost,
        moving: &mut SimulatedClient,
        results: &mut [ChannelWeekResult],
    ) -> f64 {
        let place = moving.state.channels.iter().position(|state| state.channel == post.channel);
        let Some(result) = place.and_then(|place| results.get_mut(place)) else { return 0.0 };
        let (published, earned) = self.publish(OutgoingPost::committed(post), moving, result);
        result.expected += post.expected_engagement;
        result.committed.push((published, earned));
        earned.engagement
    }

    /// Publishes a post: people respond to it, and some leave.
    fn publish(
        &self,
        post: OutgoingPost<'_>,
        moving: &mut SimulatedClient,
        result: &ChannelWeekResult,
    ) -> (Published, Response) {
        let published = self.published(post, moving, result);
        let response = self.truth.respond(&published, self.hours, moving.account_drift);
        moving.lose_audience(post.channel, self.truth.leaving(&published));
        (published, response)
    }

    /// The work on a post, by the content type of its asset and the rules of the asset's campaign.
    fn work(&self, post: OutgoingPost<'_>) -> Work {
        let asset = self.asset(post);
        let rules = &self.worth_rules.of(asset.and_then(|asset| asset.campaign_id.as_ref())).assets;
        let kind = asset.map(|asset| &*asset.kind);
        Work { hours: rules.hours_of_work(kind), cost: rules.work_cost(kind) }
    }

    fn asset(&self, post: OutgoingPost<'_>) -> Option<&Asset> {
        let (assets, used) = (&self.client.assets, post.asset?.used());
        let place = assets.binary_search_by(|asset| asset.id.cmp(used)).ok()?;
        assets.get(place)
    }

    /// The post as the environment sees it. The state's recent posts include those committed before, so only the week's
    /// own posts are counted in addition.
    fn published(&self, post: OutgoingPost<'_>, moving: &SimulatedClient, result: &ChannelWeekResult) -> Published {
        let state = moving.state.channels.iter().find(|state| state.channel == post.channel);
        let earlier = || {
            let own = result.published.iter().map(|(post, _)| &post.at);
            state.into_iter().flat_map(|state| &state.recent_posts).chain(own).filter(|at| **at < post.at)
        };
        let before = |hours: f64| {
            let from = after_hours(post.at, -hours);
            earlier().filter(|at| **at >= from).count() as u32
        };
        let age_hours = |at: &Timestamp| (post.at.as_second() - at.as_second()) as f64 / HOUR_SECONDS as f64;
        let response = self.truth.response(post.channel);
        let asset = self.asset(post);
        Published {
            channel: post.channel,
            hour: post.hour,
            at: post.at,
            quality: asset.map_or(0.0, true_quality),
            campaign: self.truth.campaign_weight(asset, post.channel, post.hour, self.hours),
            content_type: response
                .zip(asset)
                .map_or(1.0, |(response, asset)| response.content_type(asset.kind.as_ref())),
            load: response.map_or(0.0, |response| response.load(earlier().map(age_hours))),
            within_24_hours: before(24.0),
            within_7_days: before(7.0 * 24.0),
            within_28_days: before(28.0 * 24.0),
            audience_kept: moving.audience_kept(post.channel),
        }
    }
}

/// A post about to be published, planned or committed before.
#[derive(Clone, Copy)]
struct OutgoingPost<'p> {
    channel: Channel,
    hour: usize,
    at: Timestamp,
    asset: Option<&'p AssetChoice>,
}

impl<'p> OutgoingPost<'p> {
    fn planned(post: &'p Post) -> Self {
        Self { channel: post.channel, hour: post.hour, at: post.at, asset: post.asset.as_ref() }
    }

    fn committed(post: &'p CommittedPost) -> Self {
        Self { channel: post.channel, hour: post.hour, at: post.at, asset: post.asset.as_ref() }
    }
}

fn after_hours(at: Timestamp, hours: f64) -> Timestamp {
    at.plus_seconds((hours * 3600.0) as i64)
}
