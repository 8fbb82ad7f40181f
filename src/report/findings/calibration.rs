//! The findings of a calibration: what affects engagement and what does not, how certain this is, and what changed.

use super::{Block, Card, Cell, Page, Phrase, Section, Table, Term, code, plain};
use crate::calibration::{AccountCalibration, Calibration, ChannelCalibration, ParameterEstimate};
use crate::model::{Channel, HOURS_PER_BIN, WorldEstimate, WorldParameter, WorldRow};
use crate::report::CalibrationReport;
use crate::report::numbers::{change, count, count_with_noun, percent, score};
use crate::stats::normal_quantile;

/// Maximum number of rows of a table on the page; the report's tables have all of them.
const MAX_ROWS: usize = 40;

impl Page {
    /// The page for a calibration.
    pub fn of_calibration(report: &CalibrationReport) -> Self {
        let calibration = report.calibration;
        let measured: usize = calibration.channels.iter().map(|channel| channel.measured).sum();
        let extent = [
            count_with_noun(calibration.accounts.len() as f64, "account", "accounts"),
            count_with_noun(measured as f64, "measured post", "measured posts"),
            format!("until {}", calibration.until.date().format("%-d %B %Y")),
        ];
        let mut sections =
            vec![verdict(calibration), response(calibration), levels(calibration), deviations(calibration)];
        sections.extend(report.previous.map(|previous| changes(calibration, previous)));
        sections.push(method(report));
        Self {
            title: Phrase::parse(&format!("Calibration of {}", code(report.history))),
            extent: extent.join(" · "),
            sections,
        }
    }
}

/// One sentence for each channel; those to which no model could be fitted come last.
pub fn calibration_sentences(calibration: &Calibration) -> Vec<String> {
    let unfitted = calibration.unfitted.iter().map(|channel| unfitted_sentence(*channel));
    calibration.channels.iter().map(channel_sentence).chain(unfitted).collect()
}

fn unfitted_sentence(channel: Channel) -> String {
    let cause = "no model could be fitted to its posts (a matrix is not positive definite)";
    format!("`{}`: {cause}, so nothing was estimated.", channel.name())
}

fn find_parameter<'c>(channel: &'c ChannelCalibration, parameter: &WorldParameter) -> Option<&'c ParameterEstimate> {
    channel.parameters.iter().find(|other| other.estimate.parameter == *parameter)
}

fn channel_sentence(channel: &ChannelCalibration) -> String {
    let posts = count_with_noun(channel.measured as f64, "measured post", "measured posts");
    let accounts = count_with_noun(channel.accounts as f64, "account", "accounts");
    let name = channel.channel.name();
    if channel.measured == 0 {
        return format!("`{name}`: no post of {accounts} was measured, so nothing can be estimated.");
    }
    let parts = [load_clause(channel), hours_clause(channel), weekdays_clause(channel), types_clause(channel)];
    format!("`{name}` ({posts} of {accounts}): {}.", parts.into_iter().flatten().collect::<Vec<_>>().join("; "))
}

fn load_clause(channel: &ChannelCalibration) -> Option<String> {
    let strength = find_parameter(channel, &WorldParameter::ResponseStrength)?;
    if !strength.is_detectable {
        return Some("no loss caused by recent posts is detectable".to_owned());
    }
    // One earlier post at the same time is a load of 1, so the factor is 2^-strength. A detectable strength is
    // positive.
    let loss_at = |exponent: f64| percent(Some(1.0 - libm::exp2(-exponent)));
    let [low, high] = strength.estimate.interval();
    let loss = format!(
        "a post right after another earns {} less ({} to {})",
        loss_at(strength.estimate.value),
        loss_at(low),
        loss_at(high)
    );
    let half_life = find_parameter(channel, &WorldParameter::HalfLifeHours).filter(|half_life| half_life.is_detectable);
    let decay = half_life.map(|half_life| {
        let [low, high] = half_life.estimate.interval();
        let hours = count(half_life.estimate.value);
        format!(", an effect that halves every {hours} h ({} to {})", count(low), count(high))
    });
    Some(format!("{loss}{}", decay.unwrap_or_default()))
}

