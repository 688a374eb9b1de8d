"""How a flat sheet hangs in the scene: straight, turned by a few degrees, or seen slightly from the side."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.scenes.chance import between, happens, pick

Matrix = NDArray[np.float64]
Points = NDArray[np.float64]
"""Points as (n, 2) xy; pixel (x, y) covers the square from (x, y) to (x + 1, y + 1)."""

LARGEST_TURN = 2.8
"""In degrees."""


@dataclass(frozen=True)
class Pose:
    """Maps sheet pixels to native pixels of a patch of this (width, height), whose corner is the origin."""

    matrix: Matrix
    size: tuple[int, int]
    straight: bool

    def carry(self, points: Points) -> Points:
        """The points of the sheet as points of the patch."""
        carried: Points = cv2.perspectiveTransform(points[None].astype(np.float64), self.matrix)[0]
        return carried


@dataclass(frozen=True)
class Lean:
    """How far a thing is from hanging straight before the camera."""

    turn: float = 0.0
    """In radians, clockwise."""
    left: float = 0.0
    """The part of the height by which each left corner moves inwards, as if that side were farther away."""
    right: float = 0.0

    @property
    def straight(self) -> bool:
        """True where the sheet needs no warping."""
        return self == Lean()


def draw_lean(rng: np.random.Generator) -> Lean:
    """Half of the things hang straight, the others are turned or seen from the side."""
    if happens(rng, 0.5):
        return Lean()
    if happens(rng, 0.55):
        return Lean(turn=np.radians(between(rng, 0.6, LARGEST_TURN)) * pick(rng, (-1, 1)))
    shrink = between(rng, 0.02, 0.05)
    return Lean(left=shrink) if happens(rng, 0.5) else Lean(right=shrink)


def pose_of(sheet: tuple[int, int], scale: int, lean: Lean) -> Pose:
    """The pose of a sheet of this (width, height), of which `scale` pixels make one native pixel."""
    width, height = sheet[0] / scale, sheet[1] / scale
    if lean.straight:
        return Pose(np.diag([1 / scale, 1 / scale, 1.0]), (round(width), round(height)), straight=True)
    flat = np.array([(0, 0), (width, 0), (width, height), (0, height)])
    inwards = np.array([(0, lean.left), (0, lean.right), (0, -lean.right), (0, -lean.left)]) * height
    cos, sin = np.cos(lean.turn), np.sin(lean.turn)
    hung = (flat + inwards) @ np.array([(cos, sin), (-sin, cos)])
    hung = hung - hung.min(axis=0) + 1
    matrix = cv2.getPerspectiveTransform((flat * scale).astype(np.float32), hung.astype(np.float32))
    right, bottom = np.ceil(hung.max(axis=0)) + 1
    return Pose(np.asarray(matrix, dtype=np.float64), (int(right), int(bottom)), straight=False)


def warp(layer: NDArray[np.uint8], pose: Pose, scale: int, fill_edges: bool) -> NDArray[np.uint8]:
    """One layer of the sheet, (h, w) or (h, w, 3), as its patch; done at the sheet's scale, then shrunk.

    With `fill_edges` what is beyond the sheet looks like its edge, else it is 0.
    """
    if pose.straight and scale == 1:
        return layer
    border = cv2.BORDER_REPLICATE if fill_edges else cv2.BORDER_CONSTANT
    width, height = pose.size
    enlarge = np.diag([scale, scale, 1.0])
    to_centres = np.array([(1, 0, -0.5), (0, 1, -0.5), (0, 0, 1)])
    matrix = to_centres @ enlarge @ pose.matrix @ np.linalg.inv(to_centres)
    large = cv2.warpPerspective(
        layer, matrix, (width * scale, height * scale), flags=cv2.INTER_LINEAR, borderMode=border
    )
    return np.asarray(cv2.resize(large, (width, height), interpolation=cv2.INTER_AREA), dtype=np.uint8)
