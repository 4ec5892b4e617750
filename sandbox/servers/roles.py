"""The roles of an embedded PostgreSQL: its superuser, for us alone, and the product's, which owns its databases.

Data that was made before there were passwords is taken over: its databases and all that is in them belonged to the
superuser, who cannot give up all at once what is theirs (`REASSIGN OWNED` refuses the first superuser).
"""

from sandbox.servers.secret import password_of

SUPERUSER = "hcc"
PRODUCT = "hcc_notify"
MAINTENANCE_DATABASE = "postgres"

# No account enters without its password; nobody comes from another host.
DOOR = """\
host all all 127.0.0.1/32 scram-sha-256
host replication hcc 127.0.0.1/32 scram-sha-256
"""


_RIGHTS = "NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS"


def passwords_sql(secret: str) -> str:
    """Statements, one a line, that give both roles their passwords, for a server that runs for us alone.

    The passwords are random and long: the hash need not be slow, and connecting stays cheap.
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


NOT_THE_PRODUCTS = f"""
SELECT datname FROM pg_database
WHERE datdba <> '{PRODUCT}'::regrole AND NOT datistemplate AND datallowconn AND datname <> '{MAINTENANCE_DATABASE}'
"""  # noqa: S608 (from constants)
"""Databases that the superuser made before there was a role for the product."""

# Below 16384 are PostgreSQL's own; what depends on a table (its indexes, its columns' sequences) goes with it.
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
