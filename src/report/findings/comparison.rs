//! The findings of a comparison: verdicts, every headline measure, and the differences by week, channel and client.

use super::verdict::{is_clear, verdicts};
use super::{Block, Card, Cell, Section, Table, Term, code, plain};
use crate::report::TableFormat;
use crate::report::numbers::{
    change, change_range, count, count_change, count_change_range, count_with_noun, p_value, percent, range,
};
use crate::report::subject::Subject;
use crate::simulator::{ClientDifference, Compared, Comparison, Measure, MeasureDifference, Versus};
use crate::stats::Difference;

/// Up to this many clients, all are shown; if there are more, only those that lose most.
const MAX_CLIENTS_SHOWN: usize = 50;
const SHOWN_WORST: usize = 25;

/// The sections with the findings.
pub fn sections(comparison: &Comparison, tables: TableFormat) -> Vec<Section> {
    vec![
        verdict(comparison),
        Section { id: "weeks", title: "Weeks", blocks: vec![Block::Figure { name: "difference-weeks" }] },
        channels(comparison),
        clients(comparison, tables),
    ]
}

fn base_label(comparison: &Comparison) -> &str {
    comparison.base().map_or("", |variant| &variant.label)
}

fn verdict(comparison: &Comparison) -> Section {
    let mut blocks: Vec<Block> = verdicts(comparison).iter().map(|text| Block::paragraph(text)).collect();
    blocks.push(Block::paragraph(&uncertainty(comparison)));
    blocks.extend(variance_reduction(comparison).map(|text| Block::paragraph(&text)));
    if let [versus] = comparison.versus.as_slice() {
        blocks.push(Block::Cards { cards: cards(versus, Subject::of(comparison)) });
    }
    blocks.push(Block::Terms { terms: terms(comparison.compared) });
    blocks.extend(comparison.versus.iter().map(|versus| Block::Table { table: headline_table(comparison, versus) }));
    Section { id: "verdict", title: "Result", blocks }
}

/// The number of replications, why the run stopped after them, and what the ranges are.
fn uncertainty(comparison: &Comparison) -> String {
    let replications = comparison.base().map_or(0, |variant| variant.provenance.replications);
    let Subject { singular, preposition, .. } = Subject::of(comparison);
    if replications < 2 {
        return format!(
            "One replication was run {preposition} each {singular}, so there are no intervals: with other random numbers \
             the result may be the opposite. Run at least 20 replications before you act on a difference."
        );
    }
    let intervals = format!(
        "Every difference is the mean over {replications} replications, each run {preposition} every {singular} with \
         common random numbers; the range is its 95\u{a0}% interval."
    );
    let Some(until) = &comparison.until else { return intervals };
    let target = percent(Some(until.half_width));
    if until.is_reached {
        format!(
            "{intervals} The run stopped then, because the half-width of the interval had reached {target} of the base."
        )
    } else {
        format!(
            "{intervals} The half-width of the interval did not reach the requested {target} of the base; more \
             replications would narrow it."
        )
    }
}

/// How much variance common random numbers removed.
fn variance_reduction(comparison: &Comparison) -> Option<String> {
    let [versus] = comparison.versus.as_slice() else { return None };
    let difference = &versus.measure(Measure::NetWorth)?.difference;
    let share = difference.variance_reduction.filter(|share| *share > 0.0 && !difference.is_same)?;
    let times = 1.0 / (1.0 - share);
    let equivalent = if times.is_finite() && times >= 1.05 {
        format!(
            " With independent random numbers, the same precision would take {} times as many replications.",
            count(times)
        )
    } else {
        String::new()
    };
    Some(format!(
        "Common random numbers removed {} of the variance of the difference in net worth.{equivalent}",
        percent(Some(share))
    ))
}

