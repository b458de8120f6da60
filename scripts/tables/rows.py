"""The rows of the tables: how each is made, and what the paper has in its place."""

from dataclasses import dataclass, field
from pathlib import Path

from tables.plan import Step, is_named

TWO_VIEWS = ["from_0.5_0.55_0.5_to_-0.05_0_0.13_fov_0.65", "from_0.5_-0.55_0.5_to_-0.05_0_0.13_fov_0.65"]
ONE_VIEW = ["render_camera"]
PUSHED = ("--disturb", 0.5, "--stay", 10)  # shows how to find back, and how to stay
TINY = {"demonstrations": 4, "vae": 4, "steps": 4, "episodes": 2, "batch": 4}


@dataclass
class Row:
    """A policy and its evaluation."""

    name: str
    evaluation: Path
    paper: float | None = None  # per cent
    note: str = ""  # what differs from the paper's protocol
    beside: str = ""  # the row that it is compared with, episode by episode
    steps: list = field(default_factory=list)


@dataclass
class Options:
    """What a table is made with."""

    physgen: str
    out: Path
    data: Path
    workers: int = 2
    seed: int = 0
    tiny: bool = False
    nova: str = ""  # a release of the backbone; empty: the small model

    def count(self, what, full):
        return TINY[what] if self.tiny else full

    def share(self, minutes):
        return 0.2 if self.tiny else minutes


def maniskill_data(options, task, cameras, episodes, more=()):
    """@return the demonstrations' folder, and the step that makes them"""
    name = f"{task.removesuffix('-v1').lower()}-{'two-views' if cameras is TWO_VIEWS else 'one-view'}-{episodes}{'-pushed' if more else ''}"
    folder = options.data / name
    command = ["scripts/maniskill_demos", task, "--episodes", options.count("demonstrations", episodes), "--out", folder]
    command += ["--cameras", *cameras, "--workers", options.workers, *more]
    return folder / task, Step(f"demonstrations-{name}", folder, command, options.share(episodes / (20 if more else 40)), 0.01 * episodes)


def vae(options, name, data, config, steps, minutes):
    folder = options.out / name
    command = [options.physgen, "train-vae", "--config", config, "--out", folder, "--resume", "--steps", options.count("vae", steps)]
    for path in data:
        command += ["--data", path]
    return folder, Step(name, folder, command, options.share(minutes), 0.1)


def training(options, name, data, config, begin, steps, minutes, changes=(), what="finetune", seed=None):
    """@param steps  0: as many as the config says"""
    folder = options.out / name
    command = [options.physgen, what, "--config", config, *begin, "--out", folder, "--resume"]
    if steps:
        command += ["--steps", options.count("steps", steps)]
    for path in data:
        command += ["--data", path]
    settings = [f"seed={options.seed if seed is None else seed}", *changes]
    if options.tiny:
        settings += [f"batch={TINY['batch']}", f"evaluation_windows={TINY['batch']}", "evaluate_every=4", "save_every=2"]
    for setting in settings:
        command += ["--set", setting]
    return folder, Step(name, folder, command, options.share(minutes), 0.5)


def evaluation(options, name, policy, environment, episodes, seed, minutes):
    folder = options.out / name
    command = [options.physgen, "rollout", "--checkpoint", policy / "best", "--env", environment, "--episodes", options.count("episodes", episodes)]
    command += ["--seed", seed, "--workers", options.workers, "--video", folder / "videos", "--videos", 20, "--imagine", "--out", folder]
    if options.tiny:
        command += ["--max-steps", 16]
    return folder, Step(name, folder, command, options.share(minutes), 0.1)


def maniskill_row(options, task, paper, *, cameras, episodes, configs, steps, minutes, note, more=()):
    """@param configs  of the VAE and of the policy  @param minutes  of both trainings  @param more  options of the demonstrations"""
    short = task.removesuffix("-v1").lower()
    data, demonstrations = maniskill_data(options, task, cameras, episodes, more)
    encoder, encode = vae(options, f"vae-{short}", [data], configs[0], steps[0], minutes[0])
    policy, train = training(options, f"policy-{short}", [data], configs[1], ["--vae", encoder], steps[1], minutes[1])
    results, evaluate = evaluation(options, f"evaluation-{short}", policy, f"maniskill:{task}", 125, 100000, 10)
    return Row(task, results, paper, note, steps=[demonstrations, encode, train, evaluate])


def full_row(options, task, paper):
    """From NOVA's weights, at their size and for the config's steps: for a GPU."""
    short = task.removesuffix("-v1").lower()
    data, demonstrations = maniskill_data(options, task, ONE_VIEW, 1000)
    begin, config = ["--init", f"nova:{options.nova}"], "configs/maniskill_nova_finetune.json"
    policy, train = training(options, f"full-policy-{short}", [data], config, begin, 0, 0)
    results, evaluate = evaluation(options, f"full-evaluation-{short}", policy, f"maniskill:{task}", 125, 100000, 0)
    return Row(task, results, paper, "NOVA's weights", steps=[demonstrations, train, evaluate])


