//! Renders drawings to pixels with the built-in fonts only.

use std::sync::Arc;

use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{Options, Tree, fontdb};

use super::Figure;
use crate::report::ReportError;

/// Pixels of the image per pixel of the page.
const SCALE: f32 = 2.0;

/// Renders drawings to PNG files.
#[derive(Debug)]
pub struct Raster {
    options: Options<'static>,
}

impl Raster {
    /// Loads the built-in fonts; those of the system are ignored.
    pub fn new() -> Self {
        let mut fonts = fontdb::Database::new();
        for bytes in [dejavu::sans::regular(), dejavu::sans::bold()] {
            fonts.load_font_source(fontdb::Source::Binary(Arc::new(bytes)));
        }
        Self { options: Options { fontdb: Arc::new(fonts), ..Options::default() } }
    }

    /// The figure as a PNG at twice the page's resolution.
    ///
    /// # Errors
    /// If the drawing is not valid SVG, or is too large.
    pub fn png(&self, figure: &Figure) -> Result<Vec<u8>, ReportError> {
        let to_error = |cause: String| ReportError::Picture { figure: figure.name, cause };
        let tree = self.parse(figure.name, &figure.svg)?;
        let size = tree.size();
        let (width, height) = ((size.width() * SCALE).ceil() as u32, (size.height() * SCALE).ceil() as u32);
        let mut pixels = Pixmap::new(width, height).ok_or_else(|| to_error(format!("{width} x {height} pixels")))?;
        resvg::render(&tree, Transform::from_scale(SCALE, SCALE), &mut pixels.as_mut());
        pixels.encode_png().map_err(|error| to_error(error.to_string()))
    }

    /// Parses a drawing.
    ///
    /// # Errors
    /// If it is not valid SVG.
    pub fn parse(&self, figure: &'static str, svg: &str) -> Result<Tree, ReportError> {
        Tree::from_str(svg, &self.options).map_err(|error| ReportError::Picture { figure, cause: error.to_string() })
    }
}
