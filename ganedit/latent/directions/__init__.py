"""Directions of a style space: learned, discovered, named, stored."""
