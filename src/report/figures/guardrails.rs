//! Blocked posts by rule and week.

use super::axes::{self, Weeks};
use super::canvas::{Canvas, Frame, LabelStyle};
use super::palette::{AXIS, EMPTY, INK, VERMILLION};
use super::{Figure, Heading};
use crate::report::{ReportError, numbers};
use crate::simulator::{GuardrailSummary, Simulation};

const ROW_HEIGHT: f64 = 34.0;

/// Minimum height of a column above zero, so that it does not look like zero.
const MIN_COLUMN_HEIGHT: f64 = 1.5;

const TOP: f64 = 72.0;
/// Left edge and maximum width of the names of rules.
const NAMES_LEFT: f64 = 16.0;
const NAMES_WIDTH: f64 = 190.0;
/// Left and right edges of the bars, and of the columns by week. The vertical edges are those of each row.
const BARS: Frame = Frame { left: 216.0, top: TOP, right: 430.0, bottom: TOP };
const WEEKS: Frame = Frame { left: 520.0, top: TOP, right: 856.0, bottom: TOP };

/// Draws the figure.
pub fn draw(simulation: &Simulation) -> Result<Figure, ReportError> {
    let mut rules: Vec<&GuardrailSummary> = simulation.guardrails.iter().collect();
    rules.sort_by(|a, b| b.blocked.total_cmp(&a.blocked));
    let height = TOP + rules.len().max(1) as f64 * ROW_HEIGHT + 58.0;
    let heading =
        Heading { name: "guardrails", title: "Blocked posts by rule and week".to_owned(), caption: caption(&rules) };
    heading.draw(height, |canvas| {
        let max = rules.iter().map(|rule| rule.blocked).fold(0.0, f64::max);
        if max <= 0.0 {
            return axes::message(canvas, Frame { bottom: height - 40.0, ..BARS_AND_WEEKS }, "No post was blocked.");
        }
        canvas.text((NAMES_LEFT + NAMES_WIDTH, 54.0), "rule", LabelStyle::NOTE.right_aligned())?;
        canvas.text((BARS.left, 54.0), "blocked posts per replication", LabelStyle::NOTE)?;
        canvas.text((WEEKS.left, 54.0), "by week, same scale for all rules", LabelStyle::NOTE)?;
        let weeks = Weeks::new(simulation.provenance.start, simulation.weekly.len());
        let peak = rules.iter().flat_map(|rule| &rule.blocked_by_week).copied().fold(0.0, f64::max);
        for (row, rule) in rules.iter().enumerate() {
            let top = TOP + row as f64 * ROW_HEIGHT;
            let frame = Frame { top: top + 4.0, bottom: top + ROW_HEIGHT - 6.0, ..BARS };
            bar(canvas, frame, rule, max)?;
            columns(canvas, Frame { left: WEEKS.left, right: WEEKS.right, ..frame }, rule, weeks, peak)?;
        }
        let bottom = TOP + rules.len() as f64 * ROW_HEIGHT - 6.0;
        canvas.line(&[(BARS.left, TOP + 4.0), (BARS.left, bottom)], 1.2, AXIS)?;
        weeks.draw(canvas, Frame { bottom, ..WEEKS }, LabelStyle::NOTE)?;
        axes::x_label(canvas, WEEKS, height, "week beginning")
    })
}

const BARS_AND_WEEKS: Frame = Frame { right: WEEKS.right, left: 16.0, ..BARS };

fn bar(canvas: &Canvas, frame: Frame, rule: &GuardrailSummary, max: f64) -> Result<(), ReportError> {
    let middle = f64::midpoint(frame.top, frame.bottom);
    let name = LabelStyle::BODY.right_aligned();
    canvas.text((NAMES_LEFT + NAMES_WIDTH, middle), &name.shortened(&rule.rule, NAMES_WIDTH), name)?;
    let length = (rule.blocked / max).clamp(0.0, 1.0) * frame.width();
    canvas.fill(Frame { right: frame.left + length, ..frame }, VERMILLION)?;
    canvas.text((frame.left + length + 8.0, middle), &numbers::count(rule.blocked), LabelStyle::NOTE.coloured(INK))
}

fn columns(canvas: &Canvas, frame: Frame, rule: &GuardrailSummary, weeks: Weeks, peak: f64) -> Result<(), ReportError> {
    canvas.fill(frame, EMPTY)?;
    for (week, blocked) in rule.blocked_by_week.iter().enumerate() {
        let (left, right) = weeks.bar(frame, week);
        if *blocked > 0.0 {
            let height = ((blocked / peak).min(1.0) * frame.height()).max(MIN_COLUMN_HEIGHT);
            canvas.fill(Frame { left, right, top: frame.bottom - height, ..frame }, VERMILLION)?;
        }
    }
    canvas.line(&[(frame.left, frame.bottom), (frame.right, frame.bottom)], 1.0, AXIS)
}

fn caption(rules: &[&GuardrailSummary]) -> String {
    let all: f64 = rules.iter().map(|rule| rule.blocked).sum();
    let Some(worst) = rules.first().filter(|worst| worst.blocked > 0.0) else {
        return "Every planned post passed every rule.".to_owned();
    };
    let peak = worst.blocked_by_week.iter().copied().fold(0.0, f64::max);
    format!(
        "{} accounts for {} of the blocks, at most {} in one week. A post blocked by two rules counts for both. \
         An even row shows a rule that blocks all the time; single peaks point to events.",
        worst.rule,
        numbers::percent(numbers::share(worst.blocked, all)),
        numbers::count(peak),
    )
}
