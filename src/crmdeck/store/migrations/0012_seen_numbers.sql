-- What was seen has its number among all that happened, as the rest has: what is counted of drift is
-- counted anew for what came after a number only.
ALTER TABLE seen_drift ADD COLUMN seq BIGINT;
UPDATE seen_drift SET seq = nextval('happened');
ALTER TABLE seen_drift ALTER COLUMN seq SET DEFAULT nextval('happened');
ALTER TABLE seen_drift ALTER COLUMN seq SET NOT NULL;
