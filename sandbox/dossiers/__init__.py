"""A dossier database that lives: the reference schema, and somebody who files, accepts, charges and finishes."""
