#!/usr/bin/env python3
"""Holds what physgen reads of HDF5 files and of pictures against h5py, PIL and OpenCV:

    compare_files.py WORK [--physgen build/physgen] [--json]

WORK gets all files. What physgen reads is what `physgen data convert --to lerobot --pictures png` writes, read with
PyArrow and PIL. A line of the first table is a way to write demonstrations, in ManiSkill's layout, in LIBERO's and in
that of OpenVLA's regenerated files, by several versions of the format (h5py's libver):

    read     how many of the files physgen read; actions, states and pictures must be what h5py reads of them. The last
             action of an episode, after which nothing was seen, is compared nowhere: LIBERO's are one row shorter.
             Version 2.0 of the format may be refused, with advice.
    refused  how many it refused. Where it must, what it says must name the cause.

A line of the second table is a picture in the image column of a LeRobot set; differences are the largest of 0..255:

    physgen, PIL  must be 0 where a picture has 8 bits or fewer: PIL's Image.open and convert("RGB")
    high byte     must be 0 where it has 16 bits
    OpenCV        cv2.imread with IMREAD_COLOR, IMREAD_IGNORE_ORIENTATION; by default it may turn a picture

Exit status 1 where a line is not as it should be. Needs numpy, h5py, pyarrow, pillow and opencv-python-headless.
"""

import argparse
import json
import re
import shutil
import subprocess
import sys
import warnings
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, fields
from io import BytesIO
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pyarrow.parquet as pq
from PIL import Image

from hdf5_files import LAYOUTS, NEWEST, Episode, Hdf5Case, all_cases, read_file, write_file
from picture_files import SIZE, Picture, all_pictures, write_set

IMAGES = "observation.images."
TOO_NEW = "that HDF5 1.*libver=\"v110\""
PROCESSES, SECONDS = 4, 300


@dataclass
class Hdf5Line:
    """A way to write demonstrations; differences are the largest of all files that were read."""

    case: str
    expected: str
    versions: str = ""
    read: int = 0
    refused: int = 0
    action: float | None = None  # None where nothing was compared
    state: float | None = None
    picture: float | None = None
    words: str = ""  # of a refusal
    unequal: list[str] = field(default_factory=list)


@dataclass
class PictureLine:
    """A picture; differences are the largest between two readers."""

    picture: str
    expected: str
    physgen_pil: int | None = None  # None where one of them reads nothing
    physgen_opencv: int | None = None
    pil_opencv: int | None = None
    high_byte: int | None = None  # physgen's difference from it
    equals: str = ""  # whom physgen equals
    opencv_by_default: str = ""  # where it differs from OpenCV without orientation
    words: str = ""
    unequal: list[str] = field(default_factory=list)


class Refusal(Exception):
    """What physgen said instead."""


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", type=Path, help="the folder that gets all files")
    parser.add_argument("--physgen", default="build/physgen", help="the binary (default: build/physgen)")
    parser.add_argument("--json", action="store_true", help="print JSON, not Markdown")
    return parser.parse_args()


def largest(ours: np.ndarray, theirs: np.ndarray) -> float | None:
    """The largest difference; None where sizes differ."""
    if ours.shape != theirs.shape:
        return None
    return float(np.abs(ours.astype(float) - theirs).max(initial=0))


class Physgen:
    """The binary."""

    def __init__(self, binary: str) -> None:
        self.binary = binary

    def read(self, source: Path, out: Path) -> list[Episode]:
        """The episodes that physgen reads; raises Refusal."""
        shutil.rmtree(out, ignore_errors=True)
        options = ["--to", "lerobot", "--pictures", "png", "--out", str(out)]
        command = [self.binary, "data", "convert", *options, str(source)]
        done = subprocess.run(command, capture_output=True, encoding="utf-8", check=False, timeout=SECONDS)
        if done.returncode == 0:
            return read_set(out)
        if done.returncode != 1:
            raise SystemExit(f"compare_files: {' '.join(command)}: status {done.returncode}\n{done.stderr}")
        words = " ".join(done.stderr.replace(f"{source.parent}/", "").split())
        raise Refusal(re.sub("^.*?physgen: ", "", words))


def read_set(root: Path) -> list[Episode]:
    """What stands in a LeRobot set of v3.0 with PNG pictures, without the last action of each episode."""
    rows = pq.read_table(root / "data").to_pylist()
    episodes = pq.read_table(root / "meta/episodes").to_pylist()
    return [read_rows(rows[each["dataset_from_index"] : each["dataset_to_index"]]) for each in episodes]


