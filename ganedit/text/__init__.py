"""Editing by words: CLIP compares what generators draw with texts."""
