"""Pictures of many kinds that PIL and OpenCV write, and a LeRobot set of them: see compare_files.py."""

import io
import json
import shutil
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image, ImageCms, PngImagePlugin

SIZE, ODD = (24, 32), (23, 31)
CAMERA, FPS, ORIENTATION = "observation.images.front", 10, 0x0112
GREY, RGB, PALETTE, GREY_ALPHA, RGB_ALPHA = 0, 2, 3, 4, 6  # as PNG numbers them
WHOLE = ((0, 0, 1, 1),)  # the first column and row, and the steps, of each pass
ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
SAMPLINGS = {"4:4:4": 0, "4:2:2": 1, "4:2:0": 2}

Chunks = tuple[tuple[bytes, bytes], ...]


@dataclass
class Picture:
    """A picture file."""

    name: str
    file: bytes
    high_bytes: np.ndarray | None = None  # of samples of 16 bits: what is to be read
    refused: str = ""  # what physgen must say where it must not read it
    size: tuple[int, int] = SIZE


def scene(size: tuple[int, int] = SIZE, channels: int = 3, dtype: Any = np.uint8) -> np.ndarray:
    """[height, width, channels]: colours that flow, with edges and grain, from the least to the greatest value."""
    y, x = np.mgrid[: size[0], : size[1]] / 6
    waves = np.stack([np.sin(x + i) * np.cos(y - 2 * i) for i in range(channels)], axis=-1)
    waves[5:12, 9:17] = np.resize([1, -1, 0.3, -0.6], channels)
    waves += np.random.default_rng(channels).normal(0, 0.1, waves.shape)
    return ((waves.clip(-1, 1) + 1) / 2 * np.iinfo(dtype).max).astype(dtype)


def chunk(kind: bytes, content: bytes) -> bytes:
    """A chunk of a PNG."""
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def rows_of(samples: np.ndarray, depth: int) -> bytes:
    """The rows of a pass of a PNG, unfiltered."""
    rows = samples.reshape(len(samples), -1).astype(np.uint8 if depth <= 8 else ">u2").view(np.uint8)
    if depth < 8:
        bits = np.unpackbits(rows[..., None], axis=-1)[..., 8 - depth :]
        rows = np.packbits(bits.reshape(len(rows), -1), axis=1)
    return b"".join(b"\0" + row.tobytes() for row in rows) if samples.size else b""


def png(samples: np.ndarray, colour: int, depth: int, *, interlaced: bool = False, extra: Chunks = ()) -> bytes:
    """A PNG of what neither PIL nor OpenCV writes, its data in chunks of 100 bytes."""
    passes = ADAM7 if interlaced else WHOLE
    data = zlib.compress(b"".join(rows_of(samples[y::dy, x::dx], depth) for x, y, dx, dy in passes))
    pieces = [(b"IDAT", data[i : i + 100]) for i in range(0, len(data), 100)]
    height, width = samples.shape[:2]
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlaced)
    chunks = [(b"IHDR", header), *extra, *pieces, (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*each) for each in chunks)


