"""Circuits around devices: converters, weight cells, tiles and the crossbar they form."""
