"""Networks of neurosynaptic cores on Brian2's clock: TrueNorth, RANC's files, memristive synapses."""
