//! How a client's state evolves over a simulated week.

use super::environment::{Published, Response};
use crate::model::{
    AssetId, AssetUse, Channel, ChannelState, ClientState, EarlyWarning, Reality, Score, Timestamp, Warning, WarningId,
    WarningStatus, WeekHours,
};
use crate::planner::fatigue_at;
use crate::rules::ChannelRules;

/// A client's state in a simulation: what the planner sees, and the smoothed results from which that is computed.
#[derive(Debug, Clone)]
pub(super) struct SimulatedClient {
    pub state: ClientState,
    /// Cumulative drift of the account, in log.
    pub account_drift: f64,
    channels: Vec<SmoothedResults>,
    audiences: Vec<Audience>,
}

/// The audience of one channel.
#[derive(Debug, Clone, Copy)]
struct Audience {
    channel: Channel,
    /// People at the start of the simulation.
    start: f64,
    /// Share of these people that is still there.
    share_kept: f64,
}

/// Exponentially smoothed results of one channel.
#[derive(Debug, Clone, Copy, Default)]
struct SmoothedResults {
    /// Realized engagements a week.
    earned: f64,
    /// Engagements a week that the planner expected.
    expected: f64,
    /// Engagements a week without the noise of single posts.
    without_noise: f64,
    /// `None` before the first post.
    mean_log: Option<MeanLog>,
    /// Posts since the start of the simulation.
    posts: u32,
    /// Engagements since the start of the simulation, not smoothed.
    total_earned: f64,
}

/// The mean log of engagements per post, in two smoothings.
#[derive(Debug, Clone, Copy)]
struct MeanLog {
    /// Smoothed fast.
    current: f64,
    /// Smoothed slowly.
    usual: f64,
}

/// Results of one channel in a week.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct ChannelWeekResult {
    /// Planned posts that were published.
    pub published: Vec<(Published, Response)>,
    /// Posts committed before the week was planned. The state's recent posts already contain them, and its asset uses
    /// their assets.
    pub committed: Vec<(Published, Response)>,
    /// Engagements that the planner expected of these posts.
    pub expected_engagement: f64,
    /// Number of posts that the rules wanted.
    pub posts_wanted: u32,
}

impl ChannelWeekResult {
    /// The responses to all posts, planned or committed before.
    fn responses(&self) -> impl Iterator<Item = &Response> {
        self.published.iter().chain(&self.committed).map(|(_, response)| response)
    }

    /// Number of published posts.
    fn post_count(&self) -> usize {
        self.published.len() + self.committed.len()
    }
}

/// Weight of a week in the usual mean log, relative to its weight in the current one.
const USUAL_PACE: f64 = 0.25;
/// Posts after which the engagement rate of a channel counts as measured.
const MEASURED_AFTER: u32 = 10;
/// Posts a week at which a reality assessment has a confidence of one half.
const HALF_CONFIDENCE_POSTS: f64 = 5.0;

impl SimulatedClient {
    /// The initial state of a scenario's client.
    pub fn new(state: &ClientState) -> Self {
        let channels = vec![SmoothedResults::default(); state.channels.len()];
        let audience =
            |state: &ChannelState| Audience { channel: state.channel, start: state.audience, share_kept: 1.0 };
        let audiences = state.channels.iter().map(audience).collect();
        Self { state: state.clone(), account_drift: 0.0, channels, audiences }
    }

    /// The audience of each channel, in people.
    pub fn audiences(&self) -> Vec<(Channel, f64)> {
        self.audiences.iter().map(|audience| (audience.channel, audience.start * audience.share_kept)).collect()
    }

    /// Share of a channel's initial audience that is still there.
    pub fn audience_kept(&self, channel: Channel) -> f64 {
        self.audiences.iter().find(|audience| audience.channel == channel).map_or(1.0, |audience| audience.share_kept)
    }

    /// Removes a share of a channel's audience.
    pub fn lose_audience(&mut self, channel: Channel, share: f64) {
        if let Some(audience) = self.audiences.iter_mut().find(|audience| audience.channel == channel) {
            audience.share_kept *= 1.0 - share;
        }
    }

