#!/usr/bin/env python3
"""Times how fast a LeRobot data set's videos are read, by physgen, by torchcodec and by LeRobot's own package:

    bench_data.py CACHE [--physgen build/physgen] [--turns 5] [--codecs h264 av1]

CACHE/h264 and CACHE/av1 get a data set of v3.0 each, once: 50 episodes of 500 frames at 20 a second, two cameras of
256 x 256, encoded as LeRobot does (a key frame every second picture, crf 30, yuv420p), of content that moves. Sets that
are there already are taken as they are. --episodes 2 --frames 20 --side 64 makes a quick test.

Then all pictures of both cameras are read, in turns:
    physgen      `physgen data check`: a process that is started anew, reads the tables, and decodes every picture
    torchcodec   two processes, one for each camera, read its files from the first picture to the last; begun anew, and
                 up already. The fastest of several ways (seek mode, threads, one picture or 32 at a time).
    lerobot      LeRobotDataset[i] for each i in order with its default backend, by two workers of a DataLoader that
                 keep what they read. With --lerobot-episodes N only of the first N episodes: compare its frames a second.
Needs lerobot==0.4.4 with PyAV, torchcodec and pandas. Measure on a machine that does nothing else.
"""

import argparse
import functools
import itertools
import json
import multiprocessing
import os
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

FPS, MOST_VIDEO_BYTES = 20, 200 << 20
ACTION_SIZE = STATE_SIZE = 6
CAMERAS = ("observation.images.front", "observation.images.wrist")
TASKS = ("put the red block into the tray", "put the blue block into the tray")
DATA_PATH = "data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet"
VIDEO_PATH = "videos/{video_key}/chunk-{chunk_index:03d}/file-{file_index:03d}.mp4"
ENCODERS = {
    "h264": ("h264", {"g": "2", "crf": "30"}),
    "av1": ("libsvtav1", {"g": "2", "crf": "30", "preset": "12"}),
}
BATCH, PROBED_FRAMES = 32, 3000
WAYS = list(itertools.product(("exact", "approximate"), (1, 0), (1, BATCH)))


@dataclass
class Size:
    """How large a data set is; side is the pictures' height and width."""

    episodes: int
    frames: int
    side: int

    def pictures(self) -> int:
        """Of all cameras."""
        return self.episodes * self.frames * len(CAMERAS)


@dataclass
class Video:
    """One file of a camera, and the episodes in it: at which of its frames each begins."""

    path: Path
    firsts: dict[int, int] = field(default_factory=dict)


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cache", type=Path, help="the folder that has or gets the data sets")
    parser.add_argument("--physgen", default="build/physgen", help="the binary (default: build/physgen)")
    parser.add_argument("--turns", type=int, default=5, help="how often each is measured (default: 5)")
    parser.add_argument("--codecs", nargs="+", choices=ENCODERS, default=list(ENCODERS), help="default: both")
    parser.add_argument("--episodes", type=int, default=50, help="default: 50")
    parser.add_argument("--frames", type=int, default=500, help="of an episode (default: 500)")
    parser.add_argument("--side", type=int, default=256, help="height and width of a picture (default: 256)")
    parser.add_argument("--lerobot-episodes", type=int, metavar="N", help="LeRobotDataset reads so many (default: all)")
    parser.add_argument("--make-only", action="store_true", help="make the data sets, measure nothing")
    return parser.parse_args()


def smooth(random: np.random.Generator, side: int, knots: int) -> np.ndarray:
    """A picture [side, side, 3] in 0..1 whose colours flow from knot to knot."""
    values = random.random((knots + 1, knots + 1, 3))
    at = np.linspace(0, knots - 1e-6, side)
    whole, part = at.astype(int), at % 1
    part = (part * part * (3 - 2 * part))[:, None]
    rows = values[whole] * (1 - part[..., None]) + values[whole + 1] * part[..., None]
    return rows[:, whole] * (1 - part) + rows[:, whole + 1] * part


