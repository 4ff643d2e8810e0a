-- When a source that passes schemas on discovered them, and until when it holds them to be good:
-- JSON, deflated. NULL where the source is the CRM itself, which tells of the moment.
ALTER TABLE refresh ADD COLUMN source_times BYTEA;
