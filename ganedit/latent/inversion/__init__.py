"""From photos to the codes that draw them."""
