"""RANC's files: its own simulator's output bit for bit, its conventions, and files that are no network."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pytest

from neurosim.engines.spiking.truenorth.ranc import run_ranc
from neurosim.engines.spiking.truenorth.ranc_files import format_rows, load_ranc, read_rows, write_rows
from neurosim.foundation.errors import ConfigError, DataError, FormatError

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of pyparsing, in Brian2
TICKS = 18
BUS = (0, 2)


@pytest.mark.data
@pytest.mark.parametrize("variant", [0, 1])
def test_tea256_is_what_rancs_simulator_printed(data_folder, tmp_path, variant):
    folder = data_folder / "ranc"
    case = load_ranc(folder / "tea256_input.json.gz", folder / f"tea256_config_reset{variant}.json")
    rows = run_ranc(case, TICKS)
    printed = (folder / f"tea256_out_reset{variant}.txt").read_bytes()
    assert format_rows(rows).encode() == printed
    write_rows(tmp_path / "rows.txt", rows)
    assert (tmp_path / "rows.txt").read_bytes() == printed
    np.testing.assert_array_equal(read_rows(folder / f"tea256_out_reset{variant}.txt"), rows)
    # two layers: the answer to packets[i] leaves in tick i + 2, as the hardware's test vectors say
    expected = json.loads((folder / "tea256_expected_hw.json").read_text())["expected"]
    for image, spikes in enumerate(expected):
        assert np.flatnonzero(rows[image + 2]).tolist() == spikes
    assert sum(map(len, expected)) == 539


def small_case(seed: int = 0, cores: int = 4, axons: int = 12, neurons: int = 10, ticks: int = 40) -> dict:
    """A random network in RANC's JSON, with delays, both resets, and neurons that go to the bus."""
    r = np.random.default_rng(seed)
    places = [(x, y) for y in range(2) for x in range(2)][:cores]
    made = []
    for x, y in places:
        group = []
        for j in range(neurons):
            to = BUS if j < 3 else places[r.integers(cores)]
            group.append({
                "reset_potential": int(r.integers(-4, 5)), "weights": [int(w) for w in r.integers(-4, 6, 4)],
                "leak": int(r.integers(-1, 3)), "positive_threshold": int(r.integers(3, 12)),
                "negative_threshold": -int(r.integers(0, 9)), "destination_core_offset": [to[0] - x, to[1] - y],
                "destination_axon": int(r.integers(axons)), "destination_tick": int(r.integers(0, 15)),
                "current_potential": int(r.integers(0, 5)), "reset_mode": int(r.integers(0, 2)),
            })  # fmt: skip
        made.append({
            "axons": [int(t) for t in r.integers(0, 4, axons)], "neurons": group,
            "connections": r.integers(0, 2, (neurons, axons)).tolist(), "coordinates": [x, y],
        })  # fmt: skip
    packets = [
        [{"destination_core": list(places[r.integers(cores)]), "destination_axon": int(r.integers(axons)),
          "destination_tick": int(r.integers(0, 15))} for _ in range(r.integers(0, 8))]
        for _ in range(ticks)
    ]  # fmt: skip
    return {"packets": packets, "output_bus": {"coordinates": list(BUS), "num_outputs": 12}, "cores": made}


def configuration(kind: int = 0, **changes: int) -> dict:
    return {
        "num_neurons": 10, "num_axons": 12, "num_cores_x": 2, "num_cores_y": 3, "num_weights": 4,
        "max_tick_offset": 16, "neuron_reset_type": kind,
    } | changes  # fmt: skip


def written(folder: Path, content: dict, settings: dict) -> tuple[Path, Path]:
    paths = (folder / "network.json.gz", folder / "config.json")
    paths[0].write_bytes(gzip.compress(json.dumps(content).encode()))
    paths[1].write_text(json.dumps(settings))
    return paths


