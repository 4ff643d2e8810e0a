"""Everything in an org that decides writes, apart from the describes.

One query lists the validation rules. Their formulas are in `Metadata`, which a response has for
one record only, so 25 of these records go into each `tooling/composite` call. Composite calls take
no UI API resources, so duplicate rules cost a call for each object that has one, and picklist
values a call for each record type.

The reads that the last refresh shows to be needed start at once, next to the describes.
"""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from urllib.parse import quote

from crmdeck.connectors.base import LEFT_OUT, Known, ObjectRules, PicklistsOfType, Rules
from crmdeck.connectors.http import moment, not_json, records_of
from crmdeck.connectors.pool import Running
from crmdeck.connectors.salesforce.batches import MOST_IN_A_CALL
from crmdeck.connectors.salesforce.client import SalesforceClient
from crmdeck.connectors.salesforce.profile import PROFILE
from crmdeck.connectors.salesforce.session import FAULTS, WHO
from crmdeck.errors import CrmdeckError, PermissionDeniedError, SourceError
from crmdeck.formats import json_values
from crmdeck.formats.json_values import MalformedError, malformed
from crmdeck.model import RULE_WORDS, CancelToken, Notice, RecordType, Rule, RuleKind
from crmdeck.redaction import redact

RECORD_TYPES = "recordTypes"
USER = "user"
_VALIDATION_RULES = (
    "SELECT Id, ValidationName, NamespacePrefix, ErrorDisplayField, ErrorMessage, "
    "LastModifiedDate, EntityDefinition.QualifiedApiName FROM ValidationRule "
    "WHERE Active = true ORDER BY Id"
)
_DUPLICATE_RULES = (
    "SELECT DeveloperName, MasterLabel, NamespacePrefix, SobjectType FROM DuplicateRule "
    "WHERE IsActive = true"
)
_FLOWS = (
    "SELECT ApiName, RecordTriggerType, TriggerObjectOrEvent.QualifiedApiName "
    "FROM FlowDefinitionView WHERE IsActive = true AND TriggerType = 'RecordBeforeSave'"
)
_TRIGGERS = (
    "SELECT Name, NamespacePrefix, UsageBeforeInsert, UsageBeforeUpdate, "
    "EntityDefinition.QualifiedApiName FROM ApexTrigger WHERE Status = 'Active' "
    "AND (UsageBeforeInsert = true OR UsageBeforeUpdate = true)"
)
_USER = "SELECT Id, {columns} FROM User WHERE Id = '{id}'"
_SETS = (
    "SELECT PermissionSetId, PermissionSetGroupId, PermissionSet.Name, "
    "PermissionSet.IsOwnedByProfile FROM PermissionSetAssignment WHERE AssigneeId = '{id}'"
)
_GRANTS = (
    "SELECT ParentId, SetupEntityId FROM SetupEntityAccess "
    "WHERE SetupEntityType = 'CustomPermission'"
)
_PERMISSIONS = "SELECT Id, DeveloperName, NamespacePrefix FROM CustomPermission"
# The formulas of more rules would cost too many calls; the next refresh reads further ones.
_MOST_FORMULAS = 500
# Each page has 2,000 rows. The limit guards against an endless list.
_MOST_PAGES = 50
_MOST_THREADS = 12
_ID = re.compile(r"[a-zA-Z0-9]{15,18}")
_ABOUT_USER = re.compile(r"\$(?:User|UserRole|Profile|Permission)\.\w+", re.IGNORECASE)
_ALWAYS_KNOWN = ("$user.id", "$profile.name", "$permissionsets")
_NOT_MAPPED = "crmdeck reads them for objects with accepted mappings. Accept one, then refresh."
_LASTING = frozenset({"NOT_VISIBLE", "BAD_REQUEST", "QUERY_REFUSED", "FORBIDDEN"})
# Errors of one object or record type don't make the whole kind unknown.
_WHOLE = ("", "flows", "triggers", "formulas")

_Task = Callable[[CancelToken], None]


