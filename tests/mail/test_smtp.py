"""TLS, the login, and what the server's answers mean, on a real server."""

from __future__ import annotations

import pytest
from pydantic import SecretStr

from post_office import PASSWORD, USER, PostOffice, certificate, free_port, opened
from resguardo.errors import Invalid, MailTrouble
from resguardo.mail.smtp import connected, demand_configured, hand_over, unconfigured

MESSAGE = b"Subject: x\r\n\r\n.hola\r\n..\r\n"


@pytest.fixture
def secure(settings):
    def secure(office, ca, **more):
        fields = {"smtp_host": "localhost", "smtp_port": office.port, "smtp_ca": ca, "mail_from": "t@x.mx"}
        login = {"smtp_user": USER, "smtp_password": SecretStr(PASSWORD)}
        return settings.model_copy(update={**fields, **login, "smtp_security": "starttls", **more})

    return secure


def sent(settings, to="a@x.mx"):
    with connected(settings) as server:
        return hand_over(server, "t@x.mx", to, MESSAGE)


def trouble(settings):
    with pytest.raises(MailTrouble) as raised, connected(settings):
        pass
    return raised.value


def with_login(office, context):
    login = {"authenticator": office.authenticate, "auth_required": True, "auth_require_tls": True}
    return opened(office, tls_context=context, require_starttls=True, **login)


def test_starttls_and_a_login(secure, tmp_path):
    context, ca = certificate(tmp_path, "localhost")
    with with_login(PostOffice(), context) as office:
        outcome = sent(secure(office, ca))
        assert (outcome.state, outcome.why) == ("sent", "250 Ok: queued as 1")
        assert office.encrypted == [True]
        assert office.logins == ["ok"]
        assert office.raw == [MESSAGE]


def test_tls_from_the_start(secure, tmp_path):
    context, ca = certificate(tmp_path, "localhost")
    office = PostOffice()
    with opened(office, ssl_context=context, authenticator=office.authenticate, auth_require_tls=False):
        assert sent(secure(office, ca, smtp_security="tls")).state == "sent"
        assert office.encrypted == [True]
        assert office.logins == ["ok"]


def test_a_wrong_password_is_said_and_lasts(secure, tmp_path):
    context, ca = certificate(tmp_path, "localhost")
    with with_login(PostOffice(), context) as office:
        said = trouble(secure(office, ca, smtp_password=SecretStr("otra")))
    assert "no acepta el usuario o la contraseña: 535" in str(said)
    assert "otra" not in str(said)
    assert said.lasting


def test_a_certificate_of_nobody_is_not_trusted(secure, tmp_path):
    context, _ = certificate(tmp_path, "localhost")
    with with_login(PostOffice(), context) as office:
        said = trouble(secure(office, None))
        assert office.logins == []
    assert "no es de fiar" in str(said)
    assert "RESGUARDO_SMTP_CA" in str(said)


def test_a_certificate_for_another_name_is_not_trusted(secure, tmp_path):
    context, ca = certificate(tmp_path, "otro.ejemplo.mx")
    with with_login(PostOffice(), context) as office:
        assert "no es de fiar" in str(trouble(secure(office, ca)))
        assert office.logins == []


def test_without_starttls_no_password_is_sent(secure, tmp_path):
    """Whoever sits in between and hides STARTTLS learns nothing."""
    office = PostOffice()
    with opened(office, authenticator=office.authenticate, auth_require_tls=False):
        said = trouble(secure(office, None))
        assert office.logins == []
    assert "RESGUARDO_SMTP_SECURITY (starttls)" in str(said)


def test_nobody_there_is_said(settings):
    port = free_port()
    said = trouble(settings.model_copy(update={"smtp_host": "127.0.0.1", "smtp_port": port, "smtp_security": "none"}))
    assert f"127.0.0.1:{port}" in str(said)
    assert not said.lasting


@pytest.mark.parametrize(("answer", "state"), [("550 no such user", "refused"), ("451 later", "later")])
def test_what_the_server_says_of_an_address(mailing, office, answer, state):
    office.answers["a@x.mx"] = answer
    with connected(mailing) as server:
        outcome = hand_over(server, "t@x.mx", "a@x.mx", MESSAGE)
        assert (outcome.state, outcome.why) == (state, answer)
        assert hand_over(server, "t@x.mx", "b@x.mx", MESSAGE).state == "sent"


@pytest.mark.parametrize(("answer", "state"), [("554 5.7.1 spam", "refused"), ("452 full", "later")])
def test_what_the_server_says_of_a_message(mailing, office, answer, state):
    office.data_answers.append(answer)
    with connected(mailing) as server:
        assert hand_over(server, "t@x.mx", "a@x.mx", MESSAGE).state == state
        assert hand_over(server, "t@x.mx", "a@x.mx", MESSAGE).state == "sent"


def test_a_connection_that_breaks_off_leaves_it_open(mailing, office):
    office.hang_up = 1
    assert sent(mailing).state == "lost"


def test_what_is_missing_is_named(settings):
    assert len(unconfigured(settings)) == 2
    with pytest.raises(Invalid, match="RESGUARDO_SMTP_HOST"):
        demand_configured(settings)
    half = settings.model_copy(update={"smtp_host": "mail.x.mx", "mail_from": "nadie"})
    assert unconfigured(half) == ["RESGUARDO_MAIL_FROM no es una dirección de correo."]
    bare = half.model_copy(update={"mail_from": "t@x.mx", "smtp_user": "u", "smtp_security": "none"})
    assert "sin cifrar" in unconfigured(bare)[0]
