//! The findings of a calibration: what moves engagement and what does not, how sure that is, and what changed.

use super::{Block, Card, Cell, Page, Phrase, Section, Table, Term, code, plain};
use crate::calibration::{AccountCalibration, Calibration, ChannelCalibration, ParameterEstimate};
use crate::model::{HOURS_PER_BIN, WorldEstimate, WorldParameter, WorldRow};
use crate::report::CalibrationReport;
use crate::report::numbers::{change, count, count_with_noun, percent, score};
use crate::stats::normal_quantile;

/// Largest number of rows of a table on the page; all are in the report's tables.
const ROWS: usize = 40;

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
        let mut sections = vec![verdict(calibration), response(calibration), levels(calibration), unlike(calibration)];
        sections.extend(report.previous.map(|previous| changes(calibration, previous)));
        sections.push(method(report));
        Self {
            title: Phrase::parse(&format!("Calibration of {}", code(report.history))),
            extent: extent.join(" · "),
            sections,
        }
    }
}

/// The verdict in sentences: one a channel.
pub fn calibration_words(calibration: &Calibration) -> Vec<String> {
    calibration.channels.iter().map(on_channel).collect()
}

fn find<'c>(channel: &'c ChannelCalibration, parameter: &WorldParameter) -> Option<&'c ParameterEstimate> {
    channel.parameters.iter().find(|one| one.estimate.parameter == *parameter)
}

fn on_channel(channel: &ChannelCalibration) -> String {
    let posts = count_with_noun(channel.measured as f64, "measured post", "measured posts");
    let accounts = count_with_noun(channel.accounts as f64, "account", "accounts");
    let name = channel.channel.name();
    if channel.measured == 0 {
        return format!("`{name}`: no post of {accounts} was measured, so nothing can be estimated.");
    }
    let parts = [on_load(channel), on_hours(channel), on_weekdays(channel), on_types(channel)];
    format!("`{name}` ({posts} of {accounts}): {}.", parts.into_iter().flatten().collect::<Vec<_>>().join("; "))
}

fn on_load(channel: &ChannelCalibration) -> Option<String> {
    let strength = find(channel, &WorldParameter::ResponseStrength)?;
    if !strength.is_detectable {
        return Some("no loss caused by recent posts is detectable".to_owned());
    }
    // One post at the same time is a load of 1. A detectable strength is positive.
    let loss = |exponent: f64| percent(Some(1.0 - libm::exp2(-exponent)));
    let [low, high] = strength.estimate.interval();
    let words = format!(
        "a post right after another earns {} less ({} to {})",
        loss(strength.estimate.value),
        loss(low),
        loss(high)
    );
    let half_life = find(channel, &WorldParameter::HalfLifeHours).filter(|one| one.is_detectable);
    let decay = half_life.map(|one| {
        let [low, high] = one.estimate.interval();
        format!(", an effect that halves every {} h ({} to {})", count(one.estimate.value), count(low), count(high))
    });
    Some(format!("{words}{}", decay.unwrap_or_default()))
}

fn detectable(channel: &ChannelCalibration, is_in: fn(&WorldParameter) -> bool) -> Vec<&ParameterEstimate> {
    let all = channel.parameters.iter().filter(|one| is_in(&one.estimate.parameter) && one.is_detectable);
    let mut found: Vec<_> = all.collect();
    found.sort_by(|a, b| b.estimate.value.total_cmp(&a.estimate.value));
    found
}

fn on_hours(channel: &ChannelCalibration) -> Option<String> {
    let found = detectable(channel, |parameter| matches!(parameter, WorldParameter::Hours(_)));
    if !found.iter().any(|one| one.estimate.value > 1.0) {
        return Some("no best hour is detectable".to_owned());
    }
    Some(found.iter().map(|one| factor(&one.estimate)).collect::<Vec<_>>().join(", "))
}

