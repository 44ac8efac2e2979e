"""Claims: what chips' claims.toml name is run, ours beside theirs."""