/// The detectable effects of the parameters that `is_included` selects, largest first.
fn detectable(channel: &ChannelCalibration, is_included: fn(&WorldParameter) -> bool) -> Vec<&ParameterEstimate> {
    let is_shown = |effect: &&ParameterEstimate| is_included(&effect.estimate.parameter) && effect.is_detectable;
    let mut effects: Vec<_> = channel.parameters.iter().filter(is_shown).collect();
    effects.sort_by(|a, b| b.estimate.value.total_cmp(&a.estimate.value));
    effects
}

/// Effects as a list of changes.
fn effect_list(effects: &[&ParameterEstimate]) -> String {
    effects.iter().map(|effect| effect_text(&effect.estimate)).collect::<Vec<_>>().join(", ")
}

fn hours_clause(channel: &ChannelCalibration) -> Option<String> {
    let hours = detectable(channel, |parameter| matches!(parameter, WorldParameter::Hours(_)));
    if !hours.iter().any(|effect| effect.estimate.value > 1.0) {
        return Some("no best hour is detectable".to_owned());
    }
    Some(effect_list(&hours))
}

fn weekdays_clause(channel: &ChannelCalibration) -> Option<String> {
    let weekdays = detectable(channel, |parameter| matches!(parameter, WorldParameter::Weekday(_)));
    if weekdays.is_empty() {
        return Some("no weekday stands out".to_owned());
    }
    Some(effect_list(&weekdays))
}

fn types_clause(channel: &ChannelCalibration) -> Option<String> {
    let is_type = |parameter: &WorldParameter| matches!(parameter, WorldParameter::ContentType(_));
    if channel.parameters.iter().filter(|effect| is_type(&effect.estimate.parameter)).count() < 2 {
        return None;
    }
    let types = detectable(channel, is_type);
    if types.is_empty() {
        return Some("no content type stands out".to_owned());
    }
    Some(effect_list(&types))
}

/// An effect as a change with its interval: `hours 9 to 12 +6 % (+2 % to +10 %)`.
fn effect_text(estimate: &WorldEstimate) -> String {
    let [low, high] = estimate.interval().map(|factor| change(Some(factor - 1.0)));
    format!("{} {} ({low} to {high})", label(&estimate.parameter), change(Some(estimate.value - 1.0)))
}

fn label(parameter: &WorldParameter) -> String {
    match parameter {
        WorldParameter::Hours(bin) => {
            let first = *bin as u32 * HOURS_PER_BIN;
            format!("hours {first} to {}", first + HOURS_PER_BIN)
        }
        WorldParameter::ContentType(name) => format!("type {}", code(name)),
        other => plain(&other.to_string().replace('_', " ")),
    }
}

fn verdict(calibration: &Calibration) -> Section {
    let accounts = &calibration.accounts;
    let with_hours = accounts.iter().filter(|account| has_best_hour(account)).count();
    let with_load = accounts.iter().filter(|account| has_loss(account)).count();
    let of_all = format!("of {}", count_with_noun(accounts.len() as f64, "account", "accounts"));
    let cards = vec![
        Card {
            label: "Accounts with a detectable loss caused by recent posts",
            value: with_load.to_string(),
            lines: vec![of_all.clone()],
        },
        Card { label: "Accounts with a detectable best hour", value: with_hours.to_string(), lines: vec![of_all] },
    ];
    let mut blocks = vec![Block::Cards { cards }];
    blocks.extend(calibration_sentences(calibration).iter().map(|sentence| Block::paragraph(sentence)));
    blocks.push(Block::Figure { name: "calibration-effects" });
    Section { id: "verdict", title: "What affects engagement, and what does not", blocks }
}

fn has_best_hour(account: &AccountCalibration) -> bool {
    let is_best = |ParameterEstimate { estimate, is_detectable, .. }: &ParameterEstimate| {
        matches!(estimate.parameter, WorldParameter::Hours(_)) && *is_detectable && estimate.value > 1.0
    };
    account.parameters.iter().any(is_best)
}

fn has_loss(account: &AccountCalibration) -> bool {
    account.get(&WorldParameter::ResponseStrength).is_some_and(|strength| strength.is_detectable)
}

