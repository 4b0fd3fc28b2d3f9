"""Edit photographs with GANs: align, project, edit, paste back, and train the models that do it."""

__version__ = "0.1.0"
