"""Tests that start sdviewer as its users do."""
