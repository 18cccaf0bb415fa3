"""Plots; pyqtgraph is imported here, after the first paint."""
