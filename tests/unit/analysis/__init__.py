"""Tests of sdviewer.analysis."""
