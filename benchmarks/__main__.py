"""`python -m benchmarks` runs all, `python -m benchmarks backup --batches 10000` one, at another size."""

from __future__ import annotations

import argparse

from benchmarks import adopt, assign, backup, changes, diff, entries, exports, external, restore, table, waits

THEMES = {
    "backup": backup,
    "table": table,
    "exports": exports,
    "assign": assign,
    "waits": waits,
    "adopt": adopt,
    "changes": changes,
    "entries": entries,
    "external": external,
    "restore": restore,
    "diff": diff,
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("themes", nargs="*", metavar="theme", help=", ".join(THEMES))
    parser.add_argument("--batches", type=int, help="as many as this instead of what each theme is about")
    given = parser.parse_args()
    unknown = set(given.themes) - set(THEMES)
    if unknown:
        parser.error(f"no theme {', '.join(unknown)}; there are: {', '.join(THEMES)}")
    for name in given.themes or THEMES:
        theme = THEMES[name]
        batches = given.batches or theme.BATCHES
        print(f"{name}, {batches:,} batches", flush=True)
        theme.run(batches)


if __name__ == "__main__":
    main()
