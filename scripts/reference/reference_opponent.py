"""What bench_reference.py measures of PyTorch: one policy that trains and acts, eager or compiled."""

import json
import math
import struct
from copy import deepcopy
from pathlib import Path

import numpy as np
import torch

from reference_model import PhysGen
from reference_nova import use_attention
from reference_rounds import Rounds
from reference_vae import VaeEncoder

DTYPES = {"F32": np.float32, "I64": np.int64, "U8": np.uint8, "BOOL": np.bool_}
KNOWN_SHARE = 0.133  # the mean share of a frame's patches that a step shows: 1 - N(1, 0.25) cut to [0.7, 1]


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


class Steps:
    """Training steps on one batch, with new noise each time."""

    def __init__(self, model, batch, instructions, dtype, backend):
        self.model, self.batch, self.instructions, self.dtype = model, batch, instructions, dtype
        self.parameters = list(model.parameters())
        self.optimizer = torch.optim.AdamW(self.parameters, lr=1e-4, betas=(0.9, 0.95), weight_decay=0.02, fused=True)
        self.averages = [parameter.detach().clone() for parameter in self.parameters]
        model.encode_text(instructions)  # bytes of known texts are constants
        self.losses = torch.compile(model, dynamic=False, backend=backend) if backend else model

    def draw_noise(self):
        noise = {k: v for k, v in self.batch.items() if k.startswith("noise.")}
        for key in ("noise.frame_noise", "noise.action_noise"):
            noise[key] = torch.randn_like(noise[key])
        for key in ("noise.frame_timesteps", "noise.action_timesteps"):
            noise[key] = torch.randint_like(noise[key], 1000)
        order = torch.rand(noise["noise.unknown"].shape)
        ids = order.argsort(1)[:, : round(KNOWN_SHARE * order.shape[1])]
        noise["noise.known_ids"] = ids
        noise["noise.unknown"] = torch.ones_like(noise["noise.unknown"]).scatter_(1, ids, False)
        return noise

    def __call__(self):
        batch = {**self.batch, **self.draw_noise()}
        mixed = self.dtype != torch.float32
        with torch.autocast(torch.get_default_device().type, torch.bfloat16, enabled=mixed):
            losses = torch.stack(self.losses(batch, self.instructions))
        losses.sum().backward()
        norm = torch.nn.utils.clip_grad_norm_(self.parameters, 1.0)
        if not all(math.isfinite(number) for number in [*losses.tolist(), norm.item()]):
            raise SystemExit("bench_reference: a loss of PyTorch's is not finite")
        self.optimizer.step()
        self.optimizer.zero_grad()
        torch._foreach_lerp_(self.averages, self.parameters, 0.001)


class Opponent:
    """The twin of one dumped policy, with one form of attention."""

    def __init__(self, folder, attend):
        config = json.loads((folder / "config.json").read_text())
        self.config, self.instruction = config["model"], config["instructions"][0]
        self.model, self.vae = PhysGen(config["model"]), VaeEncoder(config["vae"])
        weights = load_safetensors(folder / "model.safetensors")  # without motion tokens their embedding has no part
        self.model.load_state_dict({k: v for k, v in weights.items() if not k.startswith("nova.motion_embed.")})
        weights = load_safetensors(folder / "vae.safetensors")
        encoder = {k: v for k, v in weights.items() if k.startswith(("encoder.", "quant_conv."))}
        self.vae.load_state_dict(encoder)
        for module in (self.model, self.vae):
            use_attention(module, attend)

    def instructions(self, batch):
        return [self.instruction] * batch["latents"].shape[0]

    def work(self, what, batch, dtype, backend):
        """A function that does one step or one round of its own; backend: that of torch.compile, or None."""
        if what == "steps":
            return Steps(deepcopy(self.model), batch, self.instructions(batch), dtype, backend)
        return self.rounds(batch, dtype, backend)

    def rounds(self, batch, dtype, backend=None):
        model, vae = deepcopy(self.model).to(dtype), deepcopy(self.vae).to(dtype)
        for module in model.modules():
            if isinstance(module, (torch.nn.Linear, torch.nn.LayerNorm)):  # sine tables and noise are float32
                module.register_forward_pre_hook(lambda module, given: (given[0].to(module.weight.dtype),))
        rounds = Rounds(model, vae, batch["frames"], self.instruction)
        if backend:
            rounds.compile(backend, "reduce-overhead" if torch.get_default_device().type == "cuda" else None)
        return rounds

    @torch.inference_mode()
    def results(self, batch):
        """By name what is computed here and what it should be: physgen's, and of cached rounds also that of no cache."""
        observation, action = self.model(batch, self.instructions(batch))
        windows, packs = batch["latents"].shape[0], self.config["packs"]
        outputs = self.model.encode_batch(batch, self.instructions(batch))
        condition = self.model.head_condition(outputs).flatten(0, 1)
        sampled = self.model.sample(condition, batch["sampling_noise"], self.config["head"]["denoising_steps"])
        sampled = sampled[:, : self.config["codec"]["chunk"]].unflatten(0, (windows, packs))
        rounds = self.rounds(batch, torch.float32).window(batch)
        return {
            "observation_loss": (observation, batch["expected.observation_loss"]),
            "action_loss": (action, batch["expected.action_loss"]),
            "latents": (self.vae(batch["frames"]), batch["expected.latents"]),
            "sampled": (sampled, batch["expected.sampled"]),
            "rounds": (rounds, batch["expected.sampled"][0]),
            "rounds without a cache": (rounds, sampled[0]),
        }
