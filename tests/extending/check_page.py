#!/usr/bin/env python3
"""Checks .github/docs/extending.md: its C++ stands in a file beside this script, and the lines that its diffs begin with
stand in the file that they name.

A diff's first line is `--- FILE`; each of its hunks begins with `@@`. Prints what is nowhere, exits 1.
"""

import re
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
PAGE = ROOT / ".github" / "docs" / "extending.md"
BLOCK = re.compile(r"^```(cpp|diff)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def old_sides(hunks):
    """The lines of each hunk that are there before it is applied."""
    for hunk in re.split(r"^@@.*\n", hunks, flags=re.MULTILINE)[1:]:
        yield "".join(line[1:] or "\n" for line in hunk.splitlines(keepends=True) if not line.startswith("+"))


def main():
    examples = [path.read_text(encoding="utf-8") for path in sorted(HERE.glob("*.h")) + sorted(HERE.glob("*.cpp"))]
    blocks = BLOCK.findall(PAGE.read_text(encoding="utf-8"))
    lost = [text for kind, text in blocks if kind == "cpp" and not any(text in example for example in examples)]
    for header, hunks in (text.split("\n", 1) for kind, text in blocks if kind == "diff"):
        file = (ROOT / header.removeprefix("--- ")).read_text(encoding="utf-8")
        lost += [f"{header}\n{side}" for side in old_sides(hunks) if side not in file]
    if lost:
        print(f"{PAGE.name} quotes lines that are in no file any more: bring it up to date")
    print(*lost, sep="\n", end="" if blocks else "the page shows no code\n")
    return 1 if lost or not blocks else 0


if __name__ == "__main__":
    sys.exit(main())
