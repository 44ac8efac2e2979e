"""Digital processors at the command line: a run without --mode, the list of chips, errors without tracebacks."""

from __future__ import annotations

from conftest import Verb, one_line, widest


def test_a_processor_needs_no_mode(verb: Verb) -> None:
    done = verb("run", "--chip", "v100", "--limit", 20)
    assert done.exit_code == 0
    assert "digits_mlp on v100 (digital)" in done.stdout
    assert "arithmetic float32" in done.stdout
    assert "one layer at a time" in " ".join(done.stdout.split())
    assert "of the whole chip" in done.stdout
    assert widest(done.stdout) <= 80


def test_a_batch_is_told(verb: Verb) -> None:
    done = verb("run", "--chip", "tpu_v1", "--limit", 20)
    assert "per batch of 8" in done.stdout
    assert "batches of 8" in done.stdout


def test_the_list_of_chips_says_what_a_processor_is(verb: Verb) -> None:
    listed = verb("chips").stdout
    assert "row-stationary processor, 168 multiply-accumulates per cycle, fixed16; --mode digital" in listed
    one = verb("chips", "v100").stdout
    assert "[processor.dram]" in one
    assert "[adc]" not in one
    assert "[cell]" not in one
    assert "neurosim run --chip v100 --set processor.batch=64" in one
    analog = verb("chips", "joshi_2020").stdout
    assert "[adc]" in analog
    assert "  inl" not in analog  # of a converter without a table of errors
    assert "neurosim claims joshi_2020" in analog


def test_errors_of_modes_are_one_line(verb: Verb) -> None:
    wrong = verb("run", "--chip", "v100", "--mode", "rate", "--limit", 5)
    assert wrong.exit_code == 2
    assert "use --mode digital" in one_line(wrong.stderr)
    other = verb("run", "--mode", "digital", "--limit", 5)
    assert other.exit_code == 2
    assert "expected a chip that can run 'digital'" in one_line(other.stderr)
    large = verb("run", "mnist_mlp", "--chip", "shidiannao", "--limit", 5)
    assert large.exit_code == 1
    assert "choose a smaller network" in one_line(large.stderr)


def test_shapes_alone_are_placed(verb: Verb) -> None:
    done = verb("place", "alexnet_conv", "--chip", "eyeriss")
    assert done.exit_code == 0
    assert "of 4 images, computed together" in done.stdout
