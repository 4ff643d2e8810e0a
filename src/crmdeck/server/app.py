"""The application: routes, guards and the description of the API."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from fastapi import Depends, FastAPI, Request
from fastapi.dependencies.utils import get_flat_params
from fastapi.middleware.gzip import GZipMiddleware
from fastapi.openapi.utils import get_openapi
from fastapi.params import Query
from fastapi.telemetry import TelemetryConfig
from starlette.routing import Route

from crmdeck import __version__
from crmdeck.errors import UsageError
from crmdeck.model import CancelToken
from crmdeck.server import auth_routes, errors, integration_routes, oidc_routes, token_routes
from crmdeck.server.access import Deck
from crmdeck.server.accounts import Accounts
from crmdeck.server.assistants import Answers, Assistants
from crmdeck.server.attempts import Attempts
from crmdeck.server.guard import Guard
from crmdeck.server.oidc import Provider
from crmdeck.server.operations import Operations
from crmdeck.server.sessions import Sessions
from crmdeck.server.tokens import Tokens
from crmdeck.workspace import Workspace

_PREFIX = "/api"
_WORTH_PACKING = 2000
_NO_TELEMETRY: TelemetryConfig = {"tracing": False, "metrics": False, "logs": False}


def create_app(
    workspace: Workspace,
    *,
    public_url: str = "http://127.0.0.1",
    stopping: CancelToken | None = None,
    assistants: Answers | None = None,
) -> FastAPI:
    """Return the Integrations API over a workspace, as an ASGI application.

    Users and sessions are stored with the workspace: in its folder or in its database. `public_url`
    is the address that people use; with https the cookie is Secure. Once `stopping` is canceled,
    long work ends. With `assistants`, /mcp answers assistants of signed-in users.
    """
    secure = public_url.startswith("https://")
    settings = workspace.settings
    app = FastAPI(
        title="crmdeck Integrations API",
        version=__version__,
        description="Health, schema, drift and mapping of CRM integrations, for a team.",
        openapi_url="/api/openapi.json",
        # FastAPI's own pages load scripts from other sites.
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=lambda route: route.name,
        telemetry=_NO_TELEMETRY,
    )
    app.state.deck = Deck(
        workspace=workspace,
        accounts=Accounts(workspace),
        sessions=Sessions(
            workspace,
            lifetime=timedelta(hours=settings.session_hours),
            idle=timedelta(hours=settings.session_idle_hours),
        ),
        tokens=Tokens(workspace),
        attempts=Attempts(workspace.documents.sign_in_attempts, clock=lambda: workspace.now),
        provider=Provider(settings, public_url) if settings.oidc_issuer else None,
        secure=secure,
        stopping=stopping or CancelToken(),
    )
    app.state.operations = operations = Operations(workspace)
    known = [Depends(_refuse_unknown_parameters)]
    app.include_router(auth_routes.router, prefix=_PREFIX, dependencies=known)
    app.include_router(integration_routes.router, prefix=_PREFIX, dependencies=known)
    app.include_router(token_routes.router, prefix=_PREFIX, dependencies=known)
    # Providers add parameters of their own.
    app.include_router(oidc_routes.router, prefix=_PREFIX)
    app.router.routes.extend(operations.routes)
    if assistants is not None:
        app.router.routes.append(Route("/mcp", Assistants(assistants), methods=["POST"]))
    errors.install(app)
    hosts = (urlsplit(public_url).netloc, *settings.server_hosts)
    # The last one added is the outermost: it also counts what the guard rejects.
    app.add_middleware(Guard, origins=(public_url,), hosts=hosts, secure=secure)
    app.add_middleware(GZipMiddleware, minimum_size=_WORTH_PACKING, compresslevel=3)
    app.add_middleware(operations.watched)
    app.openapi = lambda: _describe(app)  # type: ignore[method-assign]
    return app


async def _refuse_unknown_parameters(request: Request) -> None:
    """Raise UsageError for a query parameter that would be ignored."""
    # A mistyped filter would answer with more than the client asked for.
    if not request.query_params:
        return
    fields = get_flat_params(request.scope["route"].dependant)
    known = sorted(each.alias for each in fields if isinstance(each.field_info, Query))
    unknown = next((name for name in request.query_params if name not in known), None)
    if unknown is not None:
        raise UsageError(
            "The request is invalid.",
            cause=f"Unknown query parameter '{unknown[:50]}'. "
            f"Known parameters: {', '.join(known) or 'none'}.",
            remedy="Compare the request with /api/openapi.json.",
        )


def _describe(app: FastAPI) -> dict[str, Any]:
    """Return the description of the API, without FastAPI's 422, which is a 400 here."""
    if app.openapi_schema is None:
        described = get_openapi(
            title=app.title,
            version=app.version,
            description=app.description,
            routes=app.routes,
        )
        for path in described["paths"].values():
            for operation in path.values():
                operation["responses"].pop("422", None)
        for name in ("HTTPValidationError", "ValidationError"):
            described["components"]["schemas"].pop(name, None)
        app.openapi_schema = described
    return app.openapi_schema
