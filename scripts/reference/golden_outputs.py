"""Computes with the reference's own modules what make_golden.py writes: the inputs and each part's outputs.

Imported after make_golden.py has put the reference checkout on the module path.
"""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import torch
from diffnext.models.embeddings import PatchEmbed
from diffnext.pipelines.builder import build_diffusion_scheduler
from diffnext.pipelines.nova.pipeline_nova import NOVAPipeline
from torch import nn

from golden_release import (
    Config,
    Tensors,
    build_scheduler,
    load_text_encoder,
    load_tokenizer,
    load_transformer,
    load_vae,
)

GRADIENT_VALUES = 256
LOSS_REPEATS = 4
TRANSFORMER_PARTS = {"prefix", "video_encoder", "image_encoder", "image_decoder", "loss"}


class RecordedEncoder(nn.Module):
    """Answers with hidden states that the text encoder gave before, so that it need not stay in memory."""

    def __init__(self, rows: dict[tuple[int, ...], torch.Tensor]):
        super().__init__()
        self.rows, self.device, self.dtype = rows, torch.device("cpu"), torch.float32

    def forward(self, tokens: torch.Tensor) -> SimpleNamespace:
        """Looks each padded row of tokens up."""
        return SimpleNamespace(
            last_hidden_state=torch.stack([self.rows[tuple(row)] for row in tokens.tolist()])
        )


def no_text(width: int) -> list[Any]:
    """A tokenizer and an encoder for releases without them: every prompt is empty."""
    return [lambda prompt, **_: SimpleNamespace(input_ids=[]), RecordedEncoder({(): torch.zeros(0, width)})]


def all_prompts(golden: Config) -> list[str]:
    """Every prompt that any part needs, each once."""
    runs = golden.get("runs", [])
    return list(
        dict.fromkeys(
            [
                *golden["prompts"],
                "",
                *(run.get(key, "") for run in runs for key in ("prompt", "negative_prompt")),
            ]
        )
    )


@torch.no_grad()
def encode_text(out: Path, config: Config, golden: Config) -> tuple[Tensors, list[Any]]:
    """The parts "tokenizer" and "text_encoder", and the [tokenizer, encoder] that the transformer takes."""
    slots, width = config["transformer"]["text_token_len"], config["transformer"]["text_token_dim"]
    if config.get("text_encoder") is None:
        return {}, no_text(width)
    tokenizer, encoder, outputs, rows = load_tokenizer(out), load_text_encoder(out, config), {}, {}
    for prompt in all_prompts(golden):
        padded = tokenizer(prompt, max_length=slots, truncation=True, padding="max_length").input_ids
        rows[tuple(padded)] = encoder(torch.tensor([padded])).last_hidden_state[0]
        ids = torch.tensor(tokenizer(prompt, max_length=slots, truncation=True).input_ids, dtype=torch.int64)
        if prompt in golden["prompts"]:
            outputs |= text_outputs(golden["prompts"].index(prompt), ids, rows[tuple(padded)])
    return outputs, [tokenizer, RecordedEncoder(rows)]


def text_outputs(index: int, ids: torch.Tensor, states: torch.Tensor) -> Tensors:
    """One prompt's ids and, if there are any, its hidden states."""
    outputs = {f"tokenizer.ids.{index}": ids}
    return {**outputs, f"text_encoder.out.{index}": states[: len(ids)]} if len(ids) else outputs


