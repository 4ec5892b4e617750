"""The roles of an embedded PostgreSQL: its superuser, for us alone, and the product's, which owns its databases.

Data from a version without passwords is migrated: its databases and all objects in them belong to the superuser.
`REASSIGN OWNED` refuses the bootstrap superuser, so each object is handed over separately.
"""

from sandbox.servers.secret import password_of

SUPERUSER = "hcc"
PRODUCT = "hcc_notify"
MAINTENANCE_DATABASE = "postgres"

# Every account needs its password; no other host may connect.
DOOR = """\
host all all 127.0.0.1/32 scram-sha-256
host replication hcc 127.0.0.1/32 scram-sha-256
"""


_RIGHTS = "NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS"


def passwords_sql(secret: str) -> str:
    """Statements, one per line, that give both roles their passwords; for a server in single-user mode.

    The passwords are random and long, so the hash need not be slow, and connecting stays cheap.
    """
    missing = f"SELECT FROM pg_roles WHERE rolname = '{PRODUCT}'"
    return "\n".join(
        (
            "SET scram_iterations = 1;",
            f"DO $$ BEGIN IF NOT EXISTS ({missing}) THEN CREATE ROLE {PRODUCT}; END IF; END $$;",
            f"ALTER ROLE {PRODUCT} LOGIN {_RIGHTS} PASSWORD '{password_of(secret, PRODUCT)}';",
            f"ALTER ROLE {SUPERUSER} PASSWORD '{password_of(secret, SUPERUSER)}';",
            "",
        )
    )


def role_sql(role: str, secret: str) -> list[str]:
    """Statements that make a role with a password; they may be run again."""
    missing = f"SELECT FROM pg_roles WHERE rolname = '{role}'"
    return [
        "SET scram_iterations = 1",
        f"DO $$ BEGIN IF NOT EXISTS ({missing}) THEN CREATE ROLE {role}; END IF; END $$",
        f"ALTER ROLE {role} LOGIN {_RIGHTS} PASSWORD '{password_of(secret, role)}'",
    ]


NOT_THE_PRODUCTS = f"""
SELECT datname FROM pg_database
WHERE datdba <> '{PRODUCT}'::regrole AND NOT datistemplate AND datallowconn AND datname <> '{MAINTENANCE_DATABASE}'
"""  # noqa: S608 (from constants)
"""Databases from a version without the product's role: the superuser made them."""

# OIDs below 16384 are PostgreSQL's own. A table's indexes and its columns' sequences change owner with the table.
HAND_OVER = f"""
DO $$ DECLARE command text; BEGIN
    FOR command IN
        SELECT format('ALTER SCHEMA %I', nspname)
        FROM pg_namespace WHERE oid >= 16384 AND nspowner = '{SUPERUSER}'::regrole AND nspname !~ '^pg_'
        UNION ALL
        SELECT format('ALTER %s %s', CASE relkind WHEN 'S' THEN 'SEQUENCE' WHEN 'v' THEN 'VIEW'
                      WHEN 'm' THEN 'MATERIALIZED VIEW' ELSE 'TABLE' END, oid::regclass)
        FROM pg_class
        WHERE oid >= 16384 AND relowner = '{SUPERUSER}'::regrole AND relkind IN ('r', 'p', 'v', 'm', 'S')
              AND NOT EXISTS (SELECT FROM pg_depend
                              WHERE classid = 'pg_class'::regclass AND objid = pg_class.oid
                                    AND relkind = 'S' AND deptype IN ('a', 'i'))
        UNION ALL
        SELECT format('ALTER ROUTINE %s', oid::regprocedure)
        FROM pg_proc WHERE oid >= 16384 AND proowner = '{SUPERUSER}'::regrole
        UNION ALL
        SELECT format('ALTER TYPE %s', oid::regtype)
        FROM pg_type WHERE oid >= 16384 AND typowner = '{SUPERUSER}'::regrole AND typtype IN ('e', 'd', 'r')
        UNION ALL
        SELECT format('ALTER STATISTICS %I.%I', stxnamespace::regnamespace, stxname)
        FROM pg_statistic_ext WHERE stxowner = '{SUPERUSER}'::regrole
    LOOP
        EXECUTE command || ' OWNER TO {PRODUCT}';
    END LOOP;
END $$
"""  # noqa: S608 (from constants)
