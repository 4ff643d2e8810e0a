-- Dismissals count for every user, optionally until a day, and only up to a level. Those from
-- before have none of the three and stay personal.
ALTER TABLE put_away_alert ADD COLUMN shared BOOLEAN;
ALTER TABLE put_away_alert ADD COLUMN until DATE;
ALTER TABLE put_away_alert ADD COLUMN level VARCHAR;
