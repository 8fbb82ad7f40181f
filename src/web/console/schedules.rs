//! The page of schedules, and the actions on them: approve, cancel, restore.

use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use chrono::NaiveDate;
use minijinja::context;
use minijinja::value::Serde;
use serde::Serialize;

use super::display::{ClientNames, Row, client_choices, client_names, count_text, query, status_options};
use super::schedule_query::{ScheduleQuery, View};
use super::{BASE, FormRequest, PageRequest, Visit, session, week};
use crate::model::{Channel, RiskBand, Role, ScheduleStatus};
use crate::store::{Change, ClientName, Order, Overview, Schedule, ScheduleFilter, StoreError};
use crate::web::clock::now;
use crate::web::cursor::Listing;
use crate::web::params::Params;
use crate::web::problem::Problem;
use crate::web::state::App;

/// Number of posts per page.
const ROWS: u32 = 50;
/// Maximum number of posts in each group of the home view.
const HOME_ROWS: u32 = 20;
/// Maximum number of days with a link to their posts that need approval.
const DAY_LINKS: usize = 7;

/// A number at the top of the page, with its label.
#[derive(Debug, Serialize)]
struct Figure {
    label: &'static str,
    value: String,
    hint: &'static str,
    href: Option<String>,
    tone: &'static str,
}

#[derive(Debug, Serialize)]
struct Link {
    label: String,
    href: String,
    is_active: bool,
    /// Number of posts that need approval.
    pending: i64,
}

#[derive(Debug, Serialize)]
struct Sort {
    value: &'static str,
    label: &'static str,
}

const SORTS: [Sort; 3] = [
    Sort { value: "time", label: "Soonest first" },
    Sort { value: "risk", label: "Highest risk first" },
    Sort { value: "latest", label: "Latest first" },
];

/// Posts under one heading.
#[derive(Debug, Serialize)]
struct Group {
    title: &'static str,
    rows: Vec<Row>,
    /// Link to the full list, if the group shows only part of it.
    all_href: Option<String>,
    /// Text that is shown if the group is empty.
    empty_text: &'static str,
}

/// `GET /founder/orchestration`
pub(super) async fn page(State(app): State<App>, request: PageRequest) -> Result<Response, Problem> {
    let PageRequest { visit, mut params, .. } = request;
    let (query_params, filter, order) = ScheduleQuery::read(&mut params);
    let list = Listing::new("schedules", &(order, &filter));
    let after = list.read(&mut params);
    let notice = notice(&mut params);
    params.finish()?;
    let workspace_figures = app.figures(&visit.workspace).await?;
    let clients = app.clients(&visit.workspace).await?;
    let names = client_names(&clients);
    let pending_by_day = app.pending_by_day(&visit.workspace).await?;
    let days: Vec<Link> =
        pending_by_day.iter().take(DAY_LINKS).map(|day| day_link(&visit, &query_params, day.day, day.count)).collect();
    let view = query_params.view(after.is_some());
    let (mut calendar, mut groups, mut next) = (None, Vec::new(), None);
    match view {
        View::Week => calendar = Some(week::calendar(&visit, &query_params, filter, &names).await?),
        View::Home => groups = home_groups(&visit, &names).await?,
        View::List => {
            let from = filter.from.or_else(|| query_params.starts_now().then(now));
            let filter = ScheduleFilter { from, ..filter };
            let schedules = visit.ledger().schedule_page(&filter, order, after.as_ref(), ROWS).await?;
            let rows = rows(&visit, &names, &schedules.rows);
            groups.push(Group { title: "Posts", rows, all_href: None, empty_text: "" });
            next = schedules.next;
        }
    }
    let shown: usize = groups.iter().map(|group| group.rows.len()).sum();
    let latest_first = ScheduleQuery { sort: "latest".to_owned(), view: String::new(), ..query_params.clone() };
    let page_link = |cursor: Option<String>| {
        let mut fields = query_params.fields().to_vec();
        let cursor = cursor.unwrap_or_default();
        fields.push(("cursor", &cursor));
        visit.link("", &fields)
    };
    let chrome = visit.chrome("Schedules", "schedules", notice);
    let content = context! {
        overview => Serde(figures(&visit, &workspace_figures.overview)),
        filter => Serde(&query_params),
        options => filter_options(&clients),
        views => Serde(views(&visit, &query_params)),
        days => Serde(&days),
        shown => shown,
        is_home => view == View::Home,
        has_filter => query_params.has_filter(),
        latest_first => (view != View::Week && query_params.starts_now()).then(|| latest_first.link(&visit)),
        can_restore => groups.iter().flat_map(|group| &group.rows).any(|row| row.can_restore),
        empty => (shown == 0 && calendar.is_none())
            .then(|| empty_message(&visit, &query_params, &workspace_figures.overview)),
        first_page => after.is_some().then(|| page_link(None)),
        next_page => next.map(|position| page_link(Some(list.cursor(&position)))),
        groups => Serde(&groups),
        calendar => Serde(&calendar),
        back => query_params.link(&visit),
    };
    Ok(visit.page("schedules.html", &chrome, content))
}

