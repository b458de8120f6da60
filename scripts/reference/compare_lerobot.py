#!/usr/bin/env python3
"""Holds what physgen reads and writes of LeRobot data sets against LeRobot's own packages:

    compare_lerobot.py WORK [--physgen build/physgen] [--json]

Under lerobot 0.3.x WORK gets sets of v2.1, under 0.4.x of v3.0, written by that package: of pictures and of videos, at
10, 29.97, 30 and 50 frames a second, and one that is made like LIBERO's. Run under 0.3.x first: then 0.4.x, which does
not read v2.1, opens what physgen makes of those sets too. Then, one line of the table each:

    read     what `physgen data convert --pictures png` makes of a set, read with PyArrow, against LeRobotDataset, of a
             video with both of its backends. The rows, times and texts must be equal, pictures equal, or of a video
             all but equal.
    again    that converted once more: every file must be the same, and of mp4 all but what comes of pictures.
    opened   physgen's set (png, mp4) opened by LeRobotDataset (0.4.x), against what was read before.
    colour   videos of one camera with other tags of colour: physgen must show them as torchcodec does. PyAV's
             to_ndarray stands beside for comparison: it takes no notice of BT.709.

Where pictures were coded, physgen must not be further from those that were put in than the best of the other decoders.
The last action of an episode, after which nothing was seen, is left out by physgen and written as holding still: it is
compared nowhere. Exit status 1 where a line is not as it should be.

Needs lerobot==0.4.4 or lerobot==0.3.3 with PyAV, torchcodec and pandas. torchvision lost its VideoReader, on which the
pyav backend stands: where it is gone, the same few lines upon PyAV take its place.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import av
import numpy as np

from lerobot_views import (
    HEIGHT,
    IMAGES,
    WIDTH,
    Case,
    View,
    cases_of,
    frames_of,
    is_new,
    key_of,
    make_dataset,
    parquet_of,
    rename,
    restore_video_reader,
    view_of_files,
    view_of_lerobot,
    view_put_in,
)

BACKENDS = ("pyav", "torchcodec")
SPACES, RANGES = {"none": 2, "bt601": 6, "bt709": 1}, {"limited": 1, "full": 2}  # as FFmpeg numbers them
# How much the picture that differs most may differ: the mean of its values in 0..255. Two frames that follow each other
# differ by 20 and more.
EXACT, DECODER, CODEC = 0.0, 1.0, 7.0  # the same; another release of FFmpeg; what coding loses
LARGEST = 255.0  # anything
SLACK = 0.5  # by which physgen may be further from the pictures that were put in than the best of others


@dataclass
class Line:
    """A line of the table; differences of pictures are in 0..255."""

    check: str
    set: str
    against: str
    episodes: int = 0
    frames: int = 0  # of all cameras
    time: float | None = None  # the largest differences; None where they are not looked at
    action: float | None = None
    state: float | None = None
    picture_max: int = 0
    picture_mean: float = 0  # of the camera that differs most
    worst_mean: float = 0  # of the picture that differs most
    unequal: list[str] = field(default_factory=list)


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", type=Path, help="the folder that gets all data sets")
    parser.add_argument("--physgen", default="build/physgen", help="the binary (default: build/physgen)")
    parser.add_argument("--json", action="store_true", help="print JSON, not Markdown")
    return parser.parse_args()


def largest(ours: list[np.ndarray], theirs: list[np.ndarray]) -> float:
    """The largest difference of episodes' numbers."""
    return max(float(np.abs(a.astype(float) - b).max()) for a, b in zip(ours, theirs, strict=True))


