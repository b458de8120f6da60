#!/usr/bin/env python3
"""Writes .github/docs/configuration.md: every setting of the training commands, from the lists of fields in the headers.

A setting's type and default are those of the struct's member, its range that of the list, its meaning the member's comment
and, of a choice, that of its enum. `--check` writes nothing, and exits 1 where the page is not what would be written.
"""

import json
import re
import sys
import textwrap
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / ".github" / "docs" / "configuration.md"

STRUCT = re.compile(r"^((?:///[^\n]*\n)*)struct (\w+)(?: : (\w+))? \{\n(.*?)^\};", re.MULTILINE | re.DOTALL)
ENUM = re.compile(r"^((?:///.*\n)*)enum class (\w+)", re.MULTILINE)
CHOICE = re.compile(r'\{(\w+)::(\w+), "(\w*)"\}')
MEMBER = re.compile(
    r"^((?:  ///.*\n)*)  ([\w:]+(?:<[^;=]*>)?) (\w+(?:, \w+)*)(?: =\s+|(?=\{))?([^;()]*);((?: *///<.*\n)(?: +///<.*\n)*)?",
    re.MULTILINE,
)
CONSTRUCTOR = re.compile(r"^  (\w+)\(\) \{\n(.*?)^  \}", re.MULTILINE | re.DOTALL)
DESCRIBE = re.compile(r"^void describe\((\w+)& \w+, Field& field\) \{\n(.*?)^\}", re.MULTILINE | re.DOTALL)
LISTED = re.compile(r'field\("(\w+)",\s+\w+\.(\w+)(?:,\s+\{(.*)\})?\);|describe\(static_cast<(\w+)&>')

TYPES = {"bool": "`true` or `false`", "int64_t": "integer", "double": "number", "std::string": "text"}
PLURALS = {"int64_t": "integers", "double": "numbers", "std::string": "texts", "std::pair<int64_t, int64_t>": "pairs of integers"}
ZEROS = {"bool": False, "int64_t": 0, "double": 0, "std::string": ""}

HEAD = """# Configuration

For those who set something: every setting of the training commands, with its default and its meaning.
`scripts/checks/config_page.py` writes this page from the headers.

`--config FILE` reads settings from a JSON file, in which `"include"` begins an object from another file; `--set a.b=c` changes one;
`--print-config` prints what a command line comes to. [Training](training.md#settings) has the rest, and the configs that are
there. `data encode` takes the settings of `finetune`; `bench` reads config files of both.

The defaults are those without a config file: the full size. "None" is `null` in a file.
"""
POLICY = """## A policy's config.json

A checkpoint of a policy keeps what it needs to act: `model` and `canvas` as above, `vae` as of [train-vae](#train-vae), and what
training adds. It is not edited: a checkpoint that is not as it was written is refused. To act otherwise than trained,
`physgen rollout` and `serve` have `--execute`, `--sampler`, `--denoising-steps`, `--lookahead` and `--when-full`.
"""


class Member(NamedTuple):
    type: str
    default: str
    doc: str


class Object(NamedTuple):
    """What is set below one name: the heading, what is said under it, and a row for each setting."""

    path: str
    doc: str
    rows: list


def sentence(text):
    """A comment without its slashes, in one line."""
    return " ".join(re.sub(r"^ *///<?", "", text or "", flags=re.MULTILINE).split())


def literal(text):
    """The value of a C++ initialiser: a number, a text, the name of an enumerator, a list, or an object of designated members."""
    text = re.sub(r"\.(\w+) = ", r'"\1": ', text)
    text = re.sub(r"\w+::(\w+)", r'"\1"', text)
    while "{" in text:
        text = re.sub(r"\{([^{}]*)\}", lambda inner: f"<{inner[1]}>" if '": ' in inner[1] else f"[{inner[1]}]", text)
    return json.loads(text.replace("<", "{").replace(">", "}"))


