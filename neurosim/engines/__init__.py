"""Engines: each runs a programmed chip on inputs; `engine.py` is the protocol they share."""
