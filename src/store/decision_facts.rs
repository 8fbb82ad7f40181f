//! The facts on which the rules were evaluated for a post. A daily pass records them with its decision; those of a
//! plan's decision are collected from several records.

use serde::{Deserialize, Serialize};

use super::schedule::Schedule;
use super::schedule_json::find_asset;
use crate::model::{
    AssetSnapshot, CampaignId, ChannelSnapshot, Client, PerformanceReality, Post, PostSnapshot, RiskBand,
};
use crate::planner::{ClientReevaluation, WarningsSeen};

/// The inputs of an evaluation, with the resulting risk and confidence.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct DecisionFacts {
    pub channel: ChannelSnapshot,
    pub post: PostSnapshot,
    pub campaign_id: Option<CampaignId>,
    pub warnings: WarningsSeen,
    pub performance_reality: PerformanceReality,
    /// Whether the schedule had been approved.
    pub is_approved: bool,
    pub risk: RiskBand,
    pub confidence: f64,
}

impl DecisionFacts {
    /// The facts of a daily pass's evaluation.
    pub fn of(
        schedule: &Schedule,
        post: &Post,
        channel: &ChannelSnapshot,
        client_reevaluation: &ClientReevaluation,
        client: &Client,
    ) -> Self {
        let asset = post.asset.as_ref().and_then(|choice| {
            let asset = find_asset(client, choice.used().as_str())?;
            Some(AssetSnapshot::of(asset, choice.score))
        });
        Self {
            channel: channel.clone(),
            post: PostSnapshot {
                fatigue: post.fatigue,
                expected_engagement: post.expected_engagement,
                asset,
                surroundings: post.surroundings.clone(),
            },
            campaign_id: post.campaign_id.clone(),
            warnings: client_reevaluation.warnings,
            performance_reality: client_reevaluation.reality.clone(),
            is_approved: schedule.approved_by.is_some(),
            risk: post.risk,
            confidence: post.confidence,
        }
    }
}
