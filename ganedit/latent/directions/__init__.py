"""Directions of a style space: learned, found, named, kept."""
