//! What is estimated about how the audiences of a client's channels respond to posts, for the page of channels.

use serde::Serialize;

use crate::model::digits::short;
use crate::model::{Channel, EstimateSource, HOURS_PER_BIN, WorldEstimate, WorldParameter};
use crate::report::numbers::{change, count as number, percent};

/// The estimates of one channel.
#[derive(Debug, Serialize)]
pub(super) struct ChannelEstimates {
    channel: &'static str,
    /// Those that matter most.
    main: Vec<EstimateRow>,
    /// All of them, in the order of the table `world`.
    all: Vec<EstimateRow>,
}

/// An estimate as a row of a table.
#[derive(Debug, Serialize)]
struct EstimateRow {
    name: String,
    value: String,
    /// The 90 % interval.
    interval: String,
    basis: Basis,
    /// Whether the interval of an effect includes no effect.
    is_unclear: bool,
}

/// What an estimate is based on.
#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct Basis {
    text: &'static str,
    is_assumed: bool,
}

impl From<EstimateSource> for Basis {
    fn from(source: EstimateSource) -> Self {
        Self { text: source.basis(), is_assumed: source.is_assumed() }
    }
}

/// The estimates by channel. They are sorted by channel, then by parameter.
pub(super) fn by_channel(estimates: &[WorldEstimate]) -> Vec<ChannelEstimates> {
    let of_channel = |estimates: &[WorldEstimate]| {
        let channel = estimates.first()?.channel;
        Some(ChannelEstimates {
            channel: Channel::name(channel),
            main: main_rows(estimates),
            all: estimates.iter().map(|estimate| EstimateRow::new(label(&estimate.parameter), estimate)).collect(),
        })
    };
    estimates.chunk_by(|a, b| a.channel == b.channel).filter_map(of_channel).collect()
}

fn main_rows(estimates: &[WorldEstimate]) -> Vec<EstimateRow> {
    let find = |parameter: WorldParameter| estimates.iter().find(|estimate| estimate.parameter == parameter);
    let row = |name: &str, estimate: Option<&WorldEstimate>| Some(EstimateRow::new(name.to_owned(), estimate?));
    let best = |name: &str, is_included: fn(&WorldParameter) -> bool| {
        let best = best_of(estimates, is_included)?;
        Some(EstimateRow::new(format!("{name}: {}", label(&best.parameter)), best))
    };
    let rows = [
        row("Engagements of a post to a rested audience", find(WorldParameter::Level)),
        best("Best hours", |parameter| matches!(parameter, WorldParameter::Hours(_))),
        best("Best weekday", |parameter| matches!(parameter, WorldParameter::Weekday(_))),
        best("Best content type", |parameter| matches!(parameter, WorldParameter::ContentType(_))),
        find(WorldParameter::ResponseStrength).map(EstimateRow::loss),
        row("Time in which this loss halves", find(WorldParameter::HalfLifeHours)),
    ];
    rows.into_iter().flatten().collect()
}

/// The highest of several factors; `None` if none is above 1, or if there are fewer than two to choose from.
fn best_of(estimates: &[WorldEstimate], is_included: fn(&WorldParameter) -> bool) -> Option<&WorldEstimate> {
    let included: Vec<&WorldEstimate> = estimates.iter().filter(|estimate| is_included(&estimate.parameter)).collect();
    // Of equal factors, the first.
    let best = included.iter().copied().reduce(|a, b| if b.value > a.value { b } else { a });
    best.filter(|best| best.value > 1.0 && included.len() > 1)
}

impl EstimateRow {
    fn new(name: String, estimate: &WorldEstimate) -> Self {
        let [low, high] = estimate.interval();
        let shown = |value: f64| shown(&estimate.parameter, value);
        Self {
            name,
            value: shown(estimate.value),
            interval: format!("{} to {}", shown(low), shown(high)),
            basis: estimate.source.into(),
            is_unclear: is_effect(&estimate.parameter) && (low..=high).contains(&1.0),
        }
    }

    /// The response strength as the loss of a post right after another one: a load of 1, so a factor of 2^-strength.
    fn loss(strength: &WorldEstimate) -> Self {
        let [low, high] = strength.interval();
        let loss = |exponent: f64| percent(Some(1.0 - libm::exp2(-exponent)));
        Self {
            name: "Loss of a post right after another one".to_owned(),
            value: loss(strength.value),
            interval: format!("{} to {}", loss(low), loss(high)),
            basis: strength.source.into(),
            is_unclear: low <= 0.0,
        }
    }
}

