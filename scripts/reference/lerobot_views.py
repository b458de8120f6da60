"""Small LeRobot data sets that LeRobot's own packages make, and what is read of data sets by whom: see compare_lerobot.py."""

import io
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

HEIGHT, WIDTH = 48, 64
EPISODES = [("put the red block away", 5), ("wave", 12), ("put the red block away", 7), ("wave", 8)]
RATES = (10, 29.97, 30, 50)
STATE, ACTION = "observation.state", "action"
IMAGES = "observation.images."


@dataclass
class Case:
    """A data set that is made."""

    name: str
    fps: float
    video: bool
    cameras: tuple[str, str] = ("front", "wrist")
    widths: dict[str, int] = field(default_factory=lambda: {STATE: 6, ACTION: 6})
    robot: str = "so100_follower"
    renamed: dict[str, str] = field(default_factory=dict)  # cameras' names in what physgen writes
    codec: str = ""  # of videos, where it is not the package's own choice


@dataclass
class View:
    """What is read of a data set, by whomever."""

    fps: float
    robot: str | None
    names: dict[str, list[str]]
    shapes: dict[str, tuple[int, ...]]
    tasks: list[str] = field(default_factory=list)  # one an episode
    times: list[np.ndarray] = field(default_factory=list)
    states: list[np.ndarray] = field(default_factory=list)
    actions: list[np.ndarray] = field(default_factory=list)
    pictures: dict[str, list[np.ndarray]] = field(default_factory=dict)  # [frames, height, width, 3] an episode


def is_new() -> bool:
    """Whether the lerobot that is installed writes v3.0."""
    from lerobot.datasets.lerobot_dataset import CODEBASE_VERSION

    return CODEBASE_VERSION == "v3.0"


def cases_of(new: bool) -> list[Case]:
    """The data sets that one version of lerobot makes."""
    version, wrist = ("v30", "image2") if new else ("v21", "wrist_image")
    cases = [Case(f"{version}_{kind}_{fps}", fps, kind == "video") for fps in RATES for kind in ("image", "video")]
    libero = Case(f"{version}_libero", 20, True, ("image", wrist), {STATE: 8, ACTION: 7}, "panda", {wrist: "image2"})
    # Only the newer package is asked for a codec.
    return [*cases, libero, *([Case("v30_h264", 30, True, codec="h264")] if new else [])]


def key_of(camera: str) -> str:
    """A camera's key in LeRobot's data sets."""
    return IMAGES + camera


