//! The page of conflicts, grouped by severity and kind.

use axum::extract::State;
use axum::response::Response;
use minijinja::context;
use minijinja::value::Serde;
use serde::Serialize;

use super::display::{ClientNames, ShownTime, client_choices, client_names, conflict_meaning, sentence_case};
use super::{PageRequest, Visit};
use crate::model::{ConflictKind, Severity};
use crate::store::{ConflictGroup, RecordedConflict};
use crate::web::api::conflict_filter;
use crate::web::problem::Problem;
use crate::web::state::App;

/// Maximum number of conflicts shown per group.
const ROWS_PER_GROUP: u32 = 10;
/// Maximum number of conflicts shown if the filter selects a single group.
const ROWS_OF_ONE_GROUP: u32 = 200;

#[derive(Debug, Serialize)]
struct Group {
    severity: &'static str,
    kind: &'static str,
    kind_label: String,
    meaning: &'static str,
    count: i64,
    rows: Vec<ConflictRow>,
    more: i64,
    more_href: String,
}

#[derive(Debug, Serialize)]
struct ConflictRow {
    client_name: String,
    client_id: String,
    channel: Option<&'static str>,
    description: String,
    resolution: String,
    affected: i64,
    iso: String,
    text: String,
    href: Option<String>,
}

/// `GET …/conflicts`
pub(super) async fn page(State(app): State<App>, request: PageRequest) -> Result<Response, Problem> {
    let PageRequest { visit, mut params, .. } = request;
    let client = params.text("client").unwrap_or_default();
    let (mut filter, days) = conflict_filter(&mut params);
    filter.client = Some(client.clone()).filter(|client| !client.is_empty());
    params.finish()?;
    let max_rows = if filter.severity.is_some() && filter.kind.is_some() { ROWS_OF_ONE_GROUP } else { ROWS_PER_GROUP };
    let conflict_groups = visit.ledger().conflicts(&filter, max_rows).await?;
    let clients = app.clients(&visit.workspace).await?;
    let names = client_names(&clients);
    let groups: Vec<Group> =
        conflict_groups.iter().map(|group| group_row(&visit, &names, group, &client, days)).collect();
    let chrome = visit.chrome("Conflicts", "conflicts", None);
    let empty = groups.is_empty().then(|| {
        context! {
            text => format!("No conflict of the last {days} days matches the filter."),
            href => visit.link("/conflicts", &[]),
            label => "All conflicts of the last 7 days",
        }
    });
    let name = |severity: Option<Severity>| severity.map(Severity::name).unwrap_or_default();
    let content = context! {
        filter => context! {
            severity => name(filter.severity),
            kind => filter.kind.map(ConflictKind::name).unwrap_or_default(),
            client => client,
            days => days.to_string(),
        },
        options => context! {
            severities => Severity::ALL.iter().map(|severity| severity.name()).collect::<Vec<_>>(),
            kinds => ConflictKind::ALL.iter().map(|kind| kind.name()).collect::<Vec<_>>(),
            days => vec!["7", "14", "28", "90"],
            clients => Serde(client_choices(&clients)),
        },
        groups => Serde(&groups),
        empty => empty,
    };
    Ok(visit.page("conflicts.html", &chrome, content))
}

fn group_row(visit: &Visit, names: &ClientNames<'_>, group: &ConflictGroup, client: &str, days: u64) -> Group {
    let (severity, kind) = (group.severity.name(), group.kind.name());
    let days = days.to_string();
    Group {
        severity,
        kind,
        kind_label: sentence_case(kind),
        meaning: conflict_meaning(group.kind),
        count: group.count,
        more: group.count - group.conflicts.len() as i64,
        more_href: visit
            .link("/conflicts", &[("severity", severity), ("kind", kind), ("client", client), ("days", &days)]),
        rows: group.conflicts.iter().map(|conflict| row(visit, names, conflict)).collect(),
    }
}

fn row(visit: &Visit, names: &ClientNames<'_>, conflict: &RecordedConflict) -> ConflictRow {
    let when = ShownTime::utc(conflict.created_at);
    let channel = conflict.channel.map(|channel| channel.name());
    let posts = [("client", conflict.client_id.as_str()), ("channel", channel.unwrap_or_default())];
    ConflictRow {
        client_name: names.get(conflict.client_id.as_str()).map_or(&*conflict.client_id, |name| name).to_owned(),
        client_id: conflict.client_id.clone(),
        channel,
        description: conflict.description.clone(),
        resolution: conflict.resolution.clone(),
        affected: conflict.affected,
        iso: when.iso,
        text: when.text,
        href: Some(visit.link("", &posts)),
    }
}
