-- The ledger: clients and their state, plans, schedules, decisions, drafts.
-- Times are instants, ISO 8601 in UTC; JSON is text; flags are 0 or 1; fatigue and scores lie in 0..1; `workspace_id` stands in every table,
-- as in PostgreSQL.

CREATE TABLE workspaces (
    workspace_id text PRIMARY KEY,
    scenario text NOT NULL,
    start_week text NOT NULL,
    weeks integer NOT NULL CHECK (weeks > 0),
    reviewers integer NOT NULL CHECK (reviewers >= 0),
    reviews_per_reviewer_per_day integer NOT NULL CHECK (reviews_per_reviewer_per_day >= 0),
    review text NOT NULL,
    environment text NOT NULL,
    loaded_at text NOT NULL
) STRICT;

CREATE TABLE clients (
    client_id text PRIMARY KEY,
    workspace_id text NOT NULL REFERENCES workspaces,
    name text NOT NULL,
    industry text NOT NULL,
    tags text NOT NULL,
    time_zone text NOT NULL,
    status text NOT NULL CHECK (status IN ('active', 'onboarding', 'paused', 'churned')),
    priority real NOT NULL CHECK (priority BETWEEN 0 AND 100),
    created_at text NOT NULL,
    updated_at text NOT NULL,
    UNIQUE (client_id, workspace_id)
) STRICT;
CREATE INDEX clients_by_workspace ON clients (workspace_id, client_id);

CREATE TABLE policies (
    client_id text PRIMARY KEY,
    workspace_id text NOT NULL,
    agent_enabled integer NOT NULL CHECK (agent_enabled IN (0, 1)),
    auto_exec_enabled integer NOT NULL CHECK (auto_exec_enabled IN (0, 1)),
    max_actions_per_day integer NOT NULL CHECK (max_actions_per_day >= 0),
    pause_on_high_severity_warning integer NOT NULL CHECK (pause_on_high_severity_warning IN (0, 1)),
    FOREIGN KEY (client_id, workspace_id) REFERENCES clients (client_id, workspace_id)
) STRICT;

CREATE TABLE campaigns (
    client_id text NOT NULL,
    campaign_id text NOT NULL,
    workspace_id text NOT NULL,
    name text NOT NULL,
    goal text NOT NULL,
    starts_on text NOT NULL,
    ends_on text NOT NULL CHECK (ends_on >= starts_on),
    channels text NOT NULL,
    weight real NOT NULL CHECK (weight > 0),
    PRIMARY KEY (client_id, campaign_id),
    FOREIGN KEY (client_id, workspace_id) REFERENCES clients (client_id, workspace_id)
) STRICT;

CREATE TABLE assets (
    client_id text NOT NULL,
    asset_id text NOT NULL,
    workspace_id text NOT NULL,
    campaign_id text,
    kind text NOT NULL,
    channels text NOT NULL,
    created_at text NOT NULL,
    quality_score real NOT NULL CHECK (quality_score BETWEEN 0 AND 1),
    brand_consistency real NOT NULL CHECK (brand_consistency BETWEEN 0 AND 1),
    value real NOT NULL CHECK (value BETWEEN 0 AND 1),
    impact real NOT NULL CHECK (impact BETWEEN 0 AND 1),
    parent_id text,
    evolution_step integer NOT NULL CHECK (evolution_step >= 0),
    title text NOT NULL,
    body text NOT NULL,
    -- No longer offered, but kept for the schedules that used it.
    retired integer NOT NULL DEFAULT 0 CHECK (retired IN (0, 1)),
    PRIMARY KEY (client_id, asset_id),
    FOREIGN KEY (client_id, workspace_id) REFERENCES clients (client_id, workspace_id)
) STRICT;

CREATE TABLE early_warnings (
    client_id text NOT NULL,
    warning_id text NOT NULL,
    workspace_id text NOT NULL,
    type text NOT NULL,
    severity text NOT NULL CHECK (severity IN ('low', 'medium', 'high')),
    status text NOT NULL CHECK (status IN ('open', 'acknowledged', 'resolved', 'dismissed')),
    opened_at text NOT NULL,
    PRIMARY KEY (client_id, warning_id),
    FOREIGN KEY (client_id, workspace_id) REFERENCES clients (client_id, workspace_id)
) STRICT;

