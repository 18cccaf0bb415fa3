"""Tests of sdviewer.processes."""
