//! Reports: a simulation, comparison, sweep, backtest or calibration as an HTML page, a Markdown summary, figures and
//! tables; a plan as tables and calendars.
//!
//! Everything is built in memory, and the bytes are the same for the same input. Nothing is written, no result is
//! computed beyond the input, and no clock is read: a report states which weeks it covers, not when it was made.

mod figures;
mod findings;
mod html;
mod ics;
mod markdown;
pub(crate) mod numbers;
mod overlay;
mod shell;
mod subject;
mod tables;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use figures::{Figure, Raster};
use findings::{Page, Phrase};
use tables::table_files;

use crate::calibration::{Backtest, BacktestOptions, Calibration};
use crate::model::WorldRow;
use crate::result_tables::{backtest_tables, calibration_tables, comparison_tables, run_tables, sweep_tables};
use crate::rules::Rules;
use crate::simulator::{Comparison, Simulation, Sweep};

pub use ics::{Event, calendar, calendar_from_events, calendars};
pub use overlay::NoBestHour;
pub use shell::{shell_path, shell_word};
pub use tables::{ClientOrder, PlanLayout, PlanTables, TableFormat, table_file, write_plan_tables};

/// A file of a report: its path within the report's folder, and its bytes.
pub type File = (String, Vec<u8>);

/// The input of a simulation's report.
#[derive(Debug, Clone, Copy)]
pub struct RunReport<'a> {
    /// The simulation.
    pub simulation: &'a Simulation,
    /// The command that reproduces the report.
    pub command: &'a str,
    /// The format of the tables.
    pub tables: TableFormat,
}

/// The input of a comparison's report.
#[derive(Debug, Clone, Copy)]
pub struct ComparisonReport<'a> {
    /// The comparison.
    pub comparison: &'a Comparison,
    /// The command that reproduces the report.
    pub command: &'a str,
    /// The format of the tables.
    pub tables: TableFormat,
}

/// The input of a sweep's report.
#[derive(Debug, Clone, Copy)]
pub struct SweepReport<'a> {
    /// The sweep.
    pub sweep: &'a Sweep,
    /// The command that reproduces the report.
    pub command: &'a str,
    /// The format of the tables.
    pub tables: TableFormat,
}

/// The input of a backtest's report.
#[derive(Debug, Clone, Copy)]
pub struct BacktestReport<'a> {
    /// The backtest.
    pub backtest: &'a Backtest,
    /// Its options.
    pub options: &'a BacktestOptions,
    /// Name of the posting history.
    pub history: &'a str,
    /// The command that reproduces the report.
    pub command: &'a str,
    /// The format of the tables.
    pub tables: TableFormat,
}

/// The input of a calibration's report.
#[derive(Debug, Clone, Copy)]
pub struct CalibrationReport<'a> {
    /// The calibration.
    pub calibration: &'a Calibration,
    /// The estimates of an earlier calibration to compare with; `None` for no comparison.
    pub previous: Option<&'a [WorldRow]>,
    /// The rules that the overlays modify.
    pub rules: &'a Rules,
    /// When an overlay states that an account has no best hour.
    pub no_best_hour: NoBestHour,
    /// Name of the posting history.
    pub history: &'a str,
    /// The command that reproduces the report.
    pub command: &'a str,
    /// The format of the tables.
    pub tables: TableFormat,
}

/// Why a report cannot be made. The cause is always a system failure or a defect of mcoe, never the input.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReportError {
    /// A figure could not be drawn.
    #[error("a figure cannot be drawn: {0}")]
    Drawing(String),
    /// A drawing could not be rendered as PNG.
    #[error("the figure `{figure}` cannot be rendered as PNG: {cause}")]
    Picture {
        /// The figure.
        figure: &'static str,
        /// The cause.
        cause: String,
    },
    /// The page template could not be rendered.
    #[error("the page cannot be rendered: {0}")]
    Page(#[from] minijinja::Error),
    /// A table could not be written to its file.
    #[error("the table `{table}` cannot be written: {source}")]
    Write {
        /// The table.
        table: &'static str,
        /// The cause.
        source: Arc<std::io::Error>,
    },
    /// A table could not be encoded.
    #[error("the table `{table}` cannot be written: {cause}")]
    Table {
        /// The table.
        table: &'static str,
        /// The cause.
        cause: String,
    },
}

/// The files of a simulation's report: `index.html`, `summary.md`, `figures/*.svg` and `.png`, `tables/*`.
///
/// # Errors
/// If a figure, the page or a table cannot be made.
pub fn render(report: &RunReport) -> Result<Vec<File>, ReportError> {
    let figures = figures::draw_simulation(report.simulation)?;
    let page = Page::of(report.simulation, report.command, report.tables);
    report_files(&page, &figures, table_files(run_tables(report.simulation), report.tables)?)
}