CREATE TABLE reality_snapshots (
    client_id text NOT NULL,
    as_of text NOT NULL,
    workspace_id text NOT NULL,
    perceived_score real NOT NULL CHECK (perceived_score BETWEEN 0 AND 1),
    true_score real CHECK (true_score BETWEEN 0 AND 1),
    confidence real NOT NULL CHECK (confidence BETWEEN 0 AND 1),
    completeness real NOT NULL CHECK (completeness BETWEEN 0 AND 1),
    PRIMARY KEY (client_id, as_of),
    FOREIGN KEY (client_id, workspace_id) REFERENCES clients (client_id, workspace_id)
) STRICT;

-- Special days of a client, in their order.
CREATE TABLE calendar_days (
    client_id text NOT NULL,
    position integer NOT NULL,
    workspace_id text NOT NULL,
    from_date text NOT NULL,
    to_date text NOT NULL CHECK (to_date >= from_date),
    kind text NOT NULL CHECK (kind IN ('holiday', 'blackout', 'boost')),
    factor real CHECK (factor > 0),
    channel text,
    name text NOT NULL,
    PRIMARY KEY (client_id, position),
    FOREIGN KEY (client_id, workspace_id) REFERENCES clients (client_id, workspace_id)
) STRICT;

-- What a client had posted before the ledger knew it.
CREATE TABLE publications (
    client_id text NOT NULL,
    workspace_id text NOT NULL,
    channel text NOT NULL,
    published_at text NOT NULL,
    asset_id text,
    FOREIGN KEY (client_id, workspace_id) REFERENCES clients (client_id, workspace_id)
) STRICT;
CREATE INDEX publications_by_channel ON publications (client_id, channel, published_at);
CREATE INDEX publications_by_time ON publications (workspace_id, published_at);

CREATE TABLE channel_state (
    client_id text NOT NULL,
    channel text NOT NULL CHECK
        (channel IN ('fb', 'ig', 'tiktok', 'linkedin', 'youtube', 'gmb', 'reddit', 'email', 'x')),
    workspace_id text NOT NULL,
    audience real NOT NULL CHECK (audience > 0),
    last_post_at text,
    posts_last_7_days integer NOT NULL CHECK (posts_last_7_days >= 0),
    posts_last_30_days integer NOT NULL CHECK (posts_last_30_days >= posts_last_7_days),
    fatigue_score real NOT NULL CHECK (fatigue_score BETWEEN 0 AND 1),
    fatigue_as_of text NOT NULL,
    half_life_hours real CHECK (half_life_hours > 0),
    momentum_score real CHECK (momentum_score BETWEEN 0 AND 1),
    visibility_score real CHECK (visibility_score BETWEEN 0 AND 1),
    engagement_score real CHECK (engagement_score BETWEEN 0 AND 1),
    avg_engagement_rate real CHECK (avg_engagement_rate >= 0),
    best_posting_times text NOT NULL DEFAULT '{}',
    metadata text NOT NULL DEFAULT '{}',
    updated_at text NOT NULL,
    PRIMARY KEY (client_id, channel),
    FOREIGN KEY (client_id, workspace_id) REFERENCES clients (client_id, workspace_id)
) STRICT;
CREATE INDEX channel_state_by_workspace ON channel_state (workspace_id);

-- Rules packs that plans were made under, whole, so that any decision can be traced to its rule.
CREATE TABLE rules_packs (
    rules_hash text PRIMARY KEY,
    files text NOT NULL,
    created_at text NOT NULL
) STRICT;

CREATE TABLE plans (
    plan_id text PRIMARY KEY,
    week text NOT NULL,
    scenario text NOT NULL,
    scenario_hash text NOT NULL,
    rules_hash text NOT NULL REFERENCES rules_packs,
    version text NOT NULL,
    objective real NOT NULL,
    upper_bound real NOT NULL,
    posts integer NOT NULL,
    created_at text NOT NULL,
    created_by text NOT NULL
) STRICT;

