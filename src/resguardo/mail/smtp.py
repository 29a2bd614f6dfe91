"""The SMTP dialogue: a connection with TLS and a login, and what the server's answers mean.

What concerns the connection (no such host, a certificate that is not right, a refused login) is raised as `MailTrouble`
and concerns all messages; what concerns one message is answered as an `Outcome`.
"""

from __future__ import annotations

import base64
import smtplib
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Final, Literal

from resguardo.config import Settings
from resguardo.errors import Invalid, MailTrouble
from resguardo.mail.address import named

TIMEOUT: Final = 30.0
"""Seconds for one answer of the server. A dialogue has less than ten, so that it ends well before a lease does."""
PORTS: Final = {"starttls": 587, "tls": 465, "none": 25}
MISSING: Final = {
    "host": "RESGUARDO_SMTP_HOST: el servidor de correo de tu institución.",
    "from": "RESGUARDO_MAIL_FROM: de parte de quién, por ejemplo Resguardo <tablero@ejemplo.mx>.",
    "bad from": "RESGUARDO_MAIL_FROM no es una dirección de correo.",
    "bad reply": "RESGUARDO_MAIL_REPLY_TO no es una dirección de correo.",
    "bare password": "RESGUARDO_SMTP_SECURITY es none: la contraseña viajaría sin cifrar. Pon starttls o tls.",
}
LOCAL: Final = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True)
class Outcome:
    """`lost`: the connection broke off; whether the message was taken is not known."""

    state: Literal["sent", "refused", "later", "lost"]
    why: str


def port_of(settings: Settings) -> int:
    return settings.smtp_port or PORTS[settings.smtp_security]


def unconfigured(settings: Settings) -> list[str]:
    """What is missing before any mail can be sent; nothing when all is there."""
    missing = []
    if not settings.smtp_host:
        missing.append(MISSING["host"])
    if not settings.mail_from:
        missing.append(MISSING["from"])
    elif named(settings.mail_from) is None:
        missing.append(MISSING["bad from"])
    if settings.mail_reply_to and named(settings.mail_reply_to) is None:
        missing.append(MISSING["bad reply"])
    if settings.smtp_user and settings.smtp_security == "none" and settings.smtp_host not in LOCAL:
        missing.append(MISSING["bare password"])
    return missing


def demand_configured(settings: Settings) -> None:
    """Raises `Invalid`."""
    missing = unconfigured(settings)
    if missing:
        raise Invalid("El correo no está configurado. {missing}", missing=" ".join(missing))


@contextmanager
def connected(settings: Settings) -> Iterator[smtplib.SMTP]:
    """A dialogue, encrypted and logged in as the settings say. Raises `MailTrouble`."""
    server = _opened(settings)
    try:
        yield server
    finally:
        with suppress(OSError, smtplib.SMTPException):
            server.quit()
        server.close()


def _opened(settings: Settings) -> smtplib.SMTP:
    host, port = settings.smtp_host, port_of(settings)
    try:
        context = ssl.create_default_context()
        if settings.smtp_ca is not None:
            context.load_verify_locations(settings.smtp_ca)
        if settings.smtp_security == "tls":
            server: smtplib.SMTP = smtplib.SMTP_SSL(host, port, timeout=TIMEOUT, context=context)
        else:
            server = smtplib.SMTP(host, port, timeout=TIMEOUT)
    except (OSError, smtplib.SMTPException) as error:
        raise _trouble(error, settings) from error
    try:
        if settings.smtp_security == "starttls":
            server.starttls(context=context)
        if settings.smtp_user:
            password = settings.smtp_password.get_secret_value() if settings.smtp_password else ""
            _log_in(server, settings.smtp_user, password)
        server.ehlo_or_helo_if_needed()
    except (OSError, smtplib.SMTPException, ValueError) as error:
        server.close()
        raise _trouble(error, settings) from error
    return server


def _log_in(server: smtplib.SMTP, user: str, password: str) -> None:
    if (user + password).isascii():
        server.login(user, password)
        return
    # smtplib takes only ASCII; PLAIN carries UTF-8 (RFC 4616).
    server.ehlo_or_helo_if_needed()
    secret = base64.b64encode(f"\0{user}\0{password}".encode()).decode()
    code, said = server.docmd("AUTH", f"PLAIN {secret}")
    if code != 235:
        raise smtplib.SMTPAuthenticationError(code, said)


def _trouble(error: Exception, settings: Settings) -> MailTrouble:
    host = f"{settings.smtp_host}:{port_of(settings)}"
    if isinstance(error, ssl.SSLCertVerificationError):
        return _lasting(
            MailTrouble(
                "El certificado de {host} no es de fiar: {why}.",
                hint="Si es un certificado propio, pon su archivo en RESGUARDO_SMTP_CA.",
                host=host,
                why=error.verify_message,
            )
        )
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return _lasting(
            MailTrouble(
                "El servidor de correo no acepta el usuario o la contraseña: {why}.",
                hint="Revisa RESGUARDO_SMTP_USER y RESGUARDO_SMTP_PASSWORD.",
                why=reply(error.smtp_code, error.smtp_error),
            )
        )
    if isinstance(error, smtplib.SMTPNotSupportedError | ssl.SSLError):
        return _lasting(
            MailTrouble(
                "{host} no habla como dice RESGUARDO_SMTP_SECURITY ({security}): {why}.",
                hint="Prueba con starttls (puerto 587) o tls (puerto 465).",
                host=host,
                security=settings.smtp_security,
                why=str(error),
            )
        )
    why = reply(error.smtp_code, error.smtp_error) if isinstance(error, smtplib.SMTPResponseException) else _why(error)
    return MailTrouble("No se puede hablar con el servidor de correo {host}: {why}.", host=host, why=why)


def _lasting(trouble: MailTrouble) -> MailTrouble:
    trouble.lasting = True
    return trouble


def _why(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "no contesta"
    if isinstance(error, socket.gaierror):
        return "no existe ese nombre"
    return getattr(error, "strerror", None) or str(error)


def reply(code: int, text: bytes | str) -> str:
    """The server's answer, as one line that can be shown."""
    words = text.decode(errors="replace") if isinstance(text, bytes) else text
    return f"{code} {' '.join(words.split())}"[:300]


def hand_over(server: smtplib.SMTP, sender: str, to: str, content: bytes) -> Outcome:
    """One message. Never raises what the server can cause; after `lost` the connection is of no use."""
    try:
        # Not `sendmail`, which keeps the server's answer to itself: it names the message in the server's own log.
        code, said = server.mail(sender)
        if code == 250:
            code, said = server.rcpt(to)
        if code not in (250, 251):
            server.rset()
            return _refused(code, said)
        code, said = server.data(content)
    except smtplib.SMTPDataError as error:
        return _refused(error.smtp_code, error.smtp_error)
    except (smtplib.SMTPException, OSError) as error:
        return Outcome("lost", f"se cortó la conexión: {_why(error)}")
    if code != 250:
        with suppress(smtplib.SMTPException, OSError):
            server.rset()
        return _refused(code, said)
    return Outcome("sent", reply(code, said))


def _refused(code: int, said: bytes | str) -> Outcome:
    return Outcome("refused" if 500 <= code < 600 else "later", reply(code, said))
