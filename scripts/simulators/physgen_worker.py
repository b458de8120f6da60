"""What every simulator's worker in Python shares: the connection to physgen and the messages.

A worker is a program that hands `serve` its simulators, classes with the methods of `Simulator`. The protocol is written down in
.github/docs/simulators.md. It takes numpy and msgpack, and may be copied beside a worker of your own.
"""

import argparse
import socket
import struct
import traceback

import msgpack
import numpy as np

PROTOCOL = 3
LONGEST_MESSAGE = 256 << 20


class Refusal(Exception):
    """What was asked for cannot be had, however often it is tried.

    kind: "unknown_task" (with choices), "refused" (the user asked for something wrong), or "cannot_start" (something is not installed).
    next_step: what the user may do about it.
    """

    def __init__(self, kind: str, text: str, **details):
        super().__init__(text)
        self.reply = {"kind": kind, **details}


class UnknownTask(Refusal):
    def __init__(self, name: str, choices):
        super().__init__("unknown_task", f"no task named {name}", choices=list(choices))


class Simulator:
    """What a worker has to fill in. The constructor may raise Refusal("cannot_start", why, next_step=remedy)."""

    version = ""  # for people

    def describe(self, name: str) -> dict:
        """What there is under this name, quickly. Raises UnknownTask.

        tasks: a list of {name, instruction, max_steps}; cameras: a list of {name}, with field_of_view (vertical, radians) and pose
        (float32 [7]) where they are known; more_cameras, where there are others: a regular expression of their names; control_modes: a list of names; control_rate: control steps a second; state_width: numbers
        in the robot's state, 0 for none; initial_states: how many each task has, 0 where any seed will do.
        """
        raise NotImplementedError

    def make(self, name: str, cameras: list[str], size: int, control_mode: str) -> tuple[np.ndarray, np.ndarray]:
        """Prepares the task, or all tasks of a suite. Returns the least and the greatest value of each action."""
        raise NotImplementedError

    def reset(self, task: str, seed: int):
        """Begins an episode that depends on nothing but `seed`."""
        raise NotImplementedError

    def act(self, action: np.ndarray) -> tuple[bool, bool]:
        """One control step. Returns whether the task is done, and whether the episode is over."""
        raise NotImplementedError

    def views(self, cameras: list[str]) -> list[np.ndarray]:
        """What each camera sees now: uint8 [size, size, 3]."""
        raise NotImplementedError

    def state(self) -> np.ndarray:
        """The robot's own state now: [state_width]. Not asked for where that is 0."""
        raise NotImplementedError


def encode_array(value):
    if isinstance(value, np.ndarray):
        return {b"__ndarray__": True, b"data": value.tobytes(), b"dtype": value.dtype.str, b"shape": value.shape}
    raise TypeError(f"cannot send a {type(value).__name__}")


def decode_array(message: dict):
    if b"__ndarray__" in message:
        return np.frombuffer(message[b"data"], np.dtype(message[b"dtype"])).reshape(message[b"shape"]).copy()
    return message


class Connection:
    """The socket to physgen: a message is its length (uint32, little-endian) and that many bytes of MessagePack."""

    def __init__(self, descriptor: int):
        self.socket = socket.socket(fileno=descriptor)
        self.socket.setblocking(True)
        self.socket.set_inheritable(False)

    def receive(self):
        """The next message, or None when the other side has gone."""
        header = self.read(4)
        if header is None:
            return None
        length = struct.unpack("<I", header)[0]
        if length > LONGEST_MESSAGE:
            raise ValueError(f"a message of {length} bytes")
        body = self.read(length)
        return None if body is None else msgpack.unpackb(body, object_hook=decode_array)

    def read(self, count: int):
        data = bytearray()
        while len(data) < count:
            piece = self.socket.recv(count - len(data))
            if not piece:
                return None
            data += piece
        return bytes(data)

    def send(self, message: dict):
        body = msgpack.packb(message, default=encode_array)
        self.socket.sendall(struct.pack("<I", len(body)) + body)


class Session:
    """One simulator and the episode that runs in it."""

    def __init__(self, simulators: dict, name: str):
        self.simulators, self.name, self.simulator = simulators, name, None

    def hello(self, protocol):
        if protocol == PROTOCOL:
            if self.name not in self.simulators:
                raise Refusal("refused", f"this worker has no simulator named {self.name}: there is {', '.join(self.simulators)}")
            self.simulator = self.simulators[self.name]()
        return {"protocol": PROTOCOL, "simulator": f"{self.name} {getattr(self.simulator, 'version', '')}".rstrip()}

    def describe(self, name):
        return self.simulator.describe(name)

    def make(self, name, cameras, size, control_mode, state, record):
        low, high = self.simulator.make(name, cameras, size, control_mode)
        self.cameras, self.sends_state, self.records = cameras, state, record
        return {"action_low": row_of_floats(low), "action_high": row_of_floats(high)}

    def reset(self, task, seed, max_steps):
        self.simulator.reset(task, seed)
        self.max_steps, self.steps, self.success, self.over = max_steps, 0, False, False
        return self.perception()

    def step(self, actions):
        if self.done():
            raise ValueError("a step after the end of the episode")
        frames = []
        for action in actions:
            self.success, self.over = map(bool, self.simulator.act(action))
            self.steps += 1
            if self.records:
                frames.append(self.simulator.views(self.cameras[:1])[0])
            if self.done():
                break
        return self.perception() | ({"frames": frames} if self.records else {})

    def done(self):
        return self.success or self.over or self.steps >= self.max_steps

    def perception(self):
        seen = {
            "views": self.simulator.views(self.cameras),
            "success": self.success,
            "done": self.done(),
            "control_steps": self.steps,
        }
        return seen | ({"state": row_of_floats(self.simulator.state())} if self.sends_state else {})

    def answer(self, message):
        name = message.pop("request")
        if name not in ("hello", "describe", "make", "reset", "step"):
            raise ValueError(f"no request named {name}")
        return getattr(self, name)(**message)


def row_of_floats(values):
    return np.asarray(values, np.float32).reshape(-1)


def failure(error):
    if isinstance(error, Refusal):
        return {"error": str(error), **error.reply}
    traceback.print_exception(error)  # the other side keeps what this process prints
    return {"error": " ".join(f"{type(error).__name__}: {error}".split()), "kind": "failure"}


def serve(simulators: dict[str, type], connect=Connection):
    """Answers one request after the other with the simulator that was asked for, until physgen closes the connection.

    simulators: by the name that stands before the colon in `--env NAME:TASK`.
    """
    parser = argparse.ArgumentParser(description="Runs a simulator for `physgen rollout`.")
    parser.add_argument("--simulator", required=True, help=", ".join(simulators))
    parser.add_argument("--fd", type=int, required=True, help="an inherited socket")
    options = parser.parse_args()
    connection, session = connect(options.fd), Session(simulators, options.simulator)
    while (message := connection.receive()) is not None and message["request"] != "close":
        try:
            reply = session.answer(message)
        except Exception as error:
            reply = failure(error)
        connection.send(reply)
