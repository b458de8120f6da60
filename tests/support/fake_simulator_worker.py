#!/bin/sh
"exec" "${0%/*}/../../.venv/bin/python" "$0" "$@"
"""A tiny deterministic simulator behind the real workers' protocol, which dies, hangs and lies on command.

FAKE_FAULT=kind        this fault at every request FAKE_FAULT_AT (hello, describe, make, reset, step; default step)
FAKE_FAULT_RATE=0.3    a fault of any kind in this share of the attempts at an episode, drawn from its seed and the attempt's
FAKE_ATTEMPTS=folder   number, which is counted in this folder; every attempt is counted there, faulty or not
FAKE_STEP_SECONDS=0.01 what a control step takes
FAKE_STATE_WIDTH=0     what it says of its state
FAKE_FALL=1            every control step ends the episode
"""

import hashlib
import os
import signal
import struct
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts" / "simulators"))

import numpy as np

from physgen_worker import Connection, Simulator, UnknownTask, serve

KINDS = [
    "sigkill", "sigsegv", "hang", "eof", "garbage", "truncated", "too_long", "exception", "wrong_shape", "wrong_dtype",
    "not_finite", "missing_key", "lost_step", "false_end", "flood",
]


class Reach(Simulator):
    """A point that actions [dx, dy] move; the goal's place and its distance can be read off the picture."""

    INSTRUCTIONS = {"Reach-v1": "reach the goal", "Stay-v1": "stay away from the goal"}
    LIMITS = {"Reach-v1": 40, "Stay-v1": 30}
    SUITE = ["Reach-v1", "Stay-v1"]
    version = "1.0"

    def describe(self, name):
        names = self.SUITE if name == "all" else [name]
        if not set(names) <= set(self.SUITE):
            raise UnknownTask(name, self.SUITE)
        tasks = [{"name": task, "instruction": self.INSTRUCTIONS[task], "max_steps": self.LIMITS[task]} for task in names]
        front = {"name": "front", "field_of_view": 0.8, "pose": np.float32([1, 2, 3, 1, 0, 0, 0])}
        width = int(os.environ.get("FAKE_STATE_WIDTH", "2"))
        more = os.environ.get("FAKE_MORE_CAMERAS", "view_[0-9]+")
        return {"tasks": tasks, "cameras": [front, {"name": "side"}], "more_cameras": more, "control_modes": ["delta"], "control_rate": 12.5,
                "state_width": width, "initial_states": 0}

    def make(self, task, cameras, size, control_mode):
        self.size = size
        return [-1, -1], [1, 1]

    def reset(self, task, seed):
        self.goal = np.frombuffer(hashlib.sha256(str(seed).encode()).digest()[:2], np.uint8) / 255 * 2 - 1
        self.place = np.zeros(2)

    def act(self, action):
        time.sleep(float(os.environ.get("FAKE_STEP_SECONDS", "0")))
        self.place = self.place + 0.1 * np.clip(action, -1, 1)
        return np.abs(self.goal - self.place).max() < 0.05, "FAKE_FALL" in os.environ

    def views(self, cameras):
        picture = np.zeros((self.size, self.size, 3), np.uint8)
        picture[0, 0, :2] = np.round((self.goal + 1) / 2 * 255)
        picture[0, 1, :2] = np.round(np.clip((self.place + 2) / 4, 0, 1) * 255)
        return [picture + np.uint8(index) for index in range(len(cameras))]

    def state(self):
        return self.place


def fraction(*parts):
    return int.from_bytes(hashlib.sha256(repr(parts).encode()).digest()[:4], "little") / 2**32


class LyingConnection(Connection):
    """Spoils replies."""

    fault = None
    drawn = None  # the fault of the present episode and the request that it strikes

    def receive(self):
        message = super().receive()
        self.fault = self.next_fault(message) if message else None
        return message

    def next_fault(self, message):
        request = message["request"]
        if request == "reset":
            self.drawn = self.draw(message["seed"])
        if self.drawn and self.drawn[1] == request:
            return self.drawn[0]
        return os.environ.get("FAKE_FAULT") if os.environ.get("FAKE_FAULT_AT", "step") == request else None

    def draw(self, seed):
        if "FAKE_ATTEMPTS" not in os.environ:
            return None
        path = Path(os.environ["FAKE_ATTEMPTS"]) / str(seed)
        with path.open("a") as file:
            file.write(".")
        attempt = path.stat().st_size
        if fraction("fault", seed, attempt) >= float(os.environ.get("FAKE_FAULT_RATE", "0")):
            return None
        kind = KINDS[int(fraction("kind", seed, attempt) * len(KINDS))]
        return kind, "reset" if fraction("request", seed, attempt) < 0.3 else "step"

    def send(self, message):
        if self.fault:
            message = self.spoil(message)
        super().send(message)

    def spoil(self, message):
        print(f"about to commit {self.fault}", flush=True)
        return getattr(self, self.fault)(dict(message))

    def sigkill(self, message):
        os.kill(os.getpid(), signal.SIGKILL)

    def sigsegv(self, message):
        os.kill(os.getpid(), signal.SIGSEGV)

    def hang(self, message):
        time.sleep(3600)

    def eof(self, message):
        os._exit(3)

    def garbage(self, message):
        body = bytes(255 - index % 256 for index in range(1000))
        self.socket.sendall(struct.pack("<I", len(body)) + body)
        time.sleep(3600)

    def truncated(self, message):
        self.socket.sendall(struct.pack("<I", 1000) + b"\x81\xa5")
        os._exit(0)

    def too_long(self, message):
        self.socket.sendall(struct.pack("<I", 2**32 - 1))
        time.sleep(3600)

    def exception(self, message):
        return {"error": "RuntimeError: the solver\n diverged", "kind": "failure"}

    def wrong_shape(self, message):
        return message | {"views": [np.zeros((3, 5, 3), np.uint8) for _ in message.get("views", [])]}

    def wrong_dtype(self, message):
        return message | {"views": [view.astype(np.float32) for view in message.get("views", [])]}

    def not_finite(self, message):
        return message | {"state": np.float32([0, np.nan])}

    def missing_key(self, message):
        return {key: value for key, value in message.items() if key != "success"}

    def lost_step(self, message):
        return message | {"control_steps": message["control_steps"] + 1}

    def false_end(self, message):
        return message | {"success": True, "done": False}

    def prints(self, message):
        self.socket.sendall(b"Loading the scene ...\nready\n")
        time.sleep(3600)

    def old_protocol(self, message):
        return message | {"protocol": 2}

    def new_protocol(self, message):
        return message | {"protocol": 4}

    def no_tasks(self, message):
        return message | {"tasks": []}

    def no_rate(self, message):
        return message | {"control_rate": 0.0}

    def crossed_limits(self, message):
        return message | {"action_low": message["action_high"] + 1}

    def flood(self, message):
        while True:
            print("noise " * 1000, flush=True)


if __name__ == "__main__":
    print("the simulator's banner")  # where it prints does not matter
    serve({"fake": Reach}, LyingConnection)
