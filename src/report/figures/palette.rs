//! Colours: Okabe and Ito (2008) for categories, viridis for quantities, greys for the rest. They are distinguishable
//! with colour blindness. On a dark page the neutral colours are swapped.

use plotters::style::RGBColor;
use plotters::style::colors::colormaps::{ColorMap, ViridisRGB};

/// Background.
pub const PAPER: RGBColor = RGBColor(0xFF, 0xFF, 0xFF);
/// Titles, labels, lines that must stand out.
pub const INK: RGBColor = RGBColor(0x1B, 0x20, 0x26);
/// Explanatory text.
pub const MUTED: RGBColor = RGBColor(0x58, 0x62, 0x6D);
/// The line of an axis.
pub const AXIS: RGBColor = RGBColor(0x9A, 0xA4, 0xAE);
/// Grid lines.
pub const GRID: RGBColor = RGBColor(0xE4, 0xE8, 0xEC);
/// An empty cell.
pub const EMPTY: RGBColor = RGBColor(0xF1, 0xF3, 0xF5);

/// Positive outcomes: drafts, engagement; the middle of a distribution.
pub const BLUE: RGBColor = RGBColor(0x00, 0x72, 0xB2);
/// Low risk.
pub const SKY: RGBColor = RGBColor(0x56, 0xB4, 0xE9);
/// A warning: warn threshold, medium risk.
pub const ORANGE: RGBColor = RGBColor(0xE6, 0x9F, 0x00);
/// Negative outcomes: block threshold, blocked posts, high risk.
pub const VERMILLION: RGBColor = RGBColor(0xD5, 0x5E, 0x00);
/// Posts rejected or approved too late.
pub const PURPLE: RGBColor = RGBColor(0xCC, 0x79, 0xA7);

/// A colour of the drawings and its replacement on a dark page.
#[derive(Debug, Clone, Copy)]
pub struct Swap {
    /// The colour in the drawing.
    pub light: RGBColor,
    /// The colour on a dark page.
    pub dark: RGBColor,
}

impl Swap {
    /// Both colours in hexadecimal, as the drawings write them.
    pub fn hex(self) -> [String; 2] {
        [self.light, self.dark].map(|RGBColor(red, green, blue)| format!("#{red:02X}{green:02X}{blue:02X}"))
    }
}

/// Steps of the colour scale for quantities.
pub const AMOUNT_STEPS: usize = 12;

/// The colour of a quantity, `0..=1`, on white paper: viridis from yellow for small to violet for large, so that large
/// values stand out; on a dark page [`dark_swaps`] reverses it.
pub fn amount_colour(share: f64) -> RGBColor {
    let step = (share.clamp(0.0, 1.0) * AMOUNT_STEPS as f64).ceil() as usize;
    viridis(AMOUNT_STEPS.saturating_sub(step.max(1)))
}

/// A step of viridis, from violet to yellow, without its brightest end, which is hard to see on white.
fn viridis(step: usize) -> RGBColor {
    ViridisRGB.get_color(step as f64 / (AMOUNT_STEPS - 1) as f64 * 0.96)
}

/// All colours that change on a dark page.
pub fn dark_swaps() -> Vec<Swap> {
    let amount_swaps =
        (0..AMOUNT_STEPS).map(|step| Swap { light: viridis(step), dark: viridis(AMOUNT_STEPS - 1 - step) });
    NEUTRAL.into_iter().chain(amount_swaps).collect()
}

/// Colours that change on a dark page, except those for quantities.
const NEUTRAL: [Swap; 7] = [
    Swap { light: PAPER, dark: RGBColor(0x1A, 0x1E, 0x24) },
    Swap { light: INK, dark: RGBColor(0xEC, 0xEF, 0xF2) },
    Swap { light: MUTED, dark: RGBColor(0xA9, 0xB3, 0xBE) },
    Swap { light: AXIS, dark: RGBColor(0x6B, 0x76, 0x82) },
    Swap { light: GRID, dark: RGBColor(0x2E, 0x35, 0x3D) },
    Swap { light: EMPTY, dark: RGBColor(0x27, 0x2D, 0x34) },
    Swap { light: BLUE, dark: RGBColor(0x3D, 0x9B, 0xD9) },
];
