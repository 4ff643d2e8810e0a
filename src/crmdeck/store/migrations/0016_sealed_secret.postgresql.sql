CREATE UNIQUE INDEX ON sealed_secret (connection_id, name);
-- The default privileges of earlier versions let readers and writers see new tables.
DO $$
DECLARE
    grantee NAME;
BEGIN
    FOR grantee IN
        SELECT DISTINCT rolname FROM pg_class, aclexplode(relacl) AS acl
        JOIN pg_roles ON pg_roles.oid = acl.grantee
        WHERE pg_class.oid IN ('secret_key'::regclass, 'sealed_secret'::regclass)
        AND acl.grantee <> relowner
    LOOP
        EXECUTE 'REVOKE ALL ON secret_key, sealed_secret FROM ' || quote_ident(grantee);
    END LOOP;
END $$;