/// The part of a simulation's report that a browser shows: `index.html`, `summary.md` and `figures/*.svg`.
///
/// # Errors
/// If a figure or the page cannot be made.
pub fn documents(report: &RunReport) -> Result<Vec<File>, ReportError> {
    let figures = figures::draw_simulation(report.simulation)?;
    document_files(&Page::of(report.simulation, report.command, report.tables), &figures)
}

/// The part of a comparison's report that a browser shows.
///
/// # Errors
/// If a figure or the page cannot be made.
pub fn comparison_documents(report: &ComparisonReport) -> Result<Vec<File>, ReportError> {
    let figures = figures::draw_comparison(report.comparison)?;
    document_files(&Page::of_comparison(report.comparison, report.command, report.tables), &figures)
}

/// The files of a comparison's report, named as those of a simulation's.
///
/// # Errors
/// If a figure, the page or a table cannot be made.
pub fn render_comparison(report: &ComparisonReport) -> Result<Vec<File>, ReportError> {
    let figures = figures::draw_comparison(report.comparison)?;
    let page = Page::of_comparison(report.comparison, report.command, report.tables);
    report_files(&page, &figures, table_files(comparison_tables(report.comparison), report.tables)?)
}

/// The files of a sweep's report, named as those of a simulation's.
///
/// # Errors
/// If a figure, the page or a table cannot be made.
pub fn render_sweep(report: &SweepReport) -> Result<Vec<File>, ReportError> {
    let figures = figures::draw_sweep(report.sweep)?;
    let page = Page::of_sweep(report.sweep, report.command, report.tables);
    report_files(&page, &figures, table_files(sweep_tables(report.sweep), report.tables)?)
}

/// The findings of a sweep in plain text: a sentence on the trade-off, and one on the measure of each goal.
#[must_use]
pub fn sweep_sentences(sweep: &Sweep) -> Vec<String> {
    findings::sweep_sentences(sweep).iter().map(|sentence| Phrase::parse(sentence).text()).collect()
}

/// The verdicts of a comparison in plain text: one sentence for every variant that is compared with the base, in the
/// order of the variants.
#[must_use]
pub fn verdicts(comparison: &Comparison) -> Vec<String> {
    findings::verdicts(comparison).iter().map(|verdict| Phrase::parse(verdict).text()).collect()
}

/// The files of a backtest's report, named as those of a simulation's.
///
/// # Errors
/// If a figure, the page or a table cannot be made.
pub fn render_backtest(report: &BacktestReport) -> Result<Vec<File>, ReportError> {
    let figures = figures::draw_backtest(report.backtest)?;
    let page = Page::of_backtest(report);
    report_files(&page, &figures, table_files(backtest_tables(report.backtest), report.tables)?)
}

/// The findings of a backtest in plain text: a sentence for each horizon, and one on hours.
#[must_use]
pub fn backtest_sentences(backtest: &Backtest, options: &BacktestOptions) -> Vec<String> {
    findings::backtest_sentences(backtest, options).iter().map(|sentence| Phrase::parse(sentence).text()).collect()
}

/// The files of a calibration's report, named as those of a simulation's, and `overlays/*.toml`: overlays of a rules
/// pack with the values that the data supports.
///
/// # Errors
/// If a figure, the page or a table cannot be made.
pub fn render_calibration(report: &CalibrationReport) -> Result<Vec<File>, ReportError> {
    let figures = figures::draw_calibration(report.calibration)?;
    let page = Page::of_calibration(report);
    let tables = table_files(calibration_tables(report.calibration), report.tables)?;
    let mut files = report_files(&page, &figures, tables)?;
    files.extend(overlay::overlays(report.calibration, report.rules, report.no_best_hour));
    Ok(files)
}

/// The findings of a calibration in plain text: a sentence for each channel.
#[must_use]
pub fn calibration_sentences(calibration: &Calibration) -> Vec<String> {
    findings::calibration_sentences(calibration).iter().map(|sentence| Phrase::parse(sentence).text()).collect()
}

fn document_files(page: &Page, figures: &[Figure]) -> Result<Vec<File>, ReportError> {
    let mut files = vec![
        ("index.html".to_owned(), html::render(page, figures)?.into_bytes()),
        ("summary.md".to_owned(), markdown::render(page, figures).into_bytes()),
    ];
    let drawings =
        figures.iter().map(|figure| (format!("figures/{}.svg", figure.name), figure.svg.clone().into_bytes()));
    files.extend(drawings);
    Ok(files)
}

fn report_files(page: &Page, figures: &[Figure], tables: Vec<File>) -> Result<Vec<File>, ReportError> {
    let mut files = document_files(page, figures)?;
    let raster = Raster::new();
    for figure in figures {
        files.push((format!("figures/{}.png", figure.name), raster.png(figure)?));
    }
    files.extend(tables.into_iter().map(|(name, bytes)| (format!("tables/{name}"), bytes)));
    Ok(files)
}