    /// Advances every channel by a week of results, in the order of the state's channels.
    pub fn advance(&mut self, results: &[ChannelWeekResult], paths: &[FatiguePath], hours: &WeekHours, smoothing: f64) {
        let end = hours.instant(hours.len() as i64);
        for (state, audience) in self.state.channels.iter_mut().zip(&self.audiences) {
            state.audience = audience.start * audience.share_kept;
        }
        let channels = self.state.channels.iter_mut().zip(&mut self.channels);
        for ((state, smoothed), (result, path)) in channels.zip(results.iter().zip(paths)) {
            state.fatigue = Score::clamped(path.end);
            state.as_of = end;
            let posts: Vec<&Published> = result.published.iter().map(|(post, _)| post).collect();
            update_recent_posts(state, &posts, end);
            smoothed.update(result, smoothing);
            smoothed.update_scores(state, result, smoothing);
        }
        let posts: usize = results.iter().map(ChannelWeekResult::post_count).sum();
        let (perceived, actual) = self.performance();
        if let Some(reality) = &mut self.state.reality {
            *reality = reassessed(reality, perceived, actual, posts as f64, end);
        }
    }

    /// Records the use of an asset; only the latest use on each channel is kept.
    pub fn use_asset(&mut self, asset_id: &AssetId, channel: Channel, at: Timestamp) {
        let uses = &mut self.state.asset_uses;
        match uses.iter_mut().find(|used| used.asset_id == *asset_id && used.channel == channel) {
            Some(used) => used.at = used.at.max(at),
            None => uses.push(AssetUse { asset_id: asset_id.clone(), channel, at }),
        }
    }

    /// Records a warning for each signal with a severity, and removes the warnings of signals without one.
    pub fn record_warnings(&mut self, early_warning: &EarlyWarning, at: Timestamp) {
        let warnings = &mut self.state.warnings;
        warnings.retain(|recorded| {
            early_warning
                .matrix
                .iter()
                .find(|signal| signal.signal == recorded.kind)
                .is_none_or(|signal| signal.severity.is_some())
        });
        for signal in &early_warning.matrix {
            let Some(severity) = signal.severity else { continue };
            match warnings.iter_mut().find(|recorded| recorded.is_live() && recorded.kind == signal.signal) {
                Some(recorded) => recorded.severity = severity,
                None => warnings.push(Warning {
                    id: WarningId::new(signal.signal.clone()),
                    kind: signal.signal.clone(),
                    severity,
                    status: WarningStatus::Open,
                    opened_at: at,
                }),
            }
        }
    }

    /// Perceived and actual performance over all channels, `0..=1`: engagements with and without noise, each divided by
    /// its sum with the expected engagements. One half is as expected.
    fn performance(&self) -> (f64, f64) {
        let sum = |part: fn(&SmoothedResults) -> f64| self.channels.iter().map(part).sum::<f64>();
        let expected = sum(|channel| channel.expected);
        let against_expected = |result: f64| if result + expected > 0.0 { result / (result + expected) } else { 0.5 };
        (against_expected(sum(|channel| channel.earned)), against_expected(sum(|channel| channel.without_noise)))
    }
}

/// Fatigue of one channel over a week.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct FatiguePath {
    pub channel: Channel,
    /// Fatigue at every hour, before a post in that hour adds its own.
    pub by_hour: Vec<f64>,
    /// Fatigue at the end of the week.
    pub end: f64,
}

impl FatiguePath {
    /// The path from a channel's state before the week, with its published posts and those committed before.
    pub fn of(state: &ChannelState, rules: &ChannelRules, week: &WeekHours, result: &ChannelWeekResult) -> Self {
        let mut post_counts = vec![0_u32; week.len()];
        let committed = state.recent_posts.iter().map(|at| week.hour_of(*at));
        let published = result.published.iter().map(|(post, _)| post.hour as i64);
        for hour in committed.chain(published).filter_map(|hour| usize::try_from(hour).ok()) {
            if let Some(count) = post_counts.get_mut(hour) {
                *count += 1;
            }
        }
        let decay = rules.decay_per_hour();
        let mut fatigue = fatigue_at(state, rules, week.start());
        let mut by_hour = Vec::with_capacity(week.len());
        for count in post_counts {
            by_hour.push(fatigue);
            fatigue = decay * (fatigue + f64::from(count) * rules.fatigue_per_post);
        }
        Self { channel: state.channel, by_hour, end: fatigue }
    }
}

