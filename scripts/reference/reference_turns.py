"""Times of several programs that do the same in turns, for bench_reference.py."""

import statistics
import subprocess
import sys
import time

import torch


class Physgen:
    """physgen bench --serve."""

    def __init__(self, command):
        self.process = subprocess.Popen([*command, "--serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.answer()

    def answer(self):
        line = self.process.stdout.readline()
        if not line:
            sys.exit("bench_reference: physgen ended early")
        return line.strip()

    def run(self, what, count):
        """Seconds and CPU seconds of one."""
        self.process.stdin.write(f"{what} {count}\n")
        self.process.stdin.flush()
        return [float(number) / count for number in self.answer().split()]


def timed(function, count):
    """Seconds and CPU seconds of one call."""
    start, used = time.perf_counter(), time.process_time()
    for _ in range(count):
        function()
    if torch.get_default_device().type == "cuda":
        torch.cuda.synchronize()
    return [(time.perf_counter() - start) / count, (time.process_time() - used) / count]


def take_turns(contestants, turns):
    """By name the times of each turn; all have run once before."""
    for run in contestants.values():
        run()
    times = {name: [] for name in contestants}
    for _ in range(turns):
        for name, run in contestants.items():
            times[name].append(run())
    return times


def medians(times, beside=None):
    """In milliseconds; beside others the medians of the ratios turn by turn, above 1 where the others are quicker."""
    report = {}
    for i, name in enumerate(["wall", "cpu"]):
        report[name + "_ms"] = 1e3 * statistics.median(turn[i] for turn in times)
        if beside:
            report[name + "_ratio"] = statistics.median(turn[i] / other[i] for turn, other in zip(times, beside))
    return report