fn cards(versus: &Versus, subject: Subject) -> Vec<Card> {
    let measures = [
        ("Net worth", Measure::NetWorth),
        ("Engagements", Measure::Engagement),
        ("Hours of work", Measure::HoursOfWork),
        ("Audience at the end", Measure::AudienceEnd),
        ("Drafts", Measure::PostsDrafted),
        ("Reviews", Measure::Reviews),
        ("Blocked posts", Measure::PostsBlocked),
        ("Posts without an asset", Measure::WithoutAsset),
    ];
    let mut cards: Vec<Card> = measures
        .into_iter()
        .filter_map(|(label, measure)| Some(card(label, &versus.measure(measure)?.difference, subject)))
        .collect();
    cards.push(client_card(versus));
    cards
}

fn card(label: &'static str, difference: &Difference, subject: Subject) -> Card {
    let shown = |value: f64| match difference.share_of_base(value) {
        Some(share) => change(Some(share)),
        None => count_change(value),
    };
    let mut lines = vec![if difference.is_same {
        format!("{} {} both", count(difference.base), subject.preposition)
    } else {
        format!("{} instead of {}", count(difference.other), count(difference.base))
    }];
    if let Some(ends) = difference.interval.filter(|_| varies(difference)) {
        let range = difference.relative_interval().map_or_else(|| count_change_range(ends), change_range);
        lines.push(format!("95\u{a0}% interval {range}"));
    }
    Card { label, value: shown(difference.mean), lines }
}

fn client_card(versus: &Versus) -> Card {
    let counts = &versus.client_counts;
    let mut lines = vec![
        format!("{} clearly", counts.clearly_worse),
        match counts.better {
            0 => "none has more".to_owned(),
            better => format!("{better} have more, {} of them clearly", counts.clearly_better),
        },
    ];
    let one_sided = versus.only_base.len() + versus.only_other.len();
    if one_sided > 0 {
        lines.push(format!("not counted: {one_sided} in only one scenario"));
    }
    Card { label: "Clients with less net worth", value: format!("{} of {}", counts.worse, counts.clients), lines }
}

fn terms(compared: Compared) -> Vec<Term> {
    let term = |word, meaning| Term { word, meaning };
    vec![
        term(
            "Base",
            match compared {
                Compared::Packs => "the pack that the others are compared with.",
                Compared::Scenarios => "the scenario that the others are compared with.",
            },
        ),
        term(
            "Gains, loses, clearly",
            "the 95\u{a0}% interval excludes 0. This happens by chance for one in twenty clients without a real difference.",
        ),
        term(
            "p",
            "the probability of a difference at least this large if there were no real one, from a paired t test.",
        ),
        term("Variance reduction", "the share of the variance of a difference that common random numbers removed."),
    ]
}

/// The display name of a headline measure.
pub const fn measure_label(measure: Measure) -> &'static str {
    match measure {
        Measure::NetWorth => "Net worth",
        Measure::Engagement => "Engagements",
        Measure::ExpectedEngagement => "Engagements expected by the planner",
        Measure::HoursOfWork => "Hours of work",
        Measure::Cost => "Cost",
        Measure::AudienceEnd => "Audience at the end",
        Measure::PostsWanted => "Posts wanted",
        Measure::PostsPlanned => "Posts planned",
        Measure::PostsDrafted => "Drafts",
        Measure::PostsBlocked => "Blocked posts",
        Measure::Reviews => "Reviews",
        Measure::Rejected => "Rejected by a reviewer",
        Measure::Expired => "Not approved in time",
        Measure::WithoutAsset => "Posts without an asset",
        Measure::HoursAboveWarn => "Channel-hours at or above the base's warn threshold",
        Measure::HoursAboveBlock => "Channel-hours at or above the base's block threshold",
    }
}

fn headline_table(comparison: &Comparison, versus: &Versus) -> Table {
    let cells_of = |row: &MeasureDifference| {
        let mut cells = vec![Cell::text(measure_label(row.measure))];
        cells.extend(difference_cells(&row.difference));
        let p = p_value(row.corrected_p.filter(|_| !row.difference.is_same));
        cells.push(Cell { detail: is_clear(row).then(|| "clear".to_owned()), ..Cell::text(p) });
        cells.push(Cell::bar(row.difference.variance_reduction.filter(|_| varies(&row.difference))));
        cells
    };
    let [base, variant, difference, of_base] = difference_columns(comparison);
    let columns = [base, variant, difference, of_base, "p", "Variance reduction"];
    let rows = versus.headline.iter().map(cells_of).collect();
    let table = Table::new(caption("Headline figures", comparison, versus), "Figure", &columns, rows);
    let others = comparison.versus.len();
    let corrected = (others > 1).then(|| {
        let comparisons = count_with_noun(others as f64, "comparison", "comparisons");
        format!(" p is corrected for {comparisons} by Holm's method; the intervals are not.")
    });
    let note = format!(
        "Totals per replication over all weeks, channels and clients. The range below a difference is its 95\u{a0}% \
         interval; a difference is clear if p is below 0.05.{}",
        corrected.unwrap_or_default()
    );
    Table { note: has_intervals(comparison).then_some(note), ..table }
}

