#!/usr/bin/env python3
"""Makes small videos with PyAV, and what torchcodec decodes from each:

    make_video_golden.py tests/golden/videos

OUT/<name>.mp4 is H.264 with the colours of a matrix (bt601 or bt709) and a range (limited or full), untagged, or
HEVC with open groups of pictures, where frames that follow a key frame in the file are shown before it.
OUT/<name>.json holds the time, the mean colour and the top left pixel of every frame.

Needs av, numpy and torchcodec.
"""

import argparse
import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from torchcodec.decoders import VideoDecoder

HEIGHT, WIDTH, FRAMES, RATE = 48, 64, 40, 10
MATRICES = {"bt601": 6, "bt709": 1}
RANGES = {"limited": 1, "full": 2}


def make_image(frame: int) -> np.ndarray:
    """Saturated stripes that move, so that a wrong matrix or range shows."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    red = np.where((x + 2 * frame) // 16 % 2, 230, 20)
    green = np.where((y + frame) // 12 % 2, 200, 30)
    return np.stack([red, green, 255 - 5 * frame + 0 * x], axis=-1).astype(np.uint8)


def write_video(path: Path, codec: str, options: dict[str, str], colours: tuple[str, str] | None) -> None:
    """Writes one video; colours are its matrix and range, None for those of PyAV, untagged."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, Fraction(RATE), options=options)
        stream.height, stream.width, stream.pix_fmt = HEIGHT, WIDTH, "yuv420p"
        if colours:
            stream.codec_context.colorspace = MATRICES[colours[0]]
            stream.codec_context.color_range = RANGES[colours[1]]
        for index in range(FRAMES):
            frame = av.VideoFrame.from_ndarray(make_image(index), format="rgb24")
            if colours:
                matrix = {"bt601": "ITU601", "bt709": "ITU709"}[colours[0]]
                spread = {"limited": "MPEG", "full": "JPEG"}[colours[1]]
                frame = frame.reformat(format="yuv420p", dst_colorspace=matrix, dst_color_range=spread)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def read_video(path: Path) -> list[dict[str, Any]]:
    """What torchcodec gives of each frame."""
    frames = []
    decoder = VideoDecoder(str(path), dimension_order="NHWC", num_ffmpeg_threads=1)
    for index in range(len(decoder)):
        frame = decoder.get_frame_at(index)
        image = frame.data.double()
        frames.append(
            {
                "time": round(float(frame.pts_seconds), 6),
                "mean": [round(value, 4) for value in image.mean((0, 1)).tolist()],
                "corner": [round(value) for value in image[0, 0].tolist()],
            }
        )
    return frames


def main() -> None:
    """Writes all videos and what is read from them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, help="the folder that gets the videos")
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    h264 = {"crf": "20", "g": "10"}
    videos: list[tuple[str, str, dict[str, str], tuple[str, str] | None]] = [("untagged", "libx264", h264, None)]
    videos += [(f"{matrix}_{spread}", "libx264", h264, (matrix, spread)) for matrix in MATRICES for spread in RANGES]
    videos.append(("open_gop", "libx265", {"x265-params": "open-gop=1:keyint=8:min-keyint=8:bframes=3:log-level=none"}, None))
    for name, codec, options, colours in videos:
        write_video(out / f"{name}.mp4", codec, options, colours)
        frames = read_video(out / f"{name}.mp4")
        assert len(frames) == FRAMES, (name, len(frames))
        (out / f"{name}.json").write_text(json.dumps(frames) + "\n")


if __name__ == "__main__":
    main()
