//! Where outcomes lay in the distributions that the model forecast: flat if the forecasts are as uncertain as they say.

use super::axes::{self, Key, Scale, Slots, light};
use super::canvas::{Frame, LabelStyle};
use super::palette::{BLUE, INK};
use super::{Figure, Heading};
use crate::calibration::{Backtest, Method};
use crate::report::{ReportError, numbers};

const HEIGHT: f64 = 330.0;

/// Number of bars.
const BINS: usize = 10;

/// Draws the figure, at the longest horizon.
pub fn draw(backtest: &Backtest) -> Result<Figure, ReportError> {
    let longest = backtest.horizons().into_iter().max();
    let ranks: Vec<f64> =
        longest.iter().flat_map(|weeks| backtest.select(Method::Model, *weeks)).map(|one| one.pit).collect();
    let heading = Heading {
        name: "backtest-pit",
        title: "Where outcomes lay in the forecast distributions".to_owned(),
        caption: caption(&ranks),
    };
    heading.draw(HEIGHT, |canvas| {
        let entries = [(Key::Patch(light(BLUE, 1.0)), "forecasts"), (Key::Dashed(INK), "as it should be")];
        let below = axes::legend(canvas, &entries)?;
        let frame = axes::plot(canvas, below, HEIGHT, "forecasts")?;
        if ranks.is_empty() {
            return axes::message(canvas, frame, "No account has enough history.");
        }
        let bins = bins(&ranks);
        let scale = Scale::from_zero(bins.into_iter().fold(0.0, f64::max), 5.0);
        scale.draw(canvas, frame, LabelStyle::NOTE)?;
        let slots = Slots::new(BINS);
        for (index, count) in bins.into_iter().enumerate() {
            let (left, right) = slots.bar(frame, index);
            canvas.fill(Frame { left, right, top: scale.y(frame, count), bottom: frame.bottom }, BLUE)?;
            let from = index * 100 / BINS;
            let text = format!("{from} to {} %", from + 100 / BINS);
            canvas.text((slots.middle(frame, index), frame.bottom + 16.0), &text, LabelStyle::FINE.centred())?;
        }
        axes::x_label(canvas, frame, HEIGHT, "share of the forecast distribution below the outcome")?;
        let y = scale.y(frame, ranks.len() as f64 / BINS as f64);
        canvas.dashes(&[(frame.left, y), (frame.right, y)], 1.4, INK)
    })
}

fn bins(ranks: &[f64]) -> [f64; BINS] {
    let mut bins = [0.0; BINS];
    for rank in ranks {
        let index = ((rank * BINS as f64) as usize).min(BINS - 1);
        bins.iter_mut().skip(index).take(1).for_each(|count| *count += 1.0);
    }
    bins
}

fn caption(ranks: &[f64]) -> String {
    let outside = |low: bool| {
        let count = ranks.iter().filter(|rank| if low { **rank < 0.05 } else { **rank > 0.95 }).count();
        numbers::percent(numbers::share(count as f64, ranks.len() as f64))
    };
    if ranks.is_empty() {
        return "No account has enough history.".to_owned();
    }
    format!(
        "{} of the outcomes lay below the 90 % range and {} above it; 5 % each would be right.",
        outside(true),
        outside(false)
    )
}
