"""The sandbox's Zalo: a process that behaves as Zalo documents, and misbehaves on demand.

One socket serves the three hosts (oauth, openapi, business): point each base URL at it. A second socket serves
the control and a web page that shows the messages as on a phone; it can be reached while Zalo is "down".

A request passes through the modules in this order:

    door.py          connections; shut when Zalo is down
    api.py           read, break the transport if ordered, check, carry out, answer
    routes.py        the existing calls, their checks and their functions
    checks.py        the checks, in their order (recipients.py: whether a person can be written to)
    oauth.py         consent and tokens
    cs.py forms.py   consultation messages, and their forms
    uid.py zns.py    approved templates by user id and by phone (template_data.py, register.py)
    chats.py         look-ups of conversations
    users.py         people and the OA itself
    faults.py        misbehaviour: which calls it strikes; breakage.py: how it looks on the wire
    call.py codes.py the content of a call, the content of a refusal

and uses one state, `world.py`, which consists of

    tokens.py  people.py  templates.py  messages.py  rate.py  clock.py  switches.py  stats.py

From the outside: process.py (sockets, ready file, signals), control.py and page.html (the second socket),
events.py (signed webhooks), client.py (for tests and the demo).
"""
