//! Renders diagnostics as text: the cause, the source line with a caret, and the remedy.

use std::borrow::Cow;
use std::ops::Range;

use annotate_snippets::renderer::{DEFAULT_TERM_WIDTH, Renderer};
use annotate_snippets::{AnnotationKind, Group, Level, Origin, Padding, Snippet};

use super::escape::{escaped_where, is_invisible, visible};
use super::{Diagnostic, SourceLocation};

/// Number of diagnostics rendered in full; the rest are only counted.
const MAX_RENDERED: usize = 50;

/// Length in bytes of the longest source line that is shown; for longer lines only the location is given.
const MAX_LINE_LENGTH: usize = 2000;

/// Renders diagnostics in the given order, separated by blank lines; after the first fifty, the rest are only counted.
///
/// `text_of` returns a file's text by its name in the diagnostic; if it returns `None`, the source line is not shown.
/// `color` adds escape codes for a terminal; escape codes within names and texts are always escaped.
#[must_use]
pub fn render<'t>(diagnostics: &[Diagnostic], text_of: &dyn Fn(&str) -> Option<&'t str>, color: bool) -> String {
    render_as(&Level::ERROR, diagnostics, text_of, color)
}

/// Renders diagnostics as warnings, otherwise like [`render()`].
#[must_use]
pub fn render_warnings<'t>(
    diagnostics: &[Diagnostic],
    text_of: &dyn Fn(&str) -> Option<&'t str>,
    color: bool,
) -> String {
    render_as(&Level::WARNING, diagnostics, text_of, color)
}

fn render_as<'t>(
    level: &Level<'static>,
    diagnostics: &[Diagnostic],
    text_of: &dyn Fn(&str) -> Option<&'t str>,
    color: bool,
) -> String {
    let renderer = if color { Renderer::styled() } else { Renderer::plain() };
    let renderer = renderer.term_width(DEFAULT_TERM_WIDTH);
    let blocks = diagnostics.iter().take(MAX_RENDERED).map(|diagnostic| {
        let source = diagnostic.place.source();
        let line = source.and_then(|location| marked_line(location, text_of(&location.file)?));
        renderer.render(&[group(level, &EscapedTexts::of(diagnostic), diagnostic, line)])
    });
    let mut rendered = blocks.collect::<Vec<_>>().join("\n\n");
    if let Some(more) = diagnostics.len().checked_sub(MAX_RENDERED).filter(|more| *more > 0) {
        rendered.push_str(&format!("\n\nand {more} more"));
    }
    if !rendered.is_empty() {
        rendered.push('\n');
    }
    rendered
}

/// The texts of a diagnostic, safe to print in a terminal.
struct EscapedTexts<'d> {
    cause: Cow<'d, str>,
    remedy: Cow<'d, str>,
    /// The file of the source, or a place of another kind as text.
    path: Cow<'d, str>,
}

impl<'d> EscapedTexts<'d> {
    fn of(diagnostic: &'d Diagnostic) -> Self {
        // Causes may span several lines.
        let escaped = |text| escaped_where(text, |c| is_invisible(c) && c != '\n');
        let path = match diagnostic.place.source() {
            Some(location) => visible(&location.file),
            None => diagnostic.place.to_string().into(),
        };
        Self { cause: escaped(&diagnostic.cause), remedy: escaped(&diagnostic.remedy), path }
    }
}

fn group<'a>(
    level: &Level<'static>,
    texts: &'a EscapedTexts<'_>,
    diagnostic: &Diagnostic,
    line: Option<(&'a str, Range<usize>)>,
) -> Group<'a> {
    let title = level.clone().primary_title(&*texts.cause).id(diagnostic.code);
    let help = Level::HELP.message(&*texts.remedy);
    let origin = Origin::path(&*texts.path);
    let origin = match (diagnostic.place.source(), line) {
        (Some(location), Some((text, mark))) => {
            let snippet = Snippet::source(text).line_start(location.line as usize).path(&*texts.path);
            return title.element(snippet.annotation(AnnotationKind::Primary.span(mark))).element(help);
        }
        (Some(location), None) if location.line > 0 => {
            origin.line(location.line as usize).char_column(location.column as usize)
        }
        _ => origin,
    };
    title.element(origin).element(Padding).element(help)
}

/// The first line of the location's span, and the range of bytes to mark in it; `None` if the span is unknown or the
/// line is too long to be shown.
fn marked_line<'t>(location: &SourceLocation, text: &'t str) -> Option<(&'t str, Range<usize>)> {
    let span = location.span.clone()?;
    let before = text.get(..span.start)?;
    let start = before.rfind('\n').map_or(0, |at| at + 1);
    let line = text.get(start..)?.split('\n').next().filter(|line| line.len() <= MAX_LINE_LENGTH)?;
    let line = line.strip_suffix('\r').unwrap_or(line);
    let from = (span.start - start).min(line.len());
    let to = (span.end.saturating_sub(start)).clamp(from, line.len());
    Some((line, from..to))
}
