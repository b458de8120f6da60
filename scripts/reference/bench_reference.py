#!/bin/sh
"exec" "${0%/*}/../../.venv/bin/python" "$0" "$@"
"""Compares physgen with the same model in plain PyTorch: scripts/reference/bench_reference.py [--physgen build/physgen]

First both compute the losses, the latents and sampled actions from the same weights, batch and noise in float32, which
must agree. Then both train on that batch and run control rounds, in turns, with the same threads and number type.
The reference is eager PyTorch as one would write it: torch.optim.AdamW(fused=True), clip_grad_norm_, torch.autocast,
scaled_dot_product_attention; its control rounds evaluate the whole window anew. With --attention math its attention is
three plain products, which PyTorch differentiates faster on CPUs in bfloat16.

With --compile its VAE, transformer, sampler and losses go through torch.compile, once for each shape that they see; on a
GPU control rounds run as CUDA graphs (mode reduce-overhead). The masked patches of its steps are as many each time.
--backend eager traces them alone, which takes seconds: to try that they can be compiled.

With --device hpu, that of the tests' stand-in, the reference runs on the CPU.

With --full-size the policy is that of physgen bench --full-size, and only control rounds are measured, in one number type
throughout.
"""

import argparse
import json
import os
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from reference_model import PhysGen
from reference_vae import VaeEncoder

DTYPES = {"F32": np.float32, "I64": np.int64, "U8": np.uint8, "BOOL": np.bool_}


def load_safetensors(path):
    data = Path(path).read_bytes()
    length = struct.unpack("<Q", data[:8])[0]
    tensors = {}
    for name, entry in json.loads(data[8 : 8 + length]).items():
        if name == "__metadata__":
            continue
        begin, end = (8 + length + offset for offset in entry["data_offsets"])
        array = np.frombuffer(data[begin:end], DTYPES[entry["dtype"]]).reshape(entry["shape"])
        tensors[name] = torch.tensor(array)  # on the default device
    return tensors


def math_attention(q, k, v, attn_mask=None):
    scores = torch.matmul(q * q.shape[-1] ** -0.5, k.transpose(-1, -2))
    scores = scores if attn_mask is None else scores + attn_mask
    return torch.matmul(torch.softmax(scores, -1), v)


