//! Axes, grids and legends, drawn alike in every figure.

use chrono::{Datelike as _, NaiveDate};
use plotters::style::{Color, RGBAColor, RGBColor};

use super::canvas::{Canvas, Frame, LabelStyle, WIDTH};
use super::palette::{AXIS, GRID, MUTED};
use crate::model::Week;
use crate::report::{ReportError, numbers};

/// Left and right margin of every figure.
const MARGIN: f64 = 16.0;

/// Width left of a plot for its tick labels.
const TICK_LABEL_WIDTH: f64 = 56.0;

/// Height below a plot for two lines of dates and the axis label.
const DATE_LABEL_HEIGHT: f64 = 62.0;

/// A linear scale. The distance between its ticks is 1, 2 or 5 times a power of ten.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scale {
    bottom: f64,
    top: f64,
    step: f64,
}

impl Scale {
    /// A scale from 0 to the largest value, in about `steps` steps; 0 to 1 if there is no positive value.
    pub fn from_zero(largest: f64, steps: f64) -> Self {
        if !(largest.is_finite() && largest > 0.0) {
            return Self { bottom: 0.0, top: 1.0, step: 1.0 };
        }
        Self { bottom: 0.0, top: largest * 1.04, step: tick_step(largest, steps) }
    }

    /// A scale of differences that includes 0 and every finite value; -1 to 1 if all values are 0.
    pub fn including_zero(values: impl Iterator<Item = f64>, steps: f64) -> Self {
        let (low, high) = values
            .filter(|value| value.is_finite())
            .fold((0.0, 0.0), |(low, high), value| (f64::min(low, value), f64::max(high, value)));
        if high <= low {
            return Self { bottom: -1.0, top: 1.0, step: 1.0 };
        }
        let margin = 0.05 * (high - low);
        Self { bottom: low - margin, top: high + margin, step: tick_step(high - low, steps) }
    }

    /// A scale that fits the finite values and need not include 0; around 0 if there are none.
    pub fn fitting(values: impl Iterator<Item = f64>, steps: f64) -> Self {
        let range = values.filter(|value| value.is_finite()).fold(None, |range: Option<(f64, f64)>, value| {
            Some(range.map_or((value, value), |(low, high)| (low.min(value), high.max(value))))
        });
        let (low, high) = range.unwrap_or_default();
        // Nearly equal values are centred, on a scale that is not finer than its labels.
        let min_length = (0.02 * low.abs().max(high.abs())).max(1e-3);
        let length = (high - low).max(min_length);
        let (middle, half) = (f64::midpoint(low, high), 0.56 * length);
        Self { bottom: middle - half, top: middle + half, step: tick_step(length, steps) }
    }

    /// The scale of scores, 0 to 1.
    pub const fn of_scores() -> Self {
        Self { bottom: 0.0, top: 1.0, step: 0.2 }
    }

    /// Vertical position of a value in the frame; values beyond the scale are clamped to its edge.
    pub fn y(self, frame: Frame, value: f64) -> f64 {
        frame.bottom - self.fraction(value) * frame.height()
    }

    /// Horizontal position of a value in the frame; values beyond the scale are clamped to its edge.
    pub fn x(self, frame: Frame, value: f64) -> f64 {
        frame.left + self.fraction(value) * frame.width()
    }

    /// The position of a value on the scale: 0 at the bottom, 1 at the top.
    fn fraction(self, value: f64) -> f64 {
        let value = if value.is_finite() { value } else { 0.0 };
        ((value - self.bottom) / (self.top - self.bottom)).clamp(0.0, 1.0)
    }

    fn ticks(self) -> impl Iterator<Item = f64> {
        let first = (self.bottom / self.step - 1e-9).ceil() as i32;
        let last = (self.top / self.step + 1e-9).floor() as i32;
        (first..=last).map(move |tick| f64::from(tick) * self.step)
    }

    /// Draws a vertical axis: horizontal grid lines with labels to the left of the frame.
    pub fn draw_vertical(self, canvas: &Canvas, frame: Frame, label_style: LabelStyle) -> Result<(), ReportError> {
        for tick in self.ticks() {
            let y = self.y(frame, tick);
            let (width, colour) = if tick == 0.0 { (1.2, AXIS) } else { (1.0, GRID) };
            canvas.line(&[(frame.left, y), (frame.right, y)], width, colour)?;
            canvas.text((frame.left - 8.0, y), &numbers::tick(tick, self.step), label_style.right_aligned())?;
        }
        Ok(())
    }