def make_picture(episode: int, frame: int, camera: int) -> np.ndarray:
    """Colours that flow, a bright square that moves, and a strip of grain; cameras, episodes and frames all differ."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    phase = 0.5 * frame + 1.7 * episode + 2.1 * camera
    waves = [np.sin(x / 14 + phase), np.cos(y / 11 - phase), np.sin((x + y) / 17 + 2 * phase)]
    image = 128 + 90 * np.stack(waves[camera:] + waves[:camera], axis=-1)
    image[30:, :20] += np.random.default_rng(100 * episode + frame).normal(0, 12, (HEIGHT - 30, 20, 1))
    image[4 + frame : 16 + frame, 30 : 44 - 2 * episode] = (250, 250 - 200 * camera, 20 + 40 * episode)
    return image.clip(0, 255).astype(np.uint8)


def make_vector(case: Case, key: str, episode: int, frame: int) -> np.ndarray:
    """States or actions within [-1, 1] that differ by episode, frame and place."""
    phase = 0.31 * frame + 1.9 * episode + len(key)
    return np.sin(phase + 0.7 * np.arange(case.widths[key])).astype(np.float32)


def features_of(case: Case) -> dict[str, dict[str, Any]]:
    """What LeRobotDataset.create wants to know."""
    picture = {"dtype": "video" if case.video else "image", "shape": (HEIGHT, WIDTH, 3)}
    features = {key_of(camera): picture | {"names": ["height", "width", "channels"]} for camera in case.cameras}
    for key, width in case.widths.items():
        names = {"motors": [f"{key[-5:]} {i}" for i in range(width)]}
        features[key] = {"dtype": "float32", "shape": (width,), "names": names}
    return features


def add_episode(dataset: Any, case: Case, episode: int, new: bool) -> None:
    """Records one episode, in the way of the installed version."""
    task, length = EPISODES[episode]
    for index in range(length):
        frame = {key_of(camera): make_picture(episode, index, i) for i, camera in enumerate(case.cameras)}
        frame |= {key: make_vector(case, key, episode, index) for key in (STATE, ACTION)}
        dataset.add_frame(frame | {"task": task}) if new else dataset.add_frame(frame, task=task)
    dataset.save_episode(parallel_encoding=False) if new else dataset.save_episode()


def make_dataset(root: Path, case: Case, new: bool) -> None:
    """Writes one data set; one of a broken rate at its whole one, which is then mended."""
    from lerobot.datasets.lerobot_dataset import LeRobotDataset

    shutil.rmtree(root, ignore_errors=True)
    rate, codec = round(case.fps), {"vcodec": case.codec} if case.codec else {}
    name, features = f"compare/{root.name}", features_of(case)
    dataset = LeRobotDataset.create(name, rate, features, root, case.robot, case.video, **codec)
    for episode in range(len(EPISODES)):
        add_episode(dataset, case, episode, new)
    if new:
        dataset.finalize()
    if case.fps != rate:
        set_rate(root, rate, case.fps)


def with_times(table: pa.Table, old: int, new: float) -> pa.Table:
    """A table whose times are those of the same frames at another rate."""
    for i, column in enumerate(table.schema):
        if column.name == "timestamp" or column.name.endswith("_timestamp"):
            frames = np.round(np.array(table[column.name], float) * old)
            table = table.set_column(i, column, [(frames / new).astype(column.type.to_pandas_dtype())])
    return table


def set_rate(root: Path, old: int, new: float) -> None:
    """Gives a data set another rate: in info.json, in all times of its tables, and in its videos."""
    info = json.loads((root / "meta/info.json").read_text())
    (root / "meta/info.json").write_text(json.dumps(info | {"fps": new}, indent=4) + "\n")
    for path in root.rglob("*.parquet"):
        pq.write_table(with_times(pq.read_table(path), old, new), path)
    for path in root.rglob("*.mp4"):
        retime(path, Fraction(str(new)))


def retime(path: Path, rate: Fraction) -> None:
    """The same packets, at another rate."""
    slower = path.with_suffix(".retimed.mp4")
    with av.open(str(path)) as source, av.open(str(slower), "w") as output:
        old = source.streams.video[0]
        stream, ticks = output.add_stream_from_template(old, opaque=True), 1 / (old.average_rate * old.time_base)
        stream.time_base = 1 / rate
        for packet in source.demux(video=0):
            if packet.dts is None:
                continue
            packet.pts, packet.dts = round(packet.pts / ticks), round(packet.dts / ticks)
            packet.duration, packet.time_base, packet.stream = 1, 1 / rate, stream
            output.mux(packet)
    slower.replace(path)


class VideoReader:
    """What torchvision.io.VideoReader was with the pyav backend, as far as LeRobot uses it."""

    def __init__(self, path: str, _: str) -> None:
        self.container = av.open(path)
        self.frames = self.container.decode(video=0)

    def seek(self, seconds: float, keyframes_only: bool) -> None:
        """To the key frame before."""
        self.container.seek(int(seconds * av.time_base), backward=True, any_frame=not keyframes_only)
        self.frames = self.container.decode(video=0)

    def __iter__(self) -> Any:
        import torch

        for frame in self.frames:
            data = torch.as_tensor(frame.to_rgb().to_ndarray()).permute(2, 0, 1)
            yield {"data": data, "pts": float(frame.pts * frame.time_base)}


def restore_video_reader() -> None:
    """Gives torchvision the above where it has none any more."""
    import torchvision

    if not hasattr(torchvision.io, "VideoReader"):
        torchvision.io.VideoReader = VideoReader


def flat_names(names: Any) -> list[str]:
    """A list of names, which may stand in an object."""
    return next(iter(names.values())) if isinstance(names, dict) else list(names or [])


def empty_view(info: dict[str, Any]) -> View:
    """A view with what info.json says."""
    features = info["features"]
    names = {key: flat_names(features[key]["names"]) for key in (STATE, ACTION)}
    shapes = {key: tuple(feature["shape"]) for key, feature in features.items()}
    pictures = {key.removeprefix(IMAGES): [] for key, shape in shapes.items() if len(shape) == 3}
    return View(info["fps"], info["robot_type"], names, shapes, pictures=pictures)


def add_rows(view: View, task: str, rows: list[dict[str, Any]], picture: Callable[[Any, str], np.ndarray]) -> None:
    """An episode. Each row has timestamp, action and state; picture gives a row's pixels of a camera."""
    view.tasks.append(task)
    view.times.append(np.array([float(row["timestamp"]) for row in rows]))
    view.states.append(np.array([np.asarray(row[STATE]) for row in rows]))
    view.actions.append(np.array([np.asarray(row[ACTION]) for row in rows]))
    for camera, episodes in view.pictures.items():
        episodes.append(np.stack([picture(row, camera) for row in rows]))


