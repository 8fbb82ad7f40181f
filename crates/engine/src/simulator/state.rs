//! How a client's state evolves over a simulated week.

use super::environment::{Published, Response};
use crate::model::{
    AssetId, AssetUse, Channel, ChannelState, ClientState, EarlyWarning, Reality, Score, Timestamp, Warning, WarningId,
    WarningStatus, WeekHours,
};
use crate::planner::fatigue_at;
use crate::rules::ChannelRules;

/// A client's state in a simulation: what the planner sees, and the smoothed values from which it is computed.
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
    /// Share of them that is still there.
    share_kept: f64,
}

/// Exponentially smoothed results of one channel.
#[derive(Debug, Clone, Copy, Default)]
struct SmoothedResults {
    earned: f64,
    expected: f64,
    without_noise: f64,
    /// Mean log of engagement per post, smoothed fast (current level) and slowly (usual level).
    level: Option<[f64; 2]>,
    /// Posts since the start of the simulation.
    posts: u32,
    /// Engagements since the start of the simulation, not smoothed.
    total_earned: f64,
}

/// Results of one channel in a week.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct ChannelWeekResult {
    /// Planned posts that were published.
    pub published: Vec<(Published, Response)>,
    /// Posts committed before the week was planned. The state's recent posts already contain them, and its asset uses
    /// their assets.
    pub committed: Vec<(Published, Response)>,
    pub expected: f64,
    pub wanted: u32,
}

impl ChannelWeekResult {
    /// The responses to all posts, planned or committed before.
    fn responses(&self) -> impl Iterator<Item = &Response> {
        self.published.iter().chain(&self.committed).map(|(_, response)| response)
    }

    /// Number of published posts.
    fn posts(&self) -> usize {
        self.published.len() + self.committed.len()
    }
}

/// Smoothing weight of the usual level, relative to that of the current level.
const USUAL_PACE: f64 = 0.25;
/// Posts after which the engagement rate of a channel counts as measured.
const MEASURED_AFTER: u32 = 10;
/// Posts a week at which an assessment has a confidence of one half.
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

    /// Share of a channel's first audience that is still there.
    pub fn audience_kept(&self, channel: Channel) -> f64 {
        self.audiences.iter().find(|audience| audience.channel == channel).map_or(1.0, |audience| audience.share_kept)
    }

    /// A share of a channel's audience leaves.
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
        let posts: usize = results.iter().map(ChannelWeekResult::posts).sum();
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

    /// Records the warnings that the signal matrix raises, and removes those that it no longer raises.
    pub fn record_warnings(&mut self, warning: &EarlyWarning, at: Timestamp) {
        let warnings = &mut self.state.warnings;
        warnings.retain(|recorded| {
            warning
                .matrix
                .iter()
                .find(|signal| signal.signal == recorded.kind)
                .is_none_or(|signal| signal.severity.is_some())
        });
        for signal in &warning.matrix {
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

    /// Perceived and actual performance over all channels, `0..=1`: smoothed results with and without noise, as a share
    /// of themselves plus the expectation. One half is as expected.
    fn performance(&self) -> (f64, f64) {
        let sum = |part: fn(&SmoothedResults) -> f64| self.channels.iter().map(part).sum::<f64>();
        let expected = sum(|channel| channel.expected);
        let performance = |result: f64| if result + expected > 0.0 { result / (result + expected) } else { 0.5 };
        (performance(sum(|channel| channel.earned)), performance(sum(|channel| channel.without_noise)))
    }
}

/// Fatigue of one channel over a week.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct FatiguePath {
    pub channel: Channel,
    /// Fatigue at every hour, before a post in that hour adds its own.
    pub hours: Vec<f64>,
    /// Fatigue at the end of the week.
    pub end: f64,
}

impl FatiguePath {
    /// The path from a channel's state before the week, with its published posts and those committed before.
    pub fn of(state: &ChannelState, rules: &ChannelRules, week: &WeekHours, result: &ChannelWeekResult) -> Self {
        let mut posts = vec![0_u32; week.len()];
        let committed = state.recent_posts.iter().map(|at| week.hour_of(*at));
        let published = result.published.iter().map(|(post, _)| post.hour as i64);
        for hour in committed.chain(published).filter_map(|hour| usize::try_from(hour).ok()) {
            if let Some(count) = posts.get_mut(hour) {
                *count += 1;
            }
        }
        let decay = rules.decay_per_hour();
        let mut fatigue = fatigue_at(state, rules, week.start());
        let mut hours = Vec::with_capacity(week.len());
        for count in posts {
            hours.push(fatigue);
            fatigue = decay * (fatigue + f64::from(count) * rules.fatigue_per_post);
        }
        Self { channel: state.channel, hours, end: fatigue }
    }
}

fn update_recent_posts(state: &mut ChannelState, posts: &[&Published], end: Timestamp) {
    state.recent_posts.extend(posts.iter().map(|post| post.at));
    state.recent_posts.sort_unstable();
    let since = |days: i64| end.plus_days(-days);
    let month_ago = since(30);
    state.recent_posts.retain(|at| *at >= month_ago);
    let count_since = |from: Timestamp| state.recent_posts.iter().filter(|at| (from..end).contains(*at)).count() as u32;
    state.posts_last_7_days = count_since(since(7));
    state.posts_last_30_days = count_since(month_ago);
    state.last_post_at = posts.iter().map(|post| post.at).chain(state.last_post_at).max();
}

impl SmoothedResults {
    fn update(&mut self, result: &ChannelWeekResult, smoothing: f64) {
        let sum = |part: fn(&Response) -> f64| result.responses().map(part).sum::<f64>();
        let (earned, without_noise) = (sum(|response| response.engagement), sum(|response| response.without_noise));
        let blend = |old: f64, new: f64, first: bool| if first { new } else { old + smoothing * (new - old) };
        if result.posts() > 0 {
            let first = self.posts == 0;
            self.earned = blend(self.earned, earned, first);
            self.without_noise = blend(self.without_noise, without_noise, first);
            self.expected = blend(self.expected, result.expected, first);
            let logs = result.responses().map(|response| libm::log(response.engagement.max(f64::MIN_POSITIVE)));
            let level = logs.sum::<f64>() / result.posts() as f64;
            self.level = Some(match self.level {
                None => [level; 2],
                Some([fast, slow]) => {
                    [fast + smoothing * (level - fast), slow + USUAL_PACE * smoothing * (level - slow)]
                }
            });
        }
        self.posts += result.posts() as u32;
        self.total_earned += earned;
    }

    /// Writes the scores that the planner sees.
    fn update_scores(&self, state: &mut ChannelState, result: &ChannelWeekResult, smoothing: f64) {
        if let Some([fast, slow]) = self.level {
            state.momentum = Some(Score::clamped(1.0 / (1.0 + libm::exp(slow - fast))));
        }
        if self.earned + self.expected > 0.0 {
            state.engagement = Some(Score::clamped(self.earned / (self.earned + self.expected)));
        }
        let presence = result.posts() as f64 / f64::from(result.wanted.max(1));
        let before = state.visibility.map_or(0.5, Score::get);
        state.visibility = Some(Score::clamped(before + smoothing * (presence.min(1.0) - before)));
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
