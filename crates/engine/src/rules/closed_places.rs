//! Where the closed ranges of a channel stand in a pack.

use super::closed::{ClosedPlace, place, rows};
use super::load::{OverlayKey, RulesPack};
use super::settings::View;
use crate::model::Channel;

impl RulesPack {
    /// The source location of each closed range of a channel, in the order of [`ChannelRules::closed`].
    ///
    /// [`ChannelRules::closed`]: super::ChannelRules::closed
    #[must_use]
    pub fn closed_places(&self, overlays: &OverlayKey, channel: Channel) -> Vec<ClosedPlace> {
        let (base, over) = self.layers(overlays);
        let view = View::with(base, over);
        rows(&view, channel).filter_map(|(key, row, cells)| place(key, row, cells)).collect()
    }
}
