"""aihwkit at settings comparable to joshi_2020's, for benchmarks/speed.py.

PCM-like noise model at 25 uS, global drift compensation, 8-bit input and output converters. aihwkit redraws the
whole read noise as white noise at every product (weight noise of kind PCM_READ) or freezes all of it when the
weights are drifted; both are measured, our split lies between.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import numpy as np
import torch
from aihwkit.inference import GlobalDriftCompensation, PCMLikeNoiseModel
from aihwkit.nn.conversion import convert_to_analog
from aihwkit.simulator.configs import InferenceRPUConfig, TorchInferenceRPUConfig
from aihwkit.simulator.parameters.enums import WeightNoiseType

from neurosim.graph import Dense, load_network

STEPS = 1 / 254  # 8 bits, signed


def analog_model(config_type: type, read_noise: bool) -> torch.nn.Module:
    """mnist_mlp on aihwkit tiles."""
    network = load_network("mnist_mlp")
    layers: list[torch.nn.Module] = []
    for layer in network.layers:
        if isinstance(layer, Dense):
            own = network.params[layer.name]
            linear = torch.nn.Linear(layer.rows, layer.columns)
            linear.weight.data = torch.tensor(np.array(own["weight"]))
            linear.bias.data = torch.tensor(np.array(own["bias"]))
            layers += [linear, torch.nn.ReLU()]
    config = config_type(
        noise_model=PCMLikeNoiseModel(g_max=25.0), drift_compensation=GlobalDriftCompensation()
    )
    config.forward.inp_res = config.forward.out_res = STEPS
    config.forward.out_noise = 0.0
    if read_noise:
        config.forward.w_noise_type = WeightNoiseType.PCM_READ
        config.forward.w_noise = 0.0175
    model = convert_to_analog(torch.nn.Sequential(*layers[:-1]), config)
    model.eval()
    return model


def measure(images: np.ndarray, labels: np.ndarray, t_s: float, repeats: int,
            median_s: Callable[[Callable[[], object], int], float]) -> Iterator[tuple[str, float]]:  # fmt: skip
    """(what, seconds) of reading all images, and of one image at a time."""
    torch.set_num_threads(1)
    x = torch.tensor(images)
    settings = [
        ("aihwkit torch tile, read noise frozen", TorchInferenceRPUConfig, False),
        ("aihwkit C++ tile, read noise frozen", InferenceRPUConfig, False),
        ("aihwkit C++ tile, read noise at every product", InferenceRPUConfig, True),
    ]
    for name, config, read_noise in settings:
        model = analog_model(config, read_noise)
        model.program_analog_weights()
        model.drift_analog_weights(t_s)

        def forward(model: torch.nn.Module = model) -> torch.Tensor:
            with torch.no_grad():
                return torch.cat([model(x[i : i + 500]) for i in range(0, len(x), 500)])

        accuracy = float((forward().argmax(1).numpy() == labels).mean())
        yield f"{name} (acc. {accuracy:.4f})", median_s(forward, max(2, repeats // 3))
        if config is InferenceRPUConfig:

            def singles(model: torch.nn.Module = model) -> None:
                with torch.no_grad():
                    for i in range(100):
                        model(x[i : i + 1])

            yield (
                f"{name.split(',')[0]}{', noisy' if read_noise else ''}, one image",
                median_s(singles, 3) / 100,
            )


def monte_carlo(images: np.ndarray, times_s: tuple[float, ...], chips: int) -> Iterator[tuple[str, float]]:
    """(what, seconds of processor time) of programming chips anew and reading all images at every time."""
    torch.set_num_threads(1)
    x = torch.tensor(images)
    for name, config in (("torch", TorchInferenceRPUConfig), ("C++", InferenceRPUConfig)):
        model = analog_model(config, read_noise=False)
        start = time.process_time()
        with torch.no_grad():
            for _ in range(chips):
                model.program_analog_weights()
                for t_s in times_s:
                    model.drift_analog_weights(t_s)
                    torch.cat([model(x[i : i + 500]) for i in range(0, len(x), 500)])
        yield f"aihwkit {name} tile, Monte Carlo, {chips} x {len(times_s)}", time.process_time() - start
