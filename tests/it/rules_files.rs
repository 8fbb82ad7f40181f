//! Invalid rules packs and their error messages.
//!
//! Each folder of `tests/cases/rules` replaces some files of the default pack;
//! `case.txt` describes in a sentence what is wrong, and names the files to remove.

use std::fmt::Write as _;
use std::ops::Range;

use mcoe::diagnostic::{Diagnostic, render};
use mcoe::rules::{PackFiles, ResponseShape, Rules, load, value_at};
use proptest::prelude::*;

use crate::support::{default_pack, pack_with_file, proptest_config, read_folder, rendered};

#[test]
fn every_invalid_pack_is_reported_with_remedies() {
    insta::glob!("../cases/rules", "*/case.txt", |case| {
        let description = std::fs::read_to_string(case).unwrap();
        let mut files = default_pack();
        let mut replacements = read_folder(case.parent().unwrap());
        replacements.remove("case.txt");
        for name in description.lines().filter_map(|line| line.strip_prefix("without ")) {
            assert!(files.remove(name).is_some(), "the default pack has no `{name}`");
        }
        files.extend(replacements);
        let mistakes = load(files.clone()).expect_err("a case must not load");
        let mut settings = insta::Settings::clone_current();
        settings.set_description(description.lines().next().unwrap_or_default());
        settings.set_omit_expression(true);
        settings.bind(|| insta::assert_snapshot!(rendered(&mistakes, &files)));
    });
}

#[test]
fn colour_adds_escape_codes_and_changes_no_text() {
    let mut files = default_pack();
    files.insert("fatigue.toml".to_owned(), "warn_at = 2\n".to_owned());
    let mistakes = load(files.clone()).unwrap_err();
    let coloured = render(&mistakes, &|name| files.get(name).map(String::as_str), true);
    let plain = render(&mistakes, &|name| files.get(name).map(String::as_str), false);
    assert!(coloured.contains('\u{1b}') && !plain.contains('\u{1b}'));
    let cause = &mistakes.first().unwrap().cause;
    assert!(plain.contains(cause.as_str()) && coloured.contains(cause.as_str()));
}

/// Checks that a loaded pack is consistent, whatever was done to its files.
fn assert_consistent(rules: &Rules) {
    assert_eq!(rules.channels.len(), 9);
    for channel in &rules.channels {
        assert!(channel.half_life_hours >= 1.0 && channel.min_spacing_hours >= 1 && channel.hour_lift > 0.0);
        assert!(channel.fatigue_per_post > 0.0 && rules.fatigue.block_at + channel.fatigue_per_post < 1.0 + 1e-6);
        for hours in &channel.best_hours {
            assert!(hours.is_sorted_by(|a, b| a < b) && hours.iter().all(|hour| *hour < 24));
        }
    }
    assert!(rules.fatigue.warn_at < rules.fatigue.block_at);
    let is_linear = rules.fatigue.response == ResponseShape::Linear;
    assert!(!is_linear || rules.fatigue.slope_below_warn <= rules.fatigue.slope_above_warn);
    assert!(0.0 < rules.risk.medium_from && rules.risk.medium_from < rules.risk.low_from && rules.risk.low_from < 1.0);
    for limit in &rules.limits {
        assert!(limit.filter.days.contains(&true) && limit.filter.hours.contains(&true));
        assert!(limit.filter.from.zip(limit.filter.to).is_none_or(|(from, to)| from < to));
        assert!(limit.weeks.every == 1 || limit.weeks.first_week.is_some());
    }
    assert!(rules.calendar.seasons.iter().all(|season| season.from < season.to && season.posts >= 0.0));
    assert!(0.0 < rules.assets.quality_at_0 && rules.assets.quality_at_0 <= rules.assets.quality_at_100);
    assert!(value_at(&rules.risk.confidence, 0.0).is_some() && value_at(&rules.fatigue.wait_hours, 0.0).is_some());
}

/// Loads a pack. Every error must have a place, a cause and a remedy, and can be rendered.
fn assert_reported_with_places(files: PackFiles) {
    let mistakes = match load(files.clone()) {
        Ok(pack) => return assert_consistent(&pack.base()),
        Err(mistakes) => mistakes,
    };
    assert!(!mistakes.is_empty());
    for mistake in &mistakes {
        let place = mistake.place.source().unwrap();
        let is_whole_file = place.line == 0 && place.column == 0 && place.span.is_none();
        let is_in_file = place.line >= 1 && place.column >= 1 && place.span.is_some();
        assert!(is_whole_file || is_in_file, "{mistake:?}");
        assert!(!mistake.cause.is_empty() && !mistake.remedy.is_empty(), "{mistake:?}");
        assert!(!mistake.cause.ends_with('.') && !mistake.remedy.ends_with('.'), "{mistake:?}");
    }
    let mut sorted = mistakes.clone();
    Diagnostic::sort(&mut sorted);
    assert_eq!(sorted, mistakes);
    assert!(!rendered(&mistakes, &files).is_empty());
    assert!(!render(&mistakes, &|name| files.get(name).map(String::as_str), true).is_empty());
}

