"""The training recipe in plain PyTorch: torch.optim.AdamW, clip_grad_norm_ and averages of the weights."""

import math

import torch


def learning_rate_at(rate, step, steps):
    """Up in a straight line, then down half a cosine. step: from 0."""
    warm_up = rate["warm_up_steps"]
    if step < warm_up:
        return rate["peak"] * (step + 1) / warm_up
    progress = (step - warm_up) / (steps - 1 - warm_up)
    final = rate["final_fraction"] * rate["peak"]
    return final + (rate["peak"] - final) * (1 + math.cos(math.pi * progress)) / 2


def make_optimizer(model, config):
    """Norms do not decay."""
    norms = [value for name, value in model.named_parameters() if "norm" in name]
    others = [value for name, value in model.named_parameters() if "norm" not in name]
    groups = [{"params": others, "weight_decay": config["weight_decay"]}, {"params": norms, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, betas=tuple(config["betas"]), eps=1e-8)


def noise_of_step(batch, step):
    """The batch with the noise of a step, from 0: signs alternate, and timesteps move on by 37."""
    changed = {}
    for name in ("noise.frame_noise", "noise.action_noise"):
        changed[name] = batch[name] * (-1) ** step
    for name in ("noise.frame_timesteps", "noise.action_timesteps"):
        changed[name] = (batch[name] + 37 * step) % 1000
    return {**batch, **changed}


class Training:
    """A model while it is trained on one batch."""

    def __init__(self, model, batch, instructions, finetune):
        self.model, self.batch, self.instructions, self.config = model, batch, instructions, finetune
        self.optimizer = make_optimizer(model, finetune["optimizer"])
        self.averages = {name: value.detach().clone() for name, value in model.named_parameters()}

    def step(self, index):
        """One step, from 0. Returns L_obs, L_act and the gradient's norm before it is clipped."""
        self.optimizer.zero_grad()
        observation, action = self.model(noise_of_step(self.batch, index), self.instructions)
        (observation + action).backward()
        optimizer = self.config["optimizer"]
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), optimizer["clip_norm"])
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate_at(optimizer["learning_rate"], index, self.config["steps"])
        self.optimizer.step()
        self.average(index + 1)
        return observation.item(), action.item(), norm.item()

    @torch.no_grad()
    def average(self, count):
        """After `count` steps; the averages of a young run forget quickly."""
        decay = min(self.config["ema_decay"], (1 + count) / (10 + count))
        for name, value in self.model.named_parameters():
            self.averages[name] = decay * self.averages[name] + (1 - decay) * value
