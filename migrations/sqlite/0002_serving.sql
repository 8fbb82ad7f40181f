-- What serving needs: who may come in, work that runs on, and how healthy channels were.

CREATE TABLE tokens (
    id text PRIMARY KEY,
    workspace_id text NOT NULL REFERENCES workspaces,
    -- The actor of every change made with it.
    name text NOT NULL CHECK (name <> ''),
    role text NOT NULL CHECK (role IN ('viewer', 'approver', 'admin')),
    -- BLAKE3 of the secret, which is kept nowhere.
    hash text NOT NULL UNIQUE,
    created_at text NOT NULL,
    expires_at text NOT NULL,
    revoked_at text,
    UNIQUE (id, workspace_id)
) STRICT;
CREATE UNIQUE INDEX one_live_token_a_name ON tokens (workspace_id, name) WHERE revoked_at IS NULL;

CREATE TABLE sessions (
    -- BLAKE3 of the cookie.
    hash text PRIMARY KEY,
    token_id text NOT NULL,
    workspace_id text NOT NULL,
    expires_at text NOT NULL,
    FOREIGN KEY (token_id, workspace_id) REFERENCES tokens (id, workspace_id)
) STRICT;
CREATE INDEX sessions_by_end ON sessions (expires_at);

-- Work that runs on after its request. A key asks for the same work once, whichever server is asked.
CREATE TABLE jobs (
    id text PRIMARY KEY,
    workspace_id text NOT NULL REFERENCES workspaces,
    kind text NOT NULL CHECK (kind IN ('daily', 'weekly', 'plan', 'simulate', 'compare')),
    request text NOT NULL,
    idempotency_key text,
    actor text NOT NULL,
    status text NOT NULL CHECK (status IN ('running', 'done', 'failed', 'stopped')),
    -- How often it was begun: who began it before has lost it.
    attempt integer NOT NULL DEFAULT 1,
    done integer NOT NULL DEFAULT 0 CHECK (done >= 0),
    total integer NOT NULL DEFAULT 0 CHECK (total >= 0),
    result text CHECK ((status = 'done') = (result IS NOT NULL)),
    failure text CHECK ((status = 'failed') = (failure IS NOT NULL)),
    created_at text NOT NULL,
    -- The last sign of life of the server that does it.
    beat_at text NOT NULL,
    finished_at text CHECK ((status = 'running') = (finished_at IS NULL)),
    UNIQUE (id, workspace_id),
    UNIQUE (workspace_id, idempotency_key)
) STRICT;
CREATE INDEX jobs_by_time ON jobs (workspace_id, created_at, id);

-- Pages and figures that a job made.
CREATE TABLE job_files (
    job_id text NOT NULL,
    name text NOT NULL,
    workspace_id text NOT NULL,
    content text NOT NULL,
    PRIMARY KEY (job_id, name),
    FOREIGN KEY (job_id, workspace_id) REFERENCES jobs (id, workspace_id)
) STRICT;

-- How a workspace's channels stood at the end of each day's last daily pass: means over its clients.
CREATE TABLE channel_health (
    workspace_id text NOT NULL REFERENCES workspaces,
    channel text NOT NULL,
    day text NOT NULL,
    clients integer NOT NULL CHECK (clients > 0),
    health_score real NOT NULL,
    fatigue real NOT NULL,
    momentum real NOT NULL,
    visibility real NOT NULL,
    engagement real NOT NULL,
    PRIMARY KEY (workspace_id, channel, day)
) STRICT;

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
