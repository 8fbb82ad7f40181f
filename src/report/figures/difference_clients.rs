//! The difference in net worth by client, from the largest loss to the largest gain.

use std::collections::BTreeSet;

use plotters::style::RGBColor;

use super::axes::{self, Scale, Slots, Symbol};
use super::canvas::{Canvas, Frame, LabelStyle};
use super::palette::{BLUE, MUTED, VERMILLION};
use super::versus::{self, Panels};
use super::{Figure, Heading};
use crate::model::ClientId;
use crate::report::subject::Subject;
use crate::report::{ReportError, numbers};
use crate::simulator::{ClientDifference, Comparison, Versus};
use crate::stats::Difference;

const PANELS: Panels = Panels { plot_height: 210.0, foot_height: 30.0 };

/// Ends of intervals are shown up to this multiple of the largest mean.
const MAX_SHOWN_RATIO: f64 = 2.0;

const EMPTY_MESSAGE: &str = "No client has enough net worth in the base for a percentage.";

/// Draws the figure.
pub fn draw(comparison: &Comparison) -> Result<Figure, ReportError> {
    let has_intervals = versus::has_intervals(comparison);
    let heading = Heading {
        name: "difference-clients",
        title: "Difference in net worth of each client".to_owned(),
        caption: caption(comparison, has_intervals),
    };
    let scale = common_scale(comparison);
    let unit = format!("difference, in % of the client's net worth {}", versus::base_phrase(comparison));
    PANELS.draw(heading, comparison, &entries(has_intervals), &unit, |canvas, frame, versus| {
        panel(canvas, frame, scale, versus)
    })
}

fn entries(has_intervals: bool) -> Vec<(Symbol, &'static str)> {
    if !has_intervals {
        return vec![(Symbol::LineWithDot(MUTED), "a client in the single replication")];
    }
    vec![
        (Symbol::LineWithDot(VERMILLION), "loses: 95\u{a0}% interval below 0"),
        (Symbol::LineWithDot(MUTED), "no clear difference"),
        (Symbol::LineWithDot(BLUE), "gains: 95\u{a0}% interval above 0"),
    ]
}

/// One scale for all panels; the ends of very wide intervals lie beyond it.
fn common_scale(comparison: &Comparison) -> Scale {
    let clients = || {
        comparison
            .versus
            .iter()
            .flat_map(|versus| &versus.clients)
            .filter_map(|client| versus::low_mean_high_percent(&client.net_worth))
    };
    let max = MAX_SHOWN_RATIO * clients().map(|[_, mean, _]| mean.abs()).fold(0.0, f64::max);
    Scale::including_zero(clients().flatten().map(|value| value.clamp(-max, max)), versus::STEPS)
}

fn difference_colour(difference: &Difference) -> RGBColor {
    if difference.is_significantly_less() {
        VERMILLION
    } else if difference.is_significantly_greater() {
        BLUE
    } else {
        MUTED
    }
}

fn panel(canvas: &Canvas, frame: Frame, scale: Scale, versus: &Versus) -> Result<(), ReportError> {
    let mut clients: Vec<(&ClientDifference, [f64; 3])> = versus
        .clients
        .iter()
        .filter_map(|client| Some((client, versus::low_mean_high_percent(&client.net_worth)?)))
        .collect();
    clients.sort_by(|(_, [_, a, _]), (_, [_, b, _])| a.total_cmp(b));
    if clients.is_empty() {
        return axes::message(canvas, frame, EMPTY_MESSAGE);
    }
    scale.draw_vertical(canvas, frame, LabelStyle::NOTE)?;
    versus::x_label(canvas, frame, 14.0, "clients, from the largest loss to the largest gain")?;
    let slots = Slots::new(clients.len());
    let (radius, width) = if clients.len() > 120 { (1.6, 0.7) } else { (3.5, 1.4) };
    // Clear differences are drawn last, on top.
    let mut marks: Vec<_> = clients.into_iter().enumerate().collect();
    marks.sort_by_key(|(_, (client, _))| {
        client.net_worth.is_significantly_less() || client.net_worth.is_significantly_greater()
    });
    for (index, (client, values)) in marks {
        let x = slots.middle(frame, index);
        let colour = difference_colour(&client.net_worth);
        let [low, mean, high] = values.map(|value| scale.y(frame, value));
        // Positions grow downwards, so `low` is the larger one. An interval of less than half a pixel is not drawn.
        if low - high > 0.5 {
            canvas.line(&[(x, low), (x, high)], width, colour)?;
        }
        canvas.dot((x, mean), radius, colour)?;
    }
    Ok(())
}

fn caption(comparison: &Comparison, has_intervals: bool) -> String {
    let preposition = Subject::of(comparison).preposition;
    let sentences = comparison.versus.iter().map(|versus| {
        let counts = &versus.client_counts;
        let both = if versus.only_base.is_empty() && versus.only_other.is_empty() { "" } else { " in both scenarios" };
        let all = numbers::count_with_noun(f64::from(counts.clients), "client", "clients");
        format!(
            "Of {all}{both}, {} have more net worth {preposition} {} and {} less",
            counts.better, versus.label, counts.worse
        )
    });
    let line_note = if has_intervals { " A line is the 95\u{a0}% interval of the client's difference." } else { "" };
    let clients = comparison.versus.iter().flat_map(|versus| &versus.clients);
    let ids: BTreeSet<&ClientId> =
        clients.filter(|client| client.net_worth.is_base_negligible()).map(|client| &client.client_id).collect();
    let omitted = match ids.len() {
        0 => String::new(),
        count => format!(
            " Omitted, because net worth {} is zero or close to it: {}.",
            versus::base_phrase(comparison),
            numbers::count_with_noun(count as f64, "client", "clients")
        ),
    };
    format!("{}.{line_note}{omitted}", sentences.collect::<Vec<_>>().join("; "))
}
