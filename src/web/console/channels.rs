//! The page of channel health: current figures and their history, and for one client what is estimated about its
//! channels.

use axum::extract::State;
use axum::response::Response;
use minijinja::context;
use minijinja::value::Serde;
use serde::Serialize;

use super::display::{ShownTime, client_choices};
use super::{PageRequest, estimates};
use crate::rules::FatigueRules;
use crate::store::{ChannelStatus, HealthDay};
use crate::web::api::days_ago;
use crate::web::clock::now;
use crate::web::problem::Problem;
use crate::web::state::App;

/// Number of days shown in a sparkline.
const DAYS: i64 = 28;
/// Size of a sparkline in SVG units.
const WIDTH: f64 = 120.0;
const HEIGHT: f64 = 28.0;

#[derive(Debug, Serialize)]
struct Meter {
    name: &'static str,
    value: f64,
    text: String,
    level: &'static str,
    /// Which values are better.
    direction: &'static str,
}

#[derive(Debug, Serialize)]
struct Sparkline {
    name: &'static str,
    points: String,
    first: String,
    last: String,
    text: String,
}

#[derive(Debug, Serialize)]
struct Card {
    channel: &'static str,
    clients: u32,
    pending: i64,
    completed: i64,
    health: String,
    health_level: &'static str,
    meters: Vec<Meter>,
    worst_fatigue: String,
    last_post: Option<ShownTime>,
    wait: String,
    history: Vec<Sparkline>,
}

/// `GET …/channels`
pub(super) async fn page(State(app): State<App>, request: PageRequest) -> Result<Response, Problem> {
    let PageRequest { visit, mut params, .. } = request;
    let client = params.text("client");
    params.finish()?;
    let clients = app.clients(&visit.workspace).await?;
    let fatigue = &app.rules.base().fatigue;
    let ledger = visit.ledger();
    let (channels, history, estimated) = match &client {
        None => {
            let since = days_ago(DAYS).date();
            (app.figures(&visit.workspace).await?.channels.clone(), ledger.health_history(since).await?, Vec::new())
        }
        Some(client) => {
            (ledger.client_channels(client, fatigue, now()).await?, Vec::new(), ledger.estimates(client).await?)
        }
    };
    let cards: Vec<Card> = channels.iter().map(|status| card(status, &history, fatigue)).collect();
    let chrome = visit.chrome("Channel health", "channels", None);
    let empty = cards.is_empty().then(|| {
        context! {
            text => if client.is_some() { "This client has no channels." } else { "No client has a channel yet." },
            href => visit.link("/channels", &[]),
            label => "All clients",
        }
    });
    let content = context! {
        filter => context! { client => client.unwrap_or_default() },
        options => context! {
            clients => Serde(client_choices(&clients)),
        },
        cards => Serde(&cards),
        channels => Serde(estimates::by_channel(&estimated)),
        thresholds => calculation_notes(fatigue),
        empty => empty,
    };
    Ok(visit.page("channels.html", &chrome, content))
}

/// How the figures of the page are calculated, as sentences.
fn calculation_notes(rules: &FatigueRules) -> Vec<String> {
    let [rested, momentum, visibility, engagement] = rules.health_weights;
    vec![
        format!(
            "A post gets a warning when fatigue is {} or more, and is blocked when it is {} or more.",
            rules.warn_at, rules.block_at
        ),
        format!(
            "Health = {rested} \u{d7} (1 \u{2212} fatigue) + {momentum} \u{d7} momentum + {visibility} \u{d7} \
             visibility + {engagement} \u{d7} engagement, each from 0 to 1. It is good at {} or more and fair at {} or more.",
            rules.good_from, rules.fair_from
        ),
        format!("The charts show the last {DAYS} days, with one point for the last daily pass of each day."),
    ]
}

fn card(status: &ChannelStatus, history: &[HealthDay], rules: &FatigueRules) -> Card {
    let meter = |name, value: f64, direction, is_high_bad: bool| Meter {
        name,
        value,
        text: format!("{value:.2}"),
        level: if is_high_bad { fatigue_level(value, rules) } else { rules.level(value) },
        direction,
    };
    let days: Vec<&HealthDay> = history.iter().filter(|day| day.channel == status.channel).collect();
    let chart =
        |name, value: fn(&HealthDay) -> f64| sparkline(name, &days.iter().map(|day| value(day)).collect::<Vec<_>>());
    let health = chart("Health", |day| day.health_score);
    let fatigue = chart("Fatigue", |day| day.fatigue);
    Card {
        channel: status.channel.name(),
        clients: status.clients,
        pending: status.pending,
        completed: status.completed,
        health: format!("{:.2}", status.health_score),
        health_level: rules.level(status.health_score),
        meters: vec![
            meter("Fatigue", status.fatigue, "higher is worse", true),
            meter("Momentum", status.momentum, "higher is better", false),
            meter("Visibility", status.visibility, "higher is better", false),
            meter("Engagement", status.engagement, "higher is better", false),
        ],
        worst_fatigue: format!("{:.2}", status.worst_fatigue),
        last_post: status.last_post_at.map(ShownTime::utc),
        wait: format!("{:.0} h", status.recommended_wait_hours),
        history: health.into_iter().chain(fatigue).collect(),
    }
}

fn fatigue_level(fatigue: f64, rules: &FatigueRules) -> &'static str {
    if fatigue >= rules.block_at {
        "poor"
    } else if fatigue >= rules.warn_at {
        "fair"
    } else {
        "good"
    }
}

/// A line chart of one value per day, with 0 at the bottom and 1 at the top; `None` for fewer than two days.
fn sparkline(name: &'static str, values: &[f64]) -> Option<Sparkline> {
    let (first, last) = (values.first()?, values.last()?);
    let steps = values.len().checked_sub(1).filter(|steps| *steps > 0)? as f64;
    let points = values.iter().enumerate().map(|(index, value)| {
        format!("{:.1},{:.1}", index as f64 / steps * WIDTH, (1.0 - value.clamp(0.0, 1.0)) * HEIGHT)
    });
    Some(Sparkline {
        name,
        points: points.collect::<Vec<_>>().join(" "),
        first: format!("{first:.2}"),
        last: format!("{last:.2}"),
        text: format!("{first:.2} to {last:.2} over {} days", values.len()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sparkline_fills_the_full_width() {
        let chart = sparkline("Health", &[1.0, 0.5, 0.0]).unwrap();
        assert_eq!(chart.points, "0.0,0.0 60.0,14.0 120.0,28.0");
        assert_eq!(chart.text, "1.00 to 0.00 over 3 days");
        assert!(sparkline("Health", &[0.5]).is_none());
    }
}
