-- What can be open among a long history, the later changes at the same place, and the policy.
CREATE INDEX ON drift_event (seq) WHERE severity <> 'safe';
CREATE INDEX ON drift_event (connection_id, object_type, coalesce(rule, field_name, ''), seq);
CREATE INDEX ON audit_entry (seq) WHERE event = 'policy.set';
CREATE INDEX ON put_away_alert (connection_id, alert_id, seq DESC) WHERE shared;
