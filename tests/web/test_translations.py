"""Every text of the pages and of their scripts, and every sentence of the program itself, can be read in English."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

from browsing import Browser
from resguardo import errors
from resguardo.errors import Invalid, ResguardoError
from resguardo.mail import address, smtp
from resguardo.web.errors import _DEFAULT_MESSAGE, _MESSAGES

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "resguardo"
WEB = SOURCE / "web"
IN_TEMPLATES = re.compile(r"\b_\(\s*(['\"])(.*?)\1")
PLURALS_IN_TEMPLATES = re.compile(r'\bngettext\("(.*?)", "(.*?)"')
IN_SCRIPTS = re.compile(r'\bt\(\s*"([^"]+)"')
PLURALS = re.compile(r'"([^"\n]*\{count\}[^"\n]*)"')


def texts() -> set[str]:
    folders = (WEB / "templates", SOURCE / "mail" / "templates")
    templates = [path.read_text(encoding="utf-8") for folder in folders for path in folder.iterdir()]
    scripts = [path.read_text(encoding="utf-8") for path in (ROOT / "frontend" / "src").rglob("*.ts")]
    found = {text for page in templates for _quote, text in IN_TEMPLATES.findall(page)}
    found.update(text for page in templates for pair in PLURALS_IN_TEMPLATES.findall(page) for text in pair)
    found.update((address.NO_ADDRESS, address.BAD_ADDRESS, address.OFF, address.NO_WORK))
    found.update(smtp.MISSING.values())
    for script in scripts:
        found.update(IN_SCRIPTS.findall(script), PLURALS.findall(script))
    return found


def catalogue() -> dict[str, str]:
    """Every text, its plural too, and its translation."""
    with (WEB / "translations/en/LC_MESSAGES/messages.po").open("rb") as source:
        pairs: dict[str, str] = {}
        for message in read_po(source):
            ids = message.id if isinstance(message.id, tuple) else (message.id,)
            said = message.string if isinstance(message.string, tuple) else (message.string,)
            pairs.update(zip(ids, map(str, said), strict=True))
    pairs.pop("", None)
    return pairs


def test_every_text_has_its_translation() -> None:
    known = catalogue()
    assert len(texts()) > 150
    assert {text for text in texts() if not known.get(text)} == set()


def test_a_translation_keeps_the_places_of_its_text() -> None:
    places = re.compile(r"\{\w+\}|%\(\w+\)s")
    for text, translation in catalogue().items():
        assert set(places.findall(text)) == set(places.findall(translation)), text


ERRORS = {name for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, ResguardoError)}
WORDS = {"choice", "_text", "_count", "_moment", "_short_text", "_name"}
"""They put their words for a field into a sentence, as `label` or `what`."""


def called(node: ast.Call) -> str:
    return node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")


def literals(*nodes: ast.expr) -> Iterator[str]:
    """The texts of these expressions; of a choice between two, both."""
    for node in nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value:
            yield node.value
        elif isinstance(node, ast.IfExp):
            yield from literals(node.body, node.orelse)


def sentences_of(tree: ast.Module, *, words: bool) -> Iterator[str]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = called(node)
        if name in ERRORS:
            own = ("hint", *errors.OUR_WORDS)
            yield from literals(*node.args[:1], *(word.value for word in node.keywords if word.arg in own))
        elif name == "gettext":
            yield from literals(*node.args[:1])
        elif name == "ngettext":
            yield from literals(*node.args[:2])
        elif words and name in WORDS:
            yield from literals(*(argument for argument in node.args[:2] if isinstance(argument, ast.Constant)))


def sentences() -> set[str]:
    found = set(_MESSAGES.values()) | {_DEFAULT_MESSAGE}
    for path in SOURCE.rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        found.update(sentences_of(tree, words=path.parent.name == "board"))
    return found


def test_every_sentence_has_its_translation() -> None:
    known = catalogue()
    assert len(sentences()) > 120
    assert sorted(text for text in sentences() if not known.get(text)) == []


def test_a_sentence_is_a_literal_and_its_places_are_filled() -> None:
    """A template put together at run time could not be translated."""
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not (isinstance(node, ast.Call) and called(node) in ERRORS and node.args):
                continue
            place = f"{path.name}:{node.lineno}"
            (template,) = list(literals(node.args[0])) or [pytest.fail(f"{place}: not a literal")]
            hints = [text for word in node.keywords if word.arg == "hint" for text in literals(word.value)]
            wanted = {name for text in [template, *hints] for name in re.findall(r"\{(\w+)\}", text)}
            given = {word.arg for word in node.keywords}
            assert wanted <= given or None in given, place


def test_words_of_ours_are_translated_and_words_of_theirs_are_not() -> None:
    english = {"{label} no puede ser «{value}».": "{label} cannot be «{value}».", "El estatus": "The status"}
    error = Invalid("{label} no puede ser «{value}».", label="El estatus", value="El estatus")
    assert error.say(lambda text: english.get(text, text)) == "The status cannot be «El estatus»."


def test_errors_and_receipts_are_english_for_who_reads_english(alice: Browser) -> None:
    english = {"Accept-Language": "en"}
    refused = alice.send("PATCH", "/api/batches/batch_000001", {"status": "X"}, headers=english)
    assert refused.json is not None
    assert refused.json["error"] == "The status cannot be «X». Use one of: NS, In, S."
    missing = alice.get("/api/batches/El estatus", headers=english)
    assert missing.json is not None
    assert missing.json["error"].startswith("There is no batch «El estatus».")
    done = alice.post("/api/batches/assign", {"ids": ["batch_000002"], "assignee": "Ana"}, headers=english)
    assert done.json is not None
    assert done.json["message"] == "1 batch assigned to Ana."
