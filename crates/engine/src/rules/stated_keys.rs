//! Every key that the files of a pack state explicitly, with its location; each row of a list separately.

use std::sync::Arc;

use super::RulesPack;
use super::assets::AssetRules;
use super::fatigue::ResponseShape;
use super::settings::{Value, View};

/// One key that a file of a pack states.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct StatedKey {
    /// Full path, such as `fatigue.frequency`.
    pub key: String,
    /// 0-based row of a list; `None` for a single value.
    pub row: Option<usize>,
    /// File, as a path within the pack.
    pub file: Arc<str>,
    /// 1-based line in the file.
    pub line: u32,
}

/// Keys that are thresholds. A table stands for all its keys, a list for all its rows.
const THRESHOLDS: [&str; 11] = [
    "early_warning.high_from",
    "early_warning.signals",
    "fatigue.frequency",
    "fatigue.priority_loss",
    "fatigue.wait_hours",
    "fatigue.warn_at",
    "risk.bands.low.from",
    "risk.bands.medium.from",
    "risk.confidence",
    "risk.reality_confidence_below",
    "risk.reality_gap_above",
];

impl StatedKey {
    /// Whether the key is a threshold, from which on something applies. A first row that begins at 0 is not, since no
    /// value lies below it.
    #[must_use]
    pub fn is_threshold(&self) -> bool {
        let belongs_to = |name: &str| self.key == name || self.key.starts_with(&format!("{name}."));
        let begins_at_zero =
            self.row == Some(0) && matches!(self.key.as_str(), "fatigue.wait_hours" | "risk.confidence");
        THRESHOLDS.iter().any(|name| belongs_to(name)) && !begins_at_zero
    }
}

impl RulesPack {
    /// Why a key has no effect, given the other values of the pack and of its overlays; `None` if it has an effect.
    #[must_use]
    pub fn why_ineffective(&self, key: &str) -> Option<String> {
        match key {
            "assets.recent_use" | "assets.recent_use_days" => self.why_recent_use_is_ineffective(),
            "fatigue.slope_below_warn" | "fatigue.slope_above_warn" => self.why_shape_is_unused(ResponseShape::Linear),
            _ if key.starts_with("channels.") && key.ends_with(".response_strength") => {
                self.why_shape_is_unused(ResponseShape::Saturating)
            }
            _ => self.why_limit_is_ineffective(key.strip_prefix("limits.")?.split('.').next()?),
        }
    }

    /// Why the keys of a limit have no effect; `None` if it is enabled somewhere.
    fn why_limit_is_ineffective(&self, limit: &str) -> Option<String> {
        let path = format!("limits.{limit}.enabled");
        let states = |is_enabled| self.all_layers().any(|layer| View::new(layer).bool(&path) == Some(is_enabled));
        (states(false) && !states(true)).then(|| "the limit is not enabled".to_owned())
    }

    /// Why the keys of a response shape have no effect; `None` if the shape is used somewhere.
    fn why_shape_is_unused(&self, shape: ResponseShape) -> Option<String> {
        let mut stated = self.all_layers().filter_map(|layer| View::new(layer).text("fatigue.response"));
        let is_used = self.base().fatigue.response == shape || stated.any(|name| name == shape.name());
        (!is_used).then(|| format!("no `response` is `\"{}\"`", shape.name()))
    }

    fn why_recent_use_is_ineffective(&self) -> Option<String> {
        let stated = |key: &'static str| self.all_layers().filter_map(move |layer| View::new(layer).number(key));
        // The shortest cooldown and the longest recent use of any layer, the values most likely to have an effect.
        let mut extreme = self.base().assets;
        extreme.cooldown_hours = stated("assets.cooldown_hours").fold(extreme.cooldown_hours, f64::min);
        extreme.recent_use_days = stated("assets.recent_use_days").fold(extreme.recent_use_days, f64::max);
        let AssetRules { cooldown_hours, recent_use_days, .. } = extreme;
        let why =
            || format!("`cooldown_hours` {cooldown_hours} is not shorter than `recent_use_days` {recent_use_days}");
        (!extreme.recent_use_can_count()).then(why)
    }

    /// Every key that the pack and its overlays state, by file and line. Keys that no test case can test are left out:
    /// those of `pack.toml`, and the scopes and conflict kinds of guardrails, which change no verdict.
    #[must_use]
    pub fn stated_keys(&self) -> Vec<StatedKey> {
        let mut found = Vec::new();
        for settings in self.all_layers() {
            for (path, setting) in settings.iter() {
                let is_label =
                    path.starts_with("guardrails.") && (path.ends_with(".scope") || path.ends_with(".conflict"));
                let is_untested = is_label || path.starts_with("pack.");
                let Some(place) = setting.place.as_ref().filter(|_| !is_untested) else {
                    continue;
                };
                let stated_key = |row: Option<usize>, line: u32| StatedKey {
                    key: path.to_owned(),
                    row,
                    file: Arc::clone(&place.file),
                    line,
                };
                match &setting.value {
                    Value::Rows(rows) => found.extend(rows.iter().enumerate().map(|(index, row)| {
                        let lines = row.values().filter_map(|cell| cell.place.as_ref()).map(|place| place.line);
                        stated_key(Some(index), lines.min().unwrap_or(place.line))
                    })),
                    _ => found.push(stated_key(None, place.line)),
                }
            }
        }
        found.sort_by(|a, b| (&a.file, a.line).cmp(&(&b.file, b.line)));
        found
    }
}