class Scene:
    """A camera's moving pictures: a smooth background that drifts, textured discs on their ways, and noise."""

    def __init__(self, camera: int, side: int) -> None:
        random = np.random.default_rng(camera)
        self.side, self.patch = side, side // 3
        self.background = (30 + 170 * smooth(random, 2 * side, 6)).astype(np.int16)
        self.noise = random.normal(0, 3, (8, side, side, 1)).astype(np.int16)
        grain = random.normal(0, 14, (4, self.patch, self.patch, 1))
        self.textures = [(40 + 180 * smooth(random, self.patch, 4 + i) + grain[i]).astype(np.int16) for i in range(4)]
        y, x = np.mgrid[-1 : 1 : self.patch * 1j, -1 : 1 : self.patch * 1j]
        self.disc = (x * x + y * y < 1)[..., None]
        self.ways = random.uniform(0.5, 2.5, (4, 2, 2))

    def picture(self, episode: int, frame: int) -> np.ndarray:
        """The RGB of one frame. Episodes differ in where all begins."""
        seconds = frame / FPS + 7.3 * episode
        up, left = ((self.side / 2) * (1 + np.sin(seconds * np.array([0.11, 0.17])))).astype(int)
        image = self.background[up : up + self.side, left : left + self.side] + self.noise[(3 * frame + episode) % 8]
        room = self.side - self.patch
        for texture, (speed, phase) in zip(self.textures, self.ways, strict=True):
            y, x = (room / 2 * (1 + np.sin(seconds * speed * 0.6 + phase))).astype(int)
            place = image[y : y + self.patch, x : x + self.patch]
            np.copyto(place, texture + self.noise[frame % 8, : self.patch, : self.patch], where=self.disc)
        return image.clip(0, 255).astype(np.uint8)


def encode_file(root: Path, codec: str, camera: int, index: int, episodes: Iterator[int], size: Size) -> Video:
    """One mp4 of as many episodes as it holds. At most LeRobot's 200 MB, but for what the encoder still holds back."""
    import av

    path = root / VIDEO_PATH.format(video_key=CAMERAS[camera], chunk_index=0, file_index=index)
    path.parent.mkdir(parents=True, exist_ok=True)
    video, scene, frames, written = Video(path), Scene(camera, size.side), 0, 0
    name, options = ENCODERS[codec]
    with av.open(str(path), "w") as output:
        stream = output.add_stream(name, FPS, options=options)
        stream.pix_fmt, stream.width, stream.height = "yuv420p", size.side, size.side
        for episode in episodes:
            video.firsts[episode] = frames
            for frame in range(size.frames):
                packets = stream.encode(av.VideoFrame.from_ndarray(scene.picture(episode, frame), format="rgb24"))
                written += sum(packet.size for packet in packets)
                output.mux(packets)
            frames += size.frames
            if written * (len(video.firsts) + 1) > MOST_VIDEO_BYTES * len(video.firsts):
                break
        output.mux(stream.encode())
    return video


def encode_camera(root: Path, codec: str, size: Size, camera: int) -> list[Video]:
    """All files of a camera, made at low priority."""
    os.nice(10)
    episodes, videos = iter(range(size.episodes)), []
    while sum(len(video.firsts) for video in videos) < size.episodes:
        videos.append(encode_file(root, codec, camera, len(videos), episodes, size))
    return videos


def write_table(path: Path, columns: dict[str, Any]) -> None:
    """A Parquet file. Columns of two dimensions become lists of a fixed size."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    path.parent.mkdir(parents=True, exist_ok=True)
    for name, values in columns.items():
        if isinstance(values, np.ndarray) and values.ndim == 2:
            columns[name] = pa.FixedSizeListArray.from_arrays(pa.array(values.reshape(-1)), values.shape[1])
    pq.write_table(pa.table(columns), path)


def write_data(root: Path, size: Size) -> None:
    """The rows of all frames, in one file."""
    index = np.arange(size.episodes * size.frames)
    episode, frame = np.divmod(index, size.frames)
    motion = np.sin(frame[:, None] / FPS + episode[:, None] + np.arange(STATE_SIZE)).astype(np.float32)
    columns = {
        "observation.state": motion,
        "action": np.roll(motion, 1, axis=1),
        "timestamp": (frame / FPS).astype(np.float32),
        "frame_index": frame,
        "episode_index": episode,
        "index": index,
        "task_index": episode % len(TASKS),
    }
    write_table(root / DATA_PATH.format(chunk_index=0, file_index=0), columns)


def video_columns(key: str, videos: list[Video], size: Size) -> dict[str, list[Any]]:
    """Where each episode's pictures of a camera are."""
    places = [(file, first / FPS) for file, video in enumerate(videos) for first in video.firsts.values()]
    return {
        f"videos/{key}/chunk_index": [0] * size.episodes,
        f"videos/{key}/file_index": [file for file, _ in places],
        f"videos/{key}/from_timestamp": [start for _, start in places],
        f"videos/{key}/to_timestamp": [start + size.frames / FPS for _, start in places],
    }


