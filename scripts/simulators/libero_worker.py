"""Runs LIBERO's suites for physgen: a task's environment is made when an episode of it begins, from one of its published initial states."""

import os
import sys

import numpy as np

from physgen_worker import Refusal, Simulator, UnknownTask, serve

SETUP = "run scripts/setup_libero"


class Libero(Simulator):
    def __init__(self):
        try:
            import libero_env
        except ImportError as error:
            raise Refusal("cannot_start", f"LIBERO cannot be imported: {error}", next_step=SETUP)
        self.module = libero_env
        self.task = self.env = None

    def describe(self, name):
        suites = self.module.task_map()
        if name not in suites:
            raise UnknownTask(name, suites)
        limit = self.module.MAX_STEPS[name]
        return {
            "tasks": [{"name": task, "instruction": self.module.instruction_of(task), "max_steps": limit} for task in suites[name]],
            "cameras": [{"name": camera} for camera in self.module.CAMERAS],
            "control_modes": [self.module.CONTROL_MODE],
            "control_rate": self.module.CONTROL_RATE,
            "state_width": self.module.STATE_WIDTH,
            "initial_states": min(len(self.states_of(name, task)) for task in suites[name]),
        }

    def states_of(self, suite, task):
        try:
            return self.module.initial_states_of(suite, task)
        except ValueError as error:
            raise Refusal("cannot_start", str(error), next_step=SETUP)

    def make(self, suite, cameras, size, control_mode):
        self.suite, self.size = suite, size
        return np.full(7, -1), np.ones(7)

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
            raise Refusal("cannot_start", str(error), next_step=self.module.GET_ASSETS if "assets" in str(error) else SETUP)
        self.task = task

    def act(self, action):
        self.env.step(np.float64(action))
        return self.env._check_success(), False

    def views(self, cameras):
        turned = [self.module.render_view(self.env, camera, self.size)[::-1, ::-1] for camera in cameras]
        return [np.ascontiguousarray(picture) for picture in turned]

    def state(self):
        return self.module.state_of(self.env)


if __name__ == "__main__":
    serve({"libero": Libero})
    sys.stdout.flush()
    os._exit(0)  # the driver's own clean-up is slow and sometimes crashes
