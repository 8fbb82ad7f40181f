//! How often assets were reused.

use super::axes::{self, Scale};
use super::canvas::{Canvas, Frame, LabelStyle};
use super::palette::{AXIS, BLUE, INK, ORANGE};
use super::{Figure, Heading};
use crate::report::{ReportError, numbers};
use crate::simulator::{AssetSummary, Simulation};

const HEIGHT: f64 = 310.0;
const EMPTY_MESSAGE: &str = "There were no assets.";

/// Draws the figure.
pub fn draw(simulation: &Simulation) -> Result<Figure, ReportError> {
    let summary = &simulation.assets;
    let heading = Heading {
        name: "assets",
        title: "Assets by number of uses per replication".to_owned(),
        caption: caption(summary),
    };
    heading.draw(HEIGHT, |canvas| {
        let frame = Frame { bottom: HEIGHT - 46.0, ..axes::plot(canvas, 36.0, HEIGHT, "assets")? };
        if summary.assets == 0 || summary.by_uses.is_empty() {
            return axes::message(canvas, frame, EMPTY_MESSAGE);
        }
        let scale = Scale::from_zero(summary.by_uses.iter().copied().fold(0.0, f64::max), 4.0);
        scale.draw_vertical(canvas, frame, LabelStyle::NOTE)?;
        axes::x_label(canvas, frame, HEIGHT, "times used")?;
        bars(canvas, frame, scale, &summary.by_uses)
    })
}

fn bars(canvas: &Canvas, frame: Frame, scale: Scale, by_uses: &[f64]) -> Result<(), ReportError> {
    let slot = frame.width() / by_uses.len() as f64;
    let width = (slot * 0.7).min(64.0);
    let label_step = (LabelStyle::NOTE.width("00 or more") / slot).ceil().max(1.0) as usize;
    let last = by_uses.len() - 1;
    for (uses, assets) in by_uses.iter().enumerate() {
        let middle = frame.left + (uses as f64 + 0.5) * slot;
        let top = scale.y(frame, *assets);
        let colour = if uses == 0 { ORANGE } else { BLUE };
        let bar = Frame { left: middle - width / 2.0, top, right: middle + width / 2.0, bottom: frame.bottom };
        canvas.fill(bar, colour)?;
        // The last bar has a label, and one that is too near to it has none.
        if uses == last || (uses % label_step == 0 && uses + label_step <= last) {
            canvas.line(&[(middle, frame.bottom), (middle, frame.bottom + 4.0)], 1.0, AXIS)?;
            canvas.text((middle, frame.bottom + 14.0), &bar_label(uses, last), LabelStyle::NOTE.centred())?;
            canvas.text((middle, top - 9.0), &numbers::count(*assets), LabelStyle::NOTE.coloured(INK).centred())?;
        }
    }
    Ok(())
}

fn bar_label(uses: usize, last: usize) -> String {
    match uses {
        0 => "never".to_owned(),
        _ if uses == last => format!("{uses} or more"),
        1 => "once".to_owned(),
        2 => "twice".to_owned(),
        _ => uses.to_string(),
    }
}

fn caption(summary: &AssetSummary) -> String {
    let assets = f64::from(summary.assets);
    if summary.assets == 0 {
        return EMPTY_MESSAGE.to_owned();
    }
    let never = summary.by_uses.first().copied().unwrap_or(0.0);
    let once = summary.by_uses.get(1).copied().unwrap_or(0.0);
    format!(
        "Of {}, {} ({}) were never used and {} ({}) were used once; the bars to the right show reuse. \
         {} used a variation of an asset, {} continued a story.",
        numbers::count_with_noun(assets, "asset", "assets"),
        numbers::count(never),
        numbers::percent(numbers::share(never, assets)),
        numbers::count(once),
        numbers::percent(numbers::share(once, assets)),
        numbers::count_with_noun(summary.variations, "draft", "drafts"),
        numbers::count(summary.evolutions),
    )
}