fn has_intervals(comparison: &Comparison) -> bool {
    comparison.base().is_some_and(|variant| variant.provenance.replications > 1)
}

fn caption(title: &str, comparison: &Comparison, versus: &Versus) -> String {
    format!("{title}: {} against {}", versus.label, base_label(comparison))
}

/// Whether the difference varies between replications, so that its interval is informative.
fn varies(difference: &Difference) -> bool {
    difference.half_width().is_some_and(|half_width| half_width > 0.0)
}

/// Base, other, difference, and difference relative to the base, with the intervals of the differences.
fn difference_cells(difference: &Difference) -> [Cell; 4] {
    let interval = difference.interval.filter(|_| varies(difference));
    let relative = difference.relative_interval().filter(|_| varies(difference));
    [
        Cell::count(difference.base),
        Cell::count(difference.other),
        Cell { detail: interval.map(range), ..Cell::text(count_change(difference.mean)) },
        Cell { detail: relative.map(change_range), ..Cell::text(of_base(difference)) },
    ]
}

/// The difference in per cent of the base, or why there is none.
pub fn of_base(difference: &Difference) -> String {
    if difference.is_base_negligible() {
        return "base close to zero".to_owned();
    }
    change(difference.relative())
}

const fn difference_columns(comparison: &Comparison) -> [&'static str; 4] {
    let variant = match comparison.compared {
        Compared::Packs => "This pack",
        Compared::Scenarios => "This scenario",
    };
    ["Base", variant, "Difference", "Of base"]
}

fn channels(comparison: &Comparison) -> Section {
    let table = |versus: &Versus| {
        let rows = versus.channels.iter().map(|channel| {
            let clients = Cell {
                detail: (channel.clients != channel.base_clients).then(|| format!("base {}", channel.base_clients)),
                ..Cell::count(f64::from(channel.clients))
            };
            let names = [Cell::code(channel.channel.name()), clients];
            names.into_iter().chain(difference_cells(&channel.engagement)).collect()
        });
        let columns: Vec<&'static str> = std::iter::once("Clients").chain(difference_columns(comparison)).collect();
        let caption = caption("Engagements of each channel", comparison, versus);
        Block::Table { table: Table::new(caption, "Channel", &columns, rows.collect()) }
    };
    let mut blocks = vec![Block::Figure { name: "difference-channels" }];
    blocks.extend(comparison.versus.iter().map(table));
    Section { id: "channels", title: "Channels", blocks }
}

fn clients(comparison: &Comparison, tables: TableFormat) -> Section {
    let subject = Subject::of(comparison);
    let paragraph = |versus| Block::paragraph(&client_sentences(versus, subject));
    let mut blocks: Vec<Block> = comparison.versus.iter().map(paragraph).collect();
    blocks.push(Block::Figure { name: "difference-clients" });
    blocks.extend(
        comparison.versus.iter().map(|versus| Block::Table { table: client_table(comparison, versus, tables) }),
    );
    blocks.extend(
        comparison.versus.iter().filter_map(|versus| one_sided(comparison, versus)).map(|table| Block::Table { table }),
    );
    Section { id: "clients", title: "Clients", blocks }
}

