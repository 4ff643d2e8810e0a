-- Times are UTC. Text columns that contain JSON: scope, native, body, changes, affected_mappings,
-- object_types, value_map, details. `seq` orders what happened across all tables.
CREATE SEQUENCE happened;

-- `remote_id` is the ID at PartnerOS, for its source. `organization` is the ID of the org or
-- portal, so that signing in can't lead to another one. `token_expires_at` is NULL if the token is
-- renewed. `reader` is crmdeck's own user, `sync_user` the user that the sync runs as; its ID is
-- NULL if its access comes from files.
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
    remote_id VARCHAR,
    organization VARCHAR,
    sign_in VARCHAR,
    reader VARCHAR,
    sync_user VARCHAR,
    sync_user_id VARCHAR,
    token_expires_at TIMESTAMP,
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
    recovered BOOLEAN DEFAULT false,
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
    cause VARCHAR,
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

-- One row for each refresh that reached its source. `changes` counts the object types that differ,
-- `objects` those that exist after it, `unread` those that it couldn't read. `source_times` is
-- when a source that passes schemas on discovered them, and until when they are valid: deflated
-- JSON, NULL if the source is the CRM.
CREATE TABLE refresh (
    seq BIGINT NOT NULL DEFAULT nextval('happened'),
    run_id VARCHAR NOT NULL,
    connection_id VARCHAR NOT NULL,
    scope VARCHAR NOT NULL,
    discovered_at TIMESTAMP NOT NULL,
    expires_at TIMESTAMP NOT NULL,
    changes BIGINT NOT NULL,
    objects BIGINT NOT NULL,
    unread BIGINT NOT NULL,
    fields BIGINT NOT NULL,
    custom_fields BIGINT NOT NULL,
    source_times BYTEA
);

-- A refresh records what differs from the one before. `state` is "there", "unread" (it existed, and
-- this refresh couldn't read it) or why the object type was removed. `content_hash` is its last
-- content. `seen` is the refresh that read it last, NULL if every refresh since this row did.
CREATE TABLE object_state (
    connection_id VARCHAR NOT NULL,
    object_type VARCHAR NOT NULL,
    refresh BIGINT NOT NULL,
    state VARCHAR NOT NULL,
    content_hash VARCHAR NOT NULL,
    seen BIGINT
);

-- Content-addressed: a field definition, an object definition and the order of its fields are
-- stored once, however many refreshes find them. `body` of an object is its own attributes and
-- rules; its hashes are NULL if the source has none.
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
    native VARCHAR NOT NULL,
    object_hash VARCHAR,
    rules_hash VARCHAR,
    body VARCHAR
);

CREATE TABLE object_field (
    content_hash VARCHAR NOT NULL,
    position BIGINT NOT NULL,
    field_hash VARCHAR NOT NULL
);

-- What lets a source respond "unchanged", by object type: deflated JSON. Each refresh overwrites
-- it.
CREATE TABLE validators (
    connection_id VARCHAR NOT NULL,
    answers BYTEA NOT NULL
);

