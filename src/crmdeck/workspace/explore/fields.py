"""Fields: found by what they mean, and what depends on them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crmdeck.model import FieldChange, Impact
from crmdeck.workspace.context import Context
from crmdeck.workspace.explore.impact import find_impact

if TYPE_CHECKING:
    from crmdeck.workspace.explore.meaning import FoundFields


class Fields:
    """The CRM fields of all connections, for questions about one of them."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def impact(
        self,
        ref: str,
        object_type: str,
        field_name: str,
        change: FieldChange = FieldChange.REMOVED,
    ) -> Impact:
        """Return what breaks if a CRM field is renamed, removed or shortened.

        Searches the mappings of all pairs, the rules and fields of all objects, and the last
        answer of `schemas.usage`, without asking the CRM. Raises NotFoundError,
        SchemaNotDiscoveredError, and UsageError for a field that has no length to shorten.
        """
        return find_impact(self._context, ref, object_type, field_name, change)

    def find(self, meaning: str, *refs: str) -> FoundFields:
        """Return the fields that mean `meaning`, of the connections `refs` or of all.

        They are ranked, and have reasons instead of percentages. Raises NotFoundError, and
        UsageError for a text without words.
        """
        from crmdeck.workspace.explore.meaning import find_by_meaning

        return find_by_meaning(self._context, meaning, refs)
