-- What posts earned, from the histories of loaded scenarios: the data of calibrations.

CREATE TABLE measured_posts (
    client_id text NOT NULL,
    channel text NOT NULL,
    published_at timestamptz NOT NULL,
    -- 0-based position among the posts of the channel at that instant.
    position bigint NOT NULL CHECK (position >= 0),
    workspace_id text NOT NULL,
    content_type text,
    reach double precision CHECK (reach >= 0),
    engagements double precision NOT NULL CHECK (engagements >= 0),
    PRIMARY KEY (client_id, channel, published_at, position),
    FOREIGN KEY (client_id, workspace_id) REFERENCES clients (client_id, workspace_id)
);

ALTER TABLE measured_posts ENABLE ROW LEVEL SECURITY;
CREATE POLICY by_workspace ON measured_posts USING (workspace_id = current_setting('mcoe.workspace_id', true));
GRANT SELECT, INSERT, UPDATE ON measured_posts TO mcoe_app;

CREATE INDEX measured_posts_by_workspace
    ON measured_posts (workspace_id, client_id, channel, published_at, position);
