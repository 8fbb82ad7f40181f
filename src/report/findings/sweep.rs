//! The findings of a sweep: the trade-off between its two goals, the effect of each key, and every point.

use std::collections::BTreeSet;

use super::comparison::{measure_label, of_base};
use super::{Block, Cell, Section, Table, Term, code, plain};
use crate::report::TableFormat;
use crate::report::numbers::{change, count, count_change, count_with_noun, percent, range};
use crate::simulator::{Direction, Goal, Measure, Sensitivity, Sweep, SweepPoint};

/// A table with up to this many points shows them all.
const MAX_POINTS_SHOWN: usize = 50;
/// Number of points that a table shows of more than [`MAX_POINTS_SHOWN`].
const SHOWN_FIRST: usize = 25;

/// The sections with the findings.
pub fn sections(sweep: &Sweep, tables: TableFormat) -> Vec<Section> {
    vec![frontier(sweep, tables), keys(sweep), points(sweep, tables)]
}

/// A sentence on the trade-off, and one on the measure of each goal.
pub fn sweep_sentences(sweep: &Sweep) -> Vec<String> {
    std::iter::once(trade_off(sweep))
        .chain(sweep.goals.iter().map(|goal| largest_effect(sweep, goal.measure)))
        .collect()
}

/// A goal in words: `more engagements`.
pub fn goal_text(goal: Goal) -> String {
    let adjective = match (goal.direction, goal.measure) {
        (Direction::More, _) => "more",
        (Direction::Fewer, Measure::NetWorth | Measure::Cost) => "less",
        (Direction::Fewer, _) => "fewer",
    };
    format!("{adjective} {}", noun(goal.measure))
}

/// The noun for a headline measure.
const fn noun(measure: Measure) -> &'static str {
    match measure {
        Measure::NetWorth => "net worth",
        Measure::Engagement => "engagements",
        Measure::ExpectedEngagement => "expected engagements",
        Measure::HoursOfWork => "hours of work",
        Measure::Cost => "cost",
        Measure::AudienceEnd => "people in the audience at the end",
        Measure::PostsWanted => "wanted posts",
        Measure::PostsPlanned => "planned posts",
        Measure::PostsDrafted => "drafts",
        Measure::PostsBlocked => "blocked posts",
        Measure::Reviews => "reviews",
        Measure::Rejected => "rejected posts",
        Measure::Expired => "posts not approved in time",
        Measure::WithoutAsset => "posts without an asset",
        Measure::HoursAboveWarn => "channel-hours at or above the base's warn threshold",
        Measure::HoursAboveBlock => "channel-hours at or above the base's block threshold",
    }
}

/// Maximum number of values of the second key in the figure of curves, which has a line for each.
const MAX_CURVES: usize = 6;

/// The indices of the keys in the figure of curves: first the key on the horizontal axis; then, if two keys vary, the
/// second key, which has one line per value. Empty if there is no such figure: it needs a grid without omitted points
/// in which one or two keys vary, the second over at most [`MAX_CURVES`] values.
pub fn curve_keys(sweep: &Sweep) -> Vec<usize> {
    let values = |key: usize| {
        let written = sweep.points.iter().filter_map(|point| Some(&point.settings.get(key)?.written));
        written.collect::<BTreeSet<_>>().len()
    };
    let varying: Vec<usize> = (0..sweep.keys.len()).filter(|key| values(*key) > 1).collect();
    let is_grid = sweep.design == "grid" && sweep.left_out.is_empty();
    let is_shown = match varying[..] {
        [_] => is_grid,
        [_, second] => is_grid && values(second) <= MAX_CURVES,
        _ => false,
    };
    if is_shown { varying } else { Vec::new() }
}

/// The points on the frontier, highest mean of the first goal first.
fn on_frontier(sweep: &Sweep) -> Vec<&SweepPoint> {
    let mut points: Vec<&SweepPoint> = sweep.points.iter().filter(|point| point.is_on_frontier).collect();
    let [first, _] = sweep.goals.map(|goal| goal.measure);
    points.sort_by(|a, b| mean(b, first).total_cmp(&mean(a, first)));
    points
}

fn mean(point: &SweepPoint, measure: Measure) -> f64 {
    point.measure(measure).map_or(f64::NAN, |row| row.estimate.mean)
}

