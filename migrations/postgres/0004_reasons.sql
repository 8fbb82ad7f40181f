-- Why a schedule does not run, as a code with its details; calendars that keep track of a schedule; channels that
-- are switched off; media of assets; and a way back for what was cancelled.

ALTER TABLE campaign_orchestration_schedules
    ADD COLUMN blocked_code text,
    ADD COLUMN blocked_details jsonb NOT NULL DEFAULT '{}',
    -- The event of the schedule in calendars, given with its first plan; its number rises with every change.
    ADD COLUMN calendar_uid text,
    ADD COLUMN calendar_sequence bigint NOT NULL DEFAULT 0;

ALTER TABLE assets ADD COLUMN media_url text NOT NULL DEFAULT '';

-- False: the client no longer posts there; its history is kept.
ALTER TABLE channel_state ADD COLUMN active boolean NOT NULL DEFAULT true;

INSERT INTO schedule_steps VALUES ('cancelled', 'pending');

CREATE OR REPLACE FUNCTION refuse_illegal_step() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM schedule_steps WHERE from_status = OLD.status AND to_status = NEW.status) THEN
        RAISE EXCEPTION 'a schedule that is % cannot become %', OLD.status, NEW.status
            USING ERRCODE = 'check_violation';
    END IF;
    NEW.calendar_sequence := OLD.calendar_sequence + 1;
    RETURN NEW;
END $$;

-- Reasons that were sentences until now.
UPDATE campaign_orchestration_schedules SET
    blocked_code = CASE
        WHEN blocked_reason LIKE 'expired: %' THEN 'expired'
        WHEN blocked_reason LIKE 'cancelled by %' THEN 'cancelled'
        WHEN blocked_reason LIKE 'draft failed: %' THEN 'draft_failed'
        WHEN blocked_reason LIKE 'review_capacity: %' THEN 'review_capacity'
        WHEN blocked_reason LIKE 'client_status: %' THEN 'client_status'
        WHEN blocked_reason LIKE 'channels: %' THEN 'channel_off'
        ELSE 'guardrail' END,
    blocked_details = CASE
        WHEN blocked_reason LIKE 'expired: nobody approved%' THEN '{"status":"pending"}'
        WHEN blocked_reason LIKE 'expired: %' THEN '{"status":"ready"}'
        WHEN blocked_reason LIKE 'cancelled by %' THEN jsonb_build_object(
            'actor', split_part(substr(blocked_reason, 14), ': ', 1),
            'reason', substr(substr(blocked_reason, 14), strpos(substr(blocked_reason, 14), ': ') + 2))
        WHEN blocked_reason LIKE 'draft failed: %' THEN jsonb_build_object('cause', substr(blocked_reason, 15))
        WHEN blocked_reason LIKE 'review_capacity: %' THEN '{}'
        WHEN blocked_reason LIKE 'client_status: %' THEN jsonb_build_object('status', substr(blocked_reason, 30))
        WHEN blocked_reason LIKE 'channels: %' THEN jsonb_build_object('channel', channel)
        ELSE jsonb_build_object(
            'rule', split_part(blocked_reason, ': ', 1),
            'reason', substr(blocked_reason, strpos(blocked_reason, ': ') + 2),
            'remedy', '') END
WHERE blocked_reason IS NOT NULL AND status IN ('blocked', 'cancelled', 'failed');
