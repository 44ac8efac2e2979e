"""What every engine promises; a test class per engine inherits these and says how to build a programmed chip.

By declared capability: classifies (batch and threads are irrelevant), reads devices (refuses an unprogrammed
chip), exact (an ideal chip gives the float network's answers).
"""

from __future__ import annotations

import numpy as np
import pytest

from neurosim.engines.engine import Inputs, MemoryRecorder, Settings
from neurosim.foundation.counts import COUNTERS
from neurosim.foundation.errors import ConfigError, DataError, NotProgrammedError


class EngineConformance:
    """Inherit, and define engine(), programmed(chip_name, seed, instance), images(), float_scores()."""

    times = (25.0, 86400.0)
    chip = "joshi_2020"
    exact_chip = "ideal_float"

    def run(self, chip=None, seed=0, instance=0, images=None, settings=None, times=None):
        recorder = MemoryRecorder()
        inputs = Inputs(self.images() if images is None else images, times or self.times)
        chip = self.programmed(chip or self.chip, seed, instance)
        outcome = self.engine().run(chip, inputs, recorder, lambda n: None, settings or Settings())
        return recorder, outcome

    def test_declares_known_capabilities(self):
        known = {"classifies", "reads devices", "exact", "trains", "solves"}
        assert self.engine().capabilities <= known
        assert self.engine().name

    def test_same_seed_same_bits(self):
        one, two = self.run()[0], self.run()[0]
        for time in range(len(self.times)):
            np.testing.assert_array_equal(one.scores(time), two.scores(time))
            for counter in one.segments[0].varying:
                np.testing.assert_array_equal(one.varying(time, counter), two.varying(time, counter))

    def test_another_seed_and_another_instance_are_other_chips(self):
        if "reads devices" not in self.engine().capabilities:
            pytest.skip("without devices all chips are alike")
        base = self.run()[0].scores(0)
        assert not np.array_equal(base, self.run(seed=1)[0].scores(0))
        assert not np.array_equal(base, self.run(instance=1)[0].scores(0))

    def test_times_do_not_disturb_each_other(self):
        together = self.run()[0].scores(1)
        alone = self.run(times=self.times[1:])[0].scores(0)
        np.testing.assert_array_equal(together, alone)

    def test_counts_use_the_vocabulary_and_add_up(self):
        recorder, outcome = self.run()
        layers = outcome.counts.layers
        assert set(outcome.counts.fixed) <= set(COUNTERS)
        for counter in recorder.segments[0].varying:
            assert COUNTERS[counter].varies
            assert recorder.varying(0, counter).shape == (len(layers), len(self.images()))
            assert (recorder.varying(0, counter) >= 0).all()
        assert all(set(row) == set(layers) for row in outcome.counts.fixed.values())

    @pytest.mark.parametrize(
        "settings", [Settings(1, 1), Settings(1, 7), Settings(2, 10_000), Settings(3, 300)]
    )
    def test_batch_and_threads_change_nothing(self, settings):
        if "classifies" not in self.engine().capabilities:
            pytest.skip("this engine does not classify")
        base, other = self.run()[0], self.run(settings=settings)[0]
        np.testing.assert_array_equal(base.scores(0), other.scores(0))
        for counter in base.segments[0].varying:
            np.testing.assert_array_equal(base.varying(0, counter), other.varying(0, counter))

    def test_unprogrammed_chip_is_refused(self):
        if "reads devices" not in self.engine().capabilities:
            pytest.skip("this engine reads no devices")
        from neurosim.chips import load_chip

        for blank in (load_chip("joshi_2020"), None):
            with pytest.raises(NotProgrammedError, match="program it first"):
                self.engine().run(
                    blank, Inputs(self.images(), self.times), MemoryRecorder(), lambda n: None, Settings()
                )

    def test_ideal_chip_gives_the_float_answers(self):
        if "exact" not in self.engine().capabilities:
            pytest.skip("this engine is not exact")
        scores = self.run(chip=self.exact_chip)[0].scores(0)
        np.testing.assert_allclose(scores, self.float_scores(), atol=2e-4)
        np.testing.assert_array_equal(scores.argmax(axis=1), self.float_scores().argmax(axis=1))

    def test_progress_counts_every_image_once(self):
        seen = []
        inputs = Inputs(self.images(), self.times)
        self.engine().run(self.programmed(self.chip, 0, 0), inputs, MemoryRecorder(), seen.append, Settings())
        assert sum(seen) == len(self.images()) * len(self.times)

    def test_wrong_inputs_are_refused(self):
        chip = self.programmed(self.chip, 0, 0)
        wrong = np.zeros((3, 5), np.float32)
        with pytest.raises(DataError, match=r"inputs: expected images of shape"):
            self.engine().run(chip, Inputs(wrong, self.times), MemoryRecorder(), lambda n: None, Settings())
        with pytest.raises(DataError, match="expected float32 images, got float64"):
            Inputs(np.zeros((3, 5)), self.times)
        with pytest.raises(DataError, match="at least one image"):
            Inputs(np.zeros((0, 5), np.float32), self.times)
        with pytest.raises(DataError, match="NaN or infinity"):
            Inputs(np.full((3, 5), np.nan, np.float32), self.times)
        with pytest.raises(ConfigError, match="at least one time"):
            Inputs(wrong, ())
        with pytest.raises(ConfigError, match="batch: expected at least 1, got 0"):
            Settings(1, 0)
