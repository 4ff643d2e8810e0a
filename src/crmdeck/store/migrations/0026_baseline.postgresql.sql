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
CREATE UNIQUE INDEX ON sign_in_attempt (id);
CREATE INDEX ON sign_in_attempt (tried_at);
CREATE INDEX ON sign_in_attempt (email, id DESC);
CREATE INDEX ON sign_in_attempt (address, id DESC);
CREATE INDEX ON sign_in_attempt (device, id DESC);
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
CREATE INDEX ON drift_event (detected_at DESC, seq DESC);
CREATE INDEX ON drift_event (connection_id) WHERE affected_mappings <> '[]';
CREATE INDEX ON drift_event (connection_id, object_type, coalesce(rule, field_name, ''), seq);
CREATE INDEX ON story (connection_id, detected_at DESC);
CREATE INDEX ON acknowledgement (event_id, seq DESC);
CREATE INDEX ON acceptance (connection_id, finding_id, seq DESC);
CREATE INDEX ON pair_verdict (connection_id, object_pair);
CREATE UNIQUE INDEX ON settlement (connection_id);
CREATE INDEX ON sync_access (connection_id, seq DESC);
CREATE INDEX ON delivery (connection_id, seq DESC);
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

-- Writers change head, audit log and leases by these functions only, so that none of them can block
-- or break what others rely on. Names inside are resolved when the function is made. Times of leases
-- are the server's.

-- The lock of the head's row is the turn to write. Its number only has to change, so it begins again
-- before it ends.
CREATE FUNCTION advance_head(OUT version INTEGER, OUT transaction VARCHAR)
LANGUAGE sql SECURITY DEFINER SET search_path = ''
BEGIN ATOMIC
    UPDATE head SET seq = seq % 4611686018427387904 + 1
    RETURNING (SELECT max(number) FROM schema_migration), pg_current_xact_id()::VARCHAR;
END;

-- A repair settles damage, so only the owner records one.
CREATE FUNCTION require_owner() RETURNS VOID
LANGUAGE plpgsql SET search_path = '' AS $$
BEGIN
    IF NOT pg_has_role(session_user, current_user, 'MEMBER') THEN
        RAISE insufficient_privilege USING MESSAGE = 'permission denied to record a repair';
    END IF;
END $$;

-- Returns the number of the entry. An entry with a number that no sequence reaches isn't one of ours.
CREATE FUNCTION add_audit_entry(
    id VARCHAR, "at" TIMESTAMP, actor VARCHAR, event VARCHAR, connection_id VARCHAR,
    summary VARCHAR, details VARCHAR
) RETURNS BIGINT
LANGUAGE sql SECURITY DEFINER SET search_path = ''
BEGIN ATOMIC
    SELECT CASE WHEN $4 = 'cache.repaired' THEN require_owner() END;
    -- Fails in a transaction that can't see the last entry.
    UPDATE head SET seq = seq % 4611686018427387904 + 1;
    INSERT INTO audit_entry (
        id, "at", actor, db_user, event, connection_id, summary, details, hash
    )
    SELECT $1, $2, $3, session_user, $4, $5, $6, $7, encode(sha256(convert_to(
        string_agg(coalesce(length(part) || ':' || part, '-'), '' ORDER BY place), 'UTF8'
    )), 'hex')
    FROM unnest(ARRAY[
        coalesce((
            SELECT hash FROM audit_entry WHERE seq < 4611686018427387904 ORDER BY seq DESC LIMIT 1
        ), ''),
        $1, to_char($2, 'YYYY-MM-DD"T"HH24:MI:SS.US'), $3, session_user::TEXT, $4, $5, $6, $7
    ]) WITH ORDINALITY AS parts (part, place)
    RETURNING seq;
END;

CREATE FUNCTION lease_token(secret VARCHAR) RETURNS VARCHAR
LANGUAGE sql SET search_path = ''
RETURN encode(sha256(convert_to($1, 'UTF8')), 'hex');

CREATE FUNCTION lease_end(seconds DOUBLE PRECISION) RETURNS TIMESTAMP
LANGUAGE sql SET search_path = ''
RETURN clock_timestamp() AT TIME ZONE 'UTC' + least($1, 60) * INTERVAL '1 second';