fn response(calibration: &Calibration) -> Section {
    let rows = calibration.channels.iter().map(|channel| {
        let cells = [WorldParameter::ResponseStrength, WorldParameter::HalfLifeHours].map(|parameter| {
            let parameter = find_parameter(channel, &parameter);
            let prior = parameter.and_then(|parameter| parameter.prior.as_ref());
            [
                parameter.map_or_else(Cell::default, |parameter| interval_cell(&parameter.estimate)),
                prior.map_or_else(Cell::default, interval_cell),
            ]
        });
        let name = Cell::code(channel.channel.name());
        std::iter::once(name).chain(cells.into_iter().flatten()).chain([Cell::count(channel.measured as f64)]).collect()
    });
    let columns = ["strength", "prior strength", "half-life, h", "prior half-life, h", "posts"];
    let mut table = Table::new("Response to recent posts", "channel", &columns, rows.collect());
    table.note = Some(
        "A post's engagements are multiplied by (1 + load) to the power of minus the strength. Load is the number of \
         earlier posts, each counting half after one half-life. The range below each number is its 90\u{a0}% interval. A \
         prior is what was assumed before any data."
            .to_owned(),
    );
    let blocks = vec![Block::Figure { name: "calibration-response" }, Block::Table { table }];
    Section { id: "response", title: "What recent posts cost", blocks }
}

fn interval_cell(estimate: &WorldEstimate) -> Cell {
    let shown = |value: f64| if value < 10.0 { score(value) } else { count(value) };
    let [low, high] = estimate.interval().map(shown);
    Cell::text(shown(estimate.value)).with_detail(format!("{low} to {high}"))
}

fn levels(calibration: &Calibration) -> Section {
    let mut accounts: Vec<&AccountCalibration> = calibration.accounts.iter().collect();
    accounts.sort_by_key(|account| std::cmp::Reverse(account.measured));
    let parameters = [WorldParameter::Level, WorldParameter::DriftSd, WorldParameter::NoiseSd];
    let rows = accounts.iter().take(MAX_ROWS).map(|account| {
        let cell =
            |parameter| account.get(parameter).map_or_else(Cell::default, |found| interval_cell(&found.estimate));
        let name = Cell::code(account.history.account.as_str()).with_detail(account.history.channel.name().to_owned());
        let load = Cell::text(score(account.usual_load));
        std::iter::once(name)
            .chain(parameters.iter().map(cell))
            .chain([load, Cell::count(account.measured as f64)])
            .collect()
    });
    let columns = ["level", "weekly drift", "noise per post", "usual load", "posts"];
    let mut table = Table::new("Accounts with the most posts", "account", &columns, rows.collect());
    table.note = Some("The table `parameters` has every account and parameter.".to_owned());
    let blocks =
        vec![Block::Figure { name: "calibration-levels" }, Block::Table { table }, Block::Terms { terms: terms() }];
    Section { id: "levels", title: "Levels, and how they change", blocks }
}

fn terms() -> Vec<Term> {
    let term = |word, meaning| Term { word, meaning };
    vec![
        term(
            "Level",
            "mean engagements of a post to a rested audience at the end of the history, with the account's usual mix of hours \
             and content types.",
        ),
        term(
            "Drift",
            "standard deviation of the weekly change of the level, on a logarithmic scale: 0.05 is about 5\u{a0}%.",
        ),
        term(
            "Noise",
            "standard deviation of a post's engagements around their expectation, on a logarithmic scale: 0.7 is a factor of 2 \
             up or down.",
        ),
        term("Usual load", "the load that was not exceeded at 95\u{a0}% of the account's posts."),
    ]
}

/// An effect of an account that differs much from the channel's effect.
struct Deviation<'a> {
    account: &'a AccountCalibration,
    effect: &'a ParameterEstimate,
    /// The difference in standard deviations.
    size: f64,
}

