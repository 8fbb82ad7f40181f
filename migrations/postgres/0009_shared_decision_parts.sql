-- What many decisions have in common is stored once, and decisions refer to it: signals, repeated payloads and the posts
-- of a day (`decision_texts`), and risk, confidence, doubts and outcome (`decision_assessments`). The view
-- `campaign_orchestration_actions` has every decision as the table of this name had it, and takes new ones.

ALTER TABLE campaign_orchestration_actions RENAME TO whole_actions;

-- Each number begins a range of its own, so that a transaction numbers all its rows with one call.
CREATE SEQUENCE decision_numbers INCREMENT BY 16777216;

CREATE TABLE decision_texts (
    no bigint PRIMARY KEY DEFAULT nextval('decision_numbers'),
    workspace_id text NOT NULL,
    body jsonb NOT NULL
);

CREATE TABLE decision_assessments (
    no bigint PRIMARY KEY DEFAULT nextval('decision_numbers'),
    workspace_id text NOT NULL,
    risk_class text NOT NULL CHECK (risk_class IN ('low', 'medium', 'high')),
    confidence_score double precision NOT NULL CHECK (confidence_score BETWEEN 0 AND 1),
    truth_notes jsonb NOT NULL,
    truth_compliant boolean NOT NULL,
    disclaimers jsonb NOT NULL,
    status text NOT NULL CHECK
        (status IN ('accepted', 'rejected', 'auto_executed', 'awaiting_approval', 'pending'))
);

CREATE TABLE decisions (
    id uuid PRIMARY KEY,
    created_at timestamptz NOT NULL,
    schedule_id uuid REFERENCES campaign_orchestration_schedules,
    client_id text NOT NULL,
    workspace_id text NOT NULL,
    action_type text NOT NULL CHECK (action_type IN (
        'select_asset', 'time_choice', 'variation_choice', 'evolution_step', 'posting_decision',
        'schedule_created', 'schedule_blocked', 'schedule_approved', 'schedule_executed',
        'schedule_failed', 'conflict_detected', 'fatigue_check')),
    actor text NOT NULL,
    assessment_no bigint NOT NULL REFERENCES decision_assessments,
    -- NULL: no signals.
    signals_no bigint REFERENCES decision_texts,
    -- A payload stands here or, if others are the same, in `decision_texts`.
    payload_no bigint REFERENCES decision_texts,
    payload jsonb CHECK ((payload IS NULL) <> (payload_no IS NULL)),
    -- Of a posting decision of a plan: the posts of the client's day, and the 0-based place of the decision's own post
    -- among them. Without that one they are `others_of_day` of the payload.
    day_no bigint REFERENCES decision_texts,
    own_place integer CHECK ((own_place IS NULL) = (day_no IS NULL)),
    executed_at timestamptz,
    execution_result jsonb,
    FOREIGN KEY (client_id, workspace_id) REFERENCES clients (client_id, workspace_id)
);

-- Values are the same if their texts are: to `jsonb`, 1 and 1.0 are equal.
CREATE TEMP TABLE same_text ON COMMIT DROP AS
    SELECT nextval('decision_numbers') AS no, workspace_id, body FROM (
        SELECT workspace_id, source_signals::text AS body FROM whole_actions WHERE source_signals <> '{}'
        UNION
        SELECT workspace_id, decision_payload::text FROM whole_actions
        WHERE action_type IN ('select_asset', 'schedule_created', 'schedule_blocked')
    ) AS texts;
INSERT INTO decision_texts (no, workspace_id, body) SELECT no, workspace_id, body::jsonb FROM same_text;

CREATE TEMP TABLE same_assessment ON COMMIT DROP AS
    SELECT nextval('decision_numbers') AS no, assessments.* FROM (
        SELECT DISTINCT workspace_id, risk_class, confidence_score, truth_notes::text AS truth_notes, truth_compliant,
            disclaimers::text AS disclaimers, status
        FROM whole_actions
    ) AS assessments;
INSERT INTO decision_assessments
    (no, workspace_id, risk_class, confidence_score, truth_notes, truth_compliant, disclaimers, status)
    SELECT no, workspace_id, risk_class, confidence_score, truth_notes::jsonb, truth_compliant, disclaimers::jsonb, status
    FROM same_assessment;
ANALYZE same_text, same_assessment;

INSERT INTO decisions (id, created_at, schedule_id, client_id, workspace_id, action_type, actor, assessment_no,
        signals_no, payload_no, payload, executed_at, execution_result)
    SELECT whole.id, whole.created_at, whole.schedule_id, whole.client_id, whole.workspace_id, whole.action_type,
        whole.actor, assessment.no, signals.no, payload.no,
        CASE WHEN payload.no IS NULL THEN whole.decision_payload END, whole.executed_at, whole.execution_result
    FROM whole_actions AS whole
        JOIN same_assessment AS assessment ON assessment.workspace_id = whole.workspace_id
            AND assessment.risk_class = whole.risk_class
            AND assessment.confidence_score = whole.confidence_score
            AND assessment.truth_notes = whole.truth_notes::text
            AND assessment.truth_compliant = whole.truth_compliant
            AND assessment.disclaimers = whole.disclaimers::text
            AND assessment.status = whole.status
        LEFT JOIN same_text AS signals ON signals.workspace_id = whole.workspace_id
            AND signals.body = whole.source_signals::text
            AND whole.source_signals <> '{}'
        LEFT JOIN same_text AS payload ON payload.workspace_id = whole.workspace_id
            AND payload.body = whole.decision_payload::text
            AND whole.action_type IN ('select_asset', 'schedule_created', 'schedule_blocked');