def interpreted(content: dict, kind: int, ticks: int) -> np.ndarray:
    """RANC's rules on its own JSON, neuron by neuron: 16-word rings, packets, thresholds in the order of its code."""
    cores = {tuple(core["coordinates"]): core for core in content["cores"]}
    rings = {place: [set() for _ in range(16)] for place in cores}
    v = {place: [n["current_potential"] for n in core["neurons"]] for place, core in cores.items()}
    rows = np.zeros((ticks, content["output_bus"]["num_outputs"]), bool)
    packets = dict(enumerate(content["packets"]))

    def send(t, place, axon, d):
        if place == BUS:
            if t < ticks:
                rows[t, axon] = True
        elif d != 15:
            rings[place][(t + d + 1) % 16].add(axon)

    for packet in packets.get(0, []):
        send(0, tuple(packet["destination_core"]), packet["destination_axon"], packet["destination_tick"])
    for t in range(1, ticks):
        for packet in packets.get(t, []):
            send(t, tuple(packet["destination_core"]), packet["destination_axon"], packet["destination_tick"])
        sent = []
        for (x, y), core in cores.items():
            now, rings[x, y][t % 16] = rings[x, y][t % 16], set()
            for j, n in enumerate(core["neurons"]):
                value = v[x, y][j] + n["leak"]
                value += sum(n["weights"][core["axons"][a]] for a in now if core["connections"][j][a])
                low = n["negative_threshold"]
                if value >= n["positive_threshold"]:
                    sent.append(((x, y), n))
                    value = value - n["positive_threshold"] if n["reset_mode"] else n["reset_potential"]
                elif value < low or (kind == 1 and value == low):
                    value = value - low if n["reset_mode"] else -n["reset_potential"]
                v[x, y][j] = value
        for (x, y), n in sent:
            dx, dy = n["destination_core_offset"]
            send(t, (x + dx, y + dy), n["destination_axon"], n["destination_tick"])
    return rows


@pytest.mark.parametrize("kind", [0, 1])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_random_networks_follow_rancs_rules(tmp_path, kind, seed):
    content = small_case(seed)
    rows = run_ranc(load_ranc(*written(tmp_path, content, configuration(kind))), 60)
    expected = interpreted(content, kind, 60)
    np.testing.assert_array_equal(rows, expected)
    assert expected.sum() > 30
    assert not np.array_equal(expected, interpreted(content, 1 - kind, 60))  # the two variants do differ


def test_a_delay_of_fifteen_is_dropped_with_a_warning(tmp_path):
    content = small_case()
    content["cores"][1]["neurons"][5]["destination_tick"] = 15
    content["packets"][2].append({"destination_core": [0, 0], "destination_axon": 1, "destination_tick": 15})
    files = written(tmp_path, content, configuration())
    with pytest.warns(UserWarning, match=r"destination_tick 15 falls into the present tick: dropped") as told:
        case = load_ranc(*files)
    assert [str(w.message).split(": ")[1] for w in told] == ["core 1, neuron 5", "packet of tick 2"]
    np.testing.assert_array_equal(run_ranc(case, 40), interpreted(content, 0, 40))


def test_packets_to_the_bus_leave_at_once_and_doubles_are_one(tmp_path):
    content = small_case(ticks=0) | {"packets": [
        [{"destination_core": list(BUS), "destination_axon": 7, "destination_tick": 4}] * 2,
        [{"destination_core": [1, 0], "destination_axon": 3, "destination_tick": 0}] * 2,
    ]}  # fmt: skip
    case = load_ranc(*written(tmp_path, content, configuration()))
    rows = run_ranc(case, 5)
    assert np.flatnonzero(rows[0]).tolist() == [7]
    assert case.arrivals[2].tolist() == [1 * 12 + 3]
    assert format_rows(rows[:1]) == "\ufeff" + "0 " * 7 + "1 " + "0 " * 4 + "\n"


def test_smaller_cores_are_filled_up_and_unused_cores_swallow_spikes(tmp_path):
    content = small_case()
    core = content["cores"][3]
    core["neurons"], core["connections"] = core["neurons"][:6], core["connections"][:6]
    content["cores"][0]["neurons"][9]["destination_core_offset"] = [1, 2]  # in the grid, but no core is there
    case = load_ranc(*written(tmp_path, content, configuration()))
    assert not case.network.connections[3, :, 6:].any()
    content["cores"][0]["neurons"][9] |= {"destination_core_offset": [0, 0], "destination_axon": 0}
    content["cores"][0]["neurons"][9]["destination_tick"] = 15  # swallowed as well
    np.testing.assert_array_equal(run_ranc(case, 40), interpreted(content, 0, 40))


def break_neuron(content, **changes):
    content["cores"][2]["neurons"][4] |= changes