    /// Draws a horizontal axis: vertical grid lines with labels below the frame.
    pub fn draw_horizontal(self, canvas: &Canvas, frame: Frame, label_style: LabelStyle) -> Result<(), ReportError> {
        for tick in self.ticks() {
            let x = self.x(frame, tick);
            let (width, colour) = if tick == 0.0 { (1.2, AXIS) } else { (1.0, GRID) };
            canvas.line(&[(x, frame.top), (x, frame.bottom)], width, colour)?;
            canvas.text((x, frame.bottom + 14.0), &numbers::tick(tick, self.step), label_style.centred())?;
        }
        Ok(())
    }
}

/// The distance between ticks that divides a length into about `steps` steps.
fn tick_step(length: f64, steps: f64) -> f64 {
    let rough = length / steps;
    let power = libm::pow(10.0, libm::log10(rough).floor());
    power * [1.0, 2.0, 5.0].into_iter().find(|multiple| rough <= multiple * power).unwrap_or(10.0)
}

/// A horizontal axis of categories: each has a slot of the same width.
#[derive(Debug, Clone, Copy)]
pub struct Slots {
    count: usize,
}

impl Slots {
    /// An axis with `count` slots; at least one, so that a slot has a finite width.
    pub fn new(count: usize) -> Self {
        Self { count: count.max(1) }
    }

    /// Left and right end of a slot.
    pub fn slot(self, frame: Frame, index: usize) -> (f64, f64) {
        let width = frame.width() / self.count as f64;
        let left = frame.left + index as f64 * width;
        (left, left + width)
    }

    /// Left and right end of the bar in a slot, with a gap to its neighbours; at most 64 pixels apart.
    pub fn bar(self, frame: Frame, index: usize) -> (f64, f64) {
        let (left, right) = self.slot(frame, index);
        let gap = ((right - left) * 0.16).max((right - left - 64.0) / 2.0);
        (left + gap, right - gap)
    }

    /// The middle of a slot.
    pub fn middle(self, frame: Frame, index: usize) -> f64 {
        let (left, right) = self.slot(frame, index);
        f64::midpoint(left, right)
    }
}

/// A horizontal axis of weeks.
#[derive(Debug, Clone, Copy)]
pub struct Weeks {
    first: Week,
    slots: Slots,
}

impl Weeks {
    /// An axis of `count` weeks from the first one on.
    pub fn new(first: Week, count: usize) -> Self {
        Self { first, slots: Slots::new(count) }
    }

    /// Left and right end of a week's slot.
    pub fn slot(self, frame: Frame, week: usize) -> (f64, f64) {
        self.slots.slot(frame, week)
    }

    /// Left and right end of a week's bar, with a gap to its neighbours.
    pub fn bar(self, frame: Frame, week: usize) -> (f64, f64) {
        self.slots.bar(frame, week)
    }

    /// The middle of a week's slot.
    pub fn middle(self, frame: Frame, week: usize) -> f64 {
        self.slots.middle(frame, week)
    }

    /// Draws as many dates below the frame as fit, with the year at the start and where it changes.
    pub fn draw(self, canvas: &Canvas, frame: Frame, label_style: LabelStyle) -> Result<(), ReportError> {
        let label_style = label_style.centred();
        let label_width = label_style.width("30 Nov") + 10.0;
        let step = self.step(frame.width(), label_width);
        let mut year = None;
        for week in (0..self.slots.count).step_by(step) {
            let x = self.middle(frame, week);
            let monday = self.first.plus(week as i64).monday();
            canvas.line(&[(x, frame.bottom), (x, frame.bottom + 4.0)], 1.0, AXIS)?;
            canvas.text((x, frame.bottom + 14.0), &day(monday), label_style)?;
            if year.replace(monday.year()) != Some(monday.year()) {
                canvas.text((x, frame.bottom + 29.0), &monday.year().to_string(), label_style)?;
            }
        }
        Ok(())
    }

    fn step(self, width: f64, label_width: f64) -> usize {
        let slot = width / self.slots.count as f64;
        let min_step = (label_width / slot).ceil() as usize;
        [1, 2, 4, 8, 13, 26, 52].into_iter().find(|step| *step >= min_step).unwrap_or(min_step)
    }
}

