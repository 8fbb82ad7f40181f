//! Request ids, metrics, the access log and response headers of every request.

use std::time::{Duration, Instant};

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::problem::Problem;
use super::secret::random_id;
use super::state::App;

/// How long a request may take until its response starts.
pub(super) const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Allows scripts, styles and images only from this server, and no inline scripts.
const CONTENT_SECURITY_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; \
     form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
);

/// Assigns a request id, counts and logs the request, and adds the common response headers.
pub(super) async fn observe(State(app): State<App>, request: Request, next: Next) -> Response {
    let start = Instant::now();
    let id = request_id(request.headers());
    let route = request.extensions().get::<MatchedPath>().map_or("none", MatchedPath::as_str).to_owned();
    let method = known_method(request.method().as_str());
    let limited = tokio::time::timeout(REQUEST_TIMEOUT, next.run(request));
    let span = tracing::info_span!("request", id = %id.to_str().unwrap_or_default());
    let mut response = match tracing::Instrument::instrument(limited, span).await {
        Ok(response) => response,
        Err(_) => {
            let remedy = "send the request faster, or request less";
            Problem::new(StatusCode::REQUEST_TIMEOUT, "the request took too long", remedy).into_response()
        }
    };
    let (status, took) = (response.status().as_u16(), start.elapsed());
    app.metrics.count_request(method, &route, status, took);
    tracing::info!(
        id = %id.to_str().unwrap_or_default(),
        method,
        route,
        status,
        milliseconds = took.as_secs_f64() * 1e3,
        "served"
    );
    let headers = response.headers_mut();
    headers.insert(REQUEST_ID, id);
    add_security_headers(headers, app.options.is_https);
    response
}

/// The id set by a proxy if it is well-formed, or a new one.
fn request_id(headers: &HeaderMap) -> HeaderValue {
    let is_plain = |id: &&HeaderValue| {
        (1..=64).contains(&id.len()) && id.as_bytes().iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'-')
    };
    if let Some(given) = headers.get(REQUEST_ID).filter(is_plain) {
        return given.clone();
    }
    let id = random_id().unwrap_or_default();
    HeaderValue::try_from(id.to_string()).unwrap_or_else(|_| HeaderValue::from_static("none"))
}

/// A known method, or `other`, so that clients cannot create arbitrary metric labels.
fn known_method(method: &str) -> &'static str {
    ["GET", "POST", "PATCH", "HEAD", "OPTIONS", "PUT", "DELETE"]
        .into_iter()
        .find(|known| *known == method)
        .unwrap_or("other")
}

fn add_security_headers(headers: &mut HeaderMap, is_https: bool) {
    headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(CONTENT_SECURITY_POLICY);
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    let policy = HeaderName::from_static("cross-origin-resource-policy");
    headers.insert(policy, HeaderValue::from_static("same-origin"));
    if is_https {
        let year = HeaderValue::from_static("max-age=31536000");
        headers.insert(header::STRICT_TRANSPORT_SECURITY, year);
    }
}
