"""The versions of the templates: which words each kind has, since when, by whom."""
