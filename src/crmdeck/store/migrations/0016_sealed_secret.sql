-- Oldest writer: 15
-- Secrets of connections, encrypted with a data key. A key outside the database wraps the data key.
CREATE TABLE secret_key (
    id VARCHAR NOT NULL,
    wrapped_by VARCHAR NOT NULL,
    wrapped VARCHAR NOT NULL
);
CREATE TABLE sealed_secret (
    connection_id VARCHAR NOT NULL,
    name VARCHAR NOT NULL,
    key_id VARCHAR NOT NULL,
    sealed VARCHAR NOT NULL
);
