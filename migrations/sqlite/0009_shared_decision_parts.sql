-- What many decisions have in common is stored once, and decisions refer to it: signals, repeated payloads and the posts
-- of a day (`decision_texts`), risk, confidence, doubts and outcome (`decision_assessments`), the time and workspace of
-- what is recorded together (`decision_batches`), and clients. The view `campaign_orchestration_actions` has every
-- decision as the table of this name had it, and takes new ones. Ids are 16 bytes in the tables, and text in the view.

ALTER TABLE campaign_orchestration_actions RENAME TO whole_actions;

CREATE TABLE decision_batches (
    no integer PRIMARY KEY,
    workspace_id text NOT NULL,
    created_at text NOT NULL,
    UNIQUE (workspace_id, created_at)
) STRICT;

CREATE TABLE decision_clients (
    no integer PRIMARY KEY,
    client_id text NOT NULL UNIQUE,
    workspace_id text NOT NULL,
    FOREIGN KEY (client_id, workspace_id) REFERENCES clients (client_id, workspace_id)
) STRICT;

CREATE TABLE decision_texts (
    no integer PRIMARY KEY,
    workspace_id text NOT NULL,
    body text NOT NULL
) STRICT;

CREATE TABLE decision_assessments (
    no integer PRIMARY KEY,
    workspace_id text NOT NULL,
    risk_class text NOT NULL CHECK (risk_class IN ('low', 'medium', 'high')),
    confidence_score real NOT NULL CHECK (confidence_score BETWEEN 0 AND 1),
    truth_notes text NOT NULL,
    truth_compliant integer NOT NULL CHECK (truth_compliant IN (0, 1)),
    disclaimers text NOT NULL,
    status text NOT NULL CHECK
        (status IN ('accepted', 'rejected', 'auto_executed', 'awaiting_approval', 'pending'))
) STRICT;

CREATE TABLE decisions (
    no integer PRIMARY KEY,
    id blob NOT NULL UNIQUE CHECK (length(id) = 16),
    batch_no integer NOT NULL REFERENCES decision_batches,
    client_no integer NOT NULL REFERENCES decision_clients,
    -- A trigger checks that the schedule is known: ids of schedules are text.
    schedule_id blob CHECK (length(schedule_id) = 16),
    action_type text NOT NULL CHECK (action_type IN (
        'select_asset', 'time_choice', 'variation_choice', 'evolution_step', 'posting_decision',
        'schedule_created', 'schedule_blocked', 'schedule_approved', 'schedule_executed',
        'schedule_failed', 'conflict_detected', 'fatigue_check')),
    actor text NOT NULL,
    assessment_no integer NOT NULL REFERENCES decision_assessments,
    -- NULL: no signals.
    signals_no integer REFERENCES decision_texts,
    -- A payload stands here or, if others are the same, in `decision_texts`.
    payload_no integer REFERENCES decision_texts,
    payload text CHECK ((payload IS NULL) <> (payload_no IS NULL)),
    -- Of a posting decision of a plan: the posts of the client's day, and the 0-based place of the decision's own post
    -- among them. Without that one they are `others_of_day` of the payload.
    day_no integer REFERENCES decision_texts,
    own_place integer CHECK ((own_place IS NULL) = (day_no IS NULL)),
    executed_at text,
    execution_result text
) STRICT;

-- What is on record.
INSERT INTO decision_batches (workspace_id, created_at)
    SELECT workspace_id, created_at FROM whole_actions GROUP BY 1, 2;
INSERT INTO decision_clients (client_id, workspace_id)
    SELECT client_id, workspace_id FROM whole_actions GROUP BY workspace_id, client_id;

CREATE UNIQUE INDEX same_assessment ON decision_assessments
    (workspace_id, risk_class, confidence_score, truth_notes, truth_compliant, disclaimers, status);
INSERT OR IGNORE INTO decision_assessments
    (workspace_id, risk_class, confidence_score, truth_notes, truth_compliant, disclaimers, status)
    SELECT workspace_id, risk_class, confidence_score, truth_notes, truth_compliant, disclaimers, status
    FROM whole_actions ORDER BY rowid;

CREATE UNIQUE INDEX same_text ON decision_texts (workspace_id, body);
INSERT OR IGNORE INTO decision_texts (workspace_id, body)
    SELECT workspace_id, source_signals FROM whole_actions WHERE source_signals <> '{}' ORDER BY rowid;
