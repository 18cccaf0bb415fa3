"""Tests of sdviewer.comparison."""
