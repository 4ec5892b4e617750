"""The measured claims, each runnable by itself."""
