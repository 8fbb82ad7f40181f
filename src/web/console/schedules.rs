//! The schedules: as a table, and what people decide about them.

use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use chrono::NaiveDate;
use minijinja::context;
use minijinja::value::Serde;
use serde::Serialize;

use super::schedule_query::{ScheduleQuery, View};
use super::week::week;
use super::words::{self, Row, client_choices, count, names, query};
use super::{BASE, FormRequest, PageRequest, Visit, session};
use crate::model::{Channel, RiskBand, Role, ScheduleStatus};
use crate::store::{Change, Order, Overview, Schedule, ScheduleFilter, StoreError};
use crate::web::cursor::Listing;
use crate::web::params::Params;
use crate::web::problem::Problem;
use crate::web::secret::now;
use crate::web::state::App;

/// Posts of a page.
const ROWS: u32 = 50;
/// Posts of each group that the console opens on.
const HOME_ROWS: u32 = 20;
/// Days whose waiting posts have a link.
const DAY_LINKS: usize = 7;

/// A figure at the top of the page.
#[derive(Debug, Serialize)]
struct Figure {
    label: &'static str,
    value: String,
    hint: &'static str,
    href: Option<String>,
    tone: &'static str,
}

/// A link.
#[derive(Debug, Serialize)]
struct Link {
    label: String,
    href: String,
    active: bool,
    waiting: i64,
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
    /// Where all of them are.
    all: Option<String>,
    /// What is said where there are none.
    none: &'static str,
}

/// `GET /founder/orchestration`
pub(super) async fn page(State(app): State<App>, request: PageRequest) -> Result<Response, Problem> {
    let PageRequest { visit, mut params, .. } = request;
    let (asked, filter, order) = ScheduleQuery::read(&mut params);
    let list = Listing::new("schedules", &(order, &filter));
    let after = list.read(&mut params);
    let done = notice(&mut params);
    params.finish()?;
    let standing = app.status(&visit.workspace).await?;
    let clients = app.clients(&visit.workspace).await?;
    let names = names(&clients);
    let waiting = app.waiting_by_day(&visit.workspace).await?;
    let days: Vec<Link> =
        waiting.iter().take(DAY_LINKS).map(|day| day_link(&visit, &asked, day.day, day.count)).collect();
    let view = asked.view(after.is_some());
    let (mut calendar, mut groups, mut next) = (None, Vec::new(), None);
    match view {
        View::Week => calendar = Some(week(&visit, &asked, filter, &names).await?),
        View::Home => groups = home(&visit, &names).await?,
        View::List => {
            let from = filter.from.or_else(|| asked.begins_now().then(now));
            let filter = ScheduleFilter { from, ..filter };
            let found = visit.ledger().schedule_page(&filter, order, after.as_ref(), ROWS).await?;
            groups.push(Group { title: "Posts", rows: rows(&visit, &names, &found.rows), all: None, none: "" });
            next = found.next;
        }
    }
    let shown: usize = groups.iter().map(|group| group.rows.len()).sum();
    let can = |may: fn(&Row) -> bool| groups.iter().flat_map(|group| &group.rows).any(may);
    let earlier = ScheduleQuery { sort: "latest".to_owned(), view: String::new(), ..asked.clone() };
    let paged = |cursor: Option<String>| {
        let mut fields = asked.fields().to_vec();
        let cursor = cursor.unwrap_or_default();
        fields.push(("cursor", &cursor));
        visit.link("", &fields)
    };
    let chrome = visit.chrome("Schedules", "schedules", done);
    let channels: Vec<&str> = Channel::names().collect();
    let options = context! {
        clients => Serde(client_choices(&clients)),
        channels => channels,
        statuses => Serde(words::statuses()),
        risks => RiskBand::ALL.map(RiskBand::name).to_vec(),
        sorts => Serde(&SORTS),
    };
    let content = context! {
        overview => Serde(figures(&visit, &standing.overview)),
        filter => Serde(&asked),
        options => options,
        views => Serde(views(&visit, &asked)),
        days => Serde(&days),
        shown => shown,
        is_home => view == View::Home,
        is_narrowed => asked.is_narrowed(),
        earlier => (view != View::Week && asked.begins_now()).then(|| earlier.link(&visit)),
        can_restore => can(|row| row.can_restore),
        empty => (shown == 0 && calendar.is_none()).then(|| empty(&visit, &asked, &standing.overview)),
        first_page => after.is_some().then(|| paged(None)),
        next_page => next.map(|mark| paged(Some(list.cursor(&mark)))),
        groups => Serde(&groups),
        calendar => Serde(&calendar),
        back => asked.link(&visit),
    };
    Ok(visit.page("schedules.html", &chrome, content))
}

