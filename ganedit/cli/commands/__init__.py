"""One file per command, a package per family of them."""
