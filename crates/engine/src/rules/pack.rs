//! The numbers of a rules pack as they hold for one client, after its overlays.
//!
//! Every field is made of keys of the pack's TOML files, which `load` has checked; scripts are held in `compile`. Nothing
//! can go wrong here.

use super::assets::AssetRules;
use super::calendar::CalendarRules;
use super::channels::ChannelRules;
use super::declare::RuleTable;
use super::early_warning::EarlyWarningRules;
use super::fatigue::FatigueRules;
use super::guardrails::{GuardrailRules, guardrails};
use super::risk::RiskRules;
use super::settings::View;
use crate::model::Channel;

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
    /// The effective numbers of a view.
    pub(super) fn read(view: &View<'_>) -> Self {
        let table = |name| RuleTable { view, name };
        Self {
            channels: Channel::ALL.into_iter().map(|channel| ChannelRules::of(view, channel)).collect(),
            fatigue: FatigueRules::read(table("fatigue")),
            assets: AssetRules::read(table("assets")),
            guardrails: guardrails(view),
            risk: RiskRules::read(table("risk")),
            calendar: CalendarRules::read(table("calendar")),
            early_warning: EarlyWarningRules::read(table("early_warning")),
        }
    }

    /// The numbers of one channel.
    #[must_use]
    #[expect(clippy::indexing_slicing, reason = "INVARIANT: `channels` holds one entry a channel, in order")]
    pub fn channel(&self, channel: Channel) -> &ChannelRules {
        &self.channels[channel.index()]
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
