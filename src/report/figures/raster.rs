//! Pixels from a drawing, with the fonts that are built in and no others.

use std::sync::Arc;

use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{Options, Tree, fontdb};

use super::Figure;
use crate::report::ReportError;

/// Pixels of the picture to one of the page.
const SCALE: f32 = 2.0;

/// Turns drawings into PNG files.
#[derive(Debug)]
pub struct Raster {
    options: Options<'static>,
}

impl Raster {
    /// Loads the fonts; the machine's own are not looked at.
    pub fn new() -> Self {
        let mut fonts = fontdb::Database::new();
        for bytes in [dejavu::sans::regular(), dejavu::sans::bold()] {
            fonts.load_font_source(fontdb::Source::Binary(Arc::new(bytes)));
        }
        Self { options: Options { fontdb: Arc::new(fonts), ..Options::default() } }
    }

    /// The figure as a PNG file of twice the page's pixels.
    ///
    /// # Errors
    /// Where the drawing is not an SVG, or too large to hold.
    pub fn png(&self, figure: &Figure) -> Result<Vec<u8>, ReportError> {
        let failed = |cause: String| ReportError::Picture { figure: figure.name, cause };
        let tree = self.parse(figure.name, &figure.svg)?;
        let size = tree.size();
        let (width, height) = ((size.width() * SCALE).ceil() as u32, (size.height() * SCALE).ceil() as u32);
        let mut pixels = Pixmap::new(width, height).ok_or_else(|| failed(format!("{width} x {height} pixels")))?;
        resvg::render(&tree, Transform::from_scale(SCALE, SCALE), &mut pixels.as_mut());
        pixels.encode_png().map_err(|error| failed(error.to_string()))
    }

    /// Reads a drawing back.
    ///
    /// # Errors
    /// Where it is not an SVG.
    pub fn parse(&self, figure: &'static str, svg: &str) -> Result<Tree, ReportError> {
        Tree::from_str(svg, &self.options).map_err(|error| ReportError::Picture { figure, cause: error.to_string() })
    }
}