def maniskill(options):
    if options.nova:
        return [full_row(options, task, paper) for task, paper in (("PushCube-v1", 100), ("PickCube-v1", 73), ("StackCube-v1", 48))]
    one = {"cameras": ONE_VIEW, "configs": ("configs/maniskill_vae.json", "configs/maniskill_finetune.json")}
    two = {
        "cameras": TWO_VIEWS,
        "configs": ("configs/maniskill_two_views_vae.json", "configs/maniskill_two_views_finetune.json"),
        "episodes": 400,
        "more": PUSHED,
        "steps": (1500, 6000),
        "minutes": (12, 55),
        "note": "two views of our own, 400 demonstrations, half of them pushed off their way, 10 steps of staying",
    }
    return [
        maniskill_row(options, "PushCube-v1", 100, **one, episodes=100, steps=(2200, 500), minutes=(4, 8), note="100 demonstrations"),
        maniskill_row(options, "PickCube-v1", 73, **two),
        maniskill_row(options, "StackCube-v1", 48, **two),
    ]


def libero_row(options, suite, paper):
    """Experts' demonstrations, then as many again that begin after a missed grasp."""
    begin = ["scripts/libero_demos", suite, "--workers", options.workers]
    per_task = options.count("demonstrations", 15)
    made = Step(f"demonstrations-{suite}", options.data / suite, [*begin, "--episodes", per_task, "--out", options.data], options.share(35), 2)
    again = [*begin, "--recoveries", "--seed", 5000, "--episodes", per_task, "--out", options.data / "again"]
    recovered = Step(f"recoveries-{suite}", options.data / "again" / suite, again, options.share(35), 2)
    data = [options.data / suite, options.data / "again" / suite]
    encoder, encode = vae(options, f"vae-{suite}", data[:1], "configs/libero_vae.json", 2200, 12)
    policy, train = training(options, f"policy-{suite}", data, "configs/libero_finetune.json", ["--vae", encoder], 3500, 65)
    results, evaluate = evaluation(options, f"evaluation-{suite}", policy, f"libero:{suite}", 10, 0, 12)
    return Row(suite, results, paper, "experts' demonstrations and second attempts", steps=[made, recovered, encode, train, evaluate])


def libero(options):
    return [libero_row(options, suite, paper) for suite, paper in (("libero_object", 99.6), ("libero_spatial", 91.0))]


TASK = "PullCube-v1"  # neither near the floor nor near the ceiling
ABLATIONS = {  # of training from scratch: a video model has the sizes that it was trained with
    "from scratch": [],
    "discrete": ["model.head.objective=discrete"],
    "one pack": ["model.packs=1"],
    "one chunk": ["model.head.chunks=1"],
    "without frame loss": ["loss.observation=false"],
}


def small_policy(options, name, data, begin, changes, seed, beside):
    """A training of PullCube-v1 and its evaluation."""
    slug = name.replace(" ", "-").replace(",", "")
    config = "configs/maniskill_finetune.json"
    policy, train = training(options, f"policy-{slug}", data, config, begin, 500, 8, changes, seed=seed)
    results, evaluate = evaluation(options, f"evaluation-{slug}", policy, f"maniskill:{TASK}", 100, 400000, 4)
    return Row(name, results, beside=beside, steps=[train, evaluate])


def video_model(options, data):
    """@return the VAE and the video model of the data's frames, and the two steps that train them"""
    encoder, encode = vae(options, "vae", data, "configs/maniskill_vae.json", 2200, 4)
    config = "configs/maniskill_pretrain.json"
    video, pretrain = training(options, "video", data, config, ["--vae", encoder], 1000, 18, what="pretrain")
    return encoder, video, encode, pretrain


def ablations(options):
    data, made = maniskill_data(options, TASK, ONE_VIEW, 100)
    encoder, video, encode, pretrain = video_model(options, [data])
    rows = []
    for seed in range(options.seed, options.seed + 3):
        base = f"from scratch, seed {seed}"
        for name, changes in ABLATIONS.items():
            beside = "" if name == "from scratch" else base
            rows.append(small_policy(options, f"{name}, seed {seed}", [data], ["--vae", encoder], changes, seed, beside))
        rows.append(small_policy(options, f"after video, seed {seed}", [data], ["--init", video / "best"], [], seed, base))
    rows[0].steps = [made, encode, *rows[0].steps]
    rows[len(ABLATIONS)].steps.insert(0, pretrain)  # of the first row after video
    return rows


def transfer(options):
    """The video model, and its VAE, have seen other tasks alone."""
    others = [maniskill_data(options, f"{task}-v1", ONE_VIEW, 100) for task in ("PushCube", "PickCube", "LiftPegUpright")]
    encoder, video, encode, pretrain = video_model(options, [data for data, _ in others])
    rows = []
    for count in (10, 25, 50, 100):
        data, made = maniskill_data(options, TASK, ONE_VIEW, count)
        scratch = small_policy(options, f"{count} demonstrations from scratch", [data], ["--vae", encoder], [], None, "")
        scratch.steps.insert(0, made)
        name = f"{count} demonstrations after video"
        rows += [scratch, small_policy(options, name, [data], ["--init", video / "best"], [], None, scratch.name)]
    rows[0].steps = [step for _, step in others] + [encode, *rows[0].steps]
    rows[1].steps.insert(0, pretrain)
    return rows


def needed(rows, wanted):
    """The steps of the wanted rows, and those of others whose folders they name."""
    every = [step for row in rows for step in row.steps]
    steps = [step for row in wanted for step in row.steps]
    while True:
        words = {word for step in steps for word in step.words()}
        more = [step for step in every if step not in steps and is_named(step.makes, words)]
        if not more:
            return [step for step in every if step in steps]
        steps += more


TABLES = {"maniskill": maniskill, "libero": libero, "ablations": ablations, "transfer": transfer}
