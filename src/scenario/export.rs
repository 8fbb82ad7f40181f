//! A scenario of the model back as the rows of its tables.

use std::collections::BTreeSet;

use super::manifest::Manifest;
use super::rows::{
    AssetRow, CalendarRow, CampaignRow, ChannelRow, ClientRow, HistoryRow, PolicyRow, RealityRow, ScenarioFiles,
    WarningRow,
};
use crate::model::{Asset, CalendarEntry, Campaign, Channel, ChannelState, Client, ClientState, Scenario, Timestamp};

/// The tables of a scenario. They read back as the same clients in the same state; what people reached
/// and did with past posts is not part of the model, and so not there.
#[must_use]
pub fn files_of(scenario: &Scenario) -> ScenarioFiles {
    let mut manifest = Manifest::new(scenario.name.clone(), scenario.start, scenario.weeks);
    manifest.capacity = scenario.capacity.clone();
    manifest.review = scenario.review.clone();
    manifest.environment = scenario.environment.clone();
    let mut files = ScenarioFiles::new(manifest);
    for (client, state) in &scenario.clients {
        files.clients.push(client_row(client));
        files.policies.push(policy_row(client));
        files.assets.extend(client.assets.iter().map(|asset| asset_row(client, asset)));
        files.campaigns.extend(client.campaigns.iter().map(|campaign| campaign_row(client, campaign)));
        files.calendar.extend(client.days.iter().map(|day| calendar_row(client, day)));
        files.channels.extend(state.channels.iter().map(|channel| channel_row(client, channel)));
        add_signals(client, state, &mut files);
        files.history.extend(history_rows(client, state));
    }
    files
}

fn client_row(client: &Client) -> ClientRow {
    ClientRow {
        client_id: client.id.to_string(),
        workspace_id: client.workspace_id.to_string(),
        name: client.name.to_string(),
        industry: client.industry.to_string(),
        tags: client.tags.join(";"),
        time_zone: Some(client.zone.name().to_owned()),
        status: client.status,
        priority: client.priority,
    }
}

fn policy_row(client: &Client) -> PolicyRow {
    let policy = &client.policy;
    PolicyRow {
        client_id: client.id.to_string(),
        agent_enabled: policy.agent_enabled,
        auto_exec_enabled: policy.auto_exec_enabled,
        max_actions_per_day: policy.max_actions_per_day,
        pause_on_high_severity_warning: policy.pause_on_high_severity_warning,
    }
}

fn asset_row(client: &Client, asset: &Asset) -> AssetRow {
    AssetRow {
        asset_id: asset.id.to_string(),
        client_id: client.id.to_string(),
        campaign_id: asset.campaign_id.as_ref().map(ToString::to_string),
        kind: asset.kind.to_string(),
        channels: asset.channels.clone(),
        created_at: asset.created_at,
        quality_score: Some(asset.quality.get()),
        brand_consistency: Some(asset.brand_consistency.get()),
        value: Some(asset.value.get()),
        impact: Some(asset.impact.get()),
        parent_id: asset.parent_id.as_ref().map(ToString::to_string),
        evolution_step: asset.evolution_step,
        title: asset.title.to_string(),
        body: asset.body.to_string(),
        media_url: asset.media_url.to_string(),
        tags: asset.tags.join(";"),
    }
}

fn campaign_row(client: &Client, campaign: &Campaign) -> CampaignRow {
    CampaignRow {
        campaign_id: campaign.id.to_string(),
        client_id: client.id.to_string(),
        name: campaign.name.to_string(),
        goal: campaign.goal.to_string(),
        starts_on: campaign.starts_on,
        ends_on: campaign.ends_on,
        channels: campaign.channels.clone(),
        weight: campaign.weight,
        any_asset: campaign.any_asset,
    }
}

fn calendar_row(client: &Client, day: &CalendarEntry) -> CalendarRow {
    let channel = day.channel.map_or_else(String::new, |channel| format!("/{channel}"));
    CalendarRow {
        scope: format!("client:{}{channel}", client.id),
        from: day.from,
        to: day.to,
        kind: day.kind,
        factor: day.factor,
        name: day.name.to_string(),
    }
}

fn channel_row(client: &Client, state: &ChannelState) -> ChannelRow {
    ChannelRow {
        client_id: client.id.to_string(),
        channel: state.channel,
        audience: state.audience,
        avg_engagement_rate: state.engagement_rate,
        last_post_at: state.last_post_at,
        posts_last_7_days: Some(state.posts_last_7_days),
        posts_last_30_days: Some(state.posts_last_30_days),
        fatigue_score: Some(state.fatigue.get()),
        as_of: Some(state.as_of),
        momentum_score: state.momentum.map(|score| score.get()),
        visibility_score: state.visibility.map(|score| score.get()),
        engagement_score: state.engagement.map(|score| score.get()),
    }
}

fn add_signals(client: &Client, state: &ClientState, files: &mut ScenarioFiles) {
    files.warnings.extend(state.warnings.iter().map(|warning| WarningRow {
        warning_id: warning.id.to_string(),
        client_id: client.id.to_string(),
        kind: warning.kind.to_string(),
        severity: warning.severity,
        status: warning.status,
        opened_at: warning.opened_at,
    }));
    files.reality.extend(state.reality.iter().map(|reality| RealityRow {
        client_id: client.id.to_string(),
        as_of: reality.as_of,
        perceived_score: reality.perceived.get(),
        true_score: reality.actual.map(|score| score.get()),
        confidence: reality.confidence.get(),
        completeness: reality.completeness.get(),
    }));
}

/// A row for every post that the state knows of: uses of assets, and posts whose asset is not known.
fn history_rows(client: &Client, state: &ClientState) -> Vec<HistoryRow> {
    let row = |channel: Channel, at: Timestamp, asset: Option<&str>| HistoryRow {
        client_id: client.id.to_string(),
        channel,
        published_at: at,
        asset_id: asset.map(str::to_owned),
        content_type: None,
        reach: None,
        engagements: None,
    };
    let known = |id: &str| client.assets.iter().any(|asset| asset.id.as_str() == id);
    let uses = || state.asset_uses.iter().filter(|used| known(used.asset_id.as_str()));
    let with_asset: BTreeSet<(Channel, Timestamp)> = uses().map(|used| (used.channel, used.at)).collect();
    let mut rows: Vec<HistoryRow> =
        uses().map(|used| row(used.channel, used.at, Some(used.asset_id.as_str()))).collect();
    for channel in &state.channels {
        let bare = channel.recent_posts.iter().filter(|at| !with_asset.contains(&(channel.channel, **at)));
        rows.extend(bare.map(|at| row(channel.channel, *at, None)));
    }
    rows.sort_by_key(|row| (row.published_at, row.channel));
    rows
}