fn client_sentences(versus: &Versus, Subject { preposition, .. }: Subject) -> String {
    let one_sided = versus.only_base.len() + versus.only_other.len();
    let name = code(&versus.label);
    let in_both = versus.client_counts.clients;
    match (in_both, one_sided) {
        (_, 0) => paired_client_sentence(versus, preposition, ""),
        (0, _) => format!("The base and {name} have no client in common."),
        (_, one_sided) => {
            let clients = count_with_noun(one_sided as f64, "client is", "clients are");
            format!(
                "{} {clients} planned for in only one of the base and {name}, and counted in the totals.",
                paired_client_sentence(versus, preposition, " in both scenarios"),
            )
        }
    }
}

/// How many of the clients in both variants gain and lose. `both` is " in both scenarios" if some clients are in only
/// one, otherwise empty.
fn paired_client_sentence(versus: &Versus, preposition: &str, both: &str) -> String {
    let counts = &versus.client_counts;
    let name = code(&versus.label);
    if counts.same == counts.clients && both.is_empty() {
        let preposition = if preposition == "in" { "In" } else { "Under" };
        return format!("{preposition} {name} every client has the same net worth in every replication.");
    }
    if counts.same == counts.clients {
        return format!("Every client{both} has the same net worth in every replication.");
    }
    let part = |count: u32, clearly: u32| {
        if count == 0 {
            return "none".to_owned();
        }
        let share = percent(Some(f64::from(count) / f64::from(counts.clients.max(1))));
        format!("{count} ({share}; {clearly} clearly)")
    };
    let same = match counts.same {
        0 => String::new(),
        1 => "; 1 has the same net worth in every replication".to_owned(),
        same => format!("; {same} have the same net worth in every replication"),
    };
    format!(
        "Of {}{both}, {} have more net worth {preposition} {name} and {} less{same}.",
        count_with_noun(f64::from(counts.clients), "client", "clients"),
        part(counts.better, counts.clearly_better),
        part(counts.worse, counts.clearly_worse),
    )
}

fn client_table(comparison: &Comparison, versus: &Versus, tables: TableFormat) -> Table {
    let mut sorted: Vec<&ClientDifference> = versus.clients.iter().collect();
    let rank = |client: &ClientDifference| client.net_worth.relative().unwrap_or(f64::INFINITY);
    sorted.sort_by(|a, b| rank(a).total_cmp(&rank(b)));
    let shown = if sorted.len() <= MAX_CLIENTS_SHOWN { sorted.len() } else { SHOWN_WORST };
    let row = |client: &&ClientDifference| {
        let name = Cell::text(plain(&client.name)).with_detail(client.client_id.to_string());
        std::iter::once(name).chain(difference_cells(&client.net_worth)).collect()
    };
    let rows = sorted.iter().take(shown).map(row).collect();
    let caption = caption("Net worth of clients, largest loss first", comparison, versus);
    let note = (shown < sorted.len()).then(|| {
        let all = count(sorted.len() as f64);
        format!(
            "These are the {shown} of {all} clients that lose most or gain least; all are in tables/difference_clients.{}.",
            tables.extension()
        )
    });
    Table { note, ..Table::new(caption, "Client", &difference_columns(comparison), rows) }
}

/// The clients that are planned for in only one scenario; `None` if there are none.
fn one_sided(comparison: &Comparison, versus: &Versus) -> Option<Table> {
    let part = |clients: &[ClientDifference], scenario: &str, value: fn(&Difference) -> f64| {
        let row = |client: &ClientDifference| {
            let name = Cell::text(plain(&client.name)).with_detail(client.client_id.to_string());
            vec![name, Cell::text(plain(scenario)), Cell::count(value(&client.net_worth))]
        };
        clients.iter().take(MAX_CLIENTS_SHOWN).map(row).collect::<Vec<_>>()
    };
    let mut rows = part(&versus.only_base, base_label(comparison), |difference| difference.base);
    rows.extend(part(&versus.only_other, &versus.label, |difference| difference.other));
    let all = versus.only_base.len() + versus.only_other.len();
    let left_out = all.checked_sub(rows.len()).filter(|count| *count > 0);
    let note = left_out.map(|count| format!("{count} more are in the table of clients."));
    let caption = caption("Clients planned for in only one scenario", comparison, versus);
    (all > 0).then(|| Table { note, ..Table::new(caption, "Client", &["Only in", "Net worth"], rows) })
}
