//! Performance Reality: perceived against estimated true performance.

use super::ClientWeek;
use crate::model::PerformanceReality;

/// The latest assessment, its true score shrunk towards the middle in proportion to the missing data. Without an
/// assessment, both the perceived and the estimated score are the middle.
///
/// The estimate is completeness · true score + (1 - completeness) · `reality_middle`. The less complete and trusted the
/// data, the wider the band around the estimate: half its width is `reality_band` · (1 - completeness · confidence).
#[must_use]
pub fn signal(week: &ClientWeek<'_>) -> PerformanceReality {
    let rules = &week.rules.early_warning;
    let Some(reality) = &week.state.reality else {
        let middle = rules.reality_middle;
        return PerformanceReality {
            assessed: false,
            perceived: middle,
            estimated: middle,
            low: (middle - rules.reality_band).max(0.0),
            high: (middle + rules.reality_band).min(1.0),
            gap: 0.0,
            confidence: 1.0,
            completeness: 1.0,
        };
    };
    let perceived = reality.perceived.get();
    let actual = reality.actual.map_or(perceived, |score| score.get());
    let completeness = reality.completeness.get();
    let confidence = reality.confidence.get();
    let estimated = completeness * actual + (1.0 - completeness) * rules.reality_middle;
    let half_band = rules.reality_band * (1.0 - completeness * confidence);
    PerformanceReality {
        assessed: true,
        perceived,
        estimated,
        low: (estimated - half_band).max(0.0),
        high: (estimated + half_band).min(1.0),
        gap: (actual - perceived).abs(),
        confidence,
        completeness,
    }
}