def write_episodes(root: Path, videos: list[list[Video]], size: Size) -> None:
    """meta/tasks.parquet and meta/episodes."""
    import pandas as pd

    numbers = range(size.episodes)
    columns: dict[str, Any] = {
        "episode_index": list(numbers),
        "tasks": [[TASKS[episode % len(TASKS)]] for episode in numbers],
        "length": [size.frames] * size.episodes,
        "dataset_from_index": [episode * size.frames for episode in numbers],
        "dataset_to_index": [(episode + 1) * size.frames for episode in numbers],
    }
    for name in ("data/chunk_index", "data/file_index", "meta/episodes/chunk_index", "meta/episodes/file_index"):
        columns[name] = [0] * size.episodes
    for key, files in zip(CAMERAS, videos, strict=True):
        columns |= video_columns(key, files, size)
    write_table(root / "meta/episodes/chunk-000/file-000.parquet", columns)
    pd.DataFrame({"task_index": range(len(TASKS))}, index=list(TASKS)).to_parquet(root / "meta/tasks.parquet")


def features_of(codec: str, size: Size) -> dict[str, Any]:
    """What info.json says of the columns and the cameras."""
    info = {"video.height": size.side, "video.width": size.side, "video.codec": codec, "video.pix_fmt": "yuv420p"}
    info |= {"video.is_depth_map": False, "video.fps": FPS, "video.channels": 3, "has_audio": False}
    shape, axes = [size.side, size.side, 3], ["height", "width", "channels"]
    features: dict[str, Any] = {key: {"dtype": "video", "shape": shape, "names": axes, "info": info} for key in CAMERAS}
    names = [f"joint{i}" for i in range(STATE_SIZE)]
    for key, width in (("observation.state", STATE_SIZE), ("action", ACTION_SIZE)):
        features[key] = {"dtype": "float32", "shape": [width], "names": names[:width]}
    numbers = ("frame_index", "episode_index", "index", "task_index")
    integer, real = ({"dtype": dtype, "shape": [1], "names": None} for dtype in ("int64", "float32"))
    return features | {"timestamp": real} | dict.fromkeys(numbers, integer)


def info_of(codec: str, size: Size) -> dict[str, Any]:
    """meta/info.json."""
    return {
        "codebase_version": "v3.0",
        "robot_type": "so100_follower",
        "total_episodes": size.episodes,
        "total_frames": size.episodes * size.frames,
        "total_tasks": len(TASKS),
        "chunks_size": 1000,
        "data_files_size_in_mb": 100,
        "video_files_size_in_mb": MOST_VIDEO_BYTES >> 20,
        "fps": FPS,
        "splits": {"train": f"0:{size.episodes}"},
        "data_path": DATA_PATH,
        "video_path": VIDEO_PATH,
        "features": features_of(codec, size),
    }


def open_dataset(root: Path) -> Any:
    """LeRobot's own view of a data set."""
    from lerobot.datasets.lerobot_dataset import LeRobotDataset

    return LeRobotDataset(f"bench/{root.name}", root)


def check_opens(root: Path, size: Size) -> None:
    """LeRobot reads the last frame and finds all of them."""
    dataset = open_dataset(root)
    assert dataset.num_episodes == size.episodes and len(dataset) == size.episodes * size.frames
    item = dataset[len(dataset) - 1]
    assert all(item[key].shape == (3, size.side, size.side) for key in CAMERAS)


def make_dataset(root: Path, codec: str, size: Size) -> None:
    """A data set, unless it is there. Its info.json comes last, so that none half made is taken for one."""
    info, path = info_of(codec, size), root / "meta/info.json"
    if path.is_file():
        if json.loads(path.read_text()) != info:
            raise SystemExit(f"bench_data: {root} is there, of another size: remove it or name another folder")
        return
    shutil.rmtree(root, ignore_errors=True)
    start = time.monotonic()
    with ProcessPoolExecutor(len(CAMERAS), multiprocessing.get_context("spawn")) as pool:
        videos = list(pool.map(functools.partial(encode_camera, root, codec, size), range(len(CAMERAS))))
    write_data(root, size)
    write_episodes(root, videos, size)
    path.write_text(json.dumps(info, indent=4) + "\n")
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        pool.submit(check_opens, root, size).result()
    print(f"bench_data: made {root} in {time.monotonic() - start:.0f} s", flush=True)


def read_files(paths: list[Path], way: tuple[str, int, int], most: int) -> int:
    """Decodes files from the first picture on, up to so many pictures; returns how many."""
    from torchcodec.decoders import VideoDecoder

    seek_mode, threads, batch = way
    read = 0
    for path in paths:
        decoder = VideoDecoder(path, dimension_order="NHWC", num_ffmpeg_threads=threads, seek_mode=seek_mode)
        count = min(len(decoder), most - read)
        for first in range(0, count, batch):
            last = min(first + batch, count)
            decoder.get_frames_in_range(first, last) if batch > 1 else decoder[first]
        read += count
    return read


def read_lerobot(root: Path, frames: int) -> int:
    """Reads a data set's first frames, by two workers that send nothing but how many they read."""
    from torch.utils.data import DataLoader, Subset

    subset = Subset(open_dataset(root), range(frames))
    return sum(DataLoader(subset, BATCH, num_workers=2, collate_fn=len)) * len(CAMERAS)


