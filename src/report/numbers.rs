//! Numbers as the report prints them: the one place where they are rounded and spelt.
//!
//! Nothing here computes a result. What is not a finite number is printed as a dash.

/// Stands for a number that there is none of.
pub const NONE: &str = "–";

/// Keeps a number and its unit on one line.
const NO_BREAK: char = '\u{a0}';

/// A count, or a mean of counts: with one decimal below 10, whole up to a million with thousands set
/// apart by commas, with three figures from there.
pub fn count(value: f64) -> String {
    if !value.is_finite() {
        return NONE.to_owned();
    }
    let size = value.abs();
    let digits = if size == 0.0 {
        "0".to_owned()
    } else if size < 0.05 {
        format!("<{NO_BREAK}0.1")
    } else if size < 9.95 && size.fract() != 0.0 {
        format!("{size:.1}")
    } else if size >= 999_999.5 {
        large(size)
    } else {
        grouped(size.round())
    };
    format!("{}{digits}", minus(value))
}

/// A whole number, thousands set apart by commas.
pub fn whole(value: u64) -> String {
    grouped(value as f64)
}

/// A score in `0..=1`, with two decimals.
pub fn score(value: f64) -> String {
    if value.is_finite() { format!("{}{:.2}", minus(value), value.abs()) } else { NONE.to_owned() }
}

/// A part of a whole; none where there is no whole.
pub fn share(part: f64, whole: f64) -> Option<f64> {
    (whole > 0.0 && part.is_finite()).then(|| part / whole)
}

/// A share in per cent: with one decimal below 10 % and just under 100 %, so that a little never
/// reads as nothing and nearly all never as all.
pub fn percent(share: Option<f64>) -> String {
    let Some(percent) = share.map(|share| share * 100.0).filter(|percent| percent.is_finite()) else {
        return NONE.to_owned();
    };
    let size = percent.abs();
    let digits = if size == 0.0 || size == 100.0 {
        format!("{size:.0}")
    } else if size < 0.05 {
        format!("<{NO_BREAK}0.1")
    } else if size > 99.95 && size < 100.0 {
        format!(">{NO_BREAK}99.9")
    } else if size < 9.95 || (99.5..100.0).contains(&size) {
        format!("{size:.1}")
    } else {
        grouped(size.round())
    };
    format!("{}{digits}{NO_BREAK}%", minus(percent))
}

/// A share by which something changed, in per cent, with its sign.
pub fn change(share: Option<f64>) -> String {
    signed(share.unwrap_or(f64::NAN), percent(share))
}

/// A count by which something changed, with its sign.
pub fn count_change(value: f64) -> String {
    signed(value, count(value))
}

/// How far something changed, in words: `2.1 % more`, `18 % less`.
pub fn more_or_less(change: f64, show: impl Fn(f64) -> String) -> String {
    format!("{} {}", show(change.abs()), if change < 0.0 { "less" } else { "more" })
}

/// Between which ends something changed, in words: `2.1 % to 3.4 % more`, the smaller change first, or
/// `between 1.2 % less and 0.8 % more`.
pub fn between([low, high]: [f64; 2], show: impl Fn(f64) -> String) -> String {
    if low < 0.0 && high > 0.0 {
        return format!("between {} and {}", more_or_less(low, &show), more_or_less(high, &show));
    }
    let (near, far) = if high <= 0.0 { (high, low) } else { (low, high) };
    let (from, to) = (show(near.abs()), more_or_less(far, &show));
    if to.starts_with(&format!("{from} ")) { to } else { format!("{from} to {to}") }
}

/// A p value with three decimals.
pub fn p_value(p: Option<f64>) -> String {
    match p {
        Some(p) if p < 0.001 => format!("<{NO_BREAK}0.001"),
        Some(p) if p.is_finite() => format!("{p:.3}"),
        _ => NONE.to_owned(),
    }
}

/// Two counts as a range.
pub fn range([low, high]: [f64; 2]) -> String {
    format!("{} to {}", count(low), count(high))
}

/// How a value lies against a reference: `5 % above`, `as`; none where the reference is next to nothing.
pub fn against(value: f64, reference: f64) -> Option<String> {
    if reference < crate::stats::NEXT_TO_NOTHING * value {
        return None;
    }
    let change = share(value - reference, reference)?;
    if change.abs() < 0.0005 {
        return Some("as".to_owned());
    }
    let direction = if change > 0.0 { "above" } else { "below" };
    Some(format!("{} {direction}", percent(Some(change.abs()))))
}

/// A noun in the number that fits the count.
pub fn of_things(amount: f64, one: &str, many: &str) -> String {
    let shown = count(amount);
    let noun = if shown == "1" { one } else { many };
    format!("{shown}{NO_BREAK}{noun}")
}

