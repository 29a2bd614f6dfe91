"""Measurements, run by hand: `python -m benchmarks` (all), `python -m benchmarks backup --batches 10000` (one)."""
