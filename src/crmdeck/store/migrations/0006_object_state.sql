-- A refresh records what differs from the one before; all else is as it was. `state` is "there",
-- "unread" (it was there, and this refresh could not read it) or why the object type has gone;
-- `content_hash` is its last content, `seen` the refresh that read it last, NULL where that is
-- each refresh for which the row holds.
CREATE TABLE object_state (
    connection_id VARCHAR NOT NULL,
    object_type VARCHAR NOT NULL,
    refresh BIGINT NOT NULL,
    state VARCHAR NOT NULL,
    content_hash VARCHAR NOT NULL,
    seen BIGINT
);

-- Every snapshot beside the one before and the one after, counted in refreshes.
CREATE TABLE old_snapshot AS
WITH refreshes AS (
    SELECT
        connection_id, run_id, seq,
        row_number() OVER (PARTITION BY connection_id ORDER BY seq) AS number
    FROM refresh
),
latest AS (
    SELECT DISTINCT ON (connection_id, refresh_id, object_type)
        connection_id, refresh_id, object_type, gone, content_hash
    FROM snapshot
    ORDER BY connection_id, refresh_id, object_type, seq DESC
)
SELECT
    latest.connection_id, object_type, gone, content_hash, number, seq AS refresh,
    lag(number) OVER history AS number_before,
    lag(gone) OVER history AS gone_before,
    lag(content_hash) OVER history AS content_before,
    lead(number) OVER history AS number_after,
    max(CASE WHEN gone IS NULL THEN seq END) OVER history AS seen
FROM latest
JOIN refreshes ON refreshes.run_id = refresh_id AND refreshes.connection_id = latest.connection_id
WINDOW history AS (PARTITION BY latest.connection_id, object_type ORDER BY number);

INSERT INTO object_state
SELECT
    old.connection_id, old.object_type, old.refresh,
    coalesce(old.gone, 'there'),
    coalesce(old.content_hash, shown.content_hash),
    CASE WHEN old.gone IS NOT NULL THEN old.seen END
FROM old_snapshot AS old
JOIN old_snapshot AS shown
    ON shown.connection_id = old.connection_id
    AND shown.object_type = old.object_type
    AND shown.refresh = old.seen
WHERE old.number_before IS NULL
    OR (old.gone_before IS NULL AND old.number > old.number_before + 1)
    OR old.gone IS DISTINCT FROM old.gone_before
    OR old.content_hash IS DISTINCT FROM old.content_before;

INSERT INTO object_state
SELECT old.connection_id, object_type, missing.seq, 'unread', content_hash, old.refresh
FROM old_snapshot AS old
JOIN (
    SELECT
        connection_id, seq,
        row_number() OVER (PARTITION BY connection_id ORDER BY seq) AS number
    FROM refresh
) AS missing
    ON missing.connection_id = old.connection_id
    AND missing.number = old.number + 1
WHERE gone IS NULL AND (number_after IS NULL OR number_after > old.number + 1);

DROP TABLE old_snapshot;

-- What a refresh left: object types that are there, their fields, and those that it did not read.
ALTER TABLE refresh RENAME TO old_refresh;
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
    custom_fields BIGINT NOT NULL
);

INSERT INTO refresh
WITH states AS (
    SELECT
        connection_id, object_type, refresh,
        CASE WHEN state IN ('there', 'unread') THEN 1 ELSE 0 END AS present,
        CASE WHEN state = 'unread' THEN 1 ELSE 0 END AS unread,
        field_count, custom_field_count
    FROM object_state
    JOIN object_definition USING (content_hash)
),
steps AS (
    SELECT
        connection_id, refresh,
        present - coalesce(lag(present) OVER history, 0) AS objects,
        unread - coalesce(lag(unread) OVER history, 0) AS unread,
        present * field_count
            - coalesce(lag(present * field_count) OVER history, 0) AS fields,
        present * custom_field_count
            - coalesce(lag(present * custom_field_count) OVER history, 0) AS custom_fields
    FROM states
    WINDOW history AS (PARTITION BY connection_id, object_type ORDER BY refresh)
    UNION ALL
    SELECT connection_id, seq, 0, 0, 0, 0 FROM old_refresh
),
sums AS (
    SELECT
        connection_id, refresh, sum(objects) AS objects, sum(unread) AS unread,
        sum(fields) AS fields, sum(custom_fields) AS custom_fields
    FROM steps
    GROUP BY connection_id, refresh
)
SELECT
    seq, run_id, old_refresh.connection_id, scope, discovered_at,
    coalesce(
        (
            SELECT max(snapshot.expires_at) FROM snapshot
            WHERE snapshot.refresh_id = run_id
            AND snapshot.connection_id = old_refresh.connection_id
        ),
        discovered_at
    ),
    changes,
    sum(objects) OVER history,
    sum(unread) OVER history,
    sum(fields) OVER history,
    sum(custom_fields) OVER history
FROM old_refresh
JOIN sums ON sums.connection_id = old_refresh.connection_id AND sums.refresh = seq
WINDOW history AS (PARTITION BY sums.connection_id ORDER BY sums.refresh);

DROP TABLE old_refresh;
DROP TABLE snapshot;

-- What lets a source answer "unchanged", by object type: JSON, deflated. It changes with every
-- refresh and says nothing of what happened, so it is overwritten.
CREATE TABLE validators (
    connection_id VARCHAR NOT NULL,
    answers BYTEA NOT NULL
);
