//! Declares the typed values of a rules table together with their keys.
//!
//! Each key is declared once: its type, whether it is required or what its default is, its range and its meaning. The
//! struct that the engine reads, the key table that validates and documents the file, and the conversion between the
//! two are derived from it.

#![expect(
    clippy::indexing_slicing,
    reason = "INVARIANT: `count` and `joined` stay within the lengths; they run at compile time"
)]

use std::collections::BTreeMap;

use super::key::{DAYS, Key, Kind};
use super::settings::{FromValue, Row, View};
use super::threshold_table::ThresholdRow;

/// One table of a view of valid settings.
#[derive(Clone, Copy)]
pub(super) struct RuleTable<'a> {
    pub view: &'a View<'a>,
    pub name: &'a str,
}

impl<'a> RuleTable<'a> {
    pub fn path(self, key: &str) -> String {
        format!("{}.{key}", self.name)
    }

    /// The value of a key that is required or has a default.
    pub fn get<T: FromValue<'a>>(self, key: &str) -> T {
        self.view.value_of(&self.path(key))
    }

    /// The position of a key's value in `names`, the values that the key allows.
    pub fn choice(self, key: &str, names: &[&str]) -> usize {
        let chosen: &str = self.get(key);
        let position = names.iter().position(|name| *name == chosen);
        position.unwrap_or_else(|| unreachable!("`{chosen}` is none of the names of `{}`", self.path(key)))
    }

    pub fn threshold_table(self, key: &str, threshold: &str, value: &str) -> Vec<ThresholdRow> {
        let cell = |row: &Row, column: &str| {
            let number = row.get(column).and_then(|setting| setting.value.as_number());
            number.unwrap_or_else(|| unreachable!("a row of `{}` has no number `{column}`", self.path(key)))
        };
        let rows: &[Row] = self.get(key);
        rows.iter().map(|row| ThresholdRow { threshold: cell(row, threshold), value: cell(row, value) }).collect()
    }
}

/// A type that the value of a key is read into.
pub(super) trait FromKey {
    fn from_key(table: RuleTable<'_>, key: &str) -> Self;
}

impl<T: for<'a> FromValue<'a>> FromKey for T {
    fn from_key(table: RuleTable<'_>, key: &str) -> Self {
        table.get(key)
    }
}

/// One number per weekday, Monday first.
impl FromKey for [f64; 7] {
    fn from_key(table: RuleTable<'_>, key: &str) -> Self {
        DAYS.map(|day| table.get(&key.replace("<day>", day)))
    }
}

/// Numbers by content type, for the types that are stated.
impl FromKey for BTreeMap<String, f64> {
    fn from_key(table: RuleTable<'_>, key: &str) -> Self {
        let parent = key.trim_end_matches(".<type>");
        let names = table.view.names_under(&table.path(parent));
        names.into_iter().map(|name| (name.to_owned(), table.get(&format!("{parent}.{name}")))).collect()
    }
}

/// Total number of keys in the lists `parts`.
pub(super) const fn count(parts: &[&[Key]]) -> usize {
    let (mut count, mut part) = (0, 0);
    while part < parts.len() {
        count += parts[part].len();
        part += 1;
    }
    count
}

/// The keys of all lists `parts`, in order.
pub(super) const fn joined<const COUNT: usize>(parts: &[&[Key]]) -> [Key; COUNT] {
    let mut keys = [Key::optional("", Kind::Text, ""); COUNT];
    let (mut filled, mut part) = (0, 0);
    while part < parts.len() {
        let mut index = 0;
        while index < parts[part].len() {
            keys[filled] = parts[part][index];
            filled += 1;
            index += 1;
        }
        part += 1;
    }
    keys
}

/// Declares a struct of rules and its keys.
///
/// A field with `#[key(…)]` maps to one key, named like the field or by `name = "…"`: `required` or `default = …`, then
/// the kind. Its doc comment describes the key. A field with `#[made(…)]` is computed from the keys in brackets, by the
/// expression after them; the expression may use the table and any further arguments named after `from`.
macro_rules! rule_table {
    (
        $(#[$meta:meta])*
        pub struct $name:ident from ($table:ident $(, $given:ident: $given_kind:ty)*), keys $keys:ident under $prefix:literal {
            $(
                $(#[doc = $doc:literal])+
                $(#[key($($key:tt)+)])?
                $(#[made([$($made_key:expr),* $(,)?], $make:expr)])?
                pub $field:ident: $kind:ty,
            )+
        }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq)]
        pub struct $name {
            $($(#[doc = $doc])+ pub $field: $kind,)+
        }

        /// The keys of the table, in documentation order.
        pub(super) const $keys: &[Key] = {
            const OF_FIELDS: &[&[Key]] = &[$(
                rule_table!(
                    @keys $prefix, $field, concat!($($doc),+).trim_ascii_start();
                    $($($key)+)? $([$($made_key),*])?
                )
            ),+];
            &$crate::rules::declare::joined::<{ $crate::rules::declare::count(OF_FIELDS) }>(OF_FIELDS)
        };

        impl $name {
            pub(super) fn read($table: RuleTable<'_> $(, $given: $given_kind)*) -> Self {
                Self {
                    $($field: rule_table!(@read $table, $field; $($($key)+)? $([] $make)?),)+
                }
            }
        }
    };
    (@keys $prefix:literal, $field:ident, $doc:expr; [$($key:expr),*]) => { &[$($key),*] };
    (@keys $prefix:literal, $field:ident, $doc:expr; name = $path:literal, $($rest:tt)+) => {
        &[rule_table!(@key concat!($prefix, $path), $doc; $($rest)+)]
    };
    (@keys $prefix:literal, $field:ident, $doc:expr; $($rest:tt)+) => {
        &[rule_table!(@key concat!($prefix, stringify!($field)), $doc; $($rest)+)]
    };
    (@key $path:expr, $doc:expr; required, $kind:expr) => { Key::required($path, $kind, $doc) };
    (@key $path:expr, $doc:expr; default = $preset:expr, $kind:expr) => { Key::with_default($path, $kind, $preset, $doc) };
    (@read $table:ident, $field:ident; [] $make:expr) => { $make };
    (@read $table:ident, $field:ident; name = $path:literal, $($rest:tt)+) => {
        $crate::rules::declare::FromKey::from_key($table, $path)
    };
    (@read $table:ident, $field:ident; $($rest:tt)+) => {
        $crate::rules::declare::FromKey::from_key($table, stringify!($field))
    };
}
pub(super) use rule_table;
