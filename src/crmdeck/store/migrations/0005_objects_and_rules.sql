-- What an object type says of itself, its rules included, as JSON; hashes are NULL where it was
-- recorded before it was looked at. A drift event may be of a rule.
ALTER TABLE object_definition ADD COLUMN object_hash VARCHAR;
ALTER TABLE object_definition ADD COLUMN rules_hash VARCHAR;
ALTER TABLE object_definition ADD COLUMN body VARCHAR;
ALTER TABLE drift_event ADD COLUMN rule VARCHAR;
CREATE OR REPLACE VIEW acknowledged_drift AS
SELECT drift_event.*, acknowledged_at, acknowledged_by, note
FROM drift_event
LEFT JOIN (
    SELECT event_id, acknowledged_at, acknowledged_by, note
    FROM acknowledgement
    QUALIFY row_number() OVER (PARTITION BY event_id ORDER BY seq DESC) = 1
) AS last_word ON last_word.event_id = drift_event.id;
