//! The founder's console: server-rendered pages that work with and without JavaScript.

mod channels;
mod conflicts;
mod decisions;
mod display;
mod estimates;
mod explanation;
mod plan_limits;
mod runs;
mod schedule_query;
mod schedules;
mod session;
mod week;

use axum::Router;
use axum::extract::{FromRequest, FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum_extra::extract::cookie::{Cookie, SameSite};
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{Environment, context};
use serde::Serialize;

use super::access::{Peer, Refusal, Visitor, cookie_name};
use super::clock::now;
use super::params::{FormFields, Params};
use super::problem::Problem;
use super::secret::Secret;
use super::state::{App, Pages};
use crate::model::{Role, WorkspaceId};
use crate::store::Ledger;

/// Base path of the console.
const BASE: &str = "/founder/orchestration";

const TEMPLATES: [(&str, &str); 16] = [
    ("api.html", include_str!("../api/api.html")),
    ("base.html", include_str!("templates/base.html")),
    ("_parts.html", include_str!("templates/_parts.html")),
    ("_estimates.html", include_str!("templates/_estimates.html")),
    ("_job.html", include_str!("templates/_job.html")),
    ("login.html", include_str!("templates/login.html")),
    ("schedules.html", include_str!("templates/schedules.html")),
    ("confirm.html", include_str!("templates/confirm.html")),
    ("schedule.html", include_str!("templates/schedule.html")),
    ("channels.html", include_str!("templates/channels.html")),
    ("conflicts.html", include_str!("templates/conflicts.html")),
    ("decisions.html", include_str!("templates/decisions.html")),
    ("runs.html", include_str!("templates/runs.html")),
    ("job.html", include_str!("templates/job.html")),
    ("message.html", include_str!("templates/message.html")),
    ("welcome.html", include_str!("templates/welcome.html")),
];

const STYLE: &str = include_str!("assets/console.css");
const SCRIPT: &str = include_str!("assets/console.js");
const HTMX: &str = include_str!("assets/htmx.min.js");

/// The templates of the console's pages, and the version of their assets.
///
/// # Errors
/// If a template is invalid.
pub(super) fn pages() -> Result<Pages, minijinja::Error> {
    Ok(Pages { templates: templates()?, asset_version: asset_version() })
}

/// Parses the templates. HTML is escaped by default.
fn templates() -> Result<Environment<'static>, minijinja::Error> {
    let mut environment = Environment::new();
    environment.set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?);
    for (name, text) in TEMPLATES {
        environment.add_template(name, text)?;
    }
    Ok(environment)
}

/// Part of the assets' URLs, which changes whenever an asset changes.
fn asset_version() -> String {
    let hash = blake3::hash([STYLE, SCRIPT, HTMX].concat().as_bytes()).to_hex();
    hash.chars().take(12).collect()
}

pub(super) fn routes(app: &App) -> Router<App> {
    let at = |path: &str| format!("{BASE}{path}");
    Router::new()
        .route(BASE, get(schedules::page))
        .route(&at("/schedules/{id}"), get(explanation::page))
        .route(&at("/confirm"), post(schedules::confirm))
        .route(&at("/change"), post(schedules::change))
        .route(&at("/channels"), get(channels::page))
        .route(&at("/conflicts"), get(conflicts::page))
        .route(&at("/decisions"), get(decisions::page))
        .route(&at("/runs"), get(runs::page))
        .route(&at("/run"), post(runs::run))
        .route(&at("/what-if"), post(runs::what_if))
        .route(&at("/jobs/{id}"), get(runs::job))
        .route(&at("/jobs/{id}/cancel"), post(runs::cancel))
        .route(&at("/jobs/{id}/files/{*name}"), get(runs::file))
        .route(&at("/login"), get(session::form).post(session::sign_in))
        .route(&at("/logout"), post(session::sign_out))
        .layer(from_fn_with_state(app.clone(), explain_problems))
        .route("/", get(|| async { Redirect::to(BASE) }))
        .route("/founder", get(|| async { Redirect::to(BASE) }))
        .route("/founder/assets/console.css", get(|| async { asset("text/css; charset=utf-8", STYLE) }))
        .route("/founder/assets/console.js", get(|| async { asset("text/javascript; charset=utf-8", SCRIPT) }))
        .route("/founder/assets/htmx.min.js", get(|| async { asset("text/javascript; charset=utf-8", HTMX) }))
}