DO $$
BEGIN
    IF (SELECT count(*) FROM decisions) <> (SELECT count(*) FROM whole_actions) THEN
        RAISE EXCEPTION 'not every decision was migrated';
    END IF;
END $$;
DROP TABLE whole_actions;

CREATE INDEX decisions_by_schedule ON decisions (schedule_id) WHERE schedule_id IS NOT NULL;
CREATE INDEX decisions_by_time ON decisions (workspace_id, created_at, id);
CREATE INDEX decisions_by_client ON decisions (workspace_id, client_id, created_at, id);
CREATE INDEX decisions_of_conflicts ON decisions (created_at) WHERE action_type = 'conflict_detected';
CREATE INDEX conflicts_by_time ON decisions (workspace_id, created_at, id) WHERE action_type = 'conflict_detected';
-- What people and passes decide is rare among what agents do, and is what is looked for.
CREATE INDEX decisions_of_people ON decisions (workspace_id, actor, created_at, id)
    WHERE actor NOT IN ('agency_director', 'client_ops', 'creative_director', 'early_warning', 'performance_reality', 'scaling');
CREATE INDEX decisions_of_events ON decisions (workspace_id, action_type, created_at, id)
    WHERE action_type IN ('schedule_approved', 'schedule_executed', 'schedule_failed');

-- Row-level security applies to whoever reads the view.
CREATE VIEW campaign_orchestration_actions WITH (security_invoker = true) AS
SELECT
    decision.id,
    decision.created_at,
    decision.schedule_id,
    decision.client_id,
    decision.workspace_id,
    decision.action_type,
    CASE WHEN decision.day_no IS NULL THEN coalesce(decision.payload, payload.body)
        ELSE coalesce(decision.payload, payload.body)
            || jsonb_build_object('others_of_day', day.body - decision.own_place) END AS decision_payload,
    coalesce(signals.body, '{}') AS source_signals,
    assessment.risk_class,
    assessment.confidence_score,
    assessment.truth_notes,
    assessment.truth_compliant,
    assessment.disclaimers,
    assessment.status,
    decision.executed_at,
    decision.execution_result,
    decision.actor,
    -- The ids under the names of the view in SQLite, where an index needs them in another form.
    decision.id AS decision_key,
    decision.schedule_id AS schedule_key
FROM decisions AS decision
    LEFT JOIN decision_assessments AS assessment ON assessment.no = decision.assessment_no
    LEFT JOIN decision_texts AS signals ON signals.no = decision.signals_no
    LEFT JOIN decision_texts AS payload ON payload.no = decision.payload_no
    LEFT JOIN decision_texts AS day ON day.no = decision.day_no;

CREATE FUNCTION record_action() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    new_assessment bigint;
    new_signals bigint;
BEGIN
    INSERT INTO decision_assessments
        (workspace_id, risk_class, confidence_score, truth_notes, truth_compliant, disclaimers, status)
        VALUES (NEW.workspace_id, NEW.risk_class, NEW.confidence_score, NEW.truth_notes, NEW.truth_compliant,
            NEW.disclaimers, NEW.status)
        RETURNING no INTO new_assessment;
    INSERT INTO decision_texts (workspace_id, body) VALUES (NEW.workspace_id, NEW.source_signals)
        RETURNING no INTO new_signals;
    INSERT INTO decisions (id, created_at, schedule_id, client_id, workspace_id, action_type, actor, assessment_no,
            signals_no, payload, executed_at, execution_result)
        VALUES (NEW.id, NEW.created_at, NEW.schedule_id, NEW.client_id, NEW.workspace_id, NEW.action_type, NEW.actor,
            new_assessment, new_signals, NEW.decision_payload, NEW.executed_at, NEW.execution_result);
    RETURN NEW;
END $$;
CREATE TRIGGER action_recorded INSTEAD OF INSERT ON campaign_orchestration_actions
    FOR EACH ROW EXECUTE FUNCTION record_action();

-- Decisions, and what they refer to, are never changed or removed.
CREATE TRIGGER action_changed INSTEAD OF UPDATE OR DELETE ON campaign_orchestration_actions
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
DO $$
DECLARE recorded text;
BEGIN
    FOREACH recorded IN ARRAY ARRAY['decisions', 'decision_texts', 'decision_assessments'] LOOP
        EXECUTE format('CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON %I
            FOR EACH ROW EXECUTE FUNCTION refuse_change()', recorded);
        EXECUTE format('CREATE TRIGGER append_only_whole BEFORE TRUNCATE ON %I
            FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()', recorded);
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', recorded);
        EXECUTE format('CREATE POLICY by_workspace ON %I USING (workspace_id = current_setting(''mcoe.workspace_id'', true))', recorded);
        EXECUTE format('GRANT SELECT, INSERT ON %I TO mcoe_app', recorded);
    END LOOP;
END $$;
GRANT SELECT, INSERT ON campaign_orchestration_actions TO mcoe_app;
GRANT USAGE ON SEQUENCE decision_numbers TO mcoe_app;
