"""The catalogue of models to download, and the downloads."""
