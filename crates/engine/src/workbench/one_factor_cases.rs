//! Cases that vary one factor at a time from the default case: on every channel, at every threshold of two packs.

use super::eval_context::overlay_targets;
use crate::model::Channel;
use crate::model::digits::rounded;
use crate::rules::{CompiledRules, DAYS, Rules, ThresholdRow};

/// The lines of each case. The first cases are the default case on every channel. The target of each overlay is tested
/// in the default case, and at every threshold if the rules that apply to it differ between the two packs.
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
            let threshold_lines =
                fatigue_lines(&rules).into_iter().chain(asset_lines(&rules)).chain(doubt_lines(&rules));
            cases.extend(threshold_lines.map(|line| lines.iter().cloned().chain([line]).collect()));
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

/// Each threshold and the value `distance` below it, without negative values and duplicates, ascending.
fn both_sides(thresholds: impl IntoIterator<Item = f64>, distance: f64) -> Vec<f64> {
    let values = thresholds.into_iter().flat_map(|threshold| [threshold - distance, threshold]);
    let mut values: Vec<f64> = values.filter(|value| *value >= 0.0).collect();
    values.sort_by(f64::total_cmp);
    values.dedup();
    values.into_iter().map(|value| rounded(value, 6)).collect()
}

fn thresholds<'r>(rows: &'r [ThresholdRow]) -> impl Iterator<Item = f64> + 'r {
    rows.iter().map(|row| row.threshold)
}

fn fatigue_lines(packs: &[Rules; 2]) -> Vec<String> {
    let numbers = packs.iter().flat_map(|rules| {
        let fatigue = &rules.fatigue;
        let tables = thresholds(&fatigue.frequency)
            .chain(thresholds(&fatigue.priority_loss))
            .chain(thresholds(&fatigue.wait_hours));
        tables.chain([fatigue.warn_at, fatigue.block_at]).collect::<Vec<f64>>()
    });
    let values = both_sides(numbers, 0.001).into_iter().filter(|at| *at <= 1.0);
    values.flat_map(|at| [format!("state.fatigue = {at:?}"), format!("post.fatigue = {at:?}")]).collect()
}

fn asset_lines(packs: &[Rules; 2]) -> Vec<String> {
    let freshness = packs.iter().flat_map(|rules| thresholds(&rules.assets.freshness).collect::<Vec<f64>>());
    let ages = both_sides(freshness, 1.0);
    let rest_hours = packs.iter().flat_map(|rules| [rules.assets.cooldown_hours, rules.assets.recent_use_days * 24.0]);
    let hours_since_use = both_sides(rest_hours, 1.0);
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

/// Lines around the thresholds at which confidence falls, or at which guardrails warn or block.
fn doubt_lines(packs: &[Rules; 2]) -> Vec<String> {
    let confidences = both_sides(packs.iter().map(|rules| rules.risk.reality_confidence_below), 0.001);
    // A gap equal to the threshold does not exceed it, so a gap slightly above is tried too.
    let gaps = both_sides(packs.iter().map(|rules| rules.risk.reality_gap_above + 0.001), 0.001);
    let confidences = confidences.into_iter().map(|at| format!("reality.confidence = {at:?}"));
    let gaps = gaps
        .into_iter()
        .filter(|gap| *gap <= 1.0)
        .map(|gap| format!("reality = {{ perceived = 0.0, true_score = {gap:?} }}"));
    let spacings = both_sides(
        packs.iter().flat_map(|rules| {
            rules.channels.iter().map(|channel| f64::from(channel.min_spacing_hours)).collect::<Vec<f64>>()
        }),
        0.1,
    );
    let hours_to_nearest = spacings.into_iter().map(|at| format!("post.hours_to_nearest_post = {at:?}"));
    let actions = packs.iter().map(|rules| rules.risk.default_policy.max_actions_per_day + 1);
    confidences
        .chain(gaps)
        .chain(hours_to_nearest)
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

/// Lines with the names that the functions of either pack mention, each as an industry and as a kind of asset.
fn name_lines(packs: &[&CompiledRules; 2]) -> Vec<String> {
    let mentioned = packs.iter().flat_map(|rules| {
        let guardrails = rules.pack().declared_guardrails().into_iter().map(|guardrail| guardrail.name.to_string());
        let functions = guardrails.chain(crate::rules::HOOKS.iter().map(|hook| hook.name.to_owned()));
        functions.flat_map(|function| rules.constants(&function).names).collect::<Vec<String>>()
    });
    let mut names: Vec<String> = mentioned.filter(|name| !Channel::names().any(|channel| channel == name)).collect();
    names.sort();
    names.dedup();
    let quoted = names.iter().filter(|name| !name.contains(['\\', '"']));
    quoted.flat_map(|name| [format!("client.industry = \"{name}\""), format!("asset.kind = \"{name}\"")]).collect()
}
