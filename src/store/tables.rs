//! The columns that are written many rows at a time.

use super::database::Table;

pub(super) const WORKSPACES: Table = Table {
    name: "workspaces",
    columns: &[
        "workspace_id",
        "scenario",
        "start_week",
        "weeks",
        "reviewers",
        "reviews_per_reviewer_per_day",
        "review",
        "environment",
        "loaded_at",
    ],
};

pub(super) const CLIENTS: Table = Table {
    name: "clients",
    columns: &[
        "client_id",
        "workspace_id",
        "name",
        "industry",
        "tags",
        "time_zone",
        "status",
        "priority",
        "created_at",
        "updated_at",
    ],
};

pub(super) const POLICIES: Table = Table {
    name: "policies",
    columns: &[
        "client_id",
        "workspace_id",
        "agent_enabled",
        "auto_exec_enabled",
        "max_actions_per_day",
        "pause_on_high_severity_warning",
    ],
};

pub(super) const CAMPAIGNS: Table = Table {
    name: "campaigns",
    columns: &[
        "client_id",
        "campaign_id",
        "workspace_id",
        "name",
        "goal",
        "starts_on",
        "ends_on",
        "channels",
        "weight",
        "any_asset",
    ],
};

pub(super) const ASSETS: Table = Table {
    name: "assets",
    columns: &[
        "client_id",
        "asset_id",
        "workspace_id",
        "campaign_id",
        "kind",
        "channels",
        "created_at",
        "quality_score",
        "brand_consistency",
        "value",
        "impact",
        "parent_id",
        "evolution_step",
        "title",
        "body",
        "media_url",
        "tags",
        "retired",
    ],
};

pub(super) const WARNINGS: Table = Table {
    name: "early_warnings",
    columns: &["client_id", "warning_id", "workspace_id", "type", "severity", "status", "opened_at"],
};

pub(super) const REALITY: Table = Table {
    name: "reality_snapshots",
    columns: &["client_id", "as_of", "workspace_id", "perceived_score", "true_score", "confidence", "completeness"],
};

pub(super) const DAYS: Table = Table {
    name: "calendar_days",
    columns: &["client_id", "position", "workspace_id", "from_date", "to_date", "kind", "factor", "channel", "name"],
};

pub(super) const PUBLICATIONS: Table =
    Table { name: "publications", columns: &["client_id", "workspace_id", "channel", "published_at", "asset_id"] };

pub(super) const CHANNEL_STATE: Table = Table {
    name: "channel_state",
    columns: &[
        "client_id",
        "channel",
        "workspace_id",
        "audience",
        "last_post_at",
        "posts_last_7_days",
        "posts_last_30_days",
        "fatigue_score",
        "fatigue_as_of",
        "half_life_hours",
        "momentum_score",
        "visibility_score",
        "engagement_score",
        "avg_engagement_rate",
        "best_posting_times",
        "updated_at",
        "active",
    ],
};

/// What moves of a channel's state; the audience stands here because a row needs one.
pub(super) const CHANNEL_MOVES: Table = Table {
    name: "channel_state",
    columns: &[
        "client_id",
        "channel",
        "workspace_id",
        "audience",
        "last_post_at",
        "posts_last_7_days",
        "posts_last_30_days",
        "fatigue_score",
        "fatigue_as_of",
        "updated_at",
    ],
};

pub(super) const PLAN_CLIENTS: Table =
    Table { name: "plan_clients", columns: &["plan_id", "client_id", "workspace_id", "week"] };

pub(super) const SCHEDULES: Table = Table {
    name: "campaign_orchestration_schedules",
    columns: &[
        "id",
        "created_at",
        "updated_at",
        "client_id",
        "workspace_id",
        "campaign_id",
        "channel",
        "scheduled_for",
        "time_zone",
        "creative_asset_id",
        "variation_id",
        "content_preview",
        "status",
        "priority",
        "metadata",
        "risk_level",
        "blocked_reason",
        "blocked_code",
        "blocked_details",
        "calendar_uid",
        "created_by",
        "plan_id",
        "rules_hash",
        "confidence",
        "expected_engagement",
        "fatigue",
    ],
};

pub(super) const ACTIONS: Table = Table {
    name: "campaign_orchestration_actions",
    columns: &[
        "id",
        "created_at",
        "schedule_id",
        "client_id",
        "workspace_id",
        "action_type",
        "decision_payload",
        "source_signals",
        "risk_class",
        "confidence_score",
        "truth_notes",
        "truth_compliant",
        "disclaimers",
        "status",
        "executed_at",
        "execution_result",
        "actor",
    ],
};

pub(super) const CHANNEL_HEALTH: Table = Table {
    name: "channel_health",
    columns: &[
        "workspace_id",
        "channel",
        "day",
        "clients",
        "health_score",
        "fatigue",
        "momentum",
        "visibility",
        "engagement",
    ],
};

pub(super) const DRAFTS: Table = Table {
    name: "drafts",
    columns: &["id", "schedule_id", "client_id", "workspace_id", "channel", "scheduled_for", "content", "created_at"],
};
