//! The effective values of a pack for a client, each with its source location.

use std::fmt;
use std::sync::Arc;

use super::closed::WeekTime;
use super::load::{OverlayKey, RulesPack};
use super::settings::{Setting, Settings, Value, View, accumulates};
use crate::diagnostic::nearest;
use crate::model::{Channel, wall_time_text};

/// One effective value of a pack, with overlays applied to the base.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "Rule"))]
pub struct EffectiveValue {
    /// Full path, such as `channels.tiktok.weekly_posts`.
    pub key: String,
    /// The value as TOML.
    pub value: String,
    /// File, as a path within the pack; `None` if the value is a default.
    pub file: Option<Arc<str>>,
    /// 1-based line in the file; 0 if the value is a default.
    pub line: u32,
    /// The base's value, if an overlay overrides it.
    pub base: Option<String>,
}

impl EffectiveValue {
    /// Whether the value belongs to the key or table `key`, such as `fatigue`, and to a channel if it is one of
    /// `channels.toml`. `None` is no restriction.
    #[must_use]
    pub fn matches(&self, key: Option<&str>, channel: Option<Channel>) -> bool {
        let is_under =
            |table: &str| self.key.strip_prefix(table).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
        let of_channel = channel
            .is_none_or(|channel| !self.key.starts_with("channels.") || is_under(&format!("channels.{channel}")));
        of_channel && key.is_none_or(is_under)
    }

    /// The key or table of `values` that is most likely meant by a mistyped one; `None` if none is similar.
    #[must_use]
    pub fn nearest<'v>(key: &str, values: &'v [EffectiveValue]) -> Option<&'v str> {
        let tables = values.iter().filter_map(|value| value.key.rsplit_once('.')).map(|(table, _)| table);
        nearest(key, values.iter().map(|value| value.key.as_str()).chain(tables))
    }
}

impl RulesPack {
    /// The values that each overlay states, with its file.
    pub(super) fn overlay_values(&self) -> impl Iterator<Item = (&str, Vec<EffectiveValue>)> {
        self.overlay_settings().map(|(file, settings)| (file, stated_values(settings)))
    }

    /// Every effective value with some overlays applied, by file in documentation order, then by path.
    #[must_use]
    pub fn effective(&self, overlays: &OverlayKey) -> Vec<EffectiveValue> {
        let (base, overlay_layers) = self.layers(overlays);
        let layers: Vec<&Settings> = std::iter::once(base).chain(overlay_layers.iter().copied()).collect();
        let mut paths: Vec<&str> = layers.iter().flat_map(|layer| layer.iter().map(|(path, _)| path)).collect();
        paths.sort_by_key(|path| (file_order(path), *path));
        paths.dedup();
        let value = |path: &str| {
            let setting = layers.iter().rev().find_map(|layer| layer.get(path))?;
            let overridden = base.get(path).filter(|of_base| of_base.value != setting.value);
            let rows = || View::with(base, overlay_layers.iter().copied()).rows_of_all_layers(path).cloned().collect();
            Some(EffectiveValue {
                key: path.to_owned(),
                value: if accumulates(path) { Value::Rows(rows()).to_string() } else { setting.value.to_string() },
                file: setting.place.as_ref().map(|place| Arc::clone(&place.file)),
                line: setting.place.as_ref().map_or(0, |place| place.line),
                base: overridden.map(|of_base| of_base.value.to_string()),
            })
        };
        paths.into_iter().filter_map(value).collect()
    }
}

/// The values that a single layer states.
pub(super) fn stated_values(layer: &Settings) -> Vec<EffectiveValue> {
    let value = |(path, setting): (&str, &Setting)| EffectiveValue {
        key: path.to_owned(),
        value: setting.value.to_string(),
        file: setting.place.as_ref().map(|place| Arc::clone(&place.file)),
        line: setting.place.as_ref().map_or(0, |place| place.line),
        base: None,
    };
    layer.iter().map(value).collect()
}

