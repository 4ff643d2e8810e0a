-- Who changed something, where the CRM tells; `attribution` is where that was read, or why it is
-- not known.
ALTER TABLE drift_event ADD COLUMN changed_by VARCHAR;
ALTER TABLE drift_event ADD COLUMN changed_at TIMESTAMP;
ALTER TABLE drift_event ADD COLUMN attribution VARCHAR;
DROP VIEW acknowledged_drift;
CREATE VIEW acknowledged_drift AS
SELECT drift_event.*, acknowledged_at, acknowledged_by, note
FROM drift_event
LEFT JOIN (
    SELECT DISTINCT ON (event_id) event_id, acknowledged_at, acknowledged_by, note
    FROM acknowledgement
    ORDER BY event_id, seq DESC
) AS last_word ON last_word.event_id = drift_event.id;

ALTER TABLE object_failure ADD COLUMN cause VARCHAR;
ALTER TABLE sync_run ADD COLUMN recovered BOOLEAN DEFAULT false;
-- What a connection signs in with, and when that ends where it is not renewed.
ALTER TABLE connection ADD COLUMN sign_in VARCHAR;
ALTER TABLE connection ADD COLUMN token_expires_at TIMESTAMP;
