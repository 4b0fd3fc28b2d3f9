"""What recipes can be told. Light to import."""
