"""Tests of sdviewer.edit."""
