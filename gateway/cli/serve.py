"""`zibpoort serve`: the gateway as a server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from gateway.settings import Settings

EVERYWHERE = ("0.0.0.0", "[::]")  # noqa: S104 - what an operator may say, not what we choose
GRACE_SECONDS = 30
"""How long a stopping server waits for exchanges that are under way."""

Host = Annotated[str, typer.Option(help="Address to listen on; unset: ZIBPOORT_HOST.", show_default=False)]
Port = Annotated[
    int, typer.Option(help="Port to listen on; unset: ZIBPOORT_PORT.", min=0, max=65535, show_default=False)
]


def serve(host: Host = "", port: Port = 0) -> None:
    """Run the gateway until it is stopped.  Listens on this machine only, unless told otherwise.

    Settings come from environment variables ZIBPOORT_…; `zibpoort check-config` looks them over.
    """
    import uvicorn

    from gateway.api import create_app
    from gateway.api.logs import configure
    from gateway.exchange import open_pipeline
    from gateway.exchange.pipeline import FORMATS

    settings = _settings(host, port)
    configure()
    pipeline = open_pipeline(settings)
    for version in FORMATS:
        pipeline.served(version)  # so that the first caller does not wait for the mappings
    typer.echo(f"Zibpoort listens on http://{settings.host}:{settings.port}; Ctrl-C stops it", err=True)
    try:
        uvicorn.run(
            create_app(pipeline, settings),
            host=settings.host,
            port=settings.port,
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=GRACE_SECONDS,
        )
    finally:
        pipeline.books.database.close()


def _settings(host: str, port: int) -> Settings:
    """The settings, looked over.  Raises `Fault` when something in them is wrong; warnings are only said."""
    from gateway.errors import Fault
    from gateway.settings import load_settings, problems

    settings = load_settings()
    given = {name: value for name, value in (("host", host), ("port", port)) if value}
    settings = settings.model_copy(update=given)
    if "base_url" not in settings.model_fields_set:
        name = f"[{settings.host}]" if ":" in settings.host else settings.host
        name = "127.0.0.1" if name in EVERYWHERE else name
        settings = settings.model_copy(update={"base_url": f"http://{name}:{settings.port}"})
    found = problems(settings)
    if wrong := [issue for issue in found if issue.severity in ("error", "fatal")]:
        raise Fault(*wrong)
    for issue in found:
        typer.echo(f"{issue.severity}: {issue.diagnostics()}", err=True)
    return settings
