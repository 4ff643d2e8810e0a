"""Judge writes: push a record through a mapping, and find what the CRM does with it."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import localcontext
from functools import cached_property
from typing import NamedTuple

from crmdeck.formats.formula_syntax import (
    FormulaError,
    literal_of,
    names_in,
    parse_formula,
)
from crmdeck.model import (
    Field,
    FieldType,
    ObjectSchema,
    Outcome,
    RecordType,
    Rule,
    RuleKind,
    WriteProblem,
    WriteRules,
)
from crmdeck.model.access import HIDDEN
from crmdeck.preflight.fields import (
    NUMBERS,
    REFUSED_VALUE,
    TEXTS,
    Problem,
    Raw,
    as_written,
    blank,
    check,
)
from crmdeck.preflight.formula import (
    Facts,
    Formula,
    as_condition,
    compile_formula,
    lookup_of,
)
from crmdeck.preflight.pipelines import find_staged, stage_problems
from crmdeck.preflight.value_rules import passes
from crmdeck.preflight.values import DIGITS, Unknown, Value, is_blank

_PERMISSION = "$permission."
Record = Mapping[str, Raw]
Known = Mapping[str, Value | Unknown]
RECORD_TYPE_PATH = "RecordType.DeveloperName"
_CHOICES = (FieldType.PICKLIST, FieldType.MULTIPICKLIST)
_UNREAD = (FieldType.COMPOUND, FieldType.BINARY, FieldType.OTHER)
# Fields that Salesforce fills by itself, so that a write without them is fine.
_FILLED_BY_CRM = frozenset({"OwnerId", "CreatedById", "LastModifiedById", "CreatedDate", "Id"})
# Salesforce derives these from the stage or status, unless a write sets them.
_STAGES = frozenset({"stagename", "status"})
_BY_STAGE = frozenset(
    {"IsClosed", "IsWon", "Probability", "ForecastCategory", "ForecastCategoryName",
     "ExpectedRevenue"}
)  # fmt: skip
_PLACEHOLDER = re.compile(r"\{(\w+)\}")
_CHANGED_BY_CRM = frozenset({"LastModifiedById", "LastModifiedDate", "SystemModstamp"})


class MappedField(NamedTuple):
    """One accepted row that writes to the CRM; `values` leads from PartnerOS to CRM values.

    `template` fills a CRM field that no PartnerOS field is mapped to: `{accountName} renewal`.
    """

    partner_field: str
    crm_field: str
    values: Mapping[str, str] | None = None
    template: str | None = None

    @property
    def sources(self) -> list[str]:
        """The PartnerOS fields whose values it writes."""
        return [self.partner_field] if self.template is None else placeholders(self.template)

    def value_of(self, record: Record) -> Raw:
        """Return the value that it writes for a record."""
        if self.template is None:
            return converted(record.get(self.partner_field), self.values)
        return _PLACEHOLDER.sub(lambda found: _as_text(record.get(found[1])), self.template)


def placeholders(template: str) -> list[str]:
    """Return the PartnerOS fields that a template names."""
    return _PLACEHOLDER.findall(template)


def _as_text(value: Raw) -> str:
    return "" if value is None else str(value)


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What a preflight assumes of every write.

    `filled` names CRM fields that PartnerOS or automation fills. `automation`: the flows and
    triggers that run before rules, None if they were not read. `user` has what formulas read of
    the user, by lower-case name such as `$profile.name`.
    """

    now: datetime
    create: bool = True
    record_type: str | None = None
    filled: frozenset[str] = frozenset()
    automation: tuple[str, ...] | None = None
    user: Mapping[str, Value] = field(default_factory=dict)


class _CompiledRule(NamedTuple):
    """`run` is None if the rule can't be read; `reads` are lower-case names."""

    rule: Rule
    run: Formula | None
    reads: tuple[str, ...]
    reads_permissions: bool