fn deviations(calibration: &Calibration) -> Section {
    let title = "Accounts that differ from their channel";
    let mut deviations: Vec<Deviation<'_>> = Vec::new();
    for account in &calibration.accounts {
        let effects = account.parameters.iter();
        deviations
            .extend(effects.filter_map(|effect| Some(Deviation { account, effect, size: effect.unlike_channel? })));
    }
    if deviations.is_empty() {
        let sentence = "No account's effects differ much from those of its channel.";
        return Section { id: "unlike", title, blocks: vec![Block::paragraph(sentence)] };
    }
    deviations.sort_by(|a, b| b.size.abs().total_cmp(&a.size.abs()));
    let rows = deviations.iter().take(MAX_ROWS).map(|Deviation { account, effect, size }| {
        let name = Cell::code(account.history.account.as_str()).with_detail(account.history.channel.name().to_owned());
        let effect_name = Phrase::parse(&label(&effect.estimate.parameter)).text();
        vec![name, Cell::text(effect_name), interval_cell(&effect.estimate), Cell::text(format!("{size:+.1}"))]
    });
    let columns = ["effect", "estimate", "deviation"];
    let mut table = Table::new("Effects that differ much from the channel's", "account", &columns, rows.collect());
    table.note = Some(
        "A deviation is the account's effect minus its channel's, in standard deviations of such differences. Deviations \
         of at least 3 are listed."
            .to_owned(),
    );
    Section { id: "unlike", title, blocks: vec![Block::Table { table }] }
}

fn changes(calibration: &Calibration, previous: &[WorldRow]) -> Section {
    let title = "What changed since the last calibration";
    let mut rows = Vec::new();
    for account in &calibration.accounts {
        for parameter in &account.parameters {
            let now = &parameter.estimate;
            let is_same_parameter = |row: &&WorldRow| {
                row.client_id == account.history.account && row.channel == now.channel && row.parameter == now.parameter
            };
            let before = previous.iter().find(is_same_parameter).map(|row| WorldEstimate::from(row.clone()));
            let Some(before) = before.filter(|before| differs(before, now)) else { continue };
            let name =
                Cell::code(account.history.account.as_str()).with_detail(account.history.channel.name().to_owned());
            let parameter_name = Phrase::parse(&label(&now.parameter)).text();
            rows.push(vec![name, Cell::text(parameter_name), interval_cell(&before), interval_cell(now)]);
        }
    }
    if rows.is_empty() {
        let sentence = "No parameter changed by more than the uncertainty of the two calibrations.";
        return Section { id: "changes", title, blocks: vec![Block::paragraph(sentence)] };
    }
    let changed = rows.len();
    rows.truncate(MAX_ROWS);
    let table = Table::new("Parameters that changed", "account", &["parameter", "before", "now"], rows);
    let mut blocks = vec![Block::Table { table }];
    if changed > MAX_ROWS {
        blocks.push(Block::paragraph(&format!("{changed} parameters changed; these are the first {MAX_ROWS}.")));
    }
    Section { id: "changes", title, blocks }
}

/// Whether two estimates differ by more than their combined standard errors explain.
fn differs(before: &WorldEstimate, now: &WorldEstimate) -> bool {
    // The scale of the standard errors.
    let scaled = |value: f64| if now.parameter.is_logarithmic() { libm::log(value) } else { value };
    let error = libm::hypot(before.standard_error, now.standard_error);
    (scaled(now.value) - scaled(before.value)).abs() > normal_quantile(0.95) * error
}

fn method(report: &CalibrationReport) -> Section {
    let blocks = vec![
        Block::paragraph(
            "log(1 + engagements) of a post is a level that drifts, plus effects of hour, weekday, content type and load, \
             plus noise. An account's effects vary around those of its channel, and a channel's effects around what was \
             assumed before any data. An effect is called detectable if its interval, widened for the number of hours, weekdays or types that were \
             tested, excludes a zero effect.",
        ),
        Block::paragraph(
            "The folder `overlays` holds overlays of a rules pack with the values that the data supports: copy them into \
             the folder `overlays` of your pack. `world.csv` is the table `world` of a scenario, from which simulations \
             draw the true response of each client's audience.",
        ),
        Block::paragraph(&format!("The tables are {} files.", plain(report.tables.extension()))),
        Block::Code { text: report.command.to_owned() },
    ];
    Section { id: "method", title: "Method", blocks }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::sample;

    #[test]
    fn a_channel_without_a_fit_is_named() {
        let calibration = Calibration { unfitted: vec![Channel::X], ..sample::calibration() };
        let sentences = calibration_sentences(&calibration);
        assert_eq!(sentences.len(), calibration.channels.len() + 1);
        let expected =
            "`x`: no model could be fitted to its posts (a matrix is not positive definite), so nothing was estimated.";
        assert_eq!(sentences.last().map(String::as_str), Some(expected));
    }
}
