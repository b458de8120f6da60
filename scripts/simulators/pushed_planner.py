"""ManiSkill's motion planner for demonstrations in which the arm is pushed off its way and finds back."""

import numpy as np
from mani_skill.examples.motionplanning.panda.motionplanner import PandaArmMotionPlanningSolver

STEPS = 8  # of a push
REACH = 0.15  # radians by which it turns a joint, the standard deviation


class PushedPlanner(PandaArmMotionPlanningSolver):
    """Once in an episode, at step `push_at`, in the first move after it or behind the last one, the arm is pushed aside; then the move
    is planned again from where the arm is. `on_pushed` is called between the two. Nothing is pushed where `push_at` is None."""

    push_at = random = on_pushed = None

    def move_to_pose_with_screw(self, pose, dry_run=False, refine_steps=0):
        self.target = pose
        return super().move_to_pose_with_screw(pose, dry_run, refine_steps)

    def follow_path(self, result, refine_steps=0):
        positions = result["position"]
        if self.push_at is None or self.push_at >= self.elapsed_steps + len(positions):
            return super().follow_path(result, refine_steps)
        before = positions[: max(self.push_at - self.elapsed_steps, 0)]
        if len(before) > 0:
            super().follow_path({"position": before})
        self.push_aside()
        return super().move_to_pose_with_screw(self.target, refine_steps=refine_steps)

    def close(self):
        """Called where all is done: a push that comes later finds the arm at its last target."""
        if self.push_at is not None and self.elapsed_steps > 0:
            self.push_aside()
            super().move_to_pose_with_screw(self.target)
        super().close()

    def push_aside(self):
        """Turns the arm's joints; the gripper stays as it is."""
        cls = type(self)
        cls.push_at = None
        arm = len(self.planner.joint_vel_limits)
        turn = cls.random.normal(0, REACH, arm)
        start = self.robot.get_qpos()[0, :arm].numpy()
        for share in np.linspace(1 / STEPS, 1, STEPS):
            self.env.step(np.hstack([start + share * turn, self.gripper_state]))
        self.elapsed_steps += STEPS
        cls.on_pushed()
