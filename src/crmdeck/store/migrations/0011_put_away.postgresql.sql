CREATE INDEX ON put_away_alert (put_away_by, connection_id, alert_id, seq DESC);