class Asker:
    """Calls to an org, counted."""

    def __init__(self, client: SalesforceClient, cancel: CancelToken) -> None:
        self.client = client
        self.cancel = cancel
        self.calls = 0

    def get(self, path: str, **params: str) -> Mapping[str, object]:
        self.calls += 1
        body = self.client.get(path, self.cancel, params=params or None).body
        if not isinstance(body, Mapping):
            raise not_json(WHO)
        return body

    def rows(self, path: str, soql: str, *names: str) -> list[Mapping[str, object]]:
        """Return all rows of a query, each with a text in the columns `names`."""
        return self.all_rows(path, self.get(path, q=soql), *names)

    def all_rows(self, path: str, body: object, *names: str) -> list[Mapping[str, object]]:
        """Return the rows of a page and of all further ones, as `rows` does."""
        found: list[Mapping[str, object]] = []
        for _ in range(_MOST_PAGES):
            found += query_rows(body, *names)
            page: Mapping[str, object] = body if isinstance(body, Mapping) else {}
            following = page.get("nextRecordsUrl")
            if following is None and page.get("done") is not False:
                return found
            # The address comes from the response, so only its last part is used.
            if not isinstance(following, str) or f"/{path}/" not in following:
                break
            body = self.get(f"{path}/{following.rpartition('/')[2]}")
        raise malformed("A list in the response", MalformedError("it has no last page"))

    def query(self, queries: Mapping[str, str]) -> Mapping[str, object]:
        """Return the responses to at most 5 queries in one call, by their names."""
        return self.composite(
            "composite", {name: f"query?q={quote(q, safe='=')}" for name, q in queries.items()}
        )

    def composite(self, path: str, gets: Mapping[str, str]) -> Mapping[str, object]:
        """Return the responses to at most 25 GET requests in one call, by their names."""
        base = f"/services/data/v{self.client.version()}"
        parts = [
            {"method": "GET", "url": f"{base}/{url}", "referenceId": name}
            for name, url in gets.items()
        ]
        self.calls += 1
        body = {"allOrNone": False, "compositeRequest": parts}
        answer = self.client.post(path, body, self.cancel).body
        return {
            str(each["referenceId"]): each.get("body")
            for each in records_of(answer, "compositeResponse", "referenceId")
        }


