-- The ledger: clients and their state, plans, schedules, decisions, drafts.
-- Times are instants; fatigue and scores lie in 0..1; `workspace_id` stands in every table, so that a
-- workspace can be fenced off by row-level security.

-- An instant as ISO 8601 text in UTC.
CREATE FUNCTION iso(at timestamptz) RETURNS text LANGUAGE sql STABLE PARALLEL SAFE AS
    $$ SELECT to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') $$;

CREATE TABLE workspaces (
    workspace_id text PRIMARY KEY,
    scenario text NOT NULL,
    start_week text NOT NULL,
    weeks bigint NOT NULL CHECK (weeks > 0),
    reviewers bigint NOT NULL CHECK (reviewers >= 0),
    reviews_per_reviewer_per_day bigint NOT NULL CHECK (reviews_per_reviewer_per_day >= 0),
    review jsonb NOT NULL,
    environment jsonb NOT NULL,
    loaded_at timestamptz NOT NULL
);

CREATE TABLE clients (
    client_id text PRIMARY KEY,
    workspace_id text NOT NULL REFERENCES workspaces,
    name text NOT NULL,
    industry text NOT NULL,
    tags jsonb NOT NULL,
    time_zone text NOT NULL,
    status text NOT NULL CHECK (status IN ('active', 'onboarding', 'paused', 'churned')),
    priority double precision NOT NULL CHECK (priority BETWEEN 0 AND 100),
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    UNIQUE (client_id, workspace_id)
);
CREATE INDEX clients_by_workspace ON clients (workspace_id, client_id);

CREATE TABLE policies (
    client_id text PRIMARY KEY,
    workspace_id text NOT NULL,
    agent_enabled boolean NOT NULL,
    auto_exec_enabled boolean NOT NULL,
    max_actions_per_day bigint NOT NULL CHECK (max_actions_per_day >= 0),
    pause_on_high_severity_warning boolean NOT NULL,
    FOREIGN KEY (client_id, workspace_id) REFERENCES clients (client_id, workspace_id)
);

CREATE TABLE campaigns (
    client_id text NOT NULL,
    campaign_id text NOT NULL,
    workspace_id text NOT NULL,
    name text NOT NULL,
    goal text NOT NULL,
    starts_on text NOT NULL,
    ends_on text NOT NULL CHECK (ends_on >= starts_on),
    channels jsonb NOT NULL,
    weight double precision NOT NULL CHECK (weight > 0),
    PRIMARY KEY (client_id, campaign_id),
    FOREIGN KEY (client_id, workspace_id) REFERENCES clients (client_id, workspace_id)
);

CREATE TABLE assets (
    client_id text NOT NULL,
    asset_id text NOT NULL,
    workspace_id text NOT NULL,
    campaign_id text,
    kind text NOT NULL,
    channels jsonb NOT NULL,
    created_at timestamptz NOT NULL,
    quality_score double precision NOT NULL CHECK (quality_score BETWEEN 0 AND 1),
    brand_consistency double precision NOT NULL CHECK (brand_consistency BETWEEN 0 AND 1),
    value double precision NOT NULL CHECK (value BETWEEN 0 AND 1),
    impact double precision NOT NULL CHECK (impact BETWEEN 0 AND 1),
    parent_id text,
    evolution_step bigint NOT NULL CHECK (evolution_step >= 0),
    title text NOT NULL,
    body text NOT NULL,
    -- No longer offered, but kept for the schedules that used it.
    retired boolean NOT NULL DEFAULT false,
    PRIMARY KEY (client_id, asset_id),
    FOREIGN KEY (client_id, workspace_id) REFERENCES clients (client_id, workspace_id)
);

CREATE TABLE early_warnings (
    client_id text NOT NULL,
    warning_id text NOT NULL,
    workspace_id text NOT NULL,
    type text NOT NULL,
    severity text NOT NULL CHECK (severity IN ('low', 'medium', 'high')),
    status text NOT NULL CHECK (status IN ('open', 'acknowledged', 'resolved', 'dismissed')),
    opened_at timestamptz NOT NULL,
    PRIMARY KEY (client_id, warning_id),
    FOREIGN KEY (client_id, workspace_id) REFERENCES clients (client_id, workspace_id)
);

