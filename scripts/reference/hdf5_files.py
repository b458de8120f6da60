"""Demonstrations in HDF5 that h5py writes in many ways, and what h5py reads of them: see compare_files.py."""

import json
import re
import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import h5py
import numpy as np

LAYOUTS = ("maniskill", "libero", "regenerated")  # the last as OpenVLA makes it of LIBERO's
NEWEST = ("v200", "latest")  # which an HDF5 of 1.14 or before need not read
VERSIONS = ("earliest", "v114")
ALL = ("earliest", "v108", "v110", "v112", "v114", *NEWEST)
CAMERAS = ("agentview", "eye_in_hand")
RENAMED = {"agentview": "image", "eye_in_hand": "image2"}  # in a LeRobot set of LIBERO's
HEIGHT, WIDTH, ACTIONS, STATES = 12, 20, 7, {"maniskill": {"agent/qpos": 9}}
STATES["libero"] = STATES["regenerated"] = {"ee_states": 6, "gripper_states": 2}
WRITING = threading.Lock()  # how h5py orders names holds for all threads
MANY, PART, EPISODE = 2000, "parts", re.compile(r"(traj_|data/demo_)\w+")

Sides = tuple[int, ...]
Put = Callable[[h5py.File, str, np.ndarray], Any]


@dataclass
class Episode:
    """Actions, states and pictures of an episode."""

    actions: np.ndarray
    states: np.ndarray
    pictures: dict[str, np.ndarray]  # by the camera's name in a LeRobot set


def usual(**options: Any) -> Put:
    """Writes a dataset with these options of h5py's."""
    return lambda file, name, values: file.create_dataset(name, data=values, **options)


CONTIGUOUS = usual()


def rows(count: int) -> Callable[[Sides], Sides]:
    """Chunks of whole rows."""
    return lambda shape: (min(count, shape[0]), *shape[1:])


def cut(shape: Sides) -> Sides:
    """Chunks that are smaller than a row in every way, and that do not fill it evenly."""
    return tuple(min(pair) for pair in zip(shape, (2, 5, 7, 2)))


def chunked(sides: Callable[[Sides], Sides], **options: Any) -> Put:
    """Writes a dataset in such chunks."""
    return lambda file, name, values: file.create_dataset(name, data=values, chunks=sides(values.shape), **options)


def unlimited(count: int) -> Put:
    """Chunks that are larger than the dataset, of which some sides may grow."""

    def put(file: h5py.File, name: str, values: np.ndarray) -> None:
        limits = (*[None] * count, *values.shape[count:])
        usual(chunks=(64, *values.shape[1:]), maxshape=limits, compression="gzip")(file, name, values)

    return put


def growing(file: h5py.File, name: str, values: np.ndarray) -> None:
    """A row at a time, and three too many, which are taken back."""
    limits = (None, *values.shape[1:])
    dataset = file.create_dataset(name, (0, *values.shape[1:]), values.dtype, maxshape=limits, chunks=cut(values.shape))
    for i in range(len(values) + 3):
        dataset.resize(i + 1, 0)
        dataset[i] = values[i % len(values)]
    dataset.resize(len(values), 0)


def half_compressed(file: h5py.File, name: str, values: np.ndarray) -> None:
    """Chunks of a row, of which every other one was not worth to be compressed."""
    dataset = chunked(rows(1), compression="gzip")(file, name, values)
    for i in range(0, len(values), 2):
        dataset.id.write_direct_chunk((i, *[0] * (values.ndim - 1)), values[i].tobytes(), filter_mask=1)


def part_written(file: h5py.File, name: str, values: np.ndarray) -> None:
    """Chunks of a row, of which the last ones were never written; h5py reads zeros there."""
    dataset = file.create_dataset(name, values.shape, values.dtype, chunks=rows(1)(values.shape), compression="gzip")
    dataset[:3] = values[:3]


def changed(ending: str, change: Callable[[np.ndarray], np.ndarray]) -> Put:
    """Datasets whose name ends so hold something else."""
    return lambda file, name, values: CONTIGUOUS(file, name, change(values) if name.endswith(ending) else values)


