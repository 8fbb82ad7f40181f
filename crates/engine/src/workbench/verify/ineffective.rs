//! Finds rows of a pack's tables that can never apply, and keys that have no effect given the pack's other values.

use super::{Finding, FindingKind, IneffectiveKey};
use crate::rules::{AssetRules, CompiledRules, RulePlace, SCORE_ASSET, StatedKey};
use crate::workbench::eval_context::EvalContext;

/// Every row that can never apply.
pub(super) fn rows_that_never_apply(rules: &CompiledRules, contexts: &[EvalContext]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for context in contexts {
        // The function `score_asset` may give higher scores than the points do, and with `confidence` the rows are unused.
        if !rules.has_function(SCORE_ASSET) && !rules.has_function("confidence") {
            findings.extend(unreachable_confidence_rows(rules, context));
        }
    }
    findings
}

/// Keys that have no effect given the pack's other values. They are not errors, since an overlay may give them an
/// effect.
pub(super) fn keys_without_effect(rules: &CompiledRules) -> Vec<IneffectiveKey> {
    let stated = rules.pack().stated_keys().into_iter();
    let ineffective = stated.filter_map(|StatedKey { key, file, line, .. }| {
        let why = rules.pack().why_ineffective(&key)?;
        Some(IneffectiveKey { place: RulePlace { file, line }, key, why })
    });
    ineffective.collect()
}

/// Rows of `risk.confidence` that no asset score reaches.
fn unreachable_confidence_rows(rules: &CompiledRules, context: &EvalContext) -> Vec<Finding> {
    const KEY: &str = "risk.confidence";
    let highest = highest_score(&context.rules.assets);
    let rows = context.rules.risk.confidence.iter().enumerate().filter(|(_, row)| row.threshold > highest);
    let findings = rows.map(|(index, row)| {
        let (file, line) = rules.pack().place_of_row(&context.overlays, KEY, Some(index)).unwrap_or_default();
        Finding {
            place: RulePlace { file, line },
            kind: FindingKind::NeverApplies,
            what: format!(
                "no asset scores {} or more, since the highest score is {highest}, so this row never applies",
                row.threshold
            ),
            witness: Vec::new(),
            remedy: "lower the row's `from`, or raise the points of assets.toml".to_owned(),
        }
    });
    findings.collect()
}

/// The highest score that an asset can have.
fn highest_score(assets: &AssetRules) -> f64 {
    let max_freshness = assets.freshness.iter().map(|row| row.value).fold(0.0, f64::max);
    let parts = [
        assets.per_quality,
        assets.per_brand_consistency,
        assets.per_value,
        assets.per_impact,
        assets.made_for_channel,
        max_freshness,
    ];
    let highest_sum: f64 = assets.base + parts.iter().map(|points| points.max(0.0)).sum::<f64>();
    highest_sum.clamp(0.0, 100.0)
}
