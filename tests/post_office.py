"""A real SMTP server for the tests, with TLS and a login where they are asked for."""

from __future__ import annotations

import email
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path
from typing import Any

import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope, LoginPassword, Session

USER, PASSWORD = "tablero", "contraseña: ñandú"


@dataclass
class PostOffice:
    """What arrived, and what the server answers to whom. `answers`: what RCPT to an address gets, again and again.

    `data_answers`: what the next messages get in place of 250; `hang_up`: so many times the connection is cut after a
    message was taken.
    """

    port: int = 0
    answers: dict[str, str] = field(default_factory=dict)
    data_answers: list[str] = field(default_factory=list)
    hang_up: int = 0
    logins: list[str] = field(default_factory=list)
    encrypted: list[bool] = field(default_factory=list)
    _taken: list[tuple[list[str], bytes]] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def raw(self) -> list[bytes]:
        with self._lock:
            return [content for _, content in self._taken]

    @property
    def messages(self) -> list[EmailMessage]:
        return [email.message_from_bytes(content, policy=SMTP) for content in self.raw]

    @property
    def envelopes(self) -> list[list[str]]:
        with self._lock:
            return [to for to, _ in self._taken]

    def to(self, address: str) -> list[EmailMessage]:
        return [message for to, message in zip(self.envelopes, self.messages, strict=True) if to == [address]]

    async def handle_RCPT(self, server: Any, session: Session, envelope: Envelope, address: str, options: Any) -> str:
        answer = self.answers.get(address, "250 OK")
        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server: Any, session: Session, envelope: Envelope) -> str:
        if self.data_answers:
            return self.data_answers.pop(0)
        with self._lock:
            content = envelope.original_content or b""
            self._taken.append((list(envelope.rcpt_tos), content))
            self.encrypted.append(server.transport.get_extra_info("ssl_object") is not None)
        if self.hang_up:
            self.hang_up -= 1
            server.transport.abort()
        return f"250 Ok: queued as {len(self._taken)}"

    def authenticate(self, server: Any, session: Session, envelope: Envelope, how: str, data: Any) -> AuthResult:
        fits = isinstance(data, LoginPassword) and data.login == USER.encode() and data.password == PASSWORD.encode()
        self.logins.append("ok" if fits else "wrong")
        return AuthResult(success=fits, handled=False, auth_data=data if fits else None)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def opened(office: PostOffice, **more: Any) -> Iterator[PostOffice]:
    office.port = free_port()
    controller = Controller(office, hostname="127.0.0.1", port=office.port, **more)
    controller.start()
    try:
        yield office
    finally:
        controller.stop()


def certificate(folder: Path, *names: str) -> tuple[ssl.SSLContext, Path]:
    """(a server's context with a certificate for these names, the file of who vouches for it)"""
    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(*names).configure_cert(context)
    path = folder / "ca.pem"
    authority.cert_pem.write_to_path(path)
    return context, path
