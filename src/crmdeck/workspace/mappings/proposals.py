"""Propose changes of a CRM: files for an admin to review and deploy. crmdeck never deploys."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from pathlib import Path

from crmdeck.connectors.registry import vendor_of
from crmdeck.errors import UsageError
from crmdeck.exports.files import write_atomically
from crmdeck.exports.markdown import escape, table_row
from crmdeck.home import create_folder
from crmdeck.mapping.lacks import find_lacks, find_missing_access
from crmdeck.model import (
    ChangeFiles,
    ChangeRequest,
    Connection,
    DecisionState,
    ObjectPair,
    ObjectSchema,
    Proposal,
    ProposedFile,
    ProposedKind,
    VendorProfile,
)
from crmdeck.text import count
from crmdeck.workspace.commands import command_line
from crmdeck.workspace.context import Context, find_connection, not_found
from crmdeck.workspace.mappings.service import Mappings
from crmdeck.workspace.snapshots import find_snapshot

_PLAIN_NAME = re.compile(r"\w[\w-]*")
_PROJECT_FILES = (
    "objects/{}/fields/*.field-meta.xml",
    "objects/{}/recordTypes/*.recordType-meta.xml",
    "globalValueSets/*.globalValueSet-meta.xml",
    "standardValueSets/*.standardValueSet-meta.xml",
)
_LARGEST_FILE = 4 * 1024 * 1024
_TEXT = "PULL_REQUEST.md"


class Proposals:
    """Changes of a CRM object that a mapping needs: new fields, more room, new values."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._mappings = Mappings(context)

    def plan(
        self,
        ref: str,
        pair: str,
        *,
        fields: Collection[str] = (),
        project: Path | None = None,
        encoder: str | None = None,
    ) -> Proposal:
        """Return the changes that a pair needs, with their files. Nothing is written.

        By default, each PartnerOS field without an accepted mapping and without a suggestion gets a
        new CRM field. `fields` names the PartnerOS fields to propose changes for instead. `project`
        is an SFDX project with the files of existing fields and value sets. Raises NotFoundError
        and UsageError.
        """
        sources = {field.name: field for field in self._mappings.partner_fields(pair)}
        for name in fields:
            if name not in sources:
                raise not_found("PartnerOS field", name, list(sources))
        mapping = self._mappings.get(ref, pair)
        matched: set[str] = set()
        if not fields:
            answer = self._mappings.suggest(ref, pair, encoder=encoder)
            matched = {
                each.partner_field
                for each in answer.suggestions
                if each.crm_field is not None and each.decision is DecisionState.PENDING
            }
        with self._context.store.read() as session:
            connection = find_connection(session, ref)
            crm_object = ObjectPair.parse(pair).crm_object
            schema = find_snapshot(session, connection, crm_object).content
        vendor = vendor_of(connection.platform)
        if vendor.write_change is None:
            raise UsageError(
                f"crmdeck can't write changes for {vendor.title}.", code="NO_CHANGE_FILES"
            )
        lacks = tuple(
            find_lacks(mapping.lines, sources, schema, matched=matched, chosen=frozenset(fields))
        )
        lines = [each for each in mapping.lines if not fields or each.partner_field in fields]
        access = find_missing_access(lines, schema)
        denied = {each.partner_field for each in lines if "" in access or each.crm_field in access}
        fine = sorted(set(fields) - {lack.source.name for lack in lacks} - denied)
        if fine:
            raise UsageError(
                f"{crm_object} already has everything '{fine[0]}' needs.",
                cause="The mapping is accepted, and the CRM field has room for the values.",
                code="NOTHING_TO_PROPOSE",
            )
        targets = [lack.target.name for lack in lacks if lack.target is not None]
        for name in (schema.object_type, *targets, *filter(None, access)):
            # The names become parts of paths and commands.
            if not _PLAIN_NAME.fullmatch(name):
                raise UsageError(
                    f"'{name}' can't be part of a file name.",
                    cause="The schema's source uses characters that no CRM allows in names.",
                    code="BAD_NAME",
                )
        written = vendor.write_change(
            ChangeRequest(
                origin=ObjectPair.parse(pair).partner_object,
                schema=schema,
                lacks=lacks,
                api_version=connection.api_version,
                access=access,
                sync_user=connection.sync_user,
                project={} if project is None else _project_files(project, schema.object_type),
            )
        )
        files = written.files
        if files:
            text = self._text(connection, pair, schema, vendor, written)
            files = (*files, ProposedFile(path=_TEXT, content=text))
        return Proposal(
            connection_id=connection.id, object_pair=pair, changes=written.changes, files=files
        )

    def write(self, proposal: Proposal, folder: Path, *, force: bool = False) -> tuple[Path, ...]:
        """Write the files of a proposal, and return their paths.

        Raises UsageError before it writes anything if a file exists and `force` is off.
        """
        paths = {folder / file.path: file.content for file in proposal.files}
        existing = [path for path in paths if path.exists()]
        if existing and not force:
            raise UsageError(
                f"{existing[0]} already exists.",
                remedy="Use another folder, or overwrite the files with --force.",
                code="FILE_EXISTS",
            )
        for path, content in paths.items():
            create_folder(path.parent)
            write_atomically(path, content)
        return tuple(paths)

    def _text(
        self,
        connection: Connection,
        pair: str,
        schema: ObjectSchema,
        vendor: VendorProfile,
        written: ChangeFiles,
    ) -> str:
        inside = [change for change in written.changes if change.file is not None]
        by_hand = [change for change in written.changes if change.file is None]
        new = [change for change in inside if change.kind is ProposedKind.NEW_FIELD]
        parts = [
            f"# Change {escape(schema.label or schema.object_type)} for PartnerOS\n",
            f"{escape(pair)} needs {count(len(inside), 'change')} in {vendor.title}.\n",
            table_row(("PartnerOS field", "CRM field", "change", "note")),
            "| --- | --- | --- | --- |",
            *(
                table_row(
                    (each.partner_field, each.crm_field or "-", each.summary, each.note or "")
                )
                for each in inside
            ),
        ]
        if by_hand:
            parts.append("\n## By hand\n")
        for each in by_hand:
            where = each.crm_field or each.partner_field
            parts.append("- " + escape(f"{where}, {each.summary}: {each.note}"))
        parts += ["\n## Deploy\n", *_commands(written.deploy, written.grant)]
        if written.undo:
            parts += ["\n## Undo\n", *_commands(written.undo)]
        accepted = [f"{change.partner_field}={change.crm_field}" for change in new]
        context, name = self._context, connection.name
        after = [command_line(context, "refresh", name)]
        if accepted:
            after.append(command_line(context, "mapping accept", name, pair, *accepted))
        parts += ["\n## After the deployment\n", *_commands(tuple(after))]
        return "\n".join(parts) + "\n"


def _commands(*groups: tuple[str, ...]) -> tuple[str, ...]:
    return "```sh", *(command for group in groups for command in group), "```"


def _project_files(project: Path, object_type: str) -> Mapping[str, str]:
    """Return the files of an SFDX project that state what an object's fields take, by path.

    Raises UsageError if the folder has none.
    """
    found: dict[str, str] = {}
    try:
        for pattern in _PROJECT_FILES:
            wanted = pattern.format(object_type)
            for path in sorted(project.rglob(wanted)):
                if path.stat().st_size <= _LARGEST_FILE:
                    place = "/".join(path.parts[-1 - wanted.count("/") :])
                    found.setdefault(place, path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"Can't read {project}.",
            cause=f"{getattr(error, 'strerror', None) or error}.",
            code="FILE_NOT_READ",
        ) from error
    if not found:
        raise UsageError(
            f"{project} has no fields of {object_type} in source format.",
            remedy="Retrieve them: "
            f"sf project retrieve start --metadata CustomObject:{object_type}",
            code="NO_FIELD_FILES",
        )
    return found