fn on_weekdays(channel: &ChannelCalibration) -> Option<String> {
    let found = detectable(channel, |parameter| matches!(parameter, WorldParameter::Weekday(_)));
    if found.is_empty() {
        return Some("no weekday stands out".to_owned());
    }
    Some(found.iter().map(|one| factor(&one.estimate)).collect::<Vec<_>>().join(", "))
}

fn on_types(channel: &ChannelCalibration) -> Option<String> {
    let is_type = |parameter: &WorldParameter| matches!(parameter, WorldParameter::ContentType(_));
    if channel.parameters.iter().filter(|one| is_type(&one.estimate.parameter)).count() < 2 {
        return None;
    }
    let found = detectable(channel, |parameter| matches!(parameter, WorldParameter::ContentType(_)));
    if found.is_empty() {
        return Some("no content type stands out".to_owned());
    }
    Some(found.iter().map(|one| factor(&one.estimate)).collect::<Vec<_>>().join(", "))
}

/// A factor as a change with its interval: "hours 9 to 12 +6 % (+2 % to +10 %)".
fn factor(estimate: &WorldEstimate) -> String {
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
    let all = format!("of {}", count_with_noun(accounts.len() as f64, "account", "accounts"));
    let cards = vec![
        Card {
            label: "Accounts with a detectable loss caused by recent posts",
            value: with_load.to_string(),
            lines: vec![all.clone()],
        },
        Card { label: "Accounts with a detectable best hour", value: with_hours.to_string(), lines: vec![all] },
    ];
    let mut blocks = vec![Block::Cards { cards }];
    blocks.extend(calibration_words(calibration).iter().map(|words| Block::words(words)));
    blocks.push(Block::Figure { name: "calibration-effects" });
    Section { id: "verdict", title: "What affects engagement, and what does not", blocks }
}

fn has_best_hour(account: &AccountCalibration) -> bool {
    let is_best = |one: &ParameterEstimate| {
        matches!(one.estimate.parameter, WorldParameter::Hours(_)) && one.is_detectable && one.estimate.value > 1.0
    };
    account.parameters.iter().any(is_best)
}

fn has_loss(account: &AccountCalibration) -> bool {
    account.get(&WorldParameter::ResponseStrength).is_some_and(|strength| strength.is_detectable)
}

fn response(calibration: &Calibration) -> Section {
    let rows = calibration.channels.iter().map(|channel| {
        let cells = [WorldParameter::ResponseStrength, WorldParameter::HalfLifeHours].map(|parameter| {
            let found = find(channel, &parameter);
            let prior = found.and_then(|one| one.prior.as_ref());
            [
                found.map_or_else(Cell::default, |one| interval(&one.estimate)),
                prior.map_or_else(Cell::default, interval),
            ]
        });
        let name = Cell::code(channel.channel.name());
        std::iter::once(name).chain(cells.into_iter().flatten()).chain([Cell::count(channel.measured as f64)]).collect()
    });
    let columns = ["strength", "strength assumed before", "half-life, h", "half-life assumed before, h", "posts"];
    let mut table = Table::new("Response to recent posts", "channel", &columns, rows.collect());
    table.note = Some(
        "A post's engagements are multiplied by (1 + load) to the power of minus the strength. Load is the number of \
         earlier posts, each counting half after one half-life. The range below each number is its 90\u{a0}% interval; \
         \u{201c}assumed before\u{201d} is what was assumed before any data."
            .to_owned(),
    );
    let blocks = vec![Block::Figure { name: "calibration-response" }, Block::Table { table }];
    Section { id: "response", title: "What recent posts cost", blocks }
}

fn interval(estimate: &WorldEstimate) -> Cell {
    let shown = |value: f64| if value < 10.0 { score(value) } else { count(value) };
    let [low, high] = estimate.interval().map(shown);
    Cell::text(shown(estimate.value)).with_detail(format!("{low} to {high}"))
}

