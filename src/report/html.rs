//! The report as one self-contained page: style, figures and text in one file, without scripts.

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{Environment, context};
use serde::Serialize;

use super::ReportError;
use super::figures::{Figure, dark_swaps};
use super::findings::Page;

const TEMPLATE: &str = include_str!("templates/index.html");

/// A figure, as the template expects it.
#[derive(Debug, Serialize)]
struct Picture<'a> {
    name: &'static str,
    title: &'a str,
    caption: &'a str,
    svg: &'a str,
}

/// A colour of the drawings and its replacement on a dark page, in hexadecimal.
#[derive(Debug, Serialize)]
struct HexSwap {
    light: String,
    dark: String,
}

/// Renders the page.
///
/// # Errors
/// If the template cannot be rendered.
pub fn render(page: &Page, figures: &[Figure]) -> Result<String, ReportError> {
    let mut environment = Environment::new();
    environment.set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?);
    environment.add_template("index.html", TEMPLATE)?;
    let swaps: Vec<HexSwap> =
        dark_swaps().iter().map(|swap| swap.hex()).map(|[light, dark]| HexSwap { light, dark }).collect();
    let pictures: Vec<Picture> = figures.iter().map(picture).collect();
    let content = context! {
        page => Serde(page), title => page.title.text(), pictures => Serde(pictures), swaps => Serde(swaps),
    };
    Ok(environment.get_template("index.html")?.render(content)?)
}

fn picture(figure: &Figure) -> Picture<'_> {
    Picture { name: figure.name, title: &figure.title, caption: &figure.caption, svg: &figure.svg }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::TableFormat;
    use crate::report::figures::{draw_comparison, draw_simulation, draw_sweep};
    use crate::report::tests::sample;
    use crate::simulator::Simulation;

    fn page(simulation: &Simulation) -> String {
        let page = Page::of(simulation, "mcoe simulate 'a & b' --out <out>", TableFormat::Parquet);
        render(&page, &draw_simulation(simulation).unwrap()).unwrap()
    }

    /// The pages of a simulation and of every kind of comparison and sweep.
    fn pages() -> Vec<String> {
        let comparisons = sample::comparisons().into_iter().map(|(_, comparison)| {
            let page = Page::of_comparison(&comparison, "mcoe compare", TableFormat::Parquet);
            render(&page, &draw_comparison(&comparison).unwrap()).unwrap()
        });
        let sweeps = sample::sweeps().into_iter().map(|(_, sweep)| {
            let page = Page::of_sweep(&sweep, "mcoe rules sweep", TableFormat::Parquet);
            render(&page, &draw_sweep(&sweep).unwrap()).unwrap()
        });
        std::iter::once(page(&sample::simulation())).chain(comparisons).chain(sweeps).collect()
    }

    #[test]
    fn names_and_commands_are_escaped() {
        assert!(pages().iter().all(|html| !html.contains("<script") && !html.contains("<b>")));
        let (_, simulation) = sample::variants().into_iter().find(|(name, _)| *name == "names").unwrap();
        let html = page(&simulation);
        assert!(!html.contains("<script"));
        assert!(html.contains("&lt;script&gt;"));
        assert!(html.contains("--out &lt;out&gt;"));
    }

    #[test]
    fn the_page_is_self_contained() {
        for html in pages() {
            for external in ["src=", "href=\"http", "@import", "url(", "<link"] {
                assert!(!html.contains(external), "{external}");
            }
        }
    }

    #[test]
    fn ids_are_unique_and_anchors_have_targets() {
        for html in pages() {
            let mut ids: Vec<&str> = html.split(" id=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
            let count = ids.len();
            ids.sort_unstable();
            ids.dedup();
            assert_eq!(ids.len(), count);
            for anchor in html.split("href=\"#").skip(1).filter_map(|rest| rest.split('"').next()) {
                assert!(ids.contains(&anchor), "{anchor}");
            }
        }
    }

    #[test]
    fn headings_never_skip_a_level() {
        for html in pages() {
            let levels: Vec<u32> =
                html.match_indices("<h").filter_map(|(at, _)| html.get(at + 2..at + 3)?.parse().ok()).collect();
            assert_eq!(levels.first(), Some(&1));
            assert!(levels.iter().skip(1).zip(&levels).all(|(level, before)| *level > 1 && *level <= before + 1));
        }
    }

    #[test]
    fn a_run_with_one_replication_has_no_intervals() {
        let (_, simulation) = sample::variants().into_iter().find(|(name, _)| *name == "one-replication").unwrap();
        let html = page(&simulation);
        assert!(html.contains("there are no intervals"));
        assert!(!html.contains("95\u{a0}% interval"));
    }

    #[test]
    fn only_the_worst_of_many_clients_are_shown() {
        let (_, simulation) = sample::variants().into_iter().find(|(name, _)| *name == "sixty-clients").unwrap();
        let html = page(&simulation);
        assert!(html.contains("These are the 25 of 60 clients that need attention most"));
        assert_eq!(html.matches("client-0").count(), 25);
    }
}
