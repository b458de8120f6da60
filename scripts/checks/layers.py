#!/usr/bin/env python3
"""Checks that includes only point to the left, as cmake/layers.txt has it, the rules for headers, and that JSON is
read by core alone, strictly.

Prints `file:line: message`, exits 1.
"""

import re
import sys
from pathlib import Path

TORCH = re.compile(r"(torch|ATen|c10)/")
JSON_PARSER = re.compile(r"\bjson::(parse|accept)\b|\bJson::(parse|accept)\b")
INCLUDE = re.compile(r'\s*#\s*include\s*[<"]([^>"]+)[>"]')
ROW = re.compile(r"([a-z]+) +(plain|torch|program) +(logs|-) *:([a-z() ]*)")


class Table:
    """cmake/layers.txt: what each room may include, and how it is built."""

    def __init__(self, path):
        rows = [ROW.fullmatch(line.strip()) for line in path.read_text().splitlines() if line and not line.startswith("#")]
        if None in rows:
            sys.exit(f"{path}: a line is none of the table's")
        self.left_of = {row[1]: re.findall("[a-z]+", row[4]) for row in rows}
        self.without_torch = {row[1] for row in rows if row[2] != "torch"}
        self.may_log = {row[1] for row in rows if row[3] == "logs"}

    def reachable(self, room):
        """The rooms that `room` may include: itself and all to its left."""
        found, waiting = set(), [room]
        while waiting:
            at = waiting.pop()
            if at not in found:
                found.add(at)
                waiting += self.left_of[at]
        return found

    def room_of_include(self, name):
        """The room of ours that an include names, or None."""
        parts = name.removeprefix("physgen/").split("/")
        return parts[0] if len(parts) > 1 and parts[0] in self.left_of else None


def complaints_about_include(table, name, room, is_header):
    target = table.room_of_include(name)
    if name.startswith("physgen/") and target is None:
        yield f"{name} is in no room of the table"
    if target and target not in table.reachable(room):
        yield f"{room} may not include {name}: {target} is not to its left"
    if is_header and name == "torch/torch.h":
        yield "a header includes <torch/torch.h>; include the narrow header instead"
    elif TORCH.match(name) and room in table.without_torch:
        yield f"{room} includes <{name}>, and is to build without LibTorch"
    if name.startswith("spdlog/") and room not in table.may_log:
        yield f"{room} includes <{name}>; only {', '.join(sorted(table.may_log))} log"


def complaints_about_file(table, path, room):
    lines = path.read_text(encoding="utf-8").splitlines()
    is_header = path.suffix == ".h"
    if is_header and "#pragma once" not in (line.strip() for line in lines):
        yield 1, "#pragma once is missing"
    for number, line in enumerate(lines, 1):
        if room != "core" and JSON_PARSER.search(line):
            yield number, "the JSON library's parser takes duplicate keys; read with core/json_file.h or core/json_view.h"
        match = INCLUDE.match(line)
        for complaint in complaints_about_include(table, match[1], room, is_header) if match else ():
            yield number, complaint


def files_of(root):
    """Each source file with the room it belongs to; the headers of all rooms together, right in include/physgen, have none."""
    for top in ("include/physgen", "src", "tools"):
        for path in sorted((root / top).rglob("*")):
            if path.suffix in (".h", ".cpp", ".cu", ".cuh") and path.parent != root / "include/physgen":
                yield path, "tools" if top == "tools" else path.relative_to(root / top).parts[0]


def main():
    root = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parents[2])
    table = Table(root / "cmake" / "layers.txt")
    count = 0
    for path, room in files_of(root):
        if room not in table.left_of:
            found = [(1, f"{room} is no room of the table")]
        else:
            found = complaints_about_file(table, path, room)
        for number, complaint in found:
            print(f"{path.relative_to(root)}:{number}: {complaint}")
            count += 1
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main())
