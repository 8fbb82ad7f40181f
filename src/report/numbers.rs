//! Formats numbers for reports; only here are they rounded. Numbers that are not finite are shown as a dash.

/// Printed in place of a missing number.
pub const NONE: &str = "–";

/// Printed for a value that equals its reference.
pub const EQUAL: &str = "equal";

/// Maximum number of extra digits to distinguish the ends of a range.
const MAX_EXTRA_DIGITS: usize = 6;

/// Keeps a number and its unit on one line.
const NO_BREAK: char = '\u{a0}';

/// A count, or a mean of counts: one significant digit below 0.1, one decimal below 10, a whole number with thousands
/// separators below a million, and three significant digits from a million on.
pub fn count(value: f64) -> String {
    count_to(value, 0)
}

/// A count with extra digits.
pub fn count_to(value: f64, extra_digits: usize) -> String {
    if !value.is_finite() {
        return NONE.to_owned();
    }
    let size = value.abs();
    let digits = if size == 0.0 || ((1.0..9.95).contains(&size) && size.fract() == 0.0) {
        format!("{size:.0}")
    } else if size < 9.95 {
        decimal(size, 1 + extra_digits)
    } else if size >= 999_999.5 {
        with_unit(size, extra_digits)
    } else {
        with_separators(size, extra_digits)
    };
    with_sign(value, digits)
}

/// A whole number with thousands separators.
pub fn whole(value: u64) -> String {
    with_separators(value as f64, 0)
}

/// A score in `0..=1`, with two decimals.
pub fn score(value: f64) -> String {
    if value.is_finite() { with_sign(value, format!("{:.2}", value.abs())) } else { NONE.to_owned() }
}

/// A part as a share of a whole; `None` if the whole is not positive.
pub fn share(part: f64, whole: f64) -> Option<f64> {
    (whole > 0.0 && part.is_finite()).then(|| part / whole)
}

/// A share in per cent: with one decimal below 10 % and just below 100 %, so that a small share never reads as 0 % and
/// a large one never as 100 %.
pub fn percent(share: Option<f64>) -> String {
    percent_to(share, 0)
}

/// A share in per cent with extra digits.
pub fn percent_to(share: Option<f64>, extra_digits: usize) -> String {
    let Some(percent) = share.map(|share| share * 100.0).filter(|percent| percent.is_finite()) else {
        return NONE.to_owned();
    };
    let size = percent.abs();
    let digits = if size == 0.0 || size == 100.0 {
        format!("{size:.0}")
    } else if size > 99.95 && size < 100.0 && extra_digits == 0 {
        format!(">{NO_BREAK}99.9")
    } else if size < 9.95 || (99.5..100.0).contains(&size) {
        decimal(size, 1 + extra_digits)
    } else {
        with_separators(size, extra_digits)
    };
    format!("{}{NO_BREAK}%", with_sign(percent, digits))
}

/// A relative change in per cent, with its sign.
pub fn change(share: Option<f64>) -> String {
    signed(share.unwrap_or(f64::NAN), percent(share))
}

/// A change of a count, with its sign.
pub fn count_change(value: f64) -> String {
    signed(value, count(value))
}

/// The range of a relative change in per cent, with signs.
pub fn change_range(ends: [f64; 2]) -> String {
    let [low, high] = distinguished(ends, |share, digits| signed(share, percent_to(Some(share), digits)));
    format!("{low} to {high}")
}

/// The range of a change of a count, with signs.
pub fn count_change_range(ends: [f64; 2]) -> String {
    let [low, high] = distinguished(ends, |value, digits| signed(value, count_to(value, digits)));
    format!("{low} to {high}")
}

/// A change in words: `2.1 % more`, `18 % less`. `show` formats the size of the change.
pub fn more_or_less(change: f64, show: impl Fn(f64) -> String) -> String {
    format!("{} {}", show(change.abs()), direction(change))
}

/// The range of a change in words: `2.1 % to 3.4 % more`, the smaller change first, or
/// `between 1.2 % less and 0.8 % more`. `show` formats a size with the given number of extra digits.
pub fn between([low, high]: [f64; 2], show: impl Fn(f64, usize) -> String) -> String {
    if low < 0.0 && high > 0.0 {
        let end = |change| more_or_less(change, |size| show(size, 0));
        return format!("between {} and {}", end(low), end(high));
    }
    let (near, far) = if high <= 0.0 { (high, low) } else { (low, high) };
    let [from, to] = distinguished([near.abs(), far.abs()], show);
    let ends = if from == to { to } else { format!("{from} to {to}") };
    format!("{ends} {}", direction(far))
}

fn direction(change: f64) -> &'static str {
    if change < 0.0 { "less" } else { "more" }
}

