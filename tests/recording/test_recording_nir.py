"""A run file is a NIR file as well: nir.read gives back the network, and other readers are not disturbed."""

import nir
import numpy as np
import pytest
from recording_samples import hash_of

from neurosim.foundation.errors import ConfigError
from neurosim.recording import Coordinate, Plan, RunFile, RunWriter, nir_static


def small_graph() -> nir.NIRGraph:
    """A convolution with equal axes, neurons, a nested graph and a loop."""
    draw = np.random.Generator(np.random.Philox(1))
    lif = nir.CubaLIF(tau_mem=np.full(2, 0.02), tau_syn=np.full(2, 0.01), r=np.ones(2), v_leak=np.zeros(2),
                      v_threshold=np.ones(2), w_in=np.ones(2), v_reset=np.zeros(2))  # fmt: skip
    inner = nir.NIRGraph(
        {"input": nir.Input({"input": np.array([2])}), "fc": nir.Linear(draw.normal(size=(2, 2))),
         "output": nir.Output({"output": np.array([2])})},
        [("input", "fc"), ("fc", "output")],
    )  # fmt: skip
    nodes = {
        "input": nir.Input({"input": np.array([2, 8, 8])}),
        "conv": nir.Conv2d(
            (8, 8), draw.normal(size=(2, 2, 3, 3)).astype(np.float32), 2, (1, 1), 1, 1, np.zeros(2)
        ),
        "flat": nir.Flatten({"input": np.array([2, 4, 4])}, 0, -1),
        "fc": nir.Affine(draw.normal(size=(2, 32)), draw.normal(size=2)),
        "lif": lif,
        "inner": inner,
        "output": nir.Output({"output": np.array([2])}),
    }
    edges = [("input", "conv"), ("conv", "flat"), ("flat", "fc"), ("fc", "lif"), ("lif", "inner"), ("inner", "lif"),
             ("lif", "output")]  # fmt: skip
    return nir.NIRGraph(nodes, edges, metadata={"made": "by hand", "number": 3})


@pytest.fixture
def written(tmp_path):
    sizes, static = nir_static(small_graph().to_dict(), nir.version)
    coordinates = {"image": Coordinate(np.arange(3)), "time": Coordinate(np.array([25.0]), "s")}
    with RunWriter.open(tmp_path / "run.h5", Plan((), 1, sizes, coordinates, static), {}) as writer:
        writer.finish_unit()
        writer.seal()
    return tmp_path / "run.h5"


def equal(ours: dict, theirs: dict) -> bool:
    """Whether two graphs as dictionaries are the same."""
    if ours.keys() != theirs.keys():
        return False
    return all(
        equal(value, theirs[name]) if isinstance(value, dict) else np.array_equal(value, theirs[name])
        for name, value in ours.items()
    )


def test_nir_reads_the_network_out_of_a_run_file(written, tmp_path):
    graph = small_graph()
    read = nir.read(written)
    assert equal(read.to_dict(), graph.to_dict())
    assert read.edges == graph.edges
    assert nir.serialization.read_version(written) == nir.version
    nir.write(tmp_path / "own.nir", graph)
    assert equal(read.to_dict(), nir.read(tmp_path / "own.nir").to_dict())


@pytest.mark.parametrize("engine", ["h5netcdf", "netcdf4"])
def test_xarray_still_reads_it(written, engine):
    xarray = pytest.importorskip("xarray")
    pytest.importorskip("netCDF4" if engine == "netcdf4" else engine)
    with xarray.open_datatree(written, engine=engine) as tree:
        weights = tree["/node/nodes/conv/weight"]
        assert weights.dims == ("nir_2", "nir_2_again", "nir_3", "nir_3_again")
        np.testing.assert_array_equal(weights.values, small_graph().nodes["conv"].weight)
        assert str(tree["/version"].values) == nir.version


def test_our_reader_accepts_and_hashes_it(written, tmp_path):
    with RunFile.open(written) as run:
        assert run.text("/node/nodes/lif/type") == "CubaLIF"
        assert run.sizes["/nir_32"] == 32
    tree = small_graph().to_dict()
    tree["nodes"]["fc"]["bias"] = tree["nodes"]["fc"]["bias"] + 1
    sizes, static = nir_static(tree, nir.version)
    with RunWriter.open(tmp_path / "other.h5", Plan((), 1, sizes, {}, static), {}) as writer:
        writer.finish_unit()
        writer.seal()
    assert hash_of(tmp_path / "other.h5") != hash_of(written)


def test_none_is_left_out_and_half_precision_widened():
    _, static = nir_static({"type": "X", "none": None, "metadata": {}, "half": np.ones(2, np.float16)}, "1")
    assert set(static) == {"/version", "/node/type", "/node/half"}
    assert static["/node/half"].data.dtype == np.float32


@pytest.mark.parametrize(
    ("tree", "message"),
    [
        (
            {"nodes": {"a/b": {"type": "X"}}},
            "/node/nodes/a/b: expected a name without slashes, got 'a/b'; rename",
        ),
        ({"edges": []}, "/node/edges: expected at least one value, got none"),
        ({"weight": np.ones(2, complex)}, "/node/weight: expected text, booleans, integers"),
    ],
)
def test_what_has_no_nir_form_is_refused(tree, message):
    def make():
        sizes, static = nir_static(tree, "1")
        Plan((), 1, sizes, {}, static)

    with pytest.raises(ConfigError, match=message):
        make()


def test_a_node_named_like_a_coordinate_is_refused():
    sizes, static = nir_static({"nodes": {"time": {"type": "X"}}}, "1")
    with pytest.raises(ConfigError, match="/node/nodes/time: expected a name unlike the dimensions above it"):
        Plan((), 1, sizes, {"time": Coordinate(np.zeros(1))}, static)
