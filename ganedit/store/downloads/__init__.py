"""What can be downloaded, and how it gets here."""
