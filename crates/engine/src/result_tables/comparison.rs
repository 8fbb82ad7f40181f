//! The tables of a comparison.

use chrono::NaiveDate;

use super::{ResultTable, columns};
use crate::model::{Channel, ClientId, Week};
use crate::simulator::{ClientDifference, Comparison, Versus};
use crate::stats::Difference;

/// The tables `differences` for every headline measure, `difference_weeks` and `difference_channels` for engagement,
/// and `difference_clients` for engagement and net worth. A difference is the variant's value minus the base's, as a
/// mean over replications.
#[must_use]
pub fn comparison_tables(comparison: &Comparison) -> [ResultTable; 4] {
    [differences(comparison), weeks(comparison), channels(comparison), clients(comparison)]
}

/// The rows of every variant, each with the variant's label.
fn labelled_rows<Row>(comparison: &Comparison, rows_of: impl Fn(&Versus) -> &[Row]) -> Vec<(&str, &Row)> {
    let rows_of = &rows_of;
    let variants = comparison.versus.iter();
    variants.flat_map(|versus| rows_of(versus).iter().map(move |row| (versus.label.as_str(), row))).collect()
}

/// Adds the column with the label of the variant, which is named after what is compared.
fn add_label<'l>(table: &mut ResultTable, comparison: &Comparison, labels: impl Iterator<Item = &'l str>) {
    let doc = " The pack; where scenarios are compared, the column is named `scenario` and holds the scenario.";
    table.add(comparison.compared.variant(), doc, labels.map(str::to_owned));
}

/// Adds the columns of differences.
fn add_difference<'d>(table: &mut ResultTable, differences: impl Iterator<Item = &'d Difference>) {
    let rows: Vec<&Difference> = differences.collect();
    columns!(table, rows, |row| {
        /// The base's value, mean over replications.
        base: f64 = row.base,
        /// The pack's or scenario's value, mean over replications.
        value: f64 = row.other,
        /// That value minus the base's.
        difference: f64 = row.mean,
        /// Lower end of the 95 % interval of the difference.
        low: Option<f64> = row.interval.map(|[low, _]| low),
        /// Upper end of that interval.
        high: Option<f64> = row.interval.map(|[_, high]| high),
        /// The difference as a share of the base.
        relative: Option<f64> = row.relative(),
        /// Lower end of the interval of that share.
        relative_low: Option<f64> = row.relative_interval().map(|[low, _]| low),
        /// Upper end of that interval.
        relative_high: Option<f64> = row.relative_interval().map(|[_, high]| high),
        /// Probability of a difference at least this large if there were no real one.
        p: Option<f64> = row.p,
        /// Share by which common random numbers reduce the variance of the difference, compared with independent runs.
        variance_reduction: Option<f64> = row.variance_reduction,
    });
}

fn differences(comparison: &Comparison) -> ResultTable {
    let rows = labelled_rows(comparison, |versus| &versus.headline);
    let mut table = ResultTable::new("differences", "a headline figure under a pack or in a scenario");
    add_label(&mut table, comparison, rows.iter().map(|(label, _)| *label));
    columns!(table, rows, |(_, row)| {
        /// The figure.
        number: String = row.measure.name().to_owned(),
    });
    add_difference(&mut table, rows.iter().map(|(_, row)| &row.difference));
    columns!(table, rows, |(_, row)| {
        /// `p`, corrected for multiple comparisons by Holm's method.
        p_corrected: Option<f64> = row.corrected_p,
    });
    table
}

fn weeks(comparison: &Comparison) -> ResultTable {
    let rows = labelled_rows(comparison, |versus| &versus.weekly);
    let mut table = ResultTable::new("difference_weeks", "engagement of a week under a pack or in a scenario");
    add_label(&mut table, comparison, rows.iter().map(|(label, _)| *label));
    columns!(table, rows, |(_, row)| {
        /// The ISO week.
        week: Week = row.week,
        /// Its Monday.
        monday: NaiveDate = row.week.monday(),
    });
    add_difference(&mut table, rows.iter().map(|(_, row)| &row.engagement));
    table
}

fn channels(comparison: &Comparison) -> ResultTable {
    let rows = labelled_rows(comparison, |versus| &versus.channels);
    let mut table = ResultTable::new("difference_channels", "engagement of a channel under a pack or in a scenario");
    add_label(&mut table, comparison, rows.iter().map(|(label, _)| *label));
    columns!(table, rows, |(_, row)| {
        /// The channel.
        channel: Channel = row.channel,
        /// Number of clients with the channel.
        clients: u32 = row.clients,
        /// Number of the base's clients with the channel.
        base_clients: u32 = row.base_clients,
    });
    add_difference(&mut table, rows.iter().map(|(_, row)| &row.engagement));
    table
}

/// A row of `difference_clients`.
struct ClientRow<'a> {
    /// The variant's label.
    label: &'a str,
    planned_in: &'static str,
    client: &'a ClientDifference,
}

fn clients(comparison: &Comparison) -> ResultTable {
    let mut rows: Vec<ClientRow<'_>> = Vec::new();
    for versus in &comparison.versus {
        let groups = [("both", &versus.clients), ("base", &versus.only_base), ("other", &versus.only_other)];
        for (planned_in, clients) in groups {
            rows.extend(clients.iter().map(|client| ClientRow { label: &versus.label, planned_in, client }));
        }
    }
    let mut table =
        ResultTable::new("difference_clients", "engagement and net worth of a client under a pack or in a scenario");
    add_label(&mut table, comparison, rows.iter().map(|row| row.label));
    columns!(table, rows, |ClientRow { planned_in, client, .. }| {
        /// The client.
        client_id: ClientId = client.client_id.clone(),
        /// Its name.
        name: String = client.name.clone(),
        /// Where the client is planned for: `both`, or only in `base` or `other`. Where it is not, its engagement is 0.
        planned_in: String = (*planned_in).to_owned(),
    });
    add_difference(&mut table, rows.iter().map(|row| &row.client.engagement));
    columns!(table, rows, |ClientRow { client, .. }| {
        /// The base's net worth, mean over replications.
        net_worth_base: f64 = client.net_worth.base,
        /// The pack's or scenario's net worth.
        net_worth: f64 = client.net_worth.other,
        /// That net worth minus the base's.
        net_worth_difference: f64 = client.net_worth.mean,
        /// Lower end of the 95 % interval of this difference.
        net_worth_low: Option<f64> = client.net_worth.interval.map(|[low, _]| low),
        /// Upper end of that interval.
        net_worth_high: Option<f64> = client.net_worth.interval.map(|[_, high]| high),
    });
    table
}