def floats(dtype: Any, put: Put) -> Put:
    """Floating point numbers of one type."""
    return lambda file, name, values: put(file, name, values.astype(dtype) if values.dtype.kind == "f" else values)


def scaled(file: h5py.File, name: str, values: np.ndarray) -> None:
    """As few bits as do; floating point numbers to four places."""
    file.create_dataset(name, data=values, scaleoffset=4 if values.dtype.kind == "f" else 0)


def raw(file: h5py.File, name: str, values: np.ndarray) -> None:
    """Values in a file of their own."""
    path = Path(file.filename).absolute().with_suffix(f".{name.replace('/', '_')}.bin")
    file.create_dataset(name, data=values, external=[(str(path), 0, h5py.h5f.UNLIMITED)])


def virtual(file: h5py.File, name: str, values: np.ndarray) -> None:
    """Values of another dataset of the same file."""
    source = f"kept/{name}"
    file[source] = values
    layout = h5py.VirtualLayout(values.shape, values.dtype)
    layout[:] = h5py.VirtualSource(".", source, values.shape)
    file.create_virtual_dataset(name, layout)


def compact(file: h5py.File, name: str, values: np.ndarray) -> None:
    """Values in the dataset's header."""
    properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    properties.set_layout(h5py.h5d.COMPACT)
    file.create_dataset(name, data=values, dcpl=properties)


def found(file: h5py.File, wanted: Callable[[str, Any], bool]) -> list[str]:
    """The names of all objects that are wanted."""
    names = []
    file.visititems(lambda name, value: names.append(name) if wanted(name, value) else None)
    return names


def datasets_of(file: h5py.File) -> list[str]:
    """The names of all datasets."""
    return found(file, lambda _, value: isinstance(value, h5py.Dataset))


def episodes_of(file: h5py.File) -> list[str]:
    """The names of the episodes' groups."""
    return found(file, lambda name, _: bool(EPISODE.fullmatch(name)))


def link_softly(names: Callable[[h5py.File], list[str]]) -> Callable[[h5py.File], None]:
    """Objects stand elsewhere: an absolute link leads to a relative one, which leads there."""

    def edit(file: h5py.File) -> None:
        for i, name in enumerate(names(file)):
            file.move(name, f"kept/{i}")
            file[f"kept/link_{i}"] = h5py.SoftLink(f"{i}")
            file[name] = h5py.SoftLink(f"/kept/link_{i}")

    return edit


def link_outside(names: Callable[[h5py.File], list[str]], absolute: bool = False) -> Callable[[h5py.File], None]:
    """Objects stand in another file, in a folder below; a soft link stands between."""

    def edit(file: h5py.File) -> None:
        here = Path(file.filename).absolute()
        target = f"{PART}/{here.stem}.h5"
        with h5py.File(here.parent / target, "w") as other:
            for i, name in enumerate(names(file)):
                file.copy(name, other, f"kept/{i}")
                other[f"link_{i}"] = h5py.SoftLink(f"kept/{i}")
                del file[name]
                file[name] = h5py.ExternalLink(str(here.parent / target) if absolute else target, f"link_{i}")

    return edit


def lead_to(link: Callable[[str], Any]) -> Callable[[h5py.File], None]:
    """The first episode's actions are another link."""

    def edit(file: h5py.File) -> None:
        name = f"{episodes_of(file)[0]}/actions"
        del file[name]
        file[name] = link(name)

    return edit


def crowd(file: h5py.File) -> None:
    """Adds members to every group but the episodes', and attributes to everything."""
    other = file.create_group("other")
    attributes = {f"attribute {i}": np.arange(i % 5) for i in range(200)}
    for name in ["/", *found(file, lambda *_: True)]:
        file[name].attrs.update(attributes)
        if name in ("/", "data") or name.endswith(("obs", "sensor_data")):
            for i in range(MANY):
                file[name][f"other_{i}"] = other


def keep(share: float, less: int = 0) -> Callable[[Path], Any]:
    """Cuts off the end of a closed file."""
    return lambda path: path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share) - less])


def fill_user_block(path: Path) -> None:
    """Gives a file's user block some bytes."""
    with path.open("r+b") as file:
        file.write(b"a user's own words\n" * 20)


def leave(_: Any) -> None:
    """Leaves a file as it is."""


