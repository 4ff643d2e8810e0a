"""The other direction: which CRM values PartnerOS won't accept."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from crmdeck.model import Field, Outcome, WriteProblem, WriteRules
from crmdeck.preflight.fields import Problem, Raw, check
from crmdeck.preflight.judge import MappedField, converted
from crmdeck.preflight.values import Unknown, is_blank

PARTNEROS = WriteRules(id_pattern="[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
"""What PartnerOS does with values: it has UUIDs, and doesn't change values on its own."""


def judge_pulled(
    position: int,
    record: Mapping[str, Raw],
    rows: Sequence[MappedField],
    sources: Mapping[str, Field],
) -> Iterator[WriteProblem]:
    """Yield PartnerOS's problems with a record of the CRM, by CRM field.

    The value maps of `rows` lead from PartnerOS to the CRM; `sources` are the PartnerOS fields.
    """
    for row in rows:
        field = sources[row.partner_field]
        # PartnerOS's choices are fixed.
        fixed = field.model_copy(update={"restricted": field.restricted is not False})
        # If several PartnerOS values become one CRM value, the first of them comes back.
        back = {theirs: ours for ours, theirs in reversed(list((row.values or {}).items()))}
        value, problems = check(fixed, converted(record.get(row.crm_field), back), PARTNEROS)
        if field.required and not isinstance(value, Unknown) and is_blank(value):
            problems = (Problem(Outcome.REJECTED, "REQUIRED", "required, but empty"),)
        for each in problems:
            problem = each._replace(crm_field=row.crm_field, partner_field=row.partner_field)
            yield WriteProblem(position=position, **problem._asdict())