def view_of_lerobot(root: Path, backend: str) -> View:
    """What LeRobotDataset gives, item by item."""
    from lerobot.datasets.lerobot_dataset import LeRobotDataset

    dataset = LeRobotDataset(f"compare/{root.name}", root, video_backend=backend)
    view, episodes = empty_view(dataset.meta.info), {}
    for index in range(len(dataset)):
        item = dataset[index]
        assert int(item["index"]) == index
        episodes.setdefault(int(item["episode_index"]), []).append(item)
    for rows in episodes.values():
        (text,) = {item["task"] for item in rows}
        assert [int(item["frame_index"]) for item in rows] == list(range(len(rows)))
        add_rows(view, text, rows, lambda item, camera: pixels_of(item[key_of(camera)]))
    return view


def pixels_of(picture: Any) -> np.ndarray:
    """[height, width, 3] in 0..255 of LeRobot's [3, height, width] in 0..1."""
    return (picture * 255).round().byte().permute(1, 2, 0).numpy()


def parquet_of(root: Path, folder: str) -> list[dict[str, Any]]:
    """All rows of a folder's tables."""
    return [row for path in sorted((root / folder).rglob("*.parquet")) for row in pq.read_table(path).to_pylist()]


def view_of_files(root: Path) -> View:
    """What stands in a data set of v3.0 with PNG pictures."""
    view, data = empty_view(json.loads((root / "meta/info.json").read_text())), parquet_of(root, "data")
    tasks = pq.read_table(root / "meta/tasks.parquet").to_pylist()
    texts = {row["task_index"]: row["__index_level_0__"] for row in tasks}
    for episode in parquet_of(root, "meta/episodes"):
        rows = data[episode["dataset_from_index"] : episode["dataset_to_index"]]
        assert {row["episode_index"] for row in rows} == {episode["episode_index"]} and len(rows) == episode["length"]
        (text,) = {texts[row["task_index"]] for row in rows}
        assert episode["tasks"] == [text]
        add_rows(view, text, rows, lambda row, camera: decode(row[key_of(camera)]["bytes"]))
    return view


def decode(png: bytes) -> np.ndarray:
    """The pixels of a PNG."""
    return np.array(Image.open(io.BytesIO(png)))


def view_put_in(case: Case, like: View) -> View:
    """What was given to LeRobot, with another view's names of columns."""
    view = View(case.fps, case.robot, like.names, like.shapes, pictures={camera: [] for camera in case.cameras})
    for episode, (task, length) in enumerate(EPISODES):
        rows = [{key: make_vector(case, key, episode, i) for key in (STATE, ACTION)} for i in range(length)]
        for i, row in enumerate(rows):
            row |= {"timestamp": np.float32(i / case.fps)}
            row |= {camera: make_picture(episode, i, number) for number, camera in enumerate(case.cameras)}
        add_rows(view, task, rows, lambda row, camera: row[camera])
    return view


def rename(view: View, cameras: dict[str, str]) -> View:
    """The view with other names of cameras."""
    keys = {key_of(old): key_of(new) for old, new in cameras.items()}
    view.shapes = {keys.get(key, key): shape for key, shape in view.shapes.items()}
    view.pictures = {cameras.get(name, name): episodes for name, episodes in view.pictures.items()}
    return view


def frames_of(view: View, camera: str) -> np.ndarray:
    """All pictures of a camera, episode after episode."""
    return np.concatenate(view.pictures[camera]).astype(int)
