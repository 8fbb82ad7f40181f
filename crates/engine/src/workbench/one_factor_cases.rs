//! Cases that vary one factor at a time from the default case: on every channel, at every threshold of two packs.

use super::eval_context::overlay_targets;
use crate::model::Channel;
use crate::model::digits::rounded;
use crate::rules::{CompiledRules, DAYS, Rules, ThresholdRow};

/// The lines of each case, starting with the default case of every channel. The target of each overlay is tested in the
/// default case, and at every threshold if its effective rules differ between the two packs.
pub(super) fn one_factor_cases(before: &CompiledRules, after: &CompiledRules) -> Vec<Vec<String>> {
    let packs = [before, after];
    let mut cases: Vec<Vec<String>> = vec![Vec::new()];
    for target in overlay_targets(&packs) {
        let lines = target.lines();
        let rules = packs.map(|pack| target.rules(pack));
        let is_default_client = lines.is_empty();
        let [old, new] = &rules;
        if !is_default_client {
            cases.push(lines.clone());
        }
        if is_default_client || old != new {
            let edges = fatigue_lines(&rules).into_iter().chain(asset_lines(&rules)).chain(doubt_lines(&rules));
            cases.extend(edges.map(|edge| lines.iter().cloned().chain([edge]).collect()));
        }
    }
    cases.extend(fixed_lines().into_iter().chain(name_lines(&packs)).map(|line| vec![line]));
    let on_channels = cases.into_iter().flat_map(|lines| {
        Channel::ALL.map(|channel| {
            let mut case = vec![format!("channel = \"{channel}\"")];
            case.extend(lines.iter().cloned());
            case
        })
    });
    on_channels.collect()
}

/// Each number and one just below it, without duplicates, ascending.
fn edges(numbers: impl IntoIterator<Item = f64>, below: f64) -> Vec<f64> {
    let mut edges: Vec<f64> = numbers.into_iter().flat_map(|at| [at - below, at]).filter(|at| *at >= 0.0).collect();
    edges.sort_by(f64::total_cmp);
    edges.dedup();
    edges.into_iter().map(|at| rounded(at, 6)).collect()
}

fn thresholds<'s>(steps: &'s [ThresholdRow]) -> impl Iterator<Item = f64> + 's {
    steps.iter().map(|row| row.threshold)
}

fn fatigue_lines(packs: &[Rules; 2]) -> Vec<String> {
    let numbers = packs.iter().flat_map(|rules| {
        let fatigue = &rules.fatigue;
        let tables = thresholds(&fatigue.frequency)
            .chain(thresholds(&fatigue.priority_loss))
            .chain(thresholds(&fatigue.wait_hours));
        tables.chain([fatigue.warn_at, fatigue.block_at]).collect::<Vec<f64>>()
    });
    let edges = edges(numbers, 0.001).into_iter().filter(|at| *at <= 1.0);
    edges.flat_map(|at| [format!("state.fatigue = {at:?}"), format!("post.fatigue = {at:?}")]).collect()
}

fn asset_lines(packs: &[Rules; 2]) -> Vec<String> {
    let ages = edges(packs.iter().flat_map(|rules| thresholds(&rules.assets.freshness).collect::<Vec<f64>>()), 1.0);
    let hours_since_use =
        edges(packs.iter().flat_map(|rules| [rules.assets.cooldown_hours, rules.assets.recent_use_days * 24.0]), 1.0);
    let extremes = ["quality", "brand_consistency", "value", "impact"]
        .into_iter()
        .flat_map(|part| [0.0, 1.0].map(|at| format!("asset.{part} = {at:?}")));
    let flags = ["present", "made_for_channel", "has_content"].map(|flag| format!("asset.{flag} = false"));
    flags
        .into_iter()
        .chain(extremes)
        .chain(ages.into_iter().map(|at| format!("asset.age_hours = {at:?}")))
        .chain(hours_since_use.into_iter().map(|at| format!("asset.used_hours_ago = {at:?}")))
        .collect()
}

/// Lines around the thresholds at which confidence falls or guardrails fire.
fn doubt_lines(packs: &[Rules; 2]) -> Vec<String> {
    let confidences = edges(packs.iter().map(|rules| rules.risk.reality_confidence_below), 0.001);
    let gaps = edges(packs.iter().map(|rules| rules.risk.reality_gap_above + 0.001), 0.001);
    let confidences = confidences.into_iter().map(|at| format!("reality.confidence = {at:?}"));
    let gaps = gaps
        .into_iter()
        .filter(|gap| *gap <= 1.0)
        .map(|gap| format!("reality = {{ perceived = 0.0, true_score = {gap:?} }}"));
    let spacings = edges(
        packs.iter().flat_map(|rules| {
            rules.channels.iter().map(|channel| f64::from(channel.min_spacing_hours)).collect::<Vec<f64>>()
        }),
        0.1,
    );
    let nearest = spacings.into_iter().map(|at| format!("post.hours_to_nearest_post = {at:?}"));
    let actions = packs.iter().map(|rules| rules.risk.default_policy.max_actions_per_day + 1);
    confidences
        .chain(gaps)
        .chain(nearest)
        .chain(actions.map(|number| format!("post.action_of_day = {number}")))
        .collect()
}

/// Lines that do not depend on the thresholds of a pack.
fn fixed_lines() -> Vec<String> {
    let mut lines: Vec<String> = [
        "state.measured = false",
        "state.momentum = 0.0",
        "state.momentum = 1.0",
        "client.status = \"onboarding\"",
        "policy.agent_enabled = false",
        "policy.auto_exec_enabled = false",
        "warnings = [{ kind = \"collapse_risk\", severity = \"high\" }]",
        "warnings = [{ kind = \"story_stall\", severity = \"medium\" }, { kind = \"data_gap\", severity = \"medium\" }, \
         { kind = \"blindspot\", severity = \"medium\" }]",
        "client.days = [{ day = \"monday\", kind = \"holiday\" }]",
        "client.days = [{ day = \"monday\", kind = \"boost\" }]",
    ]
    .map(str::to_owned)
    .to_vec();
    lines.extend((1..24).map(|hour| format!("post.hour = {hour}")));
    lines.extend(DAYS.iter().skip(1).map(|day| format!("post = {{ day = \"{day}\", hour = 12 }}")));
    lines
}

/// Lines with the names in the functions of either pack, each as an industry and as a kind of asset.
fn name_lines(packs: &[&CompiledRules; 2]) -> Vec<String> {
    let functions = packs.iter().flat_map(|rules| {
        let guardrails = rules.pack().declared_guardrails();
        let hooks = crate::rules::HOOKS.iter().map(|hook| hook.name.to_owned());
        let names = guardrails.into_iter().map(|guardrail| guardrail.name.to_string()).chain(hooks);
        names.flat_map(|name| rules.constants(&name).names).collect::<Vec<String>>()
    });
    let mut names: Vec<String> = functions.filter(|name| !Channel::names().any(|channel| channel == name)).collect();
    names.sort();
    names.dedup();
    let quoted = names.iter().filter(|name| !name.contains(['\\', '"']));
    quoted.flat_map(|name| [format!("client.industry = \"{name}\""), format!("asset.kind = \"{name}\"")]).collect()
}
