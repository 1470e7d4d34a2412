"""Kept answers as a collection: list, look up, explain, compare, check, collect, export and import them."""
