//! The literals in a function's code: numbers and possible names. The function's result mostly changes at or near one
//! of them.

use std::collections::BTreeSet;

use super::pack_mutant::numbers_in;

/// The literals in a function's code.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Constants {
    /// Numbers; may contain duplicates.
    pub numbers: Vec<f64>,
    /// Texts short enough to be names.
    pub names: BTreeSet<String>,
}

impl Constants {
    /// The literals in the cases of a `switch`, of which the AST keeps only hashes. They are extracted from the source
    /// text. Literals from elsewhere in the text are included too, which does no harm.
    pub(super) fn in_switch_cases(code: &str) -> Self {
        let mut constants = Self::default();
        if code.contains("switch ") || code.contains("switch(") {
            let numbers = numbers_in(code).into_iter().filter_map(|range| code.get(range));
            constants.numbers = numbers.filter_map(|text| text.replace('_', "").parse().ok()).collect();
            code.split('"').for_each(|text| constants.add_name(text));
        }
        constants
    }

    /// Adds a text if it is short enough to be a name.
    pub(super) fn add_name(&mut self, text: &str) {
        const MAX_BYTES: usize = 64;
        const MAX_WORDS: usize = 3;
        if (1..=MAX_BYTES).contains(&text.len()) && text.split_whitespace().count() <= MAX_WORDS {
            self.names.insert(text.to_owned());
        }
    }

    /// Adds the literals of another function.
    pub(super) fn add(&mut self, other: &Self) {
        self.numbers.extend(&other.numbers);
        self.names.extend(other.names.iter().cloned());
    }
}

#[cfg(test)]
mod tests {
    use super::super::load::tests::default_files;
    use super::super::{CompiledRules, load};
    use super::*;

    fn constants(function: &str) -> Constants {
        let mut files = default_files();
        files.get_mut("guardrails.toml").unwrap().push_str("[house]\nscope = \"post\"\nconflict = \"policy\"\n");
        files.insert("house.rhai".to_owned(), function.to_owned());
        CompiledRules::compile(load(files).unwrap()).unwrap().constants("house")
    }

    #[test]
    fn numbers_and_names_are_found_however_they_are_written() {
        let found = constants(
            "fn house(post, ctx) {\n    if ctx.industry == `law firm` && post.fatigue > 0.5-0.1 {\n        \
             return block(\"say \\\"no\\\", see https://example.org/a for why not\", \"wait\");\n    }\n    \
             if is_late(post) { return warn(\"it is rather late for that\", \"wait\"); }\n    pass()\n}\n\
             fn is_late(post) { post.hour >= 15 }\n",
        );
        assert!([0.5, 0.1, 15.0].iter().all(|number| found.numbers.contains(number)), "{found:?}");
        let names: Vec<&str> = found.names.iter().map(String::as_str).collect();
        assert_eq!(names, ["law firm", "wait"]);
    }

    #[test]
    fn the_cases_of_a_switch_are_found() {
        let found = constants(
            "fn house(post, ctx) {\n    switch ctx.industry {\n        \"bank\" => warn(\"a bank may not do so\", \
             \"ask\"),\n        _ => pass()\n    }\n}\n",
        );
        assert!(found.names.contains("bank"), "{found:?}");
    }
}
