"""The ManiSkill tasks that PhysGen knows, apart from the simulator, which takes seconds to import."""

MAX_STEPS = 200  # of an episode

INSTRUCTIONS = {
    "PushCube-v1": "Push and move a cube to a goal region in front of it.",
    "PickCube-v1": "Grasp a red cube and move it to a target goal position.",
    "StackCube-v1": "Pick up a red cube and stack it on top of a green cube and let go of the cube without it falling.",
}