class RuleReader:
    """Reads rules in the background; `finish` waits for them."""

    def __init__(
        self, client: SalesforceClient, known: Mapping[str, Known], without: Iterable[str]
    ) -> None:
        self._client = client
        self._known = known
        self._without = frozenset(without) & frozenset(PROFILE.rule_kinds)
        self._found: dict[str, list[tuple[str, Rule]]] = defaultdict(list)
        self._details: dict[str, Mapping[str, Rule]] = {}
        self._values: dict[str, PicklistsOfType] = {}
        self._user: dict[str, bool | str] = {}
        self._asked_of_user: set[str] = set()
        self._without_formula: list[tuple[str, str, str]] = []
        self._errors: dict[tuple[str, str], CrmdeckError] = {}
        self._calls: Counter[str] = Counter()
        self._running: list[Running[None]] = []
        self._start(self._first_tasks())

    def stop(self) -> None:
        """Stop reading what isn't needed any longer."""
        for each in self._running:
            each.stop()

    def finish(
        self, record_types: Mapping[str, Sequence[RecordType]], cancel: CancelToken
    ) -> Iterator[Rules | Notice]:
        """Yield the rules of each object type, then a notice if some of them are unknown.

        `record_types` has those of the objects in scope.
        """
        self._wait(cancel)
        # Salesforce ignores the case of names, and its lists can differ in it.
        own = {name.casefold(): name for name in record_types}
        for kind, found in self._found.items():
            self._found[kind] = [(own.get(name.casefold(), name), rule) for name, rule in found]
        self._without_formula = [
            (key, own.get(name.casefold(), name), rule) for key, name, rule in self._without_formula
        ]
        self._start(self._further_tasks(record_types))
        self._wait(cancel)
        asked = set[str]()
        for name, rule in self._found[RuleKind.VALIDATION]:
            if name in record_types:
                asked |= _about_user(rule)
        if asked - self._asked_of_user:
            self._start([self._user_task(asked | self._asked_of_user)])
            self._wait(cancel)
        yield Rules(
            {name: self._rules_of(name, record_types[name]) for name in record_types},
            dict(self._calls),
            {kind: each for (kind, _), each in self._errors.items() if not _is_lasting(each)},
        )
        if self._errors:
            kinds = dict.fromkeys(kind for kind, _ in self._errors)
            error = next(iter(self._errors.values()))
            yield Notice(
                code="RULES_UNTOLD",
                message=f"crmdeck can't read all {', '.join(map(RULE_WORDS.__getitem__, kinds))}.",
                cause=_reason(error),
                remedy="Give the user the permission View Setup and Configuration, and access to "
                "the objects. Or leave out these kinds: crmdeck connections set NAME "
                "--without-rules",
            )

    # -- tasks --------------------------------------------------------------------------------

    def _start(self, tasks: Iterable[_Task | None]) -> None:
        wanted = [task for task in tasks if task is not None]
        if wanted:
            threads = min(len(wanted), _MOST_THREADS)
            waiting = iter(wanted)
            self._running.append(Running(lambda: next(waiting, None), threads, "salesforce-rules"))

    def _wait(self, cancel: CancelToken) -> None:
        for each in self._running:
            for _ in each.results(cancel):
                pass
        self._running.clear()

    def _first_tasks(self) -> list[_Task | None]:
        tasks = [
            self._task(RuleKind.VALIDATION, "", self._read_validation_rules),
            self._task(RuleKind.DUPLICATES, "", self._read_duplicate_rules),
            self._task(RuleKind.AUTOMATION, "flows", self._read_flows),
            self._task(RuleKind.AUTOMATION, "triggers", self._read_triggers),
        ]
        asked = set[str]()
        for name, each in self._known.items():
            if any(rule.kind is RuleKind.DUPLICATES for rule in each.rules):
                tasks.append(self._duplicates_task(name))
            for rule in each.rules:
                asked |= _about_user(rule)
            if each.mapped and each.schema is not None:
                keys = _ids(each.schema.record_types or ())
                tasks += [self._values_task(name, key) for key in keys]
        if asked:
            tasks.append(self._user_task(asked))
        return tasks

    def _further_tasks(
        self, record_types: Mapping[str, Sequence[RecordType]]
    ) -> list[_Task | None]:
        """Return the reads that the responses so far require."""
        tasks = [self._formulas_task(record_types)]
        with_duplicates = {name for name, _ in self._found[RuleKind.DUPLICATES]}
        for name, types in record_types.items():
            if name in with_duplicates and not self._was_asked(RuleKind.DUPLICATES, name):
                tasks.append(self._duplicates_task(name))
            if name in self._known and self._known[name].mapped:
                tasks += [
                    self._values_task(name, key)
                    for key in _ids(types)
                    if not self._was_asked(RECORD_TYPES, key)
                ]
        return tasks

    def _was_asked(self, kind: str, subject: str) -> bool:
        known = self._details if kind == RuleKind.DUPLICATES else self._values
        return subject in known or (kind, subject) in self._errors

    def _task(self, kind: str, subject: str, read: Callable[[Asker], None]) -> _Task | None:
        """Return a task that notes errors and counts calls; None if a setting leaves it out."""
        if kind in self._without:
            return None

        def task(stop: CancelToken) -> None:
            asker = Asker(self._client, stop)
            try:
                read(asker)
            except CrmdeckError as error:
                FAULTS.raise_if_whole(error)
                self._errors[kind, subject] = error
            finally:
                self._calls[str(kind)] += asker.calls

        return task

    def _duplicates_task(self, name: str) -> _Task | None:
        def read(asker: Asker) -> None:
            body = asker.get(f"ui-api/duplicates/{quote(name, safe='')}")
            self._details[name] = dict(_duplicate_details(body))

        return self._task(RuleKind.DUPLICATES, name, read)

    def _values_task(self, name: str, key: str) -> _Task | None:
        def read(asker: Asker) -> None:
            path = f"ui-api/object-info/{quote(name, safe='')}/picklist-values/{key}"
            self._values[key] = _picklists(asker.get(path))

        return self._task(RECORD_TYPES, key, read)

    def _user_task(self, names: set[str]) -> _Task | None:
        self._asked_of_user = names
        return self._task(USER, "", lambda asker: self._read_user(asker, names))

    # -- reads --------------------------------------------------------------------------------

    def _read_validation_rules(self, asker: Asker) -> None:
        """List the rules. A rule that wasn't saved since the last refresh keeps its formula."""
        cached = {
            (name, rule.name): rule
            for name, each in self._known.items()
            for rule in each.rules
            if rule.modified_at is not None and rule.expression
        }
        for record in asker.rows("tooling/query", _VALIDATION_RULES, "ValidationName"):
            name, place = _object_of(record, "EntityDefinition"), record.get("ErrorDisplayField")
            rule = Rule(
                name=_name_of(record, "ValidationName"),
                kind=RuleKind.VALIDATION,
                field=place if isinstance(place, str) and place else None,
                message=str(record.get("ErrorMessage") or ""),
                modified_at=moment(record.get("LastModifiedDate")),
            )
            before = cached.get((name, rule.name))
            key = str(record.get("Id"))
            if before is not None and before.modified_at == rule.modified_at:
                rule = rule.model_copy(update={"expression": before.expression})
            elif _ID.fullmatch(key):
                self._without_formula.append((key, name, rule.name))
            self._found[RuleKind.VALIDATION].append((name, rule))

    def _formulas_task(self, names: Collection[str]) -> _Task | None:
        """Return a task that reads the formulas of new and changed rules of these objects."""
        wanted = [each for each in self._without_formula if each[1] in names][:_MOST_FORMULAS]
        if not wanted:
            return None

        def read(asker: Asker) -> None:
            formulas: dict[str, str] = {}
            for start in range(0, len(wanted), MOST_IN_A_CALL):
                some = wanted[start : start + MOST_IN_A_CALL]
                gets = {key: f"tooling/sobjects/ValidationRule/{key}" for key, _, _ in some}
                answers = asker.composite("tooling/composite", gets)
                for key in gets:
                    record = answers.get(key)
                    if not isinstance(record, Mapping):
                        raise query_error(record)
                    formula = follow(record, "Metadata.errorConditionFormula")
                    if not isinstance(formula, str | None):
                        raise not_json(WHO)
                    formulas[key] = formula or ""
            by_rule = {(name, rule): formulas.get(key, "") for key, name, rule in wanted}
            self._found[RuleKind.VALIDATION] = [
                (name, rule.model_copy(update={"expression": by_rule[name, rule.name]}))
                if (name, rule.name) in by_rule
                else (name, rule)
                for name, rule in self._found[RuleKind.VALIDATION]
            ]

        return self._task(RuleKind.VALIDATION, "formulas", read)

    def _read_duplicate_rules(self, asker: Asker) -> None:
        for record in asker.rows("query", _DUPLICATE_RULES, "DeveloperName", "SobjectType"):
            name, label = _name_of(record, "DeveloperName"), str(record.get("MasterLabel") or "")
            rule = Rule(
                name=f"{RuleKind.DUPLICATES}:{name}", kind=RuleKind.DUPLICATES, message=label
            )
            self._found[RuleKind.DUPLICATES].append((str(record.get("SobjectType")), rule))

    def _read_flows(self, asker: Asker) -> None:
        for record in asker.rows("query", _FLOWS, "ApiName"):
            runs = str(record.get("RecordTriggerType"))
            rule = _automation(
                "flow", str(record.get("ApiName")), "Create" in runs, "Update" in runs
            )
            pair = (_object_of(record, "TriggerObjectOrEvent"), rule)
            self._found[RuleKind.AUTOMATION].append(pair)

    def _read_triggers(self, asker: Asker) -> None:
        for record in asker.rows("tooling/query", _TRIGGERS, "Name"):
            inserts, updates = record.get("UsageBeforeInsert"), record.get("UsageBeforeUpdate")
            rule = _automation(
                "trigger", _name_of(record, "Name"), inserts is True, updates is True
            )
            pair = (_object_of(record, "EntityDefinition"), rule)
            self._found[RuleKind.AUTOMATION].append(pair)

    def _read_user(self, asker: Asker, names: set[str]) -> None:
        """Read the facts in `names` about the user, by their lower-case names in formulas."""
        user_id = next(
            (
                str(each.schema.user["$user.id"])
                for each in self._known.values()
                if each.schema and each.schema.user and "$user.id" in each.schema.user
            ),
            "",
        )
        if not user_id:
            asker.calls += 1
            user_id = str(self._client.user_info(asker.cancel).get("user_id"))
        if not _ID.fullmatch(user_id):
            raise not_json(WHO)
        columns = {"$profile.name": "Profile.Name"}
        for name in names:
            place, _, column = name.removeprefix("$").partition(".")
            if place != "permission":
                columns[name] = column if place == "user" else f"{place}.{column}"
        queries = {
            "user": _USER.format(columns=", ".join(dict.fromkeys(columns.values())), id=user_id),
            "sets": _SETS.format(id=user_id),
            "grants": _GRANTS,
            "permissions": _PERMISSIONS,
        }
        answers = asker.query(queries)
        (record,) = query_rows(answers.get("user"))[:1] or [{}]
        for name, column in columns.items():
            value = follow(record, column)
            if record and isinstance(value, bool | str | None):
                self._user[name] = "" if value is None else value
        sets = query_rows(answers.get("sets"), "PermissionSetId")
        own = [each for each in sets if follow(each, "PermissionSet.IsOwnedByProfile") is not True]
        self._user["$user.id"] = user_id
        self._user["$permissionsets"] = ", ".join(
            sorted(str(follow(each, "PermissionSet.Name")) for each in own)
        )
        self._user |= _permissions(answers, sets, names)

    # -- results ------------------------------------------------------------------------------

    def _rules_of(self, name: str, record_types: Sequence[RecordType]) -> ObjectRules:
        schema = self._known[name].schema if name in self._known else None
        rules: list[Rule] = []
        not_read = dict.fromkeys(self._without, LEFT_OUT)
        for kind in (RuleKind.VALIDATION, RuleKind.DUPLICATES, RuleKind.AUTOMATION):
            errors = [self._errors.get((kind, subject)) for subject in _WHOLE]
            own = self._errors.get((kind, name))
            # A lasting error of one object leaves out only the effects of its rules.
            errors += [own] if own is not None and not _is_lasting(own) else []
            error = next(filter(None, errors), None)
            if error is None:
                rules += [rule for place, rule in self._found[kind] if place == name]
            elif not _is_lasting(error) and schema and kind in schema.known_kinds:
                rules += [rule for rule in schema.rules or () if rule.kind is kind]
            else:
                not_read[kind.value] = _reason(error)
        details = self._details.get(name, {})
        rules = [_detailed(rule, details) for rule in rules]
        if record_types and RECORD_TYPES not in not_read:
            not_read |= self._values_unknown(name, record_types)
        asked = set[str]().union(*map(_about_user, rules))
        user = {
            key: value
            for key, value in self._user.items()
            if asked and (key in asked or key in _ALWAYS_KNOWN)
        }
        failed = self._errors.get((USER, "")) if asked else None
        if failed is not None and not _is_lasting(failed) and schema and schema.user:
            user = dict(schema.user)
        elif failed is not None:
            not_read[USER] = _reason(failed)
        values = {
            each.id: PicklistsOfType(each.values, each.value_defaults or {})
            for each in (schema.record_types if schema else None) or ()
            if each.id and each.values is not None and RECORD_TYPES not in not_read
        }
        values |= {key: self._values[key] for key in _ids(record_types) if key in self._values}
        return ObjectRules(tuple(rules), not_read, user or None, values)

    def _values_unknown(self, name: str, record_types: Sequence[RecordType]) -> dict[str, str]:
        if name not in self._known or not self._known[name].mapped:
            return {RECORD_TYPES: _NOT_MAPPED}
        errors = [self._errors.get((RECORD_TYPES, key)) for key in _ids(record_types)]
        found = [_reason(error) for error in errors if error is not None and _is_lasting(error)]
        return {RECORD_TYPES: found[0]} if found else {}


