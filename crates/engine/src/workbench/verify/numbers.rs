//! What the numbers of a pack show by themselves: rows that never hold, keys that count nowhere.

use super::{Finding, FindingKind, Idle};
use crate::rules::{AssetRules, CompiledRules, Listed, RulePlace, SCORE_ASSET};
use crate::workbench::grounds::Ground;

/// Every number that can never hold.
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

/// Keys that count nowhere beside the pack's other numbers. They are no mistake: an overlay may bring them to
/// life.
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

    /// Rows of `risk.confidence` that no asset's score reaches.
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

/// The score of an asset that has everything.
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