/// Position of a path's file in documentation order.
fn file_order(path: &str) -> usize {
    let stem = path.split('.').next().unwrap_or_default();
    super::PACK_FILES.iter().position(|file| file.stem == stem).unwrap_or(super::PACK_FILES.len())
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Integer(number) => number.fmt(f),
            Value::Number(number) => number.fmt(f),
            Value::Bool(flag) => flag.fmt(f),
            Value::Text(text) => toml::Value::from(text.as_str()).fmt(f),
            Value::Hours(hours) => write!(f, "{hours:?}"),
            Value::Names(names) => write_list_of_texts(f, names.iter().copied()),
            Value::Texts(texts) => write_list_of_texts(f, texts.iter().map(String::as_str)),
            Value::Clock(minutes) => write!(f, "\"{:02}:{:02}\"", minutes / 60, minutes % 60),
            Value::Date(date) => date.fmt(f),
            Value::WeekTime(minutes) => write!(f, "\"{}\"", WeekTime(*minutes)),
            Value::DateTime(at) => f.pad(&wall_time_text(*at)),
            Value::Rows(rows) => {
                let cell = |(name, setting): (&&str, &Setting)| format!("{name} = {}", setting.value);
                let row = |row: &super::settings::Row| {
                    format!("{{ {} }}", row.iter().map(cell).collect::<Vec<_>>().join(", "))
                };
                write!(f, "[{}]", rows.iter().map(row).collect::<Vec<_>>().join(", "))
            }
        }
    }
}

fn write_list_of_texts<'t>(f: &mut fmt::Formatter<'_>, texts: impl Iterator<Item = &'t str>) -> fmt::Result {
    let quoted: Vec<String> = texts.map(|text| toml::Value::from(text).to_string()).collect();
    write!(f, "[{}]", quoted.join(", "))
}

#[cfg(test)]
mod tests {
    use chrono::Datelike as _;

    use super::super::load::tests::default_files;
    use super::*;
    use crate::model::{ClientId, WorkspaceId};

    #[test]
    fn every_value_of_the_default_pack_is_shown_with_its_location() {
        let pack = super::super::load(default_files()).unwrap();
        let shown = pack.effective(&OverlayKey::default());
        let tiktok = shown.iter().find(|value| value.key == "channels.tiktok.weekly_posts").unwrap();
        assert_eq!((tiktok.value.as_str(), tiktok.file.as_deref()), ("14", Some("channels.toml")));
        assert!(tiktok.line > 1 && tiktok.base.is_none());
        assert!(shown.iter().any(|value| value.value.contains("{ confidence = 0.5, from = 0 }")));
    }

    #[test]
    fn days_of_the_pack_and_of_overlays_add_up() {
        let mut files = default_files();
        let day = |day: u32, name: &str| {
            format!("days = [{{ date = 2026-12-{day}, kind = \"blackout\", name = \"{name}\" }}]")
        };
        let calendar = files.get_mut("calendar.toml").unwrap();
        *calendar = calendar.replacen("days = []", &day(25, "Christmas"), 1);
        let overlay = |scope: &str, day: &str| format!("scope = {{ {scope} }}\n[calendar]\n{day}\n");
        files.insert("overlays/a.toml".to_owned(), overlay("workspace = \"eu\"", &day(26, "Boxing Day")));
        files.insert("overlays/b.toml".to_owned(), overlay("client = \"bakery\"", &day(23, "Stocktaking")));
        let pack = super::super::load(files).unwrap();
        let special_days = |workspace: &str, client: &str| {
            let rules = pack.rules_for(&WorkspaceId::new(workspace), &ClientId::new(client), None);
            rules.calendar.days.iter().map(|day| day.from.day()).collect::<Vec<_>>()
        };
        assert_eq!(special_days("us", "other"), [25]);
        assert_eq!(special_days("us", "bakery"), [25, 23]);
        assert_eq!(special_days("eu", "bakery"), [25, 26, 23]);
        let shown = pack.effective(&pack.overlay_key(&WorkspaceId::new("eu"), &ClientId::new("bakery"), None));
        let days = shown.iter().find(|value| value.key == "calendar.days").unwrap();
        for name in ["Christmas", "Boxing Day", "Stocktaking"] {
            assert!(days.value.contains(name), "{}", days.value);
        }
        assert!(days.base.is_some());
    }

    #[test]
    fn a_value_of_an_overlay_has_the_value_that_it_overrides() {
        let mut files = default_files();
        let overlay = "[scope]\nclient = \"bakery\"\n\n[fatigue]\nwarn_at = 0.4\n";
        files.insert("overlays/bakery.toml".to_owned(), overlay.to_owned());
        let pack = super::super::load(files).unwrap();
        let key = pack.overlay_key(&WorkspaceId::new("any"), &ClientId::new("bakery"), None);
        let shown = pack.effective(&key);
        let warn = shown.iter().find(|value| value.key == "fatigue.warn_at").unwrap();
        assert_eq!((warn.value.as_str(), warn.base.as_deref()), ("0.4", Some("0.5")));
        assert_eq!(warn.file.as_deref(), Some("overlays/bakery.toml"));
    }
}
