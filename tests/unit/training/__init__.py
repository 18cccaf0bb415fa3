"""Tests of sdviewer.training."""
