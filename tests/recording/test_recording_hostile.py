"""Files made by others: nothing outside them is read, and no claim is believed."""

import re
import time
from pathlib import Path

import h5py
import numpy as np
import pytest
from recording_samples import hash_of, run_sample

from neurosim.foundation.errors import DataError, FormatError, LimitError, NeurosimError
from neurosim.recording import RunFile, load_arrays

STORED = Path(__file__).parent / "stored_files"


def hostile(path: Path, make) -> Path:
    with h5py.File(path, "w") as file:
        file.attrs["format"] = 1
        file.attrs["kind"] = "chip"
        file["plain"] = np.arange(3)
        make(file)
    return path


def _external_link(file):
    file["data/passwords"] = h5py.ExternalLink("/etc/passwd", "/x")


def _soft_link(file):
    file["data/alias"] = h5py.SoftLink("/plain")


def _virtual(file):
    layout = h5py.VirtualLayout((3,), "i8")
    layout[:] = h5py.VirtualSource("other.h5", "x", (3,))
    file.create_virtual_dataset("data/virtual", layout)


def _external_storage(file):
    file.create_dataset("data/raw", (3,), "u1", external=[("/etc/passwd", 0, 3)])


def _references(file):
    file.create_dataset("data/refs", data=np.array([file["plain"].ref], dtype=h5py.ref_dtype))


def _region_references(file):
    file.create_dataset("data/refs", (1,), dtype=h5py.regionref_dtype)


def _ragged(file):
    file.create_dataset("data/ragged", (1,), dtype=h5py.vlen_dtype("f4"))


def _compound(file):
    file.create_dataset("data/pairs", (1,), dtype=[("a", "i4"), ("b", "f8")])


def _opaque(file):
    file.create_dataset("data/opaque", (1,), dtype=np.dtype("V8"))


def _half(file):
    file.create_dataset("data/half", (1,), dtype="f2")


def _named_type(file):
    file["data/type"] = np.dtype("f8")


def _second_link(file):
    file["data/again"] = file["plain"]


def _loop(file):
    file["data/inner/up"] = file["data"] if "data" in file else file.create_group("data")


def _filter(file):
    file.create_dataset("data/lzf", data=np.arange(3), compression="lzf")


def _escape_codes(file):
    file["data/\x1b[2J"] = 1


def _reference_attribute(file):
    file["plain"].attrs["pointer"] = file["plain"].ref


def _escape_attribute(file):
    file["plain"].attrs["\x1b[2J"] = 1


@pytest.mark.parametrize(
    ("make", "where", "got"),
    [
        (_external_link, "/data/passwords", "an external link"),
        (_soft_link, "/data/alias", "a soft link"),
        (_virtual, "/data/virtual", "a virtual dataset"),
        (_external_storage, "/data/raw", "external raw storage"),
        (_references, "/data/refs", "references"),
        (_region_references, "/data/refs", "references"),
        (_ragged, "/data/ragged", "variable-length data"),
        (_compound, "/data/pairs", "compounds"),
        (_opaque, "/data/opaque", "an unknown type"),
        (_half, "/data/half", "floats of 2 bytes"),
        (_named_type, "/data/type", "a named type"),
        (_second_link, "/plain", "a second link to the same object"),
        (_loop, "/data/inner/up", "a second link to the same object"),
        (_filter, "/data/lzf", "filter 32000"),
        (_escape_codes, r"'/data/\x1b[2J'", "control characters or bytes that are not UTF-8"),
        (_reference_attribute, "/plain@pointer", "references"),
        (_escape_attribute, r"'/plain@\x1b[2J'", "control characters"),
    ],
)
def test_what_is_not_plain_data_is_refused_by_name(tmp_path, make, where, got):
    path = hostile(tmp_path / "x.h5", make)
    for read in (RunFile.open, lambda path: load_arrays(path, "chip")):
        with pytest.raises(
            FormatError, match=re.escape(f"x.h5: {where}: expected") + ".*got " + re.escape(got)
        ):
            read(path)


def _nothing_claims_much(file):
    file.create_dataset("data/huge", (10**13,), "f8")


def _chunk_claims_much(file):
    file.create_dataset("data/huge", (10,), "u1", maxshape=(None,), chunks=(1 << 31,))


def _many_claims(file):
    for number in range(100):
        file.create_dataset(f"data/huge{number}", (1 << 22,), "f4")


