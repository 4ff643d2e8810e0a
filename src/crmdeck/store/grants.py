"""The grants of a team's database: what readers, writers and servers can do with each table.

Writers add to the history and can't change or delete it. Restore and repair belong to the owner of
the tables. Accounts, sessions and secrets belong to the servers.
"""

from __future__ import annotations

from dataclasses import dataclass

from crmdeck.store.database import Database, quote
from crmdeck.store.tables import OF_SERVERS, tables_of

# Every other table of the history can be read and appended to. Functions write three of these.
_OF_WRITERS = {
    "schema_migration": frozenset({"SELECT"}),
    "head": frozenset({"SELECT"}),
    "lease": frozenset({"SELECT"}),
    "audit_entry": frozenset({"SELECT"}),
    "validators": frozenset({"SELECT", "INSERT", "DELETE"}),
    "pair_verdict": frozenset({"SELECT", "INSERT", "DELETE"}),
    "settlement": frozenset({"SELECT", "INSERT", "DELETE"}),
}
_FUNCTIONS = (
    "advance_head",
    "add_audit_entry",
    "take_lease",
    "claim_lease",
    "enroll_checks",
    "extend_lease",
    "end_lease",
)
_APPEND = frozenset({"SELECT", "INSERT"})
_OVERWRITE = frozenset({"SELECT", "INSERT", "DELETE"})

# Superusers, the owner and its members can do everything anyway.
_RIGHTS = """
    SELECT rolname, relname, privilege, coalesce(
        (SELECT pg_has_role(roles.oid, servers.oid, 'USAGE')
        FROM pg_roles AS servers WHERE servers.rolname = ?), false)
    FROM pg_roles AS roles, pg_class AS tables,
        unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE']) AS privilege
    WHERE relkind = 'r' AND relnamespace = to_regnamespace(current_schema())
    AND NOT rolsuper AND NOT starts_with(rolname, 'pg_')
    AND NOT pg_has_role(roles.oid, relowner, 'MEMBER')
    AND (has_table_privilege(roles.oid, tables.oid, privilege)
        OR privilege <> 'DELETE' AND privilege <> 'TRUNCATE'
        AND has_any_column_privilege(roles.oid, tables.oid, privilege))
    UNION ALL
    SELECT rolname, relname || '.seq', 'INSERT', false
    FROM pg_roles AS roles, pg_class AS tables JOIN pg_attribute ON attrelid = tables.oid
    WHERE attname = 'seq' AND relkind = 'r' AND relnamespace = to_regnamespace(current_schema())
    AND NOT rolsuper AND NOT starts_with(rolname, 'pg_')
    AND NOT pg_has_role(roles.oid, relowner, 'MEMBER')
    AND has_column_privilege(roles.oid, tables.oid, attnum, 'INSERT')
    ORDER BY 1, 2, 3"""

# Readers must not write through functions.
_CALLERS = """
    SELECT rolname, proname FROM pg_roles AS roles, pg_proc AS functions
    WHERE prosecdef AND pronamespace = to_regnamespace(current_schema())
    AND proowner = (SELECT relowner FROM pg_class WHERE oid = to_regclass('audit_entry'))
    AND NOT rolsuper AND NOT starts_with(rolname, 'pg_')
    AND NOT pg_has_role(roles.oid, proowner, 'MEMBER')
    AND has_function_privilege(roles.oid, functions.oid, 'EXECUTE')
    AND NOT has_any_column_privilege(roles.oid, 'decision', 'INSERT')
    ORDER BY 1, 2"""

_GRANTED_DIRECTLY = """
    SELECT DISTINCT rolname FROM pg_class, aclexplode(relacl) AS acl
    JOIN pg_roles ON pg_roles.oid = acl.grantee
    WHERE relkind = 'r' AND relnamespace = to_regnamespace(current_schema())
    AND acl.grantee <> relowner ORDER BY 1"""


@dataclass(frozen=True)
class _Place:
    """The database, the schema and the owner of the tables, and the names of the roles."""

    database: str
    schema: str
    owner: str

    @property
    def roles(self) -> tuple[str, str, str]:
        """The readers, the writers and the servers; roles belong to all databases of a server."""
        own = self.schema == "public"
        name = self.database if own else f"{self.database}_{self.schema}"
        return f"{name}_readers", f"{name}_writers", f"{name}_servers"


def wider_grants(database: Database) -> list[str]:
    """Return the roles that can do more than `grants_sql` grants, each with an example."""
    servers = _place(database).roles[2]
    wider: dict[str, list[str]] = {}
    for role, table, right, serves in database.rows(_RIGHTS, [servers]):
        if table in OF_SERVERS:
            allowed = _OVERWRITE if serves else frozenset()
        elif table.endswith(".seq"):
            allowed = frozenset()
        else:
            allowed = _OF_WRITERS.get(table, _APPEND)
        if right not in allowed:
            wider.setdefault(role, []).append(f"{right} on {table}")
    for role, function in database.rows(_CALLERS):
        wider.setdefault(role, []).append(f"EXECUTE on {function}")
    return [
        f"{role} ({rights[0]}{f' and {len(rights) - 1} more' if rights[1:] else ''})"
        for role, rights in wider.items()
    ]


