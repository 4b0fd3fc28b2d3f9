"""PyTorch's pickles read without running anything in them."""
