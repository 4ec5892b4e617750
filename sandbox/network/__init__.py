"""The network between our processes and their servers, which can be made silent or redirected on demand.

forwarder.py   one TCP address whose server can be changed, and which can fall silent; any user may run it
held.py        how a kernel treats unacknowledged bytes: when it retransmits them, when it gives up
namespace.py   a network namespace behind links of its own, which drop packets on demand (root, Linux)
resets.py      closing a connection with RST
"""

from sandbox.network.forwarder import Forwarder
from sandbox.network.namespace import Namespace, NamespaceError, why_no_namespace

__all__ = ["Forwarder", "Namespace", "NamespaceError", "why_no_namespace"]
