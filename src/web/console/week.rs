//! The week view of schedules: all posts by day and client.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde::Serialize;

use super::Visit;
use super::schedule_query::ScheduleQuery;
use super::words::{self, Row};
use crate::model::{ScheduleStatus, Week, parse_date, plus_days};
use crate::store::{Order, ScheduleFilter};
use crate::web::problem::Problem;
use crate::web::secret::now;

/// Posts of a week that are shown at most.
const WEEK_ROWS: u32 = 3000;

#[derive(Debug, Serialize)]
pub(super) struct Calendar {
    title: String,
    previous: String,
    next: String,
    days: Vec<Day>,
    /// Number of posts beyond [`WEEK_ROWS`].
    hidden: i64,
    /// Whether the posts of each client are expanded.
    is_unfolded: bool,
}

#[derive(Debug, Serialize)]
struct Day {
    label: String,
    is_today: bool,
    count: usize,
    clients: Vec<ClientDay>,
}

/// A client's posts of a day.
#[derive(Debug, Serialize)]
struct ClientDay {
    name: String,
    waiting: usize,
    rows: Vec<Row>,
}

/// A day of the week to show: that of the filter, else that of the next post that needs approval, else that of the next
/// post, else today.
async fn day_of_week(
    visit: &Visit,
    query_params: &ScheduleQuery,
    filter: &ScheduleFilter,
    today: NaiveDate,
) -> Result<NaiveDate, Problem> {
    if let Some(day) = parse_date(&query_params.from) {
        return Ok(day);
    }
    let open = [ScheduleStatus::Ready, ScheduleStatus::Executing, ScheduleStatus::Blocked];
    let (waiting, statuses) = ([ScheduleStatus::Pending], filter.statuses.as_slice());
    let candidates: &[&[ScheduleStatus]] = if statuses.is_empty() { &[&waiting, &open] } else { &[statuses] };
    for statuses in candidates {
        let next = ScheduleFilter { statuses: statuses.to_vec(), from: Some(now()), to: None, ..filter.clone() };
        let found = visit.ledger().schedule_page(&next, Order::Soonest, None, 1).await?;
        if let Some(schedule) = found.rows.first() {
            return Ok(words::local_day(schedule));
        }
    }
    Ok(today)
}

/// The week that the query parameters select, with its posts by day and client.
pub(super) async fn week(
    visit: &Visit,
    query_params: &ScheduleQuery,
    filter: ScheduleFilter,
    names: &words::Names<'_>,
) -> Result<Calendar, Problem> {
    let today = now().date();
    let chosen = day_of_week(visit, query_params, &filter, today).await?;
    let monday = Week::of(chosen).monday();
    let sunday = plus_days(monday, 6);
    let whole = ScheduleFilter { first_day: Some(monday), last_day: Some(sunday), from: None, to: None, ..filter };
    let found = visit.ledger().schedule_page(&whole, Order::Soonest, None, WEEK_ROWS).await?;
    let hidden = match found.next {
        Some(_) => {
            let counts = visit.ledger().schedules_by_day(&whole).await?;
            counts.iter().map(|day| day.count).sum::<i64>() - i64::from(WEEK_ROWS)
        }
        None => 0,
    };
    let mut by_day: BTreeMap<NaiveDate, Vec<Row>> = BTreeMap::new();
    for schedule in &found.rows {
        by_day.entry(words::local_day(schedule)).or_default().push(Row::of(visit, names, schedule));
    }
    let dates = (0..7).map(|offset| plus_days(monday, offset));
    let days = dates.map(|date| day(date, today, by_day.remove(&date).unwrap_or_default())).collect();
    let link = |from: NaiveDate| {
        let wanted = ScheduleQuery { from: from.to_string(), to: String::new(), ..query_params.clone() };
        wanted.link(visit)
    };
    Ok(Calendar {
        title: format!("{} to {}", monday.format("%-d %B"), sunday.format("%-d %B %Y")),
        previous: link(plus_days(monday, -7)),
        next: link(plus_days(monday, 7)),
        days,
        hidden,
        is_unfolded: !query_params.client.is_empty(),
    })
}

/// The posts of a day by client, ordered by the client's name.
fn day(date: NaiveDate, today: NaiveDate, rows: Vec<Row>) -> Day {
    let count = rows.len();
    let mut by_client: BTreeMap<(String, String), Vec<Row>> = BTreeMap::new();
    for row in rows {
        by_client.entry((row.client_name.clone(), row.client_id.clone())).or_default().push(row);
    }
    let clients = by_client.into_iter().map(|((name, _), rows)| {
        let waiting = rows.iter().filter(|row| row.status == ScheduleStatus::Pending.name()).count();
        ClientDay { name, waiting, rows }
    });
    Day { label: date.format("%a %-d %b").to_string(), is_today: date == today, count, clients: clients.collect() }
}
