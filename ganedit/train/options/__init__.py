"""Options of the recipes. Light to import."""
