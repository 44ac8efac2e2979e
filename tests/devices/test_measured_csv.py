"""Measurements as CSV files: what is understood, and that every mistake is named with its line and column."""

import gzip

import numpy as np
import pytest

from neurosim.devices import measured
from neurosim.devices.measured import ReadBack, read_measured
from neurosim.foundation.errors import DataError, LimitError


def written(tmp_path, text, name="measured.csv"):
    path = tmp_path / name
    path.write_text(text)
    return path


def test_ramps_in_columns_with_blanks_at_their_ends(tmp_path):
    text = "rmp1,rmp2,rmp3\n1,30,1\n2,20,2\n3,10,\n4,,\n,,\n"
    ramps = read_measured(written(tmp_path, text), "uS")
    assert ramps.up == (True, False, True)
    assert [len(v) for v in ramps.values] == [4, 3, 2]
    np.testing.assert_allclose(ramps.values[0], [1e-6, 2e-6, 3e-6, 4e-6])


def test_units_stand_in_names_and_currents_need_their_voltage(tmp_path):
    path = written(tmp_path, "set (nA);reset (nA)\n10;30\n20;20\n")
    np.testing.assert_allclose(read_measured(path, v_read=0.2).values[0], [5e-8, 1e-7])
    named = written(tmp_path, "up_uS\n1\n2\n", "named.csv")
    np.testing.assert_allclose(read_measured(named).values[0], [1e-6, 2e-6])
    with pytest.raises(DataError, match=r"currents in nA; give the voltage: --v-read 0.1"):
        read_measured(path)
    with pytest.raises(DataError, match=r"expected uS, as --unit says, got nA"):
        read_measured(path, "uS")


def test_files_without_names_normalised_values_and_directions(tmp_path):
    ramps = read_measured(written(tmp_path, "-0.8,0.7\n-0.5,0.1\n0.9,-0.9\n"), "1")
    assert ramps.normalised
    assert ramps.up == (True, False)
    named = read_measured(written(tmp_path, "depression,potentiation\n1,3\n2,2\n", "named.csv"), "uS")
    assert named.up == (False, True)  # the name counts, not where the values go


def test_pulse_numbers_begin_ramps_and_pulses_turn(tmp_path):
    path = written(tmp_path, "pulse,g\n1,1\n2,2\n3,3\n1,1.1\n2,2.1\n3,2.9\n")
    ramps = read_measured(path, "uS")
    assert [list(np.round(v * 1e6, 3)) for v in ramps.values] == [[1, 2, 3], [1.1, 2.1, 2.9]]
    turned = read_measured(written(tmp_path, "g\n1\n2\n3\n2\n1\n0.5\n", "turn.csv"), "uS", turn=3)
    assert turned.up == (True, False)
    assert [len(v) for v in turned.values] == [3, 3]


def test_read_back_and_tables_of_steps(tmp_path):
    read = read_measured(written(tmp_path, "target (uS),measured (uS)\n10,11\n20,19\n"))
    assert isinstance(read, ReadBack)
    np.testing.assert_allclose(read.measured, [11e-6, 19e-6])
    table = "1st Row = Gbins, 2nd Row = CDF Points, then dG\n1e-6,2e-6\n0,0.5,1\n1e-7,5e-8\n2e-7,1e-7\n3e-7,1.5e-7\n"
    path = tmp_path / "steps.txt.gz"
    path.write_bytes(gzip.compress(table.encode()))
    steps = read_measured(path)
    assert steps.bins == (0,) * 20 + (1,) * 20
    assert steps.up == (True,) * 40
    first = np.array([v[1] - v[0] for v in steps.values[:20]])
    np.testing.assert_allclose(first, 1e-7 + 2e-7 * (np.arange(20) + 0.5) / 20, rtol=1e-6)


