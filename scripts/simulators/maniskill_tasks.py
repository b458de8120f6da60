"""The ManiSkill tasks that PhysGen knows, apart from the simulator, which takes seconds to import."""

import argparse
import math
import re

MAX_STEPS = 200  # of an episode

INSTRUCTIONS = {
    "PushCube-v1": "Push and move a cube to a goal region in front of it.",
    "PullCube-v1": "Pull a cube onto a target.",
    "PickCube-v1": "Grasp a red cube and move it to a target goal position.",
    "StackCube-v1": "Pick up a red cube and stack it on top of a green cube and let go of the cube without it falling.",
    "LiftPegUpright-v1": "Move a peg laying on the table to any upright position on the table.",
    "PlaceSphere-v1": "Pick up a sphere and place it into a bin.",
}

CAMERAS = ["render_camera", "base_camera", "hand_camera"]
NUMBER = r"-?\d+(?:\.\d+)?"
OWN_CAMERA = re.compile(rf"from_({NUMBER})_({NUMBER})_({NUMBER})_to_({NUMBER})_({NUMBER})_({NUMBER})(?:_fov_({NUMBER}))?")


def own_camera(name: str):
    """Where a camera of one's own is, what it looks at (metres in the simulator's frame) and its field of view (radians): its
    name says all of it, "from_0.6_0.7_0.6_to_0_0_0.35_fov_1", so that who has the name looks from the same place. None for another name."""
    match = OWN_CAMERA.fullmatch(name)
    if match is None:
        return None
    numbers = [float(text or 1) for text in match.groups()]
    eye, target, field_of_view = numbers[:3], numbers[3:6], numbers[6]
    if eye == target or not 0 < field_of_view < math.pi:
        raise ValueError(f"{name} sees nothing: it looks at where it is, or its field of view is not between 0 and {math.pi:.2f}")
    return eye, target, field_of_view


def camera_name(name: str) -> str:
    """A camera's name, as an argument."""
    try:
        if name in CAMERAS or own_camera(name):
            return name
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error))
    raise argparse.ArgumentTypeError(f"{name} is none of {', '.join(CAMERAS)}, nor from_X_Y_Z_to_X_Y_Z")


CONTROL_MODES = [
    "pd_joint_pos", "pd_joint_delta_pos", "pd_joint_target_delta_pos", "pd_joint_vel", "pd_joint_pos_vel", "pd_joint_delta_pos_vel",
    "pd_ee_pose", "pd_ee_delta_pos", "pd_ee_delta_pose", "pd_ee_target_delta_pos", "pd_ee_target_delta_pose",
]  # fmt: skip
CONTROL_RATE = 20  # control steps a second
STATE_WIDTH = 9  # joints of the arm and both fingers
