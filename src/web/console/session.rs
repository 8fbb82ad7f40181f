//! Signing in with a token, and out.

use axum::extract::{FromRequest, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use minijinja::context;

use super::{BASE, FormRequest, bare_chrome, cookie, fill, keep, set_cookie, words};
use crate::web::access::{Peer, is_same_site, wrong_token};
use crate::web::params::{FormFields, QueryFields};
use crate::web::problem::Problem;
use crate::web::secret::{Secret, now};
use crate::web::state::App;

/// How long somebody stays signed in.
const SESSION_HOURS: i64 = 12;

/// Sends somebody to sign in, and from there to where they wanted to go. A part of a page is answered with the form
/// itself, which then takes the page's place.
pub(super) fn ask(app: &App, headers: &HeaderMap, here: &str) -> Response {
    if headers.contains_key("hx-request") {
        let mut form = show(app, None, BASE);
        *form.status_mut() = StatusCode::UNAUTHORIZED;
        return form;
    }
    Redirect::to(&format!("{BASE}/login{}", words::query(&[("next", here)]))).into_response()
}

/// `GET …/login`
pub(super) async fn form(State(app): State<App>, QueryFields(mut params): QueryFields) -> Response {
    let next = params.text("next");
    show(&app, None, &inside(next))
}

fn show(app: &App, error: Option<&str>, next: &str) -> Response {
    fill(app, "login.html", context! { chrome => bare_chrome(app, "Sign in"), error => error, next => next })
}

/// A place within the console: nobody is sent elsewhere.
pub(super) fn inside(next: Option<String>) -> String {
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
    let Peer(peer) = peer.ok_or_else(|| Problem::internal(&"a request without an address"))?;
    app.limits.address(peer.ip())?;
    let FormFields(mut params) = FormFields::from_request(request, &app).await?;
    let next = params.text("next");
    let next = inside(next);
    let given = params.text("token").unwrap_or_default();
    params.finish()?;
    let token = match Secret::sent(given.trim()) {
        Some(secret) => app.ledger.token_of(&secret.hash(), now()).await?,
        None => None,
    };
    let Some(token) = token else {
        let problem = wrong_token(&app, peer);
        if problem.status == StatusCode::TOO_MANY_REQUESTS {
            return Err(problem);
        }
        let mut response = show(&app, Some("This token opens nothing. It may be mistyped, revoked or expired."), &next);
        *response.status_mut() = StatusCode::UNAUTHORIZED;
        return Ok(response);
    };
    let cookie = Secret::cookie().map_err(|error| Problem::internal(&error))?;
    let now = now();
    let ends = now.plus_hours(SESSION_HOURS).min(token.expires_at);
    app.ledger.open_session(&token, &cookie.hash(), now, ends).await?;
    tracing::info!(actor = token.name, workspace = %token.workspace_id, "somebody signed in");
    let mut response = Redirect::to(&next).into_response();
    keep(&mut response, &app, &cookie);
    Ok(response)
}

/// `POST …/logout`
pub(super) async fn sign_out(State(app): State<App>, request: FormRequest) -> Result<Response, Problem> {
    let visit = request.visit;
    app.ledger.close_session(&visit.visitor.cookie.hash()).await?;
    let mut response = Redirect::to(&format!("{BASE}/login")).into_response();
    let mut gone = cookie(&app, String::new());
    gone.make_removal();
    set_cookie(&mut response, gone);
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_sent_out_of_the_console() {
        let sent = |next: &str| inside(Some(next.to_owned()));
        for wrong in [
            "https://example.com",
            "//example.com",
            "/founder/orchestration.example.com",
            "/founder/orchestrationx",
            "/founder/orchestration/\\example.com",
            "/founder/orchestration/login",
            "",
        ] {
            assert_eq!(sent(wrong), BASE, "{wrong}");
        }
        assert_eq!(sent("/founder/orchestration?day=1"), "/founder/orchestration?day=1");
        assert_eq!(sent("/founder/orchestration/runs"), "/founder/orchestration/runs");
    }
}