CREATE TABLE plan_clients (
    plan_id text NOT NULL REFERENCES plans,
    client_id text NOT NULL,
    workspace_id text NOT NULL,
    week text NOT NULL,
    PRIMARY KEY (plan_id, client_id),
    FOREIGN KEY (client_id, workspace_id) REFERENCES clients (client_id, workspace_id)
) STRICT;
CREATE INDEX plan_clients_by_week ON plan_clients (week, client_id);

CREATE TABLE campaign_orchestration_schedules (
    id text PRIMARY KEY,
    created_at text NOT NULL,
    updated_at text NOT NULL,
    client_id text NOT NULL,
    workspace_id text NOT NULL,
    campaign_id text,
    channel text NOT NULL,
    scheduled_for text NOT NULL,
    time_zone text NOT NULL,
    creative_asset_id text,
    variation_id text,
    content_preview text NOT NULL,
    status text NOT NULL CHECK
        (status IN ('pending', 'ready', 'executing', 'completed', 'failed', 'blocked', 'cancelled')),
    priority real NOT NULL,
    metadata text NOT NULL DEFAULT '{}',
    risk_level text NOT NULL CHECK (risk_level IN ('low', 'medium', 'high')),
    blocked_reason text CHECK (status <> 'blocked' OR blocked_reason IS NOT NULL),
    executed_at text CHECK (status <> 'completed' OR executed_at IS NOT NULL),
    execution_result text,
    created_by text NOT NULL,
    approved_by text,
    approved_at text CHECK ((approved_by IS NULL) = (approved_at IS NULL)),
    plan_id text NOT NULL,
    rules_hash text NOT NULL,
    confidence real NOT NULL CHECK (confidence BETWEEN 0 AND 1),
    expected_engagement real NOT NULL,
    fatigue real NOT NULL CHECK (fatigue >= 0),
    attempts integer NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    next_attempt_at text,
    FOREIGN KEY (plan_id, client_id) REFERENCES plan_clients (plan_id, client_id),
    FOREIGN KEY (client_id, channel) REFERENCES channel_state (client_id, channel),
    FOREIGN KEY (client_id, creative_asset_id) REFERENCES assets (client_id, asset_id),
    FOREIGN KEY (client_id, variation_id) REFERENCES assets (client_id, asset_id)
) STRICT;
CREATE UNIQUE INDEX one_live_schedule_an_instant
    ON campaign_orchestration_schedules (client_id, channel, scheduled_for)
    WHERE status IN ('pending', 'ready', 'executing', 'completed');
CREATE INDEX schedules_by_time ON campaign_orchestration_schedules (workspace_id, scheduled_for, id);
CREATE INDEX schedules_waiting ON campaign_orchestration_schedules
    ((CASE risk_level WHEN 'high' THEN 0 WHEN 'medium' THEN 1 ELSE 2 END), scheduled_for, id)
    WHERE status = 'pending';
CREATE INDEX schedules_open ON campaign_orchestration_schedules (scheduled_for)
    WHERE status IN ('pending', 'ready', 'failed', 'blocked');
CREATE INDEX schedules_completed ON campaign_orchestration_schedules (executed_at) WHERE status = 'completed';
CREATE INDEX schedules_by_plan ON campaign_orchestration_schedules (plan_id);

