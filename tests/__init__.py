"""Tests of sdviewer."""
