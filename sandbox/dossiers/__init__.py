"""A simulated dossier database: the reference schema, and a province that files, accepts, charges and finishes.

    living.py    the database, and its writers, which commit at once or late
    writer.py    the steps of a dossier, and the traces that they leave or skip
    fill.py      creates years of old dossiers in minutes (fill.sql)
    life.py      the agenda of the next steps, on a simulated clock or in real time
    stories.py   the lives of dossiers          habits.py   probabilities and rates
    jobs.py      programs that move many dossiers at once
    truth.py     the events that must be told by the rules, derived from the state

`python -m sandbox.dossiers --help` shows how to fill a database and simulate its life.
"""
