//! Comparisons of packs over the sample simulations.

use super::simulation::{CLIENTS, Shape, TRAITS, USUAL, provenance, pseudo_random};
use crate::model::{Channel, ClientId, Week};
use crate::simulator::{
    ChannelDifference, ClientCounts, ClientDifference, Compared, Comparison, Measure, MeasureDifference, Provenance,
    StoppingRule, Variant, Versus, WeekDifference,
};
use crate::stats::{Difference, Pairs};

/// The effect of another pack.
#[derive(Clone, Copy)]
struct Effect {
    label: &'static str,
    /// Mean relative difference.
    mean: f64,
    /// Spread of the relative difference over replications.
    spread: f64,
}

const fn effect(label: &'static str, mean: f64, spread: f64) -> Effect {
    Effect { label, mean, spread }
}

const BOLD: Effect = effect("bold", 0.027, 0.05);
const UNCLEAR: Effect = effect("hardly-other", 0.001, 0.2);
const SAME: Effect = effect("twin", 0.0, 0.0);

/// Comparisons with the default pack, and one of scenarios, each with a name.
pub fn comparisons() -> Vec<(&'static str, Comparison)> {
    let until = |is_reached| Some(StoppingRule { half_width: 0.005, most_replications: 1000, is_reached });
    let usual = comparison(USUAL, &[BOLD]);
    let mut hostile =
        comparison(USUAL, &[effect("<script>`a|b`</script> & a name that goes on and on and on", 0.1, 0.3)]);
    for client in hostile.versus.iter_mut().flat_map(|versus| &mut versus.clients) {
        client.name = "<b>a|b`c*d_e</b>".to_owned();
    }
    vec![
        ("three-packs", comparison(USUAL, &[BOLD, effect("careful", -0.18, 0.1), SAME])),
        ("reached", Comparison { until: until(true), ..usual.clone() }),
        ("not-reached", Comparison { until: until(false), ..usual.clone() }),
        ("usual", usual),
        ("unclear", comparison(USUAL, &[UNCLEAR])),
        ("same", comparison(USUAL, &[SAME])),
        ("one-replication", comparison(Shape { replications: 1, ..USUAL }, &[BOLD])),
        ("one-week", comparison(Shape { weeks: 1, ..USUAL }, &[BOLD])),
        ("one-client", comparison(Shape { clients: 1, channels: 4, ..USUAL }, &[BOLD])),
        ("many-clients", comparison(Shape { clients: 400, weeks: 52, ..USUAL }, &[BOLD])),
        ("zeros", comparison(Shape { size: 0.0, ..USUAL }, &[BOLD])),
        ("huge", comparison(Shape { size: 90_000.0, ..USUAL }, &[effect("wild", 3.0, 20.0)])),
        ("names", hostile),
        ("scenarios", scenarios()),
    ]
}

/// A comparison of two scenarios, each of which plans for a client that the other lacks.
fn scenarios() -> Comparison {
    let mut comparison = comparison(USUAL, &[effect("without-harbour", -0.05, 0.05)]);
    comparison.compared = Compared::Scenarios;
    for (variant, name) in comparison.variants.iter_mut().zip(["agency", "without-harbour"]) {
        variant.label = name.to_owned();
        variant.provenance.scenario = name.to_owned();
        variant.provenance.rules = "default".to_owned();
    }
    for versus in &mut comparison.versus {
        let one_sided = |name: &str, base: f64, other: f64| {
            let mut pairs = Pairs::default();
            (0..USUAL.replications).for_each(|_| pairs.add(base, other));
            ClientDifference {
                client_id: ClientId::new(name.to_lowercase()),
                name: name.to_owned(),
                engagement: pairs.difference(),
                net_worth: pairs.difference(),
            }
        };
        versus.only_base = vec![one_sided("Harbour", 6_500.0, 0.0)];
        versus.only_other = vec![one_sided("Quay", 0.0, 410.0)];
    }
    comparison
}

fn comparison(shape: Shape, effects: &[Effect]) -> Comparison {
    let base = provenance(shape, "2026-W48".parse().unwrap());
    let pack = |label: &str| Variant {
        label: label.to_owned(),
        provenance: Provenance { rules: label.to_owned(), ..base.clone() },
    };
    Comparison {
        compared: Compared::Packs,
        variants: std::iter::once("default").chain(effects.iter().map(|effect| effect.label)).map(pack).collect(),
        until: None,
        versus: effects.iter().map(|effect| versus(shape, *effect, base.start, effects.len())).collect(),
    }
}

/// The difference of two packs over replications. `mean` is the mean of the base; `effect`, the relative difference.
fn difference(shape: Shape, mean: f64, effect: f64, spread: f64, salt: usize) -> Difference {
    let mut pairs = Pairs::default();
    for replication in 0..shape.replications as usize {
        let base = mean * shape.size * (0.9 + 0.2 * pseudo_random(replication, salt + 61));
        pairs.add(base, base * (1.0 + effect + spread * (pseudo_random(replication, salt + 62) - 0.5)));
    }
    pairs.difference()
}

fn versus(shape: Shape, effect: Effect, start: Week, packs: usize) -> Versus {
    let Effect { label, mean: effect, spread } = effect;
    // The effect differs between weeks, channels and clients.
    let part = |mean, salt| difference(shape, mean, effect * (4.0 * pseudo_random(salt, 60) - 1.0), spread, salt);
    let row = |(index, measure): (usize, Measure)| {
        let effect = if measure == Measure::Reviews { -5.0 * effect } else { effect };
        let difference = difference(shape, 90_000.0 / libm::pow(1.0 + index as f64, 3.0), effect, spread, index);
        let corrected_p = difference.p.map(|p| (p * packs as f64).min(1.0));
        MeasureDifference { measure, difference, corrected_p }
    };
    let client = |index: usize| ClientDifference {
        client_id: ClientId::new(format!("client-{:03}", index + 1)),
        name: CLIENTS[index % CLIENTS.len()].to_owned(),
        engagement: part(7_000.0, index + 100),
        net_worth: part(6_000.0, index + 200),
    };
    let clients: Vec<ClientDifference> = (0..shape.clients).map(client).collect();
    let week = |week: usize| WeekDifference { week: start.plus(week as i64), engagement: part(7_500.0, week + 30) };
    let channel = |index: usize| ChannelDifference {
        channel: Channel::ALL[index],
        clients: shape.clients as u32,
        base_clients: shape.clients as u32,
        engagement: part(TRAITS[index].posts_per_week * TRAITS[index].engagements_per_post, index + 10),
    };
    Versus {
        label: label.to_owned(),
        headline: Measure::ALL.into_iter().enumerate().map(row).collect(),
        weekly: (0..shape.weeks as usize).map(week).collect(),
        channels: (0..shape.channels).map(channel).collect(),
        client_counts: ClientCounts::of(&clients),
        clients,
        only_base: Vec::new(),
        only_other: Vec::new(),
    }
}
