"""ManiSkill 3 as a benchmark of vla-evaluation-harness's public kind: named in its config as vla_eval_maniskill:ManiSkill3."""

import sys
from pathlib import Path

from vla_eval.benchmarks.base import StepBenchmark, StepResult
from vla_eval.specs import IMAGE_RGB, LANGUAGE, RAW

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts/simulators"))
import maniskill_env
from maniskill_tasks import INSTRUCTIONS, MAX_STEPS


class ManiSkill3(StepBenchmark):
    def __init__(self, task="PushCube-v1", camera="render_camera", size=128, control_mode="pd_joint_pos", seed=100000):
        super().__init__()
        self.task, self.camera, self.seed = task, camera, seed
        self.env = maniskill_env.make_env(task, [camera], size, control_mode, MAX_STEPS)

    def get_tasks(self):
        return [{"name": INSTRUCTIONS[self.task]}]

    def reset(self, task):
        self.env.reset(seed=self.seed + task.get("episode_idx", 0))

    def step(self, action):
        success = bool(self.env.step(action["actions"])[-1]["success"])
        return StepResult(obs=None, reward=float(success), done=success, info={"success": success})

    def make_obs(self, raw_obs, task):
        images = {self.camera: maniskill_env.render_views(self.env, [self.camera])[0]}
        return {"images": images, "task_description": task["name"], "states": maniskill_env.state_of(self.env)}

    def get_step_result(self, step_result):
        return {"success": bool(step_result.info.get("success", False))}

    def get_metadata(self):
        return {"max_steps": MAX_STEPS}

    def get_action_spec(self):
        return {"joints": RAW}

    def get_observation_spec(self):
        return {self.camera: IMAGE_RGB, "language": LANGUAGE}
