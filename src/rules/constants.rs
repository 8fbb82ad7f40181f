//! What the code of a function writes out: numbers and names. Where an answer changes, one of them is
//! mostly near.

use std::collections::BTreeSet;

use super::variant::numbers_in;

/// Numbers and names in the code of a function.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Constants {
    /// Numbers, ascending, each once.
    pub numbers: Vec<f64>,
    /// Texts in quotes that could be the name of something: a few words.
    pub names: BTreeSet<String>,
}

impl Constants {
    /// The constants of a code without comments.
    pub(super) fn of(code: &str) -> Self {
        let numbers = numbers_in(code).into_iter().filter_map(|range| code.get(range));
        let mut numbers: Vec<f64> = numbers.filter_map(|text| text.replace('_', "").parse().ok()).collect();
        numbers.sort_by(f64::total_cmp);
        numbers.dedup();
        let names = code.split('"').skip(1).step_by(2).filter(|text| is_name(text)).map(str::to_owned).collect();
        Self { numbers, names }
    }
}

fn is_name(text: &str) -> bool {
    const LONGEST: usize = 64;
    const MOST_WORDS: usize = 3;
    (1..=LONGEST).contains(&text.len()) && text.split_whitespace().count() <= MOST_WORDS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_names_are_found_and_sentences_are_not() {
        let code = r#"fn f(post, ctx) { if ctx.industry == "law firm" && post.hour >= 15 { return block("no posts on that afternoon", "wait"); } post.fatigue > 0.25 }"#;
        let constants = Constants::of(code);
        assert_eq!(constants.numbers, [0.25, 15.0]);
        assert_eq!(constants.names, BTreeSet::from(["law firm".to_owned(), "wait".to_owned()]));
    }
}
