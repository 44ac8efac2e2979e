"""A sweep of four points, two chips and two times."""

SMALL = """\
format = 1

[run]
network = "digits_mlp"
limit = 20
times = ["25 s", "1 year"]

[grid]
"adc.bits" = [3, 8]

[monte_carlo]
chips = 2
seeds = 2
"""
