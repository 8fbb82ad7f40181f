//! Reports: from the summary of a simulation or a comparison to a page, a summary in Markdown, figures
//! and tables; from a plan to tables and calendars.
//!
//! Everything here is made in memory and is the same bytes for the same input. Nothing is written,
//! no result is computed that the input does not hold, and no clock is read: a report says when its
//! weeks were, not when it was made.

mod figures;
mod findings;
mod html;
mod ics;
mod markdown;
mod numbers;
#[cfg(test)]
mod sample;
#[cfg(test)]
mod sample_sweep;
mod tables;

use figures::{Figure, Raster};
use findings::{Page, Phrase};

use crate::simulator::{Comparison, Simulation, Sweep};

pub use ics::{Event, calendar, calendar_of, calendars};
pub use tables::{Table, TableColumn, TableFormat, plan_tables};

/// A file of a report: its path within the report's folder, and its bytes.
pub type File = (String, Vec<u8>);

/// What a report of a simulation is made from.
#[derive(Debug, Clone, Copy)]
pub struct RunReport<'a> {
    /// What was found.
    pub simulation: &'a Simulation,
    /// The command that repeats the run.
    pub command: &'a str,
    /// How tables are written.
    pub tables: TableFormat,
}

/// What a report of a comparison is made from.
#[derive(Debug, Clone, Copy)]
pub struct ComparisonReport<'a> {
    /// What was found.
    pub comparison: &'a Comparison,
    /// The command that repeats it.
    pub command: &'a str,
    /// How tables are written.
    pub tables: TableFormat,
}

/// What a report of a sweep is made from.
#[derive(Debug, Clone, Copy)]
pub struct SweepReport<'a> {
    /// What was found.
    pub sweep: &'a Sweep,
    /// The command that repeats it.
    pub command: &'a str,
    /// How tables are written.
    pub tables: TableFormat,
}

/// Why a report cannot be made. All are faults of the machine or of the engine, not of the input.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReportError {
    /// A figure could not be drawn.
    #[error("a figure cannot be drawn: {0}")]
    Drawing(String),
    /// A drawing could not be turned into a picture.
    #[error("the figure `{figure}` cannot be turned into a PNG: {cause}")]
    Picture {
        /// Which.
        figure: &'static str,
        /// Why.
        cause: String,
    },
    /// The page could not be filled in.
    #[error("the page cannot be filled in: {0}")]
    Page(#[from] minijinja::Error),
    /// A table could not be written.
    #[error("the table `{table}` cannot be written: {cause}")]
    Table {
        /// Which.
        table: &'static str,
        /// Why.
        cause: String,
    },
}

/// The files of a simulation's report: `index.html`, `summary.md`, `figures/*.svg` and `.png`, `tables/*`.
///
/// # Errors
/// Where a figure, the page or a table cannot be made.
pub fn render(report: &RunReport) -> Result<Vec<File>, ReportError> {
    let figures = figures::draw_all(report.simulation)?;
    let page = Page::of(report.simulation, report.command, report.tables);
    files(&page, &figures, tables::run_tables(report.simulation, report.tables)?)
}

/// Of a simulation's report what a browser shows: `index.html`, `summary.md` and `figures/*.svg`.
///
/// # Errors
/// Where a figure or the page cannot be made.
pub fn documents(report: &RunReport) -> Result<Vec<File>, ReportError> {
    let figures = figures::draw_all(report.simulation)?;
    documents_of(&Page::of(report.simulation, report.command, report.tables), &figures)
}

/// The same of a comparison's report.
///
/// # Errors
/// Where a figure or the page cannot be made.
pub fn comparison_documents(report: &ComparisonReport) -> Result<Vec<File>, ReportError> {
    let figures = figures::draw_comparison(report.comparison)?;
    documents_of(&Page::of_comparison(report.comparison, report.command, report.tables), &figures)
}

/// The files of a comparison's report, named as those of a simulation's.
///
/// # Errors
/// Where a figure, the page or a table cannot be made.
pub fn render_comparison(report: &ComparisonReport) -> Result<Vec<File>, ReportError> {
    let figures = figures::draw_comparison(report.comparison)?;
    let page = Page::of_comparison(report.comparison, report.command, report.tables);
    files(&page, &figures, tables::comparison_tables(report.comparison, report.tables)?)
}

/// The files of a sweep's report, named as those of a simulation's.
///
/// # Errors
/// Where a figure, the page or a table cannot be made.
pub fn render_sweep(report: &SweepReport) -> Result<Vec<File>, ReportError> {
    let figures = figures::draw_sweep(report.sweep)?;
    let page = Page::of_sweep(report.sweep, report.command, report.tables);
    files(&page, &figures, tables::sweep_tables(report.sweep, report.tables)?)
}

/// What a sweep comes to, in plain text: a sentence of the trade-off, and one of each of its two numbers.
#[must_use]
pub fn sweep_words(sweep: &Sweep) -> Vec<String> {
    findings::sweep_words(sweep).iter().map(|words| Phrase::parse(words).text()).collect()
}