class Reference:
    """The twin of one dumped policy, its batch, and its optimizer."""

    def __init__(self, folder, bfloat16, trains):
        config = json.loads((folder / "config.json").read_text())
        self.model, self.vae = PhysGen(config["model"]), VaeEncoder(config["vae"])
        self.losses = self.model
        weights = load_safetensors(folder / "model.safetensors")  # without motion tokens their embedding has no part
        self.model.load_state_dict({k: v for k, v in weights.items() if not k.startswith("nova.motion_embed.")})
        weights = load_safetensors(folder / "vae.safetensors")
        encoder = {k: v for k, v in weights.items() if k.startswith(("encoder.", "quant_conv."))}
        self.vae.load_state_dict(encoder)
        self.batch = load_safetensors(folder / "batch.safetensors")
        self.instructions = [config["instructions"][0]] * self.batch["latents"].shape[0]
        if trains:
            self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=1e-4, betas=(0.9, 0.95), weight_decay=0.02, fused=True)
            self.averages = [parameter.detach().clone() for parameter in self.model.parameters()]
        self.dtype, self.bfloat16, self.config, self.round = torch.float32, bfloat16, config["model"], 0

    def to(self, dtype):
        """All weights in a number type, for control rounds."""
        self.dtype = dtype
        for module in self.model.to(dtype).modules():
            if isinstance(module, (torch.nn.Linear, torch.nn.LayerNorm)):  # sine tables and noise are float32
                module.register_forward_pre_hook(lambda module, given: (given[0].to(module.weight.dtype),))
        self.vae.to(dtype)

    def compile(self, backend):
        mode = "reduce-overhead" if torch.get_default_device().type == "cuda" else "default"
        torch._dynamo.config.recompile_limit = 2 * self.config["packs"] + 8
        compiled = partial(torch.compile, dynamic=False, backend=backend, mode=mode)
        self.vae = compiled(self.vae)
        self.model.encode, self.model.sample = compiled(self.model.encode), compiled(self.model.sample)
        self.losses = torch.compile(self.model, dynamic=False, backend=backend)
        self.model.encode_text(self.instructions[:1])  # bytes of known texts are constants

    def draw_noise(self):
        noise = {k: v for k, v in self.batch.items() if k.startswith("noise.")}
        for key in ("noise.frame_noise", "noise.action_noise"):
            noise[key] = torch.randn_like(noise[key])
        for key in ("noise.frame_timesteps", "noise.action_timesteps"):
            noise[key] = torch.randint_like(noise[key], 1000)
        order = torch.rand(noise["noise.unknown"].shape)
        ids = order.argsort(1)[:, : noise["noise.known_ids"].shape[1]]
        noise["noise.known_ids"] = ids
        noise["noise.unknown"] = torch.ones_like(noise["noise.unknown"]).scatter_(1, ids, False)
        return noise

    def step(self):
        batch = {**self.batch, **self.draw_noise()}
        with torch.autocast(torch.get_default_device().type, torch.bfloat16, enabled=self.bfloat16):
            observation, action = self.losses(batch, self.instructions)
        (observation + action).backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        self.optimizer.zero_grad()
        torch._foreach_lerp_(self.averages, list(self.model.parameters()), 0.001)

    @torch.inference_mode()
    def control_round(self):
        packs, codec = self.config["packs"], self.config["codec"]
        if self.round % (2 * packs) == 0:
            self.latents, self.actions = [], [torch.zeros(codec["chunk"], codec["action_width"], dtype=self.dtype)]
        torch.compiler.cudagraph_mark_step_begin()
        frame = self.batch["frames"][self.round % packs]
        self.latents = (self.latents + [self.vae(frame[None]).to(self.dtype, copy=True)])[-packs:]
        self.actions = self.actions[-packs:]
        states = torch.zeros(1, len(self.latents), codec["state_width"], dtype=self.dtype)
        outputs = self.model.encode(torch.stack(self.latents, 1), torch.stack(self.actions)[None], states, self.instructions[:1])
        noise = torch.randn(1, self.config["head"]["chunks"] * codec["chunk"], codec["action_width"], dtype=self.dtype)
        condition = self.model.head_condition(outputs[:, -1:])[:, 0]
        sampled = self.model.sample(condition, noise, self.config["head"]["denoising_steps"])
        self.actions.append(sampled[0, : codec["chunk"]].clone())
        self.round += 1

    @torch.inference_mode()
    def results(self):
        observation, action = self.model(self.batch, self.instructions)
        b, packs = self.batch["latents"].shape[0], self.config["packs"]
        outputs = self.model.encode_batch(self.batch, self.instructions)
        condition = self.model.head_condition(outputs).flatten(0, 1)
        sampled = self.model.sample(condition, self.batch["sampling_noise"], self.config["head"]["denoising_steps"])
        return {
            "observation_loss": observation,
            "action_loss": action,
            "latents": self.vae(self.batch["frames"]),
            "sampled": sampled[:, : self.config["codec"]["chunk"]].unflatten(0, (b, packs)),
        }


def compare(reference):
    """Greatest difference of each result over the greatest of its numbers; ends the program where one is above 1e-4."""
    differences = {}
    for name, ours in reference.results().items():
        theirs = reference.batch["expected." + name]
        differences[name] = float((ours - theirs).abs().max() / theirs.abs().max())
        print(f"  {name:<18} differs by {differences[name]:.1e} of its greatest number")
    if max(differences.values()) > 1e-4:
        sys.exit("bench_reference: the two do not compute the same")
    return differences