def grants_sql(database: Database) -> str:
    """Return the SQL that gives each role its rights in this database, and revokes wider ones.

    It can run any number of times.
    """
    place = _place(database)
    readers, writers, servers = map(quote, place.roles)
    ours = f"{readers}, {writers}, {servers}"
    schema, owner = quote(place.schema), quote(place.owner)
    database_name = f"DATABASE {quote(place.database)}"
    fixed = ", ".join(
        f"{schema}.{quote(table)}"
        for table, rights in _OF_WRITERS.items()
        if "INSERT" not in rights
    )
    functions = ", ".join(f"{schema}.{quote(name)}" for name in _FUNCTIONS)
    secret = ", ".join(f"{schema}.{quote(table)}" for table in OF_SERVERS)
    default = f"ALTER DEFAULT PRIVILEGES FOR ROLE {owner} IN SCHEMA {schema}"
    others = [
        quote(name)
        for (name,) in database.rows(_GRANTED_DIRECTLY)
        if name not in (*place.roles, place.owner)
    ]
    statements = [
        # CREATE ROLE has no IF NOT EXISTS, and this may run any number of times.
        *(
            f"DO $do$ BEGIN CREATE ROLE {quote(name)}; "
            "EXCEPTION WHEN duplicate_object THEN NULL; END $do$"
            for name in place.roles
        ),
        f"GRANT {writers} TO {servers}",
        # A schema of its own can be in a database that others use.
        *([f"REVOKE CONNECT ON {database_name} FROM PUBLIC"] if place.schema == "public" else ()),
        f"GRANT CONNECT ON {database_name} TO {ours}, {owner}",
        f"REVOKE CREATE ON SCHEMA {schema} FROM PUBLIC",
        f"GRANT USAGE ON SCHEMA {schema} TO {ours}",
        f"GRANT CREATE, USAGE ON SCHEMA {schema} TO {owner}",
        f"REVOKE ALL ON ALL TABLES IN SCHEMA {schema} FROM PUBLIC, {ours}",
        f"REVOKE ALL ON ALL SEQUENCES IN SCHEMA {schema} FROM PUBLIC, {ours}",
        *(
            statement
            for role in others
            for statement in (
                "REVOKE UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER ON ALL TABLES IN SCHEMA "
                f"{schema} FROM {role}",
                f"REVOKE INSERT ON {fixed} FROM {role}",
                f"REVOKE ALL ON {secret} FROM {role}",
            )
        ),
        f"GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO {readers}",
        f"GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA {schema} TO {writers}",
        f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA {schema} TO {writers}",
        f"REVOKE ALL ON FUNCTION {functions} FROM PUBLIC",
        f"GRANT EXECUTE ON FUNCTION {functions} TO {writers}",
    ]
    # The database numbers the rows: the row with the highest number would win forever.
    for table, columns in tables_of(database, _OF_WRITERS).items():
        name = f"{schema}.{quote(table)}"
        given = ", ".join(quote(column.name) for column in columns if column.name != "seq")
        if any(column.name == "seq" for column in columns):
            statements += [
                f"REVOKE INSERT ON {name} FROM {', '.join([writers, *others])}",
                f"GRANT INSERT ({given}) ON {name} TO {writers}",
            ]
    for table, rights in _OF_WRITERS.items():
        name = f"{schema}.{quote(table)}"
        statements += [
            f"REVOKE ALL ON {name} FROM {writers}",
            f"GRANT {', '.join(sorted(rights))} ON {name} TO {writers}",
        ]
    for table in OF_SERVERS:
        name = f"{schema}.{quote(table)}"
        statements += [
            f"REVOKE ALL ON {name} FROM {readers}, {writers}",
            f"GRANT {', '.join(sorted(_OVERWRITE))} ON {name} TO {servers}",
        ]
    # Tables of later versions.
    statements += [
        f"{default} REVOKE ALL ON TABLES FROM PUBLIC, {ours}",
        f"{default} GRANT SELECT ON TABLES TO {readers}",
        f"{default} GRANT SELECT, INSERT ON TABLES TO {writers}",
        f"{default} GRANT USAGE ON SEQUENCES TO {writers}",
    ]
    return "".join(f"{each};\n" for each in ("BEGIN", *statements, "COMMIT"))


def _place(database: Database) -> _Place:
    name, schema, owner = database.rows(
        "SELECT current_database(), current_schema(), pg_get_userbyid(relowner) FROM pg_class "
        "WHERE oid = to_regclass('audit_entry')"
    )[0]
    return _Place(name, schema, owner)
