"""Scripted experts for LIBERO's pick-and-place suites: proportional control towards what the simulator knows.

What they know of the scene (positions and sizes of objects) is theirs alone: a policy that learns from them sees pictures.
"""

from dataclasses import dataclass

import numpy as np

METRES_PER_ACTION, RADIANS_PER_ACTION = 0.05, 0.5  # of robosuite's OSC_POSE controller
GAIN = 0.6  # of the way to the target that one control step asks for
OPENING = 0.075  # widest object between the fingers, metres
OPEN, CLOSED = -1.0, 1.0
RIM = 0.008  # from a bowl's outermost point to the middle of its wall, metres


def box_points(low, high, step=0.008):
    axes = [np.linspace(a, b, max(2, int((b - a) / step) + 1)) for a, b in zip(low, high)]
    return np.stack(np.meshgrid(*axes), -1).reshape(-1, 3)


# The open hand, seen from between its fingertips: along the fingers' way, across it, and up, metres.
HAND_POINTS = np.concatenate(
    [
        box_points([-0.10, -0.03, 0.045], [0.10, 0.03, 0.12]),
        box_points([0.038, -0.01, -0.008], [0.06, 0.01, 0.045]),
        box_points([-0.06, -0.01, -0.008], [-0.038, 0.01, 0.045]),
    ]
)


@dataclass
class Style:
    """What varies from one demonstration to the next."""

    speed: float = 1.0  # the greatest action
    height: float = 0.10  # above what is picked and placed, metres
    start: tuple = (0.0, 0.0, 0.0)  # where the hand goes first, seen from where it is, metres
    miss: tuple = (0.0, 0.0, 0.02)  # where a missed grasp closes, seen from the right one, metres
    carried: float = 0.0  # of the way to the target that the empty hand went before it turned back

    @classmethod
    def drawn(cls, random: np.random.Generator):
        return cls(
            speed=random.uniform(0.7, 1.0),
            height=random.uniform(0.08, 0.12),
            start=tuple(random.uniform([-0.04, -0.04, -0.04], [0.04, 0.04, 0.02])),
            miss=tuple(random.uniform([-0.04, -0.04, 0.0], [0.04, 0.04, 0.04])),
            carried=random.choice([0.0, random.uniform(0.0, 1.0)]),
        )


def bodies_of(env, name):
    model = env.sim.model._model
    bodies = {env.obj_body_id[name]}
    for body in range(min(bodies) + 1, model.nbody):
        if model.body_parentid[body] in bodies:
            bodies.add(body)
    return bodies


def collision_geoms(env, bodies):
    model = env.sim.model._model
    return [geom for geom in range(model.ngeom) if model.geom_bodyid[geom] in bodies and model.geom_contype[geom]]


def obstacles_of(env, item):
    """The collision geometry of every object and fixture but the one that is to be picked."""
    return [geom for name in env.obj_body_id if name != item for geom in collision_geoms(env, bodies_of(env, name))]


def bounds_of(env, name):
    """The box [2, 3] around an object's collision geometry, in the world's axes."""
    model, data = env.sim.model._model, env.sim.data._data
    corners = []
    for geom in collision_geoms(env, bodies_of(env, name)):
        centre, half = model.geom_aabb[geom, :3], model.geom_aabb[geom, 3:]
        signs = np.array(np.meshgrid([-1, 1], [-1, 1], [-1, 1])).reshape(3, -1).T
        corners.append((centre + signs * half) @ data.geom_xmat[geom].reshape(3, 3).T + data.geom_xpos[geom])
    corners = np.concatenate(corners)
    return np.array([corners.min(0), corners.max(0)])


def middle_of(env, name):
    return bounds_of(env, name).mean(0)


