-- Numbers that scenarios set for limits of the rules pack, for the clients of a workspace or for one client.

CREATE TABLE limit_numbers (
    workspace_id text NOT NULL REFERENCES workspaces,
    -- NULL: for every client of the workspace.
    client_id text,
    limit_name text NOT NULL,
    at_most real CHECK (at_most >= 0),
    at_least real CHECK (at_least > 0),
    at_most_share real CHECK (at_most_share BETWEEN 0 AND 1),
    at_least_share real CHECK (at_least_share > 0 AND at_least_share <= 1),
    price real CHECK (price > 0),
    FOREIGN KEY (client_id, workspace_id) REFERENCES clients (client_id, workspace_id)
) STRICT;

CREATE UNIQUE INDEX limit_numbers_once ON limit_numbers (workspace_id, coalesce(client_id, ''), limit_name);