INSERT OR IGNORE INTO decision_texts (workspace_id, body)
    SELECT workspace_id, decision_payload FROM whole_actions
    WHERE action_type IN ('select_asset', 'schedule_created', 'schedule_blocked') ORDER BY rowid;

-- CROSS JOIN only fixes the order of the loops.
INSERT INTO decisions (id, batch_no, client_no, schedule_id, action_type, actor, assessment_no, signals_no,
        payload_no, payload, executed_at, execution_result)
    SELECT unhex(replace(whole.id, '-', '')), batch.no, client.no, unhex(replace(whole.schedule_id, '-', '')),
        whole.action_type, whole.actor, assessment.no, signals.no, payload.no,
        CASE WHEN payload.no IS NULL THEN whole.decision_payload END, whole.executed_at, whole.execution_result
    FROM whole_actions AS whole
        CROSS JOIN decision_batches AS batch USING (workspace_id, created_at)
        CROSS JOIN decision_clients AS client ON client.client_id = whole.client_id
        CROSS JOIN decision_assessments AS assessment USING
            (workspace_id, risk_class, confidence_score, truth_notes, truth_compliant, disclaimers, status)
        LEFT JOIN decision_texts AS signals
            ON signals.workspace_id = whole.workspace_id AND signals.body = whole.source_signals
            AND whole.source_signals <> '{}'
        LEFT JOIN decision_texts AS payload
            ON payload.workspace_id = whole.workspace_id AND payload.body = whole.decision_payload
            AND whole.action_type IN ('select_asset', 'schedule_created', 'schedule_blocked')
    ORDER BY whole.rowid;
DROP INDEX same_text;
DROP INDEX same_assessment;

-- Fails if any decision is missing.
CREATE TABLE migrated (is_complete integer NOT NULL CHECK (is_complete = 1)) STRICT;
INSERT INTO migrated SELECT (SELECT count(*) FROM decisions) = (SELECT count(*) FROM whole_actions)
    AND (SELECT count(schedule_id) FROM decisions) = (SELECT count(schedule_id) FROM whole_actions);
DROP TABLE migrated;
DROP TABLE whole_actions;

CREATE INDEX decisions_by_schedule ON decisions (schedule_id) WHERE schedule_id IS NOT NULL;
CREATE INDEX decisions_by_time ON decisions (batch_no, id);
CREATE INDEX decisions_by_client ON decisions (client_no, batch_no);
CREATE INDEX decision_batches_by_time ON decision_batches (created_at);
CREATE INDEX decisions_of_conflicts ON decisions (batch_no, id) WHERE action_type = 'conflict_detected';
-- What people and passes decide is rare among what agents do, and is what is looked for.
CREATE INDEX decisions_of_people ON decisions (batch_no, actor, id)
    WHERE actor NOT IN ('agency_director', 'client_ops', 'creative_director', 'early_warning', 'performance_reality', 'scaling');
CREATE INDEX decisions_of_events ON decisions (batch_no, action_type, id)
    WHERE action_type = 'schedule_approved' OR action_type = 'schedule_executed' OR action_type = 'schedule_failed';

CREATE VIEW campaign_orchestration_actions AS
SELECT
    lower(substr(hex(decision.id), 1, 8) || '-' || substr(hex(decision.id), 9, 4) || '-'
        || substr(hex(decision.id), 13, 4) || '-' || substr(hex(decision.id), 17, 4) || '-'
        || substr(hex(decision.id), 21)) AS id,
    batch.created_at AS created_at,
    CASE WHEN decision.schedule_id IS NOT NULL THEN
        lower(substr(hex(decision.schedule_id), 1, 8) || '-' || substr(hex(decision.schedule_id), 9, 4) || '-'
            || substr(hex(decision.schedule_id), 13, 4) || '-' || substr(hex(decision.schedule_id), 17, 4) || '-'
            || substr(hex(decision.schedule_id), 21)) END AS schedule_id,
    client.client_id AS client_id,
    batch.workspace_id AS workspace_id,
    decision.action_type AS action_type,
    CASE WHEN decision.day_no IS NULL THEN coalesce(decision.payload, payload.body)
        ELSE json_insert(coalesce(decision.payload, payload.body), '$.others_of_day',
            json_remove(day.body, '$[' || decision.own_place || ']')) END AS decision_payload,
    coalesce(signals.body, '{}') AS source_signals,
    assessment.risk_class AS risk_class,
    assessment.confidence_score AS confidence_score,
    assessment.truth_notes AS truth_notes,
    assessment.truth_compliant AS truth_compliant,
    assessment.disclaimers AS disclaimers,
    assessment.status AS status,
    decision.executed_at AS executed_at,
    decision.execution_result AS execution_result,
    decision.actor AS actor,
    -- The ids as they are stored, for conditions and orders that use an index.
    decision.id AS decision_key,
    decision.schedule_id AS schedule_key
