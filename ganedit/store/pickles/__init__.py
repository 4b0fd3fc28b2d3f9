"""Reads PyTorch's pickles without running anything in them."""
