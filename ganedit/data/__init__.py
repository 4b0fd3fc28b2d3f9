"""Sets of pictures, label maps, sounds and captions, for training and for metrics."""