@dataclass
class Hdf5Case:
    """A way to write demonstrations."""

    name: str
    put: Put = CONTIGUOUS
    edit: Callable[[h5py.File], None] = leave
    after: Callable[[Path], Any] = leave
    refused: str = ""  # what physgen must say where it must not read it
    versions: tuple[str, ...] = VERSIONS
    user_block: int = 0
    ordered: bool = False
    numbers: tuple[str, ...] = ("0", "1")
    cameras: tuple[str, ...] = CAMERAS


def ways_to_store() -> Iterator[Hdf5Case]:
    """What must be read, however its values are stored."""
    gzip, checked = {"compression": "gzip"}, {"shuffle": True, "fletcher32": True}
    yield Hdf5Case("contiguous", versions=ALL)
    yield Hdf5Case("chunks of h5py's choice", usual(chunks=True))
    yield Hdf5Case("chunks of a row", chunked(rows(1)))
    yield Hdf5Case("chunks of 4 rows, the last one partly filled", chunked(rows(4)))
    yield Hdf5Case("chunks of the whole", chunked(rows(100)))
    yield Hdf5Case("chunks that cut rows", chunked(cut), versions=ALL)
    yield Hdf5Case("chunks that cut rows, gzip, shuffle, fletcher32", chunked(cut, **gzip, **checked))
    yield Hdf5Case("gzip 1", chunked(rows(1), **gzip, compression_opts=1))
    yield Hdf5Case("gzip 9, chunks of 4 rows", chunked(rows(4), **gzip, compression_opts=9), versions=ALL)
    yield Hdf5Case("gzip, some chunks not compressed", half_compressed)
    yield Hdf5Case("shuffle", chunked(rows(4), shuffle=True))
    yield Hdf5Case("fletcher32", chunked(rows(4), fletcher32=True))
    yield Hdf5Case("gzip, shuffle", chunked(rows(4), **gzip, shuffle=True))
    yield Hdf5Case("gzip, larger chunks, rows may be added", unlimited(1))
    yield Hdf5Case("gzip, larger chunks, two sides may grow", unlimited(2))
    yield Hdf5Case("grown row by row and shortened, chunks that cut rows", growing)
    yield Hdf5Case("float32", floats("<f4", CONTIGUOUS))
    yield Hdf5Case("float64", floats("<f8", CONTIGUOUS))
    yield Hdf5Case("float64, gzip, shuffle", floats("<f8", chunked(rows(4), shuffle=True, **gzip)))
    yield Hdf5Case("user block", usual(), after=fill_user_block, user_block=512)
    yield Hdf5Case("user block, chunks of a row", chunked(rows(1)), after=fill_user_block, user_block=512)
    yield Hdf5Case("user block of 2048, gzip", chunked(cut, **gzip), after=fill_user_block, user_block=2048)


def ways_to_name() -> Iterator[Hdf5Case]:
    """What must be read, whatever it is called and wherever it is."""
    frames = chunked(rows(1), compression="gzip")
    yield Hdf5Case("track_order", frames, ordered=True)
    yield Hdf5Case("track_order, 2,000 members, 200 attributes", frames, crowd, ordered=True)
    yield Hdf5Case("2,000 members, 200 attributes", frames, crowd)
    yield Hdf5Case("soft links to datasets", frames, link_softly(datasets_of))
    yield Hdf5Case("soft links to episodes", frames, link_softly(episodes_of))
    yield Hdf5Case("external links to datasets", frames, link_outside(datasets_of))
    yield Hdf5Case("external links to episodes", frames, link_outside(episodes_of))
    yield Hdf5Case("external links to datasets, absolute paths", frames, link_outside(datasets_of, absolute=True))
    yield Hdf5Case("episodes 3, 0, 12, 007", frames, numbers=("3", "0", "12", "007"))
    yield Hdf5Case("200 episodes", frames, numbers=tuple(map(str, range(200))))
    yield Hdf5Case("cameras of many names", frames, cameras=("größe", "相机_左", "left wrist", "a.b"))


