//! Drawing primitives: shapes and text in pixels of the page, through plotters' SVG backend.

use std::sync::LazyLock;

use plotters::backend::SVGBackend;
use plotters::coord::Shift;
use plotters::drawing::{DrawingArea, IntoDrawingArea};
use plotters::element::{Circle, DashedPathElement, PathElement, Polygon, Rectangle};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, FontFamily, FontStyle, RGBAColor, RGBColor, ShapeStyle, TextStyle, register_font};

use super::palette::{INK, MUTED};
use crate::report::ReportError;

/// Width of every figure, in pixels of the page.
pub const WIDTH: f64 = 880.0;

/// Drawing units per pixel of the page.
const UNITS_PER_PIXEL: f64 = 10.0;

/// The font in which widths are measured, then fallbacks that are no wider.
const FONTS: &str = "DejaVu Sans, Verdana, Segoe UI, Helvetica, Arial, sans-serif";

/// The backend divides a font's size by this before writing it.
const BACKEND_FONT_RATIO: f64 = 1.24;

/// The backend measures a text as if its undivided size were the height of the font, ascent plus descent. The width
/// comes out too large by at least this factor.
const BACKEND_WIDTH_RATIO: f64 = 1.05;

static FONTS_REGISTERED: LazyLock<bool> = LazyLock::new(|| {
    register_font(FONTS, FontStyle::Normal, dejavu::sans::regular()).is_ok()
        && register_font(FONTS, FontStyle::Bold, dejavu::sans::bold()).is_ok()
});

/// A rectangle, in pixels of the page.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Frame {
    /// Left edge.
    pub left: f64,
    /// Upper edge.
    pub top: f64,
    /// Right edge.
    pub right: f64,
    /// Lower edge.
    pub bottom: f64,
}

impl Frame {
    /// Its width.
    pub fn width(self) -> f64 {
        self.right - self.left
    }

    /// Its height.
    pub fn height(self) -> f64 {
        self.bottom - self.top
    }
}

/// Style of a text and its horizontal anchor; vertically it is always centred.
#[derive(Clone, Copy)]
pub struct LabelStyle {
    size: f64,
    bold: bool,
    colour: RGBColor,
    anchor: HPos,
}

impl LabelStyle {
    /// A figure's title.
    pub const TITLE: Self = Self { size: 16.0, bold: true, colour: INK, anchor: HPos::Left };
    /// The heading of a panel, or of a group of rows.
    pub const HEADING: Self = Self { size: 13.0, bold: true, colour: INK, anchor: HPos::Left };
    /// Primary labels.
    pub const BODY: Self = Self { size: 12.5, bold: false, colour: INK, anchor: HPos::Left };
    /// Ticks, axes, notes.
    pub const NOTE: Self = Self { size: 12.0, bold: false, colour: MUTED, anchor: HPos::Left };
    /// The smallest text.
    pub const FINE: Self = Self { size: 11.0, bold: false, colour: MUTED, anchor: HPos::Left };

    /// Anchors the text at its middle.
    pub const fn centred(self) -> Self {
        Self { anchor: HPos::Center, ..self }
    }

    /// Anchors the text at its right end.
    pub const fn right_aligned(self) -> Self {
        Self { anchor: HPos::Right, ..self }
    }

    /// Sets the colour.
    pub const fn coloured(self, colour: RGBColor) -> Self {
        Self { colour, ..self }
    }

    fn style(self) -> TextStyle<'static> {
        let weight = if self.bold { FontStyle::Bold } else { FontStyle::Normal };
        let size = self.size * UNITS_PER_PIXEL * BACKEND_FONT_RATIO;
        TextStyle {
            color: self.colour.to_backend_color(),
            pos: Pos::new(self.anchor, VPos::Center),
            ..TextStyle::from((FontFamily::Name(FONTS), size, weight))
        }
    }

    /// Width of a text, in pixels of the page; overestimated rather than underestimated.
    pub fn width(self, text: &str) -> f64 {
        self.style()
            .font
            .box_size(text)
            .map_or(0.0, |(width, _)| f64::from(width) / UNITS_PER_PIXEL / BACKEND_WIDTH_RATIO)
    }

    /// The text, truncated with an ellipsis if it is wider than `max_width`; empty if not even the ellipsis fits.
    pub fn shortened(self, text: &str, max_width: f64) -> String {
        if self.width(text) <= max_width {
            return text.to_owned();
        }
        let mut start = text.to_owned();
        while start.pop().is_some() {
            let shortened = format!("{}…", start.trim_end());
            if self.width(&shortened) <= max_width {
                return shortened;
            }
        }
        String::new()
    }
}

/// A drawing in progress.
pub struct Canvas<'a> {
    area: DrawingArea<SVGBackend<'a>, Shift>,
}

