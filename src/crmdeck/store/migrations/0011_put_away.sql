-- Which operator has put which alert of a connection away. `alert_id` names the alert as long as
-- it is the same one. The last row of an alert and an operator counts.
CREATE TABLE put_away_alert (
    seq BIGINT NOT NULL DEFAULT nextval('happened'),
    connection_id VARCHAR NOT NULL,
    alert_id VARCHAR NOT NULL,
    put_away_by VARCHAR NOT NULL,
    put_away_at TIMESTAMP NOT NULL,
    taken_back BOOLEAN NOT NULL
);
