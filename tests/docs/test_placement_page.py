"""The table of large networks on docs/placement.md holds what `neurosim place` gives."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from neurosim.foundation.units import format_si
from neurosim.pipeline.placing import Wishes, place_shapes

PAGE = Path(__file__).resolve().parents[2] / "docs" / "placement.md"
ROW = re.compile(r"^\| `(\w+)` \| (yes|no) \| .*\|$", re.M)
ROWS = {(found[1], found[2]): found[0] for found in ROW.finditer(PAGE.read_text(encoding="utf-8"))}
TERA, MANY = 1e12, 1e5


def row(name: str, copies: str) -> str:
    """A row of the table, from a fresh placement."""
    placed = place_shapes(name, "isaac", Wishes(replicate=copies == "yes"))
    pace, whole = placed.pace, placed.whole_chips
    assert pace is not None
    assert whole is not None
    assert whole.ops_per_joule is not None
    assert placed.cells_used is not None
    rate = float(f"{1 / pace.interval_s:.3g}")
    per_second = f"{rate:,g}" if rate < MANY else f"{rate:,.0f}"
    cells = (
        f"`{name}`", copies, f"{placed.tiles:,}", f"{placed.spread.chips}", f"{100 * placed.chips_used:.1f} %",
        f"{100 * placed.cells_used:.1f} %", format_si(pace.image_s, "s"), per_second,
        format_si(placed.joules_at_pace, "J"), f"{placed.ops_per_second / TERA:.3g}",
        f"{placed.ops_per_joule / TERA:.3g}", f"{whole.ops_per_joule / TERA:.2g}",
    )  # fmt: skip
    return f"| {' | '.join(cells)} |"


def test_the_table_is_there():
    networks = ("mnist_lenet", "alexnet", "resnet18", "resnet50", "vgg19")
    assert list(ROWS) == [(name, copies) for name in networks for copies in ("no", "yes")]


@pytest.mark.parametrize(("name", "copies"), ROWS)
def test_a_row_is_what_place_gives(name, copies):
    assert ROWS[name, copies] == row(name, copies)


def test_the_shares_of_the_peak_are_what_place_gives():
    text = " ".join(PAGE.read_text(encoding="utf-8").split())
    for name, wishes, said in (
        ("resnet18", Wishes(replicate=True), "ResNet-18 comes to {} % of it"),
        ("resnet50", Wishes(replicate=True), "ResNet-50 to {} %, for"),
        ("resnet50", Wishes(replicate=True, chips=4), "{} % of the peak of four"),
        ("vgg19", Wishes(replicate=True), "VGG-19 comes to {} % of five chips"),
    ):
        placed = place_shapes(name, "isaac", wishes)
        assert placed.whole_peak is not None
        assert said.format(f"{100 * placed.ops_per_second / placed.whole_peak.ops_per_second:.0f}") in text
