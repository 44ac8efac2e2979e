"""Pictures of a summary: accuracy, energy, confusion, saturation."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from neurosim.costs import Ledger
from neurosim.foundation.errors import ConfigError
from neurosim.foundation.units import format_si, format_time
from neurosim.reports.figures import BLUE, GREY, ORANGE, new_figure, plain, save
from neurosim.reports.summary import Summary

BESIDE = 1.35  # factor on a logarithmic time axis
MOST_PER_CENT = 101  # of an axis of accuracies: no room above that can be used
TITLE_CHARACTERS = 72  # of a line above the axes of a picture of energy


def plot_accuracy(summary: Summary, path: str | Path) -> Path:
    """Accuracy over time: mean and interval, every chip as a dot, and the float network's line."""
    figure, ((axes,),) = new_figure(6.4, 4.0)
    accuracy, times = summary.accuracy, np.asarray(summary.accuracy.times_s)
    axes.axhline(
        100 * summary.float_accuracy, color=GREY, linestyle="--", linewidth=1.2, label="float network"
    )
    if summary.chips > 1:
        # beside the whiskers, so that neither hides the other
        beside = np.broadcast_to(times * BESIDE, accuracy.per_chip.shape)
        axes.plot(beside.ravel(), 100 * accuracy.per_chip.ravel(), "o", color=GREY, alpha=0.6, markersize=3.5,
                  markeredgewidth=0, label="each chip")  # fmt: skip
    whiskers = 100 * np.stack([accuracy.mean - accuracy.low, accuracy.high - accuracy.mean])
    mean = f"mean of {summary.chips} chips" if summary.chips > 1 else "one chip"
    axes.errorbar(times, 100 * accuracy.mean, np.maximum(whiskers, 0), color=BLUE, marker="o", markersize=5,
                  capsize=4, linewidth=1.6, label=f"{mean}, 95 % interval")  # fmt: skip
    axes.set_xscale("log")
    axes.set_xticks(times, [format_time(t) for t in times], rotation=30 if len(times) > 5 else 0)
    axes.set_xticks([], minor=True)
    axes.margins(x=0.12)
    axes.set_xlabel("time since programming" if _ages(summary) else "words in memories do not age")
    axes.set_ylabel("accuracy (%)")
    axes.set_ylim(top=min(axes.get_ylim()[1], MOST_PER_CENT))
    axes.grid(axis="y", color="0.92")
    axes.set_title(_title(summary), fontsize=10)
    axes.legend(fontsize=8, frameon=False)
    return save(figure, path)


def plot_energy(ledger: Ledger, path: str | Path) -> Path:
    """Energy of one inference by component; zeros keep their place, with the reason.

    Raises ConfigError for a chip without a circuit.
    """
    if not ledger.priced:
        raise ConfigError(
            f"chip {ledger.chip}", "priced components", f"none ({ledger.label})", "choose another chip"
        )
    parts = ledger.by_component()
    names, joules = list(parts), np.array(list(parts.values()))
    notes = {row.component: row.note for row in ledger.rows if row.joules == 0}
    figure, ((axes,),) = new_figure(7.6, 0.34 * len(names) + 1.5)
    rows = np.arange(len(names))[::-1]
    axes.barh(rows, joules / joules.max(), color=BLUE, height=0.65)
    for row, name, amount in zip(rows, names, joules, strict=True):
        share = f"{format_si(amount, 'J')}  ({100 * amount / ledger.total:.3g} %)"
        text, colour = (share, "black") if amount else (f"0: {notes[name]}", GREY)
        axes.text(amount / joules.max() + 0.012, row, plain(text), va="center", fontsize=8, color=colour)
    axes.set_yticks(rows, names)
    axes.set_xlim(0, 1.32)
    axes.set_xticks([])
    axes.spines["bottom"].set_visible(False)
    nodes = " + ".join(ledger.nodes) + (" (mixed nodes)" if ledger.mixed_nodes else "")
    total = f"energy per inference: {format_si(ledger.total, 'J')}, {ledger.chip}"
    rests = f"{ledger.label}; prices at {nodes}"
    if len(rests) > TITLE_CHARACTERS:
        rests = f"{ledger.label}\nprices at {nodes}"
    axes.set_title(plain(f"{total}\n{rests}"), fontsize=10)
    return save(figure, path)


def plot_confusion(summary: Summary, path: str | Path, time: int = 0) -> Path:
    """Share of each true class that was given each class, at one time (index), all chips together."""
    figure, ((axes,),) = new_figure(6.0, 5.2)
    counts = summary.confusion[time]
    shares = 100 * counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=100)
    names = [plain(name) for name in summary.class_names]
    few = len(names) <= 20
    if few:
        axes.set_xticks(range(len(names)), names, rotation=45 if max(map(len, names)) > 3 else 0, ha="center")
        axes.set_yticks(range(len(names)), names)
        for (row, column), share in np.ndenumerate(shares):
            if share >= 0.05:
                colour = "white" if share > 55 else "black"
                axes.text(column, row, f"{share:.1f}", ha="center", va="center", fontsize=7, color=colour)
    axes.spines[:].set_visible(False)
    axes.set_xlabel("class given")
    axes.set_ylabel("true class")
    age = f", {format_time(summary.accuracy.times_s[time])}" if _ages(summary) else ""
    axes.set_title(f"{_title(summary)}{age}", fontsize=10)
    figure.colorbar(image, ax=axes, shrink=0.8, label="% of the true class")
    return save(figure, path)


def plot_saturation(summary: Summary, path: str | Path) -> Path:
    """Conversions at the end of the converters' range, by layer, at the first and the last time.

    Raises ConfigError for a chip without converters.
    """
    if not summary.saturation:
        raise ConfigError(
            f"chip {summary.ledger.chip}", "a chip with converters", "none", "choose another chip"
        )
    times = summary.accuracy.times_s
    shown = sorted({0, len(times) - 1})
    columns = len(summary.saturation)
    figure, (row,) = new_figure(
        3.9 * columns + 0.6, 0.32 * len(summary.layers) * len(shown) + 1.7, 1, columns
    )
    places = np.arange(len(summary.layers))[::-1].astype(float)
    height = 0.8 / len(shown)
    for axes, (converter, fractions) in zip(row, summary.saturation.items(), strict=True):
        top = float(100 * fractions[shown].max()) or 1.0
        for rank, time in enumerate(shown):
            at = places + height * ((len(shown) - 1) / 2 - rank)
            bars = axes.barh(at, 100 * fractions[time], height * 0.9, color=(BLUE, ORANGE)[rank])
            bars.set_label(format_time(times[time]))
            for y, value in zip(at, 100 * fractions[time], strict=True):
                axes.text(value + 0.015 * top, y, f"{value:.2g}", va="center", fontsize=8)
        axes.set_yticks(places, [plain(name) for name in summary.layers])
        axes.set_xlim(0, 1.2 * top)
        axes.locator_params(axis="x", nbins=4)
        axes.set_xlabel(f"{converter} conversions at the range's end (%)", fontsize=9)
    handles, labels = row[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2, fontsize=8, frameon=False)
    figure.suptitle(_title(summary), fontsize=10)
    return save(figure, path)


def _ages(summary: Summary) -> bool:
    """Whether there are devices that change with time."""
    return summary.attributes.get("mode") != "digital"


def _title(summary: Summary) -> str:
    names = summary.attributes
    return plain(f"{names.get('network', '?')} on {names.get('chip', '?')}, {summary.images:,} images")
