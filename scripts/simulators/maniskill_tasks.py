"""The ManiSkill tasks that PhysGen knows, apart from the simulator, which takes seconds to import."""

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
CONTROL_MODES = [
    "pd_joint_pos", "pd_joint_delta_pos", "pd_joint_target_delta_pos", "pd_joint_vel", "pd_joint_pos_vel", "pd_joint_delta_pos_vel",
    "pd_ee_pose", "pd_ee_delta_pos", "pd_ee_delta_pose", "pd_ee_target_delta_pos", "pd_ee_target_delta_pose",
]  # fmt: skip
CONTROL_RATE = 20  # control steps a second
STATE_WIDTH = 9  # joints of the arm and both fingers