CREATE TABLE campaign_orchestration_actions (
    id text PRIMARY KEY,
    created_at text NOT NULL,
    schedule_id text REFERENCES campaign_orchestration_schedules,
    client_id text NOT NULL,
    workspace_id text NOT NULL,
    action_type text NOT NULL CHECK (action_type IN (
        'select_asset', 'time_choice', 'variation_choice', 'evolution_step', 'posting_decision',
        'schedule_created', 'schedule_blocked', 'schedule_approved', 'schedule_executed',
        'schedule_failed', 'conflict_detected', 'fatigue_check')),
    decision_payload text NOT NULL,
    source_signals text NOT NULL,
    risk_class text NOT NULL CHECK (risk_class IN ('low', 'medium', 'high')),
    confidence_score real NOT NULL CHECK (confidence_score BETWEEN 0 AND 1),
    truth_notes text NOT NULL,
    truth_compliant integer NOT NULL CHECK (truth_compliant IN (0, 1)),
    disclaimers text NOT NULL,
    status text NOT NULL CHECK
        (status IN ('accepted', 'rejected', 'auto_executed', 'awaiting_approval', 'pending')),
    executed_at text,
    execution_result text,
    actor text NOT NULL,
    FOREIGN KEY (client_id, workspace_id) REFERENCES clients (client_id, workspace_id)
) STRICT;
CREATE INDEX actions_by_schedule ON campaign_orchestration_actions (schedule_id);
CREATE INDEX actions_by_time ON campaign_orchestration_actions (workspace_id, created_at, id);
CREATE INDEX actions_of_conflicts ON campaign_orchestration_actions (created_at)
    WHERE action_type = 'conflict_detected';

-- What executing a schedule makes. Nothing is ever published from here.
CREATE TABLE drafts (
    id text PRIMARY KEY,
    schedule_id text NOT NULL UNIQUE REFERENCES campaign_orchestration_schedules,
    client_id text NOT NULL,
    workspace_id text NOT NULL,
    channel text NOT NULL,
    scheduled_for text NOT NULL,
    content text NOT NULL,
    created_at text NOT NULL,
    FOREIGN KEY (client_id, workspace_id) REFERENCES clients (client_id, workspace_id)
) STRICT;
CREATE INDEX drafts_by_time ON drafts (workspace_id, created_at);

-- How many schedules stand where, kept by triggers, so that totals never scan the schedules.
CREATE TABLE schedule_tallies (
    workspace_id text NOT NULL,
    channel text NOT NULL,
    status text NOT NULL,
    change integer NOT NULL,
    PRIMARY KEY (workspace_id, channel, status)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER tally_new AFTER INSERT ON campaign_orchestration_schedules BEGIN
    INSERT INTO schedule_tallies VALUES (NEW.workspace_id, NEW.channel, NEW.status, 1)
        ON CONFLICT DO UPDATE SET change = change + 1;
END;
CREATE TRIGGER tally_changed AFTER UPDATE OF status ON campaign_orchestration_schedules
    WHEN OLD.status <> NEW.status BEGIN
    UPDATE schedule_tallies SET change = change - 1
        WHERE workspace_id = OLD.workspace_id AND channel = OLD.channel AND status = OLD.status;
    INSERT INTO schedule_tallies VALUES (NEW.workspace_id, NEW.channel, NEW.status, 1)
        ON CONFLICT DO UPDATE SET change = change + 1;
END;

-- The steps a schedule can take.
CREATE TABLE schedule_steps (
    from_status text NOT NULL,
    to_status text NOT NULL,
    PRIMARY KEY (from_status, to_status)
) STRICT;
INSERT INTO schedule_steps VALUES
    ('pending', 'ready'), ('pending', 'blocked'), ('pending', 'cancelled'),
    ('ready', 'pending'), ('ready', 'executing'), ('ready', 'blocked'), ('ready', 'cancelled'),
    ('executing', 'completed'), ('executing', 'failed'),
    ('failed', 'ready'), ('failed', 'cancelled'),
    ('blocked', 'pending'), ('blocked', 'ready'), ('blocked', 'cancelled');

CREATE TRIGGER only_legal_steps BEFORE UPDATE OF status ON campaign_orchestration_schedules
    WHEN OLD.status <> NEW.status
        AND NOT EXISTS (SELECT 1 FROM schedule_steps WHERE from_status = OLD.status AND to_status = NEW.status)
BEGIN
    SELECT RAISE(ABORT, 'a schedule cannot take this step');
END;

CREATE TRIGGER append_only_update BEFORE UPDATE ON campaign_orchestration_actions BEGIN
    SELECT RAISE(ABORT, 'decisions on record are never changed or removed');
END;
CREATE TRIGGER append_only_delete BEFORE DELETE ON campaign_orchestration_actions BEGIN
    SELECT RAISE(ABORT, 'decisions on record are never changed or removed');
END;
