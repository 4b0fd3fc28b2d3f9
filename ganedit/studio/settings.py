"""How the page is served. Light to import: the command line checks its options with it."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from ganedit.errors import UsageError


@dataclass(frozen=True)
class Settings:
    """How the page is served.

    Attributes:
        host: Address to listen on.
        port: Port; None takes the first free one from 7860 on.
        password: What visitors have to enter; empty lets everybody in who reaches the address.
        device: Where models run.
        dtype: Their type of numbers.

    Raises:
        UsageError: A port that does not exist, or no password for an address that others can reach.
    """

    host: str = "127.0.0.1"
    port: int | None = None
    password: str = ""
    device: str = "auto"
    dtype: str = "auto"

    def __post_init__(self) -> None:
        if self.port is not None and not 1 <= self.port <= 65535:
            raise UsageError(f"`port={self.port}` must be between 1 and 65535")
        if not is_local(self.host) and not self.password:
            raise UsageError(
                f"`host={self.host}` lets other computers in, which needs a password",
                "set GANEDIT_STUDIO_PASSWORD, or enter one when asked",
            )


def is_local(host: str) -> bool:
    """Whether only this computer reaches an address.

    >>> is_local("127.0.0.1"), is_local("localhost"), is_local("0.0.0.0")
    (True, True, False)
    """
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
