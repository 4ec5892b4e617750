"""Zalo in a box: a process that behaves as Zalo documents, and misbehaves on demand.

One socket serves the three hosts (oauth, openapi, business): point each base URL at it. A second socket serves
the control and a web page that shows the messages as on a phone, so that it can be reached while Zalo is "down".

A request goes through the rooms in this order:

    api.py            read, break the transport when told to, check, carry out, answer
    routes.py         which call exists, what is checked for it, who carries it out
    checks.py         the checks, in their order
    oauth.py  cs.py  uid.py  zns.py  chats.py  users.py      one room per group of calls
    faults.py  breakage.py      misbehaviour: when, and how

and touches one state, `world.py`, made of

    tokens.py  people.py  templates.py  messages.py  rate.py  clock.py  switches.py  stats.py

From the outside: process.py (sockets, ready file, signals), control.py and page.html (the second socket),
events.py (signed webhooks), client.py (for tests and the demo).
"""
