-- Which operator has had which event on screen.
CREATE TABLE seen_drift (
    event_id VARCHAR NOT NULL,
    seen_by VARCHAR NOT NULL,
    seen_at TIMESTAMP NOT NULL
);

-- An acknowledgement is taken back by another row, never by deleting the first.
ALTER TABLE acknowledgement ADD COLUMN taken_back BOOLEAN DEFAULT false;
DROP VIEW acknowledged_drift;
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
    ) AS last_word
    WHERE taken_back IS NOT TRUE
) AS standing ON standing.event_id = drift_event.id;
