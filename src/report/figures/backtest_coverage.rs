//! For each method of a backtest, the share of outcomes that lay within its 50 % and its 90 % range.

use super::axes::{self, Scale, Slots, Symbol, alpha};
use super::canvas::{Frame, LabelStyle};
use super::palette::{BLUE, INK, SKY};
use super::{Figure, Heading};
use crate::calibration::{Backtest, Method, Score};
use crate::report::{ReportError, numbers};

const HEIGHT: f64 = 330.0;

/// Shares of outcomes that should lie within the two ranges.
const NOMINAL_SHARES: [f64; 2] = [0.5, 0.9];

/// Draws the figure for the longest horizon.
pub fn draw(backtest: &Backtest) -> Result<Figure, ReportError> {
    let scores = scores_by_method(backtest);
    let heading = Heading {
        name: "backtest-coverage",
        title: "Share of outcomes within the forecast ranges".to_owned(),
        caption: caption(&scores),
    };
    heading.draw(HEIGHT, |canvas| {
        let entries = [
            (Symbol::Patch(alpha(SKY, 1.0)), "in the 50 % range"),
            (Symbol::Patch(alpha(BLUE, 1.0)), "in the 90 % range"),
            (Symbol::Dashed(INK), "correct share: 50 % and 90 %"),
        ];
        let plot_top = axes::legend(canvas, &entries)?;
        let frame = axes::plot(canvas, plot_top, HEIGHT, "share of outcomes")?;
        if scores.is_empty() {
            return axes::message(canvas, frame, "No account has enough history.");
        }
        let scale = Scale::of_scores();
        scale.draw_vertical(canvas, frame, LabelStyle::NOTE)?;
        let slots = Slots::new(scores.len());
        for (index, (method, score)) in scores.iter().enumerate() {
            let (left, right) = slots.bar(frame, index);
            let middle = f64::midpoint(left, right);
            let bars = [(left, middle - 1.0, score.coverage_50, SKY), (middle + 1.0, right, score.coverage_90, BLUE)];
            for (left, right, share, colour) in bars {
                canvas.fill(Frame { left, right, top: scale.y(frame, share), bottom: frame.bottom }, colour)?;
            }
            canvas.text((middle, frame.bottom + 16.0), &label(*method), LabelStyle::NOTE.centred())?;
        }
        for share in NOMINAL_SHARES {
            let y = scale.y(frame, share);
            canvas.dashes(&[(frame.left, y), (frame.right, y)], 1.4, INK)?;
        }
        Ok(())
    })
}

/// The score of each method at the longest horizon, without methods that made no forecast.
fn scores_by_method(backtest: &Backtest) -> Vec<(Method, Score)> {
    let longest = backtest.horizons().into_iter().max();
    let score_of = |method| Some((method, Score::of(backtest.select(method, longest?))?));
    Method::ALL.into_iter().filter_map(score_of).collect()
}

fn label(method: Method) -> String {
    method.name().replace('_', " ")
}

fn caption(scores: &[(Method, Score)]) -> String {
    let describe = |(method, score): &(Method, Score)| {
        format!("{} {} and {}", label(*method), percent(score.coverage_50), percent(score.coverage_90))
    };
    let parts: Vec<String> = scores.iter().map(describe).collect();
    if parts.is_empty() {
        return "No account has enough history.".to_owned();
    }
    format!("Shares within the 50\u{a0}% and the 90\u{a0}% range: {}.", parts.join("; "))
}

fn percent(share: f64) -> String {
    numbers::percent(Some(share))
}
