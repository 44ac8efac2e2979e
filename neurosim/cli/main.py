"""The program `neurosim`: its verbs, and what happens when one of them fails."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

import neurosim
from neurosim.cli import (
    verb_chips,
    verb_claims,
    verb_compare,
    verb_datasets,
    verb_diverge,
    verb_export,
    verb_inspect,
    verb_networks,
    verb_place,
    verb_ranc,
    verb_run,
    verb_sweep,
    verb_train,
)
from neurosim.cli.stopping import explain, signals_stop

TRACEBACK = "--traceback"

EPILOG = """
**Start here**

`neurosim run` : handwritten digits on a phase-change-memory chip, in seconds

`neurosim run --help` : each verb explains itself
"""


class Verbs(TyperGroup):
    """The verbs; every failure of theirs becomes one line on standard error and an exit code."""

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        windows_expand_args: bool = True,
        **extra: Any,
    ) -> Any:
        """Run with arguments (the program's own by default), and exit with a code."""
        given = list(sys.argv[1:] if args is None else args)
        traced = TRACEBACK in given  # wanted after a verb as well as before it
        given = [word for word in given if word != TRACEBACK] or ["--help"]
        try:
            code = super().main(given, prog_name, complete_var, False, windows_expand_args, **extra)
        except SystemExit:
            raise
        except BaseException as problem:
            code = explain(problem, traced)
        if standalone_mode:
            sys.exit(code)
        return code

    def invoke(self, ctx: Any) -> Any:
        """Run the verb, with signals turned into exceptions that typer lets through."""
        with signals_stop():
            return super().invoke(ctx)


app = typer.Typer(
    cls=Verbs, name="neurosim", add_completion=False, rich_markup_mode="markdown",
    pretty_exceptions_enable=False, epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]},
)  # fmt: skip
app.command("run", epilog=verb_run.EPILOG)(verb_run.run_verb)
app.command("train", epilog=verb_train.EPILOG)(verb_train.train_verb)
app.command("inspect", epilog=verb_inspect.EPILOG)(verb_inspect.inspect_verb)
app.command("diverge", epilog=verb_diverge.EPILOG)(verb_diverge.diverge_verb)
app.command("compare", epilog=verb_compare.EPILOG)(verb_compare.compare_verb)
app.command("export", epilog=verb_export.EPILOG)(verb_export.export_verb)
app.command("ranc", epilog=verb_ranc.EPILOG)(verb_ranc.ranc_verb)
app.command("place", epilog=verb_place.EPILOG)(verb_place.place_verb)
app.command("sweep", epilog=verb_sweep.EPILOG)(verb_sweep.sweep_verb)
app.command("claims", epilog=verb_claims.EPILOG)(verb_claims.claims_verb)
app.add_typer(verb_chips.app, name="chips")
app.command("networks", epilog=verb_networks.EPILOG)(verb_networks.networks_verb)
app.command("datasets", epilog=verb_datasets.EPILOG)(verb_datasets.datasets_verb)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"neurosim {neurosim.__version__}")
        raise typer.Exit


@app.callback()
def program(
    version: Annotated[
        bool,
        typer.Option(
            "--version", metavar="", is_eager=True, callback=_version, help="Print the version and exit."
        ),
    ] = False,
    traceback: Annotated[
        bool, typer.Option(TRACEBACK, metavar="", help="Show where an error arose.")
    ] = False,
) -> None:
    """Put a neural network on a simulated neuromorphic chip: accuracy, energy, speed, area, ageing."""


def main() -> None:
    """Run the program."""
    app(prog_name="neurosim")
