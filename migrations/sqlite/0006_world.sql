-- Estimated parameters of the response of clients' audiences, from which simulations draw the truth.

CREATE TABLE world_estimates (
    client_id text NOT NULL,
    channel text NOT NULL,
    parameter text NOT NULL,
    workspace_id text NOT NULL,
    value real NOT NULL CHECK (value >= 0),
    standard_error real NOT NULL CHECK (standard_error >= 0),
    source text NOT NULL CHECK (source IN ('data', 'channel', 'prior', 'pack')),
    PRIMARY KEY (client_id, channel, parameter),
    FOREIGN KEY (client_id, workspace_id) REFERENCES clients (client_id, workspace_id)
) STRICT;
