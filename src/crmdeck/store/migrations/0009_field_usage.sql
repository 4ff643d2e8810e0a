-- Where a field is used, as the CRM told when it was asked: JSON. The last row of a field counts.
CREATE TABLE field_usage (
    seq BIGINT NOT NULL DEFAULT nextval('happened'),
    connection_id VARCHAR NOT NULL,
    object_type VARCHAR NOT NULL,
    field_name VARCHAR NOT NULL,
    body VARCHAR NOT NULL,
    asked_at TIMESTAMP NOT NULL
);
