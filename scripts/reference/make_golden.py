#!/usr/bin/env python3
"""Makes a NOVA release with random weights and what the reference computes from it, OUT/golden.safetensors:

    make_golden.py --reference DIR --config tests/golden/configs/nova_plain.json --seed 1 --out OUT

DIR is a checkout of github.com/baaivision/NOVA (commit 2cd254a). Its own modules compute every number, in
float32, from weights rounded to the config's dtype; no part of it is replaced by a stub, but torch.compile is
switched off. The training path takes its mask, noise and timesteps from the inputs in the file. There are
also gradients for text_embed.norm and motion_embed, which the reference's trainer freezes.

Needs torch==2.11.0 diffusers==0.33.1 transformers==4.51.3 numpy==1.26.4 safetensors einops scipy pillow
accelerate omegaconf tqdm.
"""

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any

FORMAT = "physgen-golden-1"
SMALLEST, LARGEST = 0.05, 20.0


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--reference", type=Path, required=True, help="a checkout of baaivision/NOVA")
    parser.add_argument(
        "--config", type=Path, required=True, help="sizes and parts, see tests/golden/configs"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, required=True, help="the release folder to write")
    parser.add_argument("--bin", action="store_true", help="also write the transformer as the trainer does")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument(
        "--tokenizer-script", type=Path, default=Path(__file__).with_name("make_tokenizer.py")
    )
    return parser.parse_args()


def read_config(path: Path) -> dict[str, Any]:
    """The config with the defaults of its golden section."""
    config = json.loads(path.read_text())
    golden = config["golden"]
    golden.setdefault("frame_size", config["transformer"]["image_size"])
    golden.setdefault("decode_frames", (golden["video_frames"] - 1) // 4 + 1)
    return config


def make_outputs(out: Path, config: dict[str, Any], seed: int) -> dict[str, Any]:
    """Inputs and the outputs of the parts asked for, one module in memory after another."""
    import golden_outputs as parts

    golden, inputs = config["golden"], parts.make_inputs(config, config["golden"], seed)
    outputs, text = parts.encode_text(out, config, golden)
    outputs |= inputs | parts.transformer_outputs(out, config, golden, text, inputs)
    if "scheduler" in golden["parts"]:
        outputs |= parts.scheduler_outputs(config, golden, inputs, seed)
    if "vae" in golden["parts"]:
        outputs |= parts.vae_outputs(out, config, inputs)
    if "generate" in golden["parts"]:
        outputs |= parts.generate_outputs(out, config, golden, text, inputs)
    return outputs


def is_degenerate(name: str, values: Any) -> bool:
    """Whether a test on these values would prove little."""
    if not values.is_floating_point() or values.numel() < 2 or ".gradient." in name:
        return False
    return not SMALLEST < values.std().item() < LARGEST and not name.endswith("timesteps")


def summary(values: Any) -> str:
    """The spread of a tensor, or a lone value."""
    if values.numel() == 1:
        return f"{values.item():.6g}"
    return f"std {values.float().std().item():.3g}" if values.numel() else "empty"


def check(outputs: dict[str, Any]) -> None:
    """Prints every output's spread; stops at values that are not finite."""
    for name, values in outputs.items():
        if not values.isfinite().all():
            raise SystemExit(f"{name} is not finite")
        if ".gradient." not in name:
            print(
                f"{name:42} {list(values.shape)!s:24} {summary(values)}"
                f"{' <- degenerate' if is_degenerate(name, values) else ''}"
            )


def sort_metadata(path: Path) -> None:
    """Puts the metadata of a safetensors file in order, so that the same numbers give the same bytes."""
    data = path.read_bytes()
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode().ljust(length)
    path.write_bytes(len(text).to_bytes(8, "little") + text + data[8 + length :])


def write_golden(out: Path, config: dict[str, Any], outputs: dict[str, Any], seed: int) -> None:
    """OUT/golden.safetensors."""
    from safetensors.torch import save_file

    golden = config["golden"]
    metadata = {
        "format": FORMAT,
        "prompts": json.dumps(golden["prompts"]),
        "seed": str(seed),
        "runs": json.dumps(golden.get("runs", [])),
        "scheduler": json.dumps(config["scheduler"]),
    }
    save_file(
        {name: values.detach().clone().contiguous() for name, values in outputs.items()},
        out / "golden.safetensors",
        metadata,
    )
    sort_metadata(out / "golden.safetensors")


def main() -> None:
    """Writes the release, then the golden file from what was written."""
    arguments = parse_arguments()
    os.environ["TORCHDYNAMO_DISABLE"] = "1"
    sys.path.insert(0, str(arguments.reference))
    import torch

    import golden_release

    torch.set_num_threads(arguments.threads)
    config = read_config(arguments.config)
    golden_release.write_release(
        arguments.out, config, arguments.seed, arguments.bin, arguments.tokenizer_script
    )
    outputs = make_outputs(arguments.out, config, arguments.seed)
    check(outputs)
    write_golden(arguments.out, config, outputs, arguments.seed)


if __name__ == "__main__":
    main()