def read_rows(rows: list[dict[str, Any]]) -> Episode:
    """An episode."""
    actions, states = (np.array([row[key] for row in rows], np.float32) for key in ("action", "observation.state"))
    names = [key for key in rows[0] if key.startswith(IMAGES)]
    pictures = {name: np.stack([np.array(Image.open(BytesIO(row[name]["bytes"]))) for row in rows]) for name in names}
    return Episode(actions[:-1], states, {name.removeprefix(IMAGES): value for name, value in pictures.items()})


def widen(line: Hdf5Line, name: str, ours: np.ndarray, theirs: np.ndarray, where: str) -> None:
    """Adds the difference of two arrays to a line."""
    off = largest(ours, theirs)
    if off is None:
        line.unequal.append(f"{where}: {name} of {list(ours.shape)} for {list(theirs.shape)}")
        return
    setattr(line, name, max(off, getattr(line, name) or 0))
    if off:
        line.unequal.append(f"{where}: {name}")


def compare(line: Hdf5Line, ours: list[Episode], theirs: list[Episode], where: str) -> None:
    """Adds a file that was read to a line."""
    line.read += 1
    if len(ours) != len(theirs):
        line.unequal.append(f"{where}: {len(ours)} episodes for {len(theirs)}")
        return
    for our, their in zip(ours, theirs, strict=True):
        widen(line, "action", our.actions, their.actions, where)
        widen(line, "state", our.states, their.states, where)
        if set(our.pictures) != set(their.pictures):
            line.unequal.append(f"{where}: cameras {sorted(our.pictures)} for {sorted(their.pictures)}")
            return
        for camera, frames in our.pictures.items():
            widen(line, "picture", frames, their.pictures[camera], where)


def refuse(line: Hdf5Line, words: str, case: Hdf5Case, version: str, where: str) -> None:
    """Adds a file that was refused to a line. The newest version may be, if physgen says what to do."""
    line.refused += 1
    wanted = case.refused or (TOO_NEW if version in NEWEST else "")
    if wanted and re.search(wanted, words):
        line.words = line.words or words
        return
    line.words = words
    line.unequal.append(f"{where}: " + (f'not "{wanted}"' if wanted else "refused"))


def check_hdf5(physgen: Physgen, folder: Path, case: Hdf5Case) -> Hdf5Line:
    """Writes, reads and compares the files of a case."""
    line = Hdf5Line(case.name, "refused" if case.refused else "read", " ".join(case.versions))
    for version in case.versions:
        for layout in LAYOUTS:
            where = f"{layout}, {version}"
            path = write_file(folder / f"{layout}_{version}", case, layout, version)
            try:
                ours = physgen.read(path, folder / "out")
            except Refusal as refusal:
                refuse(line, str(refusal), case, version, where)
                continue
            line.unequal += [f"{where}: not refused"] if case.refused else []
            compare(line, ours, read_file(path, case, layout), where)
    line.unequal = sorted(set(line.unequal))
    return line


def check_all_hdf5(physgen: Physgen, work: Path) -> list[Hdf5Line]:
    """All cases, each in a folder of its own."""
    cases = all_cases()
    with ThreadPoolExecutor(PROCESSES) as pool:
        folders = [work / "hdf5" / f"{i:02d}" for i in range(len(cases))]
        return list(pool.map(check_hdf5, [physgen] * len(cases), folders, cases))


def seen_by_pil(path: Path) -> np.ndarray | None:
    """RGB as PIL reads a file; None where it does not."""
    try:
        return np.array(Image.open(path).convert("RGB"))
    except OSError:
        return None


def seen_by_opencv(path: Path, flags: int) -> np.ndarray | None:
    """RGB as OpenCV reads a file; None where it does not."""
    picture = cv2.imread(str(path), flags)
    return None if picture is None else picture[..., ::-1]


def seen_by_physgen(physgen: Physgen, folder: Path, pictures: list[Picture]) -> list[np.ndarray | str]:
    """What physgen reads of a set of pictures, or what it says of each where it refuses the set."""
    files = [picture.file for picture in pictures]
    root = write_set(folder / "set", [*files, files[0]], pictures[0].size)
    try:
        (episode,) = physgen.read(root, folder / "out")
    except Refusal as refusal:
        if len(pictures) == 1:
            return [str(refusal)]
        return [seen_by_physgen(physgen, folder, [picture])[0] for picture in pictures]
    return list(*episode.pictures.values())[: len(pictures)]


