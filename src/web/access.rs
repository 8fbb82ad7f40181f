//! Who asks, and what they may do.
//!
//! Programs send a token with every request; browsers hold a session that was opened with one. Where no
//! token was ever made and the server listens on this machine alone, everybody on it may do everything.

use std::net::SocketAddr;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum_extra::extract::cookie::CookieJar;

use super::limits::Who;
use super::problem::Problem;
use super::secret::{Secret, now};
use super::state::App;
use crate::model::{Role, WorkspaceId};
use crate::store::{Ledger, Token};

/// Who acts where nobody can be told apart.
const ANYBODY: &str = "local";

/// Somebody who may come in.
#[derive(Debug, Clone)]
pub(super) struct Caller {
    /// The actor of what they change.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// The one workspace that they see; none where they see all.
    workspace: Option<WorkspaceId>,
}

impl Caller {
    fn of(token: Token) -> Self {
        Self { name: token.name, role: token.role, workspace: Some(token.workspace_id) }
    }

    fn anybody() -> Self {
        Self { name: ANYBODY.to_owned(), role: Role::Admin, workspace: None }
    }

    /// Whether they may do what a role may.
    pub fn may(&self, role: Role) -> bool {
        self.role >= role
    }

    /// Fails where they may not.
    pub fn require(&self, role: Role) -> Result<(), Problem> {
        if self.may(role) {
            return Ok(());
        }
        let detail = format!("the token's role is {}, and this needs {role}", self.role);
        Err(Problem::forbidden(&detail, &format!("use a token of the role {role}: `mcoe token create --role {role}`")))
    }

    /// The workspace that a request is about: the one it names, or the token's.
    pub fn workspace(&self, named: Option<String>) -> Result<WorkspaceId, Problem> {
        let unknown = || Problem::not_found("workspace", "name one that the token opens");
        match (&self.workspace, named) {
            (None, None) => Err(Problem::fields(vec![super::problem::WrongField {
                field: "workspace_id".to_owned(),
                detail: "it is missing".to_owned(),
                remedy: "name the workspace, as in `?workspaceId=north`".to_owned(),
            }])),
            (None, Some(named)) => Ok(WorkspaceId::new(named)),
            (Some(own), None) => Ok(own.clone()),
            (Some(own), Some(named)) if own.as_str() == named => Ok(own.clone()),
            (Some(_), Some(_)) => Err(unknown()),
        }
    }

    /// The workspaces that they see.
    pub async fn workspaces(&self, ledger: &Ledger) -> Result<Vec<WorkspaceId>, Problem> {
        match &self.workspace {
            Some(own) => Ok(vec![own.clone()]),
            None => Ok(ledger.workspaces().await?),
        }
    }
}

/// The address that a connection came from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Peer(pub SocketAddr);

impl<S: Sync> FromRequestParts<S> for Peer {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        parts.extensions.get().copied().ok_or_else(|| Problem::internal(&"a request without an address"))
    }
}

impl FromRequestParts<App> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let Peer(peer) = Peer::from_request_parts(parts, app).await?;
        app.limits.address(peer.ip())?;
        let Some(given) = parts.headers.get(header::AUTHORIZATION) else {
            app.limits.request(&Who::Address(peer.ip()))?;
            if is_open(app, &parts.headers).await? {
                return Ok(Self::anybody());
            }
            let remedy = "send `Authorization: Bearer TOKEN`; `mcoe token create` makes a token";
            return Err(Problem::new(StatusCode::UNAUTHORIZED, "no token was sent", remedy));
        };
        let secret = bearer(given.to_str().unwrap_or_default()).and_then(Secret::sent);
        let token = match secret {
            Some(secret) => app.ledger.token_of(&secret.hash(), now()).await?,
            None => None,
        };
        let Some(token) = token else { return Err(wrong_token(app, peer)) };
        app.limits.request(&Who::Token(token.id))?;
        Ok(Self::of(token))
    }
}

/// The token of an `Authorization` header, whose scheme may be written in any case.
fn bearer(header: &str) -> Option<&str> {
    let (scheme, token) = header.split_once(' ')?;
    scheme.eq_ignore_ascii_case("Bearer").then(|| token.trim())
}

