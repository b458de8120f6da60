"""What the scripts that make demonstrations share."""

import argparse


def write_group(group, values: dict):
    """Fills an HDF5 group: dictionaries become groups, arrays datasets, pictures compressed ones."""
    for name, value in values.items():
        if isinstance(value, dict):
            write_group(group.create_group(name, track_order=True), value)
        elif name.endswith("rgb"):  # a frame a chunk: one frame reads fast
            group.create_dataset(name, data=value, chunks=(1, *value.shape[1:]), compression="gzip", compression_opts=5)
        else:
            group.create_dataset(name, data=value)


def positive(text: str) -> int:
    """For argparse."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return value


def not_negative(text: str) -> int:
    """For argparse."""
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError("must not be negative")
    return value


def fraction(text: str) -> float:
    """For argparse."""
    value = float(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError("must be from 0 to 1")
    return value
