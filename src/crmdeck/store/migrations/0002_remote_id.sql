-- What a connection is called at the other end, for the source partneros.
ALTER TABLE connection ADD COLUMN remote_id VARCHAR;