/// A p-value with three decimals.
pub fn p_value(p: Option<f64>) -> String {
    match p {
        Some(p) if p < 0.001 => format!("<{NO_BREAK}0.001"),
        Some(p) if p.is_finite() => format!("{p:.3}"),
        _ => NONE.to_owned(),
    }
}

/// Two counts as a range.
pub fn range(ends: [f64; 2]) -> String {
    let [low, high] = distinguished(ends, count_to);
    format!("{low} to {high}")
}

/// The two ends of a range, with the fewest digits that distinguish them.
fn distinguished(ends: [f64; 2], show: impl Fn(f64, usize) -> String) -> [String; 2] {
    let [low, high] = ends;
    let max_extra_digits = if low == high { 0 } else { MAX_EXTRA_DIGITS };
    let shown = |extra_digits| ends.map(|end| show(end, extra_digits));
    (0..=max_extra_digits).map(shown).find(|[low, high]| low != high).unwrap_or_else(|| shown(0))
}

/// A value relative to a reference: `5 % above`, `5 % below` or [`EQUAL`]; `None` if the reference is close to zero.
pub fn above_or_below(value: f64, reference: f64) -> Option<String> {
    if reference < crate::stats::MIN_BASE_RATIO * value {
        return None;
    }
    let change = share(value - reference, reference)?;
    if change.abs() < 0.0005 {
        return Some(EQUAL.to_owned());
    }
    let direction = if change > 0.0 { "above" } else { "below" };
    Some(format!("{} {direction}", percent(Some(change.abs()))))
}

/// A count with its noun, in singular or plural.
pub fn count_with_noun(amount: f64, singular: &str, plural: &str) -> String {
    let shown = count(amount);
    let noun = if shown == "1" { singular } else { plural };
    format!("{shown}{NO_BREAK}{noun}")
}

/// The label of a tick on an axis with steps of `step`.
pub fn tick(value: f64, step: f64) -> String {
    let decimals = (-libm::log10(step).floor()).clamp(0.0, 3.0);
    if decimals > 0.0 && step.fract() != 0.0 {
        return with_sign(value, format!("{:.*}", decimals as usize, value.abs()));
    }
    let digits = match value.abs() {
        size if size >= 1e9 => format!("{}{NO_BREAK}bn", without_zero_decimal(size / 1e9)),
        size if size >= 1e6 => format!("{}{NO_BREAK}M", without_zero_decimal(size / 1e6)),
        size if size >= 1e5 => format!("{}{NO_BREAK}k", without_zero_decimal(size / 1e3)),
        size => with_separators(size, 0),
    };
    with_sign(value, digits)
}

/// A number with the given decimals, or with as many as it takes to show its first significant digit. Rounding errors
/// are printed as 0.
fn decimal(size: f64, decimals: usize) -> String {
    if size < 1e-9 {
        return "0".to_owned();
    }
    let first = (-libm::log10(size).floor()).max(0.0) as usize;
    format!("{size:.*}", decimals.max(first))
}

/// A number of a million or more with three significant digits, extra digits, and the unit M or bn.
fn with_unit(size: f64, extra_digits: usize) -> String {
    let (value, unit) = if size >= 999.5e6 { (size / 1e9, "bn") } else { (size / 1e6, "M") };
    let digits = match value {
        value if value < 9.995 => format!("{value:.*}", 2 + extra_digits),
        value if value < 99.95 => format!("{value:.*}", 1 + extra_digits),
        value => with_separators(value, extra_digits),
    };
    format!("{digits}{NO_BREAK}{unit}")
}

/// A number with one decimal, or none if that is 0.
fn without_zero_decimal(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}

/// A text with a plus sign if its number is positive.
fn signed(value: f64, text: String) -> String {
    if value > 0.0 && !is_zero(&text) { format!("+{text}") } else { text }
}

/// Digits with the sign of their number; zero has none.
fn with_sign(value: f64, digits: String) -> String {
    if value < 0.0 && !is_zero(&digits) { format!("\u{2212}{digits}") } else { digits }
}

fn is_zero(digits: &str) -> bool {
    !digits.contains(|c: char| ('1'..='9').contains(&c))
}

