"""Geometries for the tests of this folder."""

from __future__ import annotations

from neurosim.foundation.counts import LayerGeometry
from neurosim.placement.tiles import splits


def geometry(
    name: str,
    rows: int = 10,
    columns: int = 10,
    groups: int = 1,
    positions: int = 1,
    replicas: int = 1,
    tile_rows: int = 10,
    tile_columns: int = 10,
) -> LayerGeometry:
    """A layer on tiles of 10 x 10."""
    return LayerGeometry(
        name, rows, columns, groups, positions, 1, 1, 2, splits(rows, tile_rows), splits(columns, tile_columns),
        groups * positions * rows * columns, replicas,
    )  # fmt: skip
