//! Effects of hours and weekdays by channel, with their intervals.

use super::axes::{self, Scale, Slots, Symbol, alpha};
use super::canvas::{Canvas, Frame, LabelStyle};
use super::palette::{BLUE, MUTED};
use super::{Figure, Heading};
use crate::calibration::{Calibration, ChannelCalibration, ParameterEstimate};
use crate::model::{HOURS_PER_BIN, WorldParameter};
use crate::report::ReportError;
use crate::report::numbers::count_with_noun;

const PLOT_HEIGHT: f64 = 130.0;
const LEGEND_END: f64 = 64.0;

/// Draws the figure.
pub fn draw(calibration: &Calibration) -> Result<Figure, ReportError> {
    let channels = &calibration.channels;
    let (frames, height) = axes::small_plots(channels.len(), LEGEND_END, PLOT_HEIGHT);
    let effects = channels.iter().flat_map(drawn_effects);
    let scale = Scale::including_zero(effects.flat_map(|effect| effect.estimate.interval()).map(percent_change), 4.0);
    let heading = Heading {
        name: "calibration-effects",
        title: "Effects of hours and weekdays, in per cent of an average post".to_owned(),
        caption: caption(channels),
    };
    heading.draw(height, |canvas| {
        let entries = [
            (Symbol::LineWithDot(BLUE), "detectable, with its 90\u{a0}% interval"),
            (Symbol::LineWithDot(MUTED), "not detectable"),
            (Symbol::Patch(alpha(BLUE, 0.12)), "weekdays"),
        ];
        axes::legend(canvas, &entries)?;
        for (channel, frame) in channels.iter().zip(frames) {
            panel(canvas, frame, scale, channel)?;
        }
        axes::common_x_label(canvas, height, "first hour of each three, on the client's clock; then weekdays")
    })
}

/// The effects of hours, then of weekdays.
fn drawn_effects(channel: &ChannelCalibration) -> impl Iterator<Item = &ParameterEstimate> {
    let is_drawn =
        |parameter: &WorldParameter| matches!(parameter, WorldParameter::Hours(_) | WorldParameter::Weekday(_));
    channel.parameters.iter().filter(move |effect| is_drawn(&effect.estimate.parameter))
}

fn percent_change(factor: f64) -> f64 {
    100.0 * (factor - 1.0)
}

fn panel(canvas: &Canvas, frame: Frame, scale: Scale, channel: &ChannelCalibration) -> Result<(), ReportError> {
    let effects: Vec<&ParameterEstimate> = drawn_effects(channel).collect();
    let slots = Slots::new(effects.len());
    let is_weekday = |effect: &&ParameterEstimate| matches!(effect.estimate.parameter, WorldParameter::Weekday(_));
    let first_weekday = effects.iter().position(is_weekday);
    if let Some(first) = first_weekday {
        let (left, _) = slots.slot(frame, first);
        canvas.fill(Frame { left, ..frame }, alpha(BLUE, 0.12))?;
    }
    scale.draw_vertical(canvas, frame, LabelStyle::FINE)?;
    let y = frame.top - 17.0;
    canvas.text((frame.left, y), channel.channel.name(), LabelStyle::HEADING)?;
    let posts = count_with_noun(channel.measured as f64, "post", "posts");
    canvas.text((frame.right, y), &posts, LabelStyle::FINE.right_aligned())?;
    for (index, effect) in effects.iter().enumerate() {
        let x = slots.middle(frame, index);
        let colour = if effect.is_detectable { BLUE } else { MUTED };
        let [low, high] = effect.estimate.interval().map(|factor| scale.y(frame, percent_change(factor)));
        canvas.line(&[(x, low), (x, high)], 1.6, colour)?;
        canvas.dot((x, scale.y(frame, percent_change(effect.estimate.value))), 2.6, colour)?;
        canvas.text((x, frame.bottom + 12.0), &label(&effect.estimate.parameter), LabelStyle::FINE.centred())?;
    }
    Ok(())
}

fn label(parameter: &WorldParameter) -> String {
    match parameter {
        WorldParameter::Hours(bin) => (bin * HOURS_PER_BIN as usize).to_string(),
        WorldParameter::Weekday(day) => ["M", "T", "W", "T", "F", "S", "S"].get(*day).copied().unwrap_or("").to_owned(),
        other => other.to_string(),
    }
}

fn caption(channels: &[ChannelCalibration]) -> String {
    let has_detectable = |channel: &&ChannelCalibration| drawn_effects(channel).any(|effect| effect.is_detectable);
    let names: Vec<&str> = channels.iter().filter(has_detectable).map(|channel| channel.channel.name()).collect();
    if names.is_empty() {
        return "No effect of the hour or the weekday is detectable on any channel.".to_owned();
    }
    format!(
        "Effects common to all accounts of a channel. An effect of an hour or a weekday is detectable on {}.",
        names.join(", ")
    )
}
