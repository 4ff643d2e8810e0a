-- The id of the org or portal that a connection leads to, so that signing in can't lead elsewhere.
ALTER TABLE connection ADD COLUMN organisation VARCHAR;
