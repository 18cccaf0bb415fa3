"""Tests of single parts, a folder for each layer."""
