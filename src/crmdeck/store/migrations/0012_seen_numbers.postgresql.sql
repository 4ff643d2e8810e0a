-- What came after a number, and the last run of each kind, without reading all of a table.
CREATE INDEX ON drift_event (seq);
CREATE INDEX ON drift_event (connection_id) WHERE affected_mappings <> '[]';
CREATE INDEX ON acknowledgement (seq);
CREATE INDEX ON seen_drift (seq);
CREATE INDEX ON object_failure (seq);
CREATE INDEX ON sync_run (seq);
CREATE INDEX ON sync_run (connection_id, kind, outcome, seq DESC);
CREATE INDEX ON audit_entry (seq) WHERE event = 'cache.repaired';
