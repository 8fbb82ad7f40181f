//! Signing in with a token, and signing out.

use axum::extract::{FromRequest, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use minijinja::context;

use super::{BASE, FormRequest, bare_chrome, display, render, session_cookie, set_cookie, set_session_cookie};
use crate::web::access::{Peer, is_same_site, wrong_token_problem};
use crate::web::clock::now;
use crate::web::params::{FormFields, QueryFields};
use crate::web::problem::Problem;
use crate::web::secret::Secret;
use crate::web::state::App;

const SESSION_HOURS: i64 = 12;

/// Redirects to the sign-in page, and from there back to `path`. An htmx request gets the form itself, which replaces
/// the whole page.
pub(super) fn redirect_to_sign_in(app: &App, headers: &HeaderMap, path: &str) -> Response {
    if headers.contains_key("hx-request") {
        let mut form = sign_in_page(app, None, BASE);
        *form.status_mut() = StatusCode::UNAUTHORIZED;
        return form;
    }
    Redirect::to(&format!("{BASE}/login{}", display::query(&[("next", path)]))).into_response()
}

/// `GET …/login`
pub(super) async fn form(State(app): State<App>, QueryFields(mut params): QueryFields) -> Response {
    let next = params.text("next");
    sign_in_page(&app, None, &console_path(next))
}

fn sign_in_page(app: &App, error: Option<&str>, next: &str) -> Response {
    render(app, "login.html", context! { chrome => bare_chrome(app, "Sign in"), error => error, next => next })
}

/// The path if it is within the console, otherwise the console's start page. Prevents redirects to other sites.
pub(super) fn console_path(next: Option<String>) -> String {
    let is_inside = |next: &String| {
        next.strip_prefix(BASE).is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?']))
            && !next.contains(['\\', '\r', '\n'])
            && !next.starts_with(&format!("{BASE}/login"))
    };
    next.filter(is_inside).unwrap_or_else(|| BASE.to_owned())
}

/// `POST …/login`
pub(super) async fn sign_in(State(app): State<App>, request: Request) -> Result<Response, Problem> {
    if !is_same_site(request.headers()) {
        return Err(Problem::forbidden("the form was sent from another site", "open the console and sign in there"));
    }
    let peer = request.extensions().get::<Peer>().copied();
    let Peer(peer) = peer.ok_or_else(|| Problem::internal(&"a request has no remote address"))?;
    app.limits.count_address(peer.ip())?;
    let FormFields(mut params) = FormFields::from_request(request, &app).await?;
    let next = params.text("next");
    let next = console_path(next);
    let token = params.text("token").unwrap_or_default();
    params.finish()?;
    let token = match Secret::parse(token.trim()) {
        Some(secret) => app.ledger.token_by_hash(&secret.hash(), now()).await?,
        None => None,
    };
    let Some(token) = token else {
        let problem = wrong_token_problem(&app, peer);
        if problem.status == StatusCode::TOO_MANY_REQUESTS {
            return Err(problem);
        }
        let mut response = sign_in_page(
            &app,
            Some("This token is not valid. It may be mistyped, or have been revoked or have expired."),
            &next,
        );
        *response.status_mut() = StatusCode::UNAUTHORIZED;
        return Ok(response);
    };
    let cookie = Secret::cookie().map_err(|error| Problem::internal(&error))?;
    let now = now();
    let expires_at = now.plus_hours(SESSION_HOURS).min(token.expires_at);
    app.ledger.open_session(&token, &cookie.hash(), now, expires_at).await?;
    tracing::info!(actor = token.name, workspace = %token.workspace_id, "signed in");
    let mut response = Redirect::to(&next).into_response();
    set_session_cookie(&mut response, &app, &cookie);
    Ok(response)
}

/// `POST …/logout`
pub(super) async fn sign_out(State(app): State<App>, request: FormRequest) -> Result<Response, Problem> {
    let visit = request.visit;
    app.ledger.close_session(&visit.visitor.cookie.hash()).await?;
    let mut response = Redirect::to(&format!("{BASE}/login")).into_response();
    let mut expired = session_cookie(&app, String::new());
    expired.make_removal();
    set_cookie(&mut response, expired);
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirects_stay_within_the_console() {
        let target = |next: &str| console_path(Some(next.to_owned()));
        for wrong in [
            "https://example.com",
            "//example.com",
            "/founder/orchestration.example.com",
            "/founder/orchestrationx",
            "/founder/orchestration/\\example.com",
            "/founder/orchestration/login",
            "",
        ] {
            assert_eq!(target(wrong), BASE, "{wrong}");
        }
        assert_eq!(target("/founder/orchestration?day=1"), "/founder/orchestration?day=1");
        assert_eq!(target("/founder/orchestration/runs"), "/founder/orchestration/runs");
    }
}
