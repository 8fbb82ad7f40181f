//! The share of the variance between the points of a sweep that each key explains alone.

use super::axes::{self, Scale, Symbol, alpha};
use super::canvas::{Canvas, Frame, LabelStyle, WIDTH};
use super::palette::{BLUE, EMPTY};
use super::{Figure, Heading};
use crate::report::{ReportError, findings, numbers};
use crate::simulator::{Goal, Sensitivity, Sweep};

/// Maximum number of keys shown; the tables have all.
const MAX_KEYS: usize = 12;

/// Left edge of the names of keys, and left and right edge of the bars.
const NAMES_LEFT: f64 = 16.0;
const BARS_LEFT: f64 = 330.0;
const BARS_RIGHT: f64 = WIDTH - 90.0;

/// Heights of a panel's title, of a row, and of the gap below a panel.
const TITLE_HEIGHT: f64 = 30.0;
const ROW_HEIGHT: f64 = 24.0;
const GAP: f64 = 14.0;

/// Draws the figure: a panel for each goal.
pub fn draw(sweep: &Sweep) -> Result<Figure, ReportError> {
    let heading = Heading {
        name: "sweep-keys",
        title: "Share of variance explained by each key alone".to_owned(),
        caption: caption(sweep),
    };
    let rows = sweep.keys.len().min(MAX_KEYS) as f64;
    let panel_height = TITLE_HEIGHT + rows * ROW_HEIGHT + GAP;
    let height = 70.0 + 2.0 * panel_height;
    heading.draw(height, |canvas| {
        let entries = [
            (Symbol::Patch(alpha(BLUE, 1.0)), "share of the variance between points"),
            (Symbol::Patch(alpha(EMPTY, 1.0)), "the rest: other keys, interactions, random variation"),
        ];
        let plot_top = axes::legend(canvas, &entries)?;
        for (index, goal) in sweep.goals.into_iter().enumerate() {
            panel(canvas, sweep, goal, plot_top + index as f64 * panel_height)?;
        }
        Ok(())
    })
}

fn panel(canvas: &Canvas, sweep: &Sweep, goal: Goal, top: f64) -> Result<(), ReportError> {
    canvas.text((NAMES_LEFT, top + 16.0), findings::measure_label(goal.measure), LabelStyle::HEADING)?;
    let scale = Scale::of_scores();
    for (index, row) in sweep.sensitivities_of(goal.measure).take(MAX_KEYS).enumerate() {
        let middle = top + TITLE_HEIGHT + (index as f64 + 0.5) * ROW_HEIGHT;
        let frame = Frame { left: BARS_LEFT, top: middle - 7.0, right: BARS_RIGHT, bottom: middle + 7.0 };
        let name = LabelStyle::BODY.shortened(&row.key, BARS_LEFT - NAMES_LEFT - 14.0);
        canvas.text((NAMES_LEFT, middle), &name, LabelStyle::BODY)?;
        canvas.fill(frame, EMPTY)?;
        let end = scale.x(frame, row.share.unwrap_or_default());
        canvas.fill(Frame { right: end, ..frame }, BLUE)?;
        canvas.text((BARS_RIGHT + 10.0, middle), &numbers::percent(row.share), LabelStyle::BODY)?;
    }
    Ok(())
}

fn caption(sweep: &Sweep) -> String {
    let sentences = sweep.goals.iter().filter_map(|goal| {
        let first = sweep.sensitivities_of(goal.measure).next()?;
        let shares: f64 = sweep.sensitivities_of(goal.measure).filter_map(|row: &Sensitivity| row.share).sum();
        let name = findings::measure_label(goal.measure);
        Some(match first.share {
            Some(share) => format!(
                "{name}: {} alone explains {}; the individual shares add up to {}.",
                first.key,
                numbers::percent(Some(share)),
                numbers::percent(Some(shares.min(1.0)))
            ),
            None => format!("{name}: the same at every point."),
        })
    });
    sentences.collect::<Vec<_>>().join(" ")
}