def ways_not_known() -> Iterator[Hdf5Case]:
    """What must be refused for how its values are stored."""
    elsewhere = "another file or in its header.*external, virtual or compact"
    yield Hdf5Case("lzf", chunked(rows(1), compression="lzf"), refused='filter 32000, "lzf".*gzip')
    yield Hdf5Case("szip", chunked(rows(4), compression="szip"), refused='filter 4, "szip".*gzip')
    yield Hdf5Case("scaleoffset", scaled, refused='filter 6, "scaleoffset".*gzip')
    yield Hdf5Case("shuffle, lzf", chunked(cut, compression="lzf", shuffle=True), refused='filter 32000, "lzf".*gzip')
    yield Hdf5Case("external raw files", raw, refused=elsewhere)
    # HDF5 1.10 does not know what 1.14 writes of virtual ones.
    yield Hdf5Case("virtual datasets", virtual, refused=f'{elsewhere}|hyperslab.*libver="v110"')
    yield Hdf5Case("compact storage", compact, refused=elsewhere)
    yield Hdf5Case("chunks never written", part_written, refused="never written")


def wrong_arrays() -> Iterator[Hdf5Case]:
    """What must be refused for its types and shapes."""
    yield Hdf5Case("actions of rank 1", changed("actions", lambda v: v[:, 0]), refused=r"actions.*1 dim.*\[5\].*2")
    yield Hdf5Case("actions of rank 3", changed("actions", lambda v: v[:, None]), refused="actions.*3 dim.*2 dim")
    yield Hdf5Case("frames of rank 3", changed("rgb", lambda v: v[..., 0]), refused="rgb.*3 dim.*4 dim")
    yield Hdf5Case("frames of rank 5", changed("rgb", lambda v: v[None]), refused="rgb.*5 dim.*4 dim")
    yield Hdf5Case("half floats", floats(np.float16, CONTIGUOUS), refused="numbers of 2 bytes.*float32 or float64")
    for name, words in (("int32", "integers of 4 bytes"), ("int64", "integers of 8 bytes"), ("uint8", "uint8")):
        put = changed("actions", partial(np.asarray, dtype=name))
        yield Hdf5Case(f"actions of {name}", put, refused=f"actions.*{words}.*float32 or float64")
    yield Hdf5Case("actions of bool", changed("actions", lambda v: v > 0), refused="actions.*enumeration.*float32")
    yield Hdf5Case("big-endian floats", floats(">f4", CONTIGUOUS), refused="actions.*float32 or float64")
    for name in ("int8", "uint16", "float32"):
        yield Hdf5Case(f"frames of {name}", changed("rgb", partial(np.asarray, dtype=name)), refused="rgb.*uint8")
    yield Hdf5Case("frames of 4 channels", changed("rgb", lambda v: v[..., [0, 1, 2, 0]]), refused=r"no RGB.*20, 4\]")
    yield Hdf5Case("an action too few", changed("actions", lambda v: v[:-1]), refused="disagree in length.*rows")
    yield Hdf5Case("a frame too few", changed("rgb", lambda v: v[:-1]), refused="disagree in length.*rgb")
    yield Hdf5Case("an action of NaN", changed("actions", lambda v: v + [[np.nan]]), refused="not finite.*actions")


def damage() -> Iterator[Hdf5Case]:
    """What must be refused for what is not there."""
    yield Hdf5Case("less one byte", after=keep(1, 1), refused='HDF5 cannot read.*"truncated file')
    yield Hdf5Case("cut in half", after=keep(0.5), refused='HDF5 cannot read.*"truncated file')
    yield Hdf5Case("the first 100 bytes", after=keep(0, -100), refused='HDF5 cannot read.*"truncated file')
    yield Hdf5Case("an empty file", after=keep(0), refused="file is empty")
    yield Hdf5Case("a soft link to nothing", edit=lead_to(lambda _: h5py.SoftLink("/no")), refused="is missing")
    yield Hdf5Case("a link to itself", edit=lead_to(lambda name: h5py.SoftLink(f"/{name}")), refused="circle")
    for words, target in (("linked to is missing", "no.h5"), ("leads out of", "../outside.h5")):
        edit = lead_to(lambda _, target=target: h5py.ExternalLink(target, "x"))
        yield Hdf5Case(f"a link to {target}", edit=edit, refused=f"{words}.*{target}")


