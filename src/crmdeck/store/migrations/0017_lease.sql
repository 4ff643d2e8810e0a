-- Oldest writer: 15
-- Who works on a connection, and until when: a lease that isn't extended runs out. The next check
-- of a fleet is due at `due_at`.
CREATE TABLE lease (
    kind VARCHAR NOT NULL,
    connection_id VARCHAR NOT NULL,
    token VARCHAR,
    holder VARCHAR,
    since TIMESTAMP,
    until TIMESTAMP,
    due_at TIMESTAMP
);
