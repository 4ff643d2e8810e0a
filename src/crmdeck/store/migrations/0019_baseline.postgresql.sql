-- DuckDB reads columns; PostgreSQL finds rows. Unique if a second row would be an error.
CREATE UNIQUE INDEX ON field_definition (field_hash);
CREATE UNIQUE INDEX ON object_definition (content_hash);
CREATE UNIQUE INDEX ON object_field (content_hash, position);
CREATE UNIQUE INDEX ON object_state (connection_id, object_type, refresh DESC);
CREATE UNIQUE INDEX ON refresh (seq);
CREATE INDEX ON refresh (connection_id, seq DESC);
CREATE UNIQUE INDEX ON validators (connection_id);
CREATE UNIQUE INDEX ON text_vector (model, text_hash);
CREATE UNIQUE INDEX ON server_document (name);
CREATE UNIQUE INDEX ON seen_drift (seen_by, event_id);
CREATE UNIQUE INDEX ON sealed_secret (connection_id, name);
CREATE UNIQUE INDEX ON lease (kind, connection_id);
CREATE INDEX ON connection (id, seq DESC);
CREATE INDEX ON sync_run (connection_id, seq DESC);
CREATE INDEX ON sync_run (connection_id, kind, outcome, seq DESC);
CREATE INDEX ON object_failure (connection_id, seq DESC);
CREATE INDEX ON quota (connection_id, seq DESC);
CREATE INDEX ON drift_event (id);
CREATE INDEX ON drift_event (connection_id, detected_at DESC);
CREATE INDEX ON drift_event (connection_id) WHERE affected_mappings <> '[]';
CREATE INDEX ON drift_event (connection_id, object_type, coalesce(rule, field_name, ''), seq);
CREATE INDEX ON story (connection_id, detected_at DESC);
CREATE INDEX ON acknowledgement (event_id, seq DESC);
CREATE INDEX ON acceptance (connection_id, finding_id, seq DESC);
CREATE INDEX ON pair_verdict (connection_id, object_pair);
CREATE INDEX ON decision (connection_id, object_pair, seq);
CREATE INDEX ON decision (seq);
CREATE INDEX ON fill_rate (connection_id, object_type, field_name, seq DESC);
CREATE INDEX ON field_usage (connection_id, object_type, field_name, seq DESC);
CREATE INDEX ON audit_entry ("at" DESC, seq DESC);
CREATE INDEX ON audit_entry (seq DESC);
CREATE INDEX ON audit_entry (seq) WHERE event = 'cache.repaired';
CREATE INDEX ON audit_entry (seq) WHERE event = 'policy.set';
-- What happened after a number, without reading the whole table.
CREATE INDEX ON drift_event (seq);
CREATE INDEX ON drift_event (seq) WHERE severity <> 'safe';
CREATE INDEX ON acknowledgement (seq);
CREATE INDEX ON seen_drift (seq);
CREATE INDEX ON object_failure (seq);
CREATE INDEX ON sync_run (seq);

-- A default, so that a restore keeps the stored users. Only the owner can write another user.
-- The search path keeps a temporary table from replacing the catalog.
ALTER TABLE audit_entry ALTER COLUMN db_user SET DEFAULT session_user;
CREATE FUNCTION audit_entry_user() RETURNS trigger LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT pg_has_role(
        session_user, (SELECT relowner FROM pg_class WHERE oid = TG_RELID), 'MEMBER'
    ) THEN
        NEW.db_user := session_user;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER audit_entry_user BEFORE INSERT ON audit_entry
    FOR EACH ROW EXECUTE FUNCTION audit_entry_user();
