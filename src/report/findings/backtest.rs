//! The findings of a backtest: whether its ranges hold, whether it beats simple forecasts, and whether hours matter.

use super::{Block, Card, Cell, Page, Phrase, Section, Table, Term, code, plain};
use crate::calibration::{Backtest, BacktestOptions, Method, Score};
use crate::model::Channel;
use crate::report::BacktestReport;
use crate::report::numbers::{count_with_noun, percent, score, whole};
use crate::stats::ClusteredMean;

/// Shares of outcomes within a 90 % range between which the range counts as right.
const RIGHT_COVERAGE: std::ops::RangeInclusive<f64> = 0.85..=0.95;

impl Page {
    /// The page for a backtest.
    pub fn of_backtest(report: &BacktestReport) -> Self {
        let backtest = report.backtest;
        let accounts = backtest.accounts();
        let extent = [
            count_with_noun(accounts as f64, "account", "accounts"),
            count_with_noun(report.options.cuts as f64, "cut", "cuts"),
            count_with_noun(backtest.predictions.len() as f64 / Method::ALL.len() as f64, "forecast", "forecasts"),
        ];
        Self {
            title: Phrase::parse(&format!("Backtest of {}", code(report.history))),
            extent: extent.join(" · "),
            sections: vec![verdict(backtest), methods(backtest), channels(backtest), hours(backtest), method(report)],
        }
    }
}

/// The verdict in sentences: one a horizon, and one on hours.
pub fn backtest_words(backtest: &Backtest) -> Vec<String> {
    let horizons = backtest.horizons();
    if horizons.is_empty() {
        return vec![nothing().to_owned()];
    }
    let of_horizon = horizons.into_iter().map(|weeks| on_horizon(backtest, weeks));
    of_horizon.chain(std::iter::once(on_hours(backtest.hour_gain))).collect()
}

fn nothing() -> &'static str {
    "No account has enough history to be tested: 30 measured posts over 8 weeks before a cut, and a measured post after it."
}

fn on_horizon(backtest: &Backtest, weeks: u32) -> String {
    let of = |method| Score::of(backtest.select(method, weeks));
    let (Some(model), Some(recent)) = (of(Method::Model), of(Method::RecentMean)) else {
        return nothing().to_owned();
    };
    format!(
        "{}: {} of the outcomes lay within the 90\u{a0}% range, which is therefore {}. The median was off by a factor of \
         {} on average ({}), the mean of the last 8 weeks by {}. Ranges and median together are {}.",
        capitalised(&span(weeks)),
        percent(Some(model.coverage_90)),
        width(model.coverage_90),
        factor(model.error),
        bias(model.bias),
        factor(recent.error),
        advantage(backtest.advantage_over(Method::RecentMean, weeks), recent.pinball),
    )
}

fn capitalised(text: &str) -> String {
    text.replacen("over", "Over", 1)
}

fn span(weeks: u32) -> String {
    if weeks == 1 { "over the next week".to_owned() } else { format!("over the next {weeks} weeks") }
}

fn width(coverage: f64) -> &'static str {
    match coverage {
        coverage if coverage < *RIGHT_COVERAGE.start() => "too narrow",
        coverage if coverage > *RIGHT_COVERAGE.end() => "wider than it has to be",
        _ => "about right",
    }
}

/// A difference of logarithms as a factor.
fn factor(log: f64) -> String {
    score(libm::exp(log))
}

fn bias(log: f64) -> String {
    let share = percent(Some(libm::expm1(log.abs())));
    if log < 0.0 { format!("{share} too low in the middle") } else { format!("{share} too high in the middle") }
}

/// Whether the model's pinball loss is clearly below another's.
fn advantage(difference: Option<ClusteredMean>, loss: f64) -> String {
    let Some(difference) = difference else { return "not comparable with one account".to_owned() };
    let interval = difference.interval().map(|end| end / loss);
    let [low, high] = interval.map(|share| percent(Some(share)));
    let range = format!("90\u{a0}% interval of the gain in pinball loss {low} to {high}");
    match interval {
        [low, _] if low > 0.0 => format!("clearly better than drawing from the last 8 weeks ({range})"),
        [_, high] if high < 0.0 => format!("clearly worse than drawing from the last 8 weeks ({range})"),
        _ => format!("not clearly better or worse than drawing from the last 8 weeks ({range})"),
    }
}

fn on_hours(gain: Option<ClusteredMean>) -> String {
    let Some(gain) = gain else {
        return "Too few posts stand in fitted best hours and outside them to say whether hours matter.".to_owned();
    };
    let [low, high] = gain.interval();
    let shown = |log: f64| percent(Some(libm::expm1(log)));
    let range = format!("90\u{a0}% interval {} to {}", shown(low), shown(high));
    if low > 0.0 {
        return format!(
            "Posts in an account's fitted best hours earned {} more than its other posts that the fit had not seen ({range}).",
            shown(gain.mean)
        );
    }
    format!(
        "No best hour is detectable: posts in an account's fitted best hours earned {} more than its other posts ({range}).",
        shown(gain.mean)
    )
}

fn verdict(backtest: &Backtest) -> Section {
    let words = backtest_words(backtest).iter().map(|words| Block::words(words)).collect::<Vec<_>>();
    let cards = backtest.horizons().into_iter().filter_map(|weeks| card(backtest, weeks)).collect();
    let mut blocks = vec![Block::Cards { cards }];
    blocks.extend(words);
    blocks.push(Block::Figure { name: "backtest-coverage" });
    Section { id: "verdict", title: "How far the forecasts can be trusted", blocks }
}