def query_rows(body: object, *names: str) -> list[Mapping[str, object]]:
    """Return the rows of a query, each with a text in the columns `names`. Raises SourceError."""
    if not isinstance(body, Mapping) or not isinstance(body.get("records"), list):
        raise query_error(body)
    return records_of(body, "records", *names)


def query_error(body: object) -> CrmdeckError:
    """Return the error in a response that should have rows or a record."""
    error = body[0] if isinstance(body, list) and body else {}
    message = error.get("message") if isinstance(error, Mapping) else None
    if not message:
        return not_json(WHO)
    return SourceError(
        "Salesforce rejected a query.",
        cause=redact(str(message)[:300], foreign=True),
        code="QUERY_REFUSED",
    )


def follow(record: Mapping[str, object], path: str) -> object:
    """Return the value at a path, whose names match without case."""
    value: object = record
    for part in path.split("."):
        if not isinstance(value, Mapping):
            return None
        value = next((v for key, v in value.items() if key.lower() == part.lower()), None)
    return value


def _object_of(record: Mapping[str, object], relation: str) -> str:
    name = follow(record, f"{relation}.QualifiedApiName")
    if not isinstance(name, str) or not name:
        raise malformed("A list in the response", MalformedError(f"`{relation}` has no name"))
    return name


def _name_of(record: Mapping[str, object], key: str) -> str:
    name, namespace = str(record.get(key)), record.get("NamespacePrefix")
    return f"{namespace}__{name}" if namespace else name