CREATE TABLE reality_snapshots (
    client_id text NOT NULL,
    as_of timestamptz NOT NULL,
    workspace_id text NOT NULL,
    perceived_score double precision NOT NULL CHECK (perceived_score BETWEEN 0 AND 1),
    true_score double precision CHECK (true_score BETWEEN 0 AND 1),
    confidence double precision NOT NULL CHECK (confidence BETWEEN 0 AND 1),
    completeness double precision NOT NULL CHECK (completeness BETWEEN 0 AND 1),
    PRIMARY KEY (client_id, as_of),
    FOREIGN KEY (client_id, workspace_id) REFERENCES clients (client_id, workspace_id)
);

-- Special days of a client, in their order.
CREATE TABLE calendar_days (
    client_id text NOT NULL,
    position bigint NOT NULL,
    workspace_id text NOT NULL,
    from_date text NOT NULL,
    to_date text NOT NULL CHECK (to_date >= from_date),
    kind text NOT NULL CHECK (kind IN ('holiday', 'blackout', 'boost')),
    factor double precision CHECK (factor > 0),
    channel text,
    name text NOT NULL,
    PRIMARY KEY (client_id, position),
    FOREIGN KEY (client_id, workspace_id) REFERENCES clients (client_id, workspace_id)
);

-- What a client had posted before the ledger knew it.
CREATE TABLE publications (
    client_id text NOT NULL,
    workspace_id text NOT NULL,
    channel text NOT NULL,
    published_at timestamptz NOT NULL,
    asset_id text,
    FOREIGN KEY (client_id, workspace_id) REFERENCES clients (client_id, workspace_id)
);
CREATE INDEX publications_by_channel ON publications (client_id, channel, published_at);
CREATE INDEX publications_by_time ON publications (workspace_id, published_at);

CREATE TABLE channel_state (
    client_id text NOT NULL,
    channel text NOT NULL CHECK
        (channel IN ('fb', 'ig', 'tiktok', 'linkedin', 'youtube', 'gmb', 'reddit', 'email', 'x')),
    workspace_id text NOT NULL,
    audience double precision NOT NULL CHECK (audience > 0),
    last_post_at timestamptz,
    posts_last_7_days bigint NOT NULL CHECK (posts_last_7_days >= 0),
    posts_last_30_days bigint NOT NULL CHECK (posts_last_30_days >= posts_last_7_days),
    fatigue_score double precision NOT NULL CHECK (fatigue_score BETWEEN 0 AND 1),
    fatigue_as_of timestamptz NOT NULL,
    half_life_hours double precision CHECK (half_life_hours > 0),
    momentum_score double precision CHECK (momentum_score BETWEEN 0 AND 1),
    visibility_score double precision CHECK (visibility_score BETWEEN 0 AND 1),
    engagement_score double precision CHECK (engagement_score BETWEEN 0 AND 1),
    avg_engagement_rate double precision CHECK (avg_engagement_rate >= 0),
    best_posting_times jsonb NOT NULL DEFAULT '{}',
    metadata jsonb NOT NULL DEFAULT '{}',
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (client_id, channel),
    FOREIGN KEY (client_id, workspace_id) REFERENCES clients (client_id, workspace_id)
);
CREATE INDEX channel_state_by_workspace ON channel_state (workspace_id);

-- Rules packs that plans were made under, whole, so that any decision can be traced to its rule.
CREATE TABLE rules_packs (
    rules_hash text PRIMARY KEY,
    files jsonb NOT NULL,
    created_at timestamptz NOT NULL
);

CREATE TABLE plans (
    plan_id uuid PRIMARY KEY,
    week text NOT NULL,
    scenario text NOT NULL,
    scenario_hash text NOT NULL,
    rules_hash text NOT NULL REFERENCES rules_packs,
    version text NOT NULL,
    objective double precision NOT NULL,
    upper_bound double precision NOT NULL,
    posts bigint NOT NULL,
    created_at timestamptz NOT NULL,
    created_by text NOT NULL
);

CREATE TABLE plan_clients (
    plan_id uuid NOT NULL REFERENCES plans,
    client_id text NOT NULL,
    workspace_id text NOT NULL,
    week text NOT NULL,
    PRIMARY KEY (plan_id, client_id),
    FOREIGN KEY (client_id, workspace_id) REFERENCES clients (client_id, workspace_id)
);
CREATE INDEX plan_clients_by_week ON plan_clients (week, client_id);