def compare(line: Line, ours: View, theirs: View, tolerance: float) -> Line:
    """Fills a line. Pictures may differ by a tolerance, nothing else may."""
    for name in ("fps", "robot", "names", "shapes", "tasks"):
        if getattr(ours, name) != getattr(theirs, name):
            line.unequal.append(f"{name}: {getattr(ours, name)} for {getattr(theirs, name)}")
    lengths = [[len(rows) for rows in view.times] for view in (ours, theirs)]
    if lengths[0] != lengths[1] or set(ours.pictures) != set(theirs.pictures):
        line.unequal.append(f"lengths {lengths} or cameras {list(ours.pictures)}, {list(theirs.pictures)}")
        return line
    line.episodes = len(lengths[0])
    line.time, line.state = largest(ours.times, theirs.times), largest(ours.states, theirs.states)
    line.action = largest([rows[:-1] for rows in ours.actions], [rows[:-1] for rows in theirs.actions])
    line.unequal += [name for name in ("time", "state", "action") if getattr(line, name)]
    for camera in ours.pictures:
        compare_pictures(line, frames_of(ours, camera), frames_of(theirs, camera))
    return judge(line, tolerance)


def compare_pictures(line: Line, ours: np.ndarray, theirs: np.ndarray) -> None:
    """Adds a camera to a line."""
    off = np.abs(ours - theirs.astype(int))
    line.frames += len(off)
    line.picture_max = max(line.picture_max, int(off.max()))
    line.picture_mean = max(line.picture_mean, float(off.mean()))
    line.worst_mean = max(line.worst_mean, float(off.mean((1, 2, 3)).max()))


def judge(line: Line, tolerance: float) -> Line:
    """Marks pictures that differ by more."""
    if line.worst_mean > tolerance:
        line.unequal.append(f"pictures: {tolerance} allowed")
    return line


class Physgen:
    """The binary, and the folder that gets what it makes."""

    def __init__(self, binary: str, out: Path) -> None:
        self.binary, self.out = binary, out

    def convert(self, source: Path, pictures: str) -> Path:
        """A set of v3.0 of another set."""
        root = self.out / f"{source.name}-{pictures}"
        shutil.rmtree(root, ignore_errors=True)
        command = [
            self.binary,
            "data",
            "convert",
            "--to",
            "lerobot",
            "--pictures",
            pictures,
            "--out",
            str(root),
            str(source),
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"compare_lerobot: {' '.join(command)}:\n{done.stdout}{done.stderr}")
        return root


def check_read(physgen: Physgen, root: Path, case: Case) -> Iterator[Line]:
    """What physgen reads, against the package that wrote it and what was put in."""
    ours, losses = view_of_files(physgen.convert(root, "png")), []
    put_in = rename(view_put_in(case, ours), case.renamed)
    for backend in BACKENDS if case.video else BACKENDS[:1]:
        theirs = rename(view_of_lerobot(root, backend), case.renamed)
        losses.append(compare(Line("", "", ""), theirs, put_in, EXACT).picture_mean)
        against = f"lerobot, {backend} ({losses[-1]:.2f} from what was put in)" if case.video else "lerobot"
        yield compare(Line("read", root.name, against), ours, theirs, DECODER if case.video else EXACT)
    line = compare(Line("read", root.name, "put in"), ours, put_in, LARGEST if case.video else EXACT)
    yield not_further(line, losses)


def not_further(line: Line, losses: list[float]) -> Line:
    """Marks pictures that are further from those that were put in than the best of others are."""
    if line.picture_mean > min(losses) + SLACK:
        line.unequal.append(f"others are {min(losses):.2f} from what was put in")
    return line


def without_pictures(value: Any) -> Any:
    """Rows or statistics without what comes of pictures."""
    if isinstance(value, list):
        return [without_pictures(item) for item in value]
    return {key: item for key, item in value.items() if not key.startswith((IMAGES, f"stats/{IMAGES}"))}


def files_that_differ(first: Path, second: Path, patterns: tuple[str, ...]) -> list[str]:
    """The files of two folders that are not byte by byte the same."""
    files = {path.relative_to(root) for root in (first, second) for name in patterns for path in root.rglob(name)}
    contents = {
        name: [(root / name).is_file() and (root / name).read_bytes() for root in (first, second)] for name in files
    }
    return [f"file {name}" for name, (old, new) in sorted(contents.items()) if old != new]


