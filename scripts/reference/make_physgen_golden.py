#!/usr/bin/env python3
"""Makes tiny policies and what the plain PyTorch model computes from them, for the tests of the C++ library:

    .venv/bin/python scripts/reference/make_physgen_golden.py tests/golden/physgen_tiny [CASE ...]

Every case of physgen_golden_cases.py, or those named, becomes OUT/<case>/config.json and OUT/<case>/golden.safetensors.
The latter holds, by name:

    model.*, vae.*      the weights; of the VAE its encoder
    camera.<i>          pictures of each camera, uint8 [B, P + 1, h, w, 3]
    batch.*, noise.*    the rest of a batch, some of it padding, and its noise
    sampling_noise      what actions are denoised from
    expected.*          the canvas, its latents, sums and counts of the losses, sampled actions
    gradient.*          of L_obs + L_act, for every parameter
    curve.*             of 20 training steps the losses, the gradient's norm, and up to 64 numbers of every tensor of
                        the last parameters and averages, in even distances; NaN is not compared

Weights and inputs are float32 numbers, what follows from them is computed in float64 and rounded. Tables of sines, of
rotary angles and of the noise schedule are float32, as the model defines them. The same PyTorch gives the same files.
"""

import argparse
import json
import math
import struct
import sys
from pathlib import Path

import numpy as np
import torch

from physgen_golden_cases import CASES, config_of
from reference_canvas import compose_canvas, view_of
from reference_model import PhysGen
from reference_training import Training
from reference_vae import VaeEncoder

DTYPES = {np.float32: "F32", np.int64: "I64", np.uint8: "U8", np.bool_: "BOOL"}
DIGEST, LEAST_GRADIENT = 64, 1e-4


