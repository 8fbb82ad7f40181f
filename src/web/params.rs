//! The fields of a request, read one by one, with all mistakes reported at once.
//!
//! Fields may be written `workspace_id` or `workspaceId`. Unknown fields are mistakes.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::str::FromStr;

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use chrono::{Datelike as _, NaiveDate};
use serde_json::Value;

use super::problem::{Problem, WrongField};
use crate::diagnostic::nearest;
use crate::model::{Timestamp, parse_date};

/// Maximum number of characters of a text.
pub(super) const MAX_CHARS: usize = 500;
/// Maximum number of unknown fields that are reported one by one.
const MAX_UNKNOWN_FIELDS: usize = 20;
/// Maximum number of values in a list.
pub(super) const MAX_VALUES: usize = 500;

/// The fields of a request that have not been read yet, and the mistakes in those that have.
#[derive(Debug, Default)]
pub(super) struct Params {
    unread: BTreeMap<String, Vec<Value>>,
    /// Names of the fields that have been read, present in the request or not.
    known: Vec<&'static str>,
    invalid: Vec<WrongField>,
}

impl Params {
    /// The fields of a query or a form.
    pub fn from_pairs(text: &[u8]) -> Self {
        let pairs: Vec<(String, String)> = serde_urlencoded::from_bytes(text).unwrap_or_default();
        let mut params = Self::default();
        for (name, value) in pairs {
            params.unread.entry(snake_case(&name)).or_default().push(Value::String(value));
        }
        params
    }

    fn from_json(body: &[u8]) -> Result<Self, Problem> {
        let value: Value = serde_json::from_slice(body).map_err(|error| {
            Problem::new(StatusCode::BAD_REQUEST, format!("the body is not JSON: {error}"), "send a JSON object")
        })?;
        let Value::Object(fields) = value else {
            let remedy = "send a JSON object, such as {\"workspaceId\": \"north\"}";
            return Err(Problem::new(StatusCode::BAD_REQUEST, "the body is not a JSON object", remedy));
        };
        let mut params = Self::default();
        for (name, value) in fields {
            params.unread.entry(snake_case(&name)).or_default().push(value);
        }
        Ok(params)
    }

    /// Records a mistake in a field.
    pub fn reject(&mut self, field: &str, detail: impl Into<String>, remedy: impl Into<String>) {
        self.invalid.push(WrongField { field: field.to_owned(), detail: detail.into(), remedy: remedy.into() });
    }

    /// All non-empty values of a field.
    fn values(&mut self, field: &'static str) -> Vec<Value> {
        self.known.push(field);
        let values = self.unread.remove(field).unwrap_or_default();
        values.into_iter().filter(|value| value.as_str() != Some("")).collect()
    }

    fn value(&mut self, field: &'static str) -> Option<Value> {
        let mut values = self.values(field);
        if values.len() > 1 {
            self.reject(field, "it is given more than once", "give it once");
        }
        values.pop()
    }

    /// A text; `None` if it is missing or empty, or if it is wrong, which is recorded.
    pub fn text(&mut self, field: &'static str) -> Option<String> {
        match self.value(field)? {
            Value::String(text) if text.chars().count() > MAX_CHARS => {
                self.reject(field, format!("it has more than {MAX_CHARS} characters"), "shorten it");
                None
            }
            Value::String(text) if text.contains('\0') => {
                self.reject(field, "it contains a NUL character", "remove it");
                None
            }
            Value::String(text) => Some(text),
            other => {
                self.reject(field, format!("{} is not a text", describe_type(&other)), "write it in quotes");
                None
            }
        }
    }

    /// A required text; empty if it is missing.
    pub fn required_text(&mut self, field: &'static str, remedy: &str) -> String {
        let mistakes_before = self.invalid.len();
        let text = self.text(field);
        if text.is_none() && self.invalid.len() == mistakes_before {
            self.reject(field, "it is missing", remedy);
        }
        text.unwrap_or_default()
    }

    /// A text that can be parsed.
    pub fn parsed<T: FromStr>(&mut self, field: &'static str, remedy: &str) -> Option<T> {
        let text = self.text(field)?;
        let parsed = text.parse().ok();
        if parsed.is_none() {
            self.reject(field, format!("`{text}` cannot be read"), remedy);
        }
        parsed
    }

    /// One of several names.
    pub fn name<T: FromStr>(&mut self, field: &'static str, names: &[&str]) -> Option<T> {
        let text = self.text(field)?;
        let parsed = text.parse().ok();
        if parsed.is_none() {
            self.unknown_name(field, &text, names);
        }
        parsed
    }

    /// One of several names, which must be given.
    pub fn required_name<T: FromStr>(&mut self, field: &'static str, names: &[&str]) -> Option<T> {
        let text = self.required_text(field, &format!("write one of {}", names.join(", ")));
        let parsed = text.parse().ok();
        if parsed.is_none() && !text.is_empty() {
            self.unknown_name(field, &text, names);
        }
        parsed
    }

