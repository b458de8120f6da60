#!/usr/bin/env python3
"""Writes checkpoints as trainers save them, OUT/*.pt, for the reader of PyTorch's files:

    make_checkpoints.py OUT

Each holds the weights of the same tiny model after a step of a real optimizer. What the model and its EMA copy hold is
in tests/files/checkpoint_test.cpp. Needs torch==2.11.0 numpy==1.26.4.
"""

import argparse
import collections
import copy
import http
import io
import pathlib
import random
import sys
import zipfile
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.optim import swa_utils

State = dict[str, Any]


def make_model() -> nn.Linear:
    """A layer whose weight is 0, 0.25, … 1.25 and whose bias is -1, 0.5, 2."""
    model = nn.Linear(2, 3)
    model.weight.data = torch.arange(6.0).view(3, 2) / 4
    model.bias.data = torch.tensor([-1.0, 0.5, 2.0])
    return model


def make_average(model: nn.Module) -> nn.Module:
    """A copy with every number doubled."""
    average = copy.deepcopy(model)
    for parameter in average.parameters():
        parameter.data *= 2
    return average


def take_steps(optimizer: torch.optim.Optimizer, scheduler: Any, model: nn.Module) -> None:
    """Two steps without a learning rate: the optimizer has its state, the model its numbers."""
    for _ in range(2):
        optimizer.zero_grad()
        model(torch.ones(1, 2)).square().sum().backward()
        optimizer.step()
        scheduler.step()


def make_optimizer(model: nn.Module) -> tuple[torch.optim.Optimizer, Any]:
    """AdamW that has taken its steps, and a schedule with a Counter in its state."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.0, weight_decay=0.0)
    scheduler = torch.optim.lr_scheduler.MultiStepLR(optimizer, [3, 5, 5])
    take_steps(optimizer, scheduler, model)
    return optimizer, scheduler


def arguments() -> argparse.Namespace:
    """What parse_args gives, and what scripts add to it."""
    return argparse.Namespace(
        batch=8,
        betas=(0.9, 0.95),
        device=torch.device("cuda", 0),
        dtype=torch.float32,
        names=["a", "ü"],
        none=None,
        out=pathlib.PurePosixPath("/runs/1"),
        seed=2**80,
        shape=torch.Size([2, 3]),
        status=http.HTTPStatus.OK,
    )


def values_of_numpy() -> State:
    """Scalars, types and arrays."""
    return {
        "array": np.arange(6.0).reshape(2, 3),
        "best": np.float64(0.25),
        "count": np.int64(7),
        "dtype": np.dtype("float32"),
        "type": np.float32,
    }


def containers() -> State:
    """Standard containers and bytes."""
    history = collections.defaultdict(list)
    history["loss"] += [0.5, float("inf")]
    return {
        "bytes": b"\0\xff",
        "counter": collections.Counter("aab"),
        "deque": collections.deque([1, 2], 3),
        "empty": b"",
        "history": history,
        "set": {1},
        True: -1,
        None: 1 << 70,
    }


def random_states() -> State:
    """Of Python, NumPy and PyTorch, as they are set back when a run goes on."""
    random.seed(1)
    np.random.seed(1)
    return {
        "generator": np.random.default_rng(1).bit_generator.state,
        "numpy": np.random.get_state(),
        "python": random.getstate(),
        "torch": torch.Generator().manual_seed(1).get_state(),
    }


def of_trainer(model: nn.Module, average: nn.Module) -> State:
    """A training script's own: weights, an EMA copy, optimizer, schedule, arguments, random states."""
    optimizer, scheduler = make_optimizer(model)
    return {
        "args": arguments(),
        "epoch": 3,
        "model": model.state_dict(),
        "model_ema": average.state_dict(),
        "numpy": values_of_numpy(),
        "optimizer": optimizer.state_dict(),
        "other": containers(),
        "rng": random_states(),
        "scheduler": scheduler.state_dict(),
    }


def of_lightning(model: nn.Module) -> State:
    """With the keys of PyTorch Lightning 2, whose modules wrap the model."""
    optimizer, scheduler = make_optimizer(model)
    score = torch.tensor(0.5)
    callback = {"best_k_models": {"/runs/1.ckpt": score}, "best_model_score": score, "monitor": "loss"}
    return {
        "epoch": 1,
        "global_step": 2,
        "pytorch-lightning_version": "2.5.0",
        "state_dict": collections.OrderedDict((f"model.{k}", v) for k, v in model.state_dict().items()),
        "loops": {"fit_loop": {"state_dict": {}, "epoch_progress": {"total": {"ready": 2}}}},
        "callbacks": {"ModelCheckpoint{'monitor': 'loss'}": callback},
        "optimizer_states": [optimizer.state_dict()],
        "lr_schedulers": [scheduler.state_dict()],
        "hparams_name": "kwargs",
        "hyper_parameters": {"lr": 1e-4, "out": pathlib.PurePosixPath("/runs")},
    }


def of_deepspeed(model: nn.Module) -> State:
    """With the keys of DeepSpeed's mp_rank_00_model_states.pt."""
    return {
        "module": {f"module.{name}": tensor.half() for name, tensor in model.state_dict().items()},
        "buffer_names": [],
        "optimizer": None,
        "param_shapes": [collections.OrderedDict((k, v.shape) for k, v in model.named_parameters())],
        "sparse_tensor_module_names": set(),
        "global_steps": 2,
        "ds_config": {"train_batch_size": 8, "fp16": {"enabled": True}},
        "ds_version": "0.16.0",
    }


def of_shadow(model: nn.Module, average: nn.Module) -> State:
    """Weights, and an object that averages them and holds more than its copy."""
    shadow = {"decay": 0.999, "num_updates": 2, "shadow": average.state_dict()}
    return {"model_state_dict": model.state_dict(), "ema": shadow, "step": torch.tensor(2)}


def of_average(average: nn.Module) -> State:
    """PyTorch's own AveragedModel, without the weights that it averages."""
    averaged = swa_utils.AveragedModel(average, multi_avg_fn=swa_utils.get_ema_multi_avg_fn(0.999))
    averaged.update_parameters(average)
    return {"ema": averaged.state_dict(), "epoch": 1}


def of_gan(model: nn.Module, average: nn.Module) -> State:
    """Two models, neither plainly the one that is meant."""
    second = {**average.state_dict(), "scale": torch.ones(1)}
    return {"generator": model.state_dict(), "discriminator": second, "epoch": 3}


def write(path: pathlib.Path, checkpoint: Any) -> None:
    """Like torch.save, without the date."""
    buffer = io.BytesIO()
    torch.save(checkpoint, buffer)
    path.write_bytes(buffer.getvalue())
    with zipfile.ZipFile(path) as archive:
        print(f"{path} {path.stat().st_size} bytes, {len(archive.namelist())} entries")


def main() -> None:
    """Writes every kind."""
    out = pathlib.Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    model = make_model()
    average = make_average(model)
    write(out / "trainer.pt", of_trainer(model, average))
    write(out / "lightning.pt", of_lightning(model))
    write(out / "deepspeed.pt", of_deepspeed(model))
    write(out / "shadow.pt", of_shadow(model, average))
    write(out / "average.pt", of_average(average))
    write(out / "gan.pt", of_gan(model, average))


if __name__ == "__main__":
    main()
