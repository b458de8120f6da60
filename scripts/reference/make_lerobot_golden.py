#!/usr/bin/env python3
"""Makes small LeRobot data sets with the lerobot package, and what that package reads back from each:

    make_lerobot_golden.py tests/golden/lerobot

lerobot 0.4.x writes OUT/v30_image and OUT/v30_video, lerobot 0.3.x OUT/v21, OUT/v21_video and OUT/v20. Beside
each data set OUT/<name>.json holds, for every episode, the task, the states and actions, and for every frame of
every camera the mean colour and the top left pixel, in 0..255. Folders that are there already are replaced.

All data sets hold the same three episodes. v30_image has more than one data file, v30_video one mp4 a camera,
v21_video one mp4 an episode and camera. v20 is v21 rewritten into the older layout: 0.3.x reads it, but no
longer writes it.

Needs lerobot==0.4.4 or lerobot==0.3.3 (in two environments) with the packages that LeRobotDataset imports.
Videos are read with the pyav backend, so torchvision must still have its VideoReader.
"""

import argparse
import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

HEIGHT, WIDTH, FPS = 48, 64, 10
STATE_SIZE, ACTION_SIZE = 8, 7
MILK, KETCHUP = (f"pick up the {thing} and place it in the basket" for thing in ("milk", "ketchup"))
EPISODES = [(MILK, 5), (KETCHUP, 4), (MILK, 6)]
OPENPI_KEYS = {"cameras": ["image", "wrist_image"], "state": "state", "action": "actions"}
V21_VIDEO_KEYS = {
    "cameras": ["observation.images.image", "observation.images.wrist_image"],
    "state": "observation.state",
    "action": "action",
}
V30_KEYS = V21_VIDEO_KEYS | {"cameras": ["observation.images.image", "observation.images.image2"]}
NAMES = ["x", "y", "z", "roll", "pitch", "yaw", "gripper"]


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, help="the folder that gets the data sets")
    return parser.parse_args()