def by_pil(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    """A file that PIL writes."""
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def by_opencv(image: np.ndarray, kind: str = ".png", *options: int) -> bytes:
    """A file that OpenCV writes of RGB."""
    channels = [2, 1, 0, 3][: image.shape[2]] if image.shape[2] > 1 else [0]
    return cv2.imencode(kind, np.ascontiguousarray(image[..., channels]), options)[1].tobytes()


def with_chunk(kind: bytes, content: bytes) -> bytes:
    """A PNG of RGB with one more chunk, which PIL writes."""
    info = PngImagePlugin.PngInfo()
    info.add(kind, content)
    return by_pil(Image.fromarray(scene()), pnginfo=info)


def turned(orientation: int) -> Image.Exif:
    """EXIF data that say how a camera was held."""
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    return exif


def profiles() -> dict[str, bytes]:
    """A profile of usual colours, and one that takes red for blue."""
    usual = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    swapped = usual.replace(b"rXYZ", b"_XYZ").replace(b"bXYZ", b"rXYZ").replace(b"_XYZ", b"bXYZ")
    return {"sRGB": usual, "red and blue swapped": swapped}


def pngs_by_pil() -> Iterator[Picture]:
    """PNG of PIL's modes."""
    image = Image.fromarray(scene())
    for mode in ("RGB", "L", "1"):
        yield Picture(f"PNG {mode}, PIL", by_pil(image.convert(mode)))
    yield Picture("PNG RGBA, PIL", by_pil(Image.fromarray(scene(channels=4))))
    yield Picture("PNG LA, PIL", by_pil(Image.fromarray(scene(channels=2), "LA")))
    for bits in (1, 2, 4, 8):
        palette = image.quantize(1 << bits)
        yield Picture(f"PNG P of {bits} bits, PIL", by_pil(palette, bits=bits))
        alpha = bytes(range(0, 256, 256 >> bits))
        yield Picture(f"PNG P of {bits} bits, tRNS, PIL", by_pil(palette, bits=bits, transparency=alpha))
    yield Picture("PNG RGB, tRNS, PIL", by_pil(image, transparency=tuple(map(int, scene()[8, 12]))))
    yield Picture("PNG L, tRNS, PIL", by_pil(image.convert("L"), transparency=image.convert("L").getpixel((12, 8))))
    deep = scene(channels=1, dtype=np.uint16)
    yield Picture("PNG I;16, PIL", by_pil(Image.fromarray(deep[..., 0])), high_bytes=high_bytes_of(deep, GREY))
    others = [Image.fromarray(255 - scene())]
    yield Picture("PNG RGB of two frames (acTL), PIL", by_pil(image, save_all=True, append_images=others))


def pngs_with_chunks() -> Iterator[Picture]:
    """PNG that say more about their colours, which changes none of them."""
    chromaticities = (31270, 32900, 15000, 6000, 30000, 60000, 64000, 33000)  # red and blue swapped
    yield Picture("PNG RGB, gAMA 1/2.2", with_chunk(b"gAMA", struct.pack(">I", 45455)))
    yield Picture("PNG RGB, gAMA 1", with_chunk(b"gAMA", struct.pack(">I", 100000)))
    yield Picture("PNG RGB, cHRM", with_chunk(b"cHRM", struct.pack(">8I", *chromaticities)))
    yield Picture("PNG RGB, sRGB", with_chunk(b"sRGB", b"\0"))
    yield Picture("PNG RGB, sBIT", with_chunk(b"sBIT", b"\5\6\5"))
    yield Picture("PNG RGB, pHYs", by_pil(Image.fromarray(scene()), dpi=(72, 144)))
    for name, profile in profiles().items():
        yield Picture(f"PNG RGB, iCCP ({name})", by_pil(Image.fromarray(scene()), icc_profile=profile))
    for orientation in (3, 6):
        file = by_pil(Image.fromarray(scene()), exif=turned(orientation))
        yield Picture(f"PNG RGB, eXIf orientation {orientation}", file)
    gamma, back = (b"gAMA", struct.pack(">I", 100000)), (b"bKGD", b"\0\xff\0\0\0\0")
    yield Picture("PNG L, gAMA 1", png(scene(channels=1), GREY, 8, extra=(gamma,)))
    yield Picture("PNG RGBA, gAMA 1, bKGD", png(scene(channels=4), RGB_ALPHA, 8, extra=(gamma, back)))


def pngs_by_opencv() -> Iterator[Picture]:
    """PNG of OpenCV's types."""
    for name, channels, colour in (("RGB", 3, RGB), ("RGBA", 4, RGB_ALPHA), ("grey", 1, GREY)):
        yield Picture(f"PNG {name}, OpenCV", by_opencv(scene(channels=channels)))
        deep = scene(channels=channels, dtype=np.uint16)
        yield Picture(f"PNG {name} of 16 bits, OpenCV", by_opencv(deep), high_bytes=high_bytes_of(deep, colour))
    yield Picture("PNG of 1 bit, OpenCV", by_opencv(scene(channels=1), ".png", cv2.IMWRITE_PNG_BILEVEL, 1))
    for name in ("NONE", "SUB", "UP", "AVG", "PAETH"):
        options = (cv2.IMWRITE_PNG_FILTER, getattr(cv2, f"IMWRITE_PNG_FILTER_{name}"))
        yield Picture(f"PNG RGB, filter {name}, OpenCV", by_opencv(scene(), ".png", *options))


def high_bytes_of(samples: np.ndarray, colour: int) -> np.ndarray:
    """RGB of 8 bits of what has 16."""
    return (samples[..., [0, 1, 2] if colour & RGB else [0, 0, 0]] >> 8).astype(np.uint8)


def pngs_by_hand() -> Iterator[Picture]:
    """PNG of every kind that there is, interlaced and not."""
    palette = (b"PLTE", np.random.default_rng(0).bytes(768))
    kinds = {"grey": (GREY, 1), "RGB": (RGB, 3), "palette": (PALETTE, 1), "LA": (GREY_ALPHA, 2), "RGBA": (RGB_ALPHA, 4)}
    depths = {GREY: (1, 2, 4, 8, 16), PALETTE: (1, 2, 4, 8)}
    for interlaced in (False, True):
        for name, (colour, channels) in kinds.items():
            for depth in depths.get(colour, (8, 16)):
                samples = scene(channels=channels, dtype=np.uint16) >> (16 - depth)
                extra = ((palette[0], palette[1][: 3 << depth]),) if colour == PALETTE else ()
                file = png(samples, colour, depth, interlaced=interlaced, extra=extra)
                high_bytes = high_bytes_of(samples, colour) if depth == 16 else None
                yield Picture(f"PNG {name} of {depth} bits{', interlaced' * interlaced}", file, high_bytes)
    deep = scene(dtype=np.uint16)
    clear = (b"tRNS", deep[8, 12].astype(">u2").tobytes())
    yield Picture("PNG RGB of 16 bits, tRNS", png(deep, RGB, 16, extra=(clear,)), high_bytes_of(deep, RGB))
    yield Picture("PNG grey of 2 bits, tRNS", png(scene(channels=1) >> 6, GREY, 2, extra=((b"tRNS", b"\0\1"),)))
    yield Picture("PNG RGB, interlaced, 23 x 31", png(scene(ODD), RGB, 8, interlaced=True), size=ODD)


def jpegs_by_pil() -> Iterator[Picture]:
    """JPEG of PIL."""
    for size, note in ((SIZE, ""), (ODD, ", 23 x 31")):
        image = Image.fromarray(scene(size))
        for name, sampling in SAMPLINGS.items():
            for more in ({"quality": 50}, {"quality": 95}, {"quality": 95, "progressive": True}):
                words = ", ".join(key if value is True else f"{key} {value}" for key, value in more.items())
                file = by_pil(image, "JPEG", subsampling=sampling, **more)
                yield Picture(f"JPEG {name}, {words}, PIL{note}", file, size=size)
    image = Image.fromarray(scene())
    for quality in (50, 95):
        yield Picture(f"JPEG grey, quality {quality}, PIL", by_pil(image.convert("L"), "JPEG", quality=quality))
    yield Picture("JPEG grey, progressive, PIL", by_pil(image.convert("L"), "JPEG", progressive=True))
    yield Picture("JPEG stored as RGB, PIL", by_pil(image, "JPEG", keep_rgb=True))
    yield Picture("JPEG, optimize, PIL", by_pil(image, "JPEG", optimize=True))
    yield Picture("JPEG, restart markers, PIL", by_pil(image, "JPEG", restart_marker_blocks=1))
    swapped = profiles()["red and blue swapped"]
    yield Picture("JPEG, ICC profile (red and blue swapped)", by_pil(image, "JPEG", icc_profile=swapped))
    for orientation in (2, 3, 6, 8):
        file = by_pil(image, "JPEG", exif=turned(orientation), quality=95)
        yield Picture(f"JPEG, EXIF orientation {orientation}", file)


def jpegs_by_opencv() -> Iterator[Picture]:
    """JPEG of OpenCV."""
    for name in ("444", "422", "420", "440", "411"):
        sampling = getattr(cv2, f"IMWRITE_JPEG_SAMPLING_FACTOR_{name}")
        file = by_opencv(scene(), ".jpg", cv2.IMWRITE_JPEG_SAMPLING_FACTOR, sampling)
        yield Picture(f"JPEG {':'.join(name)}, OpenCV", file)
    yield Picture("JPEG grey, OpenCV", by_opencv(scene(channels=1), ".jpg"))
    options = (cv2.IMWRITE_JPEG_PROGRESSIVE, 1, cv2.IMWRITE_JPEG_RST_INTERVAL, 1)
    yield Picture("JPEG progressive, restart markers, OpenCV", by_opencv(scene(), ".jpg", *options))


def refused_pictures() -> Iterator[Picture]:
    """What must be refused."""
    image = Image.fromarray(scene())
    whole = {kind: by_pil(image, kind) for kind in ("JPEG", "PNG")}
    yield Picture("JPEG CMYK, PIL", by_pil(image.convert("CMYK"), "JPEG"), refused="CMYK")
    for kind, file in whole.items():
        yield Picture(f"{kind}, cut in half", file[: len(file) // 2], refused=f"a {kind} cannot be read")
    middle = len(whole["PNG"]) // 2
    damaged = whole["PNG"][:middle] + bytes([whole["PNG"][middle] ^ 255]) + whole["PNG"][middle + 1 :]
    yield Picture("PNG, a damaged byte", damaged, refused="a PNG cannot be read")
    yield Picture("JPEG of another size", by_pil(Image.fromarray(scene(ODD)), "JPEG"), refused="another size.*23 x 31")
    for kind in ("WEBP", "BMP", "GIF"):
        yield Picture(kind, by_pil(image, kind), refused="cannot be read")


def all_pictures() -> list[Picture]:
    """All that physgen is asked to read."""
    pngs = (pngs_by_pil, pngs_by_opencv, pngs_by_hand, pngs_with_chunks)
    return [picture for make in (*pngs, jpegs_by_pil, jpegs_by_opencv, refused_pictures) for picture in make()]


def table_of(files: list[bytes]) -> pa.Table:
    """The rows of an episode."""
    count = len(files)
    struct_type = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    numbers = pa.array([[i / 100] * 6 for i in range(count)], pa.list_(pa.float32(), 6))
    columns = {CAMERA: pa.array([{"bytes": file, "path": None} for file in files], struct_type)}
    columns |= {"observation.state": numbers, "action": numbers}
    columns |= {"timestamp": pa.array(np.arange(count) / FPS, pa.float32()), "frame_index": pa.array(range(count))}
    return pa.table(columns | {key: pa.array([0] * count) for key in ("episode_index", "task_index")})


def write_set(root: Path, files: list[bytes], size: tuple[int, int]) -> Path:
    """A LeRobot set of v3.0 with one episode, whose rows have these pictures."""
    shutil.rmtree(root, ignore_errors=True)
    names = {"names": ["height", "width", "channels"]}
    features = {CAMERA: {"dtype": "image", "shape": [*size, 3]} | names}
    features |= {key: {"dtype": "float32", "shape": [6], "names": None} for key in ("observation.state", "action")}
    info = {"codebase_version": "v3.0", "robot_type": "so100", "total_episodes": 1, "fps": FPS, "features": features}
    info |= {"data_path": "data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet", "video_path": None}
    row = {"episode_index": 0, "tasks": ["look"], "length": len(files), "data/chunk_index": 0, "data/file_index": 0}
    row |= {"dataset_from_index": 0, "dataset_to_index": len(files)}
    tasks = pa.table({"task_index": [0], "__index_level_0__": ["look"]})
    for folder, table in (("data", table_of(files)), ("meta/episodes", pa.Table.from_pylist([row]))):
        (root / folder / "chunk-000").mkdir(parents=True)
        pq.write_table(table, root / folder / "chunk-000/file-000.parquet")
    pq.write_table(tasks, root / "meta/tasks.parquet")
    (root / "meta/info.json").write_text(json.dumps(info, indent=4))
    return root