fn rows(visit: &Visit, names: &words::Names<'_>, schedules: &[Schedule]) -> Vec<Row> {
    schedules.iter().map(|schedule| Row::of(visit, names, schedule)).collect()
}

/// What waits for a person and what runs next, from now on, the soonest first.
async fn home(visit: &Visit, names: &words::Names<'_>) -> Result<Vec<Group>, Problem> {
    let waiting = [ScheduleStatus::Pending];
    let next = [ScheduleStatus::Ready, ScheduleStatus::Executing];
    let parts: [(_, &[ScheduleStatus], _, _); 2] = [
        ("Waits for you", &waiting, "pending", "Nothing waits for you."),
        ("Next to become drafts", &next, "ready", "Nothing is ready to become a draft."),
    ];
    let mut groups = Vec::with_capacity(parts.len());
    for (title, statuses, status, none) in parts {
        let filter = ScheduleFilter { statuses: statuses.to_vec(), from: Some(now()), ..ScheduleFilter::default() };
        let found = visit.ledger().schedule_page(&filter, Order::Soonest, None, HOME_ROWS).await?;
        let all = found.next.map(|_| visit.link("", &[("status", status)]));
        groups.push(Group { title, rows: rows(visit, names, &found.rows), all, none });
    }
    Ok(groups)
}

/// What was just done, from the address that a change led to.
pub(super) fn notice(params: &mut Params) -> Option<String> {
    let number = params.whole("number", 0..=100_000)? as usize;
    let posts = count(number, "post");
    match params.text("done")?.as_str() {
        "approve" => Some(format!("{posts} approved. Each becomes a draft when its time comes.")),
        "cancel" => Some(format!("{posts} cancelled.")),
        "restore" => Some(format!("{posts} put back: waiting for approval again.")),
        _ => None,
    }
}

fn figures(visit: &Visit, overview: &Overview) -> Vec<Figure> {
    let with = |status: &str| Some(visit.link("", &[("status", status)]));
    let newest = |status: &str| Some(visit.link("", &[("status", status), ("sort", "latest")]));
    let figure = |label, value: String, hint, href, is_bad: bool| Figure {
        label,
        value,
        hint,
        href,
        tone: if is_bad { "warn" } else { "plain" },
    };
    let whole = |number: i64| number.to_string();
    vec![
        figure("Wait for you", whole(overview.pending_schedules), "approve or cancel them", with("pending"), false),
        figure("Ready", whole(overview.ready_schedules), "become drafts in time", with("ready"), false),
        figure("Drafted today", whole(overview.completed_today), "since midnight, UTC", newest("completed"), false),
        figure("Held", whole(overview.blocked_count), "a rule stands against them", with("blocked"), false),
        figure(
            "Drafts failed",
            whole(overview.failed_count),
            "tried again by rule",
            newest("failed"),
            overview.failed_count > 0,
        ),
        figure(
            "All schedules",
            whole(overview.total_schedules),
            "of any status",
            Some(visit.link("", &[("sort", "latest")])),
            false,
        ),
        figure(
            "Channels",
            overview.channels_active.to_string(),
            "that clients post on",
            Some(visit.link("/channels", &[])),
            false,
        ),
        figure(
            "Mean health",
            format!("{:.2}", overview.avg_health_score),
            "0 to 1, higher is better",
            Some(visit.link("/channels", &[])),
            visit.app.rules.base().fatigue.level(overview.avg_health_score) == "poor",
        ),
        figure(
            "Tired channels",
            overview.high_fatigue_channels.to_string(),
            "of single clients",
            Some(visit.link("/channels", &[])),
            overview.high_fatigue_channels > 0,
        ),
        figure(
            "Conflicts",
            whole(overview.conflicts_detected),
            "in the last 7 days",
            Some(visit.link("/conflicts", &[])),
            false,
        ),
    ]
}