class Physgen:
    """physgen bench --serve."""

    def __init__(self, command):
        self.process = subprocess.Popen([*command, "--serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.answer()

    def answer(self):
        line = self.process.stdout.readline()
        if not line:
            sys.exit("bench_reference: physgen ended early")
        return line.strip()

    def run(self, what, count):
        """Seconds and CPU seconds of one."""
        self.process.stdin.write(f"{what} {count}\n")
        self.process.stdin.flush()
        return [float(number) / count for number in self.answer().split()]


def run(function, count):
    """Seconds and CPU seconds of one call."""
    start, used = time.perf_counter(), time.process_time()
    for _ in range(count):
        function()
    if torch.get_default_device().type == "cuda":
        torch.cuda.synchronize()
    return [(time.perf_counter() - start) / count, (time.process_time() - used) / count]


def interleave(ours, theirs, turns):
    """Medians over the turns, in milliseconds, and the median of the ratio turn by turn."""
    ours(), theirs()
    pairs = [(ours(), theirs()) for _ in range(turns)]
    report = {}
    for i, name in enumerate(["wall", "cpu"]):
        report[name] = {
            "physgen_ms": 1e3 * statistics.median(a[i] for a, _ in pairs),
            "pytorch_ms": 1e3 * statistics.median(b[i] for _, b in pairs),
            "ratio": statistics.median(b[i] / a[i] for a, b in pairs),
        }
    return report


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--physgen", default="build/physgen")
    parser.add_argument("--config", default="configs/maniskill_finetune.json")
    parser.add_argument("--vae-config", default="configs/maniskill_vae.json")
    parser.add_argument("--device", default="cpu", help="cpu, cuda or hpu, of both")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--precision", choices=["float32", "bfloat16"], default="bfloat16")
    parser.add_argument("--attention", choices=["sdpa", "math"], default="sdpa", help="of the reference")
    parser.add_argument("--compile", action="store_true", help="the reference, with torch.compile")
    parser.add_argument("--backend", choices=["inductor", "eager"], default="inductor", help="of --compile")
    parser.add_argument("--full-size", action="store_true", help="control rounds of the published backbone's sizes")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--out", help="JSON file to write")
    arguments = parser.parse_args()

    if arguments.full_size:
        arguments.batch = 1
    torch.set_num_threads(arguments.threads)
    torch.set_default_device("cpu" if arguments.device == "hpu" else arguments.device)
    torch.backends.cudnn.allow_tf32 = False
    command = [arguments.physgen, "bench", "--config", arguments.config, "--vae-config", arguments.vae_config]
    command += ["--threads", str(arguments.threads), "--batch", str(arguments.batch), "--device", arguments.device]
    command += ["--precision", arguments.precision]
    command += ["--full-size"] if arguments.full_size else []
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([*command, "--dump", folder], check=True)
        reference = Reference(Path(folder), arguments.precision == "bfloat16", trains=not arguments.full_size)
    print("the same weights, batch and noise in float32:")
    report = {"differences": compare(reference), "threads": arguments.threads, "precision": arguments.precision}
    if arguments.attention == "math":
        F.scaled_dot_product_attention = math_attention
    if arguments.full_size:
        reference.to(torch.bfloat16 if arguments.precision == "bfloat16" else torch.float32)
    if arguments.compile:
        reference.compile(arguments.backend)
    physgen = Physgen(command)
    print(f"in turns, {arguments.device}, {arguments.threads} threads, {arguments.precision}, batch {arguments.batch}:")
    measured = [("steps", reference.step, 1), ("rounds", reference.control_round, 10)]
    if arguments.full_size:
        measured = measured[1:]
    for what, function, count in measured:
        report[what] = interleave(partial(physgen.run, what, count), partial(run, function, count), arguments.turns)
        for name, times in report[what].items():
            ours, theirs, ratio = times["physgen_ms"], times["pytorch_ms"], times["ratio"]
            print(f"  {what:<7} {name:<5} physgen {ours:8.1f} ms   PyTorch {theirs:8.1f} ms   {ratio:.2f}x as fast")
    if arguments.out:
        Path(arguments.out).write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
