//! Source locations of rows in lists to which overlays add rows.

use super::closed::{self, RowPlace};
use super::load::{OverlayKey, RulesPack};
use super::seasons;
use super::settings::View;
use crate::model::Channel;

impl RulesPack {
    /// The source location of each closed range of a channel, in the order of [`ChannelRules::closed`].
    ///
    /// [`ChannelRules::closed`]: super::ChannelRules::closed
    #[must_use]
    pub fn closed_places(&self, overlays: &OverlayKey, channel: Channel) -> Vec<RowPlace> {
        let (base, overlay_layers) = self.layers(overlays);
        let view = View::with(base, overlay_layers);
        closed::rows(&view, channel).filter_map(|row| closed::row_place(row.key, row.index, row.cells)).collect()
    }

    /// The source location of each season, in the order of [`CalendarRules::seasons`].
    ///
    /// [`CalendarRules::seasons`]: super::CalendarRules::seasons
    #[must_use]
    pub fn season_places(&self, overlays: &OverlayKey) -> Vec<RowPlace> {
        let (base, overlay_layers) = self.layers(overlays);
        let view = View::with(base, overlay_layers);
        let rows = closed::numbered_rows(&view, seasons::SEASONS_PATH);
        rows.filter_map(|(index, cells)| closed::row_place(seasons::SEASONS_PATH.to_owned(), index, cells)).collect()
    }
}
