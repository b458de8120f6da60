"""Control rounds in plain PyTorch as quick as one would write them, for bench_reference.py.

Keys and values stand in static buffers. While the window grows its newest pack alone is evaluated; once it is full it
slides, and is evaluated anew, with the rules of physgen's exact mode.
"""

from functools import partial

import torch


class Rounds:
    """A policy that acts on random frames, episode after episode of twice a window."""

    def __init__(self, model, vae, frames, instruction):
        self.model, self.vae, self.frames, self.instructions = model, vae, frames, [instruction]
        self.packs, self.codec, self.head = (model.config[key] for key in ("packs", "codec", "head"))
        self.dtype = model.physical_token.begin_of_action.dtype
        nova, count = model.nova, model.config["backbone"]["video_depth"]
        shape = (1, model.config["backbone"]["heads"], model.mask.shape[0], nova.head_width)
        self.caches = [tuple(self.buffer(shape) for _ in range(2)) for _ in range(count)]
        self.anchor = self.buffer((1, 1, model.frame, nova.width))
        self.grow, self.slide, self.denoise = self.append, self.encode, self.sample
        self.pack = 0

    def buffer(self, shape):
        made = torch.zeros(shape, dtype=self.dtype)
        torch._dynamo.mark_static_address(made)
        return made

    def compile(self, backend, mode):
        compiled = partial(torch.compile, dynamic=False, backend=backend, mode=mode)
        torch._dynamo.config.recompile_limit = 64  # every form of attention has its own for each number of packs
        self.model.encode_text(self.instructions)  # bytes of known texts are constants
        self.vae = compiled(self.vae)
        self.grow, self.slide, self.denoise = compiled(self.append), compiled(self.encode), compiled(self.sample)

    def append(self, latents, actions, states, pack):
        """The condition of the head at one pack behind those that the buffers hold."""
        outputs = self.model.append(latents, actions, states, self.instructions, pack, self.caches)
        if pack == 0:
            self.anchor.copy_(outputs[:, :, : self.model.frame])
        else:
            outputs = self.model.mix(outputs, self.anchor)
        return self.model.head_condition(outputs)[:, 0]

    def encode(self, latents, actions, states):
        """The condition of the head at the last pack of a full window."""
        outputs = self.model.encode(latents, actions, states, self.instructions)
        return self.model.head_condition(outputs[:, -1:])[:, 0]

    def sample(self, condition, noise):
        return self.model.sample(condition, noise, self.head["denoising_steps"])

    @torch.inference_mode()
    def __call__(self):
        if self.pack == 0:
            self.latents = []
            self.actions = [torch.zeros(1, self.codec["chunk"], self.codec["action_width"], dtype=self.dtype)]
        torch.compiler.cudagraph_mark_step_begin()
        frame = self.frames[self.pack % self.packs]
        self.latents = (self.latents + [self.vae(frame[None]).to(self.dtype, copy=True)])[-self.packs :]
        self.actions = self.actions[-self.packs :]
        grows = self.pack < self.packs
        seen = slice(-1, None) if grows else slice(None)
        latents, actions = torch.stack(self.latents[seen], 1), torch.stack(self.actions[seen], 1)
        states = torch.zeros(1, latents.shape[1], self.codec["state_width"], dtype=self.dtype)
        given = (latents, actions, states)
        condition = self.grow(*given, self.pack) if grows else self.slide(*given)
        noise = torch.randn(1, self.head["chunks"] * self.codec["chunk"], self.codec["action_width"], dtype=self.dtype)
        self.actions.append(self.denoise(condition, noise)[:, : self.codec["chunk"]].to(self.dtype, copy=True))
        self.pack = (self.pack + 1) % (2 * self.packs)

    @torch.inference_mode()
    def window(self, batch):
        """The chunks sampled at the packs of a batch's first window, taken up one by one: [P, L, A]."""
        packs, chunks = self.packs, []
        actions = torch.cat([torch.zeros_like(batch["actions"][:1, :1]), batch["actions"][:1, : packs - 1]], 1)
        for pack in range(packs):
            here = slice(pack, pack + 1)
            states = batch["states"][:1, here] if "states" in batch else None
            condition = self.grow(batch["latents"][:1, here], actions[:, here], states, pack)
            chunks.append(self.denoise(condition, batch["sampling_noise"][here])[0, : self.codec["chunk"]])
        return torch.stack(chunks)
