//! The facts of a client, over all its channels, that scripts can read.

use crate::agents::ClientWeek;
use crate::agents::creative_director::{Candidate, hours_between};
use crate::agents::scaling::WorkspaceDemand;
use crate::model::{Asset, ChannelState, PerformanceReality, Score};
use crate::planner::channel::fatigue_at;
use crate::rules::{ClientFacts, NEVER, text_list};
use crate::stats::mean;

/// The facts of one client's week.
pub(super) fn client_facts(
    week: &ClientWeek<'_>,
    candidates: &[Vec<Candidate<'_>>],
    reality: &PerformanceReality,
    demand: WorkspaceDemand,
    posts_wanted: u32,
) -> ClientFacts {
    let start = week.hours.start();
    let states = &week.state.channels;
    let fatigue: Vec<f64> =
        states.iter().map(|state| fatigue_at(state, week.rules.channel(state.channel), start)).collect();
    // An unknown score counts as 0.5, the middle of its range.
    let mean_of = |score: fn(&ChannelState) -> Option<Score>| {
        mean(&states.iter().map(|state| score(state).map_or(0.5, Score::get)).collect::<Vec<_>>())
    };
    let usable = usable_assets(candidates);
    let newest = usable.iter().map(|asset| asset.created_at).max();
    let unmeasured: Vec<f64> =
        states.iter().map(|state| f64::from(u8::from(state.engagement_rate.is_none()))).collect();
    let brand: Vec<f64> = usable.iter().map(|asset| asset.brand_consistency.get()).collect();
    // The load is finite even if the policy allows no posts.
    let weekly_capacity = f64::from(week.client.policy.max_actions_per_day.max(1)) * 7.0;
    ClientFacts {
        id: week.client.id.as_str().into(),
        industry: (*week.client.industry).into(),
        tags: text_list(&week.client.tags),
        channels: states.len() as i64,
        mean_fatigue: mean(&fatigue),
        max_fatigue: fatigue.iter().copied().fold(0.0, f64::max),
        momentum: mean_of(|state| state.momentum),
        visibility: mean_of(|state| state.visibility),
        engagement: mean_of(|state| state.engagement),
        unmeasured_share: mean(&unmeasured),
        load: f64::from(posts_wanted) / weekly_capacity,
        workspace_load: demand.load,
        days_since_new_asset: newest.map_or(NEVER, |at| (hours_between(at, start) / 24.0).clamp(0.0, NEVER)),
        usable_assets: usable.len() as i64,
        brand_consistency: if brand.is_empty() { 1.0 } else { mean(&brand) },
        assessed: reality.assessed,
        reality_gap: reality.gap,
        completeness: reality.completeness,
    }
}

/// Assets that at least one channel can use this week, each once, by id.
fn usable_assets<'a>(candidates: &[Vec<Candidate<'a>>]) -> Vec<&'a Asset> {
    let mut usable: Vec<&Asset> = candidates.iter().flatten().map(|candidate| candidate.asset).collect();
    usable.sort_by(|a, b| a.id.cmp(&b.id));
    usable.dedup_by(|a, b| a.id == b.id);
    usable
}
