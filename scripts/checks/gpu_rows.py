#!/usr/bin/env python3
"""Prints the rows of .github/docs/performance.md of a GPU from what scripts/checks/gpu measured: gpu_rows.py BUILD/measured

The folder holds machine.txt (name, driver, clock now, most clock), the JSON files that `physgen bench --out` and
scripts/reference/bench_reference.py --out wrote, and the commands that did. Fails where one is missing, after the rows
of the others.
"""

import argparse
import datetime
import json
import sys
from pathlib import Path

SIZES = {"full": "full size", "small": "the small model"}


def milliseconds(number):
    return f"{number:.1f}" if number < 100 else f"{number:.0f}"


def memory(count):
    return f"{count / 2**30:.1f} GiB" if count >= 2**30 else f"{count / 2**20:.0f} MiB"


def speed(flops):
    return f"{flops / 1e12:.0f} TFLOP/s" if flops >= 1e12 else f"{flops / 1e9:.0f} GFLOP/s"


def machine_of(folder):
    """The device as a row names it, with the date."""
    name, driver, clock, most = (part.strip() for part in (folder / "machine.txt").read_text().split(","))
    parts = [name, f"driver {driver}" if driver else "", f"{clock} of {most} when begun" if clock else ""]
    return ", ".join([*filter(None, parts), datetime.datetime.now(datetime.UTC).date().isoformat()])


def tails(kind, stages):
    """The quantiles of whole rounds of one kind."""
    whole = stages["round"]
    numbers = ", ".join(milliseconds(whole[key]) for key in ("p50_ms", "p90_ms", "p99_ms", "max_ms"))
    return f"{kind} {numbers} ms"


def median_of(stages, name):
    return milliseconds(stages[name]["p50_ms"])


def stage_of_rounds(growing, sliding, name):
    """Median times and operations while the window grows, and slides."""
    times = f"{median_of(growing, name)} or {median_of(sliding, name)} ms"
    return f"{name} {times} ({growing[name]['eager_operations']} or {sliding[name]['eager_operations']} operations)"


def round_row(report, what):
    control, growing, sliding = report["control"], report["control"]["growing"], report["control"]["sliding"]
    figures = [
        tails("growing", growing),
        tails("sliding", sliding),
        f"the first {milliseconds(control['first_round_ms'])} ms",
        memory(control["peak_memory_bytes"]),
        *(stage_of_rounds(growing, sliding, stage) for stage in ("encode", "append", "denoise")),
        f"the best product of matrices: {speed(report['machine']['bfloat16_flops'])} in bfloat16",
    ]
    return f"{what}: control round, p50, p90, p99, most", "; ".join(figures)


def step_row(report, what):
    training, step = report["training"], report["training"]["stages"]["step"]
    figures = [
        f"{milliseconds(step['p50_ms'])} ms, p90 {milliseconds(step['p90_ms'])}",
        f"{training['windows_per_second']:.0f} windows a second",
        f"{training['flops'] / 1e9:.0f} GFLOP: {100 * training['share_of_peak']:.1f} % of the peak",
        memory(training["peak_memory_bytes"]),
        f"{step['eager_operations']} operations",
    ]
    return f"{what}: training step of {training['windows']} windows", "; ".join(figures)


def beside_row(report, what):
    """In turns with PyTorch."""
    figures = []
    for kind, name in (("rounds", "round"), ("steps", "step")):
        if kind in report:
            times = {opponent: found for opponent, found in report[kind].items() if opponent != "best opponent"}
            own = milliseconds(times.pop("physgen")["wall_ms"])
            others = [f"{opponent} {milliseconds(found['wall_ms'])} ms, {found['wall_ratio']:.2f}x" for opponent, found in times.items()]
            figures.append(f"{name} {own} ms; {'; '.join(others)}")
    figures.append(f"float32 results differ by at most {max(report['differences'].values()):.1e}")
    return what, "; ".join(figures)


ROWS = [
    *((name, make, text) for name, text in SIZES.items() for make in (round_row, step_row)),
    ("small_float32", round_row, "the small model in float32"),
    *((f"{name}_beside", beside_row, f"{text}, beside PyTorch in turns") for name, text in SIZES.items()),
]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    missing = []
    print(f"| **{machine_of(folder)}** | | `scripts/checks/gpu` |")
    for name, make, text in ROWS:
        file = folder / f"{name}.json"
        if file.is_file():
            what, figure = make(json.loads(file.read_text()), text)
            command = " ".join((folder / f"{name}.command").read_text().split())
            print(f"| ... {what} | {figure} | `{command}` |")
        elif name not in missing:
            missing.append(name)
    if missing:
        sys.exit(f"gpu_rows: not measured: {', '.join(missing)}")


if __name__ == "__main__":
    main()