fn update_recent_posts(state: &mut ChannelState, posts: &[&Published], end: Timestamp) {
    state.recent_posts.extend(posts.iter().map(|post| post.at));
    state.recent_posts.sort_unstable();
    let days_before_end = |days: i64| end.plus_days(-days);
    let month_ago = days_before_end(30);
    state.recent_posts.retain(|at| *at >= month_ago);
    state.posts_needing_review.retain(|at| *at >= month_ago);
    let count_since = |from: Timestamp| state.recent_posts.iter().filter(|at| (from..end).contains(*at)).count() as u32;
    state.posts_last_7_days = count_since(days_before_end(7));
    state.posts_last_30_days = count_since(month_ago);
    state.last_post_at = posts.iter().map(|post| post.at).chain(state.last_post_at).max();
}

impl SmoothedResults {
    fn update(&mut self, result: &ChannelWeekResult, smoothing: f64) {
        let sum = |part: fn(&Response) -> f64| result.responses().map(part).sum::<f64>();
        let (earned, without_noise) = (sum(|response| response.engagement), sum(|response| response.without_noise));
        let is_first = self.posts == 0;
        let smoothed = |old: f64, new: f64| if is_first { new } else { old + smoothing * (new - old) };
        if result.post_count() > 0 {
            self.earned = smoothed(self.earned, earned);
            self.without_noise = smoothed(self.without_noise, without_noise);
            self.expected = smoothed(self.expected, result.expected_engagement);
            // Without a positive minimum, a post without engagements would have an infinite log.
            let logs = result.responses().map(|response| libm::log(response.engagement.max(f64::MIN_POSITIVE)));
            let log = logs.sum::<f64>() / result.post_count() as f64;
            self.mean_log = Some(match self.mean_log {
                None => MeanLog { current: log, usual: log },
                Some(MeanLog { current, usual }) => MeanLog {
                    current: current + smoothing * (log - current),
                    usual: usual + USUAL_PACE * smoothing * (log - usual),
                },
            });
        }
        self.posts += result.post_count() as u32;
        self.total_earned += earned;
    }

    /// Writes the scores that the planner sees.
    fn update_scores(&self, state: &mut ChannelState, result: &ChannelWeekResult, smoothing: f64) {
        if let Some(MeanLog { current, usual }) = self.mean_log {
            state.momentum = Some(Score::clamped(1.0 / (1.0 + libm::exp(usual - current))));
        }
        if self.earned + self.expected > 0.0 {
            state.engagement = Some(Score::clamped(self.earned / (self.earned + self.expected)));
        }
        // `max` avoids a division by zero where no post is wanted.
        let share_of_wanted = (result.post_count() as f64 / f64::from(result.posts_wanted.max(1))).min(1.0);
        let visibility = state.visibility.map_or(0.5, Score::get);
        state.visibility = Some(Score::clamped(visibility + smoothing * (share_of_wanted - visibility)));
        if state.engagement_rate.is_none() && self.posts >= MEASURED_AFTER && state.audience > 0.0 {
            state.engagement_rate = Some(self.total_earned / (f64::from(self.posts) * state.audience));
        }
    }
}

fn reassessed(before: &Reality, perceived: f64, actual: f64, posts: f64, at: Timestamp) -> Reality {
    Reality {
        as_of: at,
        perceived: Score::clamped(perceived),
        actual: Some(Score::clamped(actual)),
        confidence: Score::clamped(posts / (posts + HALF_CONFIDENCE_POSTS)),
        completeness: before.completeness,
    }
}