fn asset(content_type: &'static str, text: &'static str) -> Response {
    // The URL contains the version, so the asset can be cached forever.
    let cache_control = "public, max-age=31536000, immutable";
    ([(header::CONTENT_TYPE, content_type), (header::CACHE_CONTROL, cache_control)], text).into_response()
}

/// Renders a problem as a page.
async fn explain_problems(State(app): State<App>, request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    let Some(problem) = response.extensions().get::<Problem>().cloned() else { return response };
    let fields: Vec<String> =
        problem.errors.iter().map(|error| format!("{}: {}. {}", error.field, error.detail, error.remedy)).collect();
    let title = problem.status.canonical_reason().unwrap_or("Problem");
    let text = if fields.is_empty() { problem.detail.clone() } else { fields.join("\n") };
    let content = context! {
        chrome => bare_chrome(&app, title),
        heading => title, text => text, remedy => problem.remedy, href => BASE, label => "To the schedules",
    };
    let mut page = render(&app, "message.html", content);
    *page.status_mut() = problem.status;
    for name in [header::RETRY_AFTER, header::ALLOW] {
        if let Some(value) = response.headers().get(&name) {
            page.headers_mut().insert(name, value.clone());
        }
    }
    page
}

/// The page frame when nobody is signed in.
fn bare_chrome(app: &App, title: &str) -> minijinja::Value {
    let (version, release) = (app.asset_version.as_str(), env!("CARGO_PKG_VERSION"));
    context! { title => title, version => version, release => release, tab => "" }
}

fn render(app: &App, template: &str, content: minijinja::Value) -> Response {
    let rendered = app.templates.get_template(template).and_then(|template| template.render(content));
    match rendered {
        Ok(html) => Html(html).into_response(),
        Err(error) => {
            tracing::error!(cause = %format!("{error:#}"), template, "cannot render a page");
            (StatusCode::INTERNAL_SERVER_ERROR, "cannot render the page").into_response()
        }
    }
}

/// The frame that every page shows around its content.
#[derive(Debug, Serialize)]
struct Chrome {
    title: String,
    version: String,
    release: &'static str,
    tab: &'static str,
    workspace: String,
    workspaces: Vec<WorkspaceEntry>,
    workspace_query: String,
    csrf: String,
    actor: String,
    role: &'static str,
    can_change: bool,
    can_run: bool,
    is_signed_in: bool,
    /// Whether the user needs no token.
    is_local: bool,
    is_demo: bool,
    notice: Option<String>,
    now: display::ShownTime,
    time_zone_note: &'static str,
}

/// An entry of the workspace menu.
#[derive(Debug, Serialize)]
struct WorkspaceEntry {
    id: String,
    href: String,
    is_active: bool,
}

/// A console user and the selected workspace.
struct Visit {
    app: App,
    visitor: Visitor,
    workspace: WorkspaceId,
    workspaces: Vec<WorkspaceId>,
}

impl Visit {
    /// Authenticates the user and selects the workspace that the request names, or the first one.
    async fn open(app: &App, parts: &Parts, requested: Option<String>) -> Result<Self, Response> {
        let Peer(peer) =
            Peer::from_request_parts(&mut parts.clone(), app).await.map_err(IntoResponse::into_response)?;
        // After signing in, only a page can be loaded again, not a submitted form.
        let path = parts.uri.path_and_query().filter(|_| parts.method == Method::GET);
        let return_path = path.map_or_else(|| BASE.to_owned(), ToString::to_string);
        let visitor = match Visitor::from_request(app, &parts.headers, peer).await {
            Ok(visitor) => visitor,
            Err(Refusal::SignIn) => return Err(session::redirect_to_sign_in(app, &parts.headers, &return_path)),
            Err(Refusal::Problem(problem)) => return Err(problem.into_response()),
        };
        let workspaces = visitor.caller.workspaces(&app.ledger).await.map_err(IntoResponse::into_response)?;
        if workspaces.is_empty() {
            return Err(render(app, "welcome.html", context! { chrome => bare_chrome(app, "No data loaded yet") }));
        }
        let workspace = match requested {
            None => workspaces.first().cloned(),
            Some(requested) => workspaces.iter().find(|known| known.as_str() == requested).cloned(),
        };
        let unknown = || Problem::not_found("workspace", "load one first: `mcoe db load SCENARIO`").into_response();
        let workspace = workspace.ok_or_else(unknown)?;
        Ok(Self { app: app.clone(), visitor, workspace, workspaces })
    }

    fn ledger(&self) -> Ledger {
        self.app.ledger_of(&self.workspace)
    }

