#!/usr/bin/env python3
"""Gymnasium's MountainCarContinuous-v0 as a simulator for physgen. An action is one number: the engine's force, from -1 to 1.

Needs physgen_worker.py in the same folder, and a Python with gymnasium[classic-control], pillow, numpy and msgpack.
"""

import gymnasium
import numpy as np
from PIL import Image

from physgen_worker import Simulator, UnknownTask, serve

TASK = "MountainCarContinuous-v0"
INSTRUCTION = "Drive the car up the hill to the flag."
CAMERA = "side"
CONTROL_MODE = "force"


class MountainCar(Simulator):
    version = gymnasium.__version__

    def __init__(self):
        self.env = gymnasium.make(TASK, render_mode="rgb_array").unwrapped  # without its own limit of steps: physgen counts them

    def describe(self, name):
        if name != TASK:
            raise UnknownTask(name, [TASK])
        return {
            "tasks": [{"name": TASK, "instruction": INSTRUCTION, "max_steps": 200}],
            "cameras": [{"name": CAMERA}],
            "control_modes": [CONTROL_MODE],
            "control_rate": self.env.metadata["render_fps"],
            "state_width": 2,
            "initial_states": 0,
        }

    def make(self, name, cameras, size, control_mode):
        self.size = size
        return self.env.action_space.low, self.env.action_space.high

    def reset(self, task, seed):
        self.env.reset(seed=seed)

    def act(self, action):
        reached = self.env.step(action)[2]
        return reached, False

    def views(self, cameras):
        picture = Image.fromarray(self.env.render()).resize((self.size, self.size), Image.Resampling.BOX)
        return [np.asarray(picture)]

    def state(self):
        return self.env.state  # position and velocity


if __name__ == "__main__":
    serve({"gymnasium": MountainCar})
