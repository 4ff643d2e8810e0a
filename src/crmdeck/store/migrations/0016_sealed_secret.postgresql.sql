CREATE UNIQUE INDEX ON sealed_secret (connection_id, name);
