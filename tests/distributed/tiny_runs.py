"""What the checks of several processes share: tiny models, the commands that train them, and what they leave."""

import json
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
SIZES = {
    "model.backbone": {"width": 32, "heads": 2, "video_depth": 1, "image_depth": 2, "decoder_width": 32,
                       "decoder_depth": 1, "latent_channels": 2, "latent_height": 8, "latent_width": 8,
                       "text_width": 16, "text_slots": 8, "text_rows": 8},
    "model.head": {"width": 32, "depth": 1, "heads": 2},
}  # fmt: skip
MODEL = [f"{part}.{name}={value}" for part, sizes in SIZES.items() for name, value in sizes.items()]
CANVAS = ["canvas.height=32", "canvas.width=32"]
COMMON = [*CANVAS, "precision=float32", "threads=1"]
VAE = [*COMMON, "vae.widths=[8,8]", "vae.norm_groups=4", "vae.latent_channels=2", "batch=8"]
POLICY = [*COMMON, *MODEL, "batch=8", "accumulation=2", "save_every=5", "evaluate_every=100", "evaluation_windows=4"]


class Checker:
    """The commands and the folder they work in."""

    def __init__(self, program: str, work: Path) -> None:
        self.program, self.work = program, work
        self.torchrun = str(PROJECT / ".venv/bin/torchrun")

    def command(self, kind: str, out: str, settings: list[str], *more: str) -> list[str]:
        """physgen finetune or train-vae into a folder."""
        config = PROJECT / "configs" / ("maniskill_vae.json" if kind == "train-vae" else "maniskill_finetune.json")
        words = [self.program, kind, "--data", str(self.work / "push.h5"), "--config", str(config), "--device", "cpu"]
        words += ["--out", str(self.work / out), *more]
        return words + [word for setting in settings for word in ("--set", setting)]

    def policy(self, out: str, *more: str, settings: list[str] = POLICY, steps: int = 20) -> list[str]:
        """A fine-tuning with its VAE and the cache of all runs."""
        where = ["--vae", str(self.work / "vae_1"), "--cache", str(self.work / "cache"), "--steps", str(steps)]
        return self.command("finetune", out, settings, *where, *more)

    def ranks(self, count: int, command: list[str], *options: str) -> list[str]:
        """The command in several processes, or alone."""
        if count == 1:
            return command
        start = [self.torchrun, "--standalone", "--no-python", "--nproc-per-node", str(count), *options]
        return start + command

    def run(self, command: list[str], code: int = 0) -> str:
        """Runs a command to its end; what it printed."""
        done = subprocess.run(command, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120)
        if done.returncode != code:
            sys.exit(f"ranks: exit {done.returncode}, not {code}: {' '.join(command)}\n{done.stdout}")
        return done.stdout

    def steps(self, out: str, kind: str = "step") -> list[dict]:
        """The lines of a kind in a run's metrics."""
        lines = (self.work / out / "metrics.jsonl").read_text().splitlines()
        return [line for line in map(json.loads, lines) if line["kind"] == kind]


def write_demonstrations(path: Path) -> None:
    """Eight episodes in ManiSkill's layout, of pictures that tell where an arm is."""
    import h5py
    import numpy as np

    numbers, index = np.random.default_rng(0), []
    with h5py.File(path, "w") as file:
        for episode in range(8):
            steps = 20 + episode
            group = file.create_group(f"traj_{episode}")
            group["actions"] = numbers.uniform(-1, 1, (steps, 4)).astype(np.float32)
            group["obs/agent/qpos"] = numbers.uniform(-1, 1, (steps + 1, 4)).astype(np.float32)
            frames = numbers.integers(0, 256, (steps + 1, 32, 32, 3), np.uint8)
            group.create_dataset("obs/sensor_data/render_camera/rgb", data=frames, chunks=(1, 32, 32, 3))
            about = {"episode_id": episode, "episode_seed": episode, "elapsed_steps": steps, "success": True}
            index.append(about | {"control_mode": "pd_joint_pos"})
    about = {"env_info": {"env_id": "PushCube-v1"}, "episodes": index}
    path.with_suffix(".json").write_text(json.dumps(about))


