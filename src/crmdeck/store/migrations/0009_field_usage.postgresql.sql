CREATE INDEX ON field_usage (connection_id, object_type, field_name, seq DESC);
