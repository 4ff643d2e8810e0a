-- The user of the database next to the claimed actor. A DuckDB file has no users.
ALTER TABLE audit_entry ADD COLUMN db_user VARCHAR;
