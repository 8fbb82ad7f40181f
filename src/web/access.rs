//! Authentication and authorization.
//!
//! Programs send a token with every request; browsers use a session that was started with one. While no
//! token has ever been created and the server listens on the loopback address only, every local user has all rights.

use std::net::SocketAddr;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum_extra::extract::cookie::CookieJar;

use super::clock::now;
use super::limits::RateLimitKey;
use super::problem::Problem;
use super::secret::Secret;
use super::state::App;
use crate::diagnostic::{Diagnostic, Place};
use crate::model::{Role, WorkspaceId};
use crate::store::{Ledger, Token};

/// Actor recorded for requests that need no token.
const LOCAL_ACTOR: &str = "local";

/// An authenticated caller.
#[derive(Debug, Clone)]
pub(super) struct Caller {
    /// Recorded as the actor of every change.
    pub name: String,
    pub role: Role,
    /// The only workspace that the caller can see; `None` means all.
    workspace: Option<WorkspaceId>,
}

impl Caller {
    fn from_token(token: Token) -> Self {
        Self { name: token.name, role: token.role, workspace: Some(token.workspace_id) }
    }

    fn local() -> Self {
        Self { name: LOCAL_ACTOR.to_owned(), role: Role::Admin, workspace: None }
    }

    /// Whether the caller has at least this role.
    pub fn may(&self, role: Role) -> bool {
        self.role >= role
    }

    /// Fails if the caller's role is lower.
    pub fn require(&self, role: Role) -> Result<(), Problem> {
        if self.may(role) {
            return Ok(());
        }
        let detail = format!("the token's role is {}, but the request needs {role}", self.role);
        Err(Problem::forbidden(&detail, &format!("use a token of the role {role}: `mcoe token create --role {role}`")))
    }

    /// The workspace of a request: the one that the request names, or the token's.
    pub fn workspace(&self, requested: Option<String>) -> Result<WorkspaceId, Problem> {
        let unknown = || Problem::not_found("workspace", "name a workspace that the token gives access to");
        match (&self.workspace, requested) {
            (None, None) => {
                let remedy = "name the workspace, for example `?workspaceId=north`";
                let field = Place::Field("workspace_id".to_owned());
                Err(Diagnostic::new("missing", field, "required", remedy).into())
            }
            (None, Some(requested)) => Ok(WorkspaceId::new(requested)),
            (Some(allowed), None) => Ok(allowed.clone()),
            (Some(allowed), Some(requested)) if allowed.as_str() == requested => Ok(allowed.clone()),
            (Some(_), Some(_)) => Err(unknown()),
        }
    }

    /// The workspaces that the caller can see.
    pub async fn workspaces(&self, ledger: &Ledger) -> Result<Vec<WorkspaceId>, Problem> {
        match &self.workspace {
            Some(allowed) => Ok(vec![allowed.clone()]),
            None => Ok(ledger.workspaces().await?),
        }
    }
}

/// The remote address of the connection.
#[derive(Debug, Clone, Copy)]
pub(super) struct Peer(pub SocketAddr);

impl<S: Sync> FromRequestParts<S> for Peer {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        parts.extensions.get().copied().ok_or_else(|| Problem::internal(&"a request has no remote address"))
    }
}

impl FromRequestParts<App> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let Peer(peer) = Peer::from_request_parts(parts, app).await?;
        app.limits.count_address(peer.ip())?;
        let Some(authorization) = parts.headers.get(header::AUTHORIZATION) else {
            app.limits.count_request(&RateLimitKey::Address(peer.ip()))?;
            if needs_no_token(app, &parts.headers).await? {
                return Ok(Self::local());
            }
            let remedy = "send `Authorization: Bearer TOKEN`; `mcoe token create` creates a token";
            return Err(Problem::new(StatusCode::UNAUTHORIZED, "no token was sent", remedy));
        };
        let secret = bearer(authorization.to_str().unwrap_or_default()).and_then(Secret::parse);
        let token = match secret {
            Some(secret) => app.ledger.token_by_hash(&secret.hash(), now()).await?,
            None => None,
        };
        let Some(token) = token else { return Err(wrong_token_problem(app, peer)) };
        app.limits.count_request(&RateLimitKey::Token(token.id))?;
        Ok(Self::from_token(token))
    }
}

/// The token of an `Authorization` header. The scheme is case-insensitive.
fn bearer(header: &str) -> Option<&str> {
    let (scheme, token) = header.split_once(' ')?;
    scheme.eq_ignore_ascii_case("Bearer").then(|| token.trim())
}