fn levels(calibration: &Calibration) -> Section {
    let mut accounts: Vec<&AccountCalibration> = calibration.accounts.iter().collect();
    accounts.sort_by_key(|account| std::cmp::Reverse(account.measured));
    let parameters = [WorldParameter::Level, WorldParameter::DriftSd, WorldParameter::NoiseSd];
    let rows = accounts.iter().take(ROWS).map(|account| {
        let of = |parameter| account.get(parameter).map_or_else(Cell::default, |one| interval(&one.estimate));
        let name = Cell::code(account.history.account.as_str()).with_detail(account.history.channel.name().to_owned());
        let load = Cell::text(score(account.usual_load));
        std::iter::once(name)
            .chain(parameters.iter().map(of))
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

fn unlike(calibration: &Calibration) -> Section {
    let title = "Accounts that differ from their channel";
    let mut found: Vec<(&AccountCalibration, &ParameterEstimate, f64)> = Vec::new();
    for account in &calibration.accounts {
        let parameters = account.parameters.iter();
        found.extend(parameters.filter_map(|one| Some((account, one, one.unlike_channel?))));
    }
    if found.is_empty() {
        let words = "No account's effects differ much from those of its channel.";
        return Section { id: "unlike", title, blocks: vec![Block::words(words)] };
    }
    found.sort_by(|(_, _, a), (_, _, b)| b.abs().total_cmp(&a.abs()));
    let rows = found.iter().take(ROWS).map(|(account, parameter, deviation)| {
        let name = Cell::code(account.history.account.as_str()).with_detail(account.history.channel.name().to_owned());
        let what = Phrase::parse(&label(&parameter.estimate.parameter)).text();
        vec![name, Cell::text(what), interval(&parameter.estimate), Cell::text(format!("{deviation:+.1}"))]
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
            let is_same = |row: &&WorldRow| {
                row.client_id == account.history.account && row.channel == now.channel && row.parameter == now.parameter
            };
            let before = previous.iter().find(is_same).map(|row| WorldEstimate::from(row.clone()));
            let Some(before) = before.filter(|before| differs(before, now)) else { continue };
            let name =
                Cell::code(account.history.account.as_str()).with_detail(account.history.channel.name().to_owned());
            let what = Phrase::parse(&label(&now.parameter)).text();
            rows.push(vec![name, Cell::text(what), interval(&before), interval(now)]);
        }
    }
    if rows.is_empty() {
        let words = "No parameter changed by more than the uncertainty of the two calibrations.";
        return Section { id: "changes", title, blocks: vec![Block::words(words)] };
    }
    rows.truncate(ROWS);
    let table = Table::new("Parameters that changed", "account", &["parameter", "before", "now"], rows);
    Section { id: "changes", title, blocks: vec![Block::Table { table }] }
}

/// Whether two estimates differ by more than their errors together leave open.
fn differs(before: &WorldEstimate, now: &WorldEstimate) -> bool {
    let scale = |value: f64| if now.parameter.is_logarithmic() { libm::log(value) } else { value };
    let error = libm::hypot(before.standard_error, now.standard_error);
    (scale(now.value) - scale(before.value)).abs() > normal_quantile(0.95) * error
}

fn method(report: &CalibrationReport) -> Section {
    let blocks = vec![
        Block::words(
            "log(1 + engagements) of a post is a level that drifts, plus effects of hour, weekday, content type and load, \
             plus noise. An account's effects vary around its channel's, and those around what was assumed before any data. \
             An effect is called detectable if its interval, widened for the number of hours, weekdays or types that were \
             tested, excludes a zero effect.",
        ),
        Block::words(
            "The folder `overlays` holds overlays of a rules pack with the values that the data supports: copy them into \
             the folder `overlays` of your pack. `world.csv` is the table `world` of a scenario, from which simulations \
             draw the true response of each client's audience.",
        ),
        Block::words(&format!("The tables are {} files.", plain(report.tables.extension()))),
        Block::Code { text: report.command.to_owned() },
    ];
    Section { id: "method", title: "Method", blocks }
}