fn day(date: NaiveDate) -> String {
    date.format("%-d %b").to_string()
}

/// The symbol of a legend entry.
#[derive(Debug, Clone, Copy)]
pub enum Symbol {
    /// A filled patch.
    Patch(RGBAColor),
    /// A line.
    Line(RGBColor),
    /// A line with a dot on it.
    LineWithDot(RGBColor),
    /// A dashed line.
    Dashed(RGBColor),
    /// A dot.
    Dot(RGBColor),
}

/// Draws a legend below the title and returns the vertical position where the plot area begins.
pub fn legend(canvas: &Canvas, entries: &[(Symbol, &str)]) -> Result<f64, ReportError> {
    let label_style = LabelStyle::NOTE;
    let (mut x, mut y) = (MARGIN, 50.0);
    for (symbol, text) in entries {
        let width = 28.0 + label_style.width(text);
        if x > MARGIN && x + width > WIDTH - MARGIN {
            (x, y) = (MARGIN, y + 19.0);
        }
        draw_symbol(canvas, *symbol, x, y)?;
        canvas.text((x + 28.0, y), text, label_style)?;
        x += width + 18.0;
    }
    Ok(y + 14.0)
}

fn draw_symbol(canvas: &Canvas, symbol: Symbol, x: f64, y: f64) -> Result<(), ReportError> {
    let line = [(x, y), (x + 22.0, y)];
    match symbol {
        Symbol::Patch(colour) => {
            canvas.fill(Frame { left: x + 4.0, top: y - 6.0, right: x + 20.0, bottom: y + 6.0 }, colour)
        }
        Symbol::Line(colour) => canvas.line(&line, 2.0, colour),
        Symbol::Dashed(colour) => canvas.dashes(&line, 1.6, colour),
        Symbol::Dot(colour) => canvas.dot((x + 11.0, y), 3.5, colour),
        Symbol::LineWithDot(colour) => {
            canvas.line(&line, 2.0, colour)?;
            canvas.dot((x + 11.0, y), 3.5, colour)
        }
    }
}

/// Draws the unit of a plot's vertical axis at the top of the plot area, and returns the plot's frame.
pub fn plot(canvas: &Canvas, plot_top: f64, height: f64, unit: &str) -> Result<Frame, ReportError> {
    canvas.text((MARGIN, plot_top + 16.0), unit, LabelStyle::NOTE)?;
    Ok(Frame {
        left: MARGIN + TICK_LABEL_WIDTH,
        top: plot_top + 36.0,
        right: WIDTH - MARGIN - 8.0,
        bottom: height - DATE_LABEL_HEIGHT,
    })
}

/// Labels the horizontal axis of a plot.
pub fn x_label(canvas: &Canvas, frame: Frame, height: f64, text: &str) -> Result<(), ReportError> {
    canvas.text((f64::midpoint(frame.left, frame.right), height - 14.0), text, LabelStyle::NOTE.centred())
}

/// Draws one label for the horizontal axes of all small plots.
pub fn common_x_label(canvas: &Canvas, height: f64, text: &str) -> Result<(), ReportError> {
    canvas.text((WIDTH / 2.0, height - 14.0), text, LabelStyle::NOTE.centred())
}

/// The frames of small plots, at most three in a row, and the height of the whole figure.
pub fn small_plots(count: usize, plot_top: f64, plot_height: f64) -> (Vec<Frame>, f64) {
    let columns = count.clamp(1, 3);
    let rows = count.div_ceil(columns).max(1);
    let column_width = (WIDTH - 2.0 * MARGIN) / columns as f64;
    let pitch = plot_height + 84.0;
    let frame = |index: usize| {
        let left = MARGIN + (index % columns) as f64 * column_width;
        let top = plot_top + (index / columns) as f64 * pitch + 40.0;
        Frame { left: left + 46.0, top, right: left + column_width - 14.0, bottom: top + plot_height }
    };
    ((0..count).map(frame).collect(), plot_top + rows as f64 * pitch + 24.0)
}

/// Fills the band between a lower and an upper line; for a single point, draws a bar.
pub fn band(canvas: &Canvas, lower: &[(f64, f64)], upper: &[(f64, f64)], colour: RGBAColor) -> Result<(), ReportError> {
    if let ([(x, bottom)], [(_, top)]) = (lower, upper) {
        let bar = Frame { left: x - 14.0, top: *top, right: x + 14.0, bottom: *bottom };
        return canvas.fill(bar, colour);
    }
    let outline: Vec<_> = upper.iter().chain(lower.iter().rev()).copied().collect();
    canvas.polygon(&outline, colour)
}

