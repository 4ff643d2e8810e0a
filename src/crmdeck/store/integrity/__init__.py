"""Whether the log is what was written: what is lost of it, what not, and what can be mended.

Nothing here decides by what a later crmdeck would make of the same schema: a definition is right
where it has the SHA-256 that it is stored under.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from crmdeck.store.database import Database
from crmdeck.store.integrity.definitions import examine_definitions
from crmdeck.store.integrity.flaws import Examined, Flaw
from crmdeck.store.integrity.lost_decisions import examine_decisions
from crmdeck.store.integrity.records import examine_records
from crmdeck.store.integrity.refreshes import examine_references, examine_refreshes

__all__ = ["EXAMINATIONS", "Examination", "Examined", "Flaw", "repair"]

Examination = Callable[[Database, Sequence[Database]], Examined]

EXAMINATIONS: Mapping[str, Examination] = {
    "records": lambda database, _: examine_records(database),
    "definitions": examine_definitions,
    "decisions": examine_decisions,
    "refreshes": lambda database, _: examine_refreshes(database),
    "references": lambda database, _: examine_references(database),
}
"""What is looked at, in the order in which it is mended; older copies of the log may be at hand."""


def repair(
    database: Database,
    copies: Sequence[Database] = (),
    examinations: Mapping[str, Examination] = EXAMINATIONS,
) -> list[str]:
    """Put right what can be, and return what was done; `copies` are older logs of the same.

    What no hash proves is taken out, so that a refresh puts it anew; a backup has to be there.
    """
    done = []
    for examine in examinations.values():
        done += [flaw.mend(database) for flaw in examine(database, copies).flaws if flaw.mend]
    return done
