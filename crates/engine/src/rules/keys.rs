//! All keys of a rules pack: the values allowed, their ranges and what each key does.
//!
//! Each file has a module of the same name, where its keys are declared together with the struct that the engine reads.
//! Validation, defaults, schema and display use this list. Values that a strategist tunes have no default: a pack must
//! state them.

use super::assets::ASSETS;
use super::calendar::CALENDAR;
use super::channels::CHANNELS;
use super::early_warning::EARLY_WARNING;
use super::fatigue::FATIGUE;
use super::guardrails::GUARDRAILS;
use super::key::{DefaultValue, FileKeys, Key, Kind};
use super::limits::LIMITS;
use super::risk::RISK;

/// The files of a pack, in documentation order.
pub const PACK_FILES: [FileKeys; 9] = [
    FileKeys {
        stem: "pack",
        doc: "the name of the pack and the format it is written in",
        is_required: true,
        keys: PACK,
    },
    FileKeys {
        stem: "channels",
        doc: "how often, when and how far apart each channel posts",
        is_required: true,
        keys: CHANNELS,
    },
    FileKeys {
        stem: "fatigue",
        doc: "how audience fatigue lowers response, and when posting slows and stops",
        is_required: true,
        keys: FATIGUE,
    },
    FileKeys {
        stem: "assets",
        doc: "how assets are scored, and how often one may be used",
        is_required: true,
        keys: ASSETS,
    },
    FileKeys {
        stem: "guardrails",
        doc: "which guardrails are evaluated, and their parameters",
        is_required: true,
        keys: GUARDRAILS,
    },
    FileKeys {
        stem: "risk",
        doc: "how confident the engine must be for a post to run without approval",
        is_required: true,
        keys: RISK,
    },
    FileKeys {
        stem: "calendar",
        doc: "holidays, special days, closed hours and the minute of the hour",
        is_required: true,
        keys: CALENDAR,
    },
    FileKeys {
        stem: "limits",
        doc: "how many posts of a client there may or must be in an hour, a day or a week, over its channels",
        is_required: false,
        keys: LIMITS,
    },
    FileKeys {
        stem: "early_warning",
        doc: "when a signal about a client becomes a warning",
        is_required: true,
        keys: EARLY_WARNING,
    },
];

/// The keys of an overlay's `scope` table.
pub(crate) const SCOPE: &[Key] = &[
    Key::optional("workspace", Kind::Text, "the workspace whose clients the overlay applies to"),
    Key::optional("client", Kind::Text, "the client that the overlay applies to"),
    Key::optional("campaign", Kind::Text, "the campaign that the overlay applies to"),
];

const PACK: &[Key] = &[
    Key::required("name", Kind::Text, "name of the pack in reports"),
    Key::required("format", Kind::integer(1, 1), "version of the format that the pack is written in"),
    Key::with_default("description", Kind::Text, DefaultValue::Text(""), "what the pack is for, in a sentence"),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::calendar::DAY_ROW;
    use super::super::key::{Placeholder, Presence};
    use super::*;
    use crate::model::{Channel, ConflictKind, DayKind};

    fn every_key() -> impl Iterator<Item = (&'static str, &'static Key)> {
        PACK_FILES.iter().flat_map(|file| file.keys.iter().map(|key| (file.stem, key)))
    }

    #[test]
    fn every_key_is_declared_once_and_has_a_description() {
        let mut seen = BTreeSet::new();
        for (stem, key) in every_key() {
            assert!(seen.insert((stem, key.path)), "{stem}.{} is declared twice", key.path);
            assert!(key.doc.len() > 10 && !key.doc.ends_with('.'), "{stem}.{}", key.path);
        }
    }

    #[test]
    fn choices_are_the_names_of_the_model() {
        let choices = |path: &str, keys: &'static [Key]| {
            let key = keys.iter().find(|key| key.path == path).unwrap();
            let Kind::Choice(names) = key.kind else { panic!("{path} is not a choice") };
            names
        };
        let kinds: Vec<_> = ConflictKind::ALL.iter().map(|kind| kind.name()).collect();
        assert_eq!(choices("<guardrail>.conflict", GUARDRAILS), kinds);
        let days: Vec<_> = DayKind::ALL.iter().map(|kind| kind.name()).collect();
        assert_eq!(choices("kind", DAY_ROW), days);
        assert_eq!(choices("channel", DAY_ROW), Channel::names().collect::<Vec<_>>());
    }

    #[test]
    fn every_part_in_angle_brackets_is_a_placeholder() {
        for (stem, key) in every_key() {
            for part in key.path.split('.').filter(|part| part.starts_with('<')) {
                assert!(Placeholder::of(part).is_some(), "{stem}.{}", key.path);
            }
        }
    }

    #[test]
    fn a_default_is_of_the_kind_of_its_key() {
        for (stem, key) in every_key() {
            let Presence::Default(preset) = key.presence else { continue };
            let fits = match (key.kind, preset) {
                (Kind::Integer { least, most }, DefaultValue::Integer(value)) => (least..=most).contains(&value),
                (Kind::Number { .. }, DefaultValue::Number(value)) => value.is_finite(),
                (Kind::Choice(names), DefaultValue::Text(name)) => names.contains(&name),
                (Kind::Bool, DefaultValue::Bool(_))
                | (Kind::Text, DefaultValue::Text(_))
                | (Kind::Rows(_), DefaultValue::NoRows) => true,
                (Kind::Names(names), DefaultValue::Names(chosen)) => {
                    names.iter().filter(|name| chosen.contains(name)).eq(chosen)
                }
                _ => false,
            };
            assert!(fits, "{stem}.{}", key.path);
        }
    }
}