CREATE TABLE campaign_orchestration_schedules (
    id uuid PRIMARY KEY,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    client_id text NOT NULL,
    workspace_id text NOT NULL,
    campaign_id text,
    channel text NOT NULL,
    scheduled_for timestamptz NOT NULL,
    time_zone text NOT NULL,
    creative_asset_id text,
    variation_id text,
    content_preview jsonb NOT NULL,
    status text NOT NULL CHECK
        (status IN ('pending', 'ready', 'executing', 'completed', 'failed', 'blocked', 'cancelled')),
    priority double precision NOT NULL,
    metadata jsonb NOT NULL DEFAULT '{}',
    risk_level text NOT NULL CHECK (risk_level IN ('low', 'medium', 'high')),
    blocked_reason text CHECK (status <> 'blocked' OR blocked_reason IS NOT NULL),
    executed_at timestamptz CHECK (status <> 'completed' OR executed_at IS NOT NULL),
    execution_result jsonb,
    created_by text NOT NULL,
    approved_by text,
    approved_at timestamptz CHECK ((approved_by IS NULL) = (approved_at IS NULL)),
    plan_id uuid NOT NULL,
    rules_hash text NOT NULL,
    confidence double precision NOT NULL CHECK (confidence BETWEEN 0 AND 1),
    expected_engagement double precision NOT NULL,
    fatigue double precision NOT NULL CHECK (fatigue >= 0),
    attempts bigint NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    next_attempt_at timestamptz,
    FOREIGN KEY (plan_id, client_id) REFERENCES plan_clients (plan_id, client_id),
    FOREIGN KEY (client_id, channel) REFERENCES channel_state (client_id, channel),
    FOREIGN KEY (client_id, creative_asset_id) REFERENCES assets (client_id, asset_id),
    FOREIGN KEY (client_id, variation_id) REFERENCES assets (client_id, asset_id)
);
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
    id uuid PRIMARY KEY,
    created_at timestamptz NOT NULL,
    schedule_id uuid REFERENCES campaign_orchestration_schedules,
    client_id text NOT NULL,
    workspace_id text NOT NULL,
    action_type text NOT NULL CHECK (action_type IN (
        'select_asset', 'time_choice', 'variation_choice', 'evolution_step', 'posting_decision',
        'schedule_created', 'schedule_blocked', 'schedule_approved', 'schedule_executed',
        'schedule_failed', 'conflict_detected', 'fatigue_check')),
    decision_payload jsonb NOT NULL,
    source_signals jsonb NOT NULL,
    risk_class text NOT NULL CHECK (risk_class IN ('low', 'medium', 'high')),
    confidence_score double precision NOT NULL CHECK (confidence_score BETWEEN 0 AND 1),
    truth_notes jsonb NOT NULL,
    truth_compliant boolean NOT NULL,
    disclaimers jsonb NOT NULL,
    status text NOT NULL CHECK
        (status IN ('accepted', 'rejected', 'auto_executed', 'awaiting_approval', 'pending')),
    executed_at timestamptz,
    execution_result jsonb,
    actor text NOT NULL,
    FOREIGN KEY (client_id, workspace_id) REFERENCES clients (client_id, workspace_id)
);
CREATE INDEX actions_by_schedule ON campaign_orchestration_actions (schedule_id);
CREATE INDEX actions_by_time ON campaign_orchestration_actions (workspace_id, created_at, id);
CREATE INDEX actions_of_conflicts ON campaign_orchestration_actions (created_at)
    WHERE action_type = 'conflict_detected';

-- What executing a schedule makes. Nothing is ever published from here.
CREATE TABLE drafts (
    id uuid PRIMARY KEY,
    schedule_id uuid NOT NULL UNIQUE REFERENCES campaign_orchestration_schedules,
    client_id text NOT NULL,
    workspace_id text NOT NULL,
    channel text NOT NULL,
    scheduled_for timestamptz NOT NULL,
    content jsonb NOT NULL,
    created_at timestamptz NOT NULL,
    FOREIGN KEY (client_id, workspace_id) REFERENCES clients (client_id, workspace_id)
);
CREATE INDEX drafts_by_time ON drafts (workspace_id, created_at);

-- How many schedules stand where, as changes to be summed, so that totals never scan the schedules
-- and writers never wait for each other. The daily pass folds them together.
CREATE TABLE schedule_tallies (
    workspace_id text NOT NULL,
    channel text NOT NULL,
    status text NOT NULL,
    change bigint NOT NULL
);