/// Answers a token that opens nothing: unknown, revoked and expired ones look alike.
pub(super) fn wrong_token(app: &App, peer: SocketAddr) -> Problem {
    if let Err(problem) = app.limits.wrong_token(peer.ip()) {
        return problem;
    }
    let remedy = "take a living token; `mcoe token list` shows which are";
    Problem::new(StatusCode::UNAUTHORIZED, "the token opens nothing", remedy)
}

/// Whether anybody may come in: the server listens on this machine alone, no token was ever made, and the request
/// names this machine, so that no page of another site can have a browser send it.
async fn is_open(app: &App, headers: &HeaderMap) -> Result<bool, Problem> {
    // Behind a proxy everybody seems to come from this machine.
    let is_behind_proxy = app.options.is_https;
    if is_behind_proxy || !app.options.address.ip().is_loopback() || app.ledger.has_tokens().await? {
        return Ok(false);
    }
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let name = host.rsplit_once(':').map_or(host, |(name, port)| if port.ends_with(']') { host } else { name });
    if matches!(name, "localhost" | "127.0.0.1" | "[::1]") && is_same_site(headers) {
        return Ok(true);
    }
    let remedy = "ask for http://localhost, or make a token: `mcoe token create`";
    Err(Problem::forbidden("the request does not come from this machine", remedy))
}

/// Whether a browser sent it from a page of this server, or no browser sent it at all.
pub(super) fn is_same_site(headers: &HeaderMap) -> bool {
    let text = |name: header::HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let site = text(header::HeaderName::from_static("sec-fetch-site"));
    let origin = text(header::ORIGIN).map(|origin| origin.split_once("://").map_or(origin, |(_, host)| host));
    site.is_none_or(|site| matches!(site, "same-origin" | "none"))
        && origin.is_none_or(|host| Some(host) == text(header::HOST))
}

/// Somebody at the console.
#[derive(Debug, Clone)]
pub(super) struct Visitor {
    pub caller: Caller,
    /// What the session is known by; its forms carry what comes from it.
    pub cookie: Secret,
    /// Whether they signed in with a token.
    pub is_signed_in: bool,
}

/// The cookie's name. Over HTTPS it may neither travel otherwise nor be set by another site.
pub(super) fn cookie_name(app: &App) -> &'static str {
    if app.options.is_https { "__Host-mcoe" } else { "mcoe" }
}

/// Why somebody does not get in.
pub(super) enum Refused {
    /// They may sign in.
    SignIn,
    Problem(Problem),
}

impl From<Problem> for Refused {
    fn from(problem: Problem) -> Self {
        Refused::Problem(problem)
    }
}

impl Visitor {
    /// Who holds the session of a request.
    pub async fn of(app: &App, headers: &HeaderMap, peer: SocketAddr) -> Result<Self, Refused> {
        app.limits.address(peer.ip())?;
        let jar = CookieJar::from_headers(headers);
        let cookie = jar.get(cookie_name(app)).and_then(|cookie| Secret::sent(cookie.value()));
        if let Some(cookie) = cookie {
            let token = app.ledger.session_of(&cookie.hash(), now()).await.map_err(Problem::from)?;
            if let Some(token) = token {
                app.limits.request(&Who::Token(token.id))?;
                return Ok(Self { caller: Caller::of(token), cookie, is_signed_in: true });
            }
            return Self::anybody(app, headers, peer, Some(cookie)).await;
        }
        Self::anybody(app, headers, peer, None).await
    }

    async fn anybody(
        app: &App,
        headers: &HeaderMap,
        peer: SocketAddr,
        cookie: Option<Secret>,
    ) -> Result<Self, Refused> {
        app.limits.request(&Who::Address(peer.ip()))?;
        if !is_open(app, headers).await? {
            return Err(Refused::SignIn);
        }
        let cookie = match cookie {
            Some(cookie) => cookie,
            None => Secret::cookie().map_err(|error| Problem::internal(&error))?,
        };
        Ok(Self { caller: Caller::anybody(), cookie, is_signed_in: false })
    }

    /// Fails where a form was not made for this session.
    pub fn require_form(&self, headers: &HeaderMap, csrf: &str) -> Result<(), Problem> {
        if is_same_site(headers) && self.cookie.is_csrf(csrf) {
            return Ok(());
        }
        Err(Problem::forbidden(
            "the form was not made for this session",
            "go back, load the page again and send it again",
        ))
    }
}
