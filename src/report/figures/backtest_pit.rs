//! A histogram of where outcomes lay in the model's forecast distributions (the probability integral transform, PIT).
//! It is flat if the forecasts state their uncertainty correctly.

use super::axes::{self, Scale, Slots, Symbol, alpha};
use super::canvas::{Frame, LabelStyle};
use super::palette::{BLUE, INK};
use super::{Figure, Heading};
use crate::calibration::{Backtest, Method};
use crate::report::{ReportError, numbers};

const HEIGHT: f64 = 330.0;

/// Number of bars.
const BINS: usize = 10;

/// Draws the figure for the longest horizon.
pub fn draw(backtest: &Backtest) -> Result<Figure, ReportError> {
    let longest = backtest.horizons().into_iter().max();
    let pits: Vec<f64> = longest
        .iter()
        .flat_map(|weeks| backtest.select(Method::Model, *weeks))
        .map(|prediction| prediction.pit)
        .collect();
    let heading = Heading {
        name: "backtest-pit",
        title: "Where outcomes lay in the forecast distributions".to_owned(),
        caption: caption(&pits),
    };
    heading.draw(HEIGHT, |canvas| {
        let entries = [
            (Symbol::Patch(alpha(BLUE, 1.0)), "forecasts"),
            (Symbol::Dashed(INK), "height of every bar if forecasts are right"),
        ];
        let plot_top = axes::legend(canvas, &entries)?;
        let frame = axes::plot(canvas, plot_top, HEIGHT, "forecasts")?;
        if pits.is_empty() {
            return axes::message(canvas, frame, "No account has enough history.");
        }
        let counts = bin_counts(&pits);
        let scale = Scale::from_zero(counts.into_iter().fold(0.0, f64::max), 5.0);
        scale.draw_vertical(canvas, frame, LabelStyle::NOTE)?;
        let slots = Slots::new(BINS);
        for (index, count) in counts.into_iter().enumerate() {
            let (left, right) = slots.bar(frame, index);
            canvas.fill(Frame { left, right, top: scale.y(frame, count), bottom: frame.bottom }, BLUE)?;
            let from_percent = index * 100 / BINS;
            let text = format!("{from_percent} to {} %", from_percent + 100 / BINS);
            canvas.text((slots.middle(frame, index), frame.bottom + 16.0), &text, LabelStyle::FINE.centred())?;
        }
        axes::x_label(canvas, frame, HEIGHT, "share of the forecast distribution below the outcome")?;
        let y = scale.y(frame, pits.len() as f64 / BINS as f64);
        canvas.dashes(&[(frame.left, y), (frame.right, y)], 1.4, INK)
    })
}

/// The number of values in each of equally wide bins of `0..=1`.
fn bin_counts(pits: &[f64]) -> [f64; BINS] {
    let mut counts = [0.0; BINS];
    for pit in pits {
        let index = ((pit * BINS as f64) as usize).min(BINS - 1);
        counts.iter_mut().skip(index).take(1).for_each(|count| *count += 1.0);
    }
    counts
}

fn caption(pits: &[f64]) -> String {
    let share_outside = |is_below: bool| {
        let count = pits.iter().filter(|pit| if is_below { **pit < 0.05 } else { **pit > 0.95 }).count();
        numbers::percent(numbers::share(count as f64, pits.len() as f64))
    };
    if pits.is_empty() {
        return "No account has enough history.".to_owned();
    }
    format!(
        "{} of the outcomes lay below the 90 % range and {} above it; with correct ranges it would be 5 % each.",
        share_outside(true),
        share_outside(false)
    )
}
