"""The VAE's encoder in plain PyTorch, for bench_reference.py: as reference_model.py, with which it goes."""

import torch
import torch.nn.functional as F
from torch import nn


class Conv(nn.Module):
    """A convolution of single frames; a causal 3-D weight is summed over time, which is the same of one frame."""

    def __init__(self, inner, outer, kernel=3, taps=0, stride=1):
        super().__init__()
        shape = (outer, inner, taps, kernel, kernel) if taps else (outer, inner, kernel, kernel)
        self.weight, self.bias = nn.Parameter(torch.zeros(shape)), nn.Parameter(torch.zeros(outer))
        self.stride, self.padding = stride, 0 if stride == 2 else kernel // 2

    def forward(self, x):
        weight = self.weight.sum(2) if self.weight.dim() == 5 else self.weight
        return F.conv2d(F.pad(x, (0, 1, 0, 1)) if self.stride == 2 else x, weight, self.bias, self.stride, self.padding)


class ResidualBlock(nn.Module):
    def __init__(self, inner, outer, groups, taps):
        super().__init__()
        self.norm1, self.norm2 = nn.GroupNorm(groups, inner, eps=1e-6), nn.GroupNorm(groups, outer, eps=1e-6)
        self.conv1, self.conv2 = Conv(inner, outer, taps=taps), Conv(outer, outer, taps=taps)
        if inner != outer:
            self.conv_shortcut = Conv(inner, outer, 1, taps=min(taps, 1))

    def forward(self, x):
        h = self.conv2(F.silu(self.norm2(self.conv1(F.silu(self.norm1(x))))))
        return h + (self.conv_shortcut(x) if hasattr(self, "conv_shortcut") else x)


class FrameAttention(nn.Module):
    def __init__(self, width, groups):
        super().__init__()
        self.group_norm = nn.GroupNorm(groups, width, eps=1e-6)
        self.to_q, self.to_k, self.to_v = (nn.Linear(width, width) for _ in range(3))
        self.to_out = nn.ModuleList([nn.Linear(width, width)])
        self.attend = F.scaled_dot_product_attention

    def forward(self, x):
        tokens = self.group_norm(x).flatten(2).transpose(1, 2)[:, None]
        seen = self.attend(self.to_q(tokens), self.to_k(tokens), self.to_v(tokens))
        return x + self.to_out[0](seen)[:, 0].transpose(1, 2).view_as(x)


class VaeEncoder(nn.Module):
    """Frames -> normalised latent means."""

    def __init__(self, config):
        super().__init__()
        widths, groups, taps = config["widths"], config["norm_groups"], config["time_taps"]
        encoder, self.config = nn.Module(), config
        encoder.conv_in = Conv(3 * config["patch"] ** 2, widths[0])
        encoder.down_blocks = nn.ModuleList()
        for level, width in enumerate(widths):
            block, level_taps = nn.Module(), 0 if level < 2 else taps
            inner = [widths[max(level - 1, 0)]] + [width] * (config["layers_per_block"] - 1)
            block.resnets = nn.ModuleList(ResidualBlock(i, width, groups, level_taps) for i in inner)
            if level + 1 < len(widths):
                block.downsamplers = nn.ModuleList([nn.Module()])
                block.downsamplers[0].conv = Conv(width, width, taps=taps if level else 0, stride=2)
            encoder.down_blocks.append(block)
        middle = encoder.mid_block = nn.Module()
        middle.resnets = nn.ModuleList(ResidualBlock(widths[-1], widths[-1], groups, taps) for _ in range(2))
        middle.attentions = nn.ModuleList([FrameAttention(widths[-1], groups)])
        encoder.conv_norm_out = nn.GroupNorm(groups, widths[-1], eps=1e-6)
        encoder.conv_out = Conv(widths[-1], 2 * config["latent_channels"], taps=taps)
        self.encoder = encoder
        self.quant_conv = Conv(2 * config["latent_channels"], 2 * config["latent_channels"], 1, taps=1)
        self.center, self.deviation = (torch.tensor(config[k]).view(1, -1, 1, 1) for k in ("latent_mean", "latent_deviation"))

    def forward(self, frames):
        """uint8 [B, H, W, 3] -> [B, C, h, w]"""
        x = F.pixel_unshuffle((frames.permute(0, 3, 1, 2).float() - 127.5) / 127.5, self.config["patch"])
        x = self.encoder.conv_in(x.to(self.encoder.conv_in.weight.dtype))
        for block in self.encoder.down_blocks:
            for resnet in block.resnets:
                x = resnet(x)
            if hasattr(block, "downsamplers"):
                x = block.downsamplers[0].conv(x)
        middle = self.encoder.mid_block
        x = middle.resnets[1](middle.attentions[0](middle.resnets[0](x)))
        x = self.quant_conv(self.encoder.conv_out(F.silu(self.encoder.conv_norm_out(x))))
        mean = x.chunk(2, 1)[0].float()
        if not self.config["latent_mean"]:
            return mean * self.config["scaling_factor"]
        return (mean - self.center) / self.deviation
