"""What is put: copied at once, every cell exactly once, in any order and cut in any way."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from neurosim.foundation.errors import DataError
from neurosim.recording import Plan, RunFile, RunWriter, Variable


def test_sealing_needs_all_units_and_every_cell_once(tmp_path):
    plan = Plan((Variable("/x", ("n",), "float32"),), 2, {"n": 4})
    with RunWriter.open(tmp_path / "a.h5", plan, {}) as writer:
        writer.put("/x", (slice(0, 2),), [1.0, 2.0])
        writer.finish_unit()
        with pytest.raises(
            DataError, match="expected 2 finished units, got 1 of them; finish the run with --resume"
        ):
            writer.seal()
        writer.put("/x", (2,), 3.0)
        writer.finish_unit()
        with pytest.raises(
            DataError, match="/x: expected 4 cells put, got 3; every cell must be put exactly once"
        ):
            writer.seal()
        with pytest.raises(DataError, match="expected 2 units of work, got one more; seal the run"):
            writer.put("/x", (3,), 3.0)
        with pytest.raises(DataError, match="expected 2 units of work, got one more"):
            writer.finish_unit()
    with RunWriter.open(tmp_path / "b.h5", plan, {}) as writer:
        for _ in range(2):
            writer.put("/x", (slice(1, 4),), np.ones(3))
            writer.finish_unit()
        with pytest.raises(DataError, match="/x: expected 4 cells put, got 6"):
            writer.seal()
    assert not (tmp_path / "b.h5").exists()


@pytest.mark.parametrize(
    ("path", "index", "values", "message"),
    [
        ("/y", (), 1.0, r"/y: expected a variable of the plan, got another path; did you mean"),
        ("/x", (0, 0, 0), 1.0, "/x: expected at most 2 indices, got 3"),
        ("/x", (4,), [0.0] * 3, "/x: expected an index from 0 to 3, got 4"),
        ("/x", (-1,), [0.0] * 3, "/x: expected an index from 0 to 3, got -1"),
        ("/x", (slice(0, 5),), np.zeros((5, 3)), "/x: expected a slice with step 1 inside 0:4, got 0:5"),
        ("/x", (slice(0, 4, 2),), np.zeros((2, 3)), "/x: expected a slice with step 1 inside 0:4, got 0:4:2"),
        ("/x", (slice(2, 2),), np.zeros((0, 3)), "expected a slice with step 1 inside 0:4, got 2:2"),
        ("/x", (0,), np.zeros(4), r"/x: expected an array of shape \(3,\), got \(4,\)"),
        ("/x", (0,), np.zeros(3, complex), "/x: expected numbers of type float32, got complex128"),
        ("/i", (0,), np.zeros(3), "/i: expected numbers of type int8, got float64; convert them first"),
        ("/i", (0,), np.array([0, 1, 200]), "/i: expected integers that fit int8, got values from 0 to 200"),
    ],
)
def test_what_cannot_be_put_is_refused(tmp_path, path, index, values, message):
    plan = Plan(
        (Variable("/x", ("n", "m"), "float32"), Variable("/i", ("n", "m"), "int8")), 1, {"n": 4, "m": 3}
    )
    with RunWriter.open(tmp_path / "run.h5", plan, {}) as writer, pytest.raises(DataError, match=message):
        writer.put(path, index, values)


def test_what_is_put_is_copied_at_once(tmp_path):
    plan = Plan((Variable("/x", ("n",), "float32"),), 1, {"n": 4})
    values = np.ones(4, np.float32)
    with RunWriter.open(tmp_path / "run.h5", plan, {}) as writer:
        writer.put("/x", (), values)
        values[:] = 2
        writer.finish_unit()
        writer.seal()
    with RunFile.open(tmp_path / "run.h5") as run:
        assert run.read("/x").tolist() == [1.0] * 4


@st.composite
def tilings(draw):
    """A shape, cut along every axis into boxes, shuffled, and dealt out to units."""
    shape = draw(st.lists(st.integers(1, 6), min_size=0, max_size=3))
    boxes = [()]
    for length in shape:
        cuts = sorted({0, length, *draw(st.lists(st.integers(0, length), max_size=3))})
        spans = list(pairwise(cuts))
        boxes = [(*box, span) for box in boxes for span in spans]
    boxes = draw(st.permutations(boxes))
    n_units = draw(st.integers(1, 4))
    units = draw(st.lists(st.integers(0, n_units - 1), min_size=len(boxes), max_size=len(boxes)))
    flushes = draw(st.lists(st.booleans(), min_size=n_units, max_size=n_units))
    return tuple(shape), list(zip(units, boxes, strict=True)), n_units, flushes


@given(tilings())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_cutting_in_any_order_gives_the_array(tmp_path, tiling):
    shape, boxes, n_units, flushes = tiling
    values = np.arange(np.prod(shape, dtype=int), dtype=np.int32).reshape(shape)
    dims = tuple(f"d{axis}" for axis in range(len(shape)))
    plan = Plan((Variable("/x", dims, "int32"),), n_units, dict(zip(dims, shape, strict=True)))
    path = tmp_path / "run.h5"
    with RunWriter.open(path, plan, {}, overwrite=True) as writer:
        for unit in range(n_units):
            for index in (tuple(slice(*span) for span in box) for of, box in boxes if of == unit):
                writer.put("/x", index, values[index])
            writer.finish_unit()
            if flushes[unit]:
                writer.flush()
        writer.seal()
    with RunFile.open(path) as run:
        np.testing.assert_array_equal(run.read("/x"), values)
