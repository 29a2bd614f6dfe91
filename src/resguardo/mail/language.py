"""Messages in the language of whoever gets them: templates, with the translations that the pages have, too."""

from __future__ import annotations

import re
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any, Final, cast

from babel.dates import format_date, format_datetime
from babel.numbers import format_decimal
from babel.support import NullTranslations, Translations
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from resguardo.mail.address import one_line

HERE: Final = Path(__file__).parent
CATALOGUE: Final = HERE.parent / "web" / "translations"
LOCALES: Final = {"es": "es_MX", "en": "en"}


@cache
def translations(language: str) -> NullTranslations:
    """Spanish is what stands in the source."""
    return Translations.load(CATALOGUE, [language]) if language != "es" else NullTranslations()


@cache
def _environment(language: str) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=select_autoescape(["html"], default=False),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    known = translations(language)
    install = cast(Any, environment).install_gettext_callables
    install(known.ugettext, known.ungettext, newstyle=True)
    environment.filters |= {
        "day": lambda value: day(value, language),
        "moment": lambda value: moment(value, language),
        "number": lambda value: format_decimal(value, locale=LOCALES[language]),
        "line": one_line,
    }
    return environment


def render(template: str, language: str, fields: dict[str, Any]) -> str:
    text = _environment(language).get_template(template).render(language=language, **fields)
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


def day(value: object, language: str) -> str:
    """`2026-11-28` -> `vie 28 nov`; what is no day stays as it is."""
    try:
        found = date.fromisoformat(str(value)[:10])
    except ValueError:
        return one_line(str(value or ""))
    return format_date(found, "EEE d MMM" if language == "es" else "EEE, MMM d", locale=LOCALES[language])


def moment(value: datetime, language: str) -> str:
    form = "EEE d MMM, HH:mm" if language == "es" else "EEE, MMM d, HH:mm"
    return format_datetime(value, form, tzinfo=value.tzinfo, locale=LOCALES[language])
