"""The picture of a tensor: a heatmap of any part of it."""
