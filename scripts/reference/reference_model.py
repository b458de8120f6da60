"""The small PhysGen written as one would in plain PyTorch: nn.Module, eager mode, scaled_dot_product_attention.

It shares no code with the C++ library: it is what bench_reference.py and the tests' golden files compare it with.
Parameters carry the names of a checkpoint's model.safetensors. The motion embedding is left out.
"""

import math

import torch
import torch.nn.functional as F
from torch import nn

from reference_nova import (
    AdaLayerNorm,
    Attention,
    Mlp,
    Nova,
    axis_angles,
    grid_angles,
    modulate,
    patchify,
    sin_cos,
    timestep_frequencies,
)


class ByteEncoder(nn.Module):
    def __init__(self, slots, slot_bytes, width):
        super().__init__()
        self.byte_embed = nn.Embedding(257, width // slot_bytes)
        self.slots, self.slot_bytes, self.known = slots, slot_bytes, {}

    def slots_of(self, instructions):
        texts = [text.encode() for text in instructions]
        most = self.slots * self.slot_bytes
        values = torch.tensor([list(text) + [256] * (most - len(text)) for text in texts])
        lengths = torch.tensor([math.ceil(len(text) / self.slot_bytes) for text in texts])
        return values, torch.arange(self.slots) < lengths[:, None]

    def forward(self, instructions):
        key = tuple(instructions)
        if key not in self.known:
            with torch.inference_mode(False):
                self.known[key] = self.slots_of(instructions)
        values, used = self.known[key]
        return self.byte_embed(values).view(len(key), self.slots, -1), used


class InstructionTable(nn.Module):
    """Features that a pretrained text encoder gave for each instruction."""

    def __init__(self, texts, lengths, slots, width):
        super().__init__()
        self.texts, self.lengths, self.slots = texts, torch.tensor(lengths), slots
        self.register_buffer("values", torch.zeros(len(texts), max(lengths), width))

    def forward(self, instructions):
        rows = torch.tensor([self.texts.index(text) for text in instructions])
        values = F.pad(self.values[rows], (0, 0, 0, self.slots - self.values.shape[1]))
        return values, torch.arange(self.slots) < self.lengths[rows, None]


class PhysicalToken(nn.Module):
    def __init__(self, codec, width, rotary):
        super().__init__()
        if codec.get("stem_channels", 0):
            raise ValueError("the reference has no stem: measure with model.codec.stem_channels=0")
        self.codec, self.rotary = codec, rotary
        self.action_tokenizer = Mlp(codec["action_width"], width, width, F.silu)
        self.begin_of_action = nn.Parameter(torch.zeros(1, width))
        if not rotary:
            self.slot_proj = nn.Linear(64, width)
        if codec["state_token"]:
            self.state_tokenizer = Mlp(codec["state_width"], width, width, F.silu)

    def forward(self, nova, patches, actions, states, first=0):
        packs, chunk = patches.shape[1], self.codec["chunk"]
        known = (torch.arange(first, first + packs)[:, None] > 0) & (torch.arange(chunk) < self.codec["execute"])
        embedded = self.action_tokenizer(actions)
        tokens = torch.where(known[..., None], embedded, self.begin_of_action.to(embedded.dtype))
        parts = [nova.embed_frames(patches)]
        if self.codec["state_token"]:
            parts.append(self.state_tokenizer(states)[:, :, None])
        if self.rotary:
            return torch.cat([*parts, tokens], 2)
        tokens = tokens + self.slot_proj(sin_cos(torch.arange(chunk), 32))
        time = nova.video_pos_embed(torch.arange(first + 1, first + packs + 1))
        return torch.cat([*parts, tokens], 2) + time[:, None]

    def angles(self, nova, pack):
        """Rotary angles of a pack's tokens: frames and states in three dimensions, actions in the order of control."""
        parts = [nova.frame_angles(pack + 1)]
        if self.codec["state_token"]:
            parts.append(grid_angles(pack + 1, 1, 1, nova.head_width, nova.theta))
        steps = pack * self.codec["chunk"] + torch.arange(self.codec["chunk"])
        return torch.cat([*parts, axis_angles(steps, nova.head_width, self.codec["action_rope_theta"])])


class ActionBlock(nn.Module):
    def __init__(self, width, heads, condition_width):
        super().__init__()
        self.modulation, self.self_attention = AdaLayerNorm(width, 9), Attention(width, heads)
        self.query, self.key_value = nn.Linear(width, width), nn.Linear(condition_width, 2 * width)
        self.cross_proj, self.mlp = nn.Linear(width, width), Mlp(width, 4 * width, width)
        self.heads, self.attend = heads, F.scaled_dot_product_attention

    def keys(self, condition):
        """Keys and values of the condition."""
        n, keys, _ = condition.shape
        return self.key_value(condition).view(n, keys, 2, self.heads, -1).permute(2, 0, 3, 1, 4)

    def cross_attention(self, x, k, v):
        rows, tokens, width = x.shape
        q = self.query(x).view(k.shape[0], -1, self.heads, width // self.heads).transpose(1, 2)
        x = self.attend(q, k, v).transpose(1, 2).reshape(rows, tokens, width)
        return self.cross_proj(x)

    def forward(self, x, m, keys):
        x = x + m[2] * self.self_attention(modulate(x, m[1], m[0]))
        x = x + m[5] * self.cross_attention(modulate(x, m[4], m[3]), *keys)
        return x + m[8] * self.mlp(modulate(x, m[7], m[6]))


class ActionHead(nn.Module):
    def __init__(self, head, condition_width, codec):
        super().__init__()
        width, actions = head["width"], codec["action_width"]
        self.bins = head["bins"] if head["objective"] == "discrete" else 0
        self.input, self.output = nn.Linear(actions, width), nn.Linear(width, actions * max(self.bins, 1))
        self.condition_norm = nn.LayerNorm(condition_width)
        self.chunk_token = nn.Parameter(torch.zeros(head["chunks"], width))
        self.slot_token = nn.Parameter(torch.zeros(codec["chunk"], width))
        self.timestep_proj = Mlp(256, width, width, F.silu)
        self.blocks = nn.ModuleList(ActionBlock(width, head["heads"], condition_width) for _ in range(head["depth"]))
        self.final_modulation = AdaLayerNorm(width, 2)

    def keys(self, condition):
        """Of every block."""
        condition = self.condition_norm(condition)
        return [block.keys(condition) for block in self.blocks]

    def modulations(self, timesteps):
        """Of every block and the end."""
        t = self.timestep_proj(timestep_frequencies(timesteps))[:, None]
        return [block.modulation(t) for block in self.blocks] + [self.final_modulation(t)]

    def denoise(self, x, modulations, keys):
        x = self.input(x) + (self.chunk_token[:, None] + self.slot_token).flatten(0, 1)
        for block, m, of_block in zip(self.blocks, modulations, keys):
            x = block(x, m, of_block)
        y = self.output(modulate(x, *modulations[-1]))
        return y.unflatten(-1, (-1, self.bins)) if self.bins else y

    def forward(self, x, timesteps, condition):
        return self.denoise(x, self.modulations(timesteps), self.keys(condition))

    def steps(self, timesteps, condition):
        """The head at each of some timesteps; what is the same at all of them is computed once."""
        keys, modulations = self.keys(condition), self.modulations(torch.tensor(timesteps))
        for i in range(len(timesteps)):
            of_step = [[part[i : i + 1] for part in parts] for parts in modulations]
            yield lambda x, of_step=of_step: self.denoise(x, of_step, keys).float()


def alpha_bars():
    def curve(u):
        return math.cos((u + 0.008) / 1.008 * math.pi / 2) ** 2

    betas = [min(1 - curve((i + 1) / 1000) / curve(i / 1000), 0.999) for i in range(1000)]
    return torch.cumprod(1 - torch.tensor(betas, dtype=torch.float32), 0)


def causal_mask(prefix, frame, state, actions, packs, codec):
    """Additive [n, n]: who sees whom in a sequence of packs."""
    kinds = [(0, -1, 0)] * prefix
    for pack in range(packs):
        kinds += [(1, pack, 0)] * frame + [(2, pack, 0)] * state + [(3, pack, slot) for slot in range(actions)]
    kind, pack, slot = (torch.tensor(column) for column in zip(*kinds))
    query, key = (lambda x: x[:, None]), (lambda x: x[None])
    earlier = key(pack) < query(pack)
    own = key(pack) == query(pack)
    body = key(kind) == 1
    body = body | ((query(kind) == key(kind)) & (query(kind) < 3))
    body = body | ((query(kind) == 3) & (key(kind) < 3))
    in_order = key(slot) <= query(slot) if codec["causal_actions"] else torch.ones(1, dtype=torch.bool)
    body = body | ((query(kind) == 3) & (key(kind) == 3) & in_order)
    sees = earlier | (own & body)
    of_prefix = (key(kind) == 0) | ((key(kind) == 1) & (key(pack) == 0) & codec["text_sees_first_frame"])
    sees = torch.where(query(kind) == 0, of_prefix, sees)
    return torch.zeros(sees.shape).masked_fill(~sees, -math.inf)


class PhysGen(nn.Module):
    def __init__(self, config):
        super().__init__()
        nova, codec, head = config["backbone"], config["codec"], config["head"]
        if nova["motion_tokens"]:
            raise SystemExit("the reference model has no motion tokens")
        self.config = config
        self.nova = Nova(nova)
        if config["text_encoder"] == "bytes":
            self.text_encoder = ByteEncoder(nova["text_slots"], config["text_slot_bytes"], nova["text_width"])
        if config["text_encoder"] == "table":
            texts, lengths = config["text_table"], config["text_lengths"]
            self.text_table = InstructionTable(texts, lengths, nova["text_slots"], nova["text_width"])
        self.physical_token = PhysicalToken(codec, nova["width"], self.nova.rotary)
        self.action_head = ActionHead(head, nova["width"], codec)
        self.prefix = nova["text_slots"]
        self.frame = nova["latent_height"] * nova["latent_width"] // (4 * nova["image_patch"] ** 2)
        mask = causal_mask(self.prefix, self.frame, int(codec["state_token"]), codec["chunk"], config["packs"], codec)
        self.register_buffer("mask", mask, persistent=False)
        self.register_buffer("alpha_bar", alpha_bars(), persistent=False)

    def encode_text(self, instructions):
        for name in ("text_encoder", "text_table"):
            if hasattr(self, name):
                return getattr(self, name)(instructions)
        shape = (len(instructions), self.config["backbone"]["text_slots"])
        return self.nova.text_embed.weight.new_zeros(1), torch.zeros(shape, dtype=torch.bool)

    def angles(self, first, packs):
        """Rotary angles of packs, behind the prefix for the first; that is not turned."""
        if not self.nova.rotary:
            return None
        of_packs = torch.cat([self.physical_token.angles(self.nova, pack) for pack in range(first, first + packs)])
        return F.pad(of_packs, (0, 0, 0 if first else self.prefix, 0))

    def mix(self, outputs, anchor):
        """Frames after the first through NOVA's mixer, which modulates the first, the anchor, by them."""
        if not hasattr(self.nova.video_encoder, "mixer"):
            return outputs
        scale, shift = self.nova.video_encoder.mixer(outputs[:, :, : self.frame])
        return torch.cat([anchor * (1 + scale) + shift, outputs[:, :, self.frame :]], 2)

    def append(self, latents, actions, states, instructions, first=0, caches=None, kept=None):
        """Outputs at packs, not mixed: [B, P, pack, C]. caches: of each block, with all packs before the first."""
        b, packs = latents.shape[:2]
        patches = patchify(latents.flatten(0, 1), 2 * self.config["backbone"]["image_patch"]).unflatten(0, (b, packs))
        x = self.physical_token(self.nova, patches, actions, states, first).flatten(1, 2)
        pack = x.shape[1] // packs
        start, end = first and self.prefix + first * pack, self.prefix + (first + packs) * pack
        if not first:
            values, used = self.encode_text(instructions)
            x = torch.cat([self.nova.text_embed(values, used if kept is None else used & kept[:, None]), x], 1)
        mask = self.mask[start:end, :end].to(x.dtype)
        outputs = self.nova.video_encoder(x, mask, self.angles(first, packs), caches, start)
        return outputs[:, -packs * pack :].unflatten(1, (packs, -1))

    def encode(self, latents, actions, states, instructions, kept=None):
        """Outputs at every pack: [B, P, pack, C]."""
        outputs = self.append(latents, actions, states, instructions, kept=kept)
        if not hasattr(self.nova.video_encoder, "mixer"):
            return outputs
        first, later = outputs[:, :1], outputs[:, 1:]
        return torch.cat([first, self.mix(later, first[:, :, : self.frame])], 1)

    def add_noise(self, x, noise, timesteps):
        abar = self.alpha_bar[timesteps].view(-1, *[1] * (x.dim() - 1))
        return abar.sqrt() * x + (1 - abar).sqrt() * noise

    def head_condition(self, outputs):
        if self.config["head"]["condition"] == "pack":
            return outputs
        return outputs[:, :, -self.config["codec"]["chunk"] :]

    def noisy_patches(self, x, noise, places):
        """What the diffusion MLP sees, what it should predict, and the times that it is told."""
        if self.config["backbone"]["objective"] == "epsilon":
            return self.add_noise(x, noise, places), noise, places
        shift, sigma = self.config["backbone"]["flow_shift"], (1000 - places).float() / 1000
        sigma = (shift * sigma / (1 + (shift - 1) * sigma))[:, None]
        return (1 - sigma) * x + sigma * noise, noise - x, 1000 * sigma[:, 0]

    def observation_sum(self, batch, frames):
        """The sum of L_obs and how many patches it is of."""
        repeats = batch["noise.frame_noise"].shape[0]
        patches = patchify(batch["latents"][:, 1:].flatten(0, 1), self.config["backbone"]["image_patch"])
        unknown = batch["noise.unknown"]
        z = self.nova.complete_frames(patches, batch["noise.known_ids"], unknown, frames.flatten(0, 1))
        ids = (unknown & batch["frame_valid"][:, 1:].flatten()[:, None]).flatten().nonzero()[:, 0]
        x = patches.flatten(0, 1)[ids].repeat(repeats, 1)
        noise = batch["noise.frame_noise"].flatten(1, 2)[:, ids].flatten(0, 1)
        places = batch["noise.frame_timesteps"].flatten(1, 2)[:, ids].flatten()
        noisy, wanted, times = self.noisy_patches(x, noise, places)
        decoder = self.nova.image_decoder
        condition = decoder.time_cond_embed.condition_proj(z.flatten(0, 1)[ids]).repeat(repeats, 1)
        predicted = decoder(noisy, times, condition).to(wanted.dtype)
        return F.mse_loss(predicted, wanted, reduction="none").mean(-1).sum(), len(x)

    def noisy_actions(self, x, noise, timesteps):
        """What the head sees, what it should predict, and the timesteps that it is told."""
        if self.config["head"]["objective"] == "epsilon":
            return self.add_noise(x, noise, timesteps), noise, timesteps
        sigma = ((timesteps + 1) / 1000).view(-1, 1, 1)
        return (1 - sigma) * x + sigma * noise, noise - x, timesteps + 1

    def denoising_errors(self, batch, targets, condition):
        """[n, repeats, tokens, actions]"""
        noise, timesteps = batch["noise.action_noise"].flatten(0, 1), batch["noise.action_timesteps"].flatten()
        x = targets[:, None].expand_as(batch["noise.action_noise"]).flatten(0, 1)
        noisy, wanted, timesteps = self.noisy_actions(x, noise, timesteps)
        predicted = self.action_head(noisy, timesteps, condition).to(wanted.dtype)
        return (predicted - wanted).square().unflatten(0, (targets.shape[0], -1))

    def bin_logits(self, condition):
        """Of the bins of every action, which are read off nothing but the condition: [n, tokens, actions, bins]."""
        tokens = self.config["head"]["chunks"] * self.config["codec"]["chunk"]
        nothing = condition.new_zeros(condition.shape[0], tokens, self.config["codec"]["action_width"])
        return self.action_head(nothing, torch.zeros(1), condition)

    def classification_errors(self, targets, condition):
        """[n, 1, tokens, actions]"""
        bins = self.config["head"]["bins"]
        wanted = ((targets + 1) * bins / 2).floor().long().clamp(0, bins - 1)
        log_shares = self.bin_logits(condition).to(targets.dtype).log_softmax(-1)
        return -log_shares.gather(-1, wanted[..., None]).squeeze(-1)[:, None]

    def action_sum(self, batch, outputs):
        """The sum of L_act and how many action elements it is of."""
        packs, chunks = outputs.shape[1], self.config["head"]["chunks"]
        window = lambda x: torch.stack([x[:, p : p + chunks].flatten(1, 2) for p in range(packs)], 1).flatten(0, 1)
        targets, valid = window(batch["actions"]), window(batch["action_valid"])
        valid = valid & batch["frame_valid"][:, :packs].flatten()[:, None]
        condition = self.head_condition(outputs).flatten(0, 1)
        if self.config["head"]["objective"] == "discrete":
            errors = self.classification_errors(targets, condition)
        else:
            errors = self.denoising_errors(batch, targets, condition)
        weights = valid[:, None, :, None].to(errors.dtype)
        return (errors * weights).sum(), weights.sum() * errors.shape[1] * errors.shape[3]

    def encode_batch(self, batch, instructions, kept=None):
        """Outputs at the packs of a batch, each given the frames and actions before what it predicts."""
        packs = batch["latents"].shape[1] - 1
        latents = batch.get("input_latents", batch["latents"][:, :packs])
        actions = torch.cat([torch.zeros_like(batch["actions"][:, :1]), batch["actions"][:, : packs - 1]], 1)
        states = batch["states"][:, :packs] if "states" in batch else None
        return self.encode(latents, actions, states, instructions, kept)

    def loss_sums(self, batch, instructions):
        """(sum, count) of L_obs and of L_act of a batch with its noise."""
        outputs = self.encode_batch(batch, instructions, batch["noise.text_kept"])
        return self.observation_sum(batch, outputs[:, :, : self.frame]), self.action_sum(batch, outputs)

    def forward(self, batch, instructions):
        """L_obs and L_act of a batch with its noise."""
        return tuple(total / count for total, count in self.loss_sums(batch, instructions))

    def sample(self, condition, noise, steps):
        if self.config["head"]["objective"] == "discrete":
            return (self.bin_logits(condition).argmax(-1) + 0.5) * 2 / self.config["head"]["bins"] - 1
        sample = self.sample_ddim if self.config["head"]["objective"] == "epsilon" else self.sample_flow
        return sample(condition, noise, steps)

    def sample_flow(self, condition, x, steps):
        """Euler's method, the sample clipped at the end."""
        times = [(i + 1) * 1000 // steps for i in reversed(range(steps))]
        for now, following, velocity in zip(times, times[1:] + [0], self.action_head.steps(times, condition)):
            x = x + (following - now) / 1000 * velocity(x)
        return x.clamp(-1, 1)

    def sample_ddim(self, condition, noise, steps):
        """Leading spacing with offset 1, predicted samples clipped."""
        stride = 1000 // steps
        timesteps = [i * stride + 1 for i in reversed(range(steps))]
        x = noise
        for i, (timestep, noise_in) in enumerate(zip(timesteps, self.action_head.steps(timesteps, condition))):
            now = self.alpha_bar[timestep]
            following = self.alpha_bar[timesteps[i + 1]] if i + 1 < steps else torch.ones(())
            epsilon = noise_in(x)
            x0 = ((x - (1 - now).sqrt() * epsilon) / now.sqrt()).clamp(-1, 1)
            epsilon = (x - now.sqrt() * x0) / (1 - now).sqrt()
            x = following.sqrt() * x0 + (1 - following).sqrt() * epsilon
        return x