CREATE FUNCTION tally_new_schedules() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO schedule_tallies
    SELECT workspace_id, channel, status, count(*) FROM new_rows GROUP BY 1, 2, 3;
    RETURN NULL;
END $$;

CREATE FUNCTION tally_changed_schedules() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO schedule_tallies
    SELECT workspace_id, channel, status, sum(change) FROM (
        SELECT workspace_id, channel, status, 1 AS change FROM new_rows
        UNION ALL SELECT workspace_id, channel, status, -1 FROM old_rows
    ) AS changes GROUP BY 1, 2, 3 HAVING sum(change) <> 0;
    RETURN NULL;
END $$;

CREATE TRIGGER tally_new AFTER INSERT ON campaign_orchestration_schedules
    REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION tally_new_schedules();
CREATE TRIGGER tally_changed AFTER UPDATE ON campaign_orchestration_schedules
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION tally_changed_schedules();

-- The steps a schedule can take.
CREATE TABLE schedule_steps (
    from_status text NOT NULL,
    to_status text NOT NULL,
    PRIMARY KEY (from_status, to_status)
);
INSERT INTO schedule_steps VALUES
    ('pending', 'ready'), ('pending', 'blocked'), ('pending', 'cancelled'),
    ('ready', 'pending'), ('ready', 'executing'), ('ready', 'blocked'), ('ready', 'cancelled'),
    ('executing', 'completed'), ('executing', 'failed'),
    ('failed', 'ready'), ('failed', 'cancelled'),
    ('blocked', 'pending'), ('blocked', 'ready'), ('blocked', 'cancelled');

CREATE FUNCTION refuse_illegal_step() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM schedule_steps WHERE from_status = OLD.status AND to_status = NEW.status) THEN
        RAISE EXCEPTION 'a schedule that is % cannot become %', OLD.status, NEW.status
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER only_legal_steps BEFORE UPDATE OF status ON campaign_orchestration_schedules
    FOR EACH ROW WHEN (OLD.status IS DISTINCT FROM NEW.status) EXECUTE FUNCTION refuse_illegal_step();

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'decisions on record are never changed or removed' USING ERRCODE = 'restrict_violation';
END $$;

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON campaign_orchestration_actions
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only_whole BEFORE TRUNCATE ON campaign_orchestration_actions
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- The role that single workspaces are served under. It sees only the rows of the workspace that the
-- transaction names in `mcoe.workspace_id`, and none where it names none.
DO $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'mcoe_app') THEN
        CREATE ROLE mcoe_app NOLOGIN;
    END IF;
EXCEPTION
    WHEN duplicate_object OR unique_violation THEN NULL;
    WHEN insufficient_privilege THEN
        RAISE EXCEPTION 'the role mcoe_app is missing and this user may not create it'
            USING HINT = 'have an administrator run CREATE ROLE mcoe_app NOLOGIN, and grant it to this user';
END $$;
DO $$
BEGIN
    EXECUTE format('GRANT mcoe_app TO %I', current_user);
EXCEPTION WHEN OTHERS THEN NULL;
END $$;

DO $$
DECLARE fenced text;
BEGIN
    EXECUTE format('GRANT USAGE ON SCHEMA %I TO mcoe_app', current_schema());
    FOREACH fenced IN ARRAY ARRAY['workspaces', 'clients', 'policies', 'campaigns', 'assets', 'early_warnings',
        'reality_snapshots', 'calendar_days', 'publications', 'channel_state', 'plan_clients',
        'campaign_orchestration_schedules', 'campaign_orchestration_actions', 'drafts', 'schedule_tallies']
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', fenced);
        EXECUTE format('CREATE POLICY by_workspace ON %I USING (workspace_id = current_setting(''mcoe.workspace_id'', true))', fenced);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE ON %I TO mcoe_app', fenced);
    END LOOP;
    REVOKE UPDATE ON campaign_orchestration_actions FROM mcoe_app;
END $$;
ALTER TABLE plans ENABLE ROW LEVEL SECURITY;
CREATE POLICY by_workspace ON plans USING (EXISTS (
    SELECT 1 FROM plan_clients WHERE plan_clients.plan_id = plans.plan_id
        AND plan_clients.workspace_id = current_setting('mcoe.workspace_id', true)));
GRANT SELECT ON plans, rules_packs, schedule_steps TO mcoe_app;