FROM decisions AS decision
    JOIN decision_batches AS batch ON batch.no = decision.batch_no
    LEFT JOIN decision_clients AS client ON client.no = decision.client_no
    LEFT JOIN decision_assessments AS assessment ON assessment.no = decision.assessment_no
    LEFT JOIN decision_texts AS signals ON signals.no = decision.signals_no
    LEFT JOIN decision_texts AS payload ON payload.no = decision.payload_no
    LEFT JOIN decision_texts AS day ON day.no = decision.day_no;

CREATE TRIGGER action_recorded INSTEAD OF INSERT ON campaign_orchestration_actions BEGIN
    INSERT INTO decision_batches (workspace_id, created_at)
        SELECT NEW.workspace_id, NEW.created_at WHERE NOT EXISTS
            (SELECT 1 FROM decision_batches WHERE workspace_id = NEW.workspace_id AND created_at = NEW.created_at);
    INSERT INTO decision_clients (client_id, workspace_id)
        SELECT NEW.client_id, NEW.workspace_id WHERE NOT EXISTS
            (SELECT 1 FROM decision_clients WHERE client_id = NEW.client_id);
    INSERT INTO decision_assessments
        (workspace_id, risk_class, confidence_score, truth_notes, truth_compliant, disclaimers, status)
        VALUES (NEW.workspace_id, NEW.risk_class, NEW.confidence_score, NEW.truth_notes, NEW.truth_compliant,
            NEW.disclaimers, NEW.status);
    INSERT INTO decision_texts (workspace_id, body) VALUES (NEW.workspace_id, NEW.source_signals);
    INSERT INTO decisions (id, batch_no, client_no, schedule_id, action_type, actor, assessment_no, signals_no, payload,
            executed_at, execution_result)
        SELECT unhex(replace(NEW.id, '-', '')), batch.no,
            (SELECT no FROM decision_clients WHERE client_id = NEW.client_id AND workspace_id = NEW.workspace_id),
            unhex(replace(NEW.schedule_id, '-', '')), NEW.action_type, NEW.actor,
            (SELECT max(no) FROM decision_assessments), (SELECT max(no) FROM decision_texts), NEW.decision_payload,
            NEW.executed_at, NEW.execution_result
        FROM decision_batches AS batch
        WHERE batch.workspace_id = NEW.workspace_id AND batch.created_at = NEW.created_at;
END;

-- Decisions, and what they refer to, are never changed or removed, by REPLACE either: see 0003_append_only.sql.
CREATE TRIGGER action_changed INSTEAD OF UPDATE ON campaign_orchestration_actions BEGIN
    SELECT RAISE(ABORT, 'decisions on record are never changed or removed');
END;
CREATE TRIGGER action_removed INSTEAD OF DELETE ON campaign_orchestration_actions BEGIN
    SELECT RAISE(ABORT, 'decisions on record are never changed or removed');
END;

CREATE TRIGGER known_decision BEFORE INSERT ON decisions
    WHEN EXISTS (SELECT 1 FROM decisions WHERE id = NEW.id)
        OR EXISTS (SELECT 1 FROM decisions WHERE no = NEW.no)
BEGIN
    SELECT RAISE(ABORT, 'decisions on record are never changed or removed');
END;
CREATE TRIGGER decision_changed BEFORE UPDATE ON decisions BEGIN
    SELECT RAISE(ABORT, 'decisions on record are never changed or removed');
END;
CREATE TRIGGER decision_removed BEFORE DELETE ON decisions BEGIN
    SELECT RAISE(ABORT, 'decisions on record are never changed or removed');
END;

CREATE TRIGGER known_decision_batch BEFORE INSERT ON decision_batches
    WHEN EXISTS (SELECT 1 FROM decision_batches WHERE workspace_id = NEW.workspace_id AND created_at = NEW.created_at)
        OR EXISTS (SELECT 1 FROM decision_batches WHERE no = NEW.no)
BEGIN
    SELECT RAISE(ABORT, 'decisions on record are never changed or removed');
