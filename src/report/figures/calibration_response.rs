//! The response to recent load by channel: the fitted curve, and the mean of posts at each load.

use super::axes::{self, Scale, Symbol, alpha};
use super::canvas::{Canvas, Frame, LabelStyle};
use super::palette::{BLUE, INK, MUTED};
use super::{Figure, Heading};
use crate::calibration::{Calibration, ChannelCalibration, ParameterEstimate};
use crate::model::WorldParameter;
use crate::report::{ReportError, numbers};

const PLOT_HEIGHT: f64 = 130.0;
const LEGEND_END: f64 = 64.0;

/// Number of segments of a fitted curve.
const SEGMENTS: usize = 40;

/// Largest factor that is drawn.
const MAX_FACTOR: f64 = 1.3;

/// Draws the figure.
pub fn draw(calibration: &Calibration) -> Result<Figure, ReportError> {
    let channels = &calibration.channels;
    let (frames, height) = axes::small_plots(channels.len(), LEGEND_END, PLOT_HEIGHT);
    let heading = Heading {
        name: "calibration-response",
        title: "Share of a post's engagements that remains after recent posts".to_owned(),
        caption: caption(channels),
    };
    heading.draw(height, |canvas| {
        let entries = [
            (Symbol::Line(BLUE), "fitted"),
            (Symbol::Patch(alpha(BLUE, 0.25)), "its 90\u{a0}% interval"),
            (Symbol::Dot(INK), "posts at about that load, with the 90\u{a0}% interval of their mean"),
        ];
        axes::legend(canvas, &entries)?;
        for (channel, frame) in channels.iter().zip(frames) {
            panel(canvas, frame, channel)?;
        }
        axes::common_x_label(canvas, height, "load: number of earlier posts, each counting half after one half-life")
    })
}

fn response_strength(channel: &ChannelCalibration) -> Option<&ParameterEstimate> {
    channel.parameters.iter().find(|parameter| parameter.estimate.parameter == WorldParameter::ResponseStrength)
}

fn panel(canvas: &Canvas, frame: Frame, channel: &ChannelCalibration) -> Result<(), ReportError> {
    let largest = channel.response.last().map_or(2.0, |point| point.load.max(1.0));
    let (load_scale, factor_scale) = (Scale::from_zero(largest, 4.0), Scale::from_zero(MAX_FACTOR, 4.0));
    factor_scale.draw_vertical(canvas, frame, LabelStyle::FINE)?;
    load_scale.draw_horizontal(canvas, frame, LabelStyle::FINE)?;
    let y = frame.top - 17.0;
    canvas.text((frame.left, y), channel.channel.name(), LabelStyle::HEADING)?;
    if let Some(strength) = response_strength(channel) {
        let fitted = |exponent: f64| -> Vec<(f64, f64)> {
            let load = |segment: usize| largest * segment as f64 / SEGMENTS as f64;
            let factor = |load: f64| libm::pow(1.0 + load, -exponent);
            (0..=SEGMENTS)
                .map(load)
                .map(|load| (load_scale.x(frame, load), factor_scale.y(frame, factor(load))))
                .collect()
        };
        let [low, high] = strength.estimate.interval();
        axes::band(canvas, &fitted(high), &fitted(low), alpha(BLUE, 0.25))?;
        canvas.line(&fitted(strength.estimate.value), 2.0, BLUE)?;
        canvas.text((frame.right, y), &strength_text(strength), LabelStyle::FINE.right_aligned())?;
    }
    for point in &channel.response {
        let x = load_scale.x(frame, point.load);
        let [low, high] = point.interval.map(|factor| factor_scale.y(frame, factor));
        canvas.line(&[(x, low), (x, high)], 1.4, INK)?;
        canvas.dot((x, factor_scale.y(frame, point.factor)), 2.6, INK)?;
    }
    if channel.response.is_empty() {
        let middle = (f64::midpoint(frame.left, frame.right), f64::midpoint(frame.top, frame.bottom));
        canvas.text(middle, "too few posts", LabelStyle::FINE.centred().coloured(MUTED))?;
    }
    Ok(())
}

fn strength_text(strength: &ParameterEstimate) -> String {
    let [low, high] = strength.estimate.interval().map(numbers::score);
    format!("strength {} ({low} to {high})", numbers::score(strength.estimate.value))
}

fn caption(channels: &[ChannelCalibration]) -> String {
    let is_detectable =
        |channel: &&ChannelCalibration| response_strength(channel).is_some_and(|strength| strength.is_detectable);
    let names: Vec<&str> = channels.iter().filter(is_detectable).map(|channel| channel.channel.name()).collect();
    if names.is_empty() {
        return "No loss caused by recent posts is detectable on any channel; the lines show what was assumed before any \
                data."
            .to_owned();
    }
    format!(
        "A loss caused by recent posts is detectable on {}. The points are posts after removing all other known effects.",
        names.join(", ")
    )
}
