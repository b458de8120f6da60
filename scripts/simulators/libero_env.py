"""Makes LIBERO environments, and reads what LIBERO's package says of its suites, tasks and initial states.

Importing this module chooses how MuJoCo renders and writes the configuration that LIBERO would otherwise ask for on the
terminal, so it must come before any other import of mujoco, robosuite or libero.
"""

import contextlib
import ctypes.util
import importlib.util
import io
import logging
import os
import pickle
import sys
import zipfile
from pathlib import Path

import numpy as np

CONTROL_MODE = "osc_pose"
CAMERAS = {"agentview": "agentview", "eye_in_hand": "robot0_eye_in_hand"}  # ours, robosuite's
MAX_STEPS = {"libero_spatial": 220, "libero_object": 280, "libero_goal": 300, "libero_10": 520, "libero_90": 400}
WAIT = np.array([0, 0, 0, 0, 0, 0, -1.0])  # stand still with an open hand
WAIT_STEPS = 10  # objects fall to rest, before the policy acts
LARGEST_STATES = 64 << 20  # bytes of a file of initial states
CONTROL_RATE = 20  # control steps a second
STATE_WIDTH = 8
SEED = 7  # of the fixtures' placement: the same in every evaluation of the field that sets it

GET_ASSETS = """pass the assets of a LIBERO checkout to the set-up:
  git clone https://github.com/Lifelong-Robot-Learning/LIBERO && scripts/setup_libero LIBERO/libero/libero/assets"""


def package_folder() -> Path:
    """libero/libero of the installed package, without importing it."""
    found = importlib.util.find_spec("libero")
    if found is None or not found.submodule_search_locations:
        raise ImportError("the package hf-libero is not installed: run scripts/setup_libero")
    return Path(next(iter(found.submodule_search_locations))) / "libero"


def choose_renderer():
    """EGL on machines with an NVIDIA device, otherwise OSMesa, which renders on the CPU."""
    if "MUJOCO_GL" not in os.environ:
        usable = not Path("/dev/nvidia0").exists() and ctypes.util.find_library("OSMesa")
        os.environ["MUJOCO_GL"] = "osmesa" if usable else "egl"
    os.environ["PYOPENGL_PLATFORM"] = os.environ["MUJOCO_GL"]


def write_config(package: Path):
    """LIBERO's import reads its paths from a file, and asks questions where there is none."""
    if "LIBERO_CONFIG_PATH" in os.environ:
        return
    folder = Path(sys.prefix) / "libero_config"
    names = {"benchmark_root": "", "bddl_files": "bddl_files", "init_states": "init_files", "datasets": "../datasets", "assets": "assets"}
    text = "".join(f"{key}: {package / name}\n" for key, name in names.items())
    path = folder / "config.yaml"
    if not path.exists() or path.read_text() != text:
        folder.mkdir(exist_ok=True)
        partial = path.with_suffix(f".{os.getpid()}")
        partial.write_text(text)
        partial.rename(path)
    os.environ["LIBERO_CONFIG_PATH"] = str(folder)


def check_assets(package: Path):
    """The wheel has neither meshes nor textures, and LIBERO would try to download them."""
    for name in ("scenes/libero_tabletop_base_style.xml", "stable_scanned_objects/akita_black_bowl/akita_black_bowl.xml"):
        if not (package / "assets" / name).exists():
            raise ImportError(f"LIBERO's assets are missing: no file {package / 'assets' / name}\n{GET_ASSETS}")


PACKAGE = package_folder()
choose_renderer()
write_config(PACKAGE)