fn trade_off(sweep: &Sweep) -> String {
    let [first, second] = sweep.goals.map(goal_text);
    let count = on_frontier(sweep).len();
    let all = count_with_noun(sweep.points.len() as f64, "point", "points");
    let are = if count == 1 { "is" } else { "are" };
    let base = if sweep.base.is_on_frontier {
        "No point is better than the base pack in one goal without being worse in the other.".to_owned()
    } else {
        better_than_base(sweep)
    };
    format!("Of {all}, {count} {are} on the frontier between {first} and {second}. {base}")
}

/// Names a point that does at least as well as the base pack in both goals.
fn better_than_base(sweep: &Sweep) -> String {
    let gain = |point: &SweepPoint, goal: Goal| {
        let difference = point.measure(goal.measure).map_or(0.0, |row| row.difference.mean);
        if goal.direction == Direction::More { difference } else { -difference }
    };
    let is_at_least_as_good = |point: &&&SweepPoint| sweep.goals.iter().all(|goal| gain(point, *goal) >= 0.0);
    let frontier = on_frontier(sweep);
    let Some(point) = frontier.iter().find(is_at_least_as_good) else { return String::new() };
    let changes = sweep.goals.map(|goal| {
        let difference = point.measure(goal.measure).map(|row| row.difference).unwrap_or_default();
        let shown = difference.relative().map_or_else(|| count_change(difference.mean), |share| change(Some(share)));
        format!("{} {shown}", measure_label(goal.measure))
    });
    let [first, second] = changes;
    format!("The base pack is not on it: point {} is at least as good in both goals ({first}, {second}).", point.number)
}

/// A sentence on the key that explains most of a measure's variance, and on how much may be random variation.
fn largest_effect(sweep: &Sweep, measure: Measure) -> String {
    let name = measure_label(measure);
    let first = sweep.sensitivities_of(measure).next();
    let Some((key, share)) = first.and_then(|row| Some((&row.key, row.share?))) else {
        return format!("{name}: the same at every point.");
    };
    let noise = match sweep.noise_of(measure) {
        Some(noise) => format!(" Random variation alone would explain {}.", percent(Some(noise.min(1.0)))),
        None => String::new(),
    };
    let share = percent(Some(share));
    format!("{name}: {} has the largest effect and alone explains {share} of the variance.{noise}", code(key))
}

fn frontier(sweep: &Sweep, tables: TableFormat) -> Section {
    let on_frontier = on_frontier(sweep);
    let caption = "Points on the frontier, the highest value of the first goal first";
    let curves = (!curve_keys(sweep).is_empty()).then_some(Block::Figure { name: "sweep-curves" });
    let mut blocks = vec![
        Block::paragraph(&trade_off(sweep)),
        Block::paragraph(&uncertainty(sweep)),
        Block::Figure { name: "sweep-frontier" },
    ];
    blocks.extend(curves);
    let table = point_table(sweep, &on_frontier, caption, tables);
    blocks.extend([Block::Table { table }, Block::Terms { terms: terms() }]);
    Section { id: "frontier", title: "Trade-off", blocks }
}

fn uncertainty(sweep: &Sweep) -> String {
    let replications = sweep.provenance.replications;
    if replications < 2 {
        return "One replication was run at each point, so there are no intervals: with other random numbers the result may \
                be the opposite."
            .to_owned();
    }
    format!(
        "Every number is the mean over {replications} replications, each run at every point with common random numbers; \
         the range below a difference is its 95\u{a0}% interval. The best of many points look better than they are: \
         simulate the points you choose again with more replications."
    )
}

fn terms() -> Vec<Term> {
    let term = |word, meaning| Term { word, meaning };
    vec![
        term(
            "Frontier",
            "the points that no other dominates: no other point is at least as good in both goals and better in one.",
        ),
        term("Base", "the unmodified pack, from which all differences are taken."),
        term(
            "Share of variance",
            "the share of the variance between points explained by this key alone: the first-order Sobol' index. The \
             rest, up to 100\u{a0}%, comes from interactions of keys and random variation.",
        ),
    ]
}

/// The settings of a point: `fatigue.warn_at 0.4 · fatigue.block_at 0.8`.
fn settings_text(sweep: &Sweep, point: &SweepPoint) -> String {
    let settings = sweep.keys.iter().zip(&point.settings);
    settings.map(|(key, level)| format!("{} {}", key.name(), level.written)).collect::<Vec<_>>().join(" · ")
}