/// The choices that the fields of the filter offer.
fn filter_options(clients: &[ClientName]) -> minijinja::Value {
    let channels: Vec<&str> = Channel::names().collect();
    context! {
        clients => Serde(client_choices(clients)),
        channels => channels,
        statuses => Serde(status_options()),
        risks => RiskBand::ALL.map(RiskBand::name).to_vec(),
        sorts => Serde(&SORTS),
    }
}

fn rows(visit: &Visit, names: &ClientNames<'_>, schedules: &[Schedule]) -> Vec<Row> {
    schedules.iter().map(|schedule| Row::new(visit, names, schedule)).collect()
}

/// Posts that need approval and posts that become drafts next, from now on, soonest first.
async fn home_groups(visit: &Visit, names: &ClientNames<'_>) -> Result<Vec<Group>, Problem> {
    let pending = [ScheduleStatus::Pending];
    let next = [ScheduleStatus::Ready, ScheduleStatus::Executing];
    // Title, statuses of the posts, status that the link filters by, and text for an empty group.
    let parts: [(_, &[ScheduleStatus], _, _); 2] = [
        ("Needs approval", &pending, "pending", "No post needs approval."),
        ("Next to become drafts", &next, "ready", "No post is ready to become a draft."),
    ];
    let mut groups = Vec::with_capacity(parts.len());
    for (title, statuses, status, empty_text) in parts {
        let filter = ScheduleFilter { statuses: statuses.to_vec(), from: Some(now()), ..ScheduleFilter::default() };
        let page = visit.ledger().schedule_page(&filter, Order::Soonest, None, HOME_ROWS).await?;
        let all_href = page.next.map(|_| visit.link("", &[("status", status)]));
        groups.push(Group { title, rows: rows(visit, names, &page.rows), all_href, empty_text });
    }
    Ok(groups)
}

/// The confirmation of an action, from the query of the redirect that followed it.
pub(super) fn notice(params: &mut Params) -> Option<String> {
    let number = params.whole("number", 0..=100_000)? as usize;
    let posts = count_text(number, "post");
    match params.text("done")?.as_str() {
        "approve" => Some(format!("{posts} approved. Each becomes a draft at its scheduled time.")),
        "cancel" => Some(format!("{posts} cancelled.")),
        "restore" => Some(format!("{posts} restored. They need approval again.")),
        _ => None,
    }
}

fn figures(visit: &Visit, overview: &Overview) -> Vec<Figure> {
    let link = |status: &str| Some(visit.link("", &[("status", status)]));
    let latest = |status: &str| Some(visit.link("", &[("status", status), ("sort", "latest")]));
    let figure = |label, value: String, hint, href, needs_attention: bool| Figure {
        label,
        value,
        hint,
        href,
        tone: if needs_attention { "warn" } else { "plain" },
    };
    let text = |number: i64| number.to_string();
    vec![
        figure("Need approval", text(overview.pending_schedules), "approve or cancel them", link("pending"), false),
        figure("Ready", text(overview.ready_schedules), "become drafts when due", link("ready"), false),
        figure("Drafted today", text(overview.completed_today), "since midnight, UTC", latest("completed"), false),
        figure("Blocked", text(overview.blocked_count), "blocked by a rule", link("blocked"), false),
        figure(
            "Drafts failed",
            text(overview.failed_count),
            "retried automatically",
            latest("failed"),
            overview.failed_count > 0,
        ),
        figure(
            "All schedules",
            text(overview.total_schedules),
            "of any status",
            Some(visit.link("", &[("sort", "latest")])),
            false,
        ),
        figure(
            "Channels",
            overview.channels_active.to_string(),
            "in use by clients",
            Some(visit.link("/channels", &[])),
            false,
        ),
        figure(
            "Average health",
            format!("{:.2}", overview.avg_health_score),
            "0 to 1, higher is better",
            Some(visit.link("/channels", &[])),
            visit.app.rules.base().fatigue.level(overview.avg_health_score) == "poor",
        ),
        figure(
            "High fatigue",
            overview.high_fatigue_channels.to_string(),
            "channels, counted for each client",
            Some(visit.link("/channels", &[])),
            overview.high_fatigue_channels > 0,
        ),
        figure(
            "Conflicts",
            text(overview.conflicts_detected),
            "in the last 7 days",
            Some(visit.link("/conflicts", &[])),
            false,
        ),
    ]
}