class Headers:
    """The structs, enums and lists of fields of all public headers."""

    def __init__(self, folder):
        self.structs, self.enums, self.choices, self.lists = {}, {}, {}, {}
        for path in sorted(folder.rglob("*.h")):
            self.read(path.read_text(encoding="utf-8"))

    def read(self, text):
        self.structs.update((name, (sentence(doc), base, body)) for doc, name, base, body in STRUCT.findall(text))
        self.enums.update((name, sentence(doc)) for doc, name in ENUM.findall(text))
        self.lists.update(DESCRIBE.findall(text))
        for enum, value, choice in CHOICE.findall(text):
            self.choices.setdefault(enum, {})[value] = choice

    def doc(self, struct):
        return self.structs[struct][0]

    def members(self, struct):
        """A struct's members and those of its base, by name."""
        _, base, body = self.structs[struct]
        found = self.members(base) if base else {}
        for before, kind, names, default, after in MEMBER.findall(CONSTRUCTOR.sub("", body)):
            found.update(dict.fromkeys(names.split(", "), Member(kind, default, sentence(before or after))))
        return found

    def assigned(self, struct):
        """What the constructor sets, by name."""
        found = CONSTRUCTOR.search(self.structs[struct][2])
        return {name: literal(value) for name, value in re.findall(r"(\w+) = ([^;]*);", found[2])} if found else {}

    def fields(self, struct):
        """Key, member and range of each setting, in the order of the list."""
        for key, member, bounds, base in LISTED.findall(self.lists[struct]):
            yield from self.fields(base) if base else [(key, member, bounds)]

    def default(self, member, given):
        """As JSON has it: what is given, else the initialiser's value."""
        kind = member.type
        value = given if given is not None else literal(member.default) if member.default else ZEROS.get(kind, [])
        if kind in self.choices:
            return self.choices[kind][value]
        return None if kind.startswith("std::optional") and value == [] else value

    def objects(self, struct, path="", doc="", given=None):
        """This object and those below it."""
        given = {**self.assigned(struct), **dict(given or {})}
        rows, below, members = [], [], self.members(struct)
        for key, name, bounds in self.fields(struct):
            member, dotted = members[name], f"{path}.{key}" if path else key
            if member.type in self.lists:
                inner = given.get(name) or literal(member.default or "{}")
                below += self.objects(member.type, dotted, whole(name, member.doc), inner)
            else:
                rows.append(self.row(dotted, name, member, bounds, given.get(name)))
        return [Object(path, join(self.doc(struct), doc), rows), *below]

    def row(self, dotted, name, member, bounds, given):
        meaning = join(self.enums.get(member.type, ""), whole(name, member.doc)) or words(name)
        default = json.dumps(self.default(member, given)).strip('"')
        return (f"`{dotted}`", self.type_text(member.type), f"`{default}`", range_text(bounds), meaning)

    def type_text(self, kind):
        """What users write for a C++ type."""
        outer, _, inner = kind.partition("<")
        inner = inner.removesuffix(">")
        if outer == "std::optional":
            return f"{self.type_text(inner)} or `null`"
        if outer == "std::array":
            inner, count = inner.split(", ")
            return f"{count} {PLURALS[inner]}"
        if outer == "std::vector":
            return f"list of {PLURALS[inner]}"
        return ", ".join(f"`{choice}`" for choice in self.choices[kind].values()) if kind in self.choices else TYPES[kind]


def words(name):
    return name.replace("_", " ")


def whole(name, doc):
    """A comment that goes on from the member's name, with the name before it."""
    return f"{words(name)} {doc}" if doc.startswith(("of ", "that ")) else doc


def join(*parts):
    """Sentences, each beginning large, without the last period."""
    return ". ".join(part[0].upper() + part[1:].rstrip(".") for part in parts if part)


def range_text(bounds):
    """The bounds of a list of fields, in words."""
    found = dict(re.findall(r"\.(least|most) = ([^,]+)", bounds))
    values = {side: str(1 << int(text.removeprefix("1 << "))) if "<<" in text else text for side, text in found.items()}
    if len(values) == 2:
        return f"{values['least']} to {values['most']}"
    return f"at least {values['least']}" if "least" in values else f"at most {values['most']}" if values else ""


def table(heads, rows):
    lines = [" | ".join(cell.replace("|", "\\|") for cell in row) for row in (heads, *rows)]
    lines.insert(1, "|".join(["---"] * len(heads)))
    return "".join(f"| {line} |\n" for line in lines).replace("|  |", "| |").replace("| ---", "|---").replace("--- |", "---|")


def paragraph(text):
    return textwrap.fill(text + ".", 130, break_long_words=False, break_on_hyphens=False) + "\n"


def section(title, objects, seen):
    """The tables of one command. An object whose table is an earlier command's is named with it."""
    parts, same = [f"## {title}\n", paragraph(objects[0].doc)], []
    for entry in objects:
        if (entry.path, tuple(entry.rows)) in seen:
            same.append(entry.path)
            continue
        seen.add((entry.path, tuple(entry.rows)))
        parts += [f"### {entry.path}\n", paragraph(entry.doc)] if entry.path else []
        parts += [table(["setting", "type", "default", "range", "meaning"], entry.rows)] if entry.rows else []
    links = ", ".join(f"[{path}](#{path.replace('.', '')})" for path in same)
    return parts + ([f"The settings and defaults of {links} are those above.\n"] if same else [])


def policy_section(headers):
    """What a policy's config.json holds beside what the commands set."""
    apart = ("model", "vae", "canvas")
    objects = [entry for entry in headers.objects("PolicyConfig") if entry.path.split(".")[0] not in apart]
    rows = [(row[0], row[1], row[4]) for entry in objects for row in entry.rows]
    return [POLICY, table(["key", "type", "meaning"], rows)]


def page():
    headers, seen = Headers(ROOT / "include" / "physgen"), set()
    parts = [HEAD]
    parts += section("finetune and pretrain", headers.objects("FinetuneConfig"), seen)
    parts += section("train-vae", headers.objects("VaeTrainConfig"), seen)
    return "\n".join(parts + policy_section(headers))


def main():
    text = page()
    if sys.argv[1:] != ["--check"]:
        PAGE.write_text(text, encoding="utf-8")
    elif not PAGE.is_file() or PAGE.read_text(encoding="utf-8") != text:
        sys.exit(f"{PAGE.relative_to(ROOT)} is not what the headers say: run scripts/checks/config_page.py")


if __name__ == "__main__":
    main()
