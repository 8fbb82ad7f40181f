//! Settings that contradict each other.

use std::collections::{BTreeMap, BTreeSet};

use super::settings::FoundSetting;
use crate::diagnostic::{Diagnostic, SourceLocation};

/// Two or more settings that contradict each other.
#[derive(Debug, Clone)]
pub(crate) struct Contradiction {
    pub(crate) diagnostic: Diagnostic,
    /// Layer of the reported setting; 0 for the base.
    pub(crate) layer: usize,
}

/// Reports a contradiction at the setting of the topmost layer; if it has several, at the first that has a location.
pub(crate) fn contradiction(
    code: &'static str,
    settings: &[&FoundSetting<'_>],
    cause: String,
    remedy: String,
) -> Option<Contradiction> {
    let topmost = settings.iter().map(|found| found.layer).max()?;
    let mut in_topmost = settings.iter().filter(|found| found.layer == topmost);
    let reported = in_topmost.find(|found| found.setting.place.is_some()).or_else(|| settings.first())?;
    let place = reported.setting.place.clone().unwrap_or_else(|| SourceLocation::whole("pack.toml"));
    let cause = match other_locations(settings, &place) {
        places if places.is_empty() => cause,
        places => format!("{cause} (see also {places})"),
    };
    let diagnostic = Diagnostic::at(code, &place, reported.path.clone(), cause, remedy);
    Some(Contradiction { diagnostic, layer: topmost })
}

/// Locations of the settings in other files than the reported one, such as `channels.toml, lines 118, 122`.
fn other_locations(settings: &[&FoundSetting<'_>], reported: &SourceLocation) -> String {
    let mut lines: BTreeMap<&str, BTreeSet<u32>> = BTreeMap::new();
    let places = settings.iter().filter_map(|found| found.setting.place.as_ref());
    for place in places.filter(|place| place.file != reported.file) {
        lines.entry(&place.file).or_default().insert(place.line);
    }
    let listed = lines.into_iter().map(|(file, lines)| {
        let noun = if lines.len() == 1 { "line" } else { "lines" };
        let lines: Vec<String> = lines.iter().map(u32::to_string).collect();
        format!("{file}, {noun} {}", lines.join(", "))
    });
    listed.collect::<Vec<_>>().join("; ")
}
