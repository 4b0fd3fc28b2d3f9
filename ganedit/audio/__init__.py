"""Sound: spectrograms as pictures, timbre transfer on them, and reconstruction of the waveform."""
