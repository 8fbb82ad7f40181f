-- What posts earned, from the histories of loaded scenarios: the data of calibrations.

CREATE TABLE measured_posts (
    client_id text NOT NULL,
    channel text NOT NULL,
    published_at text NOT NULL,
    -- 0-based position among the posts of the channel at that instant.
    position integer NOT NULL CHECK (position >= 0),
    workspace_id text NOT NULL,
    content_type text,
    reach real CHECK (reach >= 0),
    engagements real NOT NULL CHECK (engagements >= 0),
    PRIMARY KEY (client_id, channel, published_at, position),
    FOREIGN KEY (client_id, workspace_id) REFERENCES clients (client_id, workspace_id)
) STRICT;

CREATE INDEX measured_posts_by_workspace
    ON measured_posts (workspace_id, client_id, channel, published_at, position);
