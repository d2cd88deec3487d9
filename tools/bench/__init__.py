"""Benchmarks: each compares with something in the same run, because machines differ."""