END;
CREATE TRIGGER decision_batch_changed BEFORE UPDATE ON decision_batches BEGIN
    SELECT RAISE(ABORT, 'decisions on record are never changed or removed');
END;
CREATE TRIGGER decision_batch_removed BEFORE DELETE ON decision_batches BEGIN
    SELECT RAISE(ABORT, 'decisions on record are never changed or removed');
END;

CREATE TRIGGER known_decision_client BEFORE INSERT ON decision_clients
    WHEN EXISTS (SELECT 1 FROM decision_clients WHERE client_id = NEW.client_id)
        OR EXISTS (SELECT 1 FROM decision_clients WHERE no = NEW.no)
BEGIN
    SELECT RAISE(ABORT, 'decisions on record are never changed or removed');
END;
CREATE TRIGGER decision_client_changed BEFORE UPDATE ON decision_clients BEGIN
    SELECT RAISE(ABORT, 'decisions on record are never changed or removed');
END;
CREATE TRIGGER decision_client_removed BEFORE DELETE ON decision_clients BEGIN
    SELECT RAISE(ABORT, 'decisions on record are never changed or removed');
END;

CREATE TRIGGER known_decision_assessment BEFORE INSERT ON decision_assessments
    WHEN EXISTS (SELECT 1 FROM decision_assessments WHERE no = NEW.no)
BEGIN
    SELECT RAISE(ABORT, 'decisions on record are never changed or removed');
END;
CREATE TRIGGER decision_assessment_changed BEFORE UPDATE ON decision_assessments BEGIN
    SELECT RAISE(ABORT, 'decisions on record are never changed or removed');
END;
CREATE TRIGGER decision_assessment_removed BEFORE DELETE ON decision_assessments BEGIN
    SELECT RAISE(ABORT, 'decisions on record are never changed or removed');
END;

CREATE TRIGGER known_decision_text BEFORE INSERT ON decision_texts
    WHEN EXISTS (SELECT 1 FROM decision_texts WHERE no = NEW.no)
BEGIN
    SELECT RAISE(ABORT, 'decisions on record are never changed or removed');
END;
CREATE TRIGGER decision_text_changed BEFORE UPDATE ON decision_texts BEGIN
    SELECT RAISE(ABORT, 'decisions on record are never changed or removed');
END;
CREATE TRIGGER decision_text_removed BEFORE DELETE ON decision_texts BEGIN
    SELECT RAISE(ABORT, 'decisions on record are never changed or removed');
END;

CREATE TRIGGER decision_on_unknown_schedule BEFORE INSERT ON decisions
    WHEN NEW.schedule_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM campaign_orchestration_schedules
        WHERE id = lower(substr(hex(NEW.schedule_id), 1, 8) || '-' || substr(hex(NEW.schedule_id), 9, 4) || '-'
            || substr(hex(NEW.schedule_id), 13, 4) || '-' || substr(hex(NEW.schedule_id), 17, 4) || '-'
            || substr(hex(NEW.schedule_id), 21)))
BEGIN
    SELECT RAISE(ABORT, 'a decision concerns a schedule on record');
END;

-- Few schedules of a workspace have the same time, so these need no ids to list them in order.
DROP INDEX schedules_by_time;
DROP INDEX schedules_by_status;
DROP INDEX schedules_by_client;
DROP INDEX schedules_by_risk;
DROP INDEX schedules_to_review;
DROP INDEX schedules_waiting;
CREATE INDEX schedules_by_time ON campaign_orchestration_schedules (workspace_id, scheduled_for);
CREATE INDEX schedules_by_status ON campaign_orchestration_schedules (workspace_id, status, scheduled_for);
CREATE INDEX schedules_by_client ON campaign_orchestration_schedules (workspace_id, client_id, scheduled_for);
CREATE INDEX schedules_by_risk ON campaign_orchestration_schedules
    (workspace_id, (CASE risk_level WHEN 'high' THEN 0 WHEN 'medium' THEN 1 ELSE 2 END), scheduled_for);
CREATE INDEX schedules_to_review ON campaign_orchestration_schedules
    (workspace_id, (CASE risk_level WHEN 'high' THEN 0 WHEN 'medium' THEN 1 ELSE 2 END), scheduled_for)
    WHERE status = 'pending';
CREATE INDEX schedules_waiting ON campaign_orchestration_schedules
    ((CASE risk_level WHEN 'high' THEN 0 WHEN 'medium' THEN 1 ELSE 2 END), scheduled_for)
    WHERE status = 'pending';
