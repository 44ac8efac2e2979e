"""What is recorded is what is read: by this package, and by a stranger with xarray."""

import hashlib
import re

import h5py
import numpy as np
import pytest
from recording_samples import CHIPS, CLASSES, IMAGES, TIMES, hash_of, run_sample, sample_plan, sample_values

from neurosim.foundation.errors import ConfigError, DataError, LimitError
from neurosim.recording import Coordinate, Plan, RunFile, RunWriter, Static, Variable


@pytest.fixture
def sealed(tmp_path):
    return run_sample(tmp_path / "run.h5")


def test_values_dims_units_and_text_come_back(sealed):
    with RunFile.open(sealed) as run:
        for path, values in sample_values().items():
            read = run.read(path)
            assert read.dtype == values.dtype
            np.testing.assert_array_equal(read, values)
        assert run.dims("/outputs/logits") == ("chip", "time_s", "image", "class")
        assert run.dims("/states/fc1/g_plus") == ("chip", "time_s", "row", "column")
        assert run.dims("/time_s") == ("time_s",)
        assert run.units("/states/fc1/g_plus") == "S"
        assert run.units("/time_s") == "s"
        assert run.units("/class_names") == ""
        assert run.text("/text/chip_toml") == 'format = 1\nname = "żółw"\n'
        assert run.read("/class_names").tolist() == list("abcde")
        assert run.read("/labels").tolist() == [i % CLASSES for i in range(IMAGES)]
        attributes = run.attributes()
        assert attributes["times_s"].tolist() == [25.0, 3600.0]
        assert (attributes["format"], attributes["seed"], attributes["network"]) == (1, 0, "digits_mlp")
        assert run.attributes("/provenance")["host"] == "here"


def test_index_reads_a_part_and_unknown_paths_suggest(sealed):
    with RunFile.open(sealed) as run:
        part = run.read("/outputs/logits", (1, slice(None), slice(3, 5)))
        np.testing.assert_array_equal(part, sample_values()["/outputs/logits"][1, :, 3:5])
        assert "/outputs/logits" in run
        with pytest.raises(
            DataError, match=r"/outputs/logit: expected a dataset.*did you mean '/outputs/logits'"
        ):
            run.read("/outputs/logit")
        with pytest.raises(DataError, match="expected one text, got int64"):
            run.text("/labels")


def test_tree_lists_datasets_but_not_bare_dimensions(sealed):
    with RunFile.open(sealed) as run:
        entries = {entry.path: entry for entry in run.tree()}
        assert run.sizes["/image"] == IMAGES
        assert run.sizes["/states/fc1/row"] == 7
    assert "/image" not in entries
    logits = entries["/outputs/logits"]
    assert (logits.shape, logits.dtype, logits.units) == ((CHIPS, TIMES, IMAGES, CLASSES), "float32", "1")
    assert logits.nbytes == 4 * CHIPS * TIMES * IMAGES * CLASSES
    assert logits.description == "output of the last layer"
    assert entries["/text/chip_toml"].dtype == "text"


@pytest.mark.parametrize("engine", ["h5netcdf", "netcdf4"])
def test_a_stranger_reads_it_with_xarray(sealed, engine):
    xarray = pytest.importorskip("xarray")
    pytest.importorskip("netCDF4" if engine == "netcdf4" else engine)
    with xarray.open_datatree(sealed, engine=engine) as tree:
        logits = tree["/outputs/logits"]
        assert logits.dims == ("chip", "time_s", "image", "class")
        assert logits.attrs["units"] == "1"
        np.testing.assert_array_equal(logits.values, sample_values()["/outputs/logits"])
        late = tree["/outputs"].to_dataset().sel(time_s=3600.0)["logits"]
        np.testing.assert_array_equal(late.values, sample_values()["/outputs/logits"][:, 1])
        assert tree["/outputs/logits"].coords["time_s"].attrs["units"] == "s"
        assert tree["/states/fc1/g_plus"].dims == ("chip", "time_s", "row", "column")
        assert tree["/states/fc1/g_plus"].attrs == {"units": "S", "long_name": "conductance"}
        assert tree["/counts/adc_saturations"].coords["layer"].values.tolist() == ["fc1", "fc2", "fc3"]
        assert str(tree["/text/chip_toml"].values) == 'format = 1\nname = "żółw"\n'
        assert tree["/labels"].dims == ("image",)
        assert tree.attrs["format"] == 1