def off_by(ours: np.ndarray | None, theirs: np.ndarray | None) -> int | None:
    """The largest difference of pictures, if there are two."""
    off = None if ours is None or theirs is None else largest(ours, theirs)
    return None if off is None else int(off)


def describe_default(path: Path, plain: np.ndarray | None) -> str:
    """How OpenCV's picture differs with its orientation; nothing where it does not."""
    default = seen_by_opencv(path, cv2.IMREAD_COLOR)
    if plain is None or default is None:
        return "" if plain is default else "one of both reads it"
    for name, turned in orientations(plain):
        if np.array_equal(default, turned):
            return name
    return "different"


def orientations(picture: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    """What EXIF may ask for."""
    yield "", picture
    yield "mirrored", picture[:, ::-1]
    for quarters, degrees in ((2, 180), (3, 90), (1, 270)):
        yield f"turned by {degrees} degrees clockwise", np.rot90(picture, quarters)


def compare_picture(picture: Picture, path: Path, seen: np.ndarray | str) -> PictureLine:
    """Fills a line of the second table."""
    wanted = "refused" if picture.refused else "PIL" if picture.high_bytes is None else "high byte"
    line = PictureLine(picture.name, wanted)
    pil, opencv = seen_by_pil(path), seen_by_opencv(path, cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    line.pil_opencv, line.opencv_by_default = off_by(pil, opencv), describe_default(path, opencv)
    if isinstance(seen, str):
        line.words = seen
        if not picture.refused or not re.search(picture.refused, seen):
            line.unequal.append("refused" if not picture.refused else f'not "{picture.refused}"')
        return line
    line.physgen_pil, line.physgen_opencv = off_by(seen, pil), off_by(seen, opencv)
    line.high_byte = off_by(seen, picture.high_bytes)
    equal = {"PIL": line.physgen_pil, "OpenCV": line.physgen_opencv, "high byte": line.high_byte}
    line.equals = ", ".join(name for name, off in equal.items() if off == 0) or "none"
    line.unequal += ["not refused"] if picture.refused else [] if equal[wanted] == 0 else [f"not {wanted}'s"]
    return line


def check_all_pictures(physgen: Physgen, work: Path) -> Iterator[PictureLine]:
    """Those that are to be read in one set of each size, the others in sets of their own."""
    pictures, folder = all_pictures(), work / "pictures"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    readable = [picture for picture in pictures if not picture.refused]
    sets = [[picture for picture in readable if (picture.size == SIZE) == plain] for plain in (True, False)]
    sets += [[picture] for picture in pictures if picture.refused]
    for together in sets:
        for picture, seen in zip(together, seen_by_physgen(physgen, folder, together), strict=True):
            path = folder / f"{re.sub('[^A-Za-z0-9]+', '_', picture.name)}.picture"
            path.write_bytes(picture.file)
            yield compare_picture(picture, path, seen)


def print_table(lines: Iterable[Any], line_type: type) -> None:
    """Markdown."""
    names = [column.name for column in fields(line_type)]
    print("\n|", " | ".join(names), "|\n|" + "---|" * len(names))
    for line in lines:
        cells = {name: "" if value is None else value for name, value in asdict(line).items()}
        cells["unequal"] = "; ".join(line.unequal) or "-"
        print("|", " | ".join(str(cells[name]).replace("|", "\\|") for name in names), "|")


def main() -> int:
    """Both tables."""
    options = parse_arguments()
    physgen = Physgen(options.physgen)
    warnings.filterwarnings("ignore", "Palette images with Transparency")
    files = check_all_hdf5(physgen, options.work)
    pictures = list(check_all_pictures(physgen, options.work))
    if options.json:
        print(json.dumps({"hdf5": [*map(asdict, files)], "pictures": [*map(asdict, pictures)]}, indent=1))
    else:
        print_table(files, Hdf5Line)
        print_table(pictures, PictureLine)
    unequal = sum(bool(line.unequal) for line in [*files, *pictures])
    print(f"compare_files: {len(files) + len(pictures)} lines, {unequal} not as they should be", file=sys.stderr)
    return 1 if unequal else 0


if __name__ == "__main__":
    sys.exit(main())
