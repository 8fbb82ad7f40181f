//! Responses to requests that cannot be served: problem details according to RFC 9457.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Serialize;

use crate::diagnostic::Diagnostic;
use crate::store::StoreError;

/// Number of seconds after which a workspace with too many jobs may try again.
const JOB_WAIT_SECONDS: u64 = 10;

/// Number of seconds after which a full disk may have space again.
const DISK_FULL_WAIT_SECONDS: u64 = 30;

/// Number of seconds after which a server that shuts down may be back.
const SHUTDOWN_WAIT_SECONDS: u64 = 10;

/// An invalid field of a request.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub(super) struct WrongField {
    /// The field's name in snake_case, or the name of a header.
    pub field: String,
    /// What is wrong with the field.
    pub detail: String,
    /// What to do.
    pub remedy: String,
}

impl From<Diagnostic> for WrongField {
    fn from(Diagnostic { place, cause, remedy, .. }: Diagnostic) -> Self {
        Self { field: place.name().to_owned(), detail: cause, remedy }
    }
}

/// Why a request was not served.
#[derive(Debug, Clone)]
pub(super) struct Problem {
    pub status: StatusCode,
    pub detail: String,
    pub remedy: String,
    /// All invalid fields.
    pub errors: Vec<WrongField>,
    /// Number of seconds after which the request may be tried again.
    pub retry_after: Option<u64>,
}

/// Why a request was not served (RFC 9457).
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Problem")]
struct Body<'a> {
    /// A name for programs, such as urn:mcoe:problem:not-found.
    r#type: String,
    /// The name of the status.
    title: &'a str,
    status: u16,
    /// What is wrong.
    detail: &'a str,
    /// What to do.
    remedy: &'a str,
    /// All invalid fields.
    #[serde(skip_serializing_if = "<[WrongField]>::is_empty")]
    errors: &'a [WrongField],
}

/// The schema of problems.
pub(super) fn schema(schemas: &mut SchemaGenerator) -> Schema {
    schemas.subschema_for::<Body>()
}

/// What a problem with this status means, for the description of the API.
pub(super) fn meaning(status: StatusCode) -> &'static str {
    match status {
        StatusCode::BAD_REQUEST => "The request is invalid; `errors` lists the invalid fields.",
        StatusCode::UNAUTHORIZED => "The token is missing or not active.",
        StatusCode::FORBIDDEN => "The token's role is too low, or the request does not come from this machine.",
        StatusCode::NOT_FOUND => "What the request names does not exist in the workspace.",
        StatusCode::REQUEST_TIMEOUT => "The request took too long.",
        StatusCode::CONFLICT => "The change is not possible in the current state.",
        StatusCode::PAYLOAD_TOO_LARGE => "The body is too large.",
        StatusCode::UNSUPPORTED_MEDIA_TYPE => "The content type of the body is not JSON.",
        StatusCode::UNPROCESSABLE_ENTITY => "The idempotency key was used for another request.",
        StatusCode::TOO_MANY_REQUESTS => "Too many requests or jobs; `Retry-After` says how long to wait.",
        StatusCode::SERVICE_UNAVAILABLE => "The database cannot be reached now, or the server is shutting down.",
        StatusCode::INSUFFICIENT_STORAGE => "The disk of the database is full; nothing was written.",
        _ => "The server failed.",
    }
}

impl Problem {
    pub fn new(status: StatusCode, detail: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { status, detail: detail.into(), remedy: remedy.into(), errors: Vec::new(), retry_after: None }
    }

    /// A request with invalid fields.
    pub fn invalid_fields(errors: Vec<WrongField>) -> Self {
        let names: Vec<&str> = errors.iter().map(|error| error.field.as_str()).collect();
        let detail = format!("invalid fields: {}", names.join(", "));
        Self { errors, ..Self::new(StatusCode::BAD_REQUEST, detail, "see `errors` for each field") }
    }