/// A number with the given decimals and thousands separators.
fn with_separators(value: f64, decimals: usize) -> String {
    let digits = format!("{value:.decimals$}");
    let (whole, rest) = digits.split_at(digits.find('.').unwrap_or(digits.len()));
    let mut text = String::with_capacity(digits.len() + whole.len() / 3);
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_rounded() {
        let shown = [0.0, 0.012, 0.26, 1.0, 3.449, 9.96, 999.5, 7632.4, 234_567.0, -12.0].map(count);
        assert_eq!(shown, ["0", "0.01", "0.3", "1", "3.4", "10", "1,000", "7,632", "234,567", "−12"]);
        let large = [999_999.7, 2_499_220.0, 99_960_000.0, 999_700_000.0, 4.2e12].map(count);
        let expected = ["1.00\u{a0}M", "2.50\u{a0}M", "100\u{a0}M", "1.00\u{a0}bn", "4,200\u{a0}bn"];
        assert_eq!(large, expected);
    }

    #[test]
    fn invalid_numbers_are_shown_as_a_dash() {
        assert_eq!(count(f64::NAN), NONE);
        assert_eq!(count(f64::INFINITY), NONE);
        assert_eq!(score(f64::NAN), NONE);
        assert_eq!(percent(share(1.0, 0.0)), NONE);
        assert_eq!(percent(share(f64::NAN, 2.0)), NONE);
    }

    #[test]
    fn small_shares_are_not_shown_as_0_nor_large_ones_as_100_percent() {
        let shown = [0.0, 0.0001, 0.0123, 0.0996, 0.5, 0.9961, 0.99999, 1.0].map(|share| percent(Some(share)));
        let expected = ["0", "0.01", "1.2", "10", "50", "99.6", ">\u{a0}99.9", "100"];
        assert_eq!(shown, expected.map(|digits| format!("{digits}\u{a0}%")));
    }

    #[test]
    fn a_comparison_with_a_reference_has_a_direction() {
        assert_eq!(above_or_below(95.0, 100.0).as_deref(), Some("5.0\u{a0}% below"));
        assert_eq!(above_or_below(120.0, 100.0).as_deref(), Some("20\u{a0}% above"));
        assert_eq!(above_or_below(100.0, 100.0).as_deref(), Some(EQUAL));
        assert_eq!(above_or_below(100.0, 0.0), None);
        assert_eq!(above_or_below(100.0, 5.0).as_deref(), Some("1,900\u{a0}% above"));
        assert_eq!(above_or_below(100.0, 4.9), None);
    }

    #[test]
    fn changes_have_signs_or_directions() {
        assert_eq!(change(Some(0.027)), "+2.7\u{a0}%");
        assert_eq!(change(Some(-0.18)), "−18\u{a0}%");
        assert_eq!((change(Some(0.0)), change(None)), ("0\u{a0}%".to_owned(), NONE.to_owned()));
        assert_eq!((count_change(12.0), count_change(0.0)), ("+12".to_owned(), "0".to_owned()));
        let shown = |ends| between(ends, |share, digits| percent_to(Some(share), digits));
        assert_eq!(shown([0.021, 0.034]), "2.1\u{a0}% to 3.4\u{a0}% more");
        assert_eq!(shown([-0.034, -0.021]), "2.1\u{a0}% to 3.4\u{a0}% less");
        assert_eq!(shown([-0.012, 0.008]), "between 1.2\u{a0}% less and 0.8\u{a0}% more");
        assert_eq!(shown([0.18, 0.18]), "18\u{a0}% more");
    }

    #[test]
    fn the_ends_of_a_range_are_distinguishable_and_zero_has_no_sign() {
        assert_eq!(range([4234.2, 4234.4]), "4,234.2 to 4,234.4");
        assert_eq!(range([4_234_000.0, 4_234_900.0]), "4.234\u{a0}M to 4.235\u{a0}M");
        assert_eq!(range([3.0, 3.0]), "3 to 3");
        assert_eq!(change_range([-0.0004, -0.0002]), "−0.04\u{a0}% to −0.02\u{a0}%");
        assert_eq!(change_range([0.1234, 0.1236]), "+12.3\u{a0}% to +12.4\u{a0}%");
        assert_eq!(
            between([0.021_1, 0.021_2], |share, digits| percent_to(Some(share), digits)),
            "2.11\u{a0}% to 2.12\u{a0}% more"
        );
        let zeros =
            [count(-0.0), count(-1e-12), count_change(1e-12), score(-0.001), change(Some(-0.0)), tick(-0.0, 1.0)];
        assert_eq!(zeros, ["0", "0", "0", "0.00", "0\u{a0}%", "0"]);
    }

    #[test]
    fn small_p_values_are_not_shown_as_0() {
        let shown = [Some(0.0), Some(0.0004), Some(0.04), Some(1.0), None].map(p_value);
        assert_eq!(shown, ["<\u{a0}0.001", "<\u{a0}0.001", "0.040", "1.000", NONE]);
    }

    #[test]
    fn ticks_have_the_decimals_of_their_step() {
        assert_eq!(tick(0.25, 0.05), "0.25");
        assert_eq!(tick(1500.0, 500.0), "1,500");
        assert_eq!(tick(2.5, 0.5), "2.5");
        assert_eq!(tick(25_000_000.0, 5_000_000.0), "25\u{a0}M");
        assert_eq!(tick(1_500_000.0, 500_000.0), "1.5\u{a0}M");
        assert_eq!(tick(50_000.0, 50_000.0), "50,000");
        assert_eq!((tick(-0.5, 0.5), tick(-200.0, 100.0)), ("−0.5".to_owned(), "−200".to_owned()));
    }
}
