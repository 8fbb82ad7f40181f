//! Formatting of random TOML files: it keeps their values and comments, and formatting again changes nothing.

use mcoe::workbench::format;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::Union;

use crate::support::proptest_config;

fn blanks() -> impl Strategy<Value = String> {
    prop_oneof![4 => Just(""), 3 => Just(" "), 1 => Just("\t"), 1 => Just("     ")].prop_map(str::to_owned)
}

fn comment() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => Just(String::new()),
        1 => "#[ a-z=\\[{\"'é…]{0,12}",
    ]
}

/// A line's end, with or without a comment before it.
fn line_end() -> impl Strategy<Value = String> {
    let newline = prop_oneof![5 => Just("\n"), 1 => Just("\r\n"), 1 => Just("\n\n\n"), 1 => Just("\n   \n")];
    (blanks(), comment(), newline).prop_map(|(blanks, comment, newline)| format!("{blanks}{comment}{newline}"))
}

fn scalar() -> impl Strategy<Value = String> {
    let fixed = [
        "0",
        "-17",
        "1_000",
        "0xff",
        "1.50",
        "-3.0e-2",
        "inf",
        "nan",
        "true",
        "2026-11-25",
        "2026-11-25 10:00:00",
        "2026-11-25T10:00:00+11:00",
        "07:30:00",
        "\"a # = [ { \\\" b\"",
        "'lit # [\"'",
        "\"\"\"\n two  \n\n# no comment\n  lines \\\n   \"\"\"",
        "'''  \n\tx = 1 # no\r\n'''",
        "\"é…\"",
    ];
    Union::new(fixed.map(Just)).prop_map(str::to_owned)
}

fn value() -> impl Strategy<Value = String> {
    scalar().prop_recursive(3, 16, 4, |inner| {
        let gap =
            prop_oneof![3 => blanks(), 1 => (line_end(), blanks()).prop_map(|(end, blanks)| format!("{end}{blanks}"))];
        let item = (gap.clone(), inner.clone(), gap.clone()).prop_map(|(a, value, b)| format!("{a}{value}{b}"));
        let array = (vec(item, 0..4), any::<bool>(), gap).prop_map(|(items, comma, gap)| {
            let end = if comma && !items.is_empty() { "," } else { "" };
            format!("[{}{end}{gap}]", items.join(","))
        });
        let entry = (blanks(), blanks(), inner, blanks());
        let table = vec(entry, 0..4).prop_map(|entries| {
            let entries = entries.into_iter().enumerate();
            let entries: Vec<String> = entries.map(|(i, (a, b, value, c))| format!("{a}k{i}{b}={value}{c}")).collect();
            format!("{{{}}}", entries.join(","))
        });
        prop_oneof![array, table]
    })
}

/// One statement; `@N` stands for a number that makes the key unique.
fn statement() -> impl Strategy<Value = String> {
    let key = Union::new(["key@N", "\"a key@N\"", "a@N. b", "a@N .'c d'", "longer_key_@N"].map(Just));
    let assignment = (blanks(), key, blanks(), blanks(), value(), line_end())
        .prop_map(|(a, key, b, c, value, end)| format!("{a}{key}{b}={c}{value}{end}"));
    let header = Union::new(["[ t@N ]", "[[t@N]]", "[t@N.\"x y\"]", "  [ t@N . u ]"].map(Just));
    let header = (header, line_end()).prop_map(|(header, end)| format!("{header}{end}"));
    let comment_line = (blanks(), comment()).prop_map(|(blanks, comment)| format!("{blanks}{comment}\n"));
    prop_oneof![5 => assignment, 1 => header, 2 => comment_line]
}

fn document() -> impl Strategy<Value = String> {
    let numbered = |(index, text): (usize, String)| text.replace("@N", &index.to_string());
    vec(statement(), 0..12).prop_map(move |statements| statements.into_iter().enumerate().map(numbered).collect())
}

proptest! {
    #![proptest_config(proptest_config(512))]

    #[test]
    fn formatting_keeps_values_and_comments_and_is_idempotent(text in document()) {
        prop_assume!(toml::from_str::<toml::Table>(&text).is_ok());
        let files = [("any.toml".to_owned(), text.clone())].into();
        let formatted = format(&files).unwrap();
        prop_assert_eq!(formatted.refused, Vec::<String>::new(), "{}", text);
        let after = formatted.changed.get("any.toml").unwrap_or(&text).clone();
        let values = |text: &str| format!("{:?}", toml::from_str::<toml::Table>(text).unwrap());
        prop_assert_eq!(values(&after), values(&text));
        prop_assert_eq!(after.matches('#').count(), text.matches('#').count());
        let again = format(&[("any.toml".to_owned(), after.clone())].into()).unwrap();
        prop_assert!(again.changed.is_empty(), "once:\n{}\ntwice:\n{}", after, again.changed["any.toml"]);
    }
}
