//! A limit with the settings that state it, for comparison with other limits.

use super::contradiction::{Contradiction, contradiction};
use super::limit_filter::LimitFilter;
use super::limit_weeks::share_a_week;
use super::limits::{LimitPeriod, LimitRules};
use super::settings::FoundSetting;
use crate::model::Channel;

/// A limit with the settings that it is read from.
pub(super) struct StatedLimit<'a> {
    pub(super) rules: LimitRules,
    pub(super) bound: FoundSetting<'a>,
    /// All settings but the bound.
    pub(super) others: Vec<FoundSetting<'a>>,
}

impl StatedLimit<'_> {
    /// The topmost layer that states a setting of the limit.
    fn layer(&self) -> usize {
        self.others.iter().map(|found| found.layer).fold(self.bound.layer, usize::max)
    }

    /// The channels that the limit names, or all if it names none.
    pub(super) fn channels(&self) -> Vec<Channel> {
        let named = &self.rules.filter.channels;
        if named.is_empty() { Channel::ALL.to_vec() } else { named.clone() }
    }

    /// The unit for which the bound holds, in words, such as `day` or `channel and day`.
    pub(super) fn unit(&self) -> String {
        unit_in_words(self.rules.per_channel, self.rules.per_campaign, self.rules.period)
    }

    /// Reports that the limit, a minimum, cannot be met because of the settings `because_of`. The error is placed at
    /// the setting of the topmost layer: at an overlay, if one changes any of these settings.
    ///
    /// Returns `None` for a limit on clients with certain tags or ids if `because_of` has a setting of an overlay above
    /// the limit's own layers, since that overlay may apply to other clients.
    pub(super) fn contradiction_with<'f>(
        &'f self,
        code: &'static str,
        because_of: &[&'f FoundSetting<'f>],
        cause: String,
        remedy: String,
    ) -> Option<Contradiction> {
        let filter = &self.rules.filter;
        let is_for_some_clients = !filter.tags.is_empty() || !filter.clients.is_empty();
        let is_due_to_other_overlay = because_of.iter().any(|found| found.layer > self.layer());
        if is_for_some_clients && is_due_to_other_overlay {
            return None;
        }
        let of_overlays = self.others.iter().filter(|found| found.layer > 0);
        let settings: Vec<&FoundSetting<'_>> =
            std::iter::once(&self.bound).chain(because_of.iter().copied()).chain(of_overlays).collect();
        contradiction(code, &settings, cause, remedy)
    }

    /// The bound, and the settings that overlays state.
    pub(super) fn bound_and_overlay_settings(&self) -> Vec<&FoundSetting<'_>> {
        std::iter::once(&self.bound).chain(self.others.iter().filter(|found| found.layer > 0)).collect()
    }
}

/// The unit for which a bound holds, in words, such as `day`, `channel and day` or `campaign and day`.
pub(super) fn unit_in_words(per_channel: bool, per_campaign: bool, period: LimitPeriod) -> String {
    let channel = if per_channel { "channel and " } else { "" };
    let campaign = if per_campaign { "campaign and " } else { "" };
    format!("{channel}{campaign}{}", period.name())
}

/// Whether a filter selects every post that another one selects.
pub(super) fn includes(wide: &LimitFilter, narrow: &LimitFilter) -> bool {
    let are_all_in = |wide: &[bool], narrow: &[bool]| wide.iter().zip(narrow).all(|(wide, narrow)| *wide || !narrow);
    let has_all_channels = wide.channels.is_empty() || wide.channels.len() == Channel::COUNT;
    (has_all_channels || is_subset(&narrow.channels, &wide.channels))
        && are_all_in(&wide.days, &narrow.days)
        && are_all_in(&wide.hours, &narrow.hours)
        && (wide.kinds.is_empty() || is_subset(&narrow.kinds, &wide.kinds))
        && (wide.campaigns.is_empty() || is_subset(&narrow.campaigns, &wide.campaigns))
        && (wide.tags.is_empty() || is_subset(&narrow.tags, &wide.tags))
        && (wide.clients.is_empty() || is_subset(&narrow.clients, &wide.clients))
        && wide.from.is_none_or(|wide| narrow.from.is_some_and(|narrow| narrow >= wide))
        && wide.to.is_none_or(|wide| narrow.to.is_some_and(|narrow| narrow <= wide))
}

/// Whether a maximum applies in some of the weeks in which a minimum does. The maximum's filter must include the
/// minimum's, so that only the minimum's dates matter.
pub(super) fn apply_together(minimum: &LimitRules, maximum: &LimitRules) -> bool {
    share_a_week([minimum.weeks, maximum.weeks], minimum.filter.from, minimum.filter.to)
}

/// Whether a list is not empty and all its entries are in another one.
fn is_subset<T: PartialEq>(list: &[T], other: &[T]) -> bool {
    !list.is_empty() && list.iter().all(|entry| other.contains(entry))
}
