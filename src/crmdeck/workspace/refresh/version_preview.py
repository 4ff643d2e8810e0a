"""Compare the cached schema with another version of a CRM's API, without storing anything."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from crmdeck.connectors.barrier import fault_barrier
from crmdeck.connectors.base import VersionChooser
from crmdeck.connectors.registry import vendor_of
from crmdeck.errors import CrmdeckError, NotFoundError, UsageError
from crmdeck.model import (
    CancelToken,
    Connection,
    Progress,
    ProgressCallback,
    Scope,
    ScopeMode,
    VersionPreview,
)
from crmdeck.workspace.connections.runs import write_quota
from crmdeck.workspace.context import Context
from crmdeck.workspace.knowledge import read_field_words
from crmdeck.workspace.progress import ProgressReporter
from crmdeck.workspace.refresh.compare import Refreshed, compare, load_cached
from crmdeck.workspace.refresh.run import failure_of

NEXT = "next"


def preview(
    context: Context,
    connection: Connection,
    version: str,
    object_type: str | None,
    progress: ProgressCallback,
    cancel: CancelToken,
) -> VersionPreview:
    """Return the changes that `version` would bring; raises the errors of `Schemas.preview`.

    The connection must have been refreshed before.
    """
    connector = context.open_connector(connection)
    if not isinstance(connector, VersionChooser):
        raise UsageError(
            f"{connection.name} has no API versions to compare.",
            cause="Only Salesforce lets a client choose its API version.",
            code="NO_VERSIONS",
        )
    in_use = connection.api_version or connector.api_versions()[-1]
    wanted = _choose(version, in_use, connector.api_versions())
    other = context.open_connector(connection.model_copy(update={"api_version": wanted}))
    reporter = ProgressReporter(progress)
    reporter.listen_to(other.meter)
    scope = connection.scope
    if object_type is not None:
        scope = Scope(mode=ScopeMode.NAMED, include=(object_type,))
    answer = Refreshed(vendor_of(connection.platform))
    with fault_barrier(connection):
        # Nothing is known: "unchanged" is only valid within one version.
        for item in other.discover(scope, {}, cancel):
            cancel.check()
            answer.add(item)
            reporter(Progress(answer.seen, len(answer.listing.in_scope) or None))
        cached = load_cached(context.store, connection.id, answer)
        if object_type is not None:
            # Objects that were not asked for are not missing.
            current = {name: info for name, info in cached.current.items() if name == object_type}
            cached = replace(cached, current=current)
        compared = compare(
            connection,
            other,
            answer,
            cached,
            scope=scope,
            at=context.now,
            field_words=partial(read_field_words, context.home),
        )
    # The one thing that is stored: the calls were spent, whatever was compared.
    if other.meter.quota is not None and not context.read_only:
        with context.store.write() as session:
            write_quota(session, connection.id, other, context.now)
    return VersionPreview(
        in_use=in_use,
        version=wanted,
        compared_with=max(info.discovered_at for info in cached.current.values()),
        objects=len(answer.discovered),
        drift_events=compared.report.events,
        stories=compared.report.stories,
        failures=tuple(map(failure_of, answer.failed)),
        notices=tuple(answer.notices),
        traffic=other.meter.traffic,
    )


def _choose(version: str, in_use: str, spoken: tuple[str, ...]) -> str:
    if version != NEXT:
        wanted = version if "." in version else f"{version}.0"
        if wanted not in spoken:
            raise NotFoundError(
                f"The org doesn't support API version {wanted}.",
                remedy=f"Choose a version from {spoken[0]} to {spoken[-1]}.",
                code="API_VERSION_NOT_FOUND",
            )
        return wanted
    newer = [each for each in spoken if float(each) > float(in_use)]
    if not newer:
        raise NoNewerVersionError(
            f"The org has no API version newer than {in_use}, which is in use.",
            cause="Salesforce adds a version with each of its three releases a year. Preview "
            "sandboxes get it some weeks earlier.",
            remedy="Try again after the next release, or connect a preview sandbox.",
        )
    return newer[0]


class NoNewerVersionError(CrmdeckError):
    """The version in use is the newest."""

    code = "NO_NEWER_VERSION"
    http_status = 409