fn views(visit: &Visit, asked: &ScheduleQuery) -> Vec<Link> {
    let link = |label: &str, view: &str| Link {
        label: label.to_owned(),
        href: ScheduleQuery { view: view.to_owned(), ..asked.clone() }.link(visit),
        active: (asked.view == "week") == (view == "week"),
        waiting: 0,
    };
    vec![link("Table", ""), link("Week", "week")]
}

fn day_link(visit: &Visit, asked: &ScheduleQuery, day: NaiveDate, waiting: i64) -> Link {
    let text = day.to_string();
    let wanted = ScheduleQuery {
        status: "pending".to_owned(),
        from: text.clone(),
        to: text.clone(),
        ..ScheduleQuery::default()
    };
    Link {
        label: day.format("%a %-d %b").to_string(),
        href: wanted.link(visit),
        active: asked.status == "pending" && asked.from == text && asked.to == text,
        waiting,
    }
}

fn empty(visit: &Visit, asked: &ScheduleQuery, overview: &Overview) -> minijinja::Value {
    if overview.total_schedules == 0 {
        return nothing_planned(visit, overview);
    }
    if asked.begins_now() && !asked.is_narrowed() {
        let text = match visit.may(Role::Admin) {
            true => "No post is ahead. \u{201c}Plan the coming week\u{201d} at the top plans one for every client.",
            false => "No post is ahead. Somebody whose role is admin plans the coming week.",
        };
        return context! { text => text };
    }
    let text = if asked.status == "pending" { "Nothing waits for you here." } else { "No post is as you asked for." };
    context! { text => text, href => asked.is_narrowed().then(|| visit.link("", &[])), label => "Show all schedules" }
}

/// What to do about a workspace in which nothing was ever planned.
fn nothing_planned(visit: &Visit, overview: &Overview) -> minijinja::Value {
    let (has_channels, may_plan) = (overview.channels_active > 0, visit.may(Role::Admin));
    let load = "Load clients with their channels and content: \u{201c}mcoe db load SCENARIO\u{201d} reads a folder, and \
                \u{201c}mcoe import\u{201d} makes one of a posting history.";
    let plan = match may_plan {
        true => {
            "Press \u{201c}Plan the coming week\u{201d} at the top. It plans for every client; what needs approval waits here."
        }
        false => "Have somebody whose role is admin plan the coming week. What needs approval then waits here.",
    };
    let approve = "Approve or cancel what waits. What is approved becomes a draft when its time comes.";
    let steps: Vec<&str> = [(!has_channels).then_some(load), Some(plan), Some(approve)].into_iter().flatten().collect();
    context! {
        text => "Nothing is planned yet in this workspace. What to do:",
        steps => steps,
        href => visit.link("/channels", &[]),
        label => "The channels of its clients",
    }
}

/// What a person wants to do, with the schedules it concerns.
struct Wanted {
    visit: Visit,
    action: String,
    reason: Option<String>,
    back: String,
    schedules: Vec<Schedule>,
}

