-- Times are UTC. Text columns that hold JSON: scope, native, body, changes, affected_mappings,
-- object_types, value_map, details. `seq` orders what happened across all tables.
CREATE SEQUENCE happened;

CREATE TABLE connection (
    seq BIGINT NOT NULL DEFAULT nextval('happened'),
    id VARCHAR NOT NULL,
    name VARCHAR NOT NULL,
    platform VARCHAR NOT NULL,
    source VARCHAR NOT NULL,
    instance_url VARCHAR,
    endpoint VARCHAR,
    path VARCHAR,
    api_version VARCHAR,
    scope VARCHAR NOT NULL,
    ttl_hours DOUBLE PRECISION NOT NULL,
    created_at TIMESTAMP NOT NULL,
    disconnected_at TIMESTAMP,
    put_at TIMESTAMP NOT NULL,
    put_by VARCHAR NOT NULL
);

CREATE TABLE sync_run (
    seq BIGINT NOT NULL DEFAULT nextval('happened'),
    id VARCHAR NOT NULL,
    connection_id VARCHAR NOT NULL,
    kind VARCHAR NOT NULL,
    outcome VARCHAR NOT NULL,
    started_at TIMESTAMP NOT NULL,
    finished_at TIMESTAMP NOT NULL,
    objects BIGINT NOT NULL,
    fields BIGINT NOT NULL,
    drift_events BIGINT NOT NULL,
    error_code VARCHAR,
    error_message VARCHAR,
    error_cause VARCHAR,
    error_remedy VARCHAR
);

CREATE TABLE object_failure (
    seq BIGINT NOT NULL DEFAULT nextval('happened'),
    run_id VARCHAR NOT NULL,
    connection_id VARCHAR NOT NULL,
    object_type VARCHAR NOT NULL,
    code VARCHAR NOT NULL,
    message VARCHAR NOT NULL,
    remedy VARCHAR
);

CREATE TABLE quota (
    seq BIGINT NOT NULL DEFAULT nextval('happened'),
    connection_id VARCHAR NOT NULL,
    used BIGINT NOT NULL,
    "limit" BIGINT NOT NULL,
    "window" VARCHAR NOT NULL,
    observed_at TIMESTAMP,
    read_at TIMESTAMP NOT NULL
);

-- One row a refresh that reached its source; `changes` counts the object types that differ.
CREATE TABLE refresh (
    seq BIGINT NOT NULL DEFAULT nextval('happened'),
    run_id VARCHAR NOT NULL,
    connection_id VARCHAR NOT NULL,
    scope VARCHAR NOT NULL,
    discovered_at TIMESTAMP NOT NULL,
    changes BIGINT NOT NULL
);

-- Content-addressed: a field definition, an object definition and the order of its fields are
-- stored once, whatever number of snapshots show them.
CREATE TABLE field_definition (
    field_hash VARCHAR NOT NULL,
    name VARCHAR NOT NULL,
    label VARCHAR NOT NULL,
    type VARCHAR NOT NULL,
    native_type VARCHAR NOT NULL,
    required BOOLEAN,
    "unique" BOOLEAN,
    custom BOOLEAN,
    calculated BOOLEAN,
    "references" VARCHAR NOT NULL,
    body VARCHAR NOT NULL
);

CREATE TABLE object_definition (
    content_hash VARCHAR NOT NULL,
    label VARCHAR NOT NULL,
    custom BOOLEAN,
    field_count BIGINT NOT NULL,
    custom_field_count BIGINT NOT NULL,
    schema_hash VARCHAR NOT NULL,
    structural_hash VARCHAR NOT NULL,
    native VARCHAR NOT NULL
);

CREATE TABLE object_field (
    content_hash VARCHAR NOT NULL,
    position BIGINT NOT NULL,
    field_hash VARCHAR NOT NULL
);