def save_safetensors(path, tensors):
    """Numbers of float64 become float32."""
    header, data = {}, bytearray()
    for name, tensor in sorted(tensors.items()):
        array = (tensor.detach().float() if tensor.is_floating_point() else tensor).contiguous().numpy()
        offsets = [len(data), len(data) + array.nbytes]
        header[name] = {"dtype": DTYPES[array.dtype.type], "shape": list(array.shape), "data_offsets": offsets}
        data += array.tobytes()
    text = json.dumps(header, separators=(",", ":")).encode()
    text = text.ljust(math.ceil(len(text) / 8) * 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


@torch.no_grad()
def draw_weights(module, random):
    """Every tensor gets numbers of its own, or what lies behind a zero would not be seen. The action head's attention
    gets large ones, or it would be to everything alike, and what it is to would hardly matter."""
    for name, tensor in module.state_dict().items():
        deviation = 0.2 if tensor.dim() < 2 else tensor[0].numel() ** -0.5
        if name.endswith(("query.weight", "key_value.weight")):
            deviation *= 2
        tensor.copy_(deviation * torch.randn(tensor.shape, generator=random))
        if "norm" in name and name.endswith("weight") and tensor.dim() == 1:
            tensor.add_(1)


def in_float64(module):
    """The module in float64; the tables that its layers are given are float32."""
    for layer in module.double().modules():
        if isinstance(layer, torch.nn.Linear):
            layer.register_forward_pre_hook(lambda layer, given: (given[0].to(layer.weight.dtype),))
    return module


def draw_batch(model, windows, random):
    """Actions, states and what is valid: of the second window the last frames and actions are not there."""
    packs, chunks, codec = model["packs"], model["head"]["chunks"], model["codec"]
    even = lambda *shape: torch.rand(shape, generator=random) * 2 - 1
    batch = {
        "frame_valid": torch.ones(windows, packs + 1, dtype=torch.bool),
        "actions": even(windows, packs + chunks - 1, codec["chunk"], codec["action_width"]),
        "action_valid": torch.ones(windows, packs + chunks - 1, codec["chunk"], dtype=torch.bool),
    }
    batch["frame_valid"][1, 2:] = False
    batch["action_valid"][1, 2:] = False
    batch["action_valid"][1, 1, codec["chunk"] // 2 :] = False
    if codec["state_token"]:
        batch["states"] = even(windows, packs + 1, codec["state_width"])
    return batch


def draw_noise(model, windows, repeats, random):
    """As training draws it; the second instruction is dropped."""
    backbone, codec = model["backbone"], model["codec"]
    frames, tokens = windows * model["packs"], model["head"]["chunks"] * codec["chunk"]
    patches = backbone["latent_height"] * backbone["latent_width"] // backbone["image_patch"] ** 2
    values = backbone["image_patch"] ** 2 * backbone["latent_channels"]
    normal = lambda *shape: torch.randn(shape, generator=random)
    timesteps = lambda *shape: torch.randint(1000, shape, generator=random)
    known = torch.rand(frames, patches, generator=random).argsort(1)[:, : patches // 4]
    return {
        "text_kept": torch.arange(windows) % 2 == 0,
        "known_ids": known,
        "unknown": torch.ones(frames, patches, dtype=torch.bool).scatter(1, known, False),
        "frame_noise": normal(repeats, frames, patches, values),
        "frame_timesteps": timesteps(repeats, frames, patches),
        "action_noise": normal(frames, repeats, tokens, codec["action_width"]),
        "action_timesteps": timesteps(frames, repeats),
    }


def draw_picture(size, canvas, camera, random):
    """Where it is made smaller, one whose part of the canvas has no number so near to a half that float32 might round
    it the other way. Made larger, to powers of two, all numbers are exact."""
    while True:
        picture = torch.randint(256, (*size, 3), generator=random, dtype=torch.uint8)
        if size[0] <= canvas["height"]:
            return picture
        if (view_of(picture[None], canvas, camera).frac() - 0.5).abs().min() > 1e-4:
            return picture


def draw_inputs(config, rest, random):
    """All that a case is given besides weights."""
    finetune = config["finetune"]
    model, windows = finetune["model"], finetune["batch"]
    inputs = {"batch." + k: v for k, v in draw_batch(model, windows, random).items()}
    noise = draw_noise(model, windows, finetune["loss"]["timesteps"], random)
    inputs |= {"noise." + k: v for k, v in noise.items()}
    tokens = model["head"]["chunks"] * model["codec"]["chunk"]
    shape = (windows * model["packs"], tokens, model["codec"]["action_width"])
    inputs["sampling_noise"] = torch.randn(shape, generator=random)
    lengths = (windows, model["packs"] + 1)
    for camera, size in enumerate(rest["pictures"]):
        pictures = [draw_picture(size, finetune["canvas"], camera, random) for _ in range(math.prod(lengths))]
        inputs[f"camera.{camera}"] = torch.stack(pictures).unflatten(0, lengths)
    return inputs


@torch.no_grad()
def encode_frames(config, inputs, encoder):
    """The canvas and its latents, for every frame of every window."""
    cameras = [inputs[name] for name in sorted(inputs) if name.startswith("camera.")]
    canvas = compose_canvas([pictures.flatten(0, 1) for pictures in cameras], config["finetune"]["canvas"])
    latents = encoder(canvas)
    lengths = cameras[0].shape[:2]
    return {"canvas": canvas.unflatten(0, lengths), "latents": latents.unflatten(0, lengths)}


def batch_of(inputs, latents):
    """The batch as the model takes it, in float64."""
    given = {"latents": latents} | {k: v for k, v in inputs.items() if k.startswith(("batch.", "noise."))}
    return {k.removeprefix("batch."): v.double() if v.is_floating_point() else v for k, v in given.items()}


def loss_outputs(model, batch, instructions):
    """Sums and counts of the losses, and every gradient; what nothing depends on has one of zeros."""
    observation, action = model.loss_sums(batch, instructions)
    (observation[0] / observation[1] + action[0] / action[1]).backward()
    outputs = {
        "expected.observation_sum": observation[0],
        "expected.observation_count": torch.tensor(float(observation[1])),
        "expected.action_sum": action[0],
        "expected.action_count": action[1],
    }
    for name, value in model.named_parameters():
        outputs["gradient." + name] = torch.zeros_like(value) if value.grad is None else value.grad.clone()
    return outputs


@torch.no_grad()
def sample(model, batch, noise, instructions):
    condition = model.head_condition(model.encode_batch(batch, instructions)).flatten(0, 1)
    return model.sample(condition, noise.double(), model.config["head"]["denoising_steps"])


def digest(values):
    values = values.flatten()
    return values[:: math.ceil(len(values) / DIGEST)]


def known(training, parameter):
    """Which numbers float32 can follow: AdamW gives every gradient the same size, and those that are nothing beside the
    others of their tensor (of keys' biases, which attention does not see) are rounding errors there."""
    state = training.optimizer.state.get(parameter)
    if state is None:
        return torch.ones_like(parameter, dtype=torch.bool)
    sizes = state["exp_avg_sq"].sqrt()
    return sizes >= LEAST_GRADIENT * sizes.max()


@torch.no_grad()
def trained_outputs(training):
    outputs = {}
    for name, value in training.model.named_parameters():
        unknown = ~known(training, value)
        outputs["curve.parameter." + name] = digest(value.masked_fill(unknown, math.nan))
        outputs["curve.average." + name] = digest(training.averages[name].masked_fill(unknown, math.nan))
    return outputs


def curve_outputs(model, batch, config):
    """Changes the model: it comes last."""
    training = Training(model, batch, config["instructions"], config["finetune"])
    steps = torch.tensor([training.step(i) for i in range(config["finetune"]["steps"])], dtype=torch.float64)
    curves = dict(zip(["curve.observation", "curve.action", "curve.gradient_norm"], steps.unbind(1)))
    return curves | trained_outputs(training)


def make_case(name, out):
    config, rest = config_of(name)
    random = torch.Generator().manual_seed(list(CASES).index(name) + 1)
    model, encoder = PhysGen(config["finetune"]["model"]), VaeEncoder(config["vae"])
    draw_weights(model, random)
    draw_weights(encoder, random)
    outputs = {"model." + k: v.clone() for k, v in model.state_dict().items()}
    outputs |= {"vae." + k: v.clone() for k, v in encoder.state_dict().items()}
    inputs = draw_inputs(config, rest, random)
    frames = encode_frames(config, inputs, in_float64(encoder))
    if rest["input_latents"]:
        shown = frames["latents"][:, :-1]
        inputs["batch.input_latents"] = shown + 0.1 * torch.randn(shown.shape, generator=random)
    outputs |= inputs | {"expected." + k: v for k, v in frames.items()}
    batch = batch_of(inputs, frames["latents"])
    outputs |= loss_outputs(in_float64(model), batch, config["instructions"])
    outputs["expected.sampled"] = sample(model, batch, inputs["sampling_noise"], config["instructions"])
    outputs |= curve_outputs(model, batch, config)
    folder = out / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    save_safetensors(folder / "golden.safetensors", outputs)
    report(name, outputs)


def report(name, outputs):
    """A line of what to look at; stops where a number that is compared is not finite."""
    trained = [values for key, values in outputs.items() if key.startswith(("curve.parameter.", "curve.average."))]
    for key, values in outputs.items():
        if not values.isfinite().all() and not key.startswith(("curve.parameter.", "curve.average.")):
            sys.exit(f"{name}: {key} is not finite")
    losses, norms = outputs["curve.observation"] + outputs["curve.action"], outputs["curve.gradient_norm"]
    print(
        f"{name:<24} latents {outputs['expected.latents'].std():.2f}, sampled {outputs['expected.sampled'].std():.2f}, "
        f"loss {losses[0]:.3f} -> {losses[-1]:.3f}, gradient norm {norms.min():.2f} to {norms.max():.2f}, "
        f"{torch.cat(trained).isfinite().double().mean():.1%} of the trained numbers compared"
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, help="the folder that gets the cases")
    parser.add_argument("cases", nargs="*", metavar="CASE", help="of " + ", ".join(CASES))
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    for name in arguments.cases or CASES:
        make_case(name, arguments.out)


if __name__ == "__main__":
    main()
