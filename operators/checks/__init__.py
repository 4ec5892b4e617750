"""The checks of `hcc doctor`: each yields lines on what is well, and raises a `CheckFault` with the remedy."""