/// What a comparison comes to, in plain text: a sentence for every pack that is compared with the base, in
/// their order.
#[must_use]
pub fn verdicts(comparison: &Comparison) -> Vec<String> {
    findings::verdicts(comparison).iter().map(|verdict| Phrase::parse(verdict).text()).collect()
}

fn documents_of(page: &Page, figures: &[Figure]) -> Result<Vec<File>, ReportError> {
    let mut files = vec![
        ("index.html".to_owned(), html::render(page, figures)?.into_bytes()),
        ("summary.md".to_owned(), markdown::render(page, figures).into_bytes()),
    ];
    let drawn = figures.iter().map(|figure| (format!("figures/{}.svg", figure.name), figure.svg.clone().into_bytes()));
    files.extend(drawn);
    Ok(files)
}

fn files(page: &Page, figures: &[Figure], tables: Vec<File>) -> Result<Vec<File>, ReportError> {
    let mut files = documents_of(page, figures)?;
    let raster = Raster::new();
    for figure in figures {
        files.push((format!("figures/{}.png", figure.name), raster.png(figure)?));
    }
    files.extend(tables.into_iter().map(|(name, bytes)| (format!("tables/{name}"), bytes)));
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(simulation: &Simulation) -> Vec<File> {
        let command = "mcoe simulate scenarios/agency --weeks 12 --replications 20 --seed 7 --out reports/agency";
        render(&RunReport { simulation, command, tables: TableFormat::Csv }).unwrap()
    }

    fn versus(comparison: &Comparison) -> Vec<File> {
        let command = "mcoe compare scenarios/agency --rules rules --against bold --out reports/bold";
        render_comparison(&ComparisonReport { comparison, command, tables: TableFormat::Csv }).unwrap()
    }

    fn swept(sweep: &Sweep) -> Vec<File> {
        let command = "mcoe rules sweep scenarios/agency --set fatigue.warn_at=0.4,0.5 --out reports/sweep";
        render_sweep(&SweepReport { sweep, command, tables: TableFormat::Csv }).unwrap()
    }

    #[test]
    fn a_sweep_has_the_files_that_its_readers_expect_and_always_the_same_bytes() {
        let (_, sweep) = sample_sweep::sweeps().remove(0);
        let files = swept(&sweep);
        assert!(files == swept(&sweep));
        let paths: Vec<&str> = files.iter().map(|(path, _)| path.as_str()).collect();
        for path in
            ["index.html", "summary.md", "figures/sweep-frontier.svg", "figures/sweep-keys.png", "tables/points.csv"]
        {
            assert!(paths.contains(&path), "{paths:?}");
        }
        assert!(sweep_words(&sweep).iter().all(|words| !words.contains('`') && words.ends_with('.')));
    }

    #[test]
    fn a_comparison_has_the_files_that_its_readers_expect_and_always_the_same_bytes() {
        let (_, comparison) = sample::comparisons().remove(0);
        let files = versus(&comparison);
        assert!(files == versus(&comparison));
        let paths: Vec<&str> = files.iter().map(|(path, _)| path.as_str()).collect();
        for path in ["index.html", "summary.md", "figures/difference-weeks.svg", "tables/differences.csv"] {
            assert!(paths.contains(&path), "{paths:?}");
        }
    }

    #[test]
    fn a_verdict_in_plain_text_has_no_marks() {
        for (case, comparison) in sample::comparisons() {
            let verdicts = verdicts(&comparison);
            assert_eq!(verdicts.len(), comparison.versus.len(), "{case}");
            assert!(verdicts.iter().all(|verdict| !verdict.contains('`') && verdict.ends_with('.')), "{verdicts:?}");
        }
    }

    #[test]
    fn the_same_simulation_gives_the_same_bytes() {
        let simulation = sample::simulation();
        for tables in [TableFormat::Csv, TableFormat::Parquet] {
            let report = RunReport { simulation: &simulation, command: "mcoe simulate", tables };
            assert!(render(&report).unwrap() == render(&report).unwrap());
        }
    }

    #[test]
    fn no_file_of_any_shape_of_run_shows_what_is_not_a_number() {
        let runs = sample::variants().into_iter().map(|(case, run)| (case, report(&run)));
        let versus = sample::comparisons().into_iter().map(|(case, run)| (case, versus(&run)));
        let sweeps = sample_sweep::sweeps().into_iter().map(|(case, run)| (case, swept(&run)));
        for (case, files) in runs.chain(versus).chain(sweeps) {
            for (path, bytes) in files {
                let Ok(text) = std::str::from_utf8(&bytes) else { continue };
                for bad in ["NaN", "Infinity", ">inf", "-inf", " inf", ",inf"] {
                    assert!(!text.contains(bad), "{case}: {path} shows `{bad}`");
                }
            }
        }
    }

    #[test]
    fn a_report_holds_the_files_that_its_readers_expect() {
        let paths: Vec<String> = report(&sample::simulation()).into_iter().map(|(path, _)| path).collect();
        insta::assert_snapshot!(paths.join("\n"));
    }
}
