"""Resguardo: a board for segmentation teams that loses nothing."""

__version__ = "0.1.0"
