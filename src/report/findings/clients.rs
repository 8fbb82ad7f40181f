//! The section on clients. Clients of which the smallest share of wanted posts became drafts come first.

use std::cmp::Ordering;

use super::{Block, Cell, INTERVAL_NOTE, Section, Table, plain};
use crate::report::TableFormat;
use crate::report::numbers::{NONE, above_or_below, count, count_with_noun, percent, share};
use crate::simulator::{ClientSummary, Simulation};

/// Up to this many clients, all are shown.
const MAX_CLIENTS_SHOWN: usize = 50;

/// Number of clients shown if there are more.
const SHOWN_WORST: usize = 25;

/// Share of drafts in wanted posts below which the summary counts a client.
const LOW_SHARE: f64 = 0.7;

/// The section.
pub fn section(simulation: &Simulation, tables: TableFormat) -> Section {
    let mut clients: Vec<&ClientSummary> = simulation.clients.iter().collect();
    clients.sort_by(|a, b| worst_first(a, b));
    let mut blocks = vec![Block::paragraph(&summary(&clients))];
    if !clients.is_empty() {
        blocks.push(Block::Table { table: table(&clients, tables, simulation.provenance.committed_posts > 0) });
    }
    Section { id: "clients", title: "Clients", blocks }
}

fn drafted_share(client: &ClientSummary) -> Option<f64> {
    share(client.posts_drafted, client.posts_wanted)
}

/// Smallest share of drafts in wanted posts first, then the most wanted posts; clients without wanted posts come last.
fn worst_first(a: &ClientSummary, b: &ClientSummary) -> Ordering {
    let rank = |client: &ClientSummary| drafted_share(client).unwrap_or(f64::INFINITY);
    rank(a)
        .total_cmp(&rank(b))
        .then(b.posts_wanted.total_cmp(&a.posts_wanted))
        .then_with(|| a.client_id.cmp(&b.client_id))
}

fn summary(sorted: &[&ClientSummary]) -> String {
    let with_share: Vec<(&ClientSummary, f64)> =
        sorted.iter().filter_map(|client| Some((*client, drafted_share(client)?))).collect();
    let (Some((worst, lowest)), Some((best, highest))) = (with_share.first(), with_share.last()) else {
        return "No client had wanted posts.".to_owned();
    };
    if with_share.len() == 1 {
        return format!(
            "For the only client, {}, {} of the wanted posts became drafts.",
            plain(&worst.name),
            percent(Some(*lowest))
        );
    }
    // Shares are compared as whole per cents, as the report shows them.
    let low = with_share.iter().filter(|(_, share)| (share * 100.0).round() < LOW_SHARE * 100.0).count();
    let below = match low {
        0 => format!("For every client, at least {} of the wanted posts became drafts", percent(Some(LOW_SHARE))),
        _ => format!(
            "For {}, less than {} of the wanted posts became drafts",
            count_with_noun(low as f64, "client", "clients"),
            percent(Some(LOW_SHARE))
        ),
    };
    format!(
        "{below}. The lowest share is that of {} ({}), the highest that of {} ({}).",
        plain(&worst.name),
        percent(Some(*lowest)),
        plain(&best.name),
        percent(Some(*highest)),
    )
}

fn table(sorted: &[&ClientSummary], tables: TableFormat, has_committed: bool) -> Table {
    let shown = if sorted.len() <= MAX_CLIENTS_SHOWN { sorted.len() } else { SHOWN_WORST };
    let further_titles = [
        "Drafted",
        "Drafted / wanted",
        "Blocked",
        "Reviewed",
        "No asset",
        "Engagements",
        "Against expected",
        "Net worth",
        "Fatigue",
    ];
    let committed = has_committed.then_some("Committed");
    let columns: Vec<&str> = std::iter::once("Wanted").chain(committed).chain(further_titles).collect();
    let rows = sorted.iter().take(shown).map(|client| row(client, has_committed)).collect();
    let table = Table::new("Clients, lowest share of drafts in wanted posts first", "Client", &columns, rows);
    let has_intervals = sorted.iter().any(|client| client.engagement.interval.is_some());
    let interval_note = has_intervals.then(|| INTERVAL_NOTE.to_owned());
    let omitted_note = (shown < sorted.len()).then(|| {
        format!(
            "These are the {shown} of {} clients that need attention most; all are in tables/clients.{}.",
            count(sorted.len() as f64),
            tables.extension()
        )
    });
    let notes: Vec<String> = omitted_note.into_iter().chain(interval_note).collect();
    Table { note: (!notes.is_empty()).then(|| notes.join(" ")), ..table }
}

fn row(client: &ClientSummary, has_committed: bool) -> Vec<Cell> {
    let detail = format!("{} · {} · {}", client.client_id, client.workspace_id, client.time_zone);
    let expected = above_or_below(client.engagement.mean, client.expected_engagement);
    let fallback = if client.engagement.mean > 0.0 { "almost none expected" } else { NONE };
    let first_cells = [Cell::text(&client.name).with_detail(detail), Cell::count(client.posts_wanted)];
    let committed = has_committed.then(|| Cell::count(client.posts_committed));
    let further_cells = [
        Cell::count(client.posts_drafted),
        Cell::bar(drafted_share(client)),
        Cell::count(client.posts_blocked),
        Cell::count(client.reviews),
        Cell::count(client.without_asset),
        Cell::estimate(&client.engagement),
        Cell::text(expected.unwrap_or_else(|| fallback.to_owned())),
        Cell::estimate(&client.net_worth),
        Cell::score(client.mean_fatigue),
    ];
    first_cells.into_iter().chain(committed).chain(further_cells).collect()
}