    fn unknown_name(&mut self, field: &'static str, text: &str, names: &[&str]) {
        let suggestion = did_you_mean(text, names);
        let detail = format!("`{text}` is not known here{suggestion}");
        self.reject(field, detail, format!("write one of {}", names.join(", ")));
    }

    /// A whole number in a range.
    pub fn whole(&mut self, field: &'static str, range: std::ops::RangeInclusive<u64>) -> Option<u64> {
        let value = self.value(field)?;
        let number = match &value {
            Value::Number(number) => number.as_u64().or_else(|| exact_integer(number.as_f64()?)),
            Value::String(text) => text.parse().ok(),
            _ => None,
        };
        let number = number.filter(|number| range.contains(number));
        if number.is_none() {
            let remedy = format!("write a whole number from {} to {}", range.start(), range.end());
            self.reject(field, format!("{} is not allowed", quoted(&value)), remedy);
        }
        number
    }

    /// Texts: a list, a single text, or a field that is repeated in a query.
    pub fn texts(&mut self, field: &'static str) -> Vec<String> {
        let mut texts = Vec::new();
        for value in self.values(field) {
            match value {
                Value::Array(values) => values.into_iter().for_each(|value| self.push_text(field, value, &mut texts)),
                other => self.push_text(field, other, &mut texts),
            }
        }
        if texts.len() > MAX_VALUES {
            self.reject(field, format!("there are more than {MAX_VALUES}"), "send them in several requests");
            texts.clear();
        }
        texts
    }

    fn push_text(&mut self, field: &'static str, value: Value, texts: &mut Vec<String>) {
        match value {
            Value::String(text) if text.chars().count() <= MAX_CHARS && !text.contains('\0') => texts.push(text),
            other => self.reject(field, format!("{} cannot be listed", describe_type(&other)), "list short texts"),
        }
    }

    /// Ids, sorted and without duplicates.
    pub fn ids(&mut self, field: &'static str) -> Vec<uuid::Uuid> {
        let texts = self.texts(field);
        let mut ids = Vec::with_capacity(texts.len());
        for text in texts {
            match text.parse() {
                Ok(id) => ids.push(id),
                Err(_) => self.reject(field, format!("`{text}` is not an id"), "take ids from the list of schedules"),
            }
        }
        ids.sort_unstable();
        ids.dedup();
        ids
    }

    /// An instant, or a day of the client's calendar.
    pub fn moment(&mut self, field: &'static str) -> Option<Moment> {
        let text = self.text(field)?;
        let moment = parse_date(&text).map(Moment::Day).or_else(|| text.parse().ok().map(Moment::Instant));
        if moment.is_none() {
            let remedy = "write a day, such as 2026-11-30, or a time with its zone, such as 2026-11-30T08:00:00Z";
            self.reject(field, format!("`{text}` is not a time"), remedy);
        }
        // Days at the edges of the calendar have no day before or after them.
        let is_supported = |moment: &Moment| (1..=9000).contains(&moment.year());
        let moment = moment?.rounded();
        if !is_supported(&moment) {
            self.reject(field, format!("`{text}` is out of range"), "write a year from 1 to 9000");
            return None;
        }
        Some(moment)
    }

    /// Ends the reading of fields.
    ///
    /// # Errors
    /// If there are mistakes, including unknown fields: with all of them.
    pub fn finish(mut self) -> Result<(), Problem> {
        let unknown = std::mem::take(&mut self.unread);
        let more = unknown.len().saturating_sub(MAX_UNKNOWN_FIELDS);
        for field in unknown.into_keys().take(MAX_UNKNOWN_FIELDS) {
            let detail = format!("it is not known here{}", did_you_mean(&field, &self.known));
            let field: String = field.chars().take(60).collect();
            let remedy = format!("the known fields are {}", self.known.join(", "));
            self.reject(&field, detail, remedy);
        }
        if more > 0 {
            self.reject("more", format!("{more} more fields are not known here"), "remove them");
        }
        if self.invalid.is_empty() { Ok(()) } else { Err(Problem::invalid_fields(self.invalid)) }
    }
}

/// The nearest known name to a mistyped one, as the end of a message; empty if none is near.
fn did_you_mean(mistyped: &str, names: &[&str]) -> String {
    let near = nearest(mistyped, names.iter().copied());
    near.map_or_else(String::new, |near| format!(", did you mean `{near}`?"))
}

/// A day, or an instant.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Moment {
    Day(NaiveDate),
    Instant(Timestamp),
}

impl Moment {
    fn year(&self) -> i32 {
        match self {
            Moment::Day(day) => day.year(),
            Moment::Instant(at) => at.date().year(),
        }
    }

