//! The tables of a comparison.

use super::{Table, TableFormat, Values};
use crate::report::{File, ReportError};
use crate::simulator::{Comparison, Versus};
use crate::stats::Difference;

/// `differences` of every headline number, and of engagement `difference_weeks`, `difference_channels`
/// and `difference_clients`. A difference is the pack's number less the base's, of one replication.
///
/// # Errors
/// Where a table cannot be written.
pub fn comparison_tables(comparison: &Comparison, format: TableFormat) -> Result<Vec<File>, ReportError> {
    let tables = [differences(comparison), weeks(comparison), channels(comparison), clients(comparison)];
    tables.into_iter().map(|table| table.write(format)).collect()
}

/// Rows of every pack, each with the pack's name.
fn rows<Row>(comparison: &Comparison, of: impl Fn(&Versus) -> &[Row]) -> Vec<(&str, &Row)> {
    let of = &of;
    let packs = comparison.versus.iter();
    packs.flat_map(|versus| of(versus).iter().map(move |row| (versus.label.as_str(), row))).collect()
}

fn pack<Row>(rows: &[(&str, &Row)]) -> (&'static str, Values) {
    ("pack", Values::text(rows.iter().map(|(pack, _)| pack)))
}

/// The columns of a difference.
fn difference<Row>(rows: &[(&str, &Row)], of: impl Fn(&Row) -> &Difference) -> [(&'static str, Values); 10] {
    let number =
        |value: fn(&Difference) -> Option<f64>| Values::number_or_none(rows.iter().map(|(_, row)| value(of(row))));
    [
        ("base", number(|d| Some(d.base))),
        ("value", number(|d| Some(d.other))),
        ("difference", number(|d| Some(d.mean))),
        ("low", number(|d| d.interval.map(|[low, _]| low))),
        ("high", number(|d| d.interval.map(|[_, high]| high))),
        ("relative", number(Difference::relative)),
        ("relative_low", number(|d| d.relative_interval().map(|[low, _]| low))),
        ("relative_high", number(|d| d.relative_interval().map(|[_, high]| high))),
        ("p", number(|d| d.p)),
        ("variance_reduction", number(|d| d.variance_reduction)),
    ]
}

fn differences(comparison: &Comparison) -> Table {
    let rows = rows(comparison, |versus| &versus.headline);
    let mut columns = vec![pack(&rows), ("number", Values::text(rows.iter().map(|(_, row)| row.measure.name())))];
    columns.extend(difference(&rows, |row| &row.difference));
    columns.push(("p_corrected", Values::number_or_none(rows.iter().map(|(_, row)| row.corrected_p))));
    Table { name: "differences", columns }
}

fn weeks(comparison: &Comparison) -> Table {
    let rows = rows(comparison, |versus| &versus.weekly);
    let mut columns = vec![
        pack(&rows),
        ("week", Values::text(rows.iter().map(|(_, row)| row.week))),
        ("monday", Values::text(rows.iter().map(|(_, row)| row.week.monday()))),
    ];
    columns.extend(difference(&rows, |row| &row.engagement));
    Table { name: "difference_weeks", columns }
}

fn channels(comparison: &Comparison) -> Table {
    let rows = rows(comparison, |versus| &versus.channels);
    let mut columns = vec![
        pack(&rows),
        ("channel", Values::text(rows.iter().map(|(_, row)| row.channel))),
        ("clients", Values::count(rows.iter().map(|(_, row)| row.clients))),
    ];
    columns.extend(difference(&rows, |row| &row.engagement));
    Table { name: "difference_channels", columns }
}

fn clients(comparison: &Comparison) -> Table {
    let rows = rows(comparison, |versus| &versus.clients);
    let mut columns = vec![
        pack(&rows),
        ("client_id", Values::text(rows.iter().map(|(_, row)| &row.client_id))),
        ("name", Values::text(rows.iter().map(|(_, row)| &row.name))),
    ];
    columns.extend(difference(&rows, |row| &row.engagement));
    Table { name: "difference_clients", columns }
}
