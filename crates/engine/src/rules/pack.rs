//! The numbers of a rules pack as they hold for one client, after its overlays.
//!
//! Every field here is a key of the pack's TOML files, which `load` has checked; scripts are held in
//! `compile`. Nothing is read or checked here.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::closed::ClosedRange;
use super::facts::{Fact, List};
use super::key::DAYS;
use crate::model::{CalendarEntry, Channel, ConflictKind, Policy, RiskBand, Zone};

/// The effective numbers for one client, or for one campaign of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Rules {
    /// `channels.toml`, in the order of [`Channel::ALL`].
    pub channels: Vec<ChannelRules>,
    /// `fatigue.toml`.
    pub fatigue: FatigueRules,
    /// `assets.toml`.
    pub assets: AssetRules,
    /// `guardrails.toml`, in the order of the file; those switched off are left out.
    pub guardrails: Vec<GuardrailRules>,
    /// `risk.toml`.
    pub risk: RiskRules,
    /// `calendar.toml`.
    pub calendar: CalendarRules,
    /// `early_warning.toml`.
    pub early_warning: EarlyWarningRules,
}

impl Rules {
    /// The numbers of one channel.
    #[must_use]
    #[expect(clippy::indexing_slicing, reason = "INVARIANT: `channels` holds one entry a channel, in order")]
    pub fn channel(&self, channel: Channel) -> &ChannelRules {
        &self.channels[channel.index()]
    }
}

/// One table of `channels.toml`.
#[derive(Debug, Clone, PartialEq)]
pub struct ChannelRules {
    /// Which.
    pub channel: Channel,
    /// Posts a week before fatigue lowers them, `0..=168`.
    pub weekly_posts: u32,
    /// Hours between two posts, `1..=168`.
    pub min_spacing_hours: u32,
    /// Best wall-clock hours by weekday, Monday first; each ascending, `0..24`.
    pub best_hours: [Vec<u8>; 7],
    /// Value of a best hour against an ordinary one, `0.1..=10`.
    pub hour_lift: f64,
    /// Value of a weekday against an ordinary one, Monday first, `0..=10`.
    pub weekday_weights: [f64; 7],
    /// Wall-clock minutes of the day from which and up to which nothing is posted; may run over midnight.
    pub quiet_minutes: Option<(u16, u16)>,
    /// Ranges in which nothing is posted: those of `calendar.toml`, then the channel's own.
    pub closed: Vec<ClosedRange>,
    /// Hours in which fatigue halves, `1..=1000`.
    pub half_life_hours: f64,
    /// Fatigue that one post adds, above 0, at most 0.5.
    pub fatigue_per_post: f64,
    /// Claim on scarce capacity before fatigue lowers it, `0..=100`.
    pub priority: f64,
    /// Engagements per person reached that is assumed where a client has no history, above 0.
    pub engagement_rate: f64,
    /// Value lost or gained at momentum 0 or 1 against steady, as a share, `0..=1`: the factor is
    /// 1 + gain x (2 x momentum - 1).
    pub momentum_gain: f64,
}

impl ChannelRules {
    /// Factor on fatigue from hour to hour.
    #[must_use]
    pub fn decay_per_hour(&self) -> f64 {
        libm::exp2(-1.0 / self.half_life_hours)
    }

    /// Weights of the hours of a week by the best hours, 168 numbers, Monday 00:00 first, as scripts read them.
    #[must_use]
    pub fn hour_weights(&self) -> List {
        let weight = |hour: &u8, best: &[u8]| if best.contains(hour) { self.hour_lift } else { 1.0 };
        let days = self.best_hours.iter();
        days.flat_map(|best| (0..24_u8).map(move |hour| Fact::Number(weight(&hour, best)))).collect()
    }

    /// Whether a wall-clock minute of the day, `0..1440`, lies in the quiet hours.
    #[must_use]
    pub fn is_quiet(&self, minute_of_day: u16) -> bool {
        self.quiet_minutes.is_some_and(|span| is_within_clock_span(span, minute_of_day))
    }
}

/// Whether a minute of the day lies in a span of the clock: its first minute does, its last does not.
#[must_use]
pub const fn is_within_clock_span((from, to): (u16, u16), minute_of_day: u16) -> bool {
    if from <= to { from <= minute_of_day && minute_of_day < to } else { minute_of_day >= from || minute_of_day < to }
}

/// One row of a step table: from a threshold on, a number. Rows ascend by threshold.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Step {
    /// The row holds from here on, up to the next row.
    pub from: f64,
    /// What holds.
    pub then: f64,
}

/// The number that holds at `at`: that of the last row not above it.
#[must_use]
pub fn step_at(steps: &[Step], at: f64) -> Option<f64> {
    steps.iter().rev().find(|step| at >= step.from).map(|step| step.then)
}

