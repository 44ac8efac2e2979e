"""Networks on digital processors: operations and memory accesses, counted by level."""