GOOD = "pulse,g (uS)\n1,1\n2,2\n3,3\n"
BAD = [
    ("pulse,g (uS)\n1,1\n2,\n3,3\n", r"measured.csv:3: column 'g \(uS\)': .* got a blank between numbers"),
    ("g (uS)\n1\nlow\n3\n", r"measured.csv:3: column 'g \(uS\)': expected a number, got 'low'"),
    ("g (uS)\n1\nnan\n", r"measured.csv:3: .* got 'nan'"),
    ("pulse,g (uS)\n1,1\n3,2\n2,3\n", r"measured.csv:3: column 'pulse': expected .* that rise one by one, got 3"),
    ("pulse,g (uS)\n1,1\n2,2\n2,3\n", r"measured.csv:4: column 'pulse': .* got 2 after 2; sort the rows by pulse"),
    ("g (uS)\n1\n-2\n3\n", r"measured.csv:3: .*expected a conductance of at least 0, got -2"),
    ("g (S)\n1\n2\n3\n", r"measured.csv:4: .*expected at most 0.1 S .*got 3 S; the unit is wrong"),
    ("g (nS)\n1e-8\n2e-8\n", r"got 2e-17 S; the unit is wrong"),
    ("a (uS),b (nS)\n1,2\n2,3\n", r"one unit of its values, got nS and uS"),
    ("g\n1\n2\n", r"one unit of its values, got none; give it: --unit uS, --unit A with --v-read, or --unit 1"),
    ("\n\n", r"measured.csv: expected a table of numbers, got an empty file"),
    ("g (uS)\n", r"measured.csv: expected a table of numbers, got one line without them"),
    ("<html><body>404</body></html>", r"expected a table of numbers, got one line without them"),
    ("g (uS)\n" + "1" * 200_000, r"measured.csv: expected a table of numbers, got field larger than field limit"),
    ("target (uS),measured (uS)\n1,1\n2,\n", r"a measured value for each of 2 targets, got 1"),
    ("pulse,g (uS)\n1,1\n,2\n", r"measured.csv:3: column 'g \(uS\)': expected a pulse number beside each value"),
    ("Row 1 = Gbins, Row 2 = CDF\n1,2\n0,1\n1,2\n", r"2 rows of changes, one per CDF point, got 1"),
    ("Row 1 = Gbins, Row 2 = CDF\n1,2\n0,1\n1,2\n3\n", r"measured.csv:5: expected 2 changes, one per .* bin, got 1"),
    ("Row 1 = Gbins, Row 2 = CDF\n1,x\n", r"measured.csv:2: column 2: expected a number, got 'x'"),
]  # fmt: skip


def test_a_small_file_that_unpacks_to_much_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(measured, "MOST_BYTES", 2**20)
    path = tmp_path / "measured.csv.gz"
    path.write_bytes(gzip.compress(b"1\n" * 2**20))
    assert path.stat().st_size < 5000
    with pytest.raises(LimitError, match=r"measured.csv.gz: expected at most 1 MiB of text, got more"):
        read_measured(path, "uS")
    path.write_bytes(gzip.compress(b"1\n" * 2**18))
    assert len(read_measured(path, "uS").values[0]) == 2**18


@pytest.mark.parametrize(("text", "message"), BAD)
def test_mistakes_are_named(tmp_path, text, message):
    assert len(read_measured(written(tmp_path, GOOD, "good.csv")).values[0]) == 3
    with pytest.raises(DataError, match=message):
        read_measured(written(tmp_path, text))


def test_units_that_are_none_and_files_that_cannot_be_read(tmp_path):
    path = written(tmp_path, "g\n1\n2\n")
    with pytest.raises(DataError, match=r"siemens or amperes: S, mS, uS, nS, A, mA, uA, nA, got 'ohm'"):
        read_measured(path, "ohm")
    with pytest.raises(DataError, match="a readable CSV file"):
        read_measured(tmp_path / "missing.csv", "uS")
    (tmp_path / "binary.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match="a readable CSV file"):
        read_measured(tmp_path / "binary.csv", "uS")
    with pytest.raises(DataError, match=r"targets in siemens or amperes, got normalised values"):
        read_measured(written(tmp_path, "target,measured\n1,1\n", "read.csv"), "1")
    with pytest.raises(DataError, match="files of one kind and unit"):
        read_measured(path, "uS").joined(read_measured(path, "1"))
