"""Writes a release folder in the layout of the published NOVA checkpoints with random weights.

For make_golden.py: imported after it has put the reference checkout on the module path.
"""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import diffusers
import torch
from diffnext.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffnext.models.autoencoders.autoencoder_kl_opensora import AutoencoderKLOpenSora
from diffnext.models.embeddings import MaskEmbed, TextEmbed
from diffnext.models.text_encoders.phi import PhiEncoderModel
from diffnext.models.transformers import transformer_nova
from diffnext.models.transformers.transformer_nova import NOVATransformer3DModel
from safetensors.torch import load_file, save_file
from torch import nn
from transformers import CodeGenTokenizerFast, PhiConfig
from transformers.modeling_utils import no_init_weights

Config = dict[str, Any]
Tensors = dict[str, torch.Tensor]

VAES = {"AutoencoderKL": AutoencoderKL, "AutoencoderKLOpenSora": AutoencoderKLOpenSora}
PART_WEIGHTS = "diffusion_pytorch_model"


def write_json(path: Path, values: Config) -> None:
    """Writes values as the published files are written: sorted, indented by two."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(values, indent=2, sort_keys=True) + "\n")


def register_architecture(name: str) -> None:
    """Adds vit_d<depth>w<width>h<heads> or mlp_d<depth>w<width> to the reference's registries."""
    if vit := re.fullmatch(r"vit_d(\d+)w(\d+)h(\d+)", name):
        sizes = dict(zip(("depth", "embed_dim", "num_heads"), map(int, vit.groups())))
        transformer_nova.VIDEO_ENCODERS.register(name, transformer_nova.video_encoder, **sizes)
        transformer_nova.IMAGE_ENCODERS.register(name, transformer_nova.image_encoder, **sizes)
    elif mlp := re.fullmatch(r"mlp_d(\d+)w(\d+)", name):
        sizes = dict(zip(("depth", "embed_dim"), map(int, mlp.groups())))
        transformer_nova.IMAGE_DECODERS.register(name, transformer_nova.image_decoder, **sizes)


def build_transformer(config: Config) -> NOVATransformer3DModel:
    """The reference's transformer in float32, its weights not yet set."""
    for name in config["transformer"]["arch"]:
        register_architecture(name)
    with no_init_weights():
        return NOVATransformer3DModel(**config["transformer"]).eval()


def build_vae(config: Config) -> nn.Module:
    """The reference's autoencoder in float32, its weights not yet set."""
    values = dict(config["vae"])
    with no_init_weights():
        return VAES[values.pop("_class_name")](**values).eval()


def phi_config(config: Config, tokenizer: CodeGenTokenizerFast) -> Config:
    """The text encoder's settings; a vocab_size of null becomes what the tokenizer needs."""
    end = tokenizer.pad_token_id
    values = {"bos_token_id": end, "eos_token_id": end, "pad_token_id": end, **config["text_encoder"]}
    values["vocab_size"] = values.get("vocab_size") or max(tokenizer.get_vocab().values()) + 1
    return values


def build_text_encoder(config: Config, tokenizer: CodeGenTokenizerFast) -> PhiEncoderModel:
    """The reference's text encoder in float32, its weights not yet set."""
    with no_init_weights():
        return PhiEncoderModel(PhiConfig(**phi_config(config, tokenizer))).eval()


def build_scheduler(config: Config) -> diffusers.SchedulerMixin:
    """The diffusers scheduler that samples."""
    values = dict(config["scheduler"])
    return getattr(diffusers, values.pop("_class_name")).from_config(values)


def random_values(
    module: nn.Module, name: str, shape: torch.Size, random: torch.Generator, gain: float
) -> torch.Tensor:
    """Values that keep activations near unit size and leave nothing at zero."""
    noise = torch.randn(shape, generator=random)
    if isinstance(module, (nn.LayerNorm, nn.GroupNorm)):
        return noise.mul_(0.1).add_(1.0 if name == "weight" else 0.0).mul_(gain)
    if isinstance(module, (nn.Embedding, TextEmbed, MaskEmbed)):
        return noise
    fan_in = noise[0].numel() if noise.dim() > 1 else 100
    return noise.mul_(fan_in**-0.5)


@torch.no_grad()
def randomise(module: nn.Module, dtype: torch.dtype, seed: int, gain: float) -> None:
    """Fills every stored tensor with random values that dtype holds exactly.

    gain scales the norms: of 32 random layers that each add a unit, rounding alone grows a thousandfold.
    """
    random = torch.Generator().manual_seed(seed)
    for child in module.modules():
        stored = {**child._parameters, **child._buffers}
        for name, tensor in stored.items():
            if tensor is not None and name not in child._non_persistent_buffers_set:
                tensor.copy_(random_values(child, name, tensor.shape, random, gain).to(dtype))


def soften_pixels(vae: nn.Module) -> None:
    """Shrinks the decoder's last layer, so that few pixels leave [-1, 1]."""
    vae.decoder.conv_out.weight.data.mul_(0.5)


def stored_tensors(module: nn.Module, dtype: torch.dtype) -> Tensors:
    """The module's state in the number type of the files."""
    return {name: tensor.to(dtype).contiguous() for name, tensor in module.state_dict().items()}