/// A tick of an axis whose steps are `step` wide.
pub fn tick(value: f64, step: f64) -> String {
    let decimals = (-step.log10().floor()).clamp(0.0, 3.0);
    if decimals > 0.0 && step.fract() != 0.0 {
        return format!("{}{:.*}", minus(value), decimals as usize, value.abs());
    }
    let digits = match value.abs() {
        size if size >= 1e9 => format!("{}{NO_BREAK}bn", trimmed(size / 1e9)),
        size if size >= 1e6 => format!("{}{NO_BREAK}M", trimmed(size / 1e6)),
        size if size >= 1e5 => format!("{}{NO_BREAK}k", trimmed(size / 1e3)),
        size => grouped(size.round()),
    };
    format!("{}{digits}", minus(value))
}

/// Three figures of a large number, with its unit.
fn large(size: f64) -> String {
    let (value, unit) = if size >= 999.5e6 { (size / 1e9, "bn") } else { (size / 1e6, "M") };
    match value {
        value if value < 9.995 => format!("{value:.2}{NO_BREAK}{unit}"),
        value if value < 99.95 => format!("{value:.1}{NO_BREAK}{unit}"),
        value => format!("{}{NO_BREAK}{unit}", grouped(value.round())),
    }
}

fn trimmed(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}

fn signed(value: f64, text: String) -> String {
    if value > 0.0 && text != "0" { format!("+{text}") } else { text }
}

fn minus(value: f64) -> &'static str {
    if value < 0.0 { "−" } else { "" }
}

fn grouped(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_rounded_to_what_a_reader_can_use() {
        let shown = [0.0, 0.01, 0.26, 1.0, 3.449, 9.96, 999.5, 7632.4, 234_567.0, -12.0].map(count);
        assert_eq!(shown, ["0", "<\u{a0}0.1", "0.3", "1", "3.4", "10", "1,000", "7,632", "234,567", "−12"]);
        let large = [999_999.7, 2_499_220.0, 99_960_000.0, 999_700_000.0, 4.2e12].map(count);
        let expected = ["1.00\u{a0}M", "2.50\u{a0}M", "100\u{a0}M", "1.00\u{a0}bn", "4,200\u{a0}bn"];
        assert_eq!(large, expected);
    }

    #[test]
    fn a_number_that_is_none_is_a_dash() {
        assert_eq!(count(f64::NAN), NONE);
        assert_eq!(count(f64::INFINITY), NONE);
        assert_eq!(score(f64::NAN), NONE);
        assert_eq!(percent(share(1.0, 0.0)), NONE);
        assert_eq!(percent(share(f64::NAN, 2.0)), NONE);
    }

    #[test]
    fn little_never_reads_as_nothing_and_nearly_all_never_as_all() {
        let shown = [0.0, 0.0001, 0.0123, 0.0996, 0.5, 0.9961, 0.99999, 1.0].map(|share| percent(Some(share)));
        let expected = ["0", "<\u{a0}0.1", "1.2", "10", "50", "99.6", ">\u{a0}99.9", "100"];
        assert_eq!(shown, expected.map(|digits| format!("{digits}\u{a0}%")));
    }

    #[test]
    fn a_comparison_says_which_way() {
        assert_eq!(against(95.0, 100.0).as_deref(), Some("5.0\u{a0}% below"));
        assert_eq!(against(120.0, 100.0).as_deref(), Some("20\u{a0}% above"));
        assert_eq!(against(100.0, 100.0).as_deref(), Some("as"));
        assert_eq!(against(100.0, 0.0), None);
        assert_eq!(against(100.0, 5.0).as_deref(), Some("1,900\u{a0}% above"));
        assert_eq!(against(100.0, 4.9), None);
    }

    #[test]
    fn a_change_says_how_much_more_or_less() {
        assert_eq!(change(Some(0.027)), "+2.7\u{a0}%");
        assert_eq!(change(Some(-0.18)), "−18\u{a0}%");
        assert_eq!((change(Some(0.0)), change(None)), ("0\u{a0}%".to_owned(), NONE.to_owned()));
        assert_eq!((count_change(12.0), count_change(0.0)), ("+12".to_owned(), "0".to_owned()));
        let shown = |ends| between(ends, |share| percent(Some(share)));
        assert_eq!(shown([0.021, 0.034]), "2.1\u{a0}% to 3.4\u{a0}% more");
        assert_eq!(shown([-0.034, -0.021]), "2.1\u{a0}% to 3.4\u{a0}% less");
        assert_eq!(shown([-0.012, 0.008]), "between 1.2\u{a0}% less and 0.8\u{a0}% more");
        assert_eq!(shown([0.18, 0.18]), "18\u{a0}% more");
    }

    #[test]
    fn a_p_value_never_reads_as_nothing() {
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
