"""Runs one simulator for `physgen rollout`: answers its requests over an inherited socket, one reply to each.

A message is its length (uint32, little-endian) and that many bytes of MessagePack: a map. An array is a map of the binary keys
__ndarray__, data, dtype and shape. Requests: hello, list, make, reset, step, close. An exception becomes {error, kind}; its traceback is
printed. Of the simulator's state only what the policy may know goes out: pictures, the robot's own state when asked for, success.
"""

import argparse
import gc
import os
import platform
import socket
import struct
import sys
import traceback

import maniskill_tasks
import msgpack
import numpy as np

PROTOCOL = 2
LONGEST_MESSAGE = 256 << 20


class Refusal(Exception):
    """What was asked for cannot be had, however often it is tried."""

    def __init__(self, kind: str, text: str, **details):
        super().__init__(text)
        self.reply = {"kind": kind, **details}


def encode_array(value):
    if isinstance(value, np.ndarray):
        return {b"__ndarray__": True, b"data": value.tobytes(), b"dtype": value.dtype.str, b"shape": value.shape}
    raise TypeError(f"cannot send a {type(value).__name__}")


def decode_array(message: dict):
    if b"__ndarray__" in message:
        return np.frombuffer(message[b"data"], np.dtype(message[b"dtype"])).reshape(message[b"shape"]).copy()
    return message


class Connection:
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


class ManiSkill:
    """ManiSkill's tasks, simulated and rendered on the CPU."""

    def tasks(self, name):
        """The instruction of each task of this name, and the usual limit of an episode."""
        known = maniskill_tasks.INSTRUCTIONS
        if name not in known:
            raise Refusal("unknown_task", f"no task named {name}", choices=list(known))
        return {name: known[name]}, maniskill_tasks.MAX_STEPS

    def initial_states(self, name):
        """How many each task of this name has; 0: any seed will do."""
        return 0

    def make(self, task, cameras, size, control_mode, max_steps):
        try:
            import maniskill_env
        except ImportError as error:
            raise Refusal("cannot_start", f"ManiSkill cannot be imported: {error}")
        self.module = maniskill_env
        try:
            self.env = self.module.make_env(task, cameras, size, control_mode, max_steps)
        except ValueError as error:
            raise Refusal("refused", str(error))
        except AssertionError as error:
            if "not in supported modes" in str(error):
                raise Refusal("refused", f"control mode {error}")
            raise
        gc.freeze()  # ManiSkill collects garbage at every reset: 0.2 s if all the modules' objects are searched
        space = self.env.action_space
        return np.float32(space.low).reshape(-1), np.float32(space.high).reshape(-1)

    def reset(self, task, seed):
        self.env.reset(seed=seed)

    def act(self, action):
        info = self.env.step(action)[-1]
        return bool(info["success"])

    def views(self, cameras):
        return self.module.render_views(self.env, cameras)

    def state(self):
        return self.module.state_of(self.env)


class Libero:
    """LIBERO's suites: a task's environment is made when an episode of it begins, from one of its published initial states."""

    def __init__(self):
        try:
            import libero_env
        except ImportError as error:
            raise Refusal("cannot_start", f"LIBERO cannot be imported: {error}")
        self.module = libero_env
        self.task = self.env = None

    def tasks(self, name):
        suites = self.module.task_map()
        if name not in suites:
            raise Refusal("unknown_task", f"no suite named {name}", choices=list(suites))
        return {task: self.module.instruction_of(task) for task in suites[name]}, self.module.MAX_STEPS[name]

    def initial_states(self, name):
        return min(len(self.states_of(name, task)) for task in self.module.task_map()[name])

    def states_of(self, suite, task):
        try:
            return self.module.initial_states_of(suite, task)
        except ValueError as error:
            raise Refusal("cannot_start", str(error))

    def make(self, suite, cameras, size, control_mode, max_steps):
        unknown = [camera for camera in cameras if camera not in self.module.CAMERAS]
        if unknown:
            raise Refusal("refused", f"no camera named {', '.join(unknown)}: there are {', '.join(self.module.CAMERAS)}")
        if control_mode != self.module.CONTROL_MODE:
            raise Refusal("refused", f"control mode {control_mode}: there is {self.module.CONTROL_MODE}")
        self.suite, self.size = suite, size
        return np.full(7, -1, np.float32), np.ones(7, np.float32)

    def reset(self, task, seed):
        states = self.states_of(self.suite, task)
        if seed >= len(states):
            raise Refusal("refused", f"initial state {seed}: {task} has 0 to {len(states) - 1}")
        self.open(task)
        self.module.reset(self.env, self.module.SEED)
        self.module.set_state(self.env, states[seed])
        self.module.wait(self.env)

    def open(self, task):
        if self.task == task:
            return
        if self.env is not None:
            self.env.close()
        self.task = self.env = None
        try:
            self.env = self.module.make_env(self.suite, task, self.size)
        except (ImportError, FileNotFoundError) as error:
            raise Refusal("cannot_start", f"{error}\n{self.module.GET_ASSETS}" if "assets" in str(error) else str(error))
        self.task = task

    def act(self, action):
        self.env.step(np.float64(action))
        return bool(self.env._check_success())

    def views(self, cameras):
        turned = [self.module.render_view(self.env, camera, self.size)[::-1, ::-1] for camera in cameras]
        return [np.ascontiguousarray(picture) for picture in turned]

    def state(self):
        return self.module.state_of(self.env)


