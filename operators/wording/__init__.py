"""What operators do with the templates, for the command line and the console alike."""