def test_one_snapshot_per_chunk_and_checksums_everywhere(sealed):
    with h5py.File(sealed) as file:
        assert file["/states/fc1/g_plus"].chunks == (1, 1, 7, 4)
        for name in ("/states/fc1/g_plus", "/outputs/logits", "/labels"):
            assert file[name].fletcher32
            assert file[name].compression is None


def test_hash_leaves_out_provenance_and_layout(tmp_path, sealed):
    other = run_sample(tmp_path / "other.h5", sample_plan(provenance={"host": "elsewhere"}))
    assert hash_of(other) == hash_of(sealed)
    with h5py.File(other, "r+") as file:
        values = file["/labels"][...]
        attributes, scale = dict(file["/labels"].attrs), file["/image"]
        del file["/labels"]
        dataset = file.create_dataset("/labels", data=values, compression="gzip", chunks=(3,))
        dataset.dims[0].attach_scale(scale)
        dataset.attrs["units"], dataset.attrs["long_name"] = attributes["units"], attributes["long_name"]
    assert hash_of(other) == hash_of(sealed)


def _one_value(file):
    file["/outputs/logits"][2, 1, 20, 4] = np.nextafter(file["/outputs/logits"][2, 1, 20, 4], np.float32(9))


def _one_unit(file):
    file["/outputs/logits"].attrs["units"] = "V"


def _one_attribute(file):
    file.attrs["seed"] = 1


def _one_letter(file):
    file["/class_names"][2] = "C"


def _one_coordinate(file):
    file["/time_s"][1] = 3601.0


def _another_name(file):
    file.move("/labels", "/truth")


def _negative_zero(file):
    file["/counts/adc_saturations"][0, 0] = -0.0


@pytest.mark.parametrize(
    "change",
    [_one_value, _one_unit, _one_attribute, _one_letter, _one_coordinate, _another_name, _negative_zero],
)
def test_hash_feels_every_change(sealed, change):
    before = hash_of(sealed)
    with h5py.File(sealed, "r+") as file:
        change(file)
    assert hash_of(sealed) != before


def test_file_is_the_same_byte_for_byte_but_for_its_run_id(tmp_path):
    digests = []
    for name in ("a.h5", "b.h5"):
        content = run_sample(tmp_path / name).read_bytes()
        with RunFile.open(tmp_path / name) as run:
            run_id = run.attributes("/provenance")["run_id"].encode()
        assert content.count(run_id) == 1
        digests.append(hashlib.sha256(content.replace(run_id, b"")).hexdigest())
    assert digests[0] == digests[1]


@pytest.mark.parametrize("dtype", ["bool", "int8", "uint64", "float64"])
def test_every_type_and_scalar_variables(tmp_path, dtype):
    plan = Plan((Variable("/x", ("n",), dtype), Variable("/one", (), dtype)), 1, {"n": 3})
    values = np.array([0, 1, 1], dtype=dtype)
    with RunWriter.open(tmp_path / "r.h5", plan, {}) as writer:
        writer.put("/x", (), values)
        writer.put("/one", (), values[1])
        writer.finish_unit()
        writer.seal()
    with RunFile.open(tmp_path / "r.h5") as run:
        assert run.read("/x").dtype == np.dtype(dtype)
        assert run.read("/x").tolist() == values.tolist()
        assert run.read("/one")[()] == values[1]
        assert len(run.content_hash()) == 64


def test_cells_never_put_hold_the_fill_where_that_is_allowed(tmp_path):
    plan = Plan((Variable("/x", ("n", "m"), "float32", fill=np.nan),), 1, {"n": 3, "m": 2})
    with RunWriter.open(tmp_path / "r.h5", plan, {}) as writer:
        writer.put("/x", (1,), np.ones(2))
        writer.finish_unit()
        writer.seal()
    with RunFile.open(tmp_path / "r.h5") as run:
        np.testing.assert_array_equal(run.read("/x"), [[np.nan] * 2, [1, 1], [np.nan] * 2])