    fn may(&self, role: Role) -> bool {
        self.visitor.caller.may(role)
    }

    /// The query that keeps links in the selected workspace; empty if the user can see only one workspace.
    fn workspace_query(&self) -> String {
        let fields = [("workspace", self.workspace.as_str())];
        if self.workspaces.len() > 1 { display::query(&fields) } else { String::new() }
    }

    /// A URL within the console that keeps the selected workspace.
    fn link(&self, path: &str, query: &[(&str, &str)]) -> String {
        let mut fields: Vec<(&str, &str)> = query.iter().copied().filter(|(_, value)| !value.is_empty()).collect();
        if self.workspaces.len() > 1 {
            fields.push(("workspace", self.workspace.as_str()));
        }
        format!("{BASE}{path}{}", display::query(&fields))
    }

    /// The frame of a page.
    fn chrome(&self, title: &str, tab: &'static str, notice: Option<String>) -> Chrome {
        let path = match tab {
            "" | "schedules" => String::new(),
            other => format!("/{other}"),
        };
        let entry = |id: &WorkspaceId| WorkspaceEntry {
            id: id.to_string(),
            href: format!("{BASE}{path}{}", display::query(&[("workspace", id.as_str())])),
            is_active: *id == self.workspace,
        };
        Chrome {
            title: title.to_owned(),
            version: self.app.asset_version.clone(),
            release: env!("CARGO_PKG_VERSION"),
            tab,
            workspace: self.workspace.to_string(),
            workspaces: self.workspaces.iter().map(entry).collect(),
            workspace_query: self.workspace_query(),
            csrf: self.visitor.cookie.csrf(),
            actor: self.visitor.caller.name.clone(),
            role: self.visitor.caller.role.name(),
            can_change: self.may(Role::Approver),
            can_run: self.may(Role::Admin),
            is_signed_in: self.visitor.is_signed_in,
            is_local: !self.visitor.is_signed_in,
            is_demo: self.app.options.is_demo,
            notice,
            now: display::ShownTime::utc(now()),
            time_zone_note: "Times of posts are in the client\u{2019}s time zone; \
                your local time is shown where it differs.",
        }
    }

    /// Renders a page. A user who is not signed in also gets the session cookie, from which the CSRF token is derived.
    fn page(&self, template: &str, chrome: &Chrome, content: minijinja::Value) -> Response {
        let content = context! { chrome => Serde(chrome), ..content };
        let mut response = render(&self.app, template, content);
        if !self.visitor.is_signed_in {
            set_session_cookie(&mut response, &self.app, &self.visitor.cookie);
        }
        response
    }
}

fn set_session_cookie(response: &mut Response, app: &App, secret: &Secret) {
    set_cookie(response, session_cookie(app, secret.reveal().to_owned()));
}

fn session_cookie(app: &App, value: String) -> Cookie<'static> {
    Cookie::build((cookie_name(app), value))
        .path("/")
        .http_only(true)
        .same_site(SameSite::Lax)
        .secure(app.options.is_https)
        .build()
}

fn set_cookie(response: &mut Response, cookie: Cookie<'static>) {
    if let Ok(value) = HeaderValue::try_from(cookie.to_string()) {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
}

/// A request for a page.
struct PageRequest {
    visit: Visit,
    params: Params,
    headers: HeaderMap,
}

impl FromRequestParts<App> for PageRequest {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Response> {
        let mut params = Params::from_pairs(parts.uri.query().unwrap_or_default().as_bytes());
        let requested = params.text("workspace");
        let visit = Visit::open(app, parts, requested).await?;
        Ok(Self { visit, params, headers: parts.headers.clone() })
    }
}

/// A submitted form whose CSRF token has been checked.
struct FormRequest {
    visit: Visit,
    params: Params,
}

impl FromRequest<App> for FormRequest {
    type Rejection = Response;

    async fn from_request(request: Request, app: &App) -> Result<Self, Response> {
        let (parts, body) = request.into_parts();
        let request = Request::from_parts(parts.clone(), body);
        let FormFields(mut params) =
            FormFields::from_request(request, app).await.map_err(IntoResponse::into_response)?;
        let requested = params.text("workspace");
        let csrf = params.text("csrf").unwrap_or_default();
        let visit = Visit::open(app, &parts, requested).await?;
        visit.visitor.require_form(&parts.headers, &csrf).map_err(IntoResponse::into_response)?;
        Ok(Self { visit, params })
    }
}
