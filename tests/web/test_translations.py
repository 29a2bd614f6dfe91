"""Every text of the pages and of their scripts can be read in English."""

import re
from pathlib import Path

from babel.messages.pofile import read_po

ROOT = Path(__file__).parents[2]
WEB = ROOT / "src" / "resguardo" / "web"
IN_TEMPLATES = re.compile(r"\b_\(\s*(['\"])(.*?)\1")
IN_SCRIPTS = re.compile(r'\bt\(\s*"([^"]+)"')
PLURALS = re.compile(r'"([^"\n]*\{count\}[^"\n]*)"')


def texts() -> set[str]:
    templates = (path.read_text(encoding="utf-8") for path in (WEB / "templates").glob("*.html"))
    scripts = [path.read_text(encoding="utf-8") for path in (ROOT / "frontend" / "src").rglob("*.ts")]
    found = {text for page in templates for _quote, text in IN_TEMPLATES.findall(page)}
    for script in scripts:
        found.update(IN_SCRIPTS.findall(script), PLURALS.findall(script))
    return found


def test_every_text_has_its_translation() -> None:
    with (WEB / "translations/en/LC_MESSAGES/messages.po").open("rb") as source:
        catalogue = {message.id: message.string for message in read_po(source) if message.id}
    assert len(texts()) > 150
    assert {text for text in texts() if not catalogue.get(text)} == set()


def test_a_translation_keeps_the_places_of_its_text() -> None:
    places = re.compile(r"\{\w+\}|%\(\w+\)s")
    with (WEB / "translations/en/LC_MESSAGES/messages.po").open("rb") as source:
        for message in read_po(source):
            if message.id:
                assert set(places.findall(message.id)) == set(places.findall(message.string)), message.id