def check_again(physgen: Physgen, root: Path) -> Iterator[Line]:
    """physgen's set converted once more by physgen."""
    first = physgen.convert(root, "png")
    second = physgen.convert(first, "png")
    line = Line("again", root.name, "png of png", unequal=files_that_differ(first, second, ("*.json", "*.parquet")))
    yield compare(line, view_of_files(second), view_of_files(first), EXACT)
    first = physgen.convert(root, "mp4")
    second = physgen.convert(first, "mp4")
    line = Line(
        "again", root.name, "mp4 of mp4", unequal=files_that_differ(first, second, ("info.json", "tasks.parquet"))
    )
    stats = [without_pictures(json.loads((folder / "meta/stats.json").read_text())) for folder in (first, second)]
    rows = [without_pictures(parquet_of(folder, "data") + parquet_of(folder, "meta")) for folder in (first, second)]
    line.unequal += [name for name, (old, new) in {"stats": stats, "rows": rows}.items() if old != new]
    views = [view_of_files(physgen.convert(folder, "png")) for folder in (second, first)]
    yield compare(line, *views, CODEC)


def check_opened(physgen: Physgen, root: Path) -> Iterator[Line]:
    """LeRobotDataset of what physgen writes, against the pictures that were put in."""
    source = physgen.convert(root, "png")
    put_in = view_of_files(source)
    yield compare(Line("opened", root.name, "png"), view_of_lerobot(source, "pyav"), put_in, EXACT)
    source = physgen.convert(root, "mp4")
    for backend in BACKENDS:
        line = Line("opened", root.name, f"mp4, {backend}")
        yield compare(line, view_of_lerobot(source, backend), put_in, CODEC)


