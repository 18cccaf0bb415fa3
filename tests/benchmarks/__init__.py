"""Benchmarks: ratios of both sides measured in one run; `python -m tests.benchmarks` prints them. Never a test."""
