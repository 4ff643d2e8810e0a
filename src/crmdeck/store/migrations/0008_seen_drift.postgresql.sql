CREATE UNIQUE INDEX ON seen_drift (seen_by, event_id);