def all_cases() -> list[Hdf5Case]:
    """What must be read, and what must be refused."""
    wrong = [replace(case, versions=VERSIONS[:1]) for case in wrong_arrays()]
    return [*ways_to_store(), *ways_to_name(), *ways_not_known(), *wrong, *damage()]


def arrays_of(layout: str, cameras: tuple[str, ...], episode: int) -> Iterator[tuple[str, np.ndarray]]:
    """Names and values of an episode's datasets: noise, of which pictures have little."""
    random, steps = np.random.default_rng(episode), 5 + episode % 4
    numbers, width = ("f4", 1) if layout == "maniskill" else ("f8", 0)
    yield "actions", random.uniform(-1, 1, (steps, ACTIONS)).astype(numbers)
    for name, columns in STATES[layout].items():
        yield f"obs/{name}", random.normal(0, 1, (steps + width, columns)).astype(numbers)
    for i, camera in enumerate(cameras):
        frames = np.add.outer(np.arange(steps + width) * 9 + 50 * i, np.arange(HEIGHT * WIDTH * 3) / 5)
        frames = (frames + random.uniform(0, 8, frames.shape)).astype(np.uint8)
        yield name_of(layout, camera), frames.reshape(-1, HEIGHT, WIDTH, 3)


def name_of(layout: str, camera: str) -> str:
    """The dataset of a camera's pictures."""
    return f"obs/sensor_data/{camera}/rgb" if layout == "maniskill" else f"obs/{camera}_rgb"


def group_of(layout: str, number: str) -> str:
    """The group of an episode."""
    return f"traj_{number}" if layout == "maniskill" else f"data/demo_{number}"


def write_file(folder: Path, case: Hdf5Case, layout: str, version: str) -> Path:
    """Writes demonstrations in a folder of their own."""
    shutil.rmtree(folder, ignore_errors=True)
    (folder / PART).mkdir(parents=True)
    path = folder / ("demo.h5" if layout == "maniskill" else "open_the_drawer_demo.hdf5")
    with WRITING:
        h5py.get_config().track_order = case.ordered
        fill_file(path, case, layout, version)
    case.after(path)
    if layout == "maniskill":
        path.with_suffix(".json").write_text(json.dumps(index_of(case)))
    return path


def fill_file(path: Path, case: Hdf5Case, layout: str, version: str) -> None:
    """Writes the HDF5 file."""
    with h5py.File(path, "w", libver=version, userblock_size=case.user_block) as file:
        for i, number in enumerate(case.numbers):
            for name, values in arrays_of(layout, case.cameras, i):
                case.put(file, f"{group_of(layout, number)}/{name}", values)
        if layout == "libero":
            file["data"].attrs["problem_info"] = json.dumps({"language_instruction": "open the drawer"})
        case.edit(file)


def index_of(case: Hdf5Case) -> dict[str, Any]:
    """What ManiSkill writes beside its file."""
    episodes = [{"episode_id": int(n), "elapsed_steps": 5 + i % 4} for i, n in enumerate(case.numbers)]
    episodes = [episode | {"episode_seed": 1, "control_mode": "pd_joint_delta_pos"} for episode in episodes]
    return {"env_info": {"env_id": "PickCube-v1"}, "episodes": episodes}


def read_file(path: Path, case: Hdf5Case, layout: str) -> list[Episode]:
    """What h5py reads, with each frame before its action: LIBERO's are shifted and turned."""
    with h5py.File(path) as file:
        groups = [file[group_of(layout, number)] for number in sorted(case.numbers, key=int)]
        return [read_episode(group, case, layout) for group in groups]


def read_episode(group: h5py.Group, case: Hdf5Case, layout: str) -> Episode:
    """An episode as h5py reads it."""
    states = np.concatenate([group[f"obs/{name}"][:] for name in STATES[layout]], 1).astype(np.float32)
    pictures = {camera: group[name_of(layout, camera)][:] for camera in case.cameras}
    actions = group["actions"][:].astype(np.float32)
    if layout == "maniskill":
        return Episode(actions, states, pictures)
    turned = {RENAMED.get(camera, camera): frames[:, ::-1, ::-1] for camera, frames in pictures.items()}
    return Episode(actions[1:] if layout == "libero" else actions[:-1], states, turned)
