//! The figures of a report, one per file. Each is drawn once as SVG; the PNG is rendered from that SVG.
//!
//! Shared code is here and in five more files: drawing primitives (`canvas`), axes and legends (`axes`), colours
//! (`palette`), rendering as PNG (`raster`) and the panels of comparisons (`versus`). Lengths are pixels of the page. A
//! drawing has ten units per pixel, because the backend only takes whole numbers. Figures compute no results: they show
//! those of a simulation, comparison, sweep, backtest or calibration.

mod assets;
mod axes;
mod backtest_coverage;
mod backtest_pit;
mod calendar;
mod calibration_effects;
mod calibration_levels;
mod calibration_response;
mod canvas;
mod channel_posts;
mod difference_channels;
mod difference_clients;
mod difference_weeks;
mod engagement;
mod fatigue;
mod guardrails;
mod palette;
mod posts;
mod raster;
mod risk;
mod sweep_curves;
mod sweep_frontier;
mod sweep_keys;
mod versus;

pub use palette::dark_swaps;
pub use raster::Raster;

use canvas::Canvas;

use super::ReportError;
use crate::calibration::{Backtest, Calibration};
use crate::simulator::{Comparison, Simulation, Sweep};

/// A drawn figure.
#[derive(Debug, Clone)]
pub struct Figure {
    /// Base name of its files, and prefix of every id in it.
    pub name: &'static str,
    /// Title.
    pub title: String,
    /// What it shows, in plain words.
    pub caption: String,
    /// The drawing, complete, with title and caption as its accessible name and description.
    pub svg: String,
}

/// The text of a figure before it is drawn.
struct Heading {
    name: &'static str,
    title: String,
    caption: String,
}

/// Every figure of a simulation's report, in the order of the page.
///
/// # Errors
/// If the drawing backend fails.
pub fn draw_simulation(simulation: &Simulation) -> Result<Vec<Figure>, ReportError> {
    Ok(vec![
        engagement::draw(simulation)?,
        posts::draw(simulation)?,
        guardrails::draw(simulation)?,
        fatigue::draw(simulation)?,
        risk::draw(simulation)?,
        assets::draw(simulation)?,
        channel_posts::draw(simulation)?,
        calendar::draw(simulation)?,
    ])
}

/// Every figure of a comparison's report, in the order of the page.
///
/// # Errors
/// If the drawing backend fails.
pub fn draw_comparison(comparison: &Comparison) -> Result<Vec<Figure>, ReportError> {
    Ok(vec![
        difference_weeks::draw(comparison)?,
        difference_channels::draw(comparison)?,
        difference_clients::draw(comparison)?,
    ])
}

/// Every figure of a backtest's report, in the order of the page.
///
/// # Errors
/// If the drawing backend fails.
pub fn draw_backtest(backtest: &Backtest) -> Result<Vec<Figure>, ReportError> {
    Ok(vec![backtest_coverage::draw(backtest)?, backtest_pit::draw(backtest)?])
}

/// Every figure of a calibration's report, in the order of the page.
///
/// # Errors
/// If the drawing backend fails.
pub fn draw_calibration(calibration: &Calibration) -> Result<Vec<Figure>, ReportError> {
    Ok(vec![
        calibration_effects::draw(calibration)?,
        calibration_response::draw(calibration)?,
        calibration_levels::draw(calibration)?,
    ])
}

/// Every figure of a sweep's report, in the order of the page.
///
/// # Errors
/// If the drawing backend fails.
pub fn draw_sweep(sweep: &Sweep) -> Result<Vec<Figure>, ReportError> {
    let curves = sweep_curves::draw(sweep)?;
    Ok(std::iter::once(sweep_frontier::draw(sweep)?).chain(curves).chain([sweep_keys::draw(sweep)?]).collect())
}

