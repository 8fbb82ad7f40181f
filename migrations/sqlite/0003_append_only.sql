-- What REPLACE would take away. It deletes the rows that stand in its way, by any unique key or by `rowid`, and fires
-- no trigger of deletion unless `recursive_triggers` is on. So what would stand in the way is refused before.
-- Schedules and drafts are never removed either: a schedule that is not wanted is cancelled.

CREATE TRIGGER known_action BEFORE INSERT ON campaign_orchestration_actions
    WHEN EXISTS (SELECT 1 FROM campaign_orchestration_actions WHERE id = NEW.id)
        OR EXISTS (SELECT 1 FROM campaign_orchestration_actions WHERE rowid = NEW.rowid)
BEGIN
    SELECT RAISE(ABORT, 'decisions on record are never changed or removed');
END;

CREATE TRIGGER known_schedule BEFORE INSERT ON campaign_orchestration_schedules
    WHEN EXISTS (SELECT 1 FROM campaign_orchestration_schedules WHERE id = NEW.id)
        OR EXISTS (SELECT 1 FROM campaign_orchestration_schedules WHERE rowid = NEW.rowid)
BEGIN
    SELECT RAISE(ABORT, 'schedules are never replaced or removed');
END;
CREATE TRIGGER taken_instant BEFORE INSERT ON campaign_orchestration_schedules
    WHEN NEW.status IN ('pending', 'ready', 'executing', 'completed')
        AND EXISTS (SELECT 1 FROM campaign_orchestration_schedules
            WHERE client_id = NEW.client_id AND channel = NEW.channel AND scheduled_for = NEW.scheduled_for
                AND status IN ('pending', 'ready', 'executing', 'completed'))
BEGIN
    SELECT RAISE(ABORT, 'live schedules of a channel have unique instants');
END;
CREATE TRIGGER schedule_moved_to_taken_instant BEFORE UPDATE ON campaign_orchestration_schedules
    WHEN NEW.status IN ('pending', 'ready', 'executing', 'completed')
        AND (OLD.status NOT IN ('pending', 'ready', 'executing', 'completed')
            OR NEW.client_id <> OLD.client_id OR NEW.channel <> OLD.channel OR NEW.scheduled_for <> OLD.scheduled_for)
        AND EXISTS (SELECT 1 FROM campaign_orchestration_schedules
            WHERE client_id = NEW.client_id AND channel = NEW.channel AND scheduled_for = NEW.scheduled_for
                AND status IN ('pending', 'ready', 'executing', 'completed') AND id <> OLD.id)
BEGIN
    SELECT RAISE(ABORT, 'live schedules of a channel have unique instants');
END;
CREATE TRIGGER schedule_keeps_its_id BEFORE UPDATE ON campaign_orchestration_schedules
    WHEN NEW.id <> OLD.id OR NEW.rowid <> OLD.rowid
BEGIN
    SELECT RAISE(ABORT, 'a schedule keeps its id');
END;
CREATE TRIGGER schedule_removed BEFORE DELETE ON campaign_orchestration_schedules BEGIN
    SELECT RAISE(ABORT, 'schedules are never replaced or removed');
END;

CREATE TRIGGER known_draft BEFORE INSERT ON drafts
    WHEN EXISTS (SELECT 1 FROM drafts WHERE id = NEW.id OR schedule_id = NEW.schedule_id)
        OR EXISTS (SELECT 1 FROM drafts WHERE rowid = NEW.rowid)
BEGIN
    SELECT RAISE(ABORT, 'a schedule has one draft, which is never changed or removed');
END;
CREATE TRIGGER draft_changed BEFORE UPDATE ON drafts BEGIN
    SELECT RAISE(ABORT, 'a schedule has one draft, which is never changed or removed');
END;
CREATE TRIGGER draft_removed BEFORE DELETE ON drafts BEGIN
    SELECT RAISE(ABORT, 'a schedule has one draft, which is never changed or removed');
END;