fn views(visit: &Visit, query_params: &ScheduleQuery) -> Vec<Link> {
    let link = |label: &str, view: &str| Link {
        label: label.to_owned(),
        href: ScheduleQuery { view: view.to_owned(), ..query_params.clone() }.link(visit),
        is_active: (query_params.view == "week") == (view == "week"),
        pending: 0,
    };
    vec![link("Table", ""), link("Week", "week")]
}

fn day_link(visit: &Visit, query_params: &ScheduleQuery, day: NaiveDate, pending: i64) -> Link {
    let text = day.to_string();
    let day_query = ScheduleQuery {
        status: "pending".to_owned(),
        from: text.clone(),
        to: text.clone(),
        ..ScheduleQuery::default()
    };
    Link {
        label: day.format("%a %-d %b").to_string(),
        href: day_query.link(visit),
        is_active: query_params.status == "pending" && query_params.from == text && query_params.to == text,
        pending,
    }
}

/// The text to show instead of posts if there are none.
fn empty_message(visit: &Visit, query_params: &ScheduleQuery, overview: &Overview) -> minijinja::Value {
    if overview.total_schedules == 0 {
        return nothing_planned(visit, overview);
    }
    if query_params.starts_now() && !query_params.has_filter() {
        let text = match visit.may(Role::Admin) {
            true => {
                "There are no upcoming posts. \u{201c}Plan the coming week\u{201d} at the top plans it for every client."
            }
            false => "There are no upcoming posts. Ask a user with the admin role to plan the coming week.",
        };
        return context! { text => text };
    }
    let text =
        if query_params.status == "pending" { "No post here needs approval." } else { "No post matches the filter." };
    context! { text => text, href => query_params.has_filter().then(|| visit.link("", &[])), label => "Show all schedules" }
}

/// The first steps in a workspace without schedules.
fn nothing_planned(visit: &Visit, overview: &Overview) -> minijinja::Value {
    let (has_channels, may_plan) = (overview.channels_active > 0, visit.may(Role::Admin));
    let load = "Load clients with their channels and content: \u{201c}mcoe db load SCENARIO\u{201d} reads a folder, and \
        \u{201c}mcoe import\u{201d} creates one from a posting history.";
    let plan = match may_plan {
        true => {
            "Press \u{201c}Plan the coming week\u{201d} at the top. \
             It plans for every client; posts that need approval appear here."
        }
        false => "Ask a user with the admin role to plan the coming week. Posts that need approval then appear here.",
    };
    let approve = "Approve or cancel those posts. An approved post becomes a draft at its scheduled time.";
    let steps: Vec<&str> = [(!has_channels).then_some(load), Some(plan), Some(approve)].into_iter().flatten().collect();
    context! {
        text => "Nothing is planned yet in this workspace. Next steps:",
        steps => steps,
        href => visit.link("/channels", &[]),
        label => "Channel health",
    }
}

/// A requested action and its schedules.
struct ActionRequest {
    visit: Visit,
    action: String,
    reason: Option<String>,
    back: String,
    schedules: Vec<Schedule>,
}

impl ActionRequest {
    async fn read(request: FormRequest) -> Result<Self, Problem> {
        let FormRequest { visit, mut params } = request;
        let ids = params.ids("ids");
        let action = params.required_text("action", "choose Approve, Cancel or Restore");
        if !action.is_empty() && !matches!(action.as_str(), "approve" | "cancel" | "restore") {
            params.reject("action", format!("`{action}` is not an action"), "choose Approve, Cancel or Restore");
        }
        let reason = params.text("reason");
        let back = session::console_path(params.text("back"));
        params.finish()?;
        visit.visitor.caller.require(Role::Approver)?;
        if ids.is_empty() {
            return Ok(Self { visit, action, reason, back, schedules: Vec::new() });
        }
        let filter = ScheduleFilter { ids: ids.clone(), ..ScheduleFilter::default() };
        let schedules = visit.ledger().schedules(&filter).await?;
        if schedules.len() < ids.len() {
            return Err(Problem::not_found("schedule", "go back and choose again"));
        }
        Ok(Self { visit, action, reason, back, schedules })
    }

    fn change(&self, app: &App) -> Change<'_> {
        match self.action.as_str() {
            "cancel" => Change::Cancel { reason: self.reason.as_deref().unwrap_or("no reason given") },
            "restore" => Change::Restore,
            _ => app.approval(),
        }
    }
}

