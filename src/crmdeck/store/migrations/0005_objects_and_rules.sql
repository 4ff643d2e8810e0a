-- What an object type says of itself, its rules included, as JSON; hashes are NULL where it was
-- recorded before it was looked at. A drift event may be of a rule.
ALTER TABLE object_definition ADD COLUMN object_hash VARCHAR;
ALTER TABLE object_definition ADD COLUMN rules_hash VARCHAR;
ALTER TABLE object_definition ADD COLUMN body VARCHAR;
ALTER TABLE drift_event ADD COLUMN rule VARCHAR;
DROP VIEW acknowledged_drift;
CREATE VIEW acknowledged_drift AS
SELECT drift_event.*, acknowledged_at, acknowledged_by, note
FROM drift_event
LEFT JOIN (
    SELECT DISTINCT ON (event_id) event_id, acknowledged_at, acknowledged_by, note
    FROM acknowledgement
    ORDER BY event_id, seq DESC
) AS last_word ON last_word.event_id = drift_event.id;