def as_yuv(picture: np.ndarray, space: str, full: bool) -> np.ndarray:
    """The planes of yuv420p, below each other."""
    red, blue = (0.2126, 0.0722) if space == "bt709" else (0.299, 0.114)
    r, g, b = np.moveaxis(picture / 255, -1, 0)
    y = red * r + (1 - red - blue) * g + blue * b
    u, v = (b - y) / (2 - 2 * blue), (r - y) / (2 - 2 * red)
    u, v = (c.reshape(HEIGHT // 2, 2, WIDTH // 2, 2).mean((1, 3)) for c in (u, v))
    light, colour, black = (255, 255, 0) if full else (219, 224, 16)
    planes = [black + light * y, 128 + colour * u, 128 + colour * v]
    return np.concatenate([plane.round().clip(0, 255).astype(np.uint8).reshape(-1, WIDTH) for plane in planes])


def write_tagged(path: Path, pictures: np.ndarray, rate: int, space: str, range_: str) -> None:
    """An H.264 video that says what its colours are, or does not say it; untagged colours are BT.601's."""
    with av.open(str(path), "w") as output:
        stream = output.add_stream("h264", rate, options={"crf": "4", "g": "2"})
        stream.pix_fmt, stream.width, stream.height = "yuv420p", WIDTH, HEIGHT
        context = stream.codec_context
        context.colorspace, context.color_range = SPACES[space], RANGES[range_]
        context.color_primaries = context.color_trc = SPACES[space]
        for picture in pictures:
            frame = av.VideoFrame.from_ndarray(as_yuv(picture, space, range_ == "full"), format="yuv420p")
            frame.colorspace, frame.color_range = SPACES[space], RANGES[range_]
            output.mux(stream.encode(frame))
        output.mux(stream.encode())


def shown_by(decoder: str, path: Path) -> np.ndarray:
    """All pictures of a video."""
    if decoder == "pyav":
        with av.open(str(path)) as video:
            return np.stack([frame.to_ndarray(format="rgb24") for frame in video.decode(video=0)])
    from torchcodec.decoders import VideoDecoder

    return np.stack([frame.numpy() for frame in VideoDecoder(path, dimension_order="NHWC")])


def check_colour(physgen: Physgen, root: Path, case: Case, space: str, range_: str) -> Iterator[Line]:
    """physgen's set with another video of its first camera."""
    tagged, camera = physgen.out / f"{space}_{range_}", case.cameras[0]
    shutil.rmtree(tagged, ignore_errors=True)
    put_in = frames_of(view_of_files(physgen.convert(root, "png")), camera)
    shutil.copytree(physgen.convert(root, "mp4"), tagged)
    path = next((tagged / "videos" / key_of(camera)).rglob("*.mp4"))
    write_tagged(path, put_in, round(case.fps), space, range_)
    ours = frames_of(view_of_files(physgen.convert(tagged, "png")), camera)
    views = {decoder: shown_by(decoder, path) for decoder in BACKENDS}
    losses = {decoder: float(np.abs(put_in - view).mean()) for decoder, view in views.items()}
    line = Line("colour", tagged.name, "put in")
    compare_pictures(line, ours, put_in)
    yield not_further(line, list(losses.values()))
    for decoder, view in views.items():
        line = Line("colour", tagged.name, f"{decoder} ({losses[decoder]:.2f} from what was put in)")
        compare_pictures(line, ours, view)
        yield judge(line, DECODER if decoder == "torchcodec" else LARGEST)


def check_all(options: argparse.Namespace) -> Iterator[Line]:
    """Makes the sets of the installed version and checks all that applies."""
    new, physgen = is_new(), Physgen(options.physgen, options.work / "physgen")
    for case in cases_of(new):
        root = options.work / case.name
        make_dataset(root, case, new)
        yield from check_read(physgen, root, case)
        yield from check_again(physgen, root)
    roots = [options.work / case.name for case in cases_of(False) + cases_of(True)] if new else []
    for root in filter(Path.is_dir, roots):
        yield from check_opened(physgen, root)
    case = cases_of(new)[0]
    for space in SPACES:
        for range_ in RANGES:
            yield from check_colour(physgen, options.work / case.name, case, space, range_)


def print_table(lines: list[Line]) -> None:
    """Markdown."""
    names = [column.name for column in fields(Line)]
    print("|", " | ".join(names), "|\n|" + "---|" * len(names))
    for line in lines:
        rounded = {name: f"{getattr(line, name):.3f}" for name in ("picture_mean", "worst_mean")}
        cells = (
            {name: "" if value is None else value for name, value in asdict(line).items()}
            | rounded
            | {"unequal": "; ".join(line.unequal) or "-"}
        )
        print("|", " | ".join(str(cells[name]) for name in names), "|")


def main() -> int:
    """Keeps the caches of the Hugging Face packages in a folder that goes away, as they may hold older data sets."""
    options = parse_arguments()
    with tempfile.TemporaryDirectory() as cache:
        os.environ |= {"HF_HOME": cache, "HF_LEROBOT_HOME": f"{cache}/lerobot", "HF_HUB_OFFLINE": "1"}
        os.environ |= {"HF_DATASETS_DISABLE_PROGRESS_BARS": "1", "SVT_LOG": "1"}  # 1: errors
        warnings.filterwarnings("ignore", "Cannot enable progress bars")
        av.logging.set_libav_level(av.logging.ERROR)
        restore_video_reader()
        lines = list(check_all(options))
    print(json.dumps([asdict(line) for line in lines], indent=1)) if options.json else print_table(lines)
    unequal = sum(bool(line.unequal) for line in lines)
    print(f"compare_lerobot: {len(lines)} lines, {unequal} not as they should be", file=sys.stderr)
    return 1 if unequal else 0


if __name__ == "__main__":
    sys.exit(main())
