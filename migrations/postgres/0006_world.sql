-- Estimated parameters of the response of clients' audiences, from which simulations draw the truth.

CREATE TABLE world_estimates (
    client_id text NOT NULL,
    channel text NOT NULL,
    parameter text NOT NULL,
    workspace_id text NOT NULL,
    value double precision NOT NULL CHECK (value >= 0),
    standard_error double precision NOT NULL CHECK (standard_error >= 0),
    source text NOT NULL CHECK (source IN ('data', 'channel', 'prior', 'pack')),
    PRIMARY KEY (client_id, channel, parameter),
    FOREIGN KEY (client_id, workspace_id) REFERENCES clients (client_id, workspace_id)
);

ALTER TABLE world_estimates ENABLE ROW LEVEL SECURITY;
CREATE POLICY by_workspace ON world_estimates USING (workspace_id = current_setting('mcoe.workspace_id', true));
GRANT SELECT, INSERT, UPDATE ON world_estimates TO mcoe_app;
