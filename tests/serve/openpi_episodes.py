"""Episodes of a ManiSkill task through openpi's own client, all over one connection, as its LIBERO example does it.

openpi_episodes.py URL FOLDER --evaluation E: repeats the episodes of an evaluation that physgen rollout has written, and compares.
With --plain it sends no optional key, and pauses between the episodes instead.
"""

import argparse
import json
import struct
import sys
import time
from pathlib import Path

import numpy as np
from openpi_client import websocket_client_policy

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts/simulators"))
import maniskill_env
from maniskill_tasks import INSTRUCTIONS

WORD = (1 << 64) - 1
ROLLOUT = 6  # physgen::Stream::rollout


def split_mix(value):
    value = (value + 0x9E3779B97F4A7C15) & WORD
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & WORD
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & WORD
    return value ^ (value >> 31)


def recorded_actions(evaluation, episode):
    """Of one episode, from its safetensors file."""
    data = (evaluation / "actions" / f"episode_{episode:04}.safetensors").read_bytes()
    length = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8 : 8 + length])["actions"]
    return np.frombuffer(data[8 + length :], np.float32).reshape(header["shape"])


class Episodes:
    def __init__(self, options):
        self.options = options
        self.config = json.loads((options.evaluation / "rollout.json").read_text())
        self.task = self.config["tasks"][0]
        self.max_steps = self.config["max_steps"] or 200
        self.env = maniskill_env.make_env(
            self.task, self.config["cameras"], self.config["size"], self.config["control_mode"], self.max_steps
        )
        host, port = options.url.rsplit(":", 1)
        self.client = websocket_client_policy.WebsocketClientPolicy(host, int(port), api_key=options.key)
        assert self.client.get_server_metadata()["execute"] == self.config["execute"]

    def observation(self):
        views = maniskill_env.render_views(self.env, self.config["cameras"])
        seen = {f"observation/{camera}": view for camera, view in zip(self.config["cameras"], views)}
        return seen | {"observation/state": maniskill_env.state_of(self.env), "prompt": INSTRUCTIONS[self.task]}

    def keys(self, executed, seed):
        """What makes a run equal to one in process."""
        if self.options.plain:
            return {}
        if executed is None:
            return {"reset": True, "seed": split_mix(split_mix(split_mix(seed) ^ ROLLOUT))}
        return {"executed": executed}

    def run(self, seed):
        self.env.reset(seed=seed)
        actions, executed, success, began = [], None, False, []
        while not success and len(actions) < self.max_steps:
            reply = self.client.infer(self.observation() | self.keys(executed, seed))
            began.append(reply["server_timing"])
            chunk = reply["actions"]
            assert chunk.shape == (self.config["execute"], chunk.shape[1]) and "infer_ms" in reply["policy_timing"]
            executed = chunk.copy()
            for row in chunk:
                success = bool(self.env.step(row)[-1]["success"])
                actions.append(row)
                if success or len(actions) >= self.max_steps:
                    break
        return success, np.stack(actions), began


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("--evaluation", type=Path, required=True)
    parser.add_argument("--plain", action="store_true")
    parser.add_argument("--key")
    parser.add_argument("--pause", type=float, default=0)
    options = parser.parse_args()
    episodes, successes = Episodes(options), 0
    records = [json.loads(line) for line in (options.evaluation / "episodes.jsonl").read_text().splitlines()]
    for number, record in enumerate(sorted(records, key=lambda record: record["episode"])):
        if number and options.plain:
            time.sleep(options.pause)
        success, actions, rounds = episodes.run(record["seed"])
        successes += success
        assert [timing["episode"] for timing in rounds] == [number] * len(rounds), "an episode's boundary was not found"
        assert [timing["round"] for timing in rounds] == list(range(len(rounds)))
        if options.plain:
            assert number == 0 or "began_by_pause" in rounds[0], rounds[0]
            continue
        assert "began_by_reset" in rounds[0]
        expected = recorded_actions(options.evaluation, record["episode"])
        assert success == record["success"] and len(actions) == record["control_steps"], (success, len(actions), record)
        assert np.array_equal(actions, expected), np.abs(actions - expected).max()
    print(f"{len(records)} episodes, {successes} successes" + ("" if options.plain else ": equal to those in process"))


if __name__ == "__main__":
    main()