def check_physgen(binary: str, root: Path) -> None:
    """`physgen data check`, which must find nothing wrong."""
    done = subprocess.run([binary, "data", "check", str(root)], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"bench_data: {binary} data check {root}:\n{done.stdout}{done.stderr}")


def timed(run: Callable[[], Any]) -> float:
    """Seconds."""
    start = time.monotonic()
    run()
    return time.monotonic() - start


class Torchcodec:
    """Two processes, one for each camera, and the way in which they read fastest."""

    def __init__(self, root: Path) -> None:
        self.pool = self.begin()
        self.files = [sorted((root / "videos" / key).rglob("*.mp4")) for key in CAMERAS]
        for way in WAYS:
            self.read(way, BATCH)  # what is loaded once
        self.probes = {way: min(timed(lambda w=way: self.read(w, PROBED_FRAMES)) for _ in range(2)) for way in WAYS}
        self.way = min(self.probes, key=self.probes.get)

    @staticmethod
    def begin() -> ProcessPoolExecutor:
        """The processes."""
        return ProcessPoolExecutor(len(CAMERAS), multiprocessing.get_context("spawn"))

    def read(self, way: tuple[str, int, int], most: int = 1 << 62) -> int:
        """All files of all cameras; returns how many pictures."""
        return sum(self.pool.map(functools.partial(read_files, way=way, most=most), self.files))

    def read_anew(self) -> int:
        """The same in processes that are begun for it."""
        with self.begin() as pool:
            return sum(pool.map(functools.partial(read_files, way=self.way, most=1 << 62), self.files))


def measure(root: Path, options: argparse.Namespace, size: Size) -> None:
    """Runs all in turns and prints the table."""
    part = min(options.lerobot_episodes or size.episodes, size.episodes)
    torchcodec, spawn = Torchcodec(root), multiprocessing.get_context("spawn")
    assert torchcodec.read(torchcodec.way) == size.pictures()
    with ProcessPoolExecutor(1, spawn) as lerobot:
        lerobot.submit(read_lerobot, root, BATCH).result()  # what is loaded once
        runs = {
            "physgen data check": (size.pictures(), lambda: check_physgen(options.physgen, root)),
            "of it the program's start": (0, lambda: subprocess.run([options.physgen, "--version"], check=True)),
            "torchcodec, 2 new processes": (size.pictures(), torchcodec.read_anew),
            "torchcodec, 2 processes that run already": (size.pictures(), lambda: torchcodec.read(torchcodec.way)),
            "LeRobotDataset, 2 workers": (
                part * size.frames * len(CAMERAS),
                lambda: lerobot.submit(read_lerobot, root, part * size.frames).result(),
            ),
        }
        seconds: dict[str, list[float]] = {name: [] for name in runs}
        for _ in range(options.turns):
            for name, (_, run) in runs.items():
                seconds[name].append(timed(run))
    print_table(root, {name: count for name, (count, _) in runs.items()}, seconds)
    print("torchcodec reads fastest as", torchcodec.way, flush=True)


def print_table(root: Path, pictures: dict[str, int], seconds: dict[str, list[float]]) -> None:
    """Markdown. The ratio is of the minima's frames a second: above 1, physgen is the faster."""
    size = sum(path.stat().st_size for path in root.rglob("*.mp4")) / 1e6
    print(f"\n{root.name}: {size:.0f} MB\n")
    print("| what | frames | min s | median s | frames/s at min | physgen is faster by |\n|---|--:|--:|--:|--:|--:|")
    rates = {name: pictures[name] / min(times) for name, times in seconds.items()}
    for name, times in seconds.items():
        took = f"{min(times):.3f} | {statistics.median(times):.3f}"
        ratio = f"{rates['physgen data check'] / rates[name]:.2f}" if rates[name] else ""
        print(f"| {name} | {pictures[name]} | {took} | {rates[name]:.0f} | {ratio} |")


def main() -> None:
    """Keeps the caches of the Hugging Face packages in a folder that goes away, as they may hold older data sets."""
    options = parse_arguments()
    size = Size(options.episodes, options.frames, options.side)
    with tempfile.TemporaryDirectory() as cache:
        os.environ |= {"HF_HOME": cache, "HF_LEROBOT_HOME": f"{cache}/lerobot", "HF_HUB_OFFLINE": "1"}
        os.environ["SVT_LOG"] = "1"  # errors alone
        for codec in options.codecs:
            make_dataset(options.cache / codec, codec, size)
        for codec in [] if options.make_only else options.codecs:
            measure(options.cache / codec, options, size)


if __name__ == "__main__":
    main()
