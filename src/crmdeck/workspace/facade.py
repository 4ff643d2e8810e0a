"""The workspace: every use case under one name."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Self

from crmdeck.clock import Clock, utc_now
from crmdeck.connectors.base import ConnectorFactory
from crmdeck.credentials import SecretStore
from crmdeck.home import resolve_home
from crmdeck.model import ProgressCallback
from crmdeck.workspace.exporting import Exporting
from crmdeck.workspace.inspecting import Inspecting
from crmdeck.workspace.reviewing import Reviewing
from crmdeck.workspace.signin.usecases import SigningIn
from crmdeck.workspace.together import RefreshingTogether


class Workspace(SigningIn, RefreshingTogether, Reviewing, Inspecting, Exporting):
    """One organisation's connections, schemas, drift and mappings over one cache.

    Synchronous and safe to use from several threads; several processes may have the same
    workspace open. Every method raises CrmdeckError and nothing else.

    >>> with Workspace.open(home) as ws:  # doctest: +SKIP
    ...     ws.refresh("acme-prod")
    """

    @classmethod
    def open(
        cls,
        home: Path | str | None = None,
        *,
        read_only: bool = False,
        actor: str | None = None,
        clock: Clock = utc_now,
        secrets: SecretStore | None = None,
        connect: ConnectorFactory | None = None,
    ) -> Self:
        """Open the workspace in the folder `home`; the folder is made on the first write.

        Without `home` it is $CRMDECK_HOME, else the user's data folder. `actor` is who acts, in
        the audit log (the user of this machine). `clock`, `secrets` and `connect` stand in for
        the real ones. Raises UsageError for settings that can't be used.
        """
        return cls(
            resolve_home(home),
            read_only=read_only,
            actor=actor,
            clock=clock,
            secrets=secrets,
            connect=connect,
        )

    def prepare(self, progress: ProgressCallback | None = None) -> None:
        """Make ready what has to be there first; only the demo has anything to do."""

    def close(self) -> None:
        """Let go of what is held; nothing is, between calls."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