-- A change is of an object type, of a field or of a rule. `attribution` is where crmdeck read who
-- changed it, or why that is unknown.
CREATE TABLE drift_event (
    seq BIGINT NOT NULL DEFAULT nextval('happened'),
    id VARCHAR NOT NULL,
    connection_id VARCHAR NOT NULL,
    object_type VARCHAR NOT NULL,
    field_name VARCHAR,
    rule VARCHAR,
    kind VARCHAR NOT NULL,
    severity VARCHAR NOT NULL,
    reason VARCHAR NOT NULL,
    changes VARCHAR NOT NULL,
    rename_of VARCHAR,
    story VARCHAR,
    affected_mappings VARCHAR NOT NULL,
    detected_at TIMESTAMP NOT NULL,
    changed_by VARCHAR,
    changed_at TIMESTAMP,
    attribution VARCHAR
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

-- Another row takes an acknowledgment back. The last row of a change wins.
CREATE TABLE acknowledgement (
    seq BIGINT NOT NULL DEFAULT nextval('happened'),
    event_id VARCHAR NOT NULL,
    acknowledged_at TIMESTAMP NOT NULL,
    acknowledged_by VARCHAR NOT NULL,
    note VARCHAR,
    taken_back BOOLEAN DEFAULT false
);

CREATE VIEW acknowledged_drift AS
SELECT drift_event.*, acknowledged_at, acknowledged_by, note
FROM drift_event
LEFT JOIN (
    SELECT event_id, acknowledged_at, acknowledged_by, note
    FROM (
        SELECT DISTINCT ON (event_id)
            event_id, acknowledged_at, acknowledged_by, note, taken_back
        FROM acknowledgement
        ORDER BY event_id, seq DESC
    ) AS last_row
    WHERE taken_back IS NOT TRUE
) AS acknowledged ON acknowledged.event_id = drift_event.id;

-- Which user has seen which change.
CREATE TABLE seen_drift (
    seq BIGINT NOT NULL DEFAULT nextval('happened'),
    event_id VARCHAR NOT NULL,
    seen_by VARCHAR NOT NULL,
    seen_at TIMESTAMP NOT NULL
);

-- Findings whose risk a user accepted until a day, or that a user snoozed. `urgency` and `weight`
-- are the finding's at the time, `changes` the IDs of the changes that it explained, as JSON. The
-- last row of a finding wins.
CREATE TABLE acceptance (
    seq BIGINT NOT NULL DEFAULT nextval('happened'),
    connection_id VARCHAR NOT NULL,
    finding_id VARCHAR NOT NULL,
    accepted_by VARCHAR NOT NULL,
    accepted_at TIMESTAMP NOT NULL,
    taken_back BOOLEAN NOT NULL,
    until DATE NOT NULL,
    urgency VARCHAR NOT NULL,
    weight BIGINT NOT NULL,
    note VARCHAR,
    changes VARCHAR NOT NULL
);

-- What the sync user can do, as JSON: a row for each reading that differs from the one before.
CREATE TABLE sync_access (
    seq BIGINT NOT NULL DEFAULT nextval('happened'),
    connection_id VARCHAR NOT NULL,
    read_at TIMESTAMP NOT NULL,
    body VARCHAR NOT NULL
);

-- What the sync does with records, as counts in JSON: a row for each reading that differs.
CREATE TABLE delivery (
    seq BIGINT NOT NULL DEFAULT nextval('happened'),
    connection_id VARCHAR NOT NULL,
    read_at TIMESTAMP NOT NULL,
    body VARCHAR NOT NULL
);

-- Derived from the rest, and written anew when it changes: the verdicts of preflight on the
-- accepted rows of an object pair, as JSON, and what they were made from.
CREATE TABLE pair_verdict (
    connection_id VARCHAR NOT NULL,
    object_pair VARCHAR NOT NULL,
    made_from VARCHAR NOT NULL,
    verdicts VARCHAR NOT NULL
);

-- Derived from the rest: how many change groups of a connection are open, apart from what a policy or
-- an accepted risk excuses, and the states of settled changes, as JSON. A row that can settle a
-- change deletes it, and the end of that write derives it again, with another `version`.
CREATE TABLE settlement (
    connection_id VARCHAR NOT NULL,
    breaking BIGINT NOT NULL,
    risky BIGINT NOT NULL,
    states VARCHAR NOT NULL,
    version VARCHAR NOT NULL
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
    filled_with VARCHAR,
    confidence DOUBLE PRECISION,
    note VARCHAR,
    undoes VARCHAR,
    decided_by VARCHAR NOT NULL,
    decided_at TIMESTAMP NOT NULL
);

-- `db_user` is the database's user next to the claimed actor, NULL in a DuckDB file. `hash` covers
-- the entry and the hash before it.
CREATE TABLE audit_entry (
    seq BIGINT NOT NULL DEFAULT nextval('happened'),
    id VARCHAR NOT NULL,
    "at" TIMESTAMP NOT NULL,
    actor VARCHAR NOT NULL,
    db_user VARCHAR,
    event VARCHAR NOT NULL,
    connection_id VARCHAR,
    summary VARCHAR NOT NULL,
    details VARCHAR NOT NULL,
    hash VARCHAR NOT NULL
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

-- Where a field is used: JSON. The last row of a field wins.
CREATE TABLE field_usage (
    seq BIGINT NOT NULL DEFAULT nextval('happened'),
    connection_id VARCHAR NOT NULL,
    object_type VARCHAR NOT NULL,
    field_name VARCHAR NOT NULL,
    body VARCHAR NOT NULL,
    asked_at TIMESTAMP NOT NULL
);

-- Can be emptied at any time. `vector` is float32, little endian.
CREATE TABLE text_vector (
    model VARCHAR NOT NULL,
    text_hash VARCHAR NOT NULL,
    vector BYTEA NOT NULL
);

-- What the servers of a team share besides the history: users and their sessions. JSON.
CREATE TABLE server_document (
    name VARCHAR NOT NULL,
    body VARCHAR NOT NULL
);

-- Sign-in attempts of the last minutes. Times are seconds since 1970.
CREATE SEQUENCE tried;
CREATE TABLE sign_in_attempt (
    id BIGINT NOT NULL DEFAULT nextval('tried'),
    tried_at DOUBLE PRECISION NOT NULL,
    email VARCHAR NOT NULL,
    address VARCHAR NOT NULL,
    device VARCHAR
);

-- Secrets of connections, encrypted with a data key. A key outside the database wraps the data key.
CREATE TABLE secret_key (
    id VARCHAR NOT NULL,
    wrapped_by VARCHAR NOT NULL,
    wrapped VARCHAR NOT NULL
);
CREATE TABLE sealed_secret (
    connection_id VARCHAR NOT NULL,
    name VARCHAR NOT NULL,
    key_id VARCHAR NOT NULL,
    sealed VARCHAR NOT NULL
);

-- Who works on a connection, and until when: a lease that isn't extended runs out. `token` is the
-- SHA-256 of what its holder knows. The next check of a fleet is due at `due_at`.
CREATE TABLE lease (
    kind VARCHAR NOT NULL,
    connection_id VARCHAR NOT NULL,
    token VARCHAR,
    holder VARCHAR,
    db_user VARCHAR,
    since TIMESTAMP,
    until TIMESTAMP,
    due_at TIMESTAMP
);