/// `fatigue.toml`.
#[derive(Debug, Clone, PartialEq)]
pub struct FatigueRules {
    /// Fatigue from which the response falls faster and the guardrail warns, `0..1`, below `block_at`.
    pub warn_at: f64,
    /// Fatigue from which no post is allowed, `0..=1`.
    pub block_at: f64,
    /// Response lost per unit of fatigue below warn, `0..=2`.
    pub slope_below_warn: f64,
    /// Response lost per unit of fatigue above warn, at least the slope below.
    pub slope_above_warn: f64,
    /// Factor on weekly posts by fatigue; the product is rounded down.
    pub frequency: Vec<Step>,
    /// Taken from priority by fatigue.
    pub priority_loss: Vec<Step>,
    /// Priority never falls below, `0..=100`.
    pub priority_floor: f64,
    /// How often the price of fatigue handed to the next week is refined, `0..=3`; 0 hands it on for free.
    pub end_weight_rounds: u32,
    /// Recommended hours to wait, by fatigue; the first row is from 0.
    pub wait_hours: Vec<Step>,
    /// Weights of rest (1 - fatigue), momentum, visibility and engagement in channel health; their sum is 1.
    pub health_weights: [f64; 4],
    /// Health, or one of its parts, from which it is shown as good, `0..=1`.
    pub good_from: f64,
    /// The same from which it is shown as fair, at most `good_from`.
    pub fair_from: f64,
}

impl FatigueRules {
    /// Health of a channel, `0..=1`, from its fatigue and its momentum, visibility and engagement.
    #[must_use]
    pub fn health(&self, fatigue: f64, [momentum, visibility, engagement]: [f64; 3]) -> f64 {
        let parts = [1.0 - fatigue, momentum, visibility, engagement];
        self.health_weights.iter().zip(parts).map(|(weight, part)| weight * part).sum()
    }

    /// What people are told of a health, or of one of its parts: `good`, `fair` or `poor`.
    #[must_use]
    pub fn level(&self, score: f64) -> &'static str {
        if score >= self.good_from {
            "good"
        } else if score >= self.fair_from {
            "fair"
        } else {
            "poor"
        }
    }

    /// Hours to wait that are recommended at a fatigue.
    #[must_use]
    pub fn recommended_wait_hours(&self, fatigue: f64) -> f64 {
        step_at(&self.wait_hours, fatigue).unwrap_or(0.0)
    }
}

/// `assets.toml`: the points of an asset on a channel, their sum held in `0..=100`.
#[derive(Debug, Clone, PartialEq)]
pub struct AssetRules {
    /// Every asset starts from.
    pub base: f64,
    /// Points at quality 1.
    pub per_quality: f64,
    /// Points at brand consistency 1.
    pub per_brand_consistency: f64,
    /// Points at value 1.
    pub per_value: f64,
    /// Points at impact 1.
    pub per_impact: f64,
    /// Points where it was made for the channel.
    pub made_for_channel: f64,
    /// Points by age in hours: the row with the smallest `from` above the age counts
    /// (`from` is "younger than", `then` the points).
    pub freshness: Vec<Step>,
    /// Points (below 0) where it was used on the channel within `recent_use_days`.
    pub recent_use: f64,
    /// See `recent_use`.
    pub recent_use_days: f64,
    /// Hours before an asset may be used again on a channel, `0..=10000`.
    pub cooldown_hours: f64,
    /// Most uses of an asset a week over all channels, at least 1.
    pub max_uses_per_week: u32,
    /// Factor on engagement of an asset of score 0, above 0.
    pub quality_at_0: f64,
    /// Factor on engagement of an asset of score 100, at least `quality_at_0`.
    pub quality_at_100: f64,
    /// Factor on engagement of a post without an asset, `0..=1`.
    pub quality_without_asset: f64,
}

impl AssetRules {
    /// Factor on engagement that a score stands for.
    #[must_use]
    pub fn quality_factor(&self, score: f64) -> f64 {
        self.quality_at_0 + (self.quality_at_100 - self.quality_at_0) * (score / 100.0).clamp(0.0, 1.0)
    }
}

/// How often a guardrail is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GuardrailScope {
    /// Once a post: `NAME(post, ctx)`.
    Post,
    /// Once a client, channel and week: `NAME(ctx)`.
    ChannelWeek,
}

/// One table of `guardrails.toml`.
#[derive(Debug, Clone, PartialEq)]
pub struct GuardrailRules {
    /// Its id, its function and its name in reports.
    pub name: Arc<str>,
    /// How often it is asked.
    pub scope: GuardrailScope,
    /// What kind of conflict its warnings and blocks are.
    pub conflict: ConflictKind,
    /// A warning of it raises the risk band by one step.
    pub warn_raises_risk: bool,
    /// Numbers that its function reads as `ctx.params.NAME`.
    pub params: Arc<BTreeMap<String, f64>>,
}

