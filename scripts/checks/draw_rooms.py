#!/usr/bin/env python3
"""Draws .github/rooms.svg from cmake/layers.txt: a room lies above all that it may include.

An arrow points to a room that is included, unless a way over other rooms says so already; those that come from far above
join in a trunk. `--check` writes nothing, and exits 1 where the file is not what would be drawn.
"""

import sys
from itertools import pairwise
from pathlib import Path
from statistics import fmean

from layers import Table

ROOT = Path(__file__).resolve().parents[2]
PICTURE = ROOT / ".github" / "rooms.svg"
HIGH, GAP, PORT, MARGIN = 44, 24, 18, 26  # of a room; between neighbours; between the arrows that leave a room; around all
HEAD = """<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" role="img">
<title>The rooms of the source: an arrow leads from a room to one that it may include</title><style>
  .card { fill: #ffffff; stroke: #d0d7de } .torch { fill: #ddf4ff; stroke: #0969da } .plain { fill: #dafbe1; stroke: #1a7f37 }
  text { font: 600 23px -apple-system, "Segoe UI", "Noto Sans", Helvetica, Arial, sans-serif; fill: #1f2328; text-anchor: middle }
  .key { font-size: 20px; font-weight: 400; text-anchor: start } rect, path { stroke-width: 2 } path.arrow { fill: none }
  .torch.tip { fill: #0969da } .plain.tip { fill: #1a7f37 }
  @media (prefers-color-scheme: dark) {
    .card { fill: #0d1117; stroke: #3d444d } .torch { fill: #10243e; stroke: #4493f8 } .plain { fill: #12281c; stroke: #3fb950 }
    text { fill: #f0f6fc } .torch.tip { fill: #4493f8 } .plain.tip { fill: #3fb950 }
  }
</style><rect class="card" x="1" y="1" width="%d" height="%d" rx="14"/>
<rect class="torch" x="26" y="27" width="22" height="22" rx="5"/><text class="key" x="58" y="45">with LibTorch</text>
<rect class="plain" x="26" y="61" width="22" height="22" rx="5"/><text class="key" x="58" y="79">without LibTorch</text>
"""


class House:
    """Rooms and trunks. A trunk, "room|", passes the floors between a room and those far above that include it."""

    def __init__(self, table):
        self.table, self.level, self.span, self.arrows = table, {}, {}, set()
        for room, lefts in table.left_of.items():
            self.span[room] = range(self.find_level(room), self.level[room] + 1)
            for left in lefts:
                if not any(left in table.reachable(other) for other in lefts if other != left):
                    self.arrows |= self.find_arrows(room, left)
        self.floors = [[name for name in self.span if floor in self.span[name]] for floor in range(1 + max(self.level.values()))]
        self.x = self.find_x(self.find_order())
        leaving = [sum(self.level.get(above) == floor for above, _ in self.arrows) for floor in range(len(self.floors))]
        self.y = [MARGIN + sum(HIGH + 24 + 2 * count for count in leaving[floor + 1 :]) for floor in range(len(leaving))]

    def find_level(self, room):
        if room not in self.level:
            self.level[room] = max((1 + self.find_level(left) for left in self.table.left_of[room]), default=0)
        return self.level[room]

    def find_arrows(self, room, left):
        if self.level[room] == self.level[left] + 1:
            return {(room, left)}
        trunk = f"{left}|"
        self.span[trunk] = range(self.level[left] + 1, max(self.level[room], self.span.get(trunk, range(0)).stop))
        return {(room, trunk), (trunk, left)}

    def beside(self, name):
        return [b if a == name else a for a, b in sorted(self.arrows) if name in (a, b)]

    def find_order(self):
        """From left to right: on each floor everything between what its arrows join it to, from the table's order on."""
        at = {name: i / len(self.span) for i, name in enumerate(self.span)}
        for floor in (self.floors[::-1] + self.floors) * 8:
            floor.sort(key=lambda name: (fmean(at[other] for other in self.beside(name) or [name]), name))
            at.update((name, i / max(1, len(floor) - 1)) for i, name in enumerate(floor))
        return sorted(self.span, key=lambda name: (at[name], name))

    def find_x(self, order):
        """As near to the middle of what its arrows join it to as its neighbours let it be."""
        apart = {name: {} for name in order}
        for floor in self.floors:
            for a, b in pairwise(sorted(floor, key=order.index)):
                apart[b][a] = self.half(a) + self.half(b) + GAP
        x, pull = dict.fromkeys(order, 0), {name: [name, *self.beside(name)] for name in order}
        for _ in range(1000):
            x = spaced({name: fmean(x[other] for other in pull[name]) for name in order}, apart)
        left = min(x[name] - self.half(name) for name in x) - MARGIN
        return {name: round(x[name] - left) for name in x}

    def half(self, name):
        return 7 * len(name) + 14 if name in self.level else 0

    def kind(self, name):
        return "plain" if name.rstrip("|") in self.table.without_torch else "torch"

    def draw_arrow(self, above, below):
        ends = sorted((b for a, b in self.arrows if a == above), key=self.x.get)
        x, y = self.x[above] + PORT * (ends.index(below) - (len(ends) - 1) / 2), self.y[self.span[above][0]] + HIGH
        start = f"M{x:g} {y}" if above in self.level else f"M{x:g} {self.y[self.span[above][-1]]}V{y}"
        to_x, to_y = self.x[below], self.y[self.level[below]] - 11 if below in self.level else self.y[self.level[above] - 1]
        middle = f"{x:g} {(y + to_y) / 2:g} {to_x} {(y + to_y) / 2:g}"
        return f'<path class="{self.kind(below)} arrow" d="{start}C{middle} {to_x} {to_y}"/>'

    def draw_room(self, room):
        x, y, half, kind = self.x[room], self.y[self.level[room]], self.half(room), self.kind(room)
        tip = f'<path class="{kind} tip" d="M{x} {y - 2}l-5 -9h10z"/>' if any(below == room for _, below in self.arrows) else ""
        box = f'<rect class="{kind}" x="{x - half}" y="{y}" width="{2 * half}" height="{HIGH}" rx="9"/>'
        return f'{tip}{box}<text x="{x}" y="{y + HIGH - 14}">{room}</text>'

    def draw(self):
        width, height = max(self.x[name] + self.half(name) for name in self.x) + MARGIN, self.y[0] + HIGH + MARGIN
        lines = [self.draw_arrow(*arrow) for arrow in sorted(self.arrows)] + [self.draw_room(room) for room in self.level]
        return HEAD % (width, height, width, height, width - 2, height - 2) + "\n".join([*lines, "</svg>\n"])


def spaced(wanted, apart):
    """Numbers near the wanted ones, from left to right, that are so far apart."""
    rising, falling = {}, dict(wanted)
    for name in wanted:
        rising[name] = max([wanted[name], *(rising[left] + least for left, least in apart[name].items())])
    for name in reversed(wanted):
        falling.update({left: min(falling[left], falling[name] - least) for left, least in apart[name].items()})
    return {name: (rising[name] + falling[name]) / 2 for name in wanted}


def main():
    drawn = House(Table(ROOT / "cmake" / "layers.txt")).draw()
    if sys.argv[1:] != ["--check"]:
        PICTURE.write_text(drawn)
    elif not PICTURE.is_file() or PICTURE.read_text() != drawn:
        sys.exit(f"{PICTURE.relative_to(ROOT)} is not what cmake/layers.txt says: run scripts/checks/draw_rooms.py")


if __name__ == "__main__":
    main()
