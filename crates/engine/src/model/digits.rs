//! Formats numbers for display, and rounds them.

/// Formats a number with at most six decimals and without trailing zeros, as in rules and test cases.
#[must_use]
pub fn decimal(number: f64) -> String {
    without_trailing_zeros(format!("{number:.6}"))
}

/// Formats a number with four significant digits, or more if its integer part has more, but with at most six decimals
/// and without trailing zeros.
#[must_use]
pub fn short(number: f64) -> String {
    let decimals = (3.0 - libm::log10(number.abs()).floor()).clamp(0.0, 6.0) as usize;
    without_trailing_zeros(format!("{number:.decimals$}"))
}

/// Formats a number like [`short`], with a plus sign if it is positive.
#[must_use]
pub fn signed(number: f64) -> String {
    let text = short(number);
    if text == "0" || text.starts_with('-') { text } else { format!("+{text}") }
}

/// Rounds to the given number of decimals, at most 9.
#[must_use]
pub fn rounded(number: f64, decimals: u32) -> f64 {
    let scale = f64::from(10_u32.pow(decimals.min(9)));
    (number * scale).round() / scale
}

fn without_trailing_zeros(text: String) -> String {
    let trimmed = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    if trimmed == "-0" { "0".to_owned() } else { trimmed.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_formatted_without_trailing_zeros() {
        assert_eq!(
            [0.5, 12.0, 1.0 / 3.0, 0.0, -1e-9, 1200.0].map(decimal),
            ["0.5", "12", "0.333333", "0", "0", "1200"]
        );
        let shortened = [12_800.4, 731.476, 12.34, 1.0367, 0.0549, 0.008_415_2, 1.0, 0.0, 99.9996].map(short);
        assert_eq!(shortened, ["12800", "731.5", "12.34", "1.037", "0.0549", "0.008415", "1", "0", "100"]);
        assert_eq!([0.9, 0.0, -0.05].map(signed), ["+0.9", "0", "-0.05"]);
    }

    #[test]
    fn a_number_is_rounded_to_the_given_decimals() {
        assert_eq!((rounded(0.123_456, 2), rounded(-2.5, 0)), (0.12, -3.0));
    }
}
