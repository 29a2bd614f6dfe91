"""The Flask application: what every answer has in common. The views are in the modules it registers."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from flask import Flask, Response, g, request
from flask_babel import Babel
from werkzeug.middleware.proxy_fix import ProxyFix

from resguardo import auth
from resguardo.config import Settings
from resguardo.ledger.record import Ledger
from resguardo.ledger.watch import Watch
from resguardo.store import Store
from resguardo.store.connect import deadline
from resguardo.store.outcome import noting_writes
from resguardo.web import (
    api_accounts,
    api_backups,
    api_batches,
    api_board,
    api_diff,
    api_files,
    api_history,
    api_intake,
    api_mail,
    api_people,
    api_problems,
    api_restore,
    api_status,
    errors,
    last_copy,
    login,
    metrics,
    openapi,
    pages,
    pages_accounts,
    pages_history,
    pages_mail,
    pages_vault,
)
from resguardo.web.context import NAME, Board, board, csp_nonce, csrf_token, current_account
from resguardo.web.outage import Mender
from resguardo.web.remembered import NAME as REMEMBERED
from resguardo.web.remembered import Remembered

VIEWS: Final = (
    *(login, pages, pages_history),
    *(api_batches, api_people, api_board, api_files, api_history, api_problems, metrics, openapi),
    *(api_backups, api_diff, api_status, pages_vault, last_copy),
    *(api_restore, api_intake, api_mail, pages_mail),
    *(api_accounts, pages_accounts),
)
LANGUAGES: Final = ("es", "en")
LANGUAGE_COOKIE: Final = "resguardo_lang"
BRIEF_SECONDS: Final = 2.3
"""How long a request that reads or writes little may wait for MongoDB in all: three seconds are promised."""
LONG_READS: Final = frozenset(
    {
        *("api_batches", "api_progress", "data_management", "metrics", "readyz"),
        *("operations", "operation", "board_at", "restore_plan"),
        *("api_status", "backups", "backups_plan", "show_backup"),
        *("mail", "mail_outbox", "mail_preview"),
        *("export_worklist", "export_summary", "export_batches", "database_backup", "download_backup"),
        "print_worklist",
    }
)
"""They may read the whole board, or have a limit of their own."""
BRIEF_WRITES: Final = frozenset(
    {
        *("log_in", "log_out", "change_password", "make_token", "revoke_tokens"),
        *("create_account", "edit_account", "reset_password"),
        *("create_batch", "edit_batch", "delete_batch", "create_segmentador"),
    }
)
"""All others may change thousands of documents. A server that hangs ends those too (`store.connect.open_client`)."""


class ResguardoFlask(Flask):
    mender: Mender

    def full_dispatch_request(self) -> Response:
        begun = datetime.now(UTC)
        with noting_writes() as writes, deadline(BRIEF_SECONDS) if _is_brief() else nullcontext():
            response = super().full_dispatch_request()
        if writes.begun and response.status_code == 503:
            self.mender.look_after(begun)
        return response


def _is_brief() -> bool:
    if request.method in ("GET", "HEAD"):
        return request.endpoint not in LONG_READS
    return request.endpoint in BRIEF_WRITES


def create_app(settings: Settings, store: Store, ledger: Ledger, watch: Watch) -> Flask:
    app = ResguardoFlask("resguardo.web", static_folder="static", template_folder="templates")
    app.extensions[NAME] = Board(settings, store, ledger, watch, settings.data / "vault")
    app.mender = Mender(store, ledger)
    app.extensions[REMEMBERED] = Remembered()
    app.config["MAX_CONTENT_LENGTH"] = settings.max_upload_mb * 1024 * 1024
    app.url_map.merge_slashes = False  # an id may hold two slashes
    app.json.sort_keys = False  # type: ignore[attr-defined]
    if settings.behind_proxy:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=1, x_proto=1, x_host=1)  # type: ignore[method-assign]
    app.config["BABEL_TRANSLATION_DIRECTORIES"] = str(Path(__file__).parent / "translations")
    app.config["BABEL_DEFAULT_LOCALE"] = settings.language
    Babel(app, locale_selector=_language)
    app.context_processor(_for_templates)
    app.after_request(_keep_language)
    app.after_request(_harden)
    errors.register(app)
    for module in VIEWS:
        module.register(app)
    return app


def _for_templates() -> dict[str, Any]:
    account = current_account()
    return {
        "account": account,
        "may": lambda permission: account is not None and auth.may(account, permission),
        "csrf_token": csrf_token(),
        "csp_nonce": csp_nonce(),
        "journal_trouble": board().ledger.journal.trouble,
    }


def _language() -> str | None:
    account = current_account()
    chosen = (request.args.get("lang"), request.cookies.get(LANGUAGE_COOKIE), account.language if account else None)
    known = next((language for language in chosen if language in LANGUAGES), None)
    return known or request.accept_languages.best_match(LANGUAGES)


def _keep_language(response: Response) -> Response:
    language = request.args.get("lang", "")
    if language in LANGUAGES:
        response.set_cookie(LANGUAGE_COOKIE, language, max_age=365 * 24 * 3600, samesite="Lax", httponly=True)
    return response


def _harden(response: Response) -> Response:
    nonce = f" 'nonce-{g.csp_nonce}'" if "csp_nonce" in g else ""
    headers = {
        "Content-Security-Policy": (
            f"default-src 'self'; script-src 'self'{nonce}; style-src 'self'{nonce}; img-src 'self' data:; "
            "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
        ),
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Referrer-Policy": "same-origin",
    }
    for name, value in headers.items():
        response.headers.setdefault(name, value)
    if request.endpoint != "static":
        response.headers.setdefault("Cache-Control", "no-store")
    if request.is_secure:
        response.headers.setdefault("Strict-Transport-Security", "max-age=31536000")
    return response
