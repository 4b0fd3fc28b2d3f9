"""Serves the page: its address, password, temporary folder and limits."""

from __future__ import annotations

import hmac
import os
import secrets
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganedit.errors import UsageError
from ganedit.studio.scripts import ALIVE
from ganedit.studio.settings import Settings, is_local

if TYPE_CHECKING:
    from ganedit.studio.errors import Explain

USER = "ganedit"
MAX_UPLOAD = "500mb"
PORTS = range(7860, 7960)
POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; media-src 'self' data: blob:; font-src 'self' data:; "
    "connect-src 'self'; worker-src 'self' blob:; frame-ancestors 'none'; base-uri 'self'; form-action 'self'"
)
"""Content security policy: the page may talk to this server alone."""


@contextmanager
def served(settings: Settings, explain: Explain) -> Iterator[str]:
    """Serve the page while the context lasts, and give its address; then its temporary folder is removed.

    Args:
        settings: Where, and for whom.
        explain: Makes the sentences of failures.

    Raises:
        UsageError: The address or the port cannot be used.
    """
    with tempfile.TemporaryDirectory(prefix="ganedit-studio-", ignore_cleanup_errors=True) as name:
        folder = Path(name).resolve()
        os.environ["GRADIO_TEMP_DIR"] = str(folder)  # for uploads and results; before gradio is imported
        os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
        from ganedit.studio.page import build
        from ganedit.studio.workshop import Workshop

        shop = Workshop(folder, explain, settings.device, settings.dtype)
        page = build(shop)
        try:
            yield _launch(page, settings)
        finally:
            shop.close()
            page.close(verbose=False)


def _launch(page: Any, settings: Settings) -> str:
    from starlette.middleware import Middleware

    from ganedit.studio.page import look

    run = secrets.token_hex(8)
    guard = Middleware(Guarded, local=is_local(settings.host), run=run)
    try:
        _, address, _ = page.launch(
            server_name=settings.host,
            server_port=settings.port or _free_port(settings.host),
            auth=_guard(settings.password) if settings.password else None,
            auth_message=f"The user is “{USER}”; the password was chosen when the server was started.",
            prevent_thread_lock=True,
            inbrowser=False,
            share=False,
            quiet=True,
            footer_links=[],
            run_history=False,
            enable_monitoring=False,
            mcp_server=False,
            ssr_mode=False,
            pwa=False,
            max_file_size=MAX_UPLOAD,
            state_session_capacity=100,
            app_kwargs={"middleware": [guard], "docs_url": None},
            **look(run),
        )
    except OSError as error:
        raise UsageError(
            f"{settings.host} port {settings.port or PORTS.start} cannot be used: {error}",
            "name another `port`",
        ) from None
    return str(address)


def _free_port(host: str) -> int:
    import socket

    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for port in PORTS:
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError as error:
                problem = error
                continue
            return port
    raise problem


def _guard(password: str) -> Callable[[str, str], bool]:
    """Checks what a visitor has entered, in a time that does not depend on it."""

    def right(user: str, entered: str) -> bool:
        return user.strip() == USER and hmac.compare_digest(entered.encode(), password.encode())

    return right


class Guarded:
    """Middleware that adds the security policy to answers; a server for this computer alone refuses requests
    under other names, which a page of another site could have sent (DNS rebinding). It tells pages that the
    server is there, too."""

    def __init__(self, app: Any, local: bool, run: str) -> None:
        self._app, self._local, self._run = app, local, run

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        host = dict(scope["headers"]).get(b"host", b"").decode("latin-1")
        if self._local and not is_local(_without_port(host)):
            await _answer(send, 421, b"This server answers to localhost only.")
            return
        if scope["path"] == ALIVE:
            await _answer(send, 200, self._run.encode())
            return

        async def guarded(message: Any) -> None:
            if message["type"] == "http.response.start":
                extra = {
                    b"content-security-policy": POLICY.encode(),
                    b"x-content-type-options": b"nosniff",
                    b"referrer-policy": b"no-referrer",
                }
                message = {**message, "headers": [*message.get("headers", []), *extra.items()]}
            await send(message)

        await self._app(scope, receive, guarded)


async def _answer(send: Any, status: int, text: bytes) -> None:
    headers = [(b"content-type", b"text/plain"), (b"cache-control", b"no-store")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": text})


def _without_port(host: str) -> str:
    """The name in a Host header.

    >>> _without_port("localhost:7860"), _without_port("[::1]:7860")
    ('localhost', '::1')
    """
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]
