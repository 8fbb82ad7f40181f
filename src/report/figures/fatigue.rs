//! Fatigue of each channel over the weeks: quantiles, and the thresholds at which the rules warn and block.

use plotters::style::RGBColor;

use super::axes::{self, Scale, Symbol, Weeks, alpha};
use super::canvas::{Canvas, Frame, LabelStyle};
use super::palette::{BLUE, ORANGE, VERMILLION};
use super::{Figure, Heading};
use crate::report::{ReportError, numbers};
use crate::simulator::{ChannelSummary, ChannelWeek, Simulation};

const PLOT_HEIGHT: f64 = 112.0;
const LEGEND_END: f64 = 64.0;
/// Opacity of the band between quantiles.
const BAND_OPACITY: f64 = 0.25;

/// Draws the figure.
pub fn draw(simulation: &Simulation) -> Result<Figure, ReportError> {
    let channels = &simulation.channels;
    let (frames, height) = axes::small_plots(channels.len(), LEGEND_END, PLOT_HEIGHT);
    let heading = Heading {
        name: "fatigue",
        title: "Fatigue (0 to 1, higher is worse) by channel and week".to_owned(),
        caption: caption(channels),
    };
    heading.draw(height, |canvas| {
        axes::legend(canvas, &entries())?;
        for (channel, frame) in channels.iter().zip(frames) {
            let weekly: Vec<_> =
                simulation.channel_weeks.iter().filter(|week| week.channel == channel.channel).collect();
            let weeks = Weeks::new(simulation.provenance.start, weekly.len());
            panel(canvas, frame, channel, weeks, &weekly)?;
        }
        axes::common_x_label(canvas, height, "week beginning")
    })
}

fn entries() -> [(Symbol, &'static str); 4] {
    [
        (Symbol::Line(BLUE), "median over clients and hours"),
        (Symbol::Patch(alpha(BLUE, BAND_OPACITY)), "5 to 95\u{a0}%"),
        (Symbol::Dashed(ORANGE), "warn"),
        (Symbol::Line(VERMILLION), "block"),
    ]
}

fn panel(
    canvas: &Canvas,
    frame: Frame,
    channel: &ChannelSummary,
    weeks: Weeks,
    weekly: &[&ChannelWeek],
) -> Result<(), ReportError> {
    let scale = Scale::of_scores();
    scale.draw_vertical(canvas, frame, LabelStyle::FINE)?;
    weeks.draw(canvas, frame, LabelStyle::FINE)?;
    heading(canvas, frame, channel)?;
    let quantile = |index: usize| -> Vec<(f64, f64)> {
        let value = |week: &ChannelWeek| week.fatigue.get(index).copied().unwrap_or(0.0);
        let point = |(index, week): (usize, &&ChannelWeek)| (weeks.middle(frame, index), scale.y(frame, value(week)));
        weekly.iter().enumerate().map(point).collect()
    };
    let [low, median, high] = [0, 1, 2].map(quantile);
    band(canvas, &low, &high)?;
    draw_threshold(canvas, frame, scale.y(frame, channel.warn_at), ORANGE, true)?;
    draw_threshold(canvas, frame, scale.y(frame, channel.block_at), VERMILLION, false)?;
    match median.as_slice() {
        [only] => canvas.dot(*only, 3.5, BLUE),
        line => canvas.line(line, 2.0, BLUE),
    }
}

fn heading(canvas: &Canvas, frame: Frame, channel: &ChannelSummary) -> Result<(), ReportError> {
    let [warn, block] =
        [channel.share_above_warn, channel.share_above_block].map(|share| numbers::percent(Some(share)));
    let shares = format!("warn {warn}, block {block}");
    let y = frame.top - 17.0;
    canvas.text((frame.left, y), channel.channel.name(), LabelStyle::HEADING)?;
    canvas.text((frame.right, y), &shares, LabelStyle::FINE.right_aligned())
}

fn band(canvas: &Canvas, low: &[(f64, f64)], high: &[(f64, f64)]) -> Result<(), ReportError> {
    if let ([(x, bottom)], [(_, top)]) = (low, high) {
        let bar = Frame { left: x - 10.0, top: *top, right: x + 10.0, bottom: *bottom };
        return canvas.fill(bar, alpha(BLUE, BAND_OPACITY));
    }
    let outline: Vec<_> = high.iter().chain(low.iter().rev()).copied().collect();
    canvas.polygon(&outline, alpha(BLUE, BAND_OPACITY))
}

fn draw_threshold(canvas: &Canvas, frame: Frame, y: f64, colour: RGBColor, is_dashed: bool) -> Result<(), ReportError> {
    let line = [(frame.left, y), (frame.right, y)];
    if is_dashed { canvas.dashes(&line, 1.4, colour) } else { canvas.line(&line, 1.4, colour) }
}

fn caption(channels: &[ChannelSummary]) -> String {
    let worst = channels.iter().max_by(|a, b| a.share_above_warn.total_cmp(&b.share_above_warn));
    let Some(worst) = worst.filter(|worst| worst.share_above_warn > 0.0) else {
        return "No channel reached its warn threshold.".to_owned();
    };
    let blocked = channels.iter().filter(|channel| channel.share_above_block > 0.0).count();
    let blocking = match blocked {
        0 => "none reached its block threshold".to_owned(),
        1 => "one channel reached its block threshold".to_owned(),
        many => format!("{many} channels reached their block threshold"),
    };
    format!(
        "The channel with the most fatigue is {}, at or above warn in {} of its hours; {blocking}. Next to each name: \
         the share of hours at or above warn, and at or above block. Where only the pale band crosses a line, some \
         clients are above it but most are not.",
        worst.channel,
        numbers::percent(Some(worst.share_above_warn)),
    )
}