class Expert:
    """Carries the task's object to its target. Iterating gives one action after the other, each for the state of then.

    Of the grasps at which the hand meets nothing, `plans`, it uses the one of the given number.
    """

    def __init__(self, env, style: Style, plan: int = 0):
        self.env, self.style = env, style
        self.item, self.target = env.obj_of_interest[:2]
        self.obstacles = obstacles_of(env, self.item)
        grasps = list(self.grasps())
        self.plans = [grasp for grasp in grasps if not self.blocked(*grasp)] or grasps
        self.grasp, self.yaw = self.plans[plan % len(self.plans)]

    def hand(self):
        return np.array(self.env.sim.data.site_xpos[self.env.robots[0].eef_site_id])

    def turn(self):
        """How far the hand is from the wished yaw, radians; the fingers are alike, so half a turn is none."""
        matrix = self.env.sim.data.site_xmat[self.env.robots[0].eef_site_id].reshape(3, 3)
        fingers = np.arctan2(matrix[1, 0], matrix[0, 0])  # the axis along which they move
        return (self.yaw - fingers + np.pi / 2) % np.pi - np.pi / 2

    def toward(self, point, grip):
        """One action on the way to a point."""
        move = GAIN * (np.asarray(point) - self.hand()) / METRES_PER_ACTION
        move *= min(1.0, self.style.speed / max(np.abs(move).max(), 1e-9))
        turn = np.clip(GAIN * self.turn() / RADIANS_PER_ACTION, -0.5, 0.5)
        return np.concatenate([move, [0, 0, turn], [grip]])

    def go(self, point, grip, tolerance=0.01, most=60):
        """Moves until the hand is within `tolerance` of a point."""
        for _ in range(most):
            if np.linalg.norm(point - self.hand()) < tolerance:
                return
            yield self.toward(point, grip)

    def hold(self, grip, steps):
        here = self.hand()
        for _ in range(steps):
            yield self.toward(here, grip)

    def grasps(self):
        """Points between the fingers and their yaws, the plainest first: around the item, or around a bowl's rim."""
        low, high = bounds_of(self.env, self.item)
        size, middle = high - low, (low + high) / 2
        middle[2] = max(high[2] - 0.03, low[2] + 0.01)
        for axis, yaw in ((1, np.pi / 2), (0, 0.0)):
            fingers, along = np.eye(3)[axis], np.eye(3)[1 - axis]
            if size[:2].min() > OPENING:
                for side in (1, -1):
                    yield middle + side * (size[axis] / 2 - RIM) * fingers, yaw
            elif size[axis] < OPENING:
                for shift in (0.0, 0.3, -0.3):
                    yield middle + shift * size[1 - axis] * along, yaw

    def blocked(self, point, yaw):
        """Whether the palm or an open finger would be inside something at the grasp."""
        fingers, across = np.array([np.cos(yaw), np.sin(yaw), 0]), np.array([-np.sin(yaw), np.cos(yaw), 0])
        points = point + HAND_POINTS @ [fingers, across, [0, 0, 1]]
        model, data = self.env.sim.model._model, self.env.sim.data._data
        for geom in self.obstacles:
            seen = (points - data.geom_xpos[geom]) @ data.geom_xmat[geom].reshape(3, 3)
            if (np.abs(seen - model.geom_aabb[geom, :3]) < model.geom_aabb[geom, 3:]).all(1).any():
                return True
        return False

    def __iter__(self):
        yield from self.go(self.hand() + self.style.start, OPEN, 0.02, 10)
        above = self.grasp + [0, 0, self.style.height]
        yield from self.go(above, OPEN, 0.015)
        yield from self.go(self.grasp, OPEN, 0.006, 30)
        yield from self.hold(CLOSED, 12)
        offset = self.hand() - middle_of(self.env, self.item)
        low, high = bounds_of(self.env, self.target)
        lift = max(high[2] + offset[2], self.hand()[2]) + self.style.height
        yield from self.go([*self.hand()[:2], lift], CLOSED, 0.03)
        drop = np.array([*((low + high) / 2 + offset)[:2], lift])
        yield from self.go(drop, CLOSED, 0.012)
        yield from self.go([drop[0], drop[1], self.release_height()], CLOSED, 0.012, 30)
        yield from self.hold(OPEN, 10)
        yield from self.go(self.hand() + [0, 0, 0.12], OPEN, 0.02, 30)

    def miss(self):
        """Grasps beside or above the item, and goes some of the way to the target with nothing in the hand."""
        above = self.grasp + [0, 0, self.style.height]
        yield from self.go(above, OPEN, 0.015)
        yield from self.go(self.grasp + self.style.miss, OPEN, 0.006, 30)
        yield from self.hold(CLOSED, 12)
        if self.style.carried:
            yield from self.go(above, CLOSED, 0.03)
            way = middle_of(self.env, self.target)[:2] - above[:2]
            yield from self.go([*(above[:2] + self.style.carried * way), above[2] + 0.05], CLOSED, 0.03)

    def holds_item(self):
        """Whether the item is between the fingers: they stop before they meet."""
        return self.env.sim.data.qpos[self.env.robots[0]._ref_gripper_joint_pos_indexes[0]] > 0.004

    def release_height(self):
        """Of the hand: the item a centimetre above the target, or inside it as deep as the palm stays above its rim."""
        below = self.hand()[2] - bounds_of(self.env, self.item)[0][2]
        low, high = bounds_of(self.env, self.target)
        if high[2] - low[2] < 0.05:
            return high[2] + below + 0.01
        return max(low[2] + below + 0.02, high[2] + 0.03)