/// `POST …/confirm`: shows the effect of an action before it is done.
pub(super) async fn confirm(State(app): State<App>, request: FormRequest) -> Result<Response, Problem> {
    let request = ActionRequest::read(request).await?;
    let visit = &request.visit;
    let clients = app.clients(&visit.workspace).await?;
    let names = client_names(&clients);
    let (mut changeable, mut refused) = (Vec::new(), Vec::new());
    for schedule in &request.schedules {
        let row = Row::new(visit, &names, schedule);
        match request.change(&app).check(schedule, &app.rules, &visit.visitor.caller.name) {
            Ok(()) => changeable.push(row),
            Err(why) => refused.push(context! { row => Serde(row), why => format!("{why}. {}", advice(&why)) }),
        }
    }
    let posts = count_text(changeable.len(), "post");
    let (verb, participle) = match request.action.as_str() {
        "cancel" => ("Cancel", "cancelled"),
        "restore" => ("Restore", "restored"),
        _ => ("Approve", "approved"),
    };
    let heading = match changeable.is_empty() {
        true if request.schedules.is_empty() => "No post is selected".to_owned(),
        true => format!("None of these can be {participle}"),
        false => format!("{verb} {posts}?"),
    };
    let ids: Vec<String> = changeable.iter().map(|row| row.id.clone()).collect();
    let chrome = visit.chrome(&heading, "schedules", None);
    let content = context! {
        effects => effects(&changeable, &request.action),
        needs_reason => request.action == "cancel",
        action => request.action,
        heading => heading,
        ids => ids,
        is_possible => !changeable.is_empty(),
        button => format!("{verb} {posts}"),
        rows => Serde(&changeable),
        refused => refused,
        back => request.back,
    };
    Ok(visit.page("confirm.html", &chrome, content))
}

/// What to do about a schedule that cannot be changed.
fn advice(why: &StoreError) -> String {
    match why {
        StoreError::SecondPerson { .. } => {
            "The rules require a second person to approve it: sign in with another token or, \
             if you work alone, start the server with --alone."
                .to_owned()
        }
        StoreError::Blocked { .. } | StoreError::TooLate(_) | StoreError::SlotTaken(_) => {
            format!("Remedy: {}.", why.remedy())
        }
        _ => "Its status has changed, or a rule blocks it.".to_owned(),
    }
}

/// What an action will do, as sentences.
fn effects(rows: &[Row], action: &str) -> Vec<String> {
    if rows.is_empty() {
        return vec!["Nothing will change.".to_owned()];
    }
    let mut clients: Vec<&str> = rows.iter().map(|row| row.client_id.as_str()).collect();
    clients.sort_unstable();
    clients.dedup();
    let high = rows.iter().filter(|row| row.risk == "high").count();
    let clients = count_text(clients.len(), "client");
    if action == "cancel" {
        return vec![
            format!(
                "These posts of {clients} will not become drafts. They can be restored until their scheduled time."
            ),
            "Their time slots become free for the next plan.".to_owned(),
        ];
    }
    if action == "restore" {
        return vec![format!("These posts of {clients} will need approval again.")];
    }
    let mut sentences = vec![
        format!(
            "These posts of {clients} become ready. At its scheduled time \
             each is checked against the rules again and becomes a draft."
        ),
        "Nothing is published.".to_owned(),
    ];
    if high > 0 {
        sentences.push(format!(
            "{} high risk: read the reasons below first.",
            if high == 1 { "1 is".to_owned() } else { format!("{high} are") }
        ));
    }
    sentences
}

/// `POST …/change`
pub(super) async fn change(State(app): State<App>, request: FormRequest) -> Result<Response, Problem> {
    let request = ActionRequest::read(request).await?;
    let visit = &request.visit;
    let filter = ScheduleFilter {
        ids: request.schedules.iter().map(|schedule| schedule.id).collect(),
        ..ScheduleFilter::default()
    };
    let number = if filter.ids.is_empty() {
        0
    } else {
        let actor = &visit.visitor.caller.name;
        let changed = visit.ledger().change(&filter, request.change(&app), &app.rules, actor, now()).await?;
        changed.count_in_requested_state()?
    };
    app.invalidate_figures(&visit.workspace).await;
    let number = number.to_string();
    let (path, old_query) = request.back.split_once('?').unwrap_or((&request.back, ""));
    let old_fields: Vec<(String, String)> = serde_urlencoded::from_str(old_query).unwrap_or_default();
    let mut fields: Vec<(&str, &str)> = old_fields
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .filter(|(name, _)| !matches!(*name, "done" | "number"))
        .collect();
    fields.extend([("done", request.action.as_str()), ("number", &number)]);
    debug_assert!(path.starts_with(BASE));
    Ok(Redirect::to(&format!("{path}{}", query(&fields))).into_response())
}
