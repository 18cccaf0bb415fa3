"""Tests of sdviewer.search."""
