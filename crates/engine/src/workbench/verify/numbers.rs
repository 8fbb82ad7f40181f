//! Checks the values of a pack by themselves: rows that can never apply, keys without effect.

use super::{Finding, FindingKind, Idle};
use crate::rules::{AssetRules, CompiledRules, Listed, RulePlace, SCORE_ASSET};
use crate::workbench::grounds::Ground;

/// Every row that can never apply.
pub(super) fn dead(rules: &CompiledRules, grounds: &[Ground]) -> Vec<Finding> {
    let mut found = Vec::new();
    for ground in grounds {
        let desk = Desk { rules, ground };
        if !rules.has_function(SCORE_ASSET) && !rules.has_function("confidence") {
            found.extend(desk.confidence_rows());
        }
    }
    found
}

/// Keys without effect, given the pack's other values. They are not an error: an overlay may give them an effect.
pub(super) fn idle(rules: &CompiledRules) -> Vec<Idle> {
    let listed = rules.pack().listed().into_iter();
    let idle = listed.filter_map(|Listed { key, file, line, .. }| {
        let why = rules.pack().why_idle(&key)?;
        Some(Idle { place: RulePlace { file, line }, key, why })
    });
    idle.collect()
}

struct Desk<'d> {
    rules: &'d CompiledRules,
    ground: &'d Ground,
}

impl Desk<'_> {
    fn never_holds(&self, key: &str, row: Option<usize>, what: String, remedy: &str) -> Finding {
        let place = self.rules.pack().place_of_row(&self.ground.overlays, key, row);
        let (file, line) = place.unwrap_or_default();
        let (kind, remedy) = (FindingKind::NeverHolds, remedy.to_owned());
        Finding { place: RulePlace { file, line }, kind, what, witness: Vec::new(), remedy }
    }

    /// Rows of `risk.confidence` that no asset score reaches.
    fn confidence_rows(&self) -> Vec<Finding> {
        let most = highest_score(&self.ground.rules.assets);
        let rows = self.ground.rules.risk.confidence.iter().enumerate();
        let dead = rows.filter(|(_, step)| step.from > most).map(|(row, step)| {
            let what =
                format!("no asset scores {} or more, the highest score is {most}, so this row never holds", step.from);
            self.never_holds(
                "risk.confidence",
                Some(row),
                what,
                "lower the row's `from`, or raise the points of assets.toml",
            )
        });
        dead.collect()
    }
}

/// The highest score that an asset can have.
fn highest_score(assets: &AssetRules) -> f64 {
    let freshest = assets.freshness.iter().map(|step| step.then).fold(0.0, f64::max);
    let parts = [
        assets.per_quality,
        assets.per_brand_consistency,
        assets.per_value,
        assets.per_impact,
        assets.made_for_channel,
        freshest,
    ];
    let most: f64 = assets.base + parts.iter().map(|points| points.max(0.0)).sum::<f64>();
    most.clamp(0.0, 100.0)
}