impl Wanted {
    async fn read(request: FormRequest) -> Result<Self, Problem> {
        let FormRequest { visit, mut params } = request;
        let ids = params.ids("ids");
        let action = params.needed("action", "choose Approve, Cancel or Put back");
        if !action.is_empty() && !matches!(action.as_str(), "approve" | "cancel" | "restore") {
            params.wrong("action", format!("`{action}` is not known here"), "choose Approve, Cancel or Put back");
        }
        let reason = params.text("reason");
        let back = session::inside(params.text("back"));
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

/// `POST …/confirm`: what it means, before it happens.
pub(super) async fn confirm(State(app): State<App>, request: FormRequest) -> Result<Response, Problem> {
    let wanted = Wanted::read(request).await?;
    let visit = &wanted.visit;
    let clients = app.clients(&visit.workspace).await?;
    let names = names(&clients);
    let (mut able, mut refused) = (Vec::new(), Vec::new());
    for schedule in &wanted.schedules {
        let row = Row::of(visit, &names, schedule);
        match wanted.change(&app).check(schedule, &app.rules, &visit.visitor.caller.name) {
            Ok(()) => able.push(row),
            Err(why) => refused.push(context! { row => Serde(row), why => format!("{why}. {}", second(&why)) }),
        }
    }
    let posts = count(able.len(), "post");
    let (verb, done) = match wanted.action.as_str() {
        "cancel" => ("Cancel", "cancelled"),
        "restore" => ("Put back", "put back"),
        _ => ("Approve", "approved"),
    };
    let heading = match able.is_empty() {
        true if wanted.schedules.is_empty() => "No post is selected".to_owned(),
        true => format!("None of these can be {done}"),
        false => format!("{verb} {posts}?"),
    };
    let ids: Vec<String> = able.iter().map(|row| row.id.clone()).collect();
    let chrome = visit.chrome(&heading, "schedules", None);
    let content = context! {
        meaning => meaning(&able, &wanted.action),
        needs_reason => wanted.action == "cancel",
        action => wanted.action,
        heading => heading,
        ids => ids,
        possible => !able.is_empty(),
        button => format!("{verb} {posts}"),
        rows => Serde(&able),
        refused => refused,
        back => wanted.back,
    };
    Ok(visit.page("confirm.html", &chrome, content))
}

fn second(why: &StoreError) -> String {
    match why {
        StoreError::SecondPerson { .. } => {
            "The rules want somebody else to approve it: sign in with another token. Who \
                                            works alone serves the console with --alone."
                .to_owned()
        }
        StoreError::Blocked { .. } | StoreError::TooLate(_) | StoreError::SlotTaken(_) => {
            format!("What helps: {}.", why.remedy())
        }
        _ => "It has moved on meanwhile, or a rule holds it.".to_owned(),
    }
}

fn meaning(rows: &[Row], action: &str) -> Vec<String> {
    if rows.is_empty() {
        return vec!["Nothing will change.".to_owned()];
    }
    let mut clients: Vec<&str> = rows.iter().map(|row| row.client_id.as_str()).collect();
    clients.sort_unstable();
    clients.dedup();
    let high = rows.iter().filter(|row| row.risk == "high").count();
    let of = count(clients.len(), "client");
    if action == "cancel" {
        return vec![
            format!(
                "These posts of {of} are taken back and make no draft. StoppingRule their time they can be put back."
            ),
            "Their hours become free; the next planning may use them.".to_owned(),
        ];
    }
    if action == "restore" {
        return vec![format!("These posts of {of} wait for approval again.")];
    }
    let mut said = vec![
        format!("These posts of {of} become ready. When its time comes, each is judged once more and made a draft."),
        "Nothing is published.".to_owned(),
    ];
    if high > 0 {
        said.push(format!(
            "{} of high risk: read the reasons below first.",
            if high == 1 { "1 is".to_owned() } else { format!("{high} are") }
        ));
    }
    said
}

/// `POST …/change`
pub(super) async fn change(State(app): State<App>, request: FormRequest) -> Result<Response, Problem> {
    let wanted = Wanted::read(request).await?;
    let visit = &wanted.visit;
    let filter = ScheduleFilter {
        ids: wanted.schedules.iter().map(|schedule| schedule.id).collect(),
        ..ScheduleFilter::default()
    };
    let number = if filter.ids.is_empty() {
        0
    } else {
        let actor = &visit.visitor.caller.name;
        visit.ledger().change(&filter, wanted.change(&app), &app.rules, actor, now()).await?.settled()?
    };
    app.forget(&visit.workspace).await;
    let number = number.to_string();
    let (place, old) = wanted.back.split_once('?').unwrap_or((&wanted.back, ""));
    let kept: Vec<(String, String)> = serde_urlencoded::from_str(old).unwrap_or_default();
    let mut fields: Vec<(&str, &str)> = kept
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .filter(|(name, _)| !matches!(*name, "done" | "number"))
        .collect();
    fields.extend([("done", wanted.action.as_str()), ("number", &number)]);
    debug_assert!(place.starts_with(BASE));
    Ok(Redirect::to(&format!("{place}{}", query(&fields))).into_response())
}