def base_sizes(config: Config) -> tuple[int, int, int, int]:
    """Height and width of the latents, number of image tokens, values in each."""
    transformer = config["transformer"]
    height, width = (size // transformer["image_stride"] for size in transformer["image_size"])
    patch = 15 // transformer["image_stride"] + 1
    return height, width, height * width // patch**2, patch**2 * transformer["image_dim"]


def known_ids(frames: int, tokens: int, known: int, random: torch.Generator) -> torch.Tensor:
    """For each frame some of its tokens, in no order."""
    return torch.stack([torch.randperm(tokens, generator=random)[:known] for _ in range(frames)])


def sampled_timesteps(config: Config, size: tuple[int, int], seed: int) -> torch.Tensor:
    """What the training scheduler of the reference draws."""
    torch.manual_seed(seed)
    return build_diffusion_scheduler(build_scheduler(config)).sample_timesteps(size)


def make_inputs(config: Config, golden: Config, seed: int) -> Tensors:
    """All inputs, whichever parts are made."""
    random = torch.Generator().manual_seed(seed)
    height, width, tokens, values = base_sizes(config)
    frames, (picture_height, picture_width) = golden["latent_frames"], golden["frame_size"]
    loss_size = (LOSS_REPEATS * frames, tokens)
    small = (picture_height // 8, picture_width // 8)
    return {
        "input.latents": torch.randn(1, 4, frames, height, width, generator=random),
        "input.known_ids": known_ids(frames, tokens, golden.get("known_tokens", tokens // 4), random),
        "input.motion_flow": torch.tensor([golden.get("motion_flow", 5.0)]),
        "input.noise": torch.randn(*loss_size, values, generator=random),
        "input.timesteps": sampled_timesteps(config, loss_size, seed),
        "input.sampling_noise": torch.randn(1, 4, height, width, generator=random),
        "input.frames": torch.rand(
            1, 3, golden["video_frames"], picture_height, picture_width, generator=random
        )
        .mul_(2)
        .sub_(1),
        "input.decode_latents": torch.randn(1, 4, golden["decode_frames"], *small, generator=random),
        "input.image": torch.randint(
            0, 256, (*config["transformer"]["image_size"], 3), generator=random, dtype=torch.uint8
        ),
    }


def keep_known(
    model: nn.Module, ids: torch.Tensor
) -> Callable[[torch.Tensor], tuple[torch.Tensor, torch.Tensor]]:
    """mask_embed's training path with given ids in place of drawn ones."""

    def forward(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        prev_ids = ids.unsqueeze(-1)
        model.mask_embed.mask = x.new_ones(*x.shape[:-1], 1).scatter(1, prev_ids, 0)
        return model.mask_embed.apply_mask(x), prev_ids

    return forward


@contextlib.contextmanager
def given_randomness(model: nn.Module, inputs: Tensors) -> Iterator[None]:
    """Lets the training path use the inputs' mask, noise and timesteps."""
    mask = mock.patch.object(model.mask_embed, "forward", keep_known(model, inputs["input.known_ids"]))
    noise = mock.patch("torch.randn", lambda *_, **__: inputs["input.noise"].clone())
    timesteps = mock.patch.object(
        model.noise_scheduler, "sample_timesteps", lambda *_, **__: inputs["input.timesteps"]
    )
    with mask, noise, timesteps:
        yield


def make_prefix(model: nn.Module, prompt: str, inputs: Tensors) -> torch.Tensor:
    """The text and motion tokens of one prompt."""
    values = {
        "prompt": [prompt],
        "motion_flow": inputs["input.motion_flow"].tolist(),
        "x": inputs["input.latents"],
    }
    model.preprocess(values)
    return values["c"]


@torch.no_grad()
def prefix_outputs(model: nn.Module, prompts: list[str], inputs: Tensors) -> Tensors:
    """The part "prefix"."""
    outputs = {"transformer.text_embed.out": model.text_embed(prompts)}
    if model.motion_embed is not None:
        motion = model.motion_embed(
            outputs["transformer.text_embed.out"][:1], inputs["input.motion_flow"].tolist()
        )
        outputs["transformer.motion_embed.out"] = motion
    return {**outputs, "transformer.prefix.out": make_prefix(model, prompts[0], inputs)}


def record(module: nn.Module, name: str, outputs: Tensors) -> Any:
    """Keeps what a module gives."""
    return module.register_forward_hook(lambda _, __, y: outputs.update({name: y.detach().clone()}))


@torch.no_grad()
def encoder_outputs(model: nn.Module, prompt: str, inputs: Tensors) -> Tensors:
    """The parts "video_encoder" and "image_encoder": the training path up to the losses."""
    outputs: Tensors = {}
    hooks = [
        record(model.video_encoder, "transformer.video_encoder.out", outputs),
        record(model.image_encoder, "transformer.image_encoder.out", outputs),
    ]
    if not isinstance(model.video_encoder.mixer, nn.Identity):
        hooks.append(record(model.video_encoder.mixer, "transformer.mixer.out", outputs))
    if model.image_pos_embed is None:
        time = model.video_pos_embed.get_time_embed(inputs["input.latents"].size(2))
        outputs["transformer.time_embed.out"] = time.squeeze(1)
    with given_randomness(model, inputs), mock.patch.object(model, "get_losses", lambda *_, **__: {}):
        model.train_video({"x": inputs["input.latents"].clone(), "c": make_prefix(model, prompt, inputs)})
    for hook in hooks:
        hook.remove()
    return outputs


@torch.no_grad()
def decoder_outputs(model: nn.Module, z: torch.Tensor, inputs: Tensors) -> Tensors:
    """The part "image_decoder": the first of the loss repeats."""
    x = model.image_encoder.patch_embed.unpatchify(inputs["input.noise"][: len(z)])
    return {"transformer.image_decoder.out": model.image_decoder(x, inputs["input.timesteps"][: len(z)], z)}


def sampled_gradient(gradient: torch.Tensor) -> torch.Tensor:
    """At most GRADIENT_VALUES of a gradient's values, evenly spread."""
    return gradient.flatten()[:: max(1, gradient.numel() // GRADIENT_VALUES)][:GRADIENT_VALUES]


def loss_outputs(model: nn.Module, prompt: str, inputs: Tensors) -> Tensors:
    """The part "loss": the training losses and gradients of their sum, without text dropout."""
    model.train()
    model.text_embed.dropout = 0
    with given_randomness(model, inputs):
        losses = model(
            {
                "x": inputs["input.latents"].clone(),
                "prompt": [prompt],
                "motion_flow": inputs["input.motion_flow"].tolist(),
            }
        )
    sum(losses.values()).backward()
    model.eval()
    outputs = {
        f"transformer.{name.replace('loss_', 'loss.')}": loss.detach() for name, loss in losses.items()
    }
    return outputs | {
        f"transformer.gradient.{name}": sampled_gradient(parameter.grad)
        for name, parameter in model.named_parameters()
        if parameter.grad is not None
    }


def transformer_outputs(
    out: Path, config: Config, golden: Config, text: list[Any], inputs: Tensors
) -> Tensors:
    """Every part of the transformer that the config asks for."""
    parts = set(golden["parts"]) & TRANSFORMER_PARTS
    if not parts:
        return {}
    model, prompts, outputs = load_transformer(out, config), golden["prompts"], {}
    model.text_embed.encoders = text
    model.noise_scheduler = build_diffusion_scheduler(build_scheduler(config))
    if "prefix" in parts:
        outputs |= prefix_outputs(model, prompts, inputs)
    if parts & {"video_encoder", "image_encoder", "image_decoder"}:
        outputs |= encoder_outputs(model, prompts[0], inputs)
    if "image_decoder" in parts:
        outputs |= decoder_outputs(model, outputs["transformer.image_encoder.out"], inputs)
    return outputs | (loss_outputs(model, prompts[0], inputs) if "loss" in parts else {})


def frames_as_tokens(latents: torch.Tensor, patch: int) -> torch.Tensor:
    """[1, 4, T, h, w] as tokens [T, N, p*p*4], by the reference's own patchify."""
    embed = PatchEmbed(latents.size(1), 1, patch)
    embed.height, embed.width = (size // patch for size in latents.shape[-2:])
    return embed.patchify(latents[0].transpose(0, 1).contiguous())


def scheduler_outputs(config: Config, golden: Config, inputs: Tensors, seed: int) -> Tensors:
    """The part "scheduler": noise as in training, denoising with diffusers' class."""
    sampler, x = build_scheduler(config), inputs["input.sampling_noise"]
    training, frames = build_diffusion_scheduler(sampler), inputs["input.latents"].size(2)
    tokens = frames_as_tokens(inputs["input.latents"], 15 // config["transformer"]["image_stride"] + 1)
    noisy = training.add_noise(tokens, inputs["input.noise"][:frames], inputs["input.timesteps"][:frames])
    sampler.set_timesteps(golden["diffusion_steps"])
    random = torch.Generator().manual_seed(seed)
    for step in sampler.timesteps:
        x = sampler.step(x.tanh(), step, x, generator=random).prev_sample
    return {
        "scheduler.timesteps": sampler.timesteps.float(),
        "scheduler.noisy": noisy,
        "scheduler.sampled": x,
    }


@torch.no_grad()
def vae_outputs(out: Path, config: Config, inputs: Tensors) -> Tensors:
    """The part "vae": pictures, and clips where the autoencoder takes them."""
    vae, frames, latents = load_vae(out, config), inputs["input.frames"], inputs["input.decode_latents"]
    outputs = {
        "vae.encode_image.mean": vae.encode(frames[:, :, 0].clone()).latent_dist.mean,
        "vae.decode_image.out": vae.decode(latents[:, :, 0].clone()).sample,
    }
    if config["vae"]["_class_name"] == "AutoencoderKL" or frames.size(2) == 1:
        return outputs
    encoded = vae.encode(frames.clone()).latent_dist
    return outputs | {
        "vae.encode.mean": encoded.mean,
        "vae.encode.log_variance": encoded.logvar,
        "vae.decode.out": vae.decode(latents.clone()).sample,
    }


def generate(pipeline: NOVAPipeline, run: Config, image: torch.Tensor | None) -> torch.Tensor:
    """Latents [1, 4, T, h, w] of one run."""
    pipeline.transformer.sample_scheduler._step_index = None
    return pipeline(
        prompt=run.get("prompt", ""),
        negative_prompt=run.get("negative_prompt", ""),
        num_inference_steps=run["decoding_steps"],
        num_diffusion_steps=run["diffusion_steps"],
        max_latent_length=run["latent_frames"],
        guidance_scale=run["guidance"],
        guidance_trunc=run.get("guidance_trunc", 0),
        guidance_renorm=run.get("guidance_renorm", 1),
        motion_flow=run.get("motion_flow", 5),
        image=None if image is None else image.numpy(),
        generator=torch.Generator().manual_seed(run["seed"]),
        disable_progress_bar=True,
        output_type="latent",
    ).frames


def as_pixels(pipeline: NOVAPipeline, latents: torch.Tensor) -> torch.Tensor:
    """The U8 frames [F, H, W, 3] that the pipeline makes of latents."""
    processor = pipeline.image_processor
    pixels = processor.postprocess(processor.decode_latents(pipeline.vae, latents.clone()), "np")
    return torch.from_numpy(pixels).flatten(0, -4)


def generate_outputs(out: Path, config: Config, golden: Config, text: list[Any], inputs: Tensors) -> Tensors:
    """The part "generate": the reference's pipeline on each run."""
    model, outputs = load_transformer(out, config), {}
    pipeline = NOVAPipeline(model, build_scheduler(config), load_vae(out, config))
    model.text_embed.encoders = text
    for run in golden.get("runs", []):
        latents = generate(pipeline, run, inputs["input.image"] if run.get("image") else None)
        outputs[f"generate.{run['name']}.latents"] = latents
        if run.get("video"):
            with torch.no_grad():
                outputs[f"generate.{run['name']}.video"] = as_pixels(pipeline, latents)
    return outputs
