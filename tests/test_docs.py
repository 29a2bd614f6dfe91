"""What the documentation says is there: commands and their options, settings, modules, tests, pages, exit codes."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import typer

import resguardo.cli.app as program
from resguardo.__main__ import demo, serve
from resguardo.cli.errors import EXIT_CODES, WITH_WARNINGS
from resguardo.config import Settings

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "resguardo"
README = (ROOT / "README.md").read_text()
ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text()
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text()
OLD_NAMES = {"MONGO_URI", "MONGO_DB"}


def commands() -> dict[str, Any]:
    """Each command as click has it, by its words: `backup create`."""
    app = typer.Typer()
    app.callback()(lambda: None)
    for name, found in {"serve": serve, "demo": demo}.items():
        program._add(app, name, found)
    for name, place in program.COMMANDS.items():
        program._add(app, name, program._found(place))
    return dict(_leaves(typer.main.get_command(app), ""))


def _leaves(command: Any, words: str) -> Iterator[tuple[str, Any]]:
    below = getattr(command, "commands", None)
    if below is None:
        yield words, command
    for name, one in (below or {}).items():
        yield from _leaves(one, f"{words} {name}".strip())


COMMANDS = commands()


def shown() -> list[list[str]]:
    """The commands that the README shows, each as its words, without what stands behind a `#`."""
    lines = re.findall(r"^ {4}(?:\.venv/bin/)?resguardo (.*)$", README, re.MULTILINE)
    return [shlex.split(line, comments=True) for line in lines]


def named(words: list[str]) -> str | None:
    """The longest command that these words begin with."""
    return next((name for n in (2, 1) if (name := " ".join(words[:n])) in COMMANDS), None)


@pytest.mark.parametrize("words", shown(), ids=" ".join)
def test_a_command_of_the_readme_exists_with_its_options(words: list[str]) -> None:
    name = named(words)
    assert name is not None
    options = {option for parameter in COMMANDS[name].params for option in (*parameter.opts, *parameter.secondary_opts)}
    assert {word for word in words if word.startswith("-")} <= options


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_in_the_readme_and_says_what_it_does(name: str) -> None:
    assert len(COMMANDS[name].help) > 10
    first, *below = name.split()
    told = "\n".join(line for line in README.splitlines() if re.search(rf"\b{first}\b", line))
    assert all(re.search(rf"\b{word}\b", told) for word in below)
    assert told


def test_every_setting_that_is_named_exists() -> None:
    table = re.findall(r"^\| (`[A-Z_`, ]+) \|", README, re.MULTILINE)
    in_table = {name for row in table for name in re.findall(r"[A-Z_]+", row)}
    told = set(re.findall(r"RESGUARDO_([A-Z]+(?:_[A-Z]+)*)", README)) | in_table
    assert len(in_table) > 10
    assert {name.lower() for name in told} <= set(Settings.model_fields)
    aliases = {
        str(name)
        for field in Settings.model_fields.values()
        if (alias := field.validation_alias)
        for name in getattr(alias, "choices", ())
    }
    assert aliases >= OLD_NAMES
    assert all(name in README for name in OLD_NAMES)


def test_every_exit_code_is_told() -> None:
    (line,) = re.findall(r"Exit codes: ([^.]*)\.", README.replace("\n", " "))
    told = {int(code) for code in re.findall(r"\b\d+\b", line)}
    assert told == {0, 1, WITH_WARNINGS, *EXIT_CODES.values()}


def test_every_module_has_its_place_in_the_architecture() -> None:
    missing = [
        str(path.relative_to(SOURCE))
        for path in sorted(SOURCE.glob("*/*.py"))
        if path.parent.name not in ("cli", "web", "board") and path.stem != "__init__"
        if not re.search(rf"`{path.stem}`", ARCHITECTURE)
    ]
    assert missing == []


def test_every_path_that_the_architecture_names_exists() -> None:
    paths = set(re.findall(r"`((?:tests|store|web|vault|ledger|exchange|cli|mail|board)/[\w/.]*)`", ARCHITECTURE))
    assert len(paths) > 15
    gone = [
        path
        for path in sorted(paths)
        if not any((base / f"{path.rstrip('/')}{ending}").exists() for base in (ROOT, SOURCE) for ending in ("", ".py"))
    ]
    assert gone == []


def test_the_modules_of_the_table_exist() -> None:
    for line in re.findall(r"^\| `(\w+)` \|.*", ARCHITECTURE, re.MULTILINE):
        assert (SOURCE / line).is_dir() or (SOURCE / f"{line}.py").is_file(), line


def test_every_make_target_that_is_named_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    told = set(re.findall(r"`make ([a-z-]+)", README + CONTRIBUTING)) | set(
        re.findall(r"^ {4}make (\w+)", README, re.M)
    )
    assert {"demo", "test", "check"} <= told <= targets


def test_every_page_is_served_and_no_command_imports_the_pages() -> None:
    rules = "\n".join(path.read_text() for path in (SOURCE / "web").glob("*.py"))
    pages = ("/", "/assign", "/batches", "/history", "/backups", "/restore", "/compare", "/data-management", "/status")
    for page in (*pages, "/account", "/accounts", "/mail"):
        assert f'add_url_rule("{page}"' in rules, page
    for path in (SOURCE / "cli").glob("*.py"):
        assert "resguardo.web" not in path.read_text(), path
    assert import_module("resguardo.cli").__doc__
