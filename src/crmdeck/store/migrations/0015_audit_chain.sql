-- Each entry's hash covers the entry and the hash before it. The first covers all older entries.
ALTER TABLE audit_entry ADD COLUMN hash VARCHAR;
-- The version of the oldest program that may still write; NULL means that of the row.
ALTER TABLE schema_migration ADD COLUMN oldest_writer INTEGER;