def make_image(episode: int, frame: int, camera: int) -> np.ndarray:
    """Gradients: red grows to the right and with the frame, green downwards and with the episode, blue with the camera."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    red = 40 + 2 * x + 8 * frame
    green = 30 + 3 * y + 20 * episode
    blue = 40 + 90 * camera + (x + y) // 2 + 5 * frame - 10 * episode
    return np.stack([red, green, blue], axis=-1).astype(np.uint8)


def make_vector(size: int, episode: int, frame: int, phase: float) -> np.ndarray:
    """Numbers within [-1, 1] that differ by episode, frame and place."""
    return np.sin(phase + 0.7 * np.arange(size) + 0.31 * frame + 1.9 * episode).astype(np.float32)


def make_frame(keys: dict[str, Any], episode: int, frame: int) -> dict[str, np.ndarray]:
    """One frame under the given keys."""
    images = {key: make_image(episode, frame, camera) for camera, key in enumerate(keys["cameras"])}
    return images | {
        keys["state"]: make_vector(STATE_SIZE, episode, frame, 0.2),
        keys["action"]: make_vector(ACTION_SIZE, episode, frame, 2.4),
    }


def make_features(keys: dict[str, Any], dtype: str) -> dict[str, dict[str, Any]]:
    """What LeRobotDataset.create wants to know of the keys; dtype is that of the cameras."""
    camera = {"dtype": dtype, "shape": (HEIGHT, WIDTH, 3), "names": ["height", "width", "channel"]}
    features = {key: dict(camera) for key in keys["cameras"]}
    for key, size in ((keys["state"], STATE_SIZE), (keys["action"], ACTION_SIZE)):
        names = [key] if keys is OPENPI_KEYS else {"motors": NAMES + ["gripper2"] * (size - ACTION_SIZE)}
        features[key] = {"dtype": "float32", "shape": (size,), "names": names}
    return features


def add_episodes(dataset: Any, keys: dict[str, Any]) -> None:
    """Records all episodes, in the way of the installed version."""
    from lerobot.datasets.lerobot_dataset import CODEBASE_VERSION

    new = CODEBASE_VERSION == "v3.0"
    for episode, (task, length) in enumerate(EPISODES):
        for index in range(length):
            frame = make_frame(keys, episode, index)
            dataset.add_frame(frame | {"task": task}) if new else dataset.add_frame(frame, task=task)
        dataset.save_episode(parallel_encoding=False) if new else dataset.save_episode()


def make_dataset(root: Path, keys: dict[str, Any], dtype: str, data_file_mb: float | None = None) -> None:
    """Writes one data set. With data_file_mb, a data file is closed when the next episode would make it larger than that."""
    from lerobot.datasets.lerobot_dataset import LeRobotDataset
    from lerobot.datasets.utils import write_info

    shutil.rmtree(root, ignore_errors=True)
    features = make_features(keys, dtype)
    dataset = LeRobotDataset.create(
        f"golden/{root.name}", FPS, features, root, "panda", use_videos=dtype == "video", video_backend="pyav"
    )
    default_mb = dataset.meta.info.get("data_files_size_in_mb")
    if data_file_mb:
        dataset.meta.info["data_files_size_in_mb"] = data_file_mb
    add_episodes(dataset, keys)
    if data_file_mb:
        dataset.meta.info["data_files_size_in_mb"] = default_mb
        write_info(dataset.meta.info, root)
    if hasattr(dataset, "finalize"):
        dataset.finalize()
    shutil.rmtree(root / "images", ignore_errors=True)


def write_v20(source: Path, root: Path) -> None:
    """Rewrites a v2.1 data set as v2.0, which has one meta/stats.json (without counts) instead of one line an episode."""
    from lerobot.datasets.compute_stats import aggregate_stats
    from lerobot.datasets.utils import load_episodes_stats, write_stats

    shutil.rmtree(root, ignore_errors=True)
    shutil.copytree(source, root)
    stats = aggregate_stats(list(load_episodes_stats(root).values()))
    stats = {key: {name: stat[name] for name in ("mean", "std", "max", "min")} for key, stat in stats.items()}
    write_stats({key: stats[key] for key in sorted(stats)}, root)
    (root / "meta/episodes_stats.jsonl").unlink()
    info = (root / "meta/info.json").read_text()
    (root / "meta/info.json").write_text(info.replace('"codebase_version": "v2.1"', '"codebase_version": "v2.0"'))


def write_expected(root: Path, keys: dict[str, Any]) -> None:
    """Reads the data set back and writes <root>.json."""
    from lerobot.datasets.lerobot_dataset import LeRobotDataset

    dataset = LeRobotDataset(f"golden/{root.name}", root, video_backend="pyav")
    episodes: list[dict[str, Any]] = []
    for index in range(len(dataset)):
        item = dataset[index]
        if int(item["episode_index"]) == len(episodes):
            empty = {name: {key: [] for key in keys["cameras"]} for name in ("frames", "corner")}
            episodes.append({"task": item["task"], "actions": [], "states": []} | empty)
        episode = episodes[-1]
        episode["actions"].append(item[keys["action"]].tolist())
        episode["states"].append(item[keys["state"]].tolist())
        for key in keys["cameras"]:
            image = item[key].double() * 255
            episode["frames"][key].append([round(value, 4) for value in image.mean((1, 2)).tolist()])
            episode["corner"][key].append([round(value) for value in image[:, 0, 0].tolist()])
    assert [(episode["task"], len(episode["actions"])) for episode in episodes] == EPISODES
    root.with_name(root.name + ".json").write_text(json.dumps({"episodes": episodes}) + "\n")


def make_all(out: Path) -> None:
    """Writes the data sets of the installed lerobot."""
    from lerobot.datasets.lerobot_dataset import CODEBASE_VERSION

    if CODEBASE_VERSION == "v3.0":
        made = [("v30_image", V30_KEYS, "image", 0.006), ("v30_video", V30_KEYS, "video", None)]
    else:
        made = [("v21", OPENPI_KEYS, "image", None), ("v21_video", V21_VIDEO_KEYS, "video", None)]
    for name, keys, dtype, data_file_mb in made:
        make_dataset(out / name, keys, dtype, data_file_mb)
        write_expected(out / name, keys)
    if CODEBASE_VERSION != "v3.0":
        write_v20(out / "v21", out / "v20")
        write_expected(out / "v20", OPENPI_KEYS)


def main() -> None:
    """Keeps the caches of the Hugging Face packages in a folder that goes away, as they may hold older data sets."""
    out = parse_arguments().out
    with tempfile.TemporaryDirectory() as cache:
        os.environ |= {"HF_HOME": cache, "HF_LEROBOT_HOME": f"{cache}/lerobot", "HF_HUB_OFFLINE": "1"}
        make_all(out)


if __name__ == "__main__":
    main()
