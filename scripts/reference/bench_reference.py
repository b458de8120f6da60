#!/bin/sh
"exec" "${0%/*}/../../.venv/bin/python" "$0" "$@"
"""Compares physgen with the same model in PyTorch at its best: scripts/reference/bench_reference.py [--physgen build/physgen]

First all compute the losses, the latents and sampled actions from the same weights, batch and noise in float32, which
must agree. Then all train on that batch and run control rounds, in turns, with the same threads and number type. The
opponents are eager PyTorch and torch.compile (static shapes; on a GPU control rounds run as CUDA graphs), each with
scaled_dot_product_attention and with attention as three plain products; the quicker of the two counts.

A step is a whole one: noise, torch.autocast, the backward pass, clip_grad_norm_, losses and norm read and tested,
torch.optim.AdamW(fused=True), averages of the weights. physgen's is the step that finetune does; its window is in memory,
too. How many patches are masked changes from step to step there; PyTorch masks the mean of it each time, as other shapes
would be compiled anew. Control rounds: see reference_rounds.py. Weights of control rounds are in the number type throughout.

Compiling takes some minutes; --compiled FOLDER keeps what was compiled; --backend eager traces alone, which takes
seconds: to try that all can be compiled. With --device hpu, that of the tests' stand-in, PyTorch computes on the CPU. With
--full-size the policy is that of physgen bench --full-size, and only control rounds are measured.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

import torch
import torch.nn.functional as F

from reference_nova import attend_by_products
from reference_opponent import Opponent, load_safetensors
from reference_turns import Physgen, medians, take_turns, timed

FORMS = {"SDPA": F.scaled_dot_product_attention, "products": attend_by_products}


def compare(opponents, batch):
    """Greatest difference of each result over the greatest of its numbers; ends the program where one is above 1e-4."""
    differences = {}
    for name, opponent in opponents.items():
        for result, (theirs, expected) in opponent.results(batch).items():
            difference = float((theirs - expected).abs().max() / expected.abs().max())
            differences[f"{name}: {result}"] = difference
            print(f"  {name:<18} {result:<24} differs by {difference:.1e} of its greatest number")
    if max(differences.values()) > 1e-4:
        sys.exit("bench_reference: they do not compute the same")
    return differences


def named(kind, form):
    return f"{kind}, {form}"


def measure(what, physgen, work, count, turns):
    """Times of physgen and of all opponents, in turns; of each kind the quicker form of attention is kept.

    work: by (kind, form) a function that does one
    """
    contestants = {"physgen": partial(physgen.run, what, count)}
    contestants |= {named(*key): partial(timed, function, count) for key, function in work.items()}
    times = take_turns(contestants, turns)
    report = {"physgen": medians(times["physgen"])}
    for kind in dict.fromkeys(kind for kind, _ in work):
        names = [named(kind, form) for form in FORMS if (kind, form) in work]
        report |= {name: medians(times[name], times["physgen"]) for name in names}
    return report


def best_of(report, kind=""):
    """The name of the quickest opponent, of a kind or of all."""
    names = [name for name in report if name != "physgen" and name.startswith(kind)]
    return min(names, key=lambda name: report[name]["wall_ms"])


def print_report(what, report, kinds):
    print(f"  {what:<8} physgen {report['physgen']['wall_ms']:28.1f} ms {report['physgen']['cpu_ms']:9.1f} ms of CPU")
    for name, times in report.items():
        if name == "physgen":
            continue
        quicker = " <" if name in [best_of(report, kind) for kind in kinds] else ""
        ratio = f"{times['wall_ratio']:6.2f}x {times['cpu_ratio']:6.2f}x of CPU{quicker}"
        print(f"           {name:<18} {times['wall_ms']:17.1f} ms {times['cpu_ms']:9.1f} ms of CPU {ratio}")


def command_of(arguments):
    command = [arguments.physgen, "bench", "--config", arguments.config, "--vae-config", arguments.vae_config]
    command += ["--threads", str(arguments.threads), "--batch", str(arguments.batch), "--device", arguments.device]
    command += ["--precision", arguments.precision]
    return command + (["--full-size"] if arguments.full_size else [])


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--physgen", default="build/physgen")
    parser.add_argument("--config", default="configs/maniskill_finetune.json")
    parser.add_argument("--vae-config", default="configs/maniskill_vae.json")
    parser.add_argument("--device", default="cpu", help="cpu, cuda or hpu, of all")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--precision", choices=["float32", "bfloat16"], default="bfloat16")
    parser.add_argument("--opponents", nargs="+", choices=["eager", "compiled"], default=["eager", "compiled"])
    parser.add_argument("--forms", nargs="+", choices=list(FORMS), default=list(FORMS), help="of their attention")
    parser.add_argument("--measure", nargs="+", choices=["steps", "rounds"], default=["steps", "rounds"])
    parser.add_argument("--backend", choices=["inductor", "eager"], default="inductor", help="of torch.compile")
    parser.add_argument("--compiled", metavar="FOLDER", help="where compiled code is kept for the next time")
    parser.add_argument("--full-size", action="store_true", help="control rounds of the published backbone's sizes")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--turns", type=int, default=7)
    parser.add_argument("--out", help="JSON file to write")
    arguments = parser.parse_args()
    if arguments.full_size:
        arguments.batch, arguments.measure = 1, ["rounds"]
    return arguments


def main():
    arguments = parse_arguments()
    if arguments.compiled:
        os.environ["TORCHINDUCTOR_CACHE_DIR"] = str(Path(arguments.compiled).resolve())
    torch.set_num_threads(arguments.threads)
    torch.set_default_device("cpu" if arguments.device == "hpu" else arguments.device)
    torch.backends.cudnn.allow_tf32 = False
    dtype = getattr(torch, arguments.precision)
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([*command_of(arguments), "--dump", folder], check=True)
        made = {form: Opponent(Path(folder), attend) for form, attend in FORMS.items() if form in arguments.forms}
        batch = load_safetensors(Path(folder) / "batch.safetensors")
    print("the same weights, batch and noise in float32:")
    report = {"differences": compare(made, batch), "threads": arguments.threads, "precision": arguments.precision}

    physgen = Physgen(command_of(arguments))
    print(f"in turns, {arguments.device}, {arguments.threads} threads, {arguments.precision}, batch {arguments.batch}:")
    counts = {"steps": 1, "rounds": 2 * next(iter(made.values())).config["packs"]}
    for what in arguments.measure:
        work = {}
        for kind in arguments.opponents:
            for form, opponent in made.items():
                work[kind, form] = opponent.work(what, batch, dtype, arguments.backend if kind == "compiled" else None)
        report[what] = measure(what, physgen, work, counts[what], arguments.turns)
        print_report(what, report[what], arguments.opponents)
    for what in arguments.measure:
        best = best_of(report[what])
        report[what]["best opponent"] = best
        print(f"best opponent, {what}: {best}, {report[what][best]['wall_ratio']:.2f} times our time")
    if arguments.out:
        Path(arguments.out).write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
