#!/usr/bin/env python3
"""Checks README.md and the pages under .github: that relative links and pictures exist, that anchors are headings, that
every page of .github/docs is linked from README.md, and that the repository's files named in backticks are there.

Prints `file:line: what`, exits 1.
"""

import re
import sys
from collections import Counter
from pathlib import Path
from urllib.parse import unquote

FENCE = re.compile(r"^ *(```+|~~~+).*?^ *\1 *$", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"(`+)(?!`)(.+?)(?<!`)\1(?!`)", re.DOTALL)
LINK = re.compile(r"\]\(\s*<?([^)\s>]+)>?[^)]*\)")
HEADING = re.compile(r"^#{1,6} +(.+?)[ #]*$", re.MULTILINE)
ELSEWHERE = re.compile(r"[a-z][a-z0-9+.-]*:|//")
OURS = re.compile(r"(src|include|tests|scripts|configs|cmake|tools|\.github)/")
VAGUE = re.compile(r"[*?{}\[\]<>|$\s]|\.\.\.|…|(^|/)[A-Z_]{2,}(/|$)")  # wildcards, placeholders such as NAME


def blank(match):
    """As many characters and lines as a match, of which nothing is left."""
    return re.sub(r"[^\n]", " ", match[0])


def slugs(text):
    """The anchors that GitHub gives to headings; the second of a name ends in -1."""
    seen = Counter()
    for heading in HEADING.findall(FENCE.sub(blank, text)):
        words = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        slug = re.sub(r"[^\w\- ]", "", words.lower()).replace(" ", "-")
        yield f"{slug}-{seen[slug]}" if seen[slug] else slug
        seen[slug] += 1


def link_problem(root, page, target):
    """What is wrong with a link, or nothing."""
    path, _, anchor = unquote(target).partition("#")
    base = root if path.startswith("/") else page.parent
    file = (base / path.lstrip("/")).resolve() if path else page
    if not file.is_relative_to(root) or not file.exists():
        return f"{target} is not there"
    if anchor and file.suffix == ".md" and anchor not in slugs(file.read_text(encoding="utf-8")):
        return f"{target}: no heading gives this anchor"
    return None


def path_problem(root, code):
    """What is wrong with the name of a file in backticks, or nothing."""
    path = re.sub(r"(:\d+)?[.,;:]*$", "", code.strip())
    if not OURS.match(path) or VAGUE.search(path) or (root / path).exists():
        return None
    return f"`{path}` is not there"


def problems_of(root, page):
    """Each problem of a page with the place where it stands."""
    text = FENCE.sub(blank, page.read_text(encoding="utf-8"))
    for link in LINK.finditer(CODE.sub(blank, text)):
        if not ELSEWHERE.match(link[1]):
            yield link.start(), link_problem(root, page, link[1])
    for code in CODE.finditer(text):
        yield code.start(), path_problem(root, code[2])


def unlinked_pages(root, readme):
    linked = {unquote(link).partition("#")[0] for link in LINK.findall(readme.read_text(encoding="utf-8"))}
    pages = (str(page.relative_to(root)) for page in sorted((root / ".github/docs").glob("*.md")))
    return [f"README.md:1: {page} is not linked" for page in pages if page not in linked]


def main():
    root = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parents[2]).resolve()
    found = unlinked_pages(root, root / "README.md")
    for page in [root / "README.md", *sorted((root / ".github").rglob("*.md"))]:
        text = page.read_text(encoding="utf-8")
        wrong = [(text.count("\n", 0, at) + 1, what) for at, what in problems_of(root, page) if what]
        found += [f"{page.relative_to(root)}:{line}: {what}" for line, what in sorted(wrong)]
    print("\n".join(found), end="\n" if found else "")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