/// The response to an invalid token. It does not reveal whether the token is unknown, revoked or expired.
pub(super) fn wrong_token_problem(app: &App, peer: SocketAddr) -> Problem {
    if let Err(problem) = app.limits.count_wrong_token(peer.ip()) {
        return problem;
    }
    let remedy = "use an active token; `mcoe token list` lists them";
    Problem::new(StatusCode::UNAUTHORIZED, "the token is unknown, revoked or expired", remedy)
}

/// Whether requests need no token: the server listens on the loopback address only, and no token has ever been created.
/// A request without a token fails if its `Host` is not this machine or it comes from another site, so that no page of
/// another site can make a browser send one.
async fn needs_no_token(app: &App, headers: &HeaderMap) -> Result<bool, Problem> {
    // Behind a proxy every request comes from this machine.
    let is_behind_proxy = app.options.is_https;
    if is_behind_proxy || !app.options.address.ip().is_loopback() || app.ledger.has_tokens().await? {
        return Ok(false);
    }
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let name = host.rsplit_once(':').map_or(host, |(name, port)| if port.ends_with(']') { host } else { name });
    if matches!(name, "localhost" | "127.0.0.1" | "[::1]") && is_same_site(headers) {
        return Ok(true);
    }
    let remedy = "use http://localhost, or create a token: `mcoe token create`";
    Err(Problem::forbidden("the request does not come from this machine", remedy))
}

/// Whether the request came from a page of this server, or not from a browser.
pub(super) fn is_same_site(headers: &HeaderMap) -> bool {
    let text = |name: header::HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let site = text(header::HeaderName::from_static("sec-fetch-site"));
    let origin = text(header::ORIGIN).map(|origin| origin.split_once("://").map_or(origin, |(_, host)| host));
    site.is_none_or(|site| matches!(site, "same-origin" | "none"))
        && origin.is_none_or(|host| Some(host) == text(header::HOST))
}

/// A user of the console.
#[derive(Debug, Clone)]
pub(super) struct Visitor {
    pub caller: Caller,
    /// The session's secret; the CSRF token of forms is derived from it.
    pub cookie: Secret,
    /// Whether the user signed in with a token.
    pub is_signed_in: bool,
}

/// The name of the session cookie. Over HTTPS the prefix keeps it from being sent over HTTP or set by another site.
pub(super) fn cookie_name(app: &App) -> &'static str {
    if app.options.is_https { "__Host-mcoe" } else { "mcoe" }
}

/// Why a console request is refused.
pub(super) enum Refusal {
    /// There is no valid session.
    SignIn,
    Problem(Problem),
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Refusal::Problem(problem)
    }
}

impl Visitor {
    /// The user of a request's session.
    pub async fn from_request(app: &App, headers: &HeaderMap, peer: SocketAddr) -> Result<Self, Refusal> {
        app.limits.count_address(peer.ip())?;
        let jar = CookieJar::from_headers(headers);
        let cookie = jar.get(cookie_name(app)).and_then(|cookie| Secret::parse(cookie.value()));
        if let Some(cookie) = cookie {
            let token = app.ledger.token_by_session_hash(&cookie.hash(), now()).await.map_err(Problem::from)?;
            if let Some(token) = token {
                app.limits.count_request(&RateLimitKey::Token(token.id))?;
                return Ok(Self { caller: Caller::from_token(token), cookie, is_signed_in: true });
            }
            return Self::local(app, headers, peer, Some(cookie)).await;
        }
        Self::local(app, headers, peer, None).await
    }

    /// A user who needs no token. Without a cookie, the user gets a new one.
    async fn local(app: &App, headers: &HeaderMap, peer: SocketAddr, cookie: Option<Secret>) -> Result<Self, Refusal> {
        app.limits.count_request(&RateLimitKey::Address(peer.ip()))?;
        if !needs_no_token(app, headers).await? {
            return Err(Refusal::SignIn);
        }
        let cookie = match cookie {
            Some(cookie) => cookie,
            None => Secret::cookie().map_err(|error| Problem::internal(&error))?,
        };
        Ok(Self { caller: Caller::local(), cookie, is_signed_in: false })
    }

    /// Fails if a form does not belong to this session.
    pub fn require_form(&self, headers: &HeaderMap, csrf: &str) -> Result<(), Problem> {
        if is_same_site(headers) && self.cookie.is_csrf(csrf) {
            return Ok(());
        }
        Err(Problem::forbidden(
            "the form does not belong to this session",
            "go back, reload the page and submit the form again",
        ))
    }
}