fn point_table(sweep: &Sweep, points: &[&SweepPoint], caption: &str, tables: TableFormat) -> Table {
    let [first, second] = sweep.goals.map(|goal| goal.measure);
    let shown = if points.len() <= MAX_POINTS_SHOWN { points.len() } else { SHOWN_FIRST };
    let row = |point: &SweepPoint| {
        let name = match point.number {
            0 => Cell::text("Base"),
            number => Cell::text(format!("Point {number}")).with_detail(plain(&settings_text(sweep, point))),
        };
        let mut cells = vec![Cell { strong: point.number == 0, ..name }];
        for measure in [first, second] {
            let Some(row) = point.measure(measure) else { continue };
            let difference = row.difference;
            let interval = difference.interval.filter(|_| point.number > 0 && !difference.is_same);
            cells.push(Cell::count(row.estimate.mean));
            cells.push(Cell { detail: interval.map(range), ..Cell::text(count_change(difference.mean)) });
            cells.push(Cell::text(of_base(&difference)));
        }
        cells
    };
    let rows = std::iter::once(&sweep.base).chain(points.iter().take(shown).copied()).map(row).collect();
    let names = [measure_label(first), "Difference", "Relative", measure_label(second), "Difference", "Relative"];
    let note = (shown < points.len()).then(|| {
        let all = count(points.len() as f64);
        format!("These are {shown} of {all} points; all are in tables/points.{}.", tables.extension())
    });
    Table { note, ..Table::new(caption, "Point", &names, rows) }
}

fn keys(sweep: &Sweep) -> Section {
    let mut blocks: Vec<Block> =
        sweep.goals.iter().map(|goal| Block::paragraph(&largest_effect(sweep, goal.measure))).collect();
    blocks.push(Block::Figure { name: "sweep-keys" });
    blocks.extend(sweep.goals.iter().map(|goal| Block::Table { table: sensitivity_table(sweep, goal.measure) }));
    Section { id: "keys", title: "Effect of each key", blocks }
}

fn sensitivity_table(sweep: &Sweep, measure: Measure) -> Table {
    let cells_of = |row: &Sensitivity| {
        let swing = row.swing;
        let interval = swing.interval.filter(|_| !swing.is_same);
        let values = sweep.keys.iter().find(|key| key.name() == row.key).map(|key| plain(&key.values));
        vec![
            Cell { detail: values.map(|values| truncated(&values)), ..Cell::code(&row.key) },
            Cell::bar(row.share),
            Cell::count(swing.base).with_detail(format!("at {}", truncated(&plain(&row.least_at)))),
            Cell::count(swing.other).with_detail(format!("at {}", truncated(&plain(&row.most_at)))),
            Cell { detail: interval.map(range), ..Cell::text(count_change(swing.mean)) },
        ]
    };
    let rows = sweep.sensitivities_of(measure).map(cells_of).collect();
    let caption = format!("{}: keys by effect, largest first", measure_label(measure));
    let note = "Lowest and highest are means over all points with that value; the range below their difference is its \
                95\u{a0}% interval over replications. The two values were chosen because their means came out lowest \
                and highest, so a small difference may be due to chance even if its interval excludes 0.";
    let columns = ["Share of variance", "Lowest", "Highest", "Difference"];
    Table { note: Some(note.to_owned()), ..Table::new(caption, "Key", &columns, rows) }
}

/// A list of values, truncated to fit a cell.
fn truncated(values: &str) -> String {
    const MAX_CHARS: usize = 60;
    if values.chars().count() <= MAX_CHARS {
        return values.to_owned();
    }
    format!("{}…", values.chars().take(MAX_CHARS).collect::<String>())
}

fn points(sweep: &Sweep, tables: TableFormat) -> Section {
    let all: Vec<&SweepPoint> = sweep.points.iter().collect();
    let mut blocks = vec![Block::Table { table: point_table(sweep, &all, "Points by number", tables) }];
    if !sweep.left_out.is_empty() {
        let numbers: Vec<String> = sweep.left_out.iter().take(20).map(|point| point.point.to_string()).collect();
        let more = if sweep.left_out.len() > 20 { ", …" } else { "" };
        blocks.insert(
            0,
            Block::paragraph(&format!(
                "{} omitted because the pack is invalid: {}{more}. `run.json` has the errors of each.",
                count_with_noun(sweep.left_out.len() as f64, "point is", "points are"),
                numbers.join(", ")
            )),
        );
    }
    Section { id: "points", title: "All points", blocks }
}
