//! The week view of schedules: all posts by day and client.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde::Serialize;

use super::Visit;
use super::display::{self, Row};
use super::schedule_query::ScheduleQuery;
use crate::model::{ScheduleStatus, Week, parse_date, plus_days};
use crate::store::{Order, ScheduleFilter};
use crate::web::clock::now;
use crate::web::problem::Problem;

/// Maximum number of posts shown in a week.
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
    is_expanded: bool,
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
    /// Number of posts that need approval.
    pending: usize,
    rows: Vec<Row>,
}

/// A day in the week to show: the first day of the filter; without one, the day of the next post that needs approval;
/// without such a post, the day of the next open post; without any, today.
async fn find_day_to_show(
    visit: &Visit,
    query_params: &ScheduleQuery,
    filter: &ScheduleFilter,
    today: NaiveDate,
) -> Result<NaiveDate, Problem> {
    if let Some(day) = parse_date(&query_params.from) {
        return Ok(day);
    }
    let other_open = [ScheduleStatus::Ready, ScheduleStatus::Executing, ScheduleStatus::Blocked];
    let (pending, statuses) = ([ScheduleStatus::Pending], filter.statuses.as_slice());
    let candidates: &[&[ScheduleStatus]] = if statuses.is_empty() { &[&pending, &other_open] } else { &[statuses] };
    for statuses in candidates {
        let upcoming = ScheduleFilter { statuses: statuses.to_vec(), from: Some(now()), to: None, ..filter.clone() };
        let page = visit.ledger().schedule_page(&upcoming, Order::Soonest, None, 1).await?;
        if let Some(schedule) = page.rows.first() {
            return Ok(display::local_day(schedule));
        }
    }
    Ok(today)
}

/// The week that the query parameters select, with its posts by day and client.
pub(super) async fn calendar(
    visit: &Visit,
    query_params: &ScheduleQuery,
    filter: ScheduleFilter,
    names: &display::ClientNames<'_>,
) -> Result<Calendar, Problem> {
    let today = now().date();
    let day_to_show = find_day_to_show(visit, query_params, &filter, today).await?;
    let monday = Week::of(day_to_show).monday();
    let sunday = plus_days(monday, 6);
    let filter = ScheduleFilter { first_day: Some(monday), last_day: Some(sunday), from: None, to: None, ..filter };
    let page = visit.ledger().schedule_page(&filter, Order::Soonest, None, WEEK_ROWS).await?;
    let hidden = match page.next {
        Some(_) => {
            let counts = visit.ledger().schedules_by_day(&filter).await?;
            counts.iter().map(|day| day.count).sum::<i64>() - i64::from(WEEK_ROWS)
        }
        None => 0,
    };
    let mut by_day: BTreeMap<NaiveDate, Vec<Row>> = BTreeMap::new();
    for schedule in &page.rows {
        by_day.entry(display::local_day(schedule)).or_default().push(Row::new(visit, names, schedule));
    }
    let dates = (0..7).map(|offset| plus_days(monday, offset));
    let days = dates.map(|date| day(date, today, by_day.remove(&date).unwrap_or_default())).collect();
    let link = |from: NaiveDate| {
        let query = ScheduleQuery { from: from.to_string(), to: String::new(), ..query_params.clone() };
        query.link(visit)
    };
    Ok(Calendar {
        title: format!("{} to {}", monday.format("%-d %B"), sunday.format("%-d %B %Y")),
        previous: link(plus_days(monday, -7)),
        next: link(plus_days(monday, 7)),
        days,
        hidden,
        is_expanded: !query_params.client.is_empty(),
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
        let pending = rows.iter().filter(|row| row.status == ScheduleStatus::Pending.name()).count();
        ClientDay { name, pending, rows }
    });
    Day { label: date.format("%a %-d %b").to_string(), is_today: date == today, count, clients: clients.collect() }
}
