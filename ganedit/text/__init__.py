"""Editing by words: CLIP as the judge of what generators draw."""
