CREATE UNIQUE INDEX ON lease (kind, connection_id);
-- Who could write before can refresh before the owner grants rights again.
DO $do$
DECLARE writer TEXT;
BEGIN
    FOR writer IN
        SELECT quote_ident(rolname) FROM pg_class, aclexplode(relacl) AS acl
        JOIN pg_roles ON pg_roles.oid = acl.grantee
        WHERE pg_class.oid = 'head'::regclass AND privilege_type = 'UPDATE'
        AND acl.grantee <> relowner
    LOOP
        EXECUTE 'GRANT SELECT, INSERT, UPDATE ON lease TO ' || writer;
    END LOOP;
END
$do$;