def task_map() -> dict:
    """The tasks of each suite. Its module is loaded by itself: that of the benchmark needs PyTorch."""
    path = PACKAGE / "benchmark" / "libero_suite_task_map.py"
    spec = importlib.util.spec_from_file_location("libero_suite_task_map", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return {suite: module.libero_task_map[suite] for suite in MAX_STEPS}


def instruction_of(task: str) -> str:
    """What LIBERO tells a policy: the file's name, without its scene."""
    words = task.split("_")
    scene = [index for index, word in enumerate(words) if word.startswith("SCENE")]
    return " ".join(words[scene[0] + 1 :] if scene else words)


class ArrayUnpickler(pickle.Unpickler):
    """Makes arrays of numbers and nothing else: other names are refused before they are looked up."""

    ALLOWED = {
        ("numpy.core.multiarray", "_reconstruct"): np.core.multiarray._reconstruct,
        ("numpy", "ndarray"): np.ndarray,
        ("numpy", "dtype"): np.dtype,
    }

    def find_class(self, module, name):
        if (module, name) == ("_codecs", "encode"):
            return self.encode
        if (module, name) not in self.ALLOWED:
            raise pickle.UnpicklingError(f"it names {module}.{name}")
        return self.ALLOWED[module, name]

    @staticmethod
    def encode(text, encoding):
        if encoding != "latin1":
            raise pickle.UnpicklingError(f"it asks for the encoding {encoding}")
        return text.encode("latin1")


def initial_states_of(suite: str, task: str) -> np.ndarray:
    """The published initial states [N, D] of a task, float64."""
    path = PACKAGE / "init_files" / suite / f"{task}.pruned_init"
    try:
        with zipfile.ZipFile(path) as archive:
            if archive.getinfo("archive/data.pkl").file_size > LARGEST_STATES:
                raise ValueError("more than 64 MiB")
            states = ArrayUnpickler(io.BytesIO(archive.read("archive/data.pkl"))).load()
    except Exception as error:  # a damaged pickle raises whatever its bytes make it do
        raise ValueError(f"the initial states cannot be read: {path}: {error}") from None
    is_table = isinstance(states, np.ndarray) and states.dtype == np.float64 and states.ndim == 2 and len(states)
    if not is_table or not np.isfinite(states).all():
        raise ValueError(f"the initial states are no table of finite numbers: {path}")
    return states


def make_env(suite: str, task: str, size: int):
    """LIBERO's environment, whose steps render nothing: pictures are made by `render_view` alone."""
    check_assets(PACKAGE)
    logging.disable(logging.WARNING)  # robosuite's advice on its private macros
    with contextlib.redirect_stdout(sys.stderr):
        from libero.libero.envs import TASK_MAPPING, bddl_utils
        from robosuite import load_controller_config

        logging.disable(logging.NOTSET)
        bddl = str(PACKAGE / "bddl_files" / suite / f"{task}.bddl")
        return TASK_MAPPING[bddl_utils.get_problem_info(bddl)["problem_name"]](
            bddl,
            robots=["Panda"],
            controller_configs=load_controller_config(default_controller="OSC_POSE"),
            gripper_types="default",
            initialization_noise=None,
            use_camera_obs=False,
            has_renderer=False,
            has_offscreen_renderer=True,
            control_freq=CONTROL_RATE,
            horizon=100000,
            camera_names=list(CAMERAS.values()),
            camera_heights=size,
            camera_widths=size,
        )


def reset(env, seed: int):
    """A scene with objects placed by `seed`, tried again as LIBERO does where they do not fit."""
    from robosuite.utils.errors import RandomizationError

    np.random.seed(seed)
    for _ in range(100):
        with contextlib.suppress(RandomizationError):
            env.reset()
            return
    raise RuntimeError(f"the objects of seed {seed} could not be placed")


def set_state(env, state: np.ndarray):
    """LIBERO's set_init_state: the simulator's time, positions and velocities."""
    width = 1 + env.sim.model.nq + env.sim.model.nv
    if len(state) != width:
        raise ValueError(f"an initial state has {len(state)} numbers, but the task's simulator has {width}")
    env.sim.set_state_from_flattened(state)
    env.sim.forward()
    env._check_success()
    env._post_process()
    env._update_observables(force=True)


def wait(env):
    for _ in range(WAIT_STEPS):
        env.step(WAIT)


def render_view(env, camera: str, size: int) -> np.ndarray:
    """As LIBERO records it: rows from the bottom up. uint8 [size, size, 3]"""
    return env.sim.render(width=size, height=size, camera_name=CAMERAS[camera])


def state_of(env) -> np.ndarray:
    """Hand position (3), its rotation as axis times angle (3), and both fingers (2)."""
    from robosuite.utils.transform_utils import quat2axisangle

    seen = env._get_observations()
    pose = [seen["robot0_eef_pos"], quat2axisangle(seen["robot0_eef_quat"]), seen["robot0_gripper_qpos"]]
    return np.concatenate(pose).astype(np.float32)