    /// The requested thing does not exist, or belongs to another workspace; the response does not reveal which.
    pub fn not_found(what: &str, remedy: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, format!("there is no such {what}"), remedy)
    }

    pub fn forbidden(detail: &str, remedy: &str) -> Self {
        Self::new(StatusCode::FORBIDDEN, detail, remedy)
    }

    /// A failure whose cause is written to the log only.
    pub fn internal(cause: &dyn std::fmt::Display) -> Self {
        tracing::error!(%cause, "a request failed");
        let remedy = "try again; the server's log has the cause under the request's id";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "the server failed", remedy)
    }

    /// The database is busy or unreachable, which may pass by itself.
    pub fn busy(cause: &dyn std::fmt::Display) -> Self {
        tracing::warn!(%cause, "the database is busy");
        let remedy = "try again in a moment";
        let problem = Self::new(StatusCode::SERVICE_UNAVAILABLE, "the database cannot be reached now", remedy);
        Self { retry_after: Some(2), ..problem }
    }

    /// The server is shutting down, and starts nothing new.
    pub fn shutting_down() -> Self {
        let remedy = "send the request again once the server has been started again";
        let problem = Self::new(StatusCode::SERVICE_UNAVAILABLE, "the server is shutting down", remedy);
        Self { retry_after: Some(SHUTDOWN_WAIT_SECONDS), ..problem }
    }

    /// The disk of the database is full. Reading still works.
    fn disk_full(cause: &StoreError) -> Self {
        tracing::error!(%cause, "nothing can be written");
        let remedy = "free space on that disk, then send the request again; the server continues by itself";
        let problem = Self::new(StatusCode::INSUFFICIENT_STORAGE, cause.to_string(), remedy);
        Self { retry_after: Some(DISK_FULL_WAIT_SECONDS), ..problem }
    }

    pub fn too_many(detail: &str, wait_seconds: u64) -> Self {
        let problem = Self::new(StatusCode::TOO_MANY_REQUESTS, detail, "wait as long as `Retry-After` says");
        Self { retry_after: Some(wait_seconds.max(1)), ..problem }
    }

    /// The value of `type`: a name for programs.
    fn kind(&self) -> String {
        let name = self.status.canonical_reason().unwrap_or("problem").to_lowercase();
        format!("urn:mcoe:problem:{}", name.replace([' ', '\''], "-"))
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = Body {
            r#type: self.kind(),
            title: self.status.canonical_reason().unwrap_or("Problem"),
            status: self.status.as_u16(),
            detail: &self.detail,
            remedy: &self.remedy,
            errors: &self.errors,
        };
        let mut response = (self.status, Json(body)).into_response();
        // The console renders the problem as a page.
        response.extensions_mut().insert(self.clone());
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

impl From<Diagnostic> for Problem {
    fn from(diagnostic: Diagnostic) -> Self {
        Self::invalid_fields(vec![diagnostic.into()])
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        Self::from(&error)
    }
}

impl From<&StoreError> for Problem {
    fn from(error: &StoreError) -> Self {
        if error.is_transient() {
            return Self::busy(&error);
        }
        let detail = error.to_string();
        match error {
            StoreError::UnknownWorkspace(_) => {
                Self::not_found("workspace", "name a workspace that the token gives access to")
            }
            StoreError::UnknownSchedule(_) => Self::not_found("schedule", "take an id from the list of schedules"),
            StoreError::UnknownJob(_) => Self::not_found("job", "take an id from the list of jobs"),
            StoreError::InvalidTransition { .. } => {
                Self::new(StatusCode::CONFLICT, detail, "check the current status of the schedule, and choose again")
            }
            StoreError::Blocked { .. } | StoreError::TooLate(_) | StoreError::SlotTaken(_) => {
                Self::new(StatusCode::CONFLICT, detail, error.remedy())
            }
            StoreError::ReadOnly => Self::new(StatusCode::SERVICE_UNAVAILABLE, detail, error.remedy()),
            StoreError::SecondPerson { .. } => Self::new(
                StatusCode::CONFLICT,
                detail,
                "have another person approve it, or change `review.second_person_for_high_risk` in risk.toml",
            ),
            StoreError::KeyTaken(_) => {
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, detail, "send each new request with a new Idempotency-Key")
            }
            StoreError::DiskFull => Self::disk_full(error),
            StoreError::JobOver { .. } => Self::new(StatusCode::CONFLICT, detail, "get the job to see how it ended"),
            StoreError::TooManyJobs(_) => Self {
                remedy: "wait until one has ended, or cancel one".to_owned(),
                ..Self::too_many(&detail, JOB_WAIT_SECONDS)
            },
            StoreError::Connect { .. } => Self::busy(&detail),
            _ => Self::internal(&detail),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Reason;

    #[test]
    fn a_change_that_the_current_state_forbids_is_a_conflict_not_a_server_failure() {
        let id = uuid::Uuid::nil();
        let blocked = StoreError::Blocked { id, reason: Box::new(Reason::Past) };
        for error in [blocked, StoreError::TooLate(id), StoreError::SlotTaken(id)] {
            let problem = Problem::from(&error);
            assert_eq!((problem.status, problem.detail), (StatusCode::CONFLICT, error.to_string()));
            assert_eq!(problem.remedy, error.remedy());
        }
    }
}
