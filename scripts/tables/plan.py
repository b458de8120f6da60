"""A plan of commands that is gone through once: what is finished is not done again, whatever ended the call before."""

import json
import shlex
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path


@dataclass
class Step:
    """A command that goes on where an earlier call of it stopped."""

    name: str  # also of the file that says that it is done
    makes: Path
    command: list
    minutes: float  # of two cores; 0: not known
    gib: float = 0  # of disk that it fills

    def words(self):
        return [str(word) for word in self.command]

    def text(self):
        return shlex.join(self.words())


class Plan:
    """Steps in their order, and the folder that remembers which are done."""

    def __init__(self, steps, folder: Path):
        self.steps, self.folder = steps, folder
        names = [step.name for step in steps]
        assert len(names) == len(set(names)), names

    def mark(self, step):
        return self.folder / "finished" / f"{step.name}.json"

    def is_done(self, step):
        """A step of the same name that was another command is not done."""
        try:
            return json.loads(self.mark(step).read_text())["command"] == step.text()
        except (OSError, ValueError, KeyError):
            return False

    def left(self):
        return [step for step in self.steps if not self.is_done(step)]

    def show(self):
        for step in self.steps:
            state = "done" if self.is_done(step) else f"{step.minutes:.0f} min" if step.minutes else "? min"
            print(f"{state:>8}  {step.name}\n          {step.text()}")
        left = self.left()
        print(
            f"{len(left)} of {len(self.steps)} steps are left: {sum(step.minutes for step in left):.0f} minutes of two cores, "
            f"{sum(step.gib for step in left):.1f} GiB of disk"
        )

    def run(self):
        for step in self.left():
            minutes = sum(waiting.minutes for waiting in self.left())
            print(f"[{self.steps.index(step) + 1}/{len(self.steps)}, {minutes:.0f} min left] {step.name}: {step.text()}", flush=True)
            self.forget_after(step)
            began = time.monotonic()
            run_command(step.words())
            self.finish(step, time.monotonic() - began)

    def forget_after(self, step):
        """What was made of a step that is made anew is not done."""
        for other in self.steps:
            if other is not step and is_named(step.makes, other.words()):
                self.mark(other).unlink(missing_ok=True)

    def finish(self, step, seconds):
        mark = self.mark(step)
        mark.parent.mkdir(parents=True, exist_ok=True)
        part = mark.with_suffix(".part")
        part.write_text(json.dumps({"command": step.text(), "seconds": round(seconds, 1)}))
        part.rename(mark)


def is_named(folder, words):
    """Whether a folder, or something in it, is among a command's words."""
    return any(word == str(folder) or word.startswith(f"{folder}/") for word in words)


def run_command(words):
    """Ends with the command's own status where it fails; what would end this process lets the command save first."""
    child = subprocess.Popen(words)
    handlers = {signal.SIGTERM: lambda number, _: child.send_signal(number), signal.SIGINT: lambda *_: None}  # a terminal tells both of Ctrl-C
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        status = child.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if status != 0:
        print(f"reproduce: this failed, and the same call goes on from here: {shlex.join(words)}", file=sys.stderr)
        sys.exit(status if status > 0 else 128 - status)
