"""What every room stands on: errors, random streams, units, the vocabulary of counts, TOML records."""