-- No function makes a lease that lasts longer than a minute.
CREATE FUNCTION lease_is_free(token VARCHAR, until TIMESTAMP) RETURNS BOOLEAN
LANGUAGE sql SET search_path = ''
RETURN $1 IS NULL OR $2 NOT BETWEEN lease_end(0) AND lease_end(60) + INTERVAL '1 minute';

-- In one statement each, so that two processes can't both find a lease free.
CREATE FUNCTION take_lease(
    connection_id VARCHAR, secret VARCHAR, holder VARCHAR, seconds DOUBLE PRECISION
) RETURNS BOOLEAN
LANGUAGE sql SECURITY DEFINER SET search_path = ''
BEGIN ATOMIC
    INSERT INTO lease AS held (kind, connection_id, token, holder, db_user, since, until)
    VALUES ('refresh', $1, lease_token($2), $3, session_user, lease_end(0), lease_end($4))
    ON CONFLICT (kind, connection_id) DO UPDATE SET token = excluded.token,
        holder = excluded.holder, db_user = excluded.db_user, since = excluded.since,
        until = excluded.until
    WHERE lease_is_free(held.token, held.until)
    RETURNING true;
END;

-- Skips what others claim at this moment, and what a user is refreshing.
CREATE FUNCTION claim_lease(
    connection_ids VARCHAR[], secret VARCHAR, holder VARCHAR, seconds DOUBLE PRECISION,
    due TIMESTAMP
) RETURNS VARCHAR
LANGUAGE sql SECURITY DEFINER SET search_path = ''
BEGIN ATOMIC
    UPDATE lease SET token = lease_token($2), holder = $3, db_user = session_user,
        since = lease_end(0), until = lease_end($4)
    WHERE kind = 'check' AND connection_id = (
        SELECT waiting.connection_id FROM lease AS waiting
        WHERE waiting.kind = 'check' AND waiting.connection_id = ANY($1)
        AND waiting.due_at <= $5 AND lease_is_free(waiting.token, waiting.until)
        AND NOT EXISTS (
            SELECT FROM lease AS other WHERE other.kind = 'refresh'
            AND other.connection_id = waiting.connection_id
            AND NOT lease_is_free(other.token, other.until))
        ORDER BY waiting.due_at, waiting.connection_id LIMIT 1
        FOR UPDATE OF waiting SKIP LOCKED)
    RETURNING connection_id;
END;

CREATE FUNCTION enroll_checks(connection_ids VARCHAR[]) RETURNS VOID
LANGUAGE sql SECURITY DEFINER SET search_path = ''
BEGIN ATOMIC
    INSERT INTO lease (kind, connection_id, due_at)
    SELECT 'check', each, lease_end(0) FROM unnest($1) AS each
    ON CONFLICT (kind, connection_id) DO NOTHING;
END;

CREATE FUNCTION extend_lease(
    kind VARCHAR, connection_id VARCHAR, secret VARCHAR, seconds DOUBLE PRECISION
) RETURNS BOOLEAN
LANGUAGE sql SECURITY DEFINER SET search_path = ''
BEGIN ATOMIC
    UPDATE lease SET until = lease_end($4)
    WHERE lease.kind = $1 AND lease.connection_id = $2 AND token = lease_token($3)
    RETURNING true;
END;

-- The user of a lost process can end its lease by the token alone.
CREATE FUNCTION end_lease(
    kind VARCHAR, connection_id VARCHAR, secret VARCHAR, due TIMESTAMP
) RETURNS VOID
LANGUAGE sql SECURITY DEFINER SET search_path = ''
BEGIN ATOMIC
    UPDATE lease SET token = NULL, until = NULL, due_at = coalesce($4, due_at)
    WHERE lease.kind = $1 AND lease.connection_id = $2
    AND (token = lease_token($3) OR token = $3 AND db_user = session_user);
END;

REVOKE ALL ON FUNCTION advance_head, require_owner, add_audit_entry, lease_token, lease_end,
    lease_is_free, take_lease, claim_lease, enroll_checks, extend_lease, end_lease FROM PUBLIC;
