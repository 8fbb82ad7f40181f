-- Who cancelled a job: such a job is stopped, and asking for it again with its key does not begin it anew.

ALTER TABLE jobs ADD COLUMN cancelled_by text CHECK (cancelled_by IS NULL OR status = 'stopped');

-- Whether posts count for a campaign whose asset belongs to none.

ALTER TABLE campaigns ADD COLUMN any_asset boolean NOT NULL DEFAULT false;

-- Free marks of assets.

ALTER TABLE assets ADD COLUMN tags jsonb NOT NULL DEFAULT '[]';
