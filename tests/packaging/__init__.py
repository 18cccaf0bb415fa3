"""Tests of what makes bundles and packages."""
