"""NOVA's backbone as one would write it in plain PyTorch, for reference_model.py."""

import math

import torch
import torch.nn.functional as F
from torch import nn


def timestep_frequencies(timesteps):
    steps = torch.arange(128, device=timesteps.device)
    angles = timesteps.float()[:, None] * torch.exp(-math.log(10000) / 128 * steps)
    return torch.cat([angles.cos(), angles.sin()], 1)


def sin_cos(values, half):
    angles = values.float()[:, None] / 10000 ** (torch.arange(half) / half)
    return torch.cat([angles.sin(), angles.cos()], 1)


def grid_positions(height, width, channels):
    rows = sin_cos(torch.arange(height), channels // 4)[:, None].expand(height, width, -1)
    columns = sin_cos(torch.arange(width), channels // 4)[None].expand(height, width, -1)
    return torch.cat([columns, rows], 2).flatten(0, 1)


def axis_angles(positions, width, theta):
    return positions.float()[:, None] / theta ** (torch.arange(0, width, 2) / width)


def grid_angles(time, height, width, head_width, theta):
    """Rotary angles of a frame's tokens at (time, row, column): [height width, d/2]."""
    rows, columns = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    of_time, of_space = head_width // 8, head_width * 7 // 16
    axes = [(torch.full_like(rows, time), of_time), (rows, of_space), (columns, of_space)]
    return torch.cat([axis_angles(positions.flatten(), share, theta) for positions, share in axes], 1)


def rotate(x, angles):
    """Turns the pairs (x[2i], x[2i + 1]) of heads [B, H, L, d]; the angles are [L, d/2] or [B, 1, L, d/2]."""
    even, odd, cosine, sine = x[..., ::2], x[..., 1::2], angles.cos().to(x.dtype), angles.sin().to(x.dtype)
    return torch.stack([even * cosine - odd * sine, even * sine + odd * cosine], -1).flatten(-2)


def attend_by_products(q, k, v, attn_mask=None):
    """scaled_dot_product_attention by three plain products, which PyTorch differentiates faster on some CPUs."""
    scores = torch.matmul(q * q.shape[-1] ** -0.5, k.transpose(-1, -2))
    scores = scores if attn_mask is None else scores + attn_mask
    return torch.matmul(torch.softmax(scores, -1), v)


def use_attention(module, attend):
    """The form of attention in all layers of a module."""
    for layer in module.modules():
        if hasattr(layer, "attend"):
            layer.attend = attend


def patchify(x, patch):
    b, c, height, width = x.shape
    x = x.view(b, c, height // patch, patch, width // patch, patch)
    return x.permute(0, 2, 4, 3, 5, 1).reshape(b, -1, patch * patch * c)


class Mlp(nn.Module):
    def __init__(self, inner, hidden, outer, activation=F.gelu):
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(inner, hidden), nn.Linear(hidden, outer)
        self.activation = activation

    def forward(self, x):
        return self.fc2(self.activation(self.fc1(x)))


class Attention(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.qkv, self.proj = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.heads, self.attend = heads, F.scaled_dot_product_attention

    def forward(self, x, mask=None, angles=None, cache=None, start=0):
        """With a cache, (keys, values), those of x are written there from `start` on; queries see all up to them."""
        b, n, c = x.shape
        q, k, v = self.qkv(x).view(b, n, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        if angles is not None:
            q, k = rotate(q, angles), rotate(k, angles)
        if cache is not None:
            for held, new in zip(cache, (k, v)):
                held[:, :, start : start + n] = new
            k, v = (held[:, :, : start + n] for held in cache)
        x = self.attend(q, k, v, attn_mask=None if mask is None else mask.to(q.dtype))
        return self.proj(x.transpose(1, 2).reshape(b, n, c))


class Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attn, self.mlp = Attention(width, heads), Mlp(width, 4 * width, width)

    def forward(self, x, mask=None, angles=None, cache=None, start=0):
        x = self.norm1(self.attn(x, mask, angles, cache, start)) + x
        return self.norm2(self.mlp(x)) + x


class PatchEmbed(nn.Module):
    def __init__(self, channels, width, patch):
        super().__init__()
        self.proj = nn.Conv2d(channels, width, patch, stride=patch)

    def forward(self, patches):
        return F.linear(patches, self.proj.weight.permute(0, 2, 3, 1).flatten(1), self.proj.bias)


def after_condition(angles, tokens):
    """Angles of the tokens behind a condition, which is not turned."""
    return None if angles is None else F.pad(angles, (0, 0, tokens, 0))


class Encoder(nn.Module):
    def __init__(self, nova, patch, depth, mixer_rank=0):
        super().__init__()
        self.patch_embed = PatchEmbed(nova["latent_channels"], nova["width"], patch)
        self.blocks = nn.ModuleList(Block(nova["width"], nova["heads"]) for _ in range(depth))
        self.norm = nn.LayerNorm(nova["width"])
        if mixer_rank:
            self.mixer = AdaLayerNorm(nova["width"], 2, mixer_rank)

    def forward(self, x, mask=None, angles=None, caches=None, start=0):
        for i, block in enumerate(self.blocks):
            x = block(x, mask, angles, caches and caches[i], start)
        return self.norm(x)

    def complete(self, x, known_ids, condition, angles=None):
        half, prefix = len(self.blocks) // 2, condition.shape[1]
        ids = known_ids[..., None].expand(-1, -1, x.shape[2])
        known = torch.cat([condition, x.gather(1, ids)], 1)
        known_angles = None if angles is None else angles[known_ids][:, None]
        for block in self.blocks[:half]:
            known = block(known, angles=after_condition(known_angles, prefix))
        x = torch.cat([known[:, :prefix], x.to(known.dtype).scatter(1, ids, known[:, prefix:])], 1)
        for block in self.blocks[half:]:
            x = block(x, angles=after_condition(angles, prefix))
        return self.norm(x[:, prefix:])


class AdaLayerNorm(nn.Module):
    def __init__(self, width, parts, rank=0):
        super().__init__()
        if rank > 0:
            self.lora = nn.Linear(width, rank, bias=False)
        self.proj = nn.Linear(rank if rank > 0 else width, parts * width)
        self.parts = parts

    def forward(self, z):
        x = F.silu(z)
        return self.proj(self.lora(x) if hasattr(self, "lora") else x).chunk(self.parts, -1)


def modulate(x, scale, shift):
    return F.layer_norm(x, x.shape[-1:], eps=1e-6) * (1 + scale) + shift


class TimeConditionEmbed(nn.Module):
    def __init__(self, condition_width, width):
        super().__init__()
        self.timestep_proj = Mlp(256, width, width, F.silu)
        self.condition_proj = Mlp(condition_width, width, width, F.silu)


class DiffusionBlock(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.norm1, self.proj = AdaLayerNorm(width, 3), Mlp(width, width, width, F.silu)
        self.norm2 = nn.LayerNorm(width)

    def forward(self, x, y):
        scale, shift, gate = self.norm1(y)
        return self.norm2(self.proj(modulate(x, scale, shift))) * gate + x


class DiffusionMlp(nn.Module):
    def __init__(self, nova):
        super().__init__()
        width, patch, channels = nova["decoder_width"], nova["image_patch"], nova["latent_channels"]
        self.patch_embed = PatchEmbed(channels, width, patch)
        self.time_cond_embed = TimeConditionEmbed(nova["width"], width)
        self.blocks = nn.ModuleList(DiffusionBlock(width) for _ in range(nova["decoder_depth"]))
        self.norm, self.head = AdaLayerNorm(width, 2), nn.Linear(width, patch * patch * channels)

    def forward(self, patches, timesteps, condition):
        y = condition + self.time_cond_embed.timestep_proj(timestep_frequencies(timesteps))
        x = self.patch_embed(patches)
        for block in self.blocks:
            x = block(x, y)
        return self.head(modulate(x, *self.norm(y)))


class MaskEmbed(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.bos_token, self.mask_token = (nn.Parameter(torch.zeros(1, width)) for _ in range(2))

    def forward(self, x, unknown):
        return torch.where(unknown[..., None], self.mask_token.to(x.dtype), x)


class TextEmbed(nn.Module):
    def __init__(self, nova):
        super().__init__()
        self.register_buffer("weight", torch.zeros(nova["text_rows"], nova["text_width"]))
        self.proj, self.norm = nn.Linear(nova["text_width"], nova["width"]), nn.LayerNorm(nova["width"])

    def forward(self, values, used):
        rows = self.weight[: used.shape[1]].expand(used.shape[0], -1, -1)
        return self.norm(self.proj(torch.where(used[..., None], values, rows)))


class VideoPositionEmbed(nn.Module):
    def __init__(self, nova):
        super().__init__()
        self.norm = nn.LayerNorm(nova["width"])
        self.time_proj = nn.Sequential(
            nn.Linear(256, nova["width"]), nn.SiLU(), nn.Linear(nova["width"], nova["width"])
        )
        self.stretch = nova["time_base"] / nova["time_frames"]

    def forward(self, indices):
        return self.norm(self.time_proj(sin_cos(indices * self.stretch, 128)))


class Nova(nn.Module):
    def __init__(self, nova):
        super().__init__()
        self.rows, self.columns = nova["latent_height"] // nova["image_patch"], nova["latent_width"] // nova["image_patch"]
        self.width, self.head_width, self.theta = nova["width"], nova["width"] // nova["heads"], nova["rope_theta"]
        self.rotary = nova["position"] == "rope"
        self.video_encoder = Encoder(nova, 2 * nova["image_patch"], nova["video_depth"], nova["mixer_rank"])
        self.image_encoder = Encoder(nova, nova["image_patch"], nova["image_depth"])
        self.image_decoder = DiffusionMlp(nova)
        self.mask_embed, self.text_embed = MaskEmbed(nova["width"]), TextEmbed(nova)
        if not self.rotary:
            self.video_pos_embed = VideoPositionEmbed(nova)

    def frame_angles(self, time):
        """Of the causal transformer's tokens of a frame."""
        return grid_angles(time, self.rows // 2, self.columns // 2, self.head_width, self.theta)

    def embed_frames(self, patches):
        x = self.video_encoder.patch_embed(patches)
        return x if self.rotary else x + grid_positions(self.rows // 2, self.columns // 2, self.width)

    def complete_frames(self, patches, known_ids, unknown, condition):
        x = self.mask_embed(self.image_encoder.patch_embed(patches), unknown)
        if self.rotary:
            angles = grid_angles(0, self.rows, self.columns, self.head_width, self.theta)
            return self.image_encoder.complete(x, known_ids, condition, angles)
        x = x + grid_positions(self.rows, self.columns, self.width)
        return self.image_encoder.complete(x, known_ids, condition)
