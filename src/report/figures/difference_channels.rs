//! The difference in engagement by channel.

use super::axes::{self, Scale, Slots, Symbol, alpha};
use super::canvas::{Canvas, Frame, LabelStyle};
use super::palette::{BLUE, INK, VERMILLION};
use super::versus::{self, Panels};
use super::{Figure, Heading};
use crate::report::subject::Subject;
use crate::report::{ReportError, numbers};
use crate::simulator::{Comparison, Versus};

const PANELS: Panels = Panels { plot_height: 190.0, foot_height: 34.0 };
/// Half the width of the end caps of an interval.
const CAP_HALF_WIDTH: f64 = 5.0;
const EMPTY_MESSAGE: &str = "No client has a channel.";

/// Draws the figure.
pub fn draw(comparison: &Comparison) -> Result<Figure, ReportError> {
    let has_intervals = versus::has_intervals(comparison);
    let heading = Heading {
        name: "difference-channels",
        title: "Difference in engagements by channel".to_owned(),
        caption: caption(comparison),
    };
    let channels = comparison.versus.iter().flat_map(|versus| &versus.channels);
    let scale =
        Scale::including_zero(channels.flat_map(|channel| versus::low_mean_high(&channel.engagement)), versus::STEPS);
    let unit = format!("difference from {}, in engagements per replication", versus::base_label(comparison));
    PANELS.draw(heading, comparison, &entries(has_intervals), &unit, |canvas, frame, versus| {
        panel(canvas, frame, scale, versus)
    })
}

fn entries(has_intervals: bool) -> Vec<(Symbol, &'static str)> {
    let mut entries = vec![
        (Symbol::Patch(alpha(BLUE, 1.0)), "more engagements"),
        (Symbol::Patch(alpha(VERMILLION, 1.0)), "fewer engagements"),
    ];
    if has_intervals {
        entries.push((Symbol::Line(INK), "95\u{a0}% interval of the mean difference"));
    }
    entries
}

fn panel(canvas: &Canvas, frame: Frame, scale: Scale, versus: &Versus) -> Result<(), ReportError> {
    if versus.channels.is_empty() {
        return axes::message(canvas, frame, EMPTY_MESSAGE);
    }
    scale.draw_vertical(canvas, frame, LabelStyle::NOTE)?;
    let slots = Slots::new(versus.channels.len());
    for (index, channel) in versus.channels.iter().enumerate() {
        let (left, right) = slots.bar(frame, index);
        let [low, mean, high] = versus::low_mean_high(&channel.engagement);
        let colour = if mean < 0.0 { VERMILLION } else { BLUE };
        let [zero, mean, low, high] = [0.0, mean, low, high].map(|value| scale.y(frame, value));
        canvas.fill(Frame { left, top: zero.min(mean), right, bottom: zero.max(mean) }, colour)?;
        let x = slots.middle(frame, index);
        canvas.text((x, frame.bottom + 16.0), channel.channel.name(), LabelStyle::BODY.centred())?;
        // Positions grow downwards, so `low` is the larger one. An interval of less than half a pixel is not drawn.
        if low - high > 0.5 {
            canvas.line(&[(x, low), (x, high)], 1.6, INK)?;
            canvas.line(&[(x - CAP_HALF_WIDTH, low), (x + CAP_HALF_WIDTH, low)], 1.6, INK)?;
            canvas.line(&[(x - CAP_HALF_WIDTH, high), (x + CAP_HALF_WIDTH, high)], 1.6, INK)?;
        }
    }
    Ok(())
}

fn caption(comparison: &Comparison) -> String {
    let largest = comparison
        .versus
        .iter()
        .flat_map(|versus| versus.channels.iter().map(move |channel| (versus, channel)))
        .max_by(|(_, a), (_, b)| a.engagement.mean.abs().total_cmp(&b.engagement.mean.abs()))
        .filter(|(_, channel)| channel.engagement.mean != 0.0);
    let Some((versus, channel)) = largest else { return "There is no difference on any channel.".to_owned() };
    let Subject { singular, preposition, .. } = Subject::of(comparison);
    format!(
        "The bars of a {singular} add up to its total difference. The largest is that of {} {preposition} {}: {} \
         engagements.",
        channel.channel,
        versus.label,
        numbers::count_change(channel.engagement.mean),
    )
}
