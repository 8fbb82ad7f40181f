//! The report as Markdown, for a pull request: the same words and numbers as on the page, and the path and caption of
//! each figure.

use std::fmt::Write;

use super::figures::Figure;
use super::findings::{Block, Cell, Page, Phrase, Section, Table};

/// The whole summary.
pub fn render(page: &Page, figures: &[Figure]) -> String {
    let mut text = format!("# {}\n\n{}\n", phrase_text(&page.title), escaped(&page.extent));
    for section in &page.sections {
        text.push_str(&render_section(section, figures));
    }
    text
}

fn render_section(section: &Section, figures: &[Figure]) -> String {
    let texts = section.blocks.iter().map(|block| block_text(block, figures)).filter(|text| !text.is_empty());
    let mut text = format!("\n## {}\n", section.title);
    for block in texts {
        text.push('\n');
        text.push_str(&block);
    }
    text
}

fn block_text(block: &Block, figures: &[Figure]) -> String {
    match block {
        Block::Paragraph { phrase } => format!("{}\n", phrase_text(phrase)),
        Block::Heading { title, .. } => format!("### {title}\n"),
        Block::Points { points } => {
            points.iter().map(|point| format!("- **{}.** {}\n", point.label, phrase_text(&point.phrase))).collect()
        }
        Block::Terms { terms } => {
            terms.iter().map(|term| format!("- *{}:* {}\n", term.word, escaped(term.meaning))).collect()
        }
        Block::Cards { cards } => {
            let rows = cards
                .iter()
                .map(|card| format!("| {} | **{}** | {} |\n", card.label, card.value, card.lines.join("; ")));
            format!("| Figure | Value | |\n|:--|--:|:--|\n{}", rows.collect::<String>())
        }
        Block::Table { table } => table_text(table),
        Block::Code { text } => format!("```sh\n{}\n```\n", text.replace("```", "'''")),
        Block::Figure { name } => figures.iter().filter(|figure| figure.name == *name).map(figure_text).collect(),
        // The numbers of notes are in tables, too.
        Block::Notes { .. } => String::new(),
    }
}

fn figure_text(figure: &Figure) -> String {
    format!("*{}* (`figures/{}.svg`): {}\n", escaped(&figure.title), figure.name, escaped(&figure.caption))
}

fn table_text(table: &Table) -> String {
    let mut text = format!("**{}**\n\n|", escaped(&table.caption));
    // Writing to a `String` cannot fail.
    for column in &table.columns {
        let _ = write!(text, " {} |", column.title);
    }
    text.push_str("\n|");
    for column in &table.columns {
        text.push_str(if column.numeric { "--:|" } else { ":--|" });
    }
    text.push('\n');
    for row in &table.rows {
        text.push('|');
        for cell in row {
            let _ = write!(text, " {} |", cell_text(cell));
        }
        text.push('\n');
    }
    if let Some(note) = &table.note {
        let _ = write!(text, "\n{}\n", escaped(note));
    }
    text
}

fn cell_text(cell: &Cell) -> String {
    let text = escaped(&cell.text);
    let main = match cell {
        Cell { code: true, .. } => code_text(&cell.text),
        Cell { strong: true, .. } => format!("**{text}**"),
        _ => text,
    };
    cell.detail.as_ref().map_or(main.clone(), |detail| format!("{main} ({})", escaped(detail)))
}

fn phrase_text(phrase: &Phrase) -> String {
    phrase.spans().iter().map(|span| if span.code { code_text(&span.text) } else { escaped(&span.text) }).collect()
}

fn code_text(name: &str) -> String {
    format!("`{}`", name.replace('`', "'").replace('|', "\\|").replace(['\n', '\r'], " "))
}

/// Escapes text for use in Markdown, also within table cells, where HTML may be embedded.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\\' | '`' | '*' | '[' | ']' | '|' | '#' => {
                safe.push('\\');
                safe.push(character);
            }
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '&' => safe.push_str("&amp;"),
            '\n' | '\r' => safe.push(' '),
            _ => safe.push(character),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::TableFormat;
    use crate::report::figures::{draw_comparison, draw_simulation};
    use crate::report::tests::sample;

    fn summary(case: &str) -> String {
        let (_, simulation) = sample::variants().into_iter().find(|(name, _)| *name == case).unwrap();
        let command = "mcoe simulate scenarios/agency --weeks 12 --replications 20 --seed 7 --out reports/agency";
        render(&Page::of(&simulation, command, TableFormat::Parquet), &draw_simulation(&simulation).unwrap())
    }

    #[test]
    fn a_usual_run_in_markdown() {
        insta::assert_snapshot!(summary("usual"));
    }

    #[test]
    fn a_run_with_one_replication_in_markdown() {
        let text = summary("one-replication");
        assert!(!text.contains("95\u{a0}% interval 1"));
        insta::assert_snapshot!(text);
    }

    #[test]
    fn a_run_without_posts_in_markdown() {
        insta::assert_snapshot!(summary("zeros"));
    }

    fn comparison(case: &str) -> String {
        let (_, comparison) = sample::comparisons().into_iter().find(|(name, _)| *name == case).unwrap();
        let command = "mcoe compare scenarios/agency --rules rules --against bold --out reports/bold";
        let page = Page::of_comparison(&comparison, command, TableFormat::Parquet);
        render(&page, &draw_comparison(&comparison).unwrap())
    }

    #[test]
    fn a_comparison_in_markdown() {
        insta::assert_snapshot!(comparison("usual"));
    }

    #[test]
    fn a_comparison_of_three_packs_has_corrected_p_values() {
        let text = comparison("three-packs");
        for part in ["bold against default", "careful against default", "twin against default", "Holm's method"] {
            assert!(text.contains(part), "{part}");
        }
    }

    #[test]
    fn a_comparison_reports_whether_the_requested_precision_was_reached() {
        assert!(comparison("reached").contains("the half-width of the interval had reached 0.5\u{a0}% of the base"));
        assert!(comparison("not-reached").contains("did not reach the requested 0.5\u{a0}% of the base"));
        assert!(comparison("one-replication").contains("there are no intervals"));
    }

    #[test]
    fn special_characters_in_names_are_escaped() {
        let text = summary("names");
        let outside_code: String = text.replace("\\`", "").split('`').step_by(2).collect();
        assert!(!outside_code.contains('<'));
        assert!(text.contains("a\\|b\\`c\\*d_e"));
    }

    #[test]
    fn every_row_has_one_cell_per_column() {
        let runs = sample::variants().into_iter();
        let pages = runs.map(|(case, run)| (case, Page::of(&run, "mcoe simulate", TableFormat::Csv)));
        let comparisons = sample::comparisons().into_iter();
        let comparisons =
            comparisons.map(|(case, run)| (case, Page::of_comparison(&run, "mcoe compare", TableFormat::Csv)));
        for (case, page) in pages.chain(comparisons) {
            for block in page.sections.iter().flat_map(|section| &section.blocks) {
                let Block::Table { table } = block else { continue };
                assert!(table.rows.iter().all(|row| row.len() == table.columns.len()), "{case}: {}", table.caption);
            }
        }
    }
}
