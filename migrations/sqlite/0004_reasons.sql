-- Why a schedule does not run, as a code with its details; calendars that keep track of a schedule; channels that
-- are switched off; media of assets; and a way back for what was cancelled.

ALTER TABLE campaign_orchestration_schedules ADD COLUMN blocked_code text;
ALTER TABLE campaign_orchestration_schedules ADD COLUMN blocked_details text NOT NULL DEFAULT '{}';
-- The event of the schedule in calendars, given with its first plan; its number rises with every change.
ALTER TABLE campaign_orchestration_schedules ADD COLUMN calendar_uid text;
ALTER TABLE campaign_orchestration_schedules ADD COLUMN calendar_sequence integer NOT NULL DEFAULT 0;

ALTER TABLE assets ADD COLUMN media_url text NOT NULL DEFAULT '';

-- 0: the client no longer posts there; its history is kept.
ALTER TABLE channel_state ADD COLUMN active integer NOT NULL DEFAULT 1 CHECK (active IN (0, 1));

INSERT INTO schedule_steps VALUES ('cancelled', 'pending');

CREATE TRIGGER count_calendar_changes AFTER UPDATE OF status ON campaign_orchestration_schedules
    WHEN OLD.status <> NEW.status BEGIN
    UPDATE campaign_orchestration_schedules SET calendar_sequence = calendar_sequence + 1 WHERE id = NEW.id;
END;

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
        WHEN blocked_reason LIKE 'cancelled by %' THEN json_object(
            'actor', substr(blocked_reason, 14, max(instr(substr(blocked_reason, 14), ': ') - 1, 0)),
            'reason', substr(substr(blocked_reason, 14), instr(substr(blocked_reason, 14), ': ') + 2))
        WHEN blocked_reason LIKE 'draft failed: %' THEN json_object('cause', substr(blocked_reason, 15))
        WHEN blocked_reason LIKE 'review_capacity: %' THEN '{}'
        WHEN blocked_reason LIKE 'client_status: %' THEN json_object('status', substr(blocked_reason, 30))
        WHEN blocked_reason LIKE 'channels: %' THEN json_object('channel', channel)
        ELSE json_object(
            'rule', substr(blocked_reason, 1, max(instr(blocked_reason, ': ') - 1, 0)),
            'reason', substr(blocked_reason, instr(blocked_reason, ': ') + 2),
            'remedy', '') END
WHERE blocked_reason IS NOT NULL AND status IN ('blocked', 'cancelled', 'failed');
