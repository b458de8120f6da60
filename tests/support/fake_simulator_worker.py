"""A tiny deterministic simulator behind the real worker's protocol, which dies, hangs and lies on command.

FAKE_FAULT=kind        this fault at every request FAKE_FAULT_AT (hello, make, reset, step; default step)
FAKE_FAULT_RATE=0.3    a fault of any kind in this share of the attempts at an episode, drawn from its seed and the attempt's
FAKE_ATTEMPTS=folder   number, which is counted in this folder; every attempt is counted there, faulty or not
FAKE_STEP_SECONDS=0.01 what a control step takes
"""

import argparse
import hashlib
import os
import signal
import struct
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts" / "simulators"))

import numpy as np  # noqa: E402
from simulator_worker import Connection, Refusal, serve  # noqa: E402

KINDS = [
    "sigkill", "sigsegv", "hang", "eof", "garbage", "truncated", "too_long", "exception", "wrong_shape", "wrong_dtype",
    "not_finite", "missing_key", "lost_step", "false_end", "flood",
]


class Reach:
    """A point that actions [dx, dy] move; the goal's place and its distance can be read off the picture."""

    INSTRUCTIONS = {"Reach-v1": "reach the goal", "Stay-v1": "stay away from the goal"}
    SUITE = ["Reach-v1", "Stay-v1"]

    def tasks(self, name):
        names = self.SUITE if name == "all" else [name]
        if not set(names) <= set(self.SUITE):
            raise Refusal("unknown_task", f"no task named {name}", choices=self.SUITE)
        return {task: self.INSTRUCTIONS[task] for task in names}, 40

    def initial_states(self, name):
        return 0

    def make(self, task, cameras, size, control_mode, max_steps):
        self.size = size
        return np.float32([-1, -1]), np.float32([1, 1])

    def reset(self, task, seed):
        self.goal = np.frombuffer(hashlib.sha256(str(seed).encode()).digest()[:2], np.uint8) / 255 * 2 - 1
        self.place = np.zeros(2)

    def act(self, action):
        time.sleep(float(os.environ.get("FAKE_STEP_SECONDS", 0)))
        self.place = self.place + 0.1 * np.clip(action, -1, 1)
        return bool(np.abs(self.goal - self.place).max() < 0.05)

    def views(self, cameras):
        picture = np.zeros((self.size, self.size, 3), np.uint8)
        picture[0, 0, :2] = np.round((self.goal + 1) / 2 * 255)
        picture[0, 1, :2] = np.round(np.clip((self.place + 2) / 4, 0, 1) * 255)
        return [picture + np.uint8(index) for index in range(len(cameras))]

    def state(self):
        return np.float32(self.place)


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
        if fraction("fault", seed, attempt) >= float(os.environ.get("FAKE_FAULT_RATE", 0)):
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
        return message | {"done": not message["done"]}

    def flood(self, message):
        while True:
            print("noise " * 1000, flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--simulator", required=True)
    parser.add_argument("--fd", type=int, required=True)
    serve(LyingConnection(parser.parse_args().fd), Reach)


if __name__ == "__main__":
    main()