/// Whether a parameter is a factor relative to the mean post.
fn is_effect(parameter: &WorldParameter) -> bool {
    matches!(parameter, WorldParameter::Hours(_) | WorldParameter::Weekday(_) | WorldParameter::ContentType(_))
}

/// A value of a parameter with its unit.
fn shown(parameter: &WorldParameter, value: f64) -> String {
    match parameter {
        WorldParameter::Level => number(value),
        WorldParameter::HalfLifeHours => format!("{}\u{a0}h", number(value)),
        WorldParameter::NoisePercentile(_) => format!("\u{d7}\u{a0}{}", short(value)),
        effect if is_effect(effect) => change(Some(value - 1.0)),
        _ => short(value),
    }
}

fn label(parameter: &WorldParameter) -> String {
    match parameter {
        WorldParameter::Level => "Level: engagements of a post to a rested audience".to_owned(),
        WorldParameter::Hours(bin) => {
            let first = *bin as u32 * HOURS_PER_BIN;
            format!("{first:02}:00 to {:02}:00", first + HOURS_PER_BIN)
        }
        WorldParameter::Weekday(_) => super::display::sentence_case(&parameter.to_string()),
        WorldParameter::ContentType(name) => name.replace('_', " "),
        WorldParameter::ResponseStrength => "Strength of the loss from recent posts".to_owned(),
        WorldParameter::HalfLifeHours => "Half-life of the loss from recent posts".to_owned(),
        WorldParameter::DriftSd => "Change of the level in a week".to_owned(),
        WorldParameter::SlowSd => "Variation of the level over weeks".to_owned(),
        WorldParameter::FastSd => "Variation of the level over days".to_owned(),
        WorldParameter::NoiseSd => "Variation of single posts".to_owned(),
        WorldParameter::NoisePercentile(percent) => format!("Percentile {percent} of a post against its expectation"),
    }
}

#[cfg(test)]
mod tests {
    use minijinja::context;
    use minijinja::value::Serde;

    use super::*;

    fn estimate(parameter: WorldParameter, value: f64, standard_error: f64, source: EstimateSource) -> WorldEstimate {
        WorldEstimate { channel: Channel::Ig, parameter, value, standard_error, source }
    }

    /// Estimates of every kind, sorted.
    fn estimates() -> Vec<WorldEstimate> {
        use EstimateSource::{Channel as OfChannel, Data, Pack, Prior};
        vec![
            estimate(WorldParameter::Level, 1200.0, 0.1, Data),
            estimate(WorldParameter::Hours(2), 0.9, 0.02, Data),
            estimate(WorldParameter::Hours(3), 1.12, 0.02, Data),
            estimate(WorldParameter::Weekday(0), 1.0, 0.05, OfChannel),
            estimate(WorldParameter::Weekday(4), 1.01, 0.05, OfChannel),
            estimate(WorldParameter::ContentType("photo".into()), 1.2, 0.1, Pack),
            estimate(WorldParameter::ContentType("<i>video</i>".into()), 1.4, 0.1, Pack),
            estimate(WorldParameter::ResponseStrength, 0.2, 0.05, Data),
            estimate(WorldParameter::HalfLifeHours, 20.0, 0.3, Prior),
            estimate(WorldParameter::NoisePercentile(5), 0.31, 0.05, OfChannel),
        ]
    }

    #[test]
    fn the_estimates_of_a_channel_show_intervals_and_mark_assumptions() {
        let templates = crate::web::console::templates().unwrap();
        let page = templates.get_template("_estimates.html").unwrap();
        let page = page.render(context! { channels => Serde(by_channel(&estimates())) }).unwrap();
        assert!(!page.contains("<i>"), "names are escaped: {page}");
        insta::assert_snapshot!(page);
    }

    #[test]
    fn a_best_one_needs_others_to_be_compared_with() {
        let only = [estimate(WorldParameter::ContentType("photo".into()), 1.2, 0.1, EstimateSource::Data)];
        let [channel] = &*by_channel(&only) else { panic!("there is one channel") };
        assert!(channel.main.is_empty() && channel.all.len() == 1);
        assert!(by_channel(&[]).is_empty());
    }
}