def train_vae(checker: Checker, count: int = 1) -> None:
    """The VAE of all policies, vae_1, or one that several processes train."""
    checker.run(checker.command("train-vae", f"vae_{count}", VAE, "--steps", "6", "--nproc", str(count)))


def weights_of(checkpoint: Path) -> dict:
    """A run's parameters after a step, as numpy has them, without the biases of keys: attention does not see these, and AdamW
    makes steps of what rounding leaves of their gradients."""
    import numpy as np

    data = (checkpoint / "training.safetensors").read_bytes()
    size = struct.unpack("<Q", data[:8])[0]
    weights = {}
    for name, about in json.loads(data[8 : 8 + size]).items():
        if not name.startswith("parameter."):
            continue
        begin, end = (8 + size + offset for offset in about["data_offsets"])
        values = np.frombuffer(data[begin:end], np.float32).astype(np.float64)
        if name.endswith("qkv.bias"):
            values = np.delete(values, slice(values.size // 3, 2 * values.size // 3))
        if name.endswith("key_value.bias"):
            values = values[values.size // 2 :]
        weights[name] = values
    return weights


def distance(one: dict, other: dict) -> float:
    """Euclid's, of two sets of weights."""
    return sum(((one[name] - other[name]) ** 2).sum() for name in one) ** 0.5


def expect(condition: bool, text: str) -> None:
    """Ends the check where a condition does not hold."""
    if not condition:
        sys.exit(f"ranks: {text}")


def expect_same_losses(one: list[dict], other: list[dict], what: str) -> None:
    """To 1e-6, growing with the steps as rounding does."""
    expect(len(one) == len(other), f"{what}: {len(one)} and {len(other)} steps")
    for a, b in zip(one, other, strict=True):
        bound = 1e-6 if a["step"] == 1 else 1e-4
        for name in ("loss", "gradient_norm"):
            off = abs(a[name] - b[name]) / abs(a[name])
            expect(off <= bound, f"{what}: step {a['step']}: {name} {a[name]} and {b[name]}")


def expect_same_evaluations(one: list[dict], other: list[dict], what: str) -> None:
    """To 1e-4, of weights that differ by rounding."""
    expect(0 < len(one) == len(other), f"{what}: {len(one)} and {len(other)} evaluations")
    for a, b in zip(one, other, strict=True):
        expect(a.keys() == b.keys(), f"{what}: {a} and {b}")
        numbers = [name for name in a if isinstance(a[name], float)]
        off = max(abs(a[name] - b[name]) / abs(a[name]) for name in numbers if a[name])
        expect(off <= 1e-4, f"{what}: held-out numbers differ by {off}: {a} and {b}")


def ranks_of(launcher: subprocess.Popen, program: str) -> list[int]:
    """The processes that torchrun began."""
    found = subprocess.run(["pgrep", "-P", str(launcher.pid)], check=False, stdout=subprocess.PIPE, text=True).stdout.split()
    name = Path(program).name[:15]
    return [int(pid) for pid in found if Path(f"/proc/{pid}/comm").read_text().strip() == name]


def wait_for(launcher: subprocess.Popen, path: Path) -> None:
    """Until a file is there, while the run goes on."""
    while not path.exists() and launcher.poll() is None:
        time.sleep(0.02)


def run_checks(name: str, checks: list[Callable[[Checker], None]]) -> None:
    """All of them, of the program that is the first argument, in a folder that goes away. Skips where something lacks."""
    try:
        import h5py  # noqa: F401
    except ImportError:
        print(f"{name}: skipped, Python lacks h5py: run scripts/setup")
        sys.exit(77)
    if not (PROJECT / ".venv/bin/torchrun").exists() or not shutil.which("pgrep"):
        print(f"{name}: skipped, there is no torchrun or no pgrep: run scripts/setup")
        sys.exit(77)
    os.environ["PATH"] = f"{PROJECT / '.venv/bin'}:{os.environ['PATH']}"
    os.environ |= {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "passive"}
    os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
    with tempfile.TemporaryDirectory() as work:
        checker = Checker(str(Path(sys.argv[1]).resolve()), Path(work))
        write_demonstrations(checker.work / "push.h5")
        for check in checks:
            begin = time.monotonic()
            check(checker)
            print(f"{check.__name__}: {time.monotonic() - begin:.0f} s", flush=True)
