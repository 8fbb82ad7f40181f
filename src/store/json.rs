//! Values as JSON text.

use super::error::StoreError;

/// The value as JSON, its fields in the order of their declaration.
///
/// # Errors
/// If it has no form in JSON, such as a map whose keys are not texts.
pub(super) fn json_text(value: &impl serde::Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| sqlx::Error::Encode(error.into()).into())
}
