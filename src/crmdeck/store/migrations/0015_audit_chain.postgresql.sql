-- The end of the chain, without a search.
CREATE INDEX ON audit_entry (seq DESC);
