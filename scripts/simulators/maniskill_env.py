"""Makes ManiSkill environments that simulate and render on the CPU.

Importing this module chooses Mesa's software Vulkan driver, so it must come before any other import of sapien or mani_skill.
"""

import ctypes
import glob
import os
import warnings
from pathlib import Path

MESA = Path(__file__).resolve().parents[2] / ".mesa"


def use_software_vulkan():
    """Points Vulkan at lavapipe: the project's own copy if scripts/setup made one, else the system's."""
    icd = [str(MESA / "lvp_icd.json")] if (MESA / "lvp_icd.json").exists() else glob.glob("/usr/share/vulkan/icd.d/lvp_icd*.json")
    if not icd:
        raise ImportError("no Mesa software Vulkan driver (lvp_icd.json): run scripts/setup")
    if icd[0].startswith(str(MESA)):
        for library in (MESA / "preload").read_text().split():
            ctypes.CDLL(str(MESA / library), mode=ctypes.RTLD_GLOBAL)
    os.environ["VK_ICD_FILENAMES"] = icd[0]
    os.environ.setdefault("LP_NUM_THREADS", "1")


use_software_vulkan()
warnings.filterwarnings("ignore", message="pkg_resources is deprecated")

import gymnasium as gym
import mani_skill.envs  # noqa: F401  (registers the tasks)
import numpy as np
import torch
from mani_skill.sensors.camera import CameraConfig
from mani_skill.utils import sapien_utils
from mani_skill.utils.registration import REGISTERED_ENVS

from maniskill_tasks import MAX_STEPS, own_camera

torch.set_num_threads(1)


def make_env(task: str, cameras: list[str], size: int, control_mode: str = "pd_joint_pos", max_steps: int = MAX_STEPS) -> gym.Env:
    """An environment whose steps render nothing: pictures are made by render_views alone.

    Each reset rebuilds the scene (0.2 s), since the physics engine's caches would otherwise make an episode depend on the last one.
    """
    add_own_cameras(task, cameras)
    robot = {"robot_uids": "panda_wristcam"} if "hand_camera" in cameras else {}
    env = gym.make(
        task,
        obs_mode="none",
        control_mode=control_mode,
        render_mode="rgb_array",
        sim_backend="physx_cpu",
        render_backend="cpu",
        max_episode_steps=max_steps,
        reconfiguration_freq=1,
        human_render_camera_configs={"width": size, "height": size},
        sensor_configs={"width": size, "height": size},
        **robot,
    )
    check_cameras(env, cameras)
    return env


def add_own_cameras(task: str, cameras: list[str]):
    """The task's class, from now on with the cameras whose names say where they are. They see what human cameras see."""
    own = [camera_config(name) for name in cameras if own_camera(name)]
    if not own:
        return
    spec = REGISTERED_ENVS[task]

    class WithOwnCameras(spec.cls):
        @property
        def _default_human_render_camera_configs(self):
            usual = super()._default_human_render_camera_configs
            return [*(usual if isinstance(usual, list) else [usual]), *own]

    WithOwnCameras.__name__ = spec.cls.__name__
    spec.cls = WithOwnCameras


def camera_config(name: str) -> CameraConfig:
    eye, target, field_of_view = own_camera(name)
    straight_down = eye[:2] == target[:2]  # then the top of the picture is ahead of the robot
    pose = sapien_utils.look_at(eye, target, up=(1, 0, 0) if straight_down else (0, 0, 1))
    return CameraConfig(name, pose, 128, 128, field_of_view, 0.01, 100)


def check_cameras(env: gym.Env, cameras: list[str]):
    known = [*env.unwrapped.scene.human_render_cameras, *env.unwrapped.scene.sensors]
    unknown = [camera for camera in cameras if camera not in known]
    if unknown:
        raise ValueError(f"no camera named {', '.join(unknown)} in {env.spec.id}: there are {', '.join(known)}")


def render_views(env: gym.Env, cameras: list[str]) -> list[np.ndarray]:
    """One uint8 [H,W,3] picture of the present state for each camera."""
    check_cameras(env, cameras)
    return [render_view(env.unwrapped, camera) for camera in cameras]


def render_view(env, camera: str) -> np.ndarray:
    if camera in env.scene.human_render_cameras:
        picture = env.render_rgb_array(camera)
    else:
        picture = render_sensor(env, camera)
    return np.ascontiguousarray(picture[0].numpy())


def render_sensor(env, camera: str) -> torch.Tensor:
    """A sensor camera does not see the markers (such as PickCube's goal) that the human cameras see."""
    for marker in env._hidden_objects:
        marker.hide_visual()
    env.scene.update_render(update_sensors=True, update_human_render_cameras=False)
    sensor = env.scene.sensors[camera]
    sensor.capture()
    return sensor.get_obs(rgb=True, depth=False, position=False, segmentation=False)["rgb"]


def state_of(env: gym.Env) -> np.ndarray:
    """The robot's joint positions."""
    return env.unwrapped.agent.robot.get_qpos()[0].numpy().astype(np.float32)
