"""A dossier database that lives: the reference schema, and a province that files, accepts, charges and finishes.

    living.py    the database, and writers on it that commit at once or late
    writer.py    the steps of a dossier, and the traces that they leave or skip
    fill.py      years of old dossiers in minutes (fill.sql)
    life.py      the agenda: who does what next, on a simulated clock or in real time
    stories.py   the lives of dossiers          habits.py   how often and how long
    jobs.py      programs that move many dossiers at once
    truth.py     the events that the rules say must be told, read off the state

`python -m sandbox.dossiers --help` fills a database and lets it live.
"""