impl Heading {
    /// Draws a figure of the given height under this heading.
    fn draw(
        self,
        height: f64,
        drawing: impl FnOnce(&Canvas) -> Result<(), ReportError>,
    ) -> Result<Figure, ReportError> {
        let Self { name, title, caption } = self;
        let shapes = Canvas::record(height, |canvas| {
            canvas.title(&title)?;
            drawing(canvas)
        })?;
        let svg = canvas::document(name, &title, &caption, height, &shapes);
        Ok(Figure { name, title, caption, svg })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::sample;

    /// The figures of every sample, each with the name of its case.
    fn drawn() -> Vec<(String, Vec<Figure>)> {
        let runs = sample::variants().into_iter().map(|(case, run)| (case.to_owned(), draw_simulation(&run).unwrap()));
        let comparisons = sample::comparisons().into_iter();
        let sweeps = sample::sweeps().into_iter();
        let backtests = sample::backtests().into_iter();
        let calibrations = sample::calibrations().into_iter();
        runs.chain(comparisons.map(|(case, run)| (format!("comparison {case}"), draw_comparison(&run).unwrap())))
            .chain(sweeps.map(|(case, sweep)| (format!("sweep {case}"), draw_sweep(&sweep).unwrap())))
            .chain(backtests.map(|(case, run)| (format!("backtest {case}"), draw_backtest(&run).unwrap())))
            .chain(calibrations.map(|(case, run)| (format!("calibration {case}"), draw_calibration(&run).unwrap())))
            .collect()
    }

    fn ids(svg: &str) -> Vec<&str> {
        svg.split(" id=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect()
    }

    #[test]
    fn every_figure_is_valid_svg_with_finite_numbers() {
        for (case, figures) in drawn() {
            for figure in figures {
                let name = format!("{case}/{}", figure.name);
                let tree = resvg::usvg::Tree::from_str(&figure.svg, &resvg::usvg::Options::default());
                assert!(tree.is_ok(), "{name}: {tree:?}");
                assert!(
                    !figure.svg.contains("NaN") && !figure.svg.contains("inf"),
                    "{name} contains an invalid number"
                );
                assert!(!figure.svg.contains("<script"), "{name} contains unescaped markup");
            }
        }
    }

    #[test]
    fn all_shapes_lie_within_the_figure() {
        for (case, figures) in drawn() {
            for figure in figures {
                let tree = Raster::new().parse(figure.name, &figure.svg).unwrap();
                let bounds = tree.root().abs_bounding_box();
                let message = format!("{case}/{}: {bounds:?} in {:?}", figure.name, tree.size());
                assert!(bounds.left() >= 0.0 && bounds.top() >= 0.0, "{message}");
                assert!(bounds.right() <= tree.size().width() && bounds.bottom() <= tree.size().height(), "{message}");
            }
        }
    }

    /// Adds every text of a group with its bounding box.
    fn add_labels(group: &resvg::usvg::Group, labels: &mut Vec<(String, resvg::usvg::Rect)>) {
        for node in group.children() {
            match node {
                resvg::usvg::Node::Group(inner) => add_labels(inner, labels),
                resvg::usvg::Node::Text(text) => {
                    let content = text.chunks().iter().map(|chunk| chunk.text()).collect();
                    labels.push((content, node.abs_bounding_box()));
                }
                _ => {}
            }
        }
    }

    #[test]
    fn labels_do_not_overlap() {
        for (case, figures) in drawn() {
            for figure in figures {
                let tree = Raster::new().parse(figure.name, &figure.svg).unwrap();
                let mut labels = Vec::new();
                add_labels(tree.root(), &mut labels);
                for (index, (text, bounds)) in labels.iter().enumerate() {
                    for (other_text, other_bounds) in &labels[index + 1..] {
                        let message = format!("{case}/{}: `{text}` overlaps `{other_text}`", figure.name);
                        assert!(bounds.intersect(other_bounds).is_none(), "{message}");
                    }
                }
            }
        }
    }

    #[test]
    fn ids_are_unique_over_all_figures() {
        for (case, figures) in drawn() {
            let mut all: Vec<&str> = figures.iter().flat_map(|figure| ids(&figure.svg)).collect();
            let count = all.len();
            all.sort_unstable();
            all.dedup();
            assert_eq!(count, 2 * figures.len(), "{case}");
            assert_eq!(all.len(), count, "{case}");
        }
    }

    #[test]
    fn drawing_a_figure_twice_gives_the_same_bytes() {
        let simulation = sample::simulation();
        let raster = Raster::new();
        for (first, second) in draw_simulation(&simulation).unwrap().iter().zip(&draw_simulation(&simulation).unwrap())
        {
            assert_eq!(first.svg, second.svg);
            assert_eq!(raster.png(first).unwrap(), raster.png(second).unwrap());
        }
    }
}
