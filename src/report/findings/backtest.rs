//! The findings of a backtest: whether the forecast ranges are right, whether the model beats simple forecasts, and
//! whether hours matter.

use super::{Block, Card, Cell, Page, Phrase, Section, Table, Term, code, plain};
use crate::calibration::{Backtest, BacktestOptions, EnoughHistory, Method, Score};
use crate::model::Channel;
use crate::report::BacktestReport;
use crate::report::numbers::{change, count_with_noun, percent, score, whole};
use crate::stats::ClusteredMean;

/// If the share of outcomes that lie within the 90 % range is in this interval, the range counts as about right.
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
            sections: vec![verdict(report), comparison(backtest), channels(report), hours(backtest), method(report)],
        }
    }
}

/// One sentence for each horizon, and one on hours.
pub fn backtest_sentences(backtest: &Backtest, options: &BacktestOptions) -> Vec<String> {
    let horizons = backtest.horizons();
    if horizons.is_empty() {
        return vec![not_enough_history(options)];
    }
    let by_horizon = horizons.into_iter().filter_map(|weeks| horizon_sentence(backtest, weeks));
    by_horizon.chain(std::iter::once(hours_sentence(backtest.hour_gain))).collect()
}

fn not_enough_history(options: &BacktestOptions) -> String {
    format!(
        "No account has enough history to be tested: {} before a cut (a date from which forecasts are made), {}, and a \
         measured post after it.",
        enough_posts(options.enough),
        recent_enough(options.enough)
    )
}

/// The number of posts that is enough, such as "at least 30 measured posts over 8 weeks".
fn enough_posts(EnoughHistory { min_posts, min_days, .. }: EnoughHistory) -> String {
    let posts = if min_posts == 1 { "post" } else { "posts" };
    let span = match min_days {
        7 => "a week".to_owned(),
        days if days.is_multiple_of(7) => format!("{} weeks", days / 7),
        days => days_text(days),
    };
    format!("at least {min_posts} measured {posts} over {span}")
}

/// How recent the last post before a cut must be, such as "the last at most 35 days before it".
fn recent_enough(enough: EnoughHistory) -> String {
    format!("the last at most {} before it", days_text(enough.max_days_since_post))
}

fn days_text(days: u32) -> String {
    if days == 1 { "1 day".to_owned() } else { format!("{days} days") }
}

fn horizon_sentence(backtest: &Backtest, weeks: u32) -> Option<String> {
    let score = |method| Score::of(backtest.select(method, weeks));
    let (model, recent) = score(Method::Model).zip(score(Method::RecentMean))?;
    Some(format!(
        "{}: {} of the outcomes lay within the 90\u{a0}% range, which is therefore {}. On average, the median was off by a \
         factor of {} ({}{}), and the mean of the last 8 weeks by a factor of {}. As a whole, the forecast {}.",
        span(weeks).replacen("over", "Over", 1),
        percent(Some(model.coverage_90)),
        width_text(model.coverage_90),
        factor(model.error),
        precision(backtest.mean_error(Method::Model, weeks), model.predictions),
        bias(model.bias),
        factor(recent.error),
        advantage(backtest.advantage_over(Method::RecentMean, weeks), recent.pinball),
    ))
}

fn span(weeks: u32) -> String {
    if weeks == 1 { "over the next week".to_owned() } else { format!("over the next {weeks} weeks") }
}

fn width_text(coverage: f64) -> &'static str {
    match coverage {
        coverage if coverage < *RIGHT_COVERAGE.start() => "too narrow",
        coverage if coverage > *RIGHT_COVERAGE.end() => "too wide",
        _ => "about right",
    }
}

/// A difference of logarithms as a factor.
fn factor(log: f64) -> String {
    score(libm::exp(log))
}

/// How sure a mean error is, followed by a semicolon; empty if only one account was tested.
fn precision(error: Option<ClusteredMean>, forecasts: usize) -> String {
    error.map_or_else(String::new, |error| {
        let [low, high] = error_interval(&error).map(factor);
        format!(
            "90\u{a0}% interval {low} to {high}, from {} of {}; ",
            count_with_noun(forecasts as f64, "forecast", "forecasts"),
            count_with_noun(error.clusters as f64, "account", "accounts"),
        )
    })
}