    /// The moment, an instant rounded up to whole seconds. Times in the ledger are whole seconds, so this selects the
    /// same schedules.
    fn rounded(self) -> Self {
        match self {
            Moment::Instant(at) if at > at.whole_second() => Moment::Instant(at.whole_second().plus_seconds(1)),
            other => other,
        }
    }

    /// The instant, or the beginning of the day, which is midnight UTC.
    pub fn start(self) -> Timestamp {
        match self {
            Moment::Instant(at) => at,
            Moment::Day(day) => Timestamp::at_midnight(day),
        }
    }
}

/// A number such as `21.0` as an integer, if it is exact.
fn exact_integer(number: f64) -> Option<u64> {
    let is_exact = number.fract() == 0.0 && (0.0..=9_007_199_254_740_992.0).contains(&number);
    is_exact.then_some(number as u64)
}

/// `workspaceId` as `workspace_id`.
fn snake_case(name: &str) -> String {
    name.chars().fold(String::with_capacity(name.len() + 4), |mut snake, letter| {
        if letter.is_ascii_uppercase() {
            // Writing to a `String` cannot fail.
            let _ = write!(snake, "_{}", letter.to_ascii_lowercase());
        } else {
            snake.push(letter);
        }
        snake
    })
}

/// The type of a value, for a message. Texts are described only if they cannot be listed.
fn describe_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text that is too long or contains a NUL character",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// A value, shortened and quoted for a message.
fn quoted(value: &Value) -> String {
    match value {
        Value::String(text) => format!("`{}`", text.chars().take(60).collect::<String>()),
        Value::Number(number) => number.to_string(),
        other => describe_type(other).to_owned(),
    }
}

/// The parameters of a path.
pub(super) struct PathPart<T>(pub T);

impl<S: Send + Sync, T: serde::de::DeserializeOwned + Send> FromRequestParts<S> for PathPart<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let path = Path::<T>::from_request_parts(parts, state).await;
        path.map(|Path(path)| Self(path)).map_err(|_| Problem::not_found("page", "see /api for the available paths"))
    }
}

/// The fields of a query.
pub(super) struct QueryFields(pub Params);

impl<S: Sync> FromRequestParts<S> for QueryFields {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Ok(Self(Params::from_pairs(parts.uri.query().unwrap_or_default().as_bytes())))
    }
}

/// The fields of a JSON body.
pub(super) struct BodyFields(pub Params);

impl<S: Send + Sync> FromRequest<S> for BodyFields {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        require_content_type(&request, "application/json")?;
        Params::from_json(&read_body(request, state).await?).map(Self)
    }
}

/// The fields of a form.
pub(super) struct FormFields(pub Params);

impl<S: Send + Sync> FromRequest<S> for FormFields {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        require_content_type(&request, "application/x-www-form-urlencoded")?;
        Ok(Self(Params::from_pairs(&read_body(request, state).await?)))
    }
}

fn require_content_type(request: &Request, required: &str) -> Result<(), Problem> {
    let given = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = given.split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case(required) {
        return Ok(());
    }
    let detail = format!("the content type of the body is not {required}");
    Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail, format!("send the header `Content-Type: {required}`")))
}

async fn read_body<S: Send + Sync>(request: Request, state: &S) -> Result<Bytes, Problem> {
    Bytes::from_request(request, state).await.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => {
            Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "the body is too large", "send it in several requests")
        }
        status => Problem::new(status, "the body cannot be read", "send it again"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Channel, ScheduleStatus};

    #[test]
    fn fields_may_be_written_in_snake_case_or_camel_case() {
        let mut params = Params::from_pairs(b"workspaceId=north&client_id=tea");
        assert_eq!(params.required_text("workspace_id", ""), "north");
        assert_eq!(params.text("client_id").as_deref(), Some("tea"));
        assert!(params.finish().is_ok());
    }

    #[test]
    fn every_mistake_is_reported_with_its_field() {
        let mut params = Params::from_pairs(b"chanel=fb&status=readdy&limit=0&workspaceId=a&workspace_id=b");
        params.required_text("workspace_id", "");
        params.name::<Channel>("channel", &Channel::names().collect::<Vec<_>>());
        params.name::<ScheduleStatus>("status", &["ready", "pending"]);
        params.whole("limit", 1..=500);
        let problem = params.finish().unwrap_err();
        let reported: Vec<String> =
            problem.errors.iter().map(|error| format!("{}: {}", error.field, error.detail)).collect();
        assert_eq!(
            reported,
            [
                "workspace_id: it is given more than once",
                "status: `readdy` is not known here, did you mean `ready`?",
                "limit: `0` is not allowed",
                "chanel: it is not known here, did you mean `channel`?",
            ]
        );
    }
}