class Judge:
    """Judges records of one object pair, one after the other.

    It remembers the unique values of the records so far.
    """

    def __init__(
        self,
        schema: ObjectSchema,
        mapped: Sequence[MappedField],
        rules: WriteRules,
        setting: Setting,
    ) -> None:
        self.schema = schema
        self.mapped = mapped
        self.rules = rules
        self.setting = setting
        self._fields = {each.name: each for each in schema.fields}
        self._targets = [(row, self._fields.get(row.crm_field)) for row in mapped]
        self._partner_fields = {row.crm_field: row.partner_field or None for row in mapped}
        # Each record asks for these, of an object with hundreds of fields and rules.
        self._unique = [
            name
            for name in self._partner_fields
            if (target := self._fields.get(name)) and (target.unique or target.external_id)
        ]
        self._required = [
            target
            for target in schema.fields
            if target.required
            and target.name not in setting.filled
            and target.name not in _FILLED_BY_CRM
        ]
        self._staged = find_staged(schema)
        self._rules: dict[RuleKind, list[Rule]] = {kind: [] for kind in RuleKind}
        for rule in schema.rules or ():
            self._rules[rule.kind].append(rule)
        self._taken: dict[tuple[str, object], bool] = {}

    def judge(
        self, position: int, record: Record, stored: Record | None = None
    ) -> tuple[WriteProblem, ...]:
        """Return the problems that the CRM has with a record.

        `record` goes by PartnerOS field, `stored` by CRM field: the record before an update.
        """
        written: dict[str, Value | Unknown] = {}
        found: list[Problem] = []
        for row, target in self._targets:
            problems: Sequence[Problem]
            if target is None:
                problems = (Problem(Outcome.REJECTED, "FIELD_GONE", "the field doesn't exist"),)
            elif problem := self._access_problem(target):
                problems = (problem,)
            elif not self._is_writable(target):
                problems = (Problem(Outcome.REJECTED, "READ_ONLY", "the field is read-only"),)
            else:
                raw = row.value_of(record)
                written[target.name], problems = check(target, raw, self.rules)
            if problems:
                found += [_with_fields(row, each) for each in problems]
        facts = self._facts(written, stored)
        found += self._outside_record_type(written, stored)
        found += self._dependent(written, facts)
        found += self._missing(written)
        # The precision is of this thread only: other code calculates with 28 digits.
        with localcontext(prec=DIGITS):
            found += self._by_rules(written, facts)
        # A stage outside its pipeline replaces the milder finding of its picklist.
        found = self._with_stages(found, written, facts.stored)
        found += self._by_duplicates(written)
        # Last, because only a record that the CRM stores claims its unique values.
        found += self._duplicate_values(written, {each.outcome for each in found})
        return tuple(WriteProblem(position=position, **each._asdict()) for each in found)

    def forget(self) -> None:
        """Forget the records so far, so that the next one is the first of its batch."""
        self._taken.clear()

    def _access_problem(self, target: Field) -> Problem | None:
        """Return why the sync user can't write a field, if its permissions are the reason."""
        above, seen = self.schema.sync_user, target.sync_user
        letter, verb = ("C", "create") if self.setting.create else ("E", "edit")
        if above is not None and letter in above.lacks:
            name = self.schema.object_type
            reason = f"the sync user can't {verb} {name} records"
            needs = (f"{verb.capitalize()} on {name}",)
            return Problem(Outcome.REJECTED, "NO_ACCESS", reason, needs)
        if seen is None or target.calculated or target.auto_number:
            return None
        place = f"{self.schema.object_type}.{target.name}"
        if "E" in seen.lacks:
            reason = "the sync user can't edit it"
            return Problem(Outcome.REJECTED, "NO_ACCESS", reason, (f"Edit on {place}",))
        if target.description == HIDDEN:
            reason = "hidden from crmdeck's user"
            return Problem(Outcome.UNKNOWN, "HIDDEN_FIELD", reason, (f"read access to {place}",))
        if (seen.createable if self.setting.create else seen.updateable) is None:
            reason = "the sync user's access is unknown"
            return Problem(Outcome.UNKNOWN, "NO_ACCESS", reason, (f"the access to {place}",))
        return None

    def _is_writable(self, target: Field) -> bool:
        allowed = target.createable if self.setting.create else target.updateable
        return allowed is not False and not target.calculated and not target.auto_number

    def _duplicate_values(self, written: Known, outcomes: Collection[Outcome]) -> Iterator[Problem]:
        """Yield the unique values of earlier records; `outcomes` are those of this record so far.

        A rejected record claims no value. If it isn't certain that an earlier one was stored, this
        one is unknown.
        """
        for name in self._unique:
            value = written.get(name)
            if isinstance(value, Unknown) or is_blank(value):
                continue
            if isinstance(value, str) and not self._fields[name].case_sensitive:
                value = value.casefold()
            key = (name, value)
            is_stored = self._taken.get(key)
            if is_stored is not None:
                yield Problem(
                    Outcome.REJECTED if is_stored else Outcome.UNKNOWN,
                    "TWICE_IN_BATCH",
                    "another record of the batch has the same unique value",
                    () if is_stored else ("whether the CRM accepts that record",),
                    name,
                    self._partner_fields.get(name),
                )
            if Outcome.REJECTED not in outcomes:
                certain = set(outcomes) <= {Outcome.CHANGED}
                self._taken[key] = bool(is_stored) or certain

    def _outside_record_type(self, written: Known, stored: Record | None) -> Iterator[Problem]:
        """Yield the picklist values that the record type doesn't have."""
        types = self._record_types(self._record_type(written, stored))
        for row, target in self._targets if types else ():
            value = written.get(row.crm_field)
            if target is None or target.type not in _CHOICES:
                continue
            if not isinstance(value, Unknown) and value is not None and not is_blank(value):
                for problem in self._outside(target, value, types):
                    yield _with_fields(row, problem)

    def _outside(
        self, target: Field, value: Value, types: Sequence[RecordType]
    ) -> Iterator[Problem]:
        chosen = {value} if isinstance(value, str) else set(value)  # type: ignore[arg-type]
        known = [each.values for each in types if each.values is not None]
        lists = [set(values[target.name]) for values in known if target.name in values]
        takes = [chosen <= values for values in lists]
        if not takes:
            if target.restricted is not False and not known:
                reason = "the record type's choices are unknown"
                needs = ("the picklist values of the record type",)
                yield Problem(Outcome.UNKNOWN, "RECORD_TYPE_VALUES", reason, needs)
        elif not any(takes):
            reason = "not a choice of the record type"
            if target.restricted is False:
                yield Problem(Outcome.CHANGED, "NOT_IN_RECORD_TYPE", f"stored, but {reason}")
            else:
                yield Problem(Outcome.REJECTED, "NOT_IN_RECORD_TYPE", reason)
        elif not all(takes) and target.restricted is not False:
            reason = "not a choice of every record type"
            needs = ("the record type",)
            yield Problem(Outcome.UNKNOWN, "NOT_IN_RECORD_TYPE", reason, needs)

    def _record_types(self, named: str | Unknown | None) -> tuple[RecordType, ...]:
        """Return the record type of a record; without one, those that the user can choose."""
        return tuple(
            each
            for each in self.schema.record_types or ()
            if (
                each.name == named
                if isinstance(named, str)
                else each.active and each.available is not False
            )
        )

    def _record_type(self, written: Known, stored: Record | None) -> str | Unknown | None:
        """Return the record type after a write; None if nothing names it."""
        chosen = written.get("RecordTypeId")
        if isinstance(chosen, str) and chosen:
            # The last 3 of 18 characters are a checksum, which an ID can go without.
            ids = {(each.id or "")[:15]: each.name for each in self.schema.record_types or ()}
            return ids.get(chosen, Unknown(("the record type",)))
        if chosen is not None and not self.setting.create:
            return Unknown(("the record type",))
        before = (stored or {}).get(RECORD_TYPE_PATH)
        return before if isinstance(before, str) else self.setting.record_type

    def _dependent(self, written: Known, facts: Facts) -> Iterator[Problem]:
        """Yield values outside those that a controlling field allows.

        The API stores them, although no user could choose them ("Field Dependency
        Considerations", Salesforce help).
        """
        for row, target in self._targets:
            value = written.get(row.crm_field)
            if target is None or not target.controller or target.allowed_values is None:
                continue
            if isinstance(value, Unknown) or is_blank(value):
                continue
            control = facts.values.get(target.controller.lower())
            if control is None or isinstance(control, Unknown):
                continue
            # A schema names the values of a controlling checkbox `true` and `false`.
            key = str(control).lower() if isinstance(control, bool) else str(control)
            chosen = {value} if isinstance(value, str) else set(value)  # type: ignore[arg-type]
            if not chosen <= set(target.allowed_values.get(key, ())):
                reason = f"stored, but {target.controller} doesn't allow it"
                problem = Problem(Outcome.CHANGED, "DEPENDENT_VALUE", reason)
                yield _with_fields(row, problem)

    def _missing(self, written: Known) -> Iterator[Problem]:
        """Yield the required fields that a record leaves blank."""
        if self.rules.requires_on_create and not self.setting.create:
            return
        for target in self._required:
            name = target.name
            if name in written:
                value = written[name]
                if isinstance(value, Unknown) or not is_blank(value):
                    continue
            elif not self.setting.create or not self._is_writable(target):
                continue
            mapped = name in self._partner_fields
            outcome, code = self._by_certainty(), "REQUIRED"
            reason = "required, but empty" if mapped else "required, but not mapped"
            if self.setting.create and target.default:
                outcome, code = Outcome.CHANGED, "DEFAULT_FILLS"
                reason = "empty: the default value fills it"
            yield Problem(outcome, code, reason, (), name, self._partner_fields.get(name))

    def _by_certainty(self) -> Outcome:
        """Return the certainty of a rejection that the CRM decides after its automation ran."""
        # None means that the flows and triggers were not read: there may be some.
        if self.rules.runs_automation and self.setting.automation != ():
            return Outcome.UNLESS_AUTOMATION
        return Outcome.REJECTED

    # -- rules --------------------------------------------------------------------------------

    def _by_rules(self, written: Known, facts: Facts) -> Iterator[Problem]:
        yield from self._by_value_rules(written)
        if self.schema.rules is None or RuleKind.VALIDATION in (self.schema.not_read or ()):
            yield Problem(Outcome.UNKNOWN, "RULES_NOT_READ", "crmdeck didn't read the CRM's rules")
            return
        for parsed in self._formulas:
            rule = parsed.rule
            if parsed.run is None:
                missing = "no formula" if not rule.expression.strip() else "unknown syntax"
                reason = f"rule {rule.name} can't be read: {missing}"
                yield _rule_problem(rule, Outcome.UNKNOWN, "RULE_NOT_READ", reason)
                continue
            reason = f"rule {rule.name}"
            answer = as_condition(parsed.run(facts))
            if answer is True:
                yield _rule_problem(rule, self._by_certainty(), "RULE", f"breaks {reason}")
            # A value that the field rejects is a finding already; its rules need no other.
            elif isinstance(answer, Unknown) and not (
                set(REFUSED_VALUE.reasons) & set(answer.reasons)
            ):
                # A permission decides if the rule rejects a user without it, and no one else.
                if (
                    parsed.reads_permissions
                    and as_condition(parsed.run(replace(facts, user_may=False))) is True
                    and as_condition(parsed.run(replace(facts, user_may=True))) is False
                ):
                    yield _rule_problem(rule, Outcome.UNLESS_USER, "RULE", f"breaks {reason}")
                else:
                    yield _rule_problem(rule, Outcome.UNKNOWN, "RULE", reason, answer.reasons)

    def _with_stages(
        self, found: Sequence[Problem], written: Known, stored: Known | None
    ) -> list[Problem]:
        """Add what is wrong with stages, which are never stored outside their list."""
        if not self._staged:
            return list(found)
        stages = [
            each._replace(partner_field=self._partner_fields.get(each.crm_field or ""))
            for each in stage_problems(
                self._staged,
                written,
                stored,
                self._rules[RuleKind.PIPELINE],
                create=self.setting.create,
            )
        ]
        misplaced = {each.crm_field for each in stages if each.code == "NOT_IN_PIPELINE"}
        return [
            each
            for each in found
            if each.code != "NEW_PICKLIST_VALUE" or each.crm_field not in misplaced
        ] + stages

    def _by_duplicates(self, written: Known) -> Iterator[Problem]:
        """Yield the duplicate rules that compare a record with others, which aren't known."""
        for rule in self._rules[RuleKind.DUPLICATES]:
            action = rule.on_create if self.setting.create else rule.on_update
            if action not in ("block", "alert"):
                continue
            values = [written.get(name) for name in rule.fields]
            compares = any(isinstance(each, Unknown) or not is_blank(each) for each in values)
            if compares or not rule.fields:
                needs = ("similar records in the CRM",)
                yield _rule_problem(rule, Outcome.UNKNOWN, "DUPLICATES", rule.title, needs)

    def _by_value_rules(self, written: Known) -> Iterator[Problem]:
        for rule in self._rules[RuleKind.CONDITIONAL]:
            if rule.active:
                reason = f"{rule.demand}: the CRM doesn't publish this condition"
                yield _rule_problem(rule, Outcome.UNKNOWN, "CONDITION", reason)
        for rule in self._rules[RuleKind.VALUES]:
            if not rule.active or rule.place is None:
                continue
            value = written.get(rule.place)
            if isinstance(value, Unknown) or is_blank(value):
                continue
            answer = passes(rule.expression, value)
            if isinstance(answer, Unknown):
                yield _rule_problem(
                    rule, Outcome.UNKNOWN, "VALUE_RULE", rule.demand, answer.reasons
                )
            elif not answer:
                yield _rule_problem(rule, Outcome.REJECTED, "VALUE_RULE", rule.demand)

    @cached_property
    def _formulas(self) -> tuple[_CompiledRule, ...]:
        found = []
        for rule in self._rules[RuleKind.VALIDATION]:
            if not rule.active:
                continue
            # Rules beyond the limit of a refresh have an empty formula.
            try:
                tree = parse_formula(rule.expression) if rule.expression.strip() else None
            except FormulaError:
                tree = None
            names = () if tree is None else names_in(tree)
            reads = tuple(str(name).lower() for name in names)
            reads += tuple(lookup_of(name) for name in names if len(name.path) > 1)
            run = None if tree is None else compile_formula(tree)
            reads_permissions = any(each.startswith(_PERMISSION) for each in reads)
            found.append(_CompiledRule(rule, run, reads, reads_permissions))
        return tuple(found)

    def _facts(self, written: Known, stored: Record | None) -> Facts:
        before = None if stored is None else self._stored(stored)
        values = dict(self._unwritten if self.setting.create else self._kept(before or {}, written))
        values.update({name.lower(): value for name, value in written.items()})
        if self.schema.record_types:
            named = self._record_type(written, stored) or Unknown(("the record type",))
            values[RECORD_TYPE_PATH.lower()] = named
            values["recordtype.name"] = (
                self._record_type_label(named) if isinstance(named, str) else named
            )
        # Last: what formulas read of the user never comes from the record.
        values.update({name.lower(): value for name, value in self.setting.user.items()})
        return Facts(values, self.setting.now, is_new=self.setting.create, stored=before)

    def _stored(self, stored: Record) -> dict[str, Value | Unknown]:
        known: dict[str, Value | Unknown] = {}
        for name, raw in stored.items():
            target = self._fields.get(name)
            if target is not None:
                value = check(target, raw, self.rules).value
                if value == REFUSED_VALUE:
                    # The record is older than the field's limits.
                    is_text = target.type in (*TEXTS, FieldType.EMAIL, FieldType.PICKLIST)
                    unknown = Unknown((f"the stored value of {name}",))
                    value = as_written(raw) if is_text else unknown
                known[name.lower()] = value
        record_type = stored.get(RECORD_TYPE_PATH)
        if isinstance(record_type, str):
            known[RECORD_TYPE_PATH.lower()] = record_type
            known["recordtype.name"] = self._record_type_label(record_type)
        return known

    def _kept(self, before: Known, written: Known) -> dict[str, Value | Unknown]:
        """Return the values after an update; the CRM computes some of them again."""
        kept = dict(before)
        moves = any(name.lower() in _STAGES for name in written)
        for target in self._computed:
            if moves or target.name not in _BY_STAGE or target.calculated:
                kept[target.name.lower()] = Unknown((f"{target.name}, which the CRM fills",))
        return kept

    @cached_property
    def _computed(self) -> tuple[Field, ...]:
        # A few of an object's hundreds of fields, and each record of an update asks for them.
        names = _CHANGED_BY_CRM | _BY_STAGE
        return tuple(each for each in self.schema.fields if each.calculated or each.name in names)

    @cached_property
    def reads(self) -> frozenset[str]:
        """The fields that a stored record must have for the rules of an update."""
        names = {name for parsed in self._formulas for name in parsed.reads}
        names |= {row.crm_field.lower() for row in self.mapped}
        found = {
            target.name
            for target in self.schema.fields
            if target.name.lower() in names
            and target.readable is not False
            and target.type not in _UNREAD
        }
        if self.rules.has_formulas and self.schema.record_types:
            found.add(RECORD_TYPE_PATH)
        return frozenset(found)

    @cached_property
    def _unwritten(self) -> dict[str, Value | Unknown]:
        """What a new record has in fields that the write leaves out."""
        known: dict[str, Value | Unknown] = {}
        for target in self.schema.fields:
            # Formulas may write a name in any case.
            known[target.name.lower()] = self._at_first(target)
        for name in ("recordtype.developername", "recordtype.name", "recordtypeid"):
            if not self.schema.record_types:
                known.setdefault(name, "")
            else:
                known[name] = Unknown(("the record type",))
        return known

    def _at_first(self, target: Field) -> Value | Unknown:
        name = target.name
        if name in self.setting.filled:
            return Unknown((f"{name}, which is filled elsewhere",))
        if (
            name in _FILLED_BY_CRM
            or target.calculated
            or target.auto_number
            or (self.rules.has_formulas and name in _BY_STAGE)
        ):
            return Unknown((f"{name}, which the CRM fills",))
        if target.type in _UNREAD:
            return Unknown((name,))
        default = target.default
        if target.type in _CHOICES and not default:
            default = next((each.value for each in target.picklist if each.default), None)
        if not default:
            return blank(target)
        if target.default_is_formula is False and target.type not in _CHOICES:
            # A formula that is one literal has quotes around a text.
            literal = literal_of(default)
            if literal is not None and isinstance(literal.value, str):
                default = literal.value
            return check(target, default, self.rules).value
        checked = check(target, default, self.rules)
        # A default that doesn't fit its own field is a formula.
        is_formula = (
            target.default_is_formula
            or isinstance(checked.value, Unknown)
            or target.type not in (*_CHOICES, *NUMBERS, FieldType.BOOLEAN)
        )
        return Unknown((f"the default of {name}",)) if is_formula else checked.value

    def _record_type_label(self, name: str) -> Value | Unknown:
        for each in self.schema.record_types or ():
            if each.name == name:
                return each.label or each.name
        return Unknown(("the record type",))


def _with_fields(row: MappedField, problem: Problem) -> Problem:
    return problem._replace(crm_field=row.crm_field, partner_field=row.partner_field or None)


def _rule_problem(
    rule: Rule, outcome: Outcome, code: str, reason: str, needs: tuple[str, ...] = ()
) -> Problem:
    return Problem(outcome, code, reason, needs, rule.place, rule=rule.name)


def converted(raw: Raw, values: Mapping[str, str] | None) -> Raw:
    """Return a value after a value map; each choice of a multi-select value is converted."""
    if not values or raw is None:
        return raw
    if isinstance(raw, list | tuple):
        return tuple(values.get(each, each) for each in raw)
    text = as_written(raw).strip()
    parts = [part.strip() for part in text.split(";")]
    if text in values or not any(part in values for part in parts):
        return values.get(text, raw)
    return ";".join(values.get(part, part) for part in parts)
