//! Values as JSON text.

/// Serialises a value that cannot fail to serialise (text, numbers, lists) as JSON.
pub(super) fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}
