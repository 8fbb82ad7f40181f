//! The effective rules for one client, with its overlays applied.
//!
//! Every field is read from keys of the pack's TOML files, which `load` has validated, so nothing can fail here.
//! `compile` handles the scripts.

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

/// The effective rules for one client, or for one of its campaigns.
#[derive(Debug, Clone, PartialEq)]
pub struct Rules {
    /// `channels.toml`, in the order of [`Channel::ALL`].
    pub channels: Vec<ChannelRules>,
    /// `fatigue.toml`.
    pub fatigue: FatigueRules,
    /// `assets.toml`.
    pub assets: AssetRules,
    /// `guardrails.toml`: the enabled guardrails, in file order.
    pub guardrails: Vec<GuardrailRules>,
    /// `risk.toml`.
    pub risk: RiskRules,
    /// `calendar.toml`.
    pub calendar: CalendarRules,
    /// `early_warning.toml`.
    pub early_warning: EarlyWarningRules,
}

impl Rules {
    /// Reads the effective rules of a view.
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

    /// The rules of one channel.
    #[must_use]
    #[expect(clippy::indexing_slicing, reason = "INVARIANT: `channels` holds one entry a channel, in order")]
    pub fn channel(&self, channel: Channel) -> &ChannelRules {
        &self.channels[channel.index()]
    }
}
