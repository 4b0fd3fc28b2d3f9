"""GAN inversion: from photos to the codes that draw them."""
