"""The CRM user that the sync runs as, and where its permissions come from."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from crmdeck.connectors.barrier import fault_barrier
from crmdeck.connectors.base import AccessReader
from crmdeck.connectors.registry import vendor_of
from crmdeck.errors import UsageError
from crmdeck.files import read_regular
from crmdeck.formats.document import SchemaFile
from crmdeck.formats.permission_files import is_permission_file, read_permissions, read_scopes
from crmdeck.home import absolute_path
from crmdeck.model import Connection, EffectiveAccess, Source
from crmdeck.model.connection import PARTNER
from crmdeck.store import Session
from crmdeck.text import did_you_mean, nearest
from crmdeck.workspace.context import Context
from crmdeck.workspace.snapshots import never_discovered

_LARGEST = 32 * 1024 * 1024


def find_sync_user(context: Context, connection: Connection, name: str) -> dict[str, str | None]:
    """Return the changes of a connection for the user with that name or ID; '' removes it.

    Raises UsageError for an unknown or ambiguous name, and the errors of the CRM.
    """
    if not name.strip():
        return {"sync_user": None, "sync_user_id": None}
    with context.store.read() as session:
        partner = session.connections.find(name.strip())
    if partner is not None and partner.source == Source.PARTNEROS:
        return _partner_user(connection, partner)
    with fault_barrier(connection):
        connector = context.open_connector(connection)
        if not isinstance(connector, AccessReader):
            title = vendor_of(connection.platform).title
            raise UsageError(
                f"crmdeck can't read the permissions of other users from {connection.name}.",
                cause=f"The {connection.source} source for {title} doesn't offer them.",
                remedy="Use a file with the permissions: crmdeck connections set "
                f"{connection.name} --sync-access PATH",
                code="NO_SYNC_USER",
            )
        found = connector.find_users(name.strip())
    matches = [each for each in found if each.is_match]
    # Several users can share a name or an email address, and no two a user name.
    matches = [each for each in matches if each.username.lower() == name.strip().lower()] or matches
    if len(matches) > 1:
        listed = ", ".join(f"{each.id} ({each.username})" for each in matches)
        raise UsageError(
            f"{len(matches)} users are named '{name}'.",
            cause=f"Their IDs: {listed}.",
            remedy="Use an ID instead of the name.",
            code="AMBIGUOUS_USER",
        )
    if not matches:
        names = [each.username for each in found]
        near = nearest(name, names) or nearest(name, [each.name for each in found])
        raise UsageError(
            f"No user '{name}' in {connection.name}.",
            remedy=did_you_mean(near) if near else "Use the user name or the ID of a CRM user.",
            code="USER_NOT_FOUND",
        )
    [user] = matches
    return {"sync_user": user.username, "sync_user_id": user.id}


def _partner_user(connection: Connection, partner: Connection) -> dict[str, str | None]:
    """Return the changes for a PartnerOS connection, which reads with the sync's own token."""
    ours, theirs = connection.instance_url, partner.instance_url
    if connection.platform != partner.platform or (ours and theirs and ours != theirs):
        raise UsageError(
            f"{partner.name} is a connection to another CRM.",
            remedy=f"Use the PartnerOS connection of {ours or connection.platform}.",
            code="OTHER_CRM",
        )
    return {"sync_user": partner.name, "sync_user_id": f"{PARTNER}{partner.id}"}


def read_partner_access(
    session: Session, partner_id: str, mapped: Collection[str]
) -> EffectiveAccess:
    """Return the access of the sync's own token, from the schema of a PartnerOS connection.

    Makes no request. Raises SchemaNotDiscoveredError before the first refresh.
    """
    partner = session.connections.get(partner_id)
    faces = session.snapshots.faces(partner_id)
    if partner is None or not faces:
        raise never_discovered(partner) if partner else UsageError("The connection was removed.")
    names = [(partner_id, name) for name in mapped]
    read = session.snapshots.newest(names)
    return EffectiveAccess(
        user=partner.name,
        user_id=f"{PARTNER}{partner_id}",
        objects={
            # PartnerOS lists only what its token can read.
            name: "R"
            + "".join(
                letter if flag else letter.lower()
                for letter, flag in (("C", face.createable), ("E", face.updateable))
                if flag is not False
            )
            for name, face in faces.items()
        },
        fields={
            name: {
                field.name: "R" + ("E" if field.createable or field.updateable else "")
                for field in schema.fields
            }
            for (_, name), schema in read.items()
        },
    )


def read_access_files(path: str, now: datetime) -> EffectiveAccess:
    """Return the access in a file or folder: permission sets and profiles, or HubSpot scopes.

    Raises UsageError and SourceError.
    """
    place = absolute_path(path)
    try:
        files = sorted(place.rglob("*")) if place.is_dir() else [place]
        wanted = [each for each in files if is_permission_file(each.name)]
        if not wanted and place.is_file():
            return read_scopes(read_regular(place, _LARGEST).decode(), place.name)
        read = [SchemaFile(each.name, read_regular(each, _LARGEST)) for each in wanted]
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"Can't read {place}.",
            cause=f"{getattr(error, 'strerror', None) or error}.",
            code="FILE_NOT_READ",
        ) from error
    if not read:
        raise UsageError(
            f"{place} has no permission sets or profiles.",
            remedy="Retrieve them: sf project retrieve start --metadata PermissionSet Profile "
            "PermissionSetGroup MutingPermissionSet CustomObject",
            code="NO_PERMISSION_FILES",
        )
    return read_permissions(read, place.name, now)


def assumption(connection: Connection) -> str | None:
    """Return the sentence that verdicts carry without a sync user."""
    if connection.sync_user is not None or not connection.is_direct:
        return None
    who = f", {connection.reader}" if connection.reader else ""
    return f"Checked with the permissions of crmdeck's own user{who}."
