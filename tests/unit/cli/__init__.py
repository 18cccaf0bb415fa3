"""Tests of sdviewer.cli."""