/// The default pack with limits and a season.
fn extended_pack() -> PackFiles {
    let limits = "[brand_day]\nat_most = 4\nper = [\"client\", \"day\"]\n\
                  every_weeks = 2\nfirst_week = 2026-12-01\n\n[midweek]\nat_least = 2\nprice = 500\n\
                  [midweek.where]\nchannels = [\"linkedin\"]\nhours = [6, 17]\ntags = [\"b2b\"]\n\
                  from = 2026-12-24T12:00:00\nto = 2026-12-27T00:00:00\n";
    let mut files = pack_with_file("limits.toml", limits);
    let seasons = "seasons = [{ from = 2026-12-21T00:00:00, to = 2027-01-04T00:00:00, posts = 0.5 }]\n";
    files.entry("calendar.toml".to_owned()).or_default().push_str(seasons);
    files
}

fn file_name() -> impl Strategy<Value = String> {
    let mut names: Vec<String> = extended_pack().into_keys().filter(|name| name.ends_with(".toml")).collect();
    names.extend(["overlays/a.toml".to_owned(), "overlays/b.toml".to_owned(), "chanels.toml".to_owned()]);
    prop::sample::select(names)
}

/// Tokens that are likely to be valid in a rules file.
const TOKENS: &[&str] = &[
    "=",
    "[",
    "]",
    "{",
    "}",
    "\"",
    "'",
    "\n",
    ".",
    ",",
    "#",
    "0.5",
    "-1",
    "nan",
    "1e999",
    "true",
    "2026-12-25",
    "23:00",
    "[[",
    "]]",
    "scope",
    "client",
    "fb",
    "x",
    "weekly_posts",
    "best_hours",
    "monday",
    "from",
    "to",
    "params",
    "signals",
    "days",
    "at_most",
    "at_least",
    "per",
    "where",
    "\u{feff}",
    "\r",
    "\t",
    "ä",
    "💥",
    "\\u",
    "\"\"\"",
];

/// One of the tokens, or any text.
fn piece() -> impl Strategy<Value = String> {
    prop_oneof![4 => prop::sample::select(TOKENS).prop_map(str::to_owned), 1 => any::<String>()]
}

/// The byte range of `chars` characters from a random position on.
fn byte_range(text: &str, first: prop::sample::Index, chars: usize) -> Range<usize> {
    let bounds: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
    let start = first.index(bounds.len());
    bounds[start]..bounds[(start + chars).min(bounds.len() - 1)]
}

proptest! {
    #![proptest_config(proptest_config(256))]

    #[test]
    fn no_random_text_makes_the_reader_panic(name in file_name(), text in any::<String>()) {
        let mut files = extended_pack();
        files.insert(name, text);
        assert_reported_with_places(files);
    }

    #[test]
    fn no_random_tokens_make_the_reader_panic(name in file_name(), pieces in prop::collection::vec(piece(), 0..60)) {
        let mut files = extended_pack();
        files.insert(name, pieces.concat());
        assert_reported_with_places(files);
    }

    #[test]
    fn no_cut_or_insertion_makes_the_reader_panic(
        name in file_name(),
        edits in prop::collection::vec((any::<prop::sample::Index>(), 0_usize..40, piece()), 1..6),
    ) {
        let mut files = extended_pack();
        if let Some(text) = files.get_mut(&name) {
            for (first, chars, piece) in edits {
                let range = byte_range(text, first, chars);
                text.replace_range(range, &piece);
            }
        }
        assert_reported_with_places(files);
    }

    #[test]
    fn no_change_of_digits_makes_an_inconsistent_pack(
        name in file_name(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), b'0'..=b'9'), 1..4),
    ) {
        let mut files = extended_pack();
        if let Some(text) = files.get_mut(&name) {
            let mut bytes = text.clone().into_bytes();
            let digits: Vec<usize> = (0..bytes.len()).filter(|at| bytes[*at].is_ascii_digit()).collect();
            for (position, digit) in changes.iter().filter(|_| !digits.is_empty()) {
                bytes[digits[position.index(digits.len())]] = *digit;
            }
            *text = String::from_utf8(bytes).unwrap();
        }
        assert_reported_with_places(files);
    }

    #[test]
    fn no_swap_of_lines_makes_the_reader_panic(
        name in file_name(),
        swaps in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>()), 1..6),
    ) {
        let mut files = extended_pack();
        if let Some(text) = files.get_mut(&name) {
            let mut lines: Vec<&str> = text.lines().collect();
            for (one, other) in swaps {
                let (one, other) = (one.index(lines.len()), other.index(lines.len()));
                lines.swap(one, other);
            }
            let mut swapped = String::new();
            lines.iter().for_each(|line| writeln!(swapped, "{line}").unwrap());
            *text = swapped;
        }
        assert_reported_with_places(files);
    }
}
