//! Shared code of a comparison's figures: a panel for each variant that is compared with the base.

use super::axes::{self, Symbol};
use super::canvas::{Canvas, Frame, LabelStyle, WIDTH};
use super::{Figure, Heading};
use crate::report::ReportError;
use crate::report::subject::Subject;
use crate::simulator::{Comparison, Versus};
use crate::stats::Difference;

/// Vertical position where the legend ends.
const LEGEND_END: f64 = 62.0;

/// Height above a plot for its title and unit.
const HEAD_HEIGHT: f64 = 56.0;

/// Approximate number of steps of a scale of differences; more than in other figures, because 0 need not be at one of
/// its ends.
pub const STEPS: f64 = 7.0;

/// Left edge of text, and left and right edge of plots.
const LEFT: f64 = 16.0;
const PLOT_LEFT: f64 = 76.0;
const PLOT_RIGHT: f64 = WIDTH - 24.0;

/// The panels of a figure.
#[derive(Debug, Clone, Copy)]
pub struct Panels {
    /// Height of each plot.
    pub plot_height: f64,
    /// Height of the labels below each plot.
    pub foot_height: f64,
}

impl Panels {
    /// Draws a figure with a panel for each variant: title, unit of the vertical axis, and plot.
    pub fn draw(
        self,
        heading: Heading,
        comparison: &Comparison,
        entries: &[(Symbol, &str)],
        unit: &str,
        drawing: impl Fn(&Canvas, Frame, &Versus) -> Result<(), ReportError>,
    ) -> Result<Figure, ReportError> {
        let pitch = HEAD_HEIGHT + self.plot_height + self.foot_height;
        let height = LEGEND_END + pitch * comparison.versus.len().max(1) as f64 + 6.0;
        heading.draw(height, |canvas| {
            axes::legend(canvas, entries)?;
            for (index, versus) in comparison.versus.iter().enumerate() {
                let top = LEGEND_END + pitch * index as f64;
                let name = format!("{} against {}", versus.label, base_label(comparison));
                let width = PLOT_RIGHT - LEFT;
                canvas.text((LEFT, top + 16.0), &LabelStyle::HEADING.shortened(&name, width), LabelStyle::HEADING)?;
                canvas.text((LEFT, top + 36.0), &LabelStyle::NOTE.shortened(unit, width), LabelStyle::NOTE)?;
                let top = top + HEAD_HEIGHT;
                let frame = Frame { left: PLOT_LEFT, top, right: PLOT_RIGHT, bottom: top + self.plot_height };
                drawing(canvas, frame, versus)?;
            }
            Ok(())
        })
    }
}

/// The base's label.
pub fn base_label(comparison: &Comparison) -> &str {
    comparison.base().map_or("", |variant| &variant.label)
}

/// The base's label after its preposition, such as `under default`.
pub fn base_phrase(comparison: &Comparison) -> String {
    format!("{} {}", Subject::of(comparison).preposition, base_label(comparison))
}

/// Lower end, mean and upper end of a difference; without an interval, the mean alone.
pub fn low_mean_high(difference: &Difference) -> [f64; 3] {
    let [low, high] = difference.interval.unwrap_or([difference.mean; 2]);
    [low, difference.mean, high]
}

/// [`low_mean_high`] in per cent of the base; `None` if the base is close to zero.
pub fn low_mean_high_percent(difference: &Difference) -> Option<[f64; 3]> {
    difference.relative()?;
    Some(low_mean_high(difference).map(|value| difference.share_of_base(value).unwrap_or_default() * 100.0))
}

/// Whether the comparison has intervals to show.
pub fn has_intervals(comparison: &Comparison) -> bool {
    comparison.base().is_some_and(|variant| variant.provenance.replications > 1)
}

/// Labels the horizontal axis of a plot, at a distance below the plot.
pub fn x_label(canvas: &Canvas, frame: Frame, distance: f64, text: &str) -> Result<(), ReportError> {
    let middle = f64::midpoint(frame.left, frame.right);
    canvas.text((middle, frame.bottom + distance), text, LabelStyle::NOTE.centred())
}