def _automation(word: str, name: str, creates: bool, updates: bool) -> Rule:
    return Rule(
        name=f"{RuleKind.AUTOMATION}:{word}.{name}",
        kind=RuleKind.AUTOMATION,
        on_create="run" if creates else None,
        on_update="run" if updates else None,
    )


def _duplicate_details(body: Mapping[str, object]) -> Iterator[tuple[str, Rule]]:
    """Yield the label of each rule of an object with its effects and fields.

    The fields are those of all matching rules of the object: the response doesn't split them.
    """
    try:
        listed = {"dedupeFields": body.get("dedupeFields")}
        fields = tuple(sorted(json_values.texts(listed, "dedupeFields")))
    except MalformedError as error:
        raise malformed("A list in the response", error) from None
    for record in records_of(body, "duplicateRules", "name"):
        filters = record.get("duplicateRuleFilters")
        parts = [f"compares {', '.join(fields)}" if fields else ""]
        parts.append(f"only if {json.dumps(filters, sort_keys=True)}" if filters else "")
        yield (
            str(record.get("name")),
            Rule(
                name=str(record["name"]),
                kind=RuleKind.DUPLICATES,
                fields=fields,
                expression="; ".join(filter(None, parts)),
                on_create=_effect(record, "Insert"),
                on_update=_effect(record, "Update"),
            ),
        )


