//! Suggestions for mistyped names.

use std::fmt;

/// The known name that a mistyped name most likely stands for; `None` if none is near. Two names are near if they
/// differ by one letter, or by up to a third of the letters of the shorter one, or if one contains the other and the
/// contained one has four letters or more.
pub fn nearest<'a>(typed: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let typed = normalized(typed);
    let scored = known.into_iter().filter_map(|name| {
        let candidate = normalized(name);
        let distance = strsim::damerau_levenshtein(&typed, &candidate);
        let allowed = (typed.chars().count().min(candidate.chars().count()) / 3).max(1);
        let is_contained =
            typed.len() >= 4 && candidate.contains(&typed) || candidate.len() >= 4 && typed.contains(&candidate);
        (distance <= allowed || is_contained).then_some((distance, name))
    });
    scored.min_by_key(|(distance, _)| *distance).map(|(_, name)| name)
}

fn normalized(name: &str) -> String {
    name.to_lowercase().replace(['-', ' '], "_")
}

/// The question whether a name was meant: "did you mean `weekly_posts`?"
pub fn did_you_mean(name: impl fmt::Display) -> String {
    format!("did you mean `{name}`?")
}

/// `separator` followed by the question whether `name` was meant, to be appended to a message; empty if there is no
/// name.
#[must_use]
pub fn hint(separator: &str, name: Option<&str>) -> String {
    name.map_or_else(String::new, |name| format!("{separator}{}", did_you_mean(name)))
}

/// The remedy for a mistyped name: the question whether the nearest known name was meant, or `otherwise()` if none is
/// near.
pub fn suggestion<'a>(
    typed: &str,
    known: impl IntoIterator<Item = &'a str>,
    otherwise: impl FnOnce() -> String,
) -> String {
    nearest(typed, known).map_or_else(otherwise, did_you_mean)
}

/// Names in backticks, separated by commas.
pub(crate) fn listed<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let quoted: Vec<String> = names.into_iter().map(|name| format!("`{name}`")).collect();
    quoted.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_differs_by_few_letters_or_contains_the_typed_one() {
        let known = ["weekly_posts", "min_spacing_hours", "half_life_hours", "hour_lift"];
        assert_eq!(nearest("weekly_post", known), Some("weekly_posts"));
        assert_eq!(nearest("Weekly-Posts", known), Some("weekly_posts"));
        assert_eq!(nearest("spacing", known), Some("min_spacing_hours"));
        assert_eq!(nearest("half_life", known), Some("half_life_hours"));
        assert_eq!(nearest("colour", known), None);
    }
}
