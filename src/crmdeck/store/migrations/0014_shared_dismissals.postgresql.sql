CREATE INDEX ON put_away_alert (connection_id, alert_id, seq DESC) WHERE shared;
