//! One client's simulated week: reviews, drafts, responses to them, and the state afterwards.

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
    pub was_reviewed: bool,
    /// Realized engagements; 0 if its draft was not created.
    pub engagement: f64,
    /// The work on it; zero if its draft was not created.
    pub work: Work,
}

/// A post committed before the week was planned, and its engagements.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct CommittedResult {
    pub post: CommittedPost,
    pub engagement: f64,
    pub work: Work,
}

/// The work on a post.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Work {
    pub hours: f64,
    /// Cost of these hours, in the unit of worth.
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
    /// Posts committed before the week was planned, in the order of the plan.
    pub committed: Vec<CommittedResult>,
    pub allocations: Vec<Allocation>,
    /// Fatigue of each channel, in the order of the state's channels.
    pub fatigue: Vec<FatiguePath>,
    /// Audience of each channel, in the order of the state's channels.
    pub audiences: Vec<AudienceWeek>,
}

/// The context of a client's simulated week.
pub(super) struct WeekContext<'a> {
    pub client: &'a Client,
    pub truth: &'a TrueClient<'a>,
    pub rng: KeyedRng,
    pub review: &'a ReviewPolicy,
    pub rules: &'a Rules,
    /// The rules that give the hours and the cost of work.
    pub worth_rules: &'a ClientRules,
    pub hours: &'a WeekHours,
    /// Weeks since the start of the simulation.
    pub week_number: i64,
    /// Weight of the week in the exponentially smoothed scores, `0..=1`.
    pub smoothing: f64,
}

impl WeekContext<'_> {
    /// Simulates a planned week and advances the client's state.
    pub fn simulate(&self, plan: ClientPlan, simulated: &mut SimulatedClient) -> ClientWeekResult {
        let empty_result = |allocation: &Allocation| ChannelWeekResult {
            posts_wanted: allocation.posts_wanted,
            ..ChannelWeekResult::default()
        };
        let mut results: Vec<ChannelWeekResult> = plan.allocations.iter().map(empty_result).collect();
        simulated.account_drift += self.truth.drift_step(self.week_number);
        let start_audiences = simulated.audiences();
        let mut posts = Vec::with_capacity(plan.posts.len());
        for post in plan.posts {
            let (outcome, was_reviewed) = self.outcome(&post);
            let (mut engagement, mut work) = (0.0, Work::default());
            let index = simulated.state.channels.iter().position(|state| state.channel == post.channel);
            if let (PostOutcome::Drafted, Some(result)) = (outcome, index.and_then(|index| results.get_mut(index))) {
                let outgoing = OutgoingPost::planned(&post);
                let (published, response) = self.publish(outgoing, simulated, result);
                engagement = response.engagement;
                work = self.work(outgoing);
                result.expected_engagement += post.expected_engagement;
                result.published.push((published, response));
                if let Some(asset) = &post.asset {
                    simulated.use_asset(asset.used(), post.channel, post.at);
                }
            }
            posts.push(PostResult { post, outcome, was_reviewed, engagement, work });
        }
        let publish_committed = |post: CommittedPost| {
            let engagement = self.publish_committed(&post, simulated, &mut results);
            let work = self.work(OutgoingPost::committed(&post));
            CommittedResult { post, engagement, work }
        };
        let committed = plan.committed.into_iter().map(publish_committed).collect();
        let paths: Vec<FatiguePath> = simulated
            .state
            .channels
            .iter()
            .zip(&results)
            .map(|(state, result)| FatiguePath::of(state, self.rules.channel(state.channel), self.hours, result))
            .collect();
        simulated.record_warnings(&plan.signals.early_warning, self.hours.start());
        simulated.advance(&results, &paths, self.hours, self.smoothing);
        let audiences = start_audiences.into_iter().zip(simulated.audiences());
        let audiences = audiences.map(|((channel, start), (_, end))| AudienceWeek { channel, start, end }).collect();
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
        let instant = post.at.as_second();
        let delay = self.review.delay_hours * self.rng.exponential(Purpose::ReviewDelay, channel, instant);
        let answered_at = plus_hours(self.hours.start(), delay - self.review.planned_ahead_hours);
        let approval_chance = match post.risk {
            RiskBand::High => self.review.high_approved,
            RiskBand::Medium | RiskBand::Low => self.review.medium_approved,
        };
        if self.rng.uniform(Purpose::ReviewAnswer, channel, instant) >= approval_chance {
            PostOutcome::Rejected
        } else if answered_at > post.at {
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
        simulated: &mut SimulatedClient,
        results: &mut [ChannelWeekResult],
    ) -> f64 {
        let index = simulated.state.channels.iter().position(|state| state.channel == post.channel);
        let Some(result) = index.and_then(|index| results.get_mut(index)) else { return 0.0 };
        let (published, response) = self.publish(OutgoingPost::committed(post), simulated, result);
        result.expected_engagement += post.expected_engagement;
        result.committed.push((published, response));
        response.engagement
    }

    /// Publishes a post: the audience responds to it, and some of its members leave.
    fn publish(
        &self,
        post: OutgoingPost<'_>,
        simulated: &mut SimulatedClient,
        result: &ChannelWeekResult,
    ) -> (Published, Response) {
        let published = self.published_post(post, simulated, result);
        let response = self.truth.respond(&published, self.hours, simulated.account_drift);
        simulated.lose_audience(post.channel, self.truth.share_leaving(&published));
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
        let index = assets.binary_search_by(|asset| asset.id.cmp(used)).ok()?;
        assets.get(index)
    }

    /// The post as the environment sees it. The state's recent posts already include committed posts, so only planned
    /// posts are added to them.
    fn published_post(
        &self,
        post: OutgoingPost<'_>,
        simulated: &SimulatedClient,
        result: &ChannelWeekResult,
    ) -> Published {
        let state = simulated.state.channels.iter().find(|state| state.channel == post.channel);
        let earlier = || {
            let planned = result.published.iter().map(|(post, _)| &post.at);
            state.into_iter().flat_map(|state| &state.recent_posts).chain(planned).filter(|at| **at < post.at)
        };
        let count_within = |hours: f64| {
            let from = plus_hours(post.at, -hours);
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
            within_24_hours: count_within(24.0),
            within_7_days: count_within(7.0 * 24.0),
            within_28_days: count_within(28.0 * 24.0),
            audience_kept: simulated.audience_kept(post.channel),
        }
    }
}

/// A post about to be published: planned for the week, or committed before.
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

fn plus_hours(at: Timestamp, hours: f64) -> Timestamp {
    at.plus_seconds((hours * 3600.0) as i64)
}