def in_one_place(content):
    content["cores"][1]["coordinates"] = [0, 0]
    for neuron in content["cores"][1]["neurons"]:
        neuron["destination_core_offset"] = [0, 0]


@pytest.mark.parametrize(
    ("spoil", "kind", "message"),
    [
        (lambda c: break_neuron(c, destination_tick=16), ConfigError,
         r"core 2, neuron 4: destination_tick: expected 0 to 15, got 16; a ring has 16 words"),
        (lambda c: break_neuron(c, destination_tick=-1), ConfigError, r"destination_tick: expected 0 to 15, got -1"),
        (lambda c: break_neuron(c, weights=[1, 2, 3, 4, 5]), ConfigError,
         r"core 2, neuron 4: weights: expected at most 4, one per axon type, got 5; a core has four axon types"),
        (lambda c: break_neuron(c, destination_core_offset=[5, 0]), ConfigError,
         r"destination: expected a core of the grid or the output bus, got \(5, 1\)"),
        (lambda c: break_neuron(c, destination_axon=12), ConfigError,
         r"core 2, neuron 4: target: expected an axon or output that exists"),
        (lambda c: break_neuron(c, leak=2**24), ConfigError, r"core 2, neuron 4: leak: expected -8388608 to 8388607"),
        (lambda c: break_neuron(c, reset_mode=2), ConfigError, r"reset_mode: expected 0 to 1, got 2"),
        (lambda c: c["cores"][0]["axons"].__setitem__(3, 4), ConfigError,
         r"core 0, axon 3: axon_types: expected 0 to 3, got 4; a core has four axon types"),
        (lambda c: c["cores"][0]["neurons"].append(c["cores"][0]["neurons"][0]), ConfigError,
         r"core 0: expected at most 10 neurons, as configured, got 11"),
        (in_one_place, ConfigError, r"a place of its own for every core, got one used twice; move one of the cores"),
        (lambda c: c["cores"][1]["connections"].pop(), FormatError, r"a row per neuron, a number per axon"),
        (lambda c: c["packets"][0].append({"destination_core": [0, 0], "destination_axon": 99, "destination_tick": 0}),
         ConfigError, r"packet of tick 0: expected axon or output 0 to 11, got 99; correct the packet"),
        (lambda c: c.pop("cores"), FormatError, r"a network and a configuration of RANC, got KeyError"),
        (lambda c: c.update(packets=3), FormatError, r"a network and a configuration of RANC, got TypeError"),
    ],
)  # fmt: skip
def test_wrong_networks_are_refused(tmp_path, spoil, kind, message):
    content = small_case()
    spoil(content)
    with pytest.raises(kind, match=message):
        load_ranc(*written(tmp_path, content, configuration()))


def test_wrong_configurations_and_files_are_refused(tmp_path):
    files = written(tmp_path, small_case(), configuration(7))
    with pytest.raises(
        ConfigError, match=r"neuron_reset_type: expected 0 \(below\) or 1 \(at or below\), got 7"
    ):
        load_ranc(*files)
    with pytest.raises(
        ConfigError, match=r"num_axons: expected 1 to 256, got 257; correct the configuration"
    ):
        load_ranc(*written(tmp_path, small_case(), configuration(num_axons=257)))
    files[0].write_bytes(gzip.compress(b'{"packets": [')[:-9])
    with pytest.raises(DataError, match=r"a readable file"):
        load_ranc(*files)
    files[0].write_bytes(gzip.compress(b'{"packets": ['))
    with pytest.raises(FormatError, match=r"expected a JSON file"):
        load_ranc(*files)
    with pytest.raises(DataError, match=r"expected a readable file, got .*; check the path"):
        load_ranc(tmp_path / "none.json", files[1])
    (tmp_path / "rows.txt").write_text("0 1 \n0 2 \n")
    with pytest.raises(FormatError, match=r"rows of 0 and 1, all of one length"):
        read_rows(tmp_path / "rows.txt")
    with pytest.raises(DataError, match=r"rows that RANC printed"):
        read_rows(tmp_path / "none.txt")
    with pytest.raises(DataError, match=r"a file that can be written"):
        write_rows(tmp_path / "no" / "folder.txt", np.zeros((1, 2), bool))
    case = load_ranc(*written(tmp_path, small_case(), configuration()))
    with pytest.raises(ConfigError, match=r"ticks: expected 1 or more, got 0"):
        run_ranc(case, 0)