/// The 90 % interval of a mean absolute error, which is at least 0.
fn error_interval(error: &ClusteredMean) -> [f64; 2] {
    error.interval().map(|end| end.max(0.0))
}

fn bias(log: f64) -> String {
    let share = percent(Some(libm::expm1(log.abs())));
    if log < 0.0 { format!("typically {share} too low") } else { format!("typically {share} too high") }
}

/// A clause on whether the model is clearly better than the mean of the last 8 weeks. `other_loss` is the pinball loss
/// of that mean, and `difference` is `other_loss` minus the pinball loss of the model.
fn advantage(difference: Option<ClusteredMean>, other_loss: f64) -> String {
    let Some(difference) = difference else {
        return "cannot be compared with others, because only one account was tested".to_owned();
    };
    let interval = difference.interval().map(|end| end / other_loss);
    let [low, high] = interval.map(|share| percent(Some(share)));
    let range = format!("90\u{a0}% interval of the reduction in pinball loss: {low} to {high}");
    match interval {
        [low, _] if low > 0.0 => format!("is clearly better than one made from the last 8 weeks ({range})"),
        [_, high] if high < 0.0 => format!("is clearly worse than one made from the last 8 weeks ({range})"),
        _ => format!("is not clearly better or worse than one made from the last 8 weeks ({range})"),
    }
}

fn hours_sentence(gain: Option<ClusteredMean>) -> String {
    let Some(gain) = gain else {
        return "There are too few posts inside or outside the fitted best hours to say whether hours matter."
            .to_owned();
    };
    let [low, high] = gain.interval();
    let shown = |log: f64| change(Some(libm::expm1(log)));
    let difference = format!("{} (90\u{a0}% interval {} to {})", shown(gain.mean), shown(low), shown(high));
    if low > 0.0 {
        return format!(
            "Best hours matter: posts in an account's fitted best hours earned {difference} compared with its other posts. \
             None of these posts was used for the fit."
        );
    }
    format!(
        "No best hour is detectable: posts in an account's fitted best hours earned {difference} compared with its other \
         posts."
    )
}

fn verdict(report: &BacktestReport) -> Section {
    let backtest = report.backtest;
    let cards = backtest.horizons().into_iter().filter_map(|weeks| card(backtest, weeks)).collect();
    let mut blocks = vec![Block::Cards { cards }];
    blocks.extend(backtest_sentences(backtest, report.options).iter().map(|sentence| Block::paragraph(sentence)));
    blocks.push(Block::Figure { name: "backtest-coverage" });
    Section { id: "verdict", title: "How far the forecasts can be trusted", blocks }
}

fn card(backtest: &Backtest, weeks: u32) -> Option<Card> {
    let model = Score::of(backtest.select(Method::Model, weeks))?;
    let label = if weeks == 1 { "90 % range, one week" } else { "90 % range, several weeks" };
    Some(Card {
        label,
        value: percent(Some(model.coverage_90)),
        lines: vec![
            format!("of {} within it", count_with_noun(model.predictions as f64, "outcome", "outcomes")),
            format!(
                "over {}; 50\u{a0}% range: {}",
                count_with_noun(f64::from(weeks), "week", "weeks"),
                percent(Some(model.coverage_50))
            ),
        ],
    })
}

fn comparison(backtest: &Backtest) -> Section {
    let rows = backtest.horizons().into_iter().rev().flat_map(|weeks| {
        Method::ALL.into_iter().filter_map(move |method| {
            let score = Score::of(backtest.select(method, weeks))?;
            let mut name = Cell::text(label(method)).with_detail(span(weeks));
            name.strong = method == Method::Model;
            let mut cells = score_cells(&score);
            let [_, error_cell, ..] = &mut cells;
            error_cell.detail = backtest.mean_error(method, weeks).map(|error| {
                let [low, high] = error_interval(&error);
                format!("{low:.3} to {high:.3}")
            });
            Some(std::iter::once(name).chain(cells).collect())
        })
    });
    let mut table = Table::new("Scores on the same forecasts", "method", &COLUMNS, rows.collect());
    let note = "Errors, losses and CRPS are on the scale of log(1 + engagements); lower is better. The range below an error \
                is the 90\u{a0}% interval of its mean over many accounts like these.";
    table.note = Some(note.to_owned());
    let blocks = vec![
        Block::paragraph(
            "Each method is used to forecast the total engagements of the posts that were published, from earlier posts \
             only.",
        ),
        Block::Table { table },
        Block::Figure { name: "backtest-pit" },
        Block::Terms { terms: terms() },
    ];
    Section { id: "methods", title: "Comparison with simple forecasts", blocks }
}