fn card(backtest: &Backtest, weeks: u32) -> Option<Card> {
    let model = Score::of(backtest.select(Method::Model, weeks))?;
    let label = if weeks == 1 { "90 % range, one week" } else { "90 % range, longest horizon" };
    Some(Card {
        label,
        value: percent(Some(model.coverage_90)),
        lines: vec![
            format!("of {} within it", count_with_noun(model.predictions as f64, "outcome", "outcomes")),
            format!("{weeks} wk; 50\u{a0}% range: {}", percent(Some(model.coverage_50))),
        ],
    })
}

fn methods(backtest: &Backtest) -> Section {
    let rows = backtest.horizons().into_iter().rev().flat_map(|weeks| {
        Method::ALL.into_iter().filter_map(move |method| {
            let score = Score::of(backtest.select(method, weeks))?;
            let mut name = Cell::text(label(method)).with_detail(span(weeks));
            name.strong = method == Method::Model;
            Some(std::iter::once(name).chain(numbers(&score)).collect())
        })
    });
    let mut table = Table::new("Scores on the same forecasts", "method", &COLUMNS, rows.collect());
    table.note = Some("Errors, losses and CRPS are on the scale of log(1 + engagements); less is better.".to_owned());
    let blocks = vec![
        Block::words(
            "Every method forecast the sum of the posts that were really made, knowing only what came before.",
        ),
        Block::Table { table },
        Block::Figure { name: "backtest-pit" },
        Block::Terms { terms: terms() },
    ];
    Section { id: "methods", title: "Beside simple forecasts", blocks }
}

const COLUMNS: [&str; 7] = ["forecasts", "error", "bias", "in 50 % range", "in 90 % range", "pinball loss", "CRPS"];

fn numbers(score: &Score) -> [Cell; COLUMNS.len()] {
    let three = |value: f64| Cell::text(format!("{value:.3}"));
    [
        Cell::count(score.predictions as f64),
        three(score.error),
        Cell::text(format!("{:+.3}", score.bias)),
        Cell::percent(Some(score.coverage_50)),
        Cell::percent(Some(score.coverage_90)),
        three(score.pinball),
        three(score.crps),
    ]
}

fn label(method: Method) -> &'static str {
    match method {
        Method::Model => "the model",
        Method::AllTimeMean => "mean of all earlier posts",
        Method::RecentMean => "mean of the last 8 weeks",
        Method::Smoothing => "exponential smoothing",
        Method::Regression => "pooled regression",
    }
}

fn terms() -> Vec<Term> {
    let term = |word, meaning| Term { word, meaning };
    vec![
        term("Error", "mean distance of log(1 + forecast) from log(1 + outcome): 0.1 is about 10\u{a0}%."),
        term("Bias", "the same with its sign: above 0 if forecasts are too high."),
        term("Pinball loss", "the error of the five quantiles, each weighed by how likely it is to be passed."),
        term("CRPS", "the distance of the whole forecast distribution from the outcome."),
    ]
}

fn channels(backtest: &Backtest) -> Section {
    let Some(weeks) = backtest.horizons().into_iter().max() else {
        return Section { id: "channels", title: "By channel", blocks: vec![Block::words(nothing())] };
    };
    let rows = Channel::ALL.into_iter().filter_map(|channel| {
        let of_channel = backtest.select(Method::Model, weeks).filter(move |one| one.channel == channel);
        let score = Score::of(of_channel)?;
        Some(std::iter::once(Cell::code(channel.name())).chain(numbers(&score)).collect())
    });
    let table = Table::new(format!("The model {}", span(weeks)), "channel", &COLUMNS, rows.collect());
    let note = "Accounts are in the table `scores`, every forecast in `predictions`.";
    Section { id: "channels", title: "By channel", blocks: vec![Block::Table { table }, Block::words(note)] }
}

fn hours(backtest: &Backtest) -> Section {
    let words = on_hours(backtest.hour_gain);
    let how = "Best hours are the two of eight groups of three hours with the highest fitted effects. Only posts after the \
               cut count, and content type, weekday and load are taken out.";
    Section { id: "hours", title: "Whether hours matter", blocks: vec![Block::words(&words), Block::words(how)] }
}

fn method(report: &BacktestReport) -> Section {
    let BacktestOptions { cuts, draws, seed, .. } = report.options;
    let blocks = vec![
        Block::words(
            "log(1 + engagements) of a post is a level that drifts, plus effects of hour, weekday, content type and recent \
             load, plus noise. Effects are pooled over a channel's accounts; a forecast draws effects, level and noise, and \
             adds up posts after undoing the logarithm. Its centre is averaged with exponential smoothing, its spread \
             widened where earlier forecasts were too narrow.",
        ),
        Block::words(&format!(
            "{} as far apart as the longest horizon, the last one such a horizon before the last post; {} draws a forecast, \
             seed {seed}. Tested are accounts with 30 measured posts over 8 weeks before a cut. Tables are {}.",
            count_with_noun(*cuts as f64, "cut", "cuts"),
            whole(*draws as u64),
            plain(report.tables.extension()),
        )),
        Block::Code { text: report.command.to_owned() },
    ];
    Section { id: "method", title: "Method", blocks }
}