def write_shards(folder: Path, tensors: Tensors, shards: int) -> None:
    """Writes model.safetensors, or several files and their index, as transformers does."""
    if shards == 1:
        return save_file(tensors, folder / "model.safetensors", {"format": "pt"})
    names, index = list(tensors), {}
    for shard in range(shards):
        file = f"model-{shard + 1:05d}-of-{shards:05d}.safetensors"
        part = names[len(names) * shard // shards : len(names) * (shard + 1) // shards]
        save_file({name: tensors[name] for name in part}, folder / file, {"format": "pt"})
        index |= dict.fromkeys(part, file)
    total = sum(tensor.nbytes for tensor in tensors.values())
    write_json(
        folder / "model.safetensors.index.json", {"metadata": {"total_size": total}, "weight_map": index}
    )


def write_tokenizer(out: Path, kind: str | None, script: Path) -> None:
    """Writes OUT/tokenizer with make_tokenizer.py."""
    if kind is not None:
        flags = ["--tiny"] if kind == "tiny" else []
        subprocess.run([sys.executable, script, out / "tokenizer", *flags], check=True)


def write_text_encoder(out: Path, config: Config, dtype: torch.dtype, seed: int) -> None:
    """Writes OUT/text_encoder with random weights, unless the config leaves it out."""
    if config.get("text_encoder") is None:
        return
    tokenizer = load_tokenizer(out)
    encoder, folder = build_text_encoder(config, tokenizer), out / "text_encoder"
    randomise(encoder, dtype, seed, 1.0)
    kept = {"architectures": ["PhiEncoderModel"], "model_type": "phi", "torch_dtype": config["dtype"]}
    write_json(folder / "config.json", {**phi_config(config, tokenizer), **kept})
    write_shards(folder, stored_tensors(encoder, dtype), config.get("text_encoder_shards", 1))


def write_transformer(out: Path, config: Config, dtype: torch.dtype, seed: int, pickled: bool) -> None:
    """Writes OUT/transformer with random weights, pickled too as the trainer does."""
    model, folder = build_transformer(config), out / "transformer"
    randomise(model, dtype, seed, config.get("norm_gain", 1.0))
    model.save_config(folder)
    tensors = stored_tensors(model, dtype)
    save_file(tensors, folder / f"{PART_WEIGHTS}.safetensors", {"format": "pt"})
    if pickled:
        torch.save(tensors, folder / f"{PART_WEIGHTS}.bin")


def write_vae(out: Path, config: Config, dtype: torch.dtype, seed: int) -> None:
    """Writes OUT/vae with random weights."""
    vae = build_vae(config)
    randomise(vae, dtype, seed, 1.0)
    soften_pixels(vae)
    vae.save_config(out / "vae")
    save_file(stored_tensors(vae, dtype), out / "vae" / f"{PART_WEIGHTS}.safetensors", {"format": "pt"})


def write_index(out: Path, config: Config) -> None:
    """Writes model_index.json and scheduler/scheduler_config.json."""
    classes = {
        "transformer": ["__transformer__", "NOVATransformer3DModel"],
        "vae": ["__vae__", config["vae"]["_class_name"]],
        "scheduler": ["diffusers", config["scheduler"]["_class_name"]],
        "text_encoder": ["__text_encoder__", "PhiEncoderModel"],
        "tokenizer": ["transformers", "CodeGenTokenizerFast"],
    }
    present = {name: value for name, value in classes.items() if config.get(name) is not None}
    write_json(out / "model_index.json", {"_class_name": "NOVAPipeline", **present})
    write_json(out / "scheduler" / "scheduler_config.json", config["scheduler"])


def write_release(out: Path, config: Config, seed: int, pickled: bool, tokenizer_script: Path) -> None:
    """Writes the whole folder, one part after another."""
    dtype = getattr(torch, config["dtype"])
    write_index(out, config)
    write_tokenizer(out, config.get("tokenizer"), tokenizer_script)
    write_text_encoder(out, config, dtype, seed + 1)
    write_transformer(out, config, dtype, seed + 2, pickled)
    write_vae(out, config, dtype, seed + 3)


def load_tokenizer(out: Path) -> CodeGenTokenizerFast:
    """The tokenizer of a release."""
    return CodeGenTokenizerFast.from_pretrained(out / "tokenizer")


def load_weights(module: nn.Module, folder: Path) -> nn.Module:
    """Reads a part's safetensors files into a module that stays float32."""
    missing = set(module.state_dict())
    for file in sorted(folder.glob("*.safetensors")):
        tensors = load_file(file)
        module.load_state_dict(tensors, strict=False)
        missing -= tensors.keys()
    if missing:
        raise ValueError(f"{folder} lacks {min(missing)}")
    return module


def load_text_encoder(out: Path, config: Config) -> PhiEncoderModel:
    """The text encoder of a release."""
    return load_weights(build_text_encoder(config, load_tokenizer(out)), out / "text_encoder")


def load_transformer(out: Path, config: Config) -> NOVATransformer3DModel:
    """The transformer of a release."""
    return load_weights(build_transformer(config), out / "transformer")


def load_vae(out: Path, config: Config) -> nn.Module:
    """The autoencoder of a release."""
    return load_weights(build_vae(config), out / "vae")