class Session:
    """One simulator and the episode that runs in it."""

    def __init__(self, start_simulator):
        self.start_simulator = start_simulator
        self.simulator = self.steps = None

    def hello(self, protocol):
        if protocol != PROTOCOL:
            raise Refusal("refused", f"protocol {protocol}; this worker speaks {PROTOCOL}")
        self.simulator = self.start_simulator()
        return {
            "protocol": PROTOCOL,
            "simulator": type(self.simulator).__name__.lower(),
            "python": platform.python_version(),
        }

    def list(self, name):
        instructions, max_steps = self.simulator.tasks(name)
        return {
            "tasks": list(instructions),
            "instructions": list(instructions.values()),
            "initial_states": self.simulator.initial_states(name),
            "max_steps": max_steps,
        }

    def make(self, name, cameras, size, control_mode, max_steps, state, record):
        self.instructions, _ = self.simulator.tasks(name)
        low, high = self.simulator.make(name, cameras, size, control_mode, max_steps)
        self.cameras, self.max_steps = cameras, max_steps
        self.sends_state, self.records = state, record
        return {"action_width": len(low), "action_low": low, "action_high": high, "cameras": cameras}

    def reset(self, task, seed):
        if task not in self.instructions:
            raise Refusal("unknown_task", f"no task named {task}", choices=list(self.instructions))
        self.simulator.reset(task, seed)
        self.instruction, self.steps, self.success = self.instructions[task], 0, False
        return self.perception()

    def step(self, actions):
        if self.done():
            raise ValueError("a step after the end of the episode")
        frames = []
        for action in actions:
            self.success = self.simulator.act(action)
            self.steps += 1
            if self.records:
                frames.append(self.simulator.views(self.cameras[:1])[0])
            if self.done():
                break
        return self.perception() | ({"frames": frames} if self.records else {})

    def done(self):
        return self.success or self.steps >= self.max_steps

    def perception(self):
        seen = {
            "views": self.simulator.views(self.cameras),
            "instruction": self.instruction,
            "success": self.success,
            "done": self.done(),
            "control_steps": self.steps,
        }
        return seen | ({"state": self.simulator.state()} if self.sends_state else {})

    def answer(self, message):
        name = message.pop("request")
        if name not in ("hello", "list", "make", "reset", "step"):
            raise ValueError(f"no request named {name}")
        return getattr(self, name)(**message)


def failure(error):
    if isinstance(error, Refusal):
        return {"error": str(error), **error.reply}
    traceback.print_exception(error)  # the other side keeps what this process prints
    return {"error": " ".join(f"{type(error).__name__}: {error}".split()), "kind": "failure"}


def serve(connection, start_simulator):
    session = Session(start_simulator)
    while (message := connection.receive()) is not None and message["request"] != "close":
        try:
            reply = session.answer(message)
        except Exception as error:
            reply = failure(error)
        connection.send(reply)


def main():
    parser = argparse.ArgumentParser(description="Runs one simulator for `physgen rollout`.")
    parser.add_argument("--simulator", choices=["maniskill", "libero"], required=True)
    parser.add_argument("--fd", type=int, required=True, help="an inherited socket")
    options = parser.parse_args()
    serve(Connection(options.fd), {"maniskill": ManiSkill, "libero": Libero}[options.simulator])
    sys.stdout.flush()
    os._exit(0)  # the driver's own clean-up is slow and sometimes crashes


if __name__ == "__main__":
    main()
