"""Sound: spectrograms as pictures, timbre transfer on them, and the way back to a waveform."""
