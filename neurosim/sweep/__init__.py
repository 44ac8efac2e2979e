"""Sweeps: a grid or a Monte Carlo over chips, networks and run parameters, on Dask (the only dask)."""