def _effect(record: Mapping[str, object], operation: str) -> str:
    if record.get(f"actionOn{operation}") == "Block":
        return "block"
    then = record.get(f"operationsOn{operation}")
    alerts = isinstance(then, list) and "Alert" in then
    return "alert" if alerts else "report"


def _detailed(rule: Rule, details: Mapping[str, Rule]) -> Rule:
    """Return a duplicate rule with its effects, found by its label or its name."""
    found = details.get(rule.message) or details.get(rule.name.partition(":")[2])
    if rule.kind is not RuleKind.DUPLICATES or found is None:
        return rule
    return found.model_copy(update={"name": rule.name, "message": rule.message})


def _picklists(body: Mapping[str, object]) -> PicklistsOfType:
    fields = body.get("picklistFieldValues")
    if not isinstance(fields, Mapping):
        raise not_json(WHO)
    values: dict[str, tuple[str, ...]] = {}
    defaults: dict[str, str] = {}
    for name, each in fields.items():
        if not isinstance(each, Mapping) or not isinstance(each.get("values"), list):
            raise not_json(WHO)
        values[str(name)] = tuple(str(one["value"]) for one in records_of(each, "values", "value"))
        default = each.get("defaultValue")
        if isinstance(default, Mapping) and isinstance(default.get("value"), str):
            defaults[str(name)] = default["value"]
    return PicklistsOfType(values, defaults)


def _permissions(
    answers: Mapping[str, object], sets: Sequence[Mapping[str, object]], names: Iterable[str]
) -> dict[str, bool | str]:
    """Return the custom permissions in `names` that the user has.

    Permission set groups may grant more than the responses list, so that a missing permission is
    unknown if the user has a group.
    """
    assigned = {each.get("PermissionSetId") for each in sets}
    granted = {
        each.get("SetupEntityId")
        for each in query_rows(answers.get("grants"), "ParentId", "SetupEntityId")
        if each.get("ParentId") in assigned
    }
    in_group = any(each.get("PermissionSetGroupId") for each in sets)
    found: dict[str, bool | str] = {}
    for each in query_rows(answers.get("permissions"), "Id", "DeveloperName"):
        name = f"$permission.{_name_of(each, 'DeveloperName').lower()}"
        if name in names and (each.get("Id") in granted or not in_group):
            found[name] = each.get("Id") in granted
    return found


def _about_user(rule: Rule) -> set[str]:
    """Return the user's values in a formula, in lower case: `$permission.deal_desk`."""
    return {name.lower() for name in _ABOUT_USER.findall(rule.expression)}


def _ids(record_types: Iterable[RecordType]) -> list[str]:
    return [
        each.id
        for each in record_types
        if each.id and _ID.fullmatch(each.id) and each.active and each.available is not False
    ]


def _is_lasting(error: CrmdeckError) -> bool:
    return isinstance(error, PermissionDeniedError) or error.code in _LASTING


def _reason(error: CrmdeckError) -> str:
    return f"{error.message} {error.cause or ''}".strip()
