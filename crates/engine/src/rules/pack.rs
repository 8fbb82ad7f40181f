//! The effective rules for one client, with its overlays applied.
//!
//! Every field is read from keys of the pack's TOML files, which `load` has validated, so nothing can fail here.
//! Scripts are compiled in `compile`.

use super::assets::AssetRules;
use super::calendar::CalendarRules;
use super::channels::ChannelRules;
use super::declare::RuleTable;
use super::early_warning::EarlyWarningRules;
use super::fatigue::{FatigueRules, ResponseShape};
use super::guardrails::{GuardrailRules, guardrails};
use super::limits::{LimitRules, limits};
use super::risk::RiskRules;
use super::settings::View;
use crate::model::{Channel, FatigueResponse, LinearResponse, SaturatingResponse};

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
    /// `limits.toml`: the enabled limits, in file order.
    pub limits: Vec<LimitRules>,
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
            limits: limits(view),
            early_warning: EarlyWarningRules::read(table("early_warning")),
        }
    }

    /// The rules of one channel.
    #[must_use]
    #[expect(clippy::indexing_slicing, reason = "INVARIANT: `channels` holds one entry a channel, in order")]
    pub fn channel(&self, channel: Channel) -> &ChannelRules {
        &self.channels[channel.index()]
    }

    /// How fatigue lowers what a post on a channel earns.
    #[must_use]
    pub fn response(&self, channel: Channel) -> FatigueResponse {
        let (fatigue, channel) = (&self.fatigue, self.channel(channel));
        match fatigue.response {
            ResponseShape::Linear => FatigueResponse::Linear(LinearResponse {
                warn_at: fatigue.warn_at,
                slope_below: fatigue.slope_below_warn,
                slope_above: fatigue.slope_above_warn,
            }),
            ResponseShape::Saturating => FatigueResponse::Saturating(SaturatingResponse {
                fatigue_per_post: channel.fatigue_per_post,
                strength: channel.response_strength,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ClientId, WorkspaceId};
    use crate::rules::PackFiles;
    use crate::rules::load::load;
    use crate::rules::load::tests::default_files;

    /// The default pack with the key `response` set to `shape`, or without it, and an overlay for the client `a`.
    fn pack_files(shape: Option<&str>) -> PackFiles {
        let mut files = default_files();
        let text = files.get_mut("fatigue.toml").unwrap();
        let others: Vec<&str> = text.lines().filter(|line| !line.starts_with("response = ")).collect();
        let shape = shape.map(|shape| format!("response = \"{shape}\"\n")).unwrap_or_default();
        let slopes = "slope_below_warn = 0.6\nslope_above_warn = 1.4\n";
        *text = format!("{shape}{slopes}{}", others.join("\n"));
        let overlay = "scope = { client = \"a\" }\n[channels.ig]\nresponse_strength = 0.5\n";
        files.insert("overlays/a.toml".to_owned(), overlay.to_owned());
        files
    }

    #[test]
    fn an_overlay_sets_the_response_strength_of_one_clients_channel() {
        let pack = load(pack_files(Some("saturating"))).unwrap();
        let response = |client: &str, channel| {
            let rules = pack.rules_for(&WorkspaceId::new("w"), &ClientId::new(client), None);
            rules.response(channel).at(3.0 * rules.channel(channel).fatigue_per_post)
        };
        assert!((response("a", Channel::Ig) - 0.5).abs() < 1e-12, "4^-0.5");
        let default = libm::pow(4.0, -0.11);
        for (client, channel) in [("a", Channel::Fb), ("b", Channel::Ig)] {
            assert!((response(client, channel) - default).abs() < 1e-12, "{client}");
        }
    }

    #[test]
    fn a_pack_that_names_no_response_has_a_linear_one() {
        let rules = load(pack_files(None)).unwrap().base();
        assert!(matches!(rules.response(Channel::Fb), FatigueResponse::Linear(_)));
    }

    #[test]
    fn keys_of_a_response_shape_that_is_used_nowhere_have_no_effect() {
        let keys = ["fatigue.slope_below_warn", "fatigue.slope_above_warn", "channels.ig.response_strength"];
        let are_ineffective = |files: PackFiles| {
            let pack = load(files).unwrap();
            keys.map(|key| pack.why_ineffective(key).is_some())
        };
        assert_eq!(are_ineffective(pack_files(Some("saturating"))), [true, true, false]);
        assert_eq!(are_ineffective(pack_files(None)), [false, false, true]);
        let mut both = pack_files(Some("saturating"));
        let overlay = "scope = { client = \"b\" }\n[fatigue]\nresponse = \"linear\"\n\
                       slope_below_warn = 0.6\nslope_above_warn = 1.4\n";
        both.insert("overlays/b.toml".to_owned(), overlay.to_owned());
        assert_eq!(are_ineffective(both), [false; 3]);
    }
}
