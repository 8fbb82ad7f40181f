-- What serving needs: who may come in, work that runs on, and how healthy channels were.

CREATE TABLE tokens (
    id uuid PRIMARY KEY,
    workspace_id text NOT NULL REFERENCES workspaces,
    -- The actor of every change made with it.
    name text NOT NULL CHECK (name <> ''),
    role text NOT NULL CHECK (role IN ('viewer', 'approver', 'admin')),
    -- BLAKE3 of the secret, which is kept nowhere.
    hash text NOT NULL UNIQUE,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    revoked_at timestamptz,
    UNIQUE (id, workspace_id)
);
CREATE UNIQUE INDEX one_live_token_a_name ON tokens (workspace_id, name) WHERE revoked_at IS NULL;

CREATE TABLE sessions (
    -- BLAKE3 of the cookie.
    hash text PRIMARY KEY,
    token_id uuid NOT NULL,
    workspace_id text NOT NULL,
    expires_at timestamptz NOT NULL,
    FOREIGN KEY (token_id, workspace_id) REFERENCES tokens (id, workspace_id)
);
CREATE INDEX sessions_by_end ON sessions (expires_at);

-- Work that runs on after its request. A key asks for the same work once, whichever server is asked.
CREATE TABLE jobs (
    id uuid PRIMARY KEY,
    workspace_id text NOT NULL REFERENCES workspaces,
    kind text NOT NULL CHECK (kind IN ('daily', 'weekly', 'plan', 'simulate', 'compare')),
    request jsonb NOT NULL,
    idempotency_key text,
    actor text NOT NULL,
    status text NOT NULL CHECK (status IN ('running', 'done', 'failed', 'stopped')),
    -- How often it was begun: who began it before has lost it.
    attempt bigint NOT NULL DEFAULT 1,
    done bigint NOT NULL DEFAULT 0 CHECK (done >= 0),
    total bigint NOT NULL DEFAULT 0 CHECK (total >= 0),
    result jsonb CHECK ((status = 'done') = (result IS NOT NULL)),
    failure text CHECK ((status = 'failed') = (failure IS NOT NULL)),
    created_at timestamptz NOT NULL,
    -- The last sign of life of the server that does it.
    beat_at timestamptz NOT NULL,
    finished_at timestamptz CHECK ((status = 'running') = (finished_at IS NULL)),
    UNIQUE (id, workspace_id),
    UNIQUE (workspace_id, idempotency_key)
);
CREATE INDEX jobs_by_time ON jobs (workspace_id, created_at, id);

-- Pages and figures that a job made.
CREATE TABLE job_files (
    job_id uuid NOT NULL,
    name text NOT NULL,
    workspace_id text NOT NULL,
    content text NOT NULL,
    PRIMARY KEY (job_id, name),
    FOREIGN KEY (job_id, workspace_id) REFERENCES jobs (id, workspace_id)
);

-- How a workspace's channels stood at the end of each day's last daily pass: means over its clients.
CREATE TABLE channel_health (
    workspace_id text NOT NULL REFERENCES workspaces,
    channel text NOT NULL,
    day text NOT NULL,
    clients bigint NOT NULL CHECK (clients > 0),
    health_score double precision NOT NULL,
    fatigue double precision NOT NULL,
    momentum double precision NOT NULL,
    visibility double precision NOT NULL,
    engagement double precision NOT NULL,
    PRIMARY KEY (workspace_id, channel, day)
);

CREATE INDEX schedules_by_status ON campaign_orchestration_schedules (workspace_id, status, scheduled_for, id);
CREATE INDEX schedules_by_client ON campaign_orchestration_schedules (workspace_id, client_id, scheduled_for, id);
CREATE INDEX schedules_to_review ON campaign_orchestration_schedules
    (workspace_id, (CASE risk_level WHEN 'high' THEN 0 WHEN 'medium' THEN 1 ELSE 2 END), scheduled_for, id)
    WHERE status = 'pending';
CREATE INDEX schedules_by_risk ON campaign_orchestration_schedules
    (workspace_id, (CASE risk_level WHEN 'high' THEN 0 WHEN 'medium' THEN 1 ELSE 2 END), scheduled_for, id);
-- What people and passes decide is rare among what agents do, and is what is looked for.
CREATE INDEX actions_of_people ON campaign_orchestration_actions (workspace_id, actor, created_at, id)
    WHERE actor NOT IN ('agency_director', 'client_ops', 'creative_director', 'early_warning', 'performance_reality', 'scaling');
CREATE INDEX actions_of_events ON campaign_orchestration_actions (workspace_id, action_type, created_at, id)
    WHERE action_type IN ('schedule_approved', 'schedule_executed', 'schedule_failed');
CREATE INDEX actions_by_client ON campaign_orchestration_actions (workspace_id, client_id, created_at, id);
CREATE INDEX conflicts_by_time ON campaign_orchestration_actions (workspace_id, created_at, id)
    WHERE action_type = 'conflict_detected';

DO $$
DECLARE fenced text;
BEGIN
    FOREACH fenced IN ARRAY ARRAY['tokens', 'sessions', 'jobs', 'job_files', 'channel_health'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', fenced);
        EXECUTE format('CREATE POLICY by_workspace ON %I USING (workspace_id = current_setting(''mcoe.workspace_id'', true))', fenced);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE ON %I TO mcoe_app', fenced);
    END LOOP;
    GRANT DELETE ON sessions, job_files TO mcoe_app;
END $$;
