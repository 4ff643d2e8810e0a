"""Whether what gives each process of a team its turn is as crmdeck's functions leave it."""

from __future__ import annotations

from crmdeck.store.chain import NO_NUMBER
from crmdeck.store.database import Database
from crmdeck.store.integrity.damage import Checked, Damage
from crmdeck.text import count

_ROLES = "Someone changed it outside crmdeck: check the database roles."


def check_locks(database: Database) -> Checked:
    """Find a head and leases that none of the functions writes. A DuckDB file has neither."""
    if not database.has_functions:
        return Checked("not needed in a file")
    heads = database.rows("SELECT seq FROM head")
    leases = database.rows(
        "SELECT coalesce(name, connection_id), until, coalesce(db_user, 'unknown'), "
        "until > clock_timestamp() AT TIME ZONE 'UTC' + INTERVAL '2 minutes' "
        "FROM lease LEFT JOIN (SELECT DISTINCT ON (id) id, name FROM connection "
        "ORDER BY id, seq DESC) AS connection ON id = connection_id "
        "WHERE token IS NOT NULL ORDER BY 1"
    )
    damage = []
    if len(heads) != 1:
        remedy = "As the owner of the tables: DELETE FROM head; INSERT INTO head VALUES (0)"
        damage.append(
            Damage(f"The head has {count(len(heads), 'row')} instead of 1.", None, remedy)
        )
    elif not 0 <= heads[0][0] <= NO_NUMBER:
        found = f"The head has the number {heads[0][0]:,}, which crmdeck never writes."
        damage.append(Damage(found, None, f"The next write corrects it. {_ROLES}"))
    damage += [
        Damage(
            f"A lease on {name} lasts until {until:%Y-%m-%d %H:%M} UTC. Its user: {user}.",
            None,
            f"The next refresh takes it over. {_ROLES}",
        )
        for name, until, user, is_too_long in leases
        if is_too_long
    ]
    return Checked(count(len(leases), "lease"), tuple(damage))
