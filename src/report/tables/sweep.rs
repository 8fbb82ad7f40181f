//! The tables of a sweep.

use super::{Table, TableFormat, Values};
use crate::report::{File, ReportError};
use crate::rules::Level;
use crate::simulator::{Measure, PointMeasure, Sensitivity, Sweep, SweepPoint};

/// `points`, a row each, the first of number 0 for the pack as it stands, and `sensitivities`, a row for
/// every headline number and key.
///
/// # Errors
/// Where a table cannot be written.
pub fn sweep_tables(sweep: &Sweep, format: TableFormat) -> Result<Vec<File>, ReportError> {
    Ok(vec![points(sweep).write(format)?, sensitivities(sweep).write(format)?])
}

fn points(sweep: &Sweep) -> Table<String> {
    let rows: Vec<&SweepPoint> = std::iter::once(&sweep.base).chain(&sweep.points).collect();
    let mut columns = vec![("point".to_owned(), Values::count(rows.iter().map(|point| point.number)))];
    for (axis, swept) in sweep.keys.iter().enumerate() {
        for (key, base) in swept.keys.iter().zip(&swept.base) {
            let of_points = sweep.points.iter().map(|point| point.settings.get(axis));
            let values: Vec<Option<&Level>> = std::iter::once(base.as_ref()).chain(of_points).collect();
            columns.push((key.clone(), settings(&values)));
        }
    }
    columns.push(("on_frontier".to_owned(), Values::Flag(rows.iter().map(|point| point.is_on_frontier).collect())));
    for measure in Measure::ALL {
        columns.extend(measures(&rows, measure));
    }
    columns.push(("rules_hash".to_owned(), Values::text(rows.iter().map(|point| &point.rules_hash))));
    Table { name: "points", columns }
}

/// The values of a key: numbers where all are, and else as they are written.
fn settings(values: &[Option<&Level>]) -> Values {
    if values.iter().flatten().all(|level| level.number.is_some()) {
        return Values::number_or_none(values.iter().map(|level| level.and_then(|level| level.number)));
    }
    let plain = |level: &Level| level.written.trim_matches('"').to_owned();
    Values::text_or_none(values.iter().map(|level| level.map(plain)))
}

/// A headline number with its interval, and its difference from the pack as it stands with that of its own.
fn measures(rows: &[&SweepPoint], measure: Measure) -> [(String, Values); 6] {
    let number = |value: fn(&PointMeasure) -> Option<f64>| {
        Values::number_or_none(rows.iter().map(|point| point.of(measure).and_then(value)))
    };
    let name = measure.name();
    [
        (name.to_owned(), number(|row| Some(row.estimate.mean))),
        (format!("{name}_low"), number(|row| row.estimate.interval.map(|[low, _]| low))),
        (format!("{name}_high"), number(|row| row.estimate.interval.map(|[_, high]| high))),
        (format!("{name}_difference"), number(|row| Some(row.difference.mean))),
        (format!("{name}_difference_low"), number(|row| row.difference.interval.map(|[low, _]| low))),
        (format!("{name}_difference_high"), number(|row| row.difference.interval.map(|[_, high]| high))),
    ]
}

fn sensitivities(sweep: &Sweep) -> Table {
    let rows = &sweep.sensitivities;
    let number = |value: fn(&Sensitivity) -> Option<f64>| Values::number_or_none(rows.iter().map(value));
    let columns = vec![
        ("number", Values::text(rows.iter().map(|row| row.measure.name()))),
        ("rank", Values::count(rows.iter().map(|row| row.rank))),
        ("key", Values::text(rows.iter().map(|row| &row.key))),
        ("share", number(|row| row.share)),
        ("least_at", Values::text(rows.iter().map(|row| &row.least_at))),
        ("least", number(|row| Some(row.swing.base))),
        ("most_at", Values::text(rows.iter().map(|row| &row.most_at))),
        ("most", number(|row| Some(row.swing.other))),
        ("swing", number(|row| Some(row.swing.mean))),
        ("swing_low", number(|row| row.swing.interval.map(|[low, _]| low))),
        ("swing_high", number(|row| row.swing.interval.map(|[_, high]| high))),
        ("noise", Values::number_or_none(rows.iter().map(|row| sweep.noise_of(row.measure)))),
    ];
    Table { name: "sensitivities", columns }
}