/// Draws a line through the means of weeks, with a dot on each.
pub fn means(canvas: &Canvas, line: &[(f64, f64)], colour: RGBColor) -> Result<(), ReportError> {
    if line.len() > 1 {
        canvas.line(line, 2.0, colour)?;
    }
    let radius = if line.len() > 30 { 2.2 } else { 3.5 };
    line.iter().try_for_each(|point| canvas.dot(*point, radius, colour))
}

/// The points of a line with one step a week, which is at a week's value over the whole of the week's slot.
pub fn step_line(weeks: Weeks, frame: Frame, scale: Scale, values: impl Iterator<Item = f64>) -> Vec<(f64, f64)> {
    values
        .enumerate()
        .flat_map(|(week, value)| {
            let (left, right) = weeks.slot(frame, week);
            let y = scale.y(frame, value);
            [(left, y), (right, y)]
        })
        .collect()
}

/// Draws a bar of parts stacked from the bottom up.
pub fn stack(
    canvas: &Canvas,
    frame: Frame,
    scale: Scale,
    (left, right): (f64, f64),
    parts: &[(f64, RGBColor)],
) -> Result<(), ReportError> {
    let mut sum = 0.0;
    for (value, colour) in parts {
        let bottom = scale.y(frame, sum);
        sum += value.max(0.0);
        canvas.fill(Frame { left, top: scale.y(frame, sum), right, bottom }, *colour)?;
    }
    Ok(())
}

/// Writes a text in the middle of an empty frame.
pub fn message(canvas: &Canvas, frame: Frame, text: &str) -> Result<(), ReportError> {
    let middle = (f64::midpoint(frame.left, frame.right), f64::midpoint(frame.top, frame.bottom));
    canvas.text(middle, text, LabelStyle::BODY.centred().coloured(MUTED))
}

/// A colour with an opacity, `0..=1`.
pub fn alpha(colour: RGBColor, opacity: f64) -> RGBAColor {
    colour.mix(opacity)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scale_contains_its_largest_value_and_has_round_ticks() {
        for (largest, step, ticks) in [(7.0, 2.0, 4), (1234.0, 500.0, 3), (0.31, 0.1, 4), (100.0, 20.0, 6)] {
            let scale = Scale::from_zero(largest, 5.0);
            assert!(scale.top > largest && (scale.step - step).abs() < 1e-9, "{largest}: {scale:?}");
            assert_eq!(scale.ticks().count(), ticks, "{largest}: {scale:?}");
        }
    }

    #[test]
    fn a_scale_without_values_has_a_default_range() {
        assert_eq!(Scale::from_zero(0.0, 5.0), Scale { bottom: 0.0, top: 1.0, step: 1.0 });
        assert_eq!(Scale::from_zero(f64::NAN, 5.0), Scale { bottom: 0.0, top: 1.0, step: 1.0 });
        assert_eq!(
            Scale::including_zero([0.0, f64::NAN].into_iter(), 5.0),
            Scale { bottom: -1.0, top: 1.0, step: 1.0 }
        );
    }

    #[test]
    fn a_scale_of_differences_has_a_tick_at_zero() {
        for (low, high) in [(-3.0, 7.0), (2.0, 5.0), (-9.0, -1.0), (-0.02, 0.001)] {
            let scale = Scale::including_zero([low, high].into_iter(), 5.0);
            assert!(scale.bottom < low.min(0.0) && scale.top > high.max(0.0), "{scale:?}");
            assert!(scale.ticks().any(|tick| tick == 0.0), "{scale:?}");
            assert!((3..=8).contains(&scale.ticks().count()), "{scale:?}");
        }
    }

    #[test]
    fn dates_never_overlap() {
        let first: Week = "2026-W48".parse().unwrap();
        let label_style = LabelStyle::NOTE;
        for count in 1..=300 {
            let weeks = Weeks::new(first, count);
            let step = weeks.step(800.0, label_style.width("30 Nov"));
            assert!(step as f64 * 800.0 / count as f64 >= label_style.width("30 Nov"), "{count} weeks");
        }
    }
}