-- One row an object type a refresh. A row with `gone` is a tombstone: it says why the object
-- type is not there any more, and has no content.
CREATE TABLE snapshot (
    seq BIGINT NOT NULL DEFAULT nextval('happened'),
    id VARCHAR NOT NULL,
    connection_id VARCHAR NOT NULL,
    refresh_id VARCHAR NOT NULL,
    object_type VARCHAR NOT NULL,
    gone VARCHAR,
    content_hash VARCHAR,
    discovered_at TIMESTAMP NOT NULL,
    expires_at TIMESTAMP NOT NULL,
    validator VARCHAR
);

CREATE TABLE drift_event (
    seq BIGINT NOT NULL DEFAULT nextval('happened'),
    id VARCHAR NOT NULL,
    connection_id VARCHAR NOT NULL,
    object_type VARCHAR NOT NULL,
    field_name VARCHAR,
    kind VARCHAR NOT NULL,
    severity VARCHAR NOT NULL,
    reason VARCHAR NOT NULL,
    changes VARCHAR NOT NULL,
    rename_of VARCHAR,
    story VARCHAR,
    affected_mappings VARCHAR NOT NULL,
    detected_at TIMESTAMP NOT NULL
);

CREATE TABLE story (
    seq BIGINT NOT NULL DEFAULT nextval('happened'),
    id VARCHAR NOT NULL,
    connection_id VARCHAR NOT NULL,
    kind VARCHAR NOT NULL,
    title VARCHAR NOT NULL,
    severity VARCHAR NOT NULL,
    event_count BIGINT NOT NULL,
    object_types VARCHAR NOT NULL,
    detected_at TIMESTAMP NOT NULL
);

CREATE TABLE acknowledgement (
    seq BIGINT NOT NULL DEFAULT nextval('happened'),
    event_id VARCHAR NOT NULL,
    acknowledged_at TIMESTAMP NOT NULL,
    acknowledged_by VARCHAR NOT NULL,
    note VARCHAR
);

CREATE TABLE decision (
    seq BIGINT NOT NULL DEFAULT nextval('happened'),
    id VARCHAR NOT NULL,
    connection_id VARCHAR NOT NULL,
    object_pair VARCHAR NOT NULL,
    partner_field VARCHAR NOT NULL,
    crm_field VARCHAR,
    state VARCHAR NOT NULL,
    direction VARCHAR NOT NULL,
    value_map VARCHAR,
    confidence DOUBLE PRECISION,
    note VARCHAR,
    undoes VARCHAR,
    decided_by VARCHAR NOT NULL,
    decided_at TIMESTAMP NOT NULL
);

CREATE TABLE audit_entry (
    seq BIGINT NOT NULL DEFAULT nextval('happened'),
    id VARCHAR NOT NULL,
    "at" TIMESTAMP NOT NULL,
    actor VARCHAR NOT NULL,
    event VARCHAR NOT NULL,
    connection_id VARCHAR,
    summary VARCHAR NOT NULL,
    details VARCHAR NOT NULL
);

-- A cache in the plain sense: may be emptied at any time. `vector` is float32, little endian.
CREATE TABLE text_vector (
    model VARCHAR NOT NULL,
    text_hash VARCHAR NOT NULL,
    vector BYTEA NOT NULL
);

CREATE TABLE fill_rate (
    seq BIGINT NOT NULL DEFAULT nextval('happened'),
    connection_id VARCHAR NOT NULL,
    object_type VARCHAR NOT NULL,
    field_name VARCHAR NOT NULL,
    rate DOUBLE PRECISION NOT NULL,
    sampled BIGINT NOT NULL,
    measured_at TIMESTAMP NOT NULL
);

CREATE VIEW acknowledged_drift AS
SELECT drift_event.*, acknowledged_at, acknowledged_by, note
FROM drift_event
LEFT JOIN (
    SELECT DISTINCT ON (event_id) event_id, acknowledged_at, acknowledged_by, note
    FROM acknowledgement
    ORDER BY event_id, seq DESC
) AS last_word ON last_word.event_id = drift_event.id;
