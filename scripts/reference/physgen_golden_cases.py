"""The tiny policies that make_physgen_golden.py writes: what each differs in from the plain one."""

import copy

PLAIN = {
    "finetune": {
        "model": {
            "backbone": {
                "width": 16,
                "heads": 2,
                "video_depth": 2,
                "image_depth": 2,
                "decoder_width": 8,
                "decoder_depth": 1,
                "latent_channels": 2,
                "latent_height": 8,
                "latent_width": 8,
                "image_patch": 2,
                "text_width": 16,
                "text_slots": 3,
                "text_rows": 4,
                "mixer_rank": 0,
                "position": "absolute",
                "rope_theta": 10000.0,
                "time_base": 16.0,
                "time_frames": 9.0,
                "motion_embed": False,
                "motion_tokens": False,
                "objective": "epsilon",
                "flow_shift": 1.0,
            },
            "text_encoder": "bytes",
            "text_slot_bytes": 8,
            "text_table": [],
            "text_lengths": [],
            "codec": {
                "action_width": 3,
                "state_width": 5,
                "state_token": False,
                "chunk": 4,
                "execute": 4,
                "causal_actions": True,
                "text_sees_first_frame": True,
                "action_rope_theta": 10000.0,
            },
            "head": {
                "width": 8,
                "depth": 2,
                "heads": 2,
                "chunks": 3,
                "condition": "pack",
                "objective": "epsilon",
                "bins": 16,
                "sampler": "ddim",
                "denoising_steps": 10,
            },
            "packs": 3,
        },
        "canvas": {"cameras": ["scene", "wrist"], "height": 16, "width": 16, "crop": [0.0, 0.0, 1.0, 1.0]},
        "steps": 20,
        "batch": 2,
        "loss": {"timesteps": 2},
        "optimizer": {
            "learning_rate": {"shape": "cosine", "peak": 1e-3, "final_fraction": 0.1, "warm_up_steps": 5},
            "betas": [0.9, 0.95],
            "weight_decay": 0.02,
            "clip_norm": 4.0,
        },
        "ema_decay": 0.6,
        "mode": "full",
    },
    "vae": {
        "widths": [8, 8],
        "layers_per_block": 1,
        "decoder_layers_per_block": 1,
        "norm_groups": 4,
        "latent_channels": 2,
        "time_taps": 1,
        "patch": 1,
        "scaling_factor": 0.5,
        "latent_mean": [],
        "latent_deviation": [],
    },
    "instructions": ["push it", "pull the cube"],
}

# Dotted names and values. "pictures": height and width of each camera's; "input_latents": the model is shown others.
CASES = {
    "absolute_epsilon_state": {
        "finetune.model.codec.state_token": True,
        "finetune.model.head.denoising_steps": 4,
        "finetune.canvas.crop": [0.02, 0.1, 0.98, 0.9],
        "pictures": [[50, 30], [10, 9]],
    },
    "absolute_discrete": {
        "finetune.model.head.objective": "discrete",
        "finetune.model.text_encoder": "none",
        "finetune.model.codec.execute": 2,
        "finetune.model.codec.text_sees_first_frame": False,
        "finetune.model.head.chunks": 2,
        "vae.widths": [4, 8, 8],
        "vae.time_taps": 3,
        "finetune.canvas.height": 32,
        "finetune.canvas.width": 32,
    },
    "absolute_flow_mixer": {
        "finetune.model.backbone.objective": "flow_matching",
        "finetune.model.backbone.mixer_rank": 4,
        "finetune.model.backbone.latent_width": 16,
        "finetune.model.head.objective": "flow_matching",
        "vae.patch": 2,
        "vae.widths": [8, 4],
        "finetune.canvas.height": 32,
        "finetune.canvas.width": 64,
    },
    "rope_epsilon_state": {
        "finetune.model.backbone.position": "rope",
        "finetune.model.backbone.width": 32,
        "finetune.model.backbone.heads": 1,
        "finetune.model.backbone.video_depth": 1,
        "finetune.model.codec.state_token": True,
        "finetune.model.codec.causal_actions": False,
        "finetune.model.text_encoder": "table",
        "finetune.model.text_table": ["pull the cube", "push it"],
        "finetune.model.text_lengths": [3, 2],
        "input_latents": True,
    },
    "rope_flow": {
        "finetune.model.backbone.position": "rope",
        "finetune.model.backbone.rope_theta": 100.0,
        "finetune.model.backbone.width": 32,
        "finetune.model.backbone.heads": 1,
        "finetune.model.backbone.objective": "flow_matching",
        "finetune.model.backbone.flow_shift": 3.0,
        "finetune.model.head.objective": "flow_matching",
        "finetune.model.head.condition": "actions",
        "finetune.model.head.denoising_steps": 5,
        "finetune.model.codec.action_rope_theta": 50.0,
        "finetune.model.packs": 2,
        "vae.latent_mean": [0.2, -0.1],
        "vae.latent_deviation": [0.8, 1.3],
    },
}


def config_of(name):
    """The config.json of a case, and what else the case says."""
    config, rest = copy.deepcopy(PLAIN), {"pictures": [[10, 7], [12, 5]], "input_latents": False}
    for path, value in CASES[name].items():
        *parents, key = path.split(".")
        owner = config if parents else rest
        for parent in parents:
            owner = owner[parent]
        owner[key] = value
    return config, rest
