-- The default leaves what a restore writes as it is. Whoever isn't the owner can't claim a user.
-- The search path keeps a temporary table from taking the place of the catalog.
ALTER TABLE audit_entry ALTER COLUMN db_user SET DEFAULT session_user;
CREATE FUNCTION audit_entry_user() RETURNS trigger LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT pg_has_role(
        session_user, (SELECT relowner FROM pg_class WHERE oid = TG_RELID), 'MEMBER'
    ) THEN
        NEW.db_user := session_user;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER audit_entry_user BEFORE INSERT ON audit_entry
    FOR EACH ROW EXECUTE FUNCTION audit_entry_user();
