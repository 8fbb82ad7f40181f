//! The content of a report in words and tables, before it is rendered as HTML or Markdown, so that both say the same.
//!
//! A page is a list of sections in reading order; a section is a list of blocks. Each file has one section of a
//! simulation's page, or the sections of another kind of page. Names from a scenario are plain text here, whatever they
//! contain; the renderers escape them.

mod backtest;
mod calibration;
mod channels;
mod clients;
mod comparison;
mod concerns;
mod headline;
mod method;
mod phrase;
mod sweep;
mod verdict;

use serde::Serialize;

pub use backtest::backtest_sentences;
pub use calibration::calibration_sentences;
pub use comparison::measure_label;
pub use phrase::Phrase;
pub use sweep::{curve_keys, goal_text, sweep_sentences};
pub use verdict::verdicts;

use super::{TableFormat, numbers};
use crate::simulator::{Compared, Comparison, Provenance, Simulation, Sweep};
use crate::stats::Estimate;
use phrase::{code, plain};

/// Explains the ranges in a table of estimates.
const INTERVAL_NOTE: &str = "A range below a number is the 95\u{a0}% interval of the mean.";

/// A whole report.
#[derive(Debug, Serialize)]
pub struct Page {
    /// What was simulated, backtested or calibrated.
    pub title: Phrase,
    /// How much was: numbers of weeks, clients, replications and the like.
    pub extent: String,
    /// Sections in reading order.
    pub sections: Vec<Section>,
}

/// A section, which answers one question.
#[derive(Debug, Serialize)]
pub struct Section {
    /// Anchor.
    pub id: &'static str,
    /// Heading.
    pub title: &'static str,
    /// Its content.
    pub blocks: Vec<Block>,
}

/// A part of a section.
#[derive(Debug, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Block {
    /// A paragraph.
    Paragraph { phrase: Phrase },
    /// A heading within the section.
    Heading { id: &'static str, title: &'static str },
    /// Key figures.
    Cards { cards: Vec<Card> },
    /// Sentences, each with a topic.
    Points { points: Vec<Point> },
    /// Short lists side by side, each under its own heading.
    Notes { notes: Vec<Note> },
    /// Terms and their definitions.
    Terms { terms: Vec<Term> },
    /// A figure, by its name.
    Figure { name: &'static str },
    /// A table.
    Table { table: Table },
    /// Text to copy.
    Code { text: String },
}

/// A key figure with its uncertainty.
#[derive(Debug, Serialize)]
pub struct Card {
    /// What it counts.
    pub label: &'static str,
    /// The number.
    pub value: String,
    /// Its interval, spread and comparison, one per line.
    pub lines: Vec<String>,
}

/// A sentence with its topic.
#[derive(Debug, Serialize)]
pub struct Point {
    /// The topic.
    pub label: &'static str,
    /// The sentence.
    pub phrase: Phrase,
    /// Whether there is no cause for concern.
    pub calm: bool,
}

/// A short list with a heading.
#[derive(Debug, Serialize)]
pub struct Note {
    /// Anchor.
    pub id: String,
    /// Heading.
    pub title: String,
    /// Label and value of each fact.
    pub facts: Vec<(&'static str, String)>,
}

/// A term and its definition.
#[derive(Debug, Serialize)]
pub struct Term {
    /// The term.
    pub word: &'static str,
    /// Its definition.
    pub meaning: &'static str,
}

/// A table with a caption.
#[derive(Debug, Serialize)]
pub struct Table {
    /// Its caption.
    pub caption: String,
    /// Its columns; the first names the rows.
    pub columns: Vec<Column>,
    /// The rows, with one cell per column.
    pub rows: Vec<Vec<Cell>>,
    /// A note below it.
    pub note: Option<String>,
}

/// A column of a table.
#[derive(Debug, Serialize)]
pub struct Column {
    /// Heading.
    pub title: &'static str,
    /// Whether it holds numbers, which are right-aligned.
    pub numeric: bool,
}

/// A cell of a table.
#[derive(Debug, Default, Serialize)]
pub struct Cell {
    /// The main text.
    pub text: String,
    /// A detail in small print below.
    pub detail: Option<String>,
    /// Whether it is a name from rules or data.
    pub code: bool,
    /// Whether it is emphasized.
    pub strong: bool,
    /// The share that it shows, `0..=1`, if it is drawn as a bar.
    pub share: Option<f64>,
}

impl Page {
    /// The page for a simulation.
    pub fn of(simulation: &Simulation, command: &str, tables: TableFormat) -> Self {
        let run = &simulation.provenance;
        Self {
            title: Phrase::parse(&format!("Simulation of {} under {}", code(&run.scenario), code(&run.rules))),
            extent: extent(run, [run.clients; 2], simulation.channels.len()),
            sections: vec![
                headline::section(simulation),
                concerns::section(simulation),
                channels::section(simulation),
                clients::section(simulation, tables),
                method::section(simulation, command, tables),
            ],
        }
    }