impl Canvas<'_> {
    /// Records a drawing: its shapes as SVG elements, without the enclosing document.
    ///
    /// # Errors
    /// If the backend fails, or a built-in font cannot be read.
    pub fn record(
        height: f64,
        drawing: impl FnOnce(&Canvas) -> Result<(), ReportError>,
    ) -> Result<String, ReportError> {
        if !*FONTS_REGISTERED {
            return Err(ReportError::Drawing("a built-in font cannot be read".to_owned()));
        }
        let mut svg = String::new();
        let canvas = Canvas { area: SVGBackend::with_string(&mut svg, drawing_size(height)).into_drawing_area() };
        drawing(&canvas)?;
        canvas.area.present().map_err(drawing_error)?;
        drop(canvas);
        Ok(shapes(&svg))
    }

    /// Draws the figure's title.
    pub fn title(&self, text: &str) -> Result<(), ReportError> {
        let label_style = LabelStyle::TITLE;
        self.text((16.0, 24.0), &label_style.shortened(text, WIDTH - 32.0), label_style)
    }

    /// Draws a filled rectangle; one without width or height is skipped.
    pub fn fill(&self, frame: Frame, colour: impl Into<RGBAColor>) -> Result<(), ReportError> {
        let corners = [point((frame.left, frame.top)), point((frame.right, frame.bottom))];
        if corners[0].0 == corners[1].0 || corners[0].1 == corners[1].1 {
            return Ok(());
        }
        self.area.draw(&Rectangle::new(corners, colour.into().filled())).map_err(drawing_error)
    }

    /// Draws a filled polygon.
    pub fn polygon(&self, corners: &[(f64, f64)], colour: impl Into<RGBAColor>) -> Result<(), ReportError> {
        self.area.draw(&Polygon::new(points(corners), colour.into().filled())).map_err(drawing_error)
    }

    /// Draws a line through points.
    pub fn line(&self, through: &[(f64, f64)], width: f64, colour: impl Into<RGBAColor>) -> Result<(), ReportError> {
        self.area.draw(&PathElement::new(points(through), stroke(width, colour))).map_err(drawing_error)
    }

    /// Draws a dashed line through points.
    pub fn dashes(&self, through: &[(f64, f64)], width: f64, colour: impl Into<RGBAColor>) -> Result<(), ReportError> {
        let (dash, gap) = ((6.0 * UNITS_PER_PIXEL) as i32, (4.0 * UNITS_PER_PIXEL) as i32);
        self.area
            .draw(&DashedPathElement::new(points(through), dash, gap, stroke(width, colour)))
            .map_err(drawing_error)
    }

    /// Draws a dot.
    pub fn dot(&self, centre: (f64, f64), radius: f64, colour: impl Into<RGBAColor>) -> Result<(), ReportError> {
        let radius = (radius * UNITS_PER_PIXEL).round() as i32;
        self.area.draw(&Circle::new(point(centre), radius, colour.into().filled())).map_err(drawing_error)
    }

    /// Draws a line of text.
    pub fn text(&self, position: (f64, f64), text: &str, label_style: LabelStyle) -> Result<(), ReportError> {
        self.area.draw_text(text, &label_style.style(), point(position)).map_err(drawing_error)
    }
}

fn stroke(width: f64, colour: impl Into<RGBAColor>) -> ShapeStyle {
    ShapeStyle { color: colour.into().to_rgba(), filled: false, stroke_width: (width * UNITS_PER_PIXEL).round() as u32 }
}

fn drawing_size(height: f64) -> (u32, u32) {
    ((WIDTH * UNITS_PER_PIXEL) as u32, (height * UNITS_PER_PIXEL).ceil() as u32)
}

fn point((x, y): (f64, f64)) -> (i32, i32) {
    ((x * UNITS_PER_PIXEL).round() as i32, (y * UNITS_PER_PIXEL).round() as i32)
}

fn points(coordinates: &[(f64, f64)]) -> Vec<(i32, i32)> {
    coordinates.iter().copied().map(point).collect()
}

fn drawing_error(error: impl std::fmt::Display) -> ReportError {
    ReportError::Drawing(error.to_string())
}

/// The elements inside the backend's document. Attributes with the default value, or with the same value in every
/// element, are removed; text cannot match them, because its quotes are escaped.
fn shapes(svg: &str) -> String {
    let body = svg.split_once(">\n").map_or("", |(_, body)| body);
    let body = body.trim_end().strip_suffix("</svg>").unwrap_or(body);
    body.replace(" opacity=\"1\"", "").replace(&format!(" font-family=\"{FONTS}\""), "").replace("\n</text>", "</text>")
}

/// The complete document: the shapes on a scalable page, with an accessible name and description.
pub fn document(name: &str, title: &str, caption: &str, height: f64, shapes: &str) -> String {
    let (width_units, height_units) = drawing_size(height);
    let height = f64::from(height_units) / UNITS_PER_PIXEL;
    let (title, caption) = (escaped(title), escaped(caption));
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" \
         viewBox=\"0 0 {width_units} {height_units}\" font-family=\"{FONTS}\" role=\"img\" \
         aria-labelledby=\"{name}-title {name}-caption\">\n\
         <title id=\"{name}-title\">{title}</title>\n<desc id=\"{name}-caption\">{caption}</desc>\n\
         <rect width=\"{width_units}\" height=\"{height_units}\" fill=\"#FFFFFF\"/>\n{shapes}</svg>\n"
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