def test_a_large_sparse_state_is_still_readable(tmp_path):
    plan = Plan(
        (Variable("/x", ("n", "m"), "float32", snapshot=("n",), fill=0.0),), 1, {"n": 20, "m": 1 << 20}
    )
    with RunWriter.open(tmp_path / "r.h5", plan, {}) as writer:
        writer.put("/x", (1,), np.ones(1 << 20))
        writer.finish_unit()
        writer.seal()
    with RunFile.open(tmp_path / "r.h5") as run:
        assert run.read("/x", (1,)).all()
        assert not run.read("/x", (19,)).any()


def test_reading_more_than_the_limit_is_refused(sealed):
    with RunFile.open(sealed, limit_bytes=1000) as run:
        assert run.read("/labels").size == IMAGES
        with pytest.raises(
            LimitError, match=r"/outputs/logits: expected at most 0.001 MB, got 0.00252 MB; read it in"
        ):
            run.read("/outputs/logits")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"n_units": 0}, "n_units: expected at least one unit of work, got 0"),
        ({"sizes": {"chip": 3}}, r"/outputs/logits: expected dimensions given in sizes, got 'image'"),
        (
            {"static": {"/labels": Static(np.arange(4), ("image",))}},
            r"/labels: expected shape \(21,\).*got \(4,\)",
        ),
        ({"static": {"/outputs/logits": Static("x")}}, "/outputs/logits: expected each path once"),
        ({"static": {"/outputs": Static("x")}}, "expected a group above it, got /outputs is a dataset"),
        (
            {"static": {"/text/chip": Static("x")}},
            "/text/chip: expected a name unlike the dimensions above it",
        ),
        ({"static": {"/provenance/x": Static("x")}}, "expected a path outside /provenance"),
        (
            {"static": {"/a/../b": Static("x")}},
            "path: expected printable names between slashes, got '/a/../b'",
        ),
        ({"static": {"/a\x1b[2J": Static("x")}}, "path: expected printable names"),
        (
            {"static": {"/t": Static(np.arange(3.0), (), "seconds")}},
            "/t units: expected an SI symbol, got 'seconds'",
        ),
        (
            {"static": {"/t": Static(np.float16(3))}},
            "/t: expected text, booleans, integers, float32 or float64",
        ),
        ({"attributes": {"x": None}}, "attribute x: expected text, booleans, integers.*got NoneType"),
    ],
)
def test_a_plan_that_cannot_be_stored_is_refused_when_made(changes, message):
    with pytest.raises(ConfigError, match=message):
        sample_plan(**changes)


@pytest.mark.parametrize(
    ("variable", "message"),
    [
        (
            Variable("/x", ("n",), "float16"),
            r"/x dtype: expected a stored type, got 'float16'; did you mean 'float",
        ),
        (Variable("/x", ("n", "n"), "int8"), r"/x dims: expected each name once, got \('n', 'n'\)"),
        (Variable("/x", ("n",), "int8", snapshot=("m",)), "/x snapshot: expected names from dims, got 'm'"),
        (Variable("/x", ("n",), "int8", "days"), "/x units: expected an SI symbol, got 'days'"),
        (Variable("/deep/n", ("n",), "int8"), "/deep/n: expected a name unlike the dimensions above it"),
        (Variable("/x", ("m",), "int8"), "/x: expected dimensions given in sizes, got 'm'"),
    ],
)
def test_variables_that_cannot_be_stored_are_refused(variable, message):
    with pytest.raises(ConfigError, match=message):
        Plan((variable,), 1, {"n": 3})


def test_dimensions_must_have_cells_and_one_length():
    with pytest.raises(ConfigError, match="dimension n: expected a length of at least 1, got 0"):
        Plan((), 1, {"n": 0})
    with pytest.raises(ConfigError, match=r"/g/n: expected a name unlike the dimensions above it"):
        Plan((), 1, {"n": 2, "g/n": 3})
    plan = sample_plan()
    with pytest.raises(
        ConfigError, match=re.escape("coordinate time_s: expected 4 values along one axis, got shape (2,)")
    ):
        sample_plan(sizes={**plan.sizes, "time_s": 4})


def test_a_coordinate_of_two_axes_is_refused():
    with pytest.raises(ConfigError, match="coordinate n: expected 2 values along one axis"):
        Plan((), 1, {}, {"n": Coordinate(np.zeros((2, 2)))})
