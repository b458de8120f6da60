"""The canvas in plain PyTorch: each camera's pictures, cropped and resized to its share of the width, side by side."""

import torch
import torch.nn.functional as F


def whole(value):
    """The nearest whole number, halves upwards."""
    return int(value + 0.5)


def crop(pictures, edges):
    height, width = pictures.shape[1:3]
    top, left, bottom, right = (whole(share * size) for share, size in zip(edges, [height, width] * 2))
    return pictures[:, top:bottom, left:right]


def view_of(pictures, canvas, camera):
    """A camera's part of the canvas before it is rounded: bilinear with antialiasing. uint8 [n, h, w, 3] -> float64"""
    count, width = len(canvas["cameras"]), canvas["width"]
    share = width * (camera + 1) // count - width * camera // count
    values = crop(pictures, canvas["crop"]).permute(0, 3, 1, 2).double()
    values = F.interpolate(values, (canvas["height"], share), mode="bilinear", antialias=True)
    return values.permute(0, 2, 3, 1)


def compose_canvas(cameras, canvas):
    """One picture of all cameras' for each moment. cameras: uint8 [n, h, w, 3] each."""
    values = torch.cat([view_of(pictures, canvas, camera) for camera, pictures in enumerate(cameras)], 2)
    return (values + 0.5).floor().clamp(0, 255).to(torch.uint8)
