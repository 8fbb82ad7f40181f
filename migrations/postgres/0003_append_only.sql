-- Schedules and drafts are never removed, and drafts never changed: a schedule that is not wanted is cancelled.

CREATE FUNCTION refuse_loss() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '%', TG_ARGV[0] USING ERRCODE = 'restrict_violation';
END $$;

CREATE TRIGGER schedule_removed BEFORE DELETE ON campaign_orchestration_schedules
    FOR EACH ROW EXECUTE FUNCTION refuse_loss('schedules are never replaced or removed');
CREATE TRIGGER schedules_emptied BEFORE TRUNCATE ON campaign_orchestration_schedules
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_loss('schedules are never replaced or removed');
CREATE TRIGGER schedule_keeps_its_id BEFORE UPDATE OF id ON campaign_orchestration_schedules
    FOR EACH ROW WHEN (OLD.id <> NEW.id) EXECUTE FUNCTION refuse_loss('a schedule keeps its id');
CREATE TRIGGER draft_changed BEFORE UPDATE OR DELETE ON drafts
    FOR EACH ROW EXECUTE FUNCTION refuse_loss('a schedule has one draft, which is never changed or removed');
CREATE TRIGGER drafts_emptied BEFORE TRUNCATE ON drafts
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_loss('a schedule has one draft, which is never changed or removed');
REVOKE UPDATE ON drafts FROM mcoe_app;
