"""One file per command, or a package for a family of commands."""
