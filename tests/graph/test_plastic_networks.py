"""Networks that learn on the chip: their files, and what is refused."""

import pickle
import re

import pytest

from neurosim.foundation.errors import ConfigError, ConfigErrors
from neurosim.foundation.shipped import shipped_folder
from neurosim.graph import Learning, WinnerTakeAll, load_network


@pytest.fixture
def text():
    return (shipped_folder("networks") / "mnist_stdp" / "network.toml").read_text(encoding="utf-8")


def loaded(tmp_path, text):
    (tmp_path / "network.toml").write_text(text, encoding="utf-8")
    return load_network(tmp_path)


@pytest.mark.parametrize(("name", "neurons"), [("mnist_stdp", 100), ("mnist_stdp_400", 400)])
def test_shipped_networks_need_no_weights(name, neurons):
    network = load_network(name)
    (layer,) = network.layers
    assert network.coding == "plastic"
    assert isinstance(layer, WinnerTakeAll)
    assert isinstance(network.learning, Learning)
    assert (layer.rows, layer.columns, network.output_shape) == (784, neurons, (10,))
    assert network.weights == 784 * neurons
    assert dict(network.params) == {}
    assert layer.refractory_steps == 3
    again = pickle.loads(pickle.dumps(network))
    assert (again.learning, again.coding, again.layers) == (network.learning, "plastic", network.layers)


def test_a_network_written_anew_reads_back(tmp_path):
    network = load_network("mnist_stdp")
    bare = type(network)(
        network.name, network.input, network.layers, {}, coding="plastic", learning=network.learning
    )
    text = bare.description()
    for field in re.findall(r"^(\\w+_s|dt_s|tau_s) = ", text, re.M):
        assert field
    read = loaded(tmp_path, text)
    assert (read.learning, read.layers[0]) == (network.learning, network.layers[0])


def test_there_is_no_float_network():
    network = load_network("mnist_stdp")
    with pytest.raises(ConfigError, match="run it with --mode spiking"):
        network.layers[0].matrices({})
    with pytest.raises(ConfigError, match="the engine of networks that learn on the chip"):
        network.layers[0].forward({})


@pytest.mark.parametrize("value", ["0", "-1"])
def test_zero_and_negative_thresholds_are_refused(tmp_path, text, value):
    wrong = text.replace("threshold = { value = 1,", f"threshold = {{ value = {value},")
    with pytest.raises(
        ConfigErrors, match=rf"network.toml:\d+: layers.0.threshold: .*greater than 0, got {value}"
    ):
        loaded(tmp_path, wrong)


def test_a_missing_learning_table_is_told(tmp_path, text):
    with pytest.raises(
        ConfigErrors, match=r'a \[learning\] table goes with coding = "plastic": give both, or neither'
    ):
        loaded(tmp_path, text[: text.index("[learning]")])


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('coding = "plastic"', 'coding = "rate"', 'goes with one layer, of kind "winner_take_all"'),
        ("dt = { value = 1,", "dt = { value = 15,", "15|too long for tau 0.02 s; 0.002 s would do"),
        ("initial_plus = [0.2, 0.5]", "initial_plus = [0.5, 0.2]", "from the lower to the higher, not 0.5 to 0.2"),
        ("initial_plus = [0.2, 0.5]", "initial_plus = [0.2, 1.5]", "less than or equal to 1, got 1.5"),
        ("refresh_low = { value = 0.3", "refresh_low = { value = 0.7", "refresh_low must not be above refresh_high"),
        ("units = 100", "units = 0", "greater than or equal to 1, got 0"),
        ("steps = 40", "stepps = 40", "unknown key; did you mean"),
        ("floor = { value = -1", "floor = { value = 1", "less than or equal to 0, got 1"),
    ],
)  # fmt: skip
def test_wrong_values_are_told(tmp_path, text, old, new, message):
    assert old in text
    with pytest.raises(ConfigErrors, match=message):
        loaded(tmp_path, text.replace(old, new))
