"""Spiking networks on Brian2: neurons, crossbar synapses, plastic synapses, TrueNorth cores."""