/// `risk.toml`.
#[derive(Debug, Clone, PartialEq)]
pub struct RiskRules {
    /// Confidence from which risk is low.
    pub low_from: f64,
    /// Confidence from which risk is medium; below, it is high.
    pub medium_from: f64,
    /// Confidence by asset score; the first row is from 0.
    pub confidence: Vec<Step>,
    /// Taken where the channel has no history of its own.
    pub minus_no_history: f64,
    /// Taken where reality confidence is below `reality_confidence_below`.
    pub minus_low_reality_confidence: f64,
    /// See `minus_low_reality_confidence`.
    pub reality_confidence_below: f64,
    /// Taken where |true - perceived| is above `reality_gap_above`.
    pub minus_reality_gap: f64,
    /// See `minus_reality_gap`.
    pub reality_gap_above: f64,
    /// Taken for each guardrail that warns.
    pub minus_per_warning: f64,
    /// Whether high risk needs an approver other than who committed the plan.
    pub second_person_for_high_risk: bool,
    /// What holds for a client without a policy.
    pub default_policy: Policy,
}

/// Which minute of the hour a post goes out at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MinuteRule {
    /// The same for all, `0..60`.
    Fixed(u8),
    /// Drawn once for a client and channel, a multiple of five.
    Spread,
}

impl MinuteRule {
    /// The minutes of the hour that it may come to, ascending.
    #[must_use]
    pub fn minutes(self) -> Vec<u8> {
        match self {
            MinuteRule::Fixed(minute) => vec![minute],
            MinuteRule::Spread => (0..60).step_by(5).collect(),
        }
    }
}

/// `calendar.toml`.
#[derive(Debug, Clone, PartialEq)]
pub struct CalendarRules {
    /// Minute within the hour.
    pub minute: MinuteRule,
    /// Whether anything is posted on holidays.
    pub holiday_posts: bool,
    /// Factor on the value of posts on holidays that have none of their own.
    pub holiday_factor: f64,
    /// Factor on the value of posts on boost days that have none of their own.
    pub boost_factor: f64,
    /// Making drafts.
    pub drafts: DraftRules,
    /// When a server runs its passes.
    pub passes: PassRules,
    /// Special days of the pack itself, for every client that the overlay covers.
    pub days: Vec<CalendarEntry>,
}

/// When drafts are made, and made again.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DraftRules {
    /// Hours after its time that a draft may still be made, `0..=168`.
    pub late_hours: f64,
    /// How often a draft is tried, `1..=20`.
    pub attempts: u32,
    /// Minutes before the second try; each further wait is twice as long.
    pub retry_after_minutes: f64,
}

/// When a server that keeps the time runs its passes.
#[derive(Debug, Clone, PartialEq)]
pub struct PassRules {
    /// The zone of the clock that they go by.
    pub time_zone: Zone,
    /// Hours between daily passes, the first at midnight, `1..=24`.
    pub daily_every_hours: u8,
    /// The day on which the coming week is planned, days since Monday, `0..7`.
    pub weekly_day: u8,
    /// The hour from which it is, `0..24`.
    pub weekly_hour: u8,
}

impl PassRules {
    /// When the coming week is planned, as in `thursday 14:00 UTC`.
    #[must_use]
    pub fn weekly(&self) -> String {
        let day = DAYS.get(usize::from(self.weekly_day)).copied().unwrap_or_default();
        format!("{day} {:02}:00 {}", self.weekly_hour, self.time_zone.name())
    }
}

impl AssetRules {
    /// Whether an asset can run again on a channel while its last use there still costs points.
    #[must_use]
    pub fn recent_use_can_count(&self) -> bool {
        self.cooldown_hours < 24.0 * self.recent_use_days
    }
}

impl DraftRules {
    /// Minutes to wait after a try that failed; `before` tries were made before it.
    #[must_use]
    pub fn wait_minutes(&self, before: u32) -> f64 {
        self.retry_after_minutes * libm::exp2(f64::from(before.min(20)))
    }

    /// Minutes from the first try to the last.
    #[must_use]
    pub fn all_waits_minutes(&self) -> f64 {
        (0..self.attempts.saturating_sub(1)).map(|before| self.wait_minutes(before)).sum()
    }
}

impl RiskRules {
    /// Whether a post of the risk is approved by somebody other than who committed its plan.
    #[must_use]
    pub fn needs_second_person(&self, risk: RiskBand) -> bool {
        self.second_person_for_high_risk && risk == RiskBand::High
    }
}

/// `early_warning.toml`.
#[derive(Debug, Clone, PartialEq)]
pub struct EarlyWarningRules {
    /// A signal is of high severity from here on.
    pub high_from: f64,
    /// Signals of the matrix by name, in the order of the file, each with the threshold it is raised from.
    pub signals: Vec<(Arc<str>, f64)>,
    /// A true score is shrunk towards this where data is missing, `0..=1`.
    pub reality_middle: f64,
    /// Half width of the band around the true score where no data is there, `0..=1`.
    pub reality_band: f64,
}
