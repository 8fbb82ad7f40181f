//! The tables of a sweep.

use super::{ResultTable, columns};
use crate::rules::Level;
use crate::simulator::{Measure, PointMeasure, Sweep, SweepPoint};

/// The tables `points`, with a row for the base pack (number 0) and one for each point, and `sensitivities`, with a row
/// for each headline measure and key.
#[must_use]
pub fn sweep_tables(sweep: &Sweep) -> [ResultTable; 2] {
    [points(sweep), sensitivities(sweep)]
}

fn points(sweep: &Sweep) -> ResultTable {
    let rows: Vec<&SweepPoint> = std::iter::once(&sweep.base).chain(&sweep.points).collect();
    let mut table = ResultTable::new("points", "a point of the sweep, the base pack first");
    columns!(table, rows, |row| {
        /// Number of the point; 0 for the base pack.
        point: u32 = row.number,
    });
    for (axis, swept) in sweep.keys.iter().enumerate() {
        for (key, base) in swept.keys.iter().zip(&swept.base) {
            let of_points = sweep.points.iter().map(|point| point.settings.get(axis));
            let levels: Vec<Option<&Level>> = std::iter::once(base.as_ref()).chain(of_points).collect();
            add_levels(&mut table, key, &levels);
        }
    }
    columns!(table, rows, |row| {
        /// Whether no other point is at least as good in both goals and better in one.
        on_frontier: bool = row.is_on_frontier,
    });
    for measure in Measure::ALL {
        add_measure(&mut table, &rows, measure);
    }
    columns!(table, rows, |row| {
        /// Hash of the point's rules.
        rules_hash: String = row.rules_hash.clone(),
    });
    table
}

/// Adds the values of a key: as numbers if all of them are numbers, otherwise as written.
fn add_levels(table: &mut ResultTable, key: &str, levels: &[Option<&Level>]) {
    let doc = "Value of this rules key.";
    if levels.iter().flatten().all(|level| level.number.is_some()) {
        return table.add(key, doc, levels.iter().map(|level| level.and_then(|level| level.number)));
    }
    let plain = |level: &Level| level.written.trim_matches('"').to_owned();
    table.add(key, doc, levels.iter().map(|level| level.map(plain)));
}

/// Adds a headline measure and its difference from the base pack, each with its interval.
fn add_measure(table: &mut ResultTable, rows: &[&SweepPoint], measure: Measure) {
    type Part = (&'static str, &'static str, fn(&PointMeasure) -> Option<f64>);
    let parts: [Part; 6] = [
        ("", "The figure, mean over replications.", |row| Some(row.estimate.mean)),
        ("_low", "Lower end of the 95 % interval of that mean.", |row| row.estimate.interval.map(|[low, _]| low)),
        ("_high", "Upper end of that interval.", |row| row.estimate.interval.map(|[_, high]| high)),
        ("_difference", "The figure minus that of the base pack.", |row| Some(row.difference.mean)),
        ("_difference_low", "Lower end of the 95 % interval of that difference.", |row| {
            row.difference.interval.map(|[low, _]| low)
        }),
        ("_difference_high", "Upper end of that interval.", |row| row.difference.interval.map(|[_, high]| high)),
    ];
    for (ending, doc, value) in parts {
        let values = rows.iter().map(|point| point.measure(measure).and_then(value));
        table.add(format!("{}{ending}", measure.name()), doc, values);
    }
}

fn sensitivities(sweep: &Sweep) -> ResultTable {
    let rows = &sweep.sensitivities;
    let mut table = ResultTable::new("sensitivities", "a headline figure and a swept key");
    columns!(table, rows, |row| {
        /// The headline figure.
        number: String = row.measure.name().to_owned(),
        /// Rank of the key by its effect on the figure, 1 for the largest.
        rank: u32 = row.rank,
        /// The key.
        key: String = row.key.clone(),
        /// Share of the figure's variance over the points that the key alone explains.
        share: Option<f64> = row.share,
        /// Value of the key at which the figure is lowest.
        least_at: String = row.least_at.clone(),
        /// The figure at that value.
        least: f64 = row.swing.base,
        /// Value of the key at which the figure is highest.
        most_at: String = row.most_at.clone(),
        /// The figure at that value.
        most: f64 = row.swing.other,
        /// The highest figure minus the lowest.
        swing: f64 = row.swing.mean,
        /// Lower end of the 95 % interval of that difference.
        swing_low: Option<f64> = row.swing.interval.map(|[low, _]| low),
        /// Upper end of that interval.
        swing_high: Option<f64> = row.swing.interval.map(|[_, high]| high),
        /// Share of the figure's variance over the points that random variation alone explains.
        noise: Option<f64> = sweep.noise_of(row.measure),
    });
    table
}
