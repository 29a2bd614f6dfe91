"""Settings: environment, then `resguardo.toml`, then defaults. Nothing else reads the environment."""

from __future__ import annotations

import os
import re
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError
from platformdirs import user_data_path
from pydantic import AfterValidator, AliasChoices, BeforeValidator, Field, SecretStr, ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from resguardo.errors import Usage

TOML_NAME = "resguardo.toml"


def _zone(value: object) -> object:
    if isinstance(value, ZoneInfo):
        return value
    try:
        return ZoneInfo(str(value))
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ValueError(f"no es una zona horaria conocida: {value}") from error


def _cron(value: str) -> str:
    if value:
        try:
            CronSim(value, datetime(2026, 1, 1))
        except CronSimError as error:
            raise ValueError(f"no es un horario de cron: {value} ({error})") from error
    return value


def _address(value: str) -> str:
    if value and not re.fullmatch(r"https?://[^\s/?#<>\"]+(/[^\s?#<>\"]*)?", value):
        raise ValueError(f"no es una dirección como https://tablero.ejemplo.mx: {value}")
    return value.rstrip("/")


class Settings(BaseSettings):
    """Everything an installation can choose. Environment names are `RESGUARDO_<NAME>`."""

    model_config = SettingsConfigDict(
        env_prefix="RESGUARDO_",
        toml_file=TOML_NAME,
        frozen=True,
        extra="ignore",
        populate_by_name=True,
        arbitrary_types_allowed=True,
    )

    data: Path = Field(default_factory=lambda: user_data_path("resguardo", appauthor=False))
    """The one folder for everything local: `db/`, `journal/`, `vault/`, `log/`."""

    mongodb_uri: SecretStr | None = Field(None, validation_alias=AliasChoices("RESGUARDO_MONGODB_URI", "MONGO_URI"))
    """A MongoDB; without one, an embedded server is started on `data/db`."""
    database: str = Field(
        "segmentacion_db", validation_alias=AliasChoices("RESGUARDO_DATABASE", "MONGO_DB"), min_length=1
    )
    batches_collection: str = "batches"
    """In `database`; an old system may have named it otherwise."""
    segmentadores_database: str | None = None
    """Where the segmentadores are, when not in `database`."""
    segmentadores_collection: str = "segmentadores"
    """In `segmentadores_database` or, without one, in `database`."""
    masks_database: str | None = None
    """Where the masks (GridFS) are, when not in `database`."""
    masks_bucket: str = "fs"
    """Its GridFS bucket: masks are in `<bucket>.files` and `<bucket>.chunks`."""
    mongodb_timeout: Annotated[float, Field(gt=0, le=60)] = 2.0
    """Seconds to look for a MongoDB before a request is answered with 503."""

    zone: Annotated[ZoneInfo, BeforeValidator(_zone)] = ZoneInfo("America/Mexico_City")
    """What "today" is, and the clock that people see."""
    language: str = Field("es", pattern="^(es|en)$")
    """Of pages and messages for those who have chosen none."""
    host: str = "127.0.0.1"
    port: int = Field(8000, ge=0, le=65535)
    secure_cookies: bool = False
    """Set when the board is served over HTTPS."""
    behind_proxy: bool = False
    """Trust one proxy's X-Forwarded-For and X-Forwarded-Proto."""
    admin_password: SecretStr | None = None
    """The first lead's password; without it, the first start prints a one-time link."""
    max_upload_mb: int = Field(1024, ge=1)
    """The largest file that people may upload."""

    backup_daily: Annotated[str, AfterValidator(_cron)] = "0 23 * * *"
    """When copies are made, as cron writes it, on the board's clock; empty for never. The same for the next two."""
    backup_weekly: Annotated[str, AfterValidator(_cron)] = "0 23 * * 5"
    backup_monthly: Annotated[str, AfterValidator(_cron)] = "0 23 * * 5L"
    """Cron's `5L` is the last Friday of a month."""
    keep_daily: int = Field(7, ge=0)
    """Of so many days the newest good copy stays (`vault.retention`); the next two say it of weeks and months."""
    keep_weekly: int = Field(4, ge=0)
    keep_monthly: int = Field(12, ge=0)
    keep_safety_days: int = Field(90, ge=0)
    """Days that copies made before dangerous operations stay."""
    drill_largest_mb: int = Field(500, ge=0)
    """Copies up to this size are restored in a drill as soon as they are made; larger ones take turns."""
    safety_from: int = Field(40, ge=1)
    """A copy is made before this many batches are deleted at once."""

    smtp_host: str = ""
    """The server that mail is handed to; without one, and without `mail_from`, none is sent."""
    smtp_port: int | None = Field(None, ge=1, le=65535)
    """Without one: 587 for starttls, 465 for tls, 25 for none."""
    smtp_security: Literal["starttls", "tls", "none"] = "starttls"
    smtp_user: str = ""
    smtp_password: SecretStr | None = None
    smtp_ca: Path | None = None
    """Certificates to trust beside those of the system (PEM), for a mail server with one of its own."""
    mail_from: str = ""
    """Who the messages are from: `board@example.org`, or `Resguardo <board@example.org>`."""
    mail_reply_to: str = ""
    public_url: Annotated[str, AfterValidator(_address)] = ""
    """Where people reach the board, `https://board.example.org`; links in messages lead there."""
    mail_attachment: Literal["csv", "xlsx"] = "csv"
    """As what a work list is attached."""
    mail_worklist: Annotated[str, AfterValidator(_cron)] = ""
    """When everybody gets their work list by mail, as cron writes it; empty for only by button."""
    mail_due: Annotated[str, AfterValidator(_cron)] = "0 8 * * 1-5"
    """When people are reminded of what is due within `mail_due_days` or overdue."""
    mail_due_days: int = Field(3, ge=0, le=365)
    mail_summary: Annotated[str, AfterValidator(_cron)] = "0 8 * * 1"
    """When the leads get the team's summary."""
    mail_assigned_minutes: int = Field(15, ge=0, le=24 * 60)
    """After so many minutes without another assignment a person is told of theirs; 0 for never."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)


def load(**overrides: Any) -> Settings:
    """The settings in force; `overrides` that are not None win over everything.

    Raises `Usage`, naming each setting that cannot be used and why.
    """
    try:
        return Settings(**{name: value for name, value in overrides.items() if value is not None})
    except (ValidationError, ValueError, OSError) as error:
        raise Usage("La configuración no se puede usar: {why}", why=_explain(error)) from error


def _explain(error: Exception) -> str:
    if not isinstance(error, ValidationError):
        return str(error)
    rows = (f"{'.'.join(str(part) for part in row['loc'])}: {row['msg']}" for row in error.errors())
    return "; ".join(rows)


def child_environment() -> dict[str, str]:
    """The environment for a program we start: ours, without any secret of ours in it."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("RESGUARDO_", "MONGO_"))}