def _bomb(file):
    file.create_dataset("data/huge", data=np.zeros(100 << 20, "u1"), chunks=(1 << 20,), compression="gzip")


def _deep(file):
    file.create_group("/".join(["data"] + ["huge"] * 40))


def _attribute(file):
    file.create_group("data").attrs.create("huge", np.zeros(4 << 20), dtype="f8")


@pytest.mark.parametrize(
    "make", [_nothing_claims_much, _chunk_claims_much, _many_claims, _bomb, _deep, _attribute]
)
def test_huge_claims_are_refused_at_once(tmp_path, make):
    path = tmp_path / "x.h5"
    with h5py.File(path, "w", libver="latest") as file:
        file.attrs["format"] = 1
        make(file)
    start = time.monotonic()
    with pytest.raises(
        LimitError, match=r"x.h5: /data.*huge.*expected .*at most|/data@huge: expected attributes up to"
    ):
        RunFile.open(path)
    assert time.monotonic() - start < 5


def test_files_that_are_not_there_or_not_hdf5(tmp_path):
    with pytest.raises(DataError, match=r"none.h5: expected a file, got none; check the path"):
        RunFile.open(tmp_path / "none.h5")
    with pytest.raises(DataError, match="expected a file, got a folder"):
        RunFile.open(tmp_path)
    for content in (b"", b"<!DOCTYPE html>"):
        (tmp_path / "x.h5").write_bytes(content)
        with pytest.raises(
            FormatError,
            match=f"x.h5: expected an HDF5 file, got one that begins with b'{content[:8].decode()}'",
        ):
            RunFile.open(tmp_path / "x.h5")


def test_truncated_and_rotten_files_are_told_apart_by_name(tmp_path):
    path = run_sample(tmp_path / "run.h5")
    content = path.read_bytes()
    with RunFile.open(path) as run:
        at = content.index(run.read("/states/fc1/g_plus")[2, 1].tobytes())
    path.write_bytes(content[:-100])
    with pytest.raises(
        DataError, match=r"run.h5: expected a whole file, got a truncated one; copy or make it again"
    ):
        RunFile.open(path)
    path.write_bytes(content[:at] + bytes([content[at] ^ 16]) + content[at + 1 :])
    with RunFile.open(path) as run:
        assert run.read("/outputs/logits").size
        for look in (lambda: run.read("/states/fc1/g_plus"), run.content_hash):
            with pytest.raises(DataError, match=r"run.h5: /states/fc1/g_plus: expected undamaged data"):
                look()


def test_newer_and_unnumbered_formats_are_refused(tmp_path):
    path = run_sample(tmp_path / "run.h5")
    with h5py.File(path, "r+") as file:
        file.attrs["format"] = 2
    with pytest.raises(
        FormatError, match=r"run.h5: expected format 1 or older, got format 2; needs a newer neurosim"
    ):
        RunFile.open(path)
    for number in (None, "1", 0):
        with h5py.File(path, "r+") as file:
            file.attrs.pop("format", None)
            if number is not None:
                file.attrs["format"] = number
        with pytest.raises(
            FormatError, match="expected a run file with its format number, got none; is it a run file?"
        ):
            RunFile.open(path)


def test_random_damage_to_metadata_is_an_error_of_ours_or_harmless(tmp_path):
    content = bytearray(run_sample(tmp_path / "run.h5").read_bytes())
    draw = np.random.Generator(np.random.Philox(3))
    refused = 0
    for _ in range(60):
        damaged = content.copy()
        for at in draw.integers(0, len(content), 5):
            damaged[at] ^= int(draw.integers(1, 256))
        (tmp_path / "x.h5").write_bytes(damaged)
        try:
            hash_of(tmp_path / "x.h5")
        except NeurosimError:
            refused += 1
    assert refused > 40


@pytest.mark.parametrize("path", sorted(STORED.glob("run_format_*.h5")), ids=lambda path: path.stem)
def test_every_format_ever_released_is_readable(path):
    with RunFile.open(path) as run:
        assert run.content_hash() == path.with_suffix(".hash").read_text().strip()
        assert run.units("/states/fc1/g_plus") == "S"


def test_the_present_format_has_a_stored_file():
    from neurosim.recording import FORMAT

    assert (STORED / f"run_format_{FORMAT}.h5").is_file()
