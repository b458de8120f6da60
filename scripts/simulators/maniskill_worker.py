"""Runs ManiSkill's tasks for physgen, simulated and rendered on the CPU."""

import gc
import importlib.metadata
import os
import sys

import maniskill_tasks
from physgen_worker import Refusal, Simulator, UnknownTask, serve

SETUP = "run scripts/setup, then physgen doctor"


class ManiSkill(Simulator):
    def __init__(self):
        try:
            self.version = importlib.metadata.version("mani_skill")
        except importlib.metadata.PackageNotFoundError:
            raise Refusal("cannot_start", "ManiSkill is not installed", next_step=SETUP)

    def describe(self, name):
        if name not in maniskill_tasks.INSTRUCTIONS:
            raise UnknownTask(name, maniskill_tasks.INSTRUCTIONS)
        return {
            "tasks": [{"name": name, "instruction": maniskill_tasks.INSTRUCTIONS[name], "max_steps": maniskill_tasks.MAX_STEPS}],
            "cameras": [{"name": camera} for camera in maniskill_tasks.CAMERAS],
            "more_cameras": maniskill_tasks.OWN_CAMERA.pattern,
            "control_modes": maniskill_tasks.CONTROL_MODES,
            "control_rate": maniskill_tasks.CONTROL_RATE,
            "state_width": maniskill_tasks.STATE_WIDTH,
            "initial_states": 0,
        }

    def make(self, task, cameras, size, control_mode):
        try:
            import maniskill_env
        except ImportError as error:
            raise Refusal("cannot_start", f"ManiSkill cannot be imported: {error}", next_step=SETUP)
        self.module = maniskill_env
        try:
            for camera in cameras:
                maniskill_tasks.own_camera(camera)
        except ValueError as error:
            raise Refusal("refused", str(error))
        self.env = self.module.make_env(task, cameras, size, control_mode)
        gc.freeze()  # ManiSkill collects garbage at every reset: 0.2 s if all the modules' objects are searched
        return self.env.action_space.low, self.env.action_space.high

    def reset(self, task, seed):
        self.env.reset(seed=seed)

    def act(self, action):
        return self.env.step(action)[-1]["success"], False

    def views(self, cameras):
        return self.module.render_views(self.env, cameras)

    def state(self):
        return self.module.state_of(self.env)


if __name__ == "__main__":
    serve({"maniskill": ManiSkill})
    sys.stdout.flush()
    os._exit(0)  # the driver's own clean-up is slow and sometimes crashes
