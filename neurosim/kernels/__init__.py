"""The only compiled loops: narrow functions on arrays, each with a plain NumPy twin in the tests.

What is inlined stands in the file that uses it, because numba's cache does not notice changes elsewhere.
"""
