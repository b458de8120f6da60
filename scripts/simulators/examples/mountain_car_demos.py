#!/usr/bin/env python3
"""Demonstrates MountainCarContinuous-v0: mountain_car_demos.py OUT [EPISODES [SIZE]] writes OUT.h5 and OUT.json, in ManiSkill's layout."""

import json
import sys

import h5py
import numpy as np
from mountain_car_worker import CAMERA, CONTROL_MODE, INSTRUCTION, TASK, MountainCar

MAX_STEPS = 300


def expert(state):
    """The engine pushes the way that the car rolls, so that it swings higher each time."""
    _, velocity = state
    return np.float32([1 if velocity >= 0 else -1])


def demonstrate(simulator, seed):
    """One episode: what was seen before each action and after the last, the actions, the states, and whether it succeeded."""
    simulator.reset(TASK, seed)
    frames, states, actions, success = [], [], [], False
    while not success and len(actions) < MAX_STEPS:
        frames.append(simulator.views([CAMERA])[0])
        states.append(simulator.state())
        actions.append(expert(states[-1]))
        success, _ = simulator.act(actions[-1])
    frames.append(simulator.views([CAMERA])[0])
    states.append(simulator.state())
    return np.stack(frames), np.float32(actions), np.float32(states), success


def write_episode(group, frames, actions, states):
    group["actions"] = actions
    group["obs/agent/qpos"] = states
    last = np.arange(len(actions)) == len(actions) - 1
    group["terminated"], group["truncated"], group["success"] = last, np.zeros_like(last), last
    group.create_dataset(f"obs/sensor_data/{CAMERA}/rgb", data=frames, compression="gzip", chunks=(1, *frames.shape[1:]))


def main(out, episodes=20, size=128):
    simulator, index = MountainCar(), []
    simulator.make(TASK, [CAMERA], int(size), CONTROL_MODE)
    with h5py.File(out + ".h5", "w") as file:
        for seed in range(int(episodes)):
            *rows, success = demonstrate(simulator, seed)
            if success:
                write_episode(file.create_group(f"traj_{len(index)}"), *rows)
                episode = {"episode_id": len(index), "episode_seed": seed, "control_mode": CONTROL_MODE}
                index.append({**episode, "elapsed_steps": len(rows[1]), "success": True})
    description = {"env_info": {"env_id": TASK}, "instruction": INSTRUCTION, "seeds_tried": [0, int(episodes) - 1]}
    with open(out + ".json", "w") as file:
        json.dump({**description, "episodes": index}, file)


if __name__ == "__main__":
    main(*sys.argv[1:])
