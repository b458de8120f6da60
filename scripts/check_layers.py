#!/usr/bin/env python3
"""Checks that includes only point to the left, and the rules for headers. Prints `file:line: message`, exits 1."""

import re
import sys
from pathlib import Path

LEFT_OF = {
    "core": [],
    "checkpoint": ["core"],
    "media": ["core"],
    "kernels": ["checkpoint", "media"],
    "layers": ["kernels"],
    "diffusion": ["layers"],
    "vae": ["layers"],
    "text": ["layers"],
    "backbone": ["diffusion", "vae", "text"],
    "codec": ["backbone"],
    "policy": ["codec"],
    "data": ["core", "media"],
    "train": ["policy", "data"],
    "rollout": ["policy", "data"],
    "tools": ["train", "rollout"],
}
WITHOUT_TORCH = {"core", "media", "data", "rollout", "tools"}
MAY_LOG = {"train", "rollout", "tools"}
TORCH = re.compile(r"(torch|ATen|c10)/")
INCLUDE = re.compile(r'\s*#\s*include\s*[<"]([^>"]+)[>"]')


def reachable(folder):
    """The folders that `folder` may include: itself and all to its left."""
    found, waiting = set(), [folder]
    while waiting:
        at = waiting.pop()
        if at not in found:
            found.add(at)
            waiting += LEFT_OF[at]
    return found


def folder_of_include(name):
    """The folder of ours that an include names, or None."""
    parts = name.removeprefix("physgen/").split("/")
    return parts[0] if len(parts) > 1 and parts[0] in LEFT_OF else None


def complaints_about_include(name, folder, is_header):
    target = folder_of_include(name)
    if name.startswith("physgen/") and target is None:
        yield f"{name} is in no folder of the architecture"
    if target and target not in reachable(folder):
        yield f"{folder} may not include {name}: {target} is not to its left"
    if is_header and name == "torch/torch.h":
        yield "a header includes <torch/torch.h>; include the narrow header instead"
    elif TORCH.match(name) and folder in WITHOUT_TORCH:
        yield f"{folder} includes <{name}>, and is to build without LibTorch"
    if name.startswith("spdlog/") and folder not in MAY_LOG:
        yield f"{folder} includes <{name}>; only {', '.join(sorted(MAY_LOG))} log"


def complaints_about_file(path, folder):
    lines = path.read_text(encoding="utf-8").splitlines()
    is_header = path.suffix == ".h"
    if is_header and "#pragma once" not in (line.strip() for line in lines):
        yield 1, "#pragma once is missing"
    for number, line in enumerate(lines, 1):
        match = INCLUDE.match(line)
        for complaint in complaints_about_include(match[1], folder, is_header) if match else ():
            yield number, complaint


def files_of(root):
    """Each source file with the folder it belongs to."""
    for top in ("include/physgen", "src", "tools"):
        for path in sorted((root / top).rglob("*")):
            if path.suffix in (".h", ".cpp", ".cu", ".cuh"):
                yield path, "tools" if top == "tools" else path.relative_to(root / top).parts[0]


def main():
    root = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent.parent)
    count = 0
    for path, folder in files_of(root):
        if folder not in LEFT_OF:
            found = [(1, f"{folder} is no folder of the architecture")]
        else:
            found = complaints_about_file(path, folder)
        for number, complaint in found:
            print(f"{path.relative_to(root)}:{number}: {complaint}")
            count += 1
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main())