    /// The page for a sweep.
    pub fn of_sweep(sweep: &Sweep, command: &str, tables: TableFormat) -> Self {
        let run = &sweep.provenance;
        let mut sections = sweep::sections(sweep, tables);
        sections.push(method::of_sweep(sweep, command, tables));
        Self {
            title: Phrase::parse(&format!("Sweep of {} in {}", code(&run.rules), code(&run.scenario))),
            extent: [
                numbers::count_with_noun(sweep.points.len() as f64, "point", "points"),
                numbers::count_with_noun(sweep.keys.len() as f64, "key", "keys"),
                sweep_extent(run),
            ]
            .join(" · "),
            sections,
        }
    }

    /// The page for a comparison.
    pub fn of_comparison(comparison: &Comparison, command: &str, tables: TableFormat) -> Self {
        let labels: Vec<String> = comparison.versus.iter().map(|versus| code(&versus.label)).collect();
        let base = comparison.base();
        let common_input = match comparison.compared {
            Compared::Packs => format!("in {}", code(base.map_or("", |pack| &pack.provenance.scenario))),
            Compared::Scenarios => format!("under {}", code(base.map_or("", |scenario| &scenario.provenance.rules))),
        };
        let base_label = code(base.map_or("", |variant| &variant.label));
        let title = format!("{} against {base_label} {common_input}", labels.join(", "));
        let channels = comparison.versus.first().map_or(0, |versus| versus.channels.len());
        let mut sections = comparison::sections(comparison, tables);
        sections.push(method::of_comparison(comparison, command, tables));
        Self {
            title: Phrase::parse(&title),
            extent: base
                .map(|variant| extent(&variant.provenance, comparison.client_range(), channels))
                .unwrap_or_default(),
            sections,
        }
    }
}

/// The extent of a run in words. `client_range` is the smallest and the largest number of clients.
fn extent(run: &Provenance, client_range: [u32; 2], channels: usize) -> String {
    let parts = [
        numbers::count_with_noun(f64::from(run.weeks), "week", "weeks"),
        format!("from {}", run.start.monday().format("%-d %B %Y")),
        match client_range {
            [fewest, most] if fewest < most => format!("{fewest} to {most} clients"),
            [clients, _] => numbers::count_with_noun(f64::from(clients), "client", "clients"),
        },
        numbers::count_with_noun(channels as f64, "channel", "channels"),
        numbers::count_with_noun(f64::from(run.replications), "replication", "replications"),
    ];
    let [weeks, from, rest @ ..] = parts;
    [format!("{weeks} {from}")].into_iter().chain(rest).collect::<Vec<_>>().join(" · ")
}

fn sweep_extent(run: &Provenance) -> String {
    let weeks = numbers::count_with_noun(f64::from(run.weeks), "week", "weeks");
    let parts = [
        format!("{weeks} from {}", run.start.monday().format("%-d %B %Y")),
        numbers::count_with_noun(f64::from(run.clients), "client", "clients"),
        numbers::count_with_noun(f64::from(run.replications), "replication", "replications"),
    ];
    parts.join(" · ")
}

impl Block {
    fn paragraph(text: &str) -> Self {
        Block::Paragraph { phrase: Phrase::parse(text) }
    }
}

impl Point {
    /// A point with the concern or, if there is none, with the text `otherwise`.
    fn or_default(label: &'static str, concern: Option<String>, otherwise: &str) -> Self {
        Self { label, calm: concern.is_none(), phrase: Phrase::parse(concern.as_deref().unwrap_or(otherwise)) }
    }
}

impl Table {
    /// A table with one column of names and further columns of numbers, given the titles of these columns.
    fn new(caption: impl Into<String>, names: &'static str, numbers: &[&'static str], rows: Vec<Vec<Cell>>) -> Self {
        let first = Column { title: names, numeric: false };
        let others = numbers.iter().map(|title| Column { title, numeric: true });
        Self { caption: caption.into(), columns: std::iter::once(first).chain(others).collect(), rows, note: None }
    }
}

impl Cell {
    fn text(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }

    fn code(name: impl Into<String>) -> Self {
        Self { text: name.into(), code: true, ..Self::default() }
    }

    fn count(value: f64) -> Self {
        Self::text(numbers::count(value))
    }

    fn score(value: f64) -> Self {
        Self::text(numbers::score(value))
    }

    fn percent(share: Option<f64>) -> Self {
        Self::text(numbers::percent(share))
    }

    /// A share that is also drawn as a bar.
    fn bar(share: Option<f64>) -> Self {
        let bar = share.filter(|share| share.is_finite()).map(|share| share.clamp(0.0, 1.0));
        Self { share: bar, ..Self::percent(share) }
    }

    /// A mean, with its interval below.
    fn estimate(estimate: &Estimate) -> Self {
        Self { detail: estimate.interval.map(numbers::range), ..Self::count(estimate.mean) }
    }

    fn with_detail(self, detail: String) -> Self {
        Self { detail: Some(detail), ..self }
    }
}