const COLUMNS: [&str; 7] = ["forecasts", "error", "bias", "in 50 % range", "in 90 % range", "pinball loss", "CRPS"];

fn score_cells(score: &Score) -> [Cell; COLUMNS.len()] {
    let three_decimals = |value: f64| Cell::text(format!("{value:.3}"));
    [
        Cell::count(score.predictions as f64),
        three_decimals(score.error),
        Cell::text(format!("{:+.3}", score.bias)),
        Cell::percent(Some(score.coverage_50)),
        Cell::percent(Some(score.coverage_90)),
        three_decimals(score.pinball),
        three_decimals(score.crps),
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
        term(
            "Bias",
            "mean of the signed distance: above 0 if forecasts are too high on average, below 0 if they are too low.",
        ),
        term(
            "Pinball loss",
            "mean error of the five forecast quantiles, weighted by the probability of each: it judges the whole range.",
        ),
        term(
            "CRPS",
            "continuous ranked probability score: distance of the whole forecast distribution from the outcome.",
        ),
    ]
}

fn channels(report: &BacktestReport) -> Section {
    let backtest = report.backtest;
    let Some(weeks) = backtest.horizons().into_iter().max() else {
        let blocks = vec![Block::paragraph(&not_enough_history(report.options))];
        return Section { id: "channels", title: "By channel", blocks };
    };
    let rows = Channel::ALL.into_iter().filter_map(|channel| {
        let predictions = backtest.select(Method::Model, weeks).filter(move |prediction| prediction.channel == channel);
        let score = Score::of(predictions)?;
        Some(std::iter::once(Cell::code(channel.name())).chain(score_cells(&score)).collect())
    });
    let table = Table::new(format!("The model {}", span(weeks)), "channel", &COLUMNS, rows.collect());
    let note = "The table `scores` lists the accounts, and `predictions` every forecast.";
    Section { id: "channels", title: "By channel", blocks: vec![Block::Table { table }, Block::paragraph(note)] }
}

fn hours(backtest: &Backtest) -> Section {
    let sentence = hours_sentence(backtest.hour_gain);
    let explanation = "The day is divided into eight groups of three hours; best hours are the two groups with the \
                       highest fitted effects. Only posts after a cut count, and the effects of content type, weekday \
                       and recent posts are removed.";
    let blocks = vec![Block::paragraph(&sentence), Block::paragraph(explanation)];
    Section { id: "hours", title: "Whether hours matter", blocks }
}

fn method(report: &BacktestReport) -> Section {
    let BacktestOptions { cuts, draws, seed, .. } = report.options;
    let blocks = vec![
        Block::paragraph(
            "log(1 + engagements) of a post is a level that drifts, plus effects of hour, weekday, content type and recent \
             posts, plus noise. Effects are pooled over a channel's accounts. A forecast draws effects, level and noise, \
             undoes the logarithm, and adds up the posts. Its median is averaged with the median at the account's recent \
             level, and its ranges are widened where earlier ones were too narrow.",
        ),
        Block::paragraph(&format!(
            "A cut is a date from which forecasts are made: only earlier posts are used. Number of cuts: {}; they are as \
             far apart as the longest horizon, and the last one is that far before the last post. Each forecast has {} \
             random draws, with seed {seed}. Only accounts with {} before a cut, {}, are tested. The tables are {} files.",
            whole(*cuts as u64),
            whole(*draws as u64),
            enough_posts(report.options.enough),
            recent_enough(report.options.enough),
            plain(report.tables.extension()),
        )),
        Block::Code { text: report.command.to_owned() },
    ];
    Section { id: "method", title: "Method", blocks }
}
