# SPDX-License-Identifier: Apache-2.0
"""What the three roles of a gateway may do in the database, as a list under review: what stands
here is what a stolen connection can do. Row-level security is in force, for the owner too, on
every table that has an organisation; views look with the eyes of whoever asks.
"""
import psycopg
import pytest

ITEMS = ["attestations", "environments", "projects", "provider_endpoints", "teams", "users"]
TABLES = {
    "portcullis_audit": {
        "INSERT": ["audit_decisions", "audit_outcomes", "audit_quarantine"]},
    "portcullis_gateway": {
        "SELECT": ["api_keys", "audit_decisions", "audit_outcomes", "epoch", "node_views", "nodes",
                   "orgs", "policies", "policy_versions", "security_events", *ITEMS],
        "INSERT": ["api_keys", "policies", "policy_versions", *ITEMS],
        "UPDATE": ["api_keys", "policies", *ITEMS],
        "DELETE": ITEMS},
    "portcullis_loader": {
        "SELECT": ["api_keys", "epoch", "nodes", "orgs", "policies", "policy_versions", *ITEMS],
        "INSERT": ["nodes"], "UPDATE": ["nodes"], "DELETE": ["nodes"]},
}
COLUMNS = {
    ("portcullis_gateway", "orgs", "UPDATE"): {"error_format", "name", "policies_max", "policy_seq",
                                               "slot_selection", "updated_at"},
    ("portcullis_gateway", "policy_versions", "UPDATE"): {"activated_at", "deactivated_at"},
}
FUNCTIONS = {"epoch_next": "portcullis_gateway", "audit_orphans_close": "portcullis_audit",
             "audit_partitions_ensure": "portcullis_audit"}
WITHOUT_ORG = {"audit_quarantine", "epoch", "nodes", "schema_migrations"}


@pytest.fixture(scope="module")
def ask(gateway):
    with psycopg.connect(gateway.database_url, autocommit=True) as connection:
        yield lambda sql: connection.execute(sql).fetchall()


def test_tables(ask):
    found = {}
    for role, table, privilege in ask(
            "SELECT grantee, table_name, privilege_type FROM information_schema.role_table_grants "
            "WHERE table_schema = 'portcullis' AND grantee <> current_user"):
        found.setdefault(role, {}).setdefault(privilege, []).append(table)
    assert {r: {p: sorted(t) for p, t in kinds.items()} for r, kinds in found.items()} == \
        {r: {p: sorted(t) for p, t in kinds.items()} for r, kinds in TABLES.items()}


def test_columns(ask):
    found = {}
    for role, table, privilege, column in ask(
            "SELECT grantee, table_name, privilege_type, column_name "
            "FROM information_schema.column_privileges "
            "WHERE table_schema = 'portcullis' AND grantee <> current_user"):
        if table not in TABLES[role].get(privilege, []):
            found.setdefault((role, table, privilege), set()).add(column)
    assert found == COLUMNS


def test_functions_of_the_owner(ask):
    """Those that run as the owner; the roles are asked, so that PUBLIC counts too."""
    names = {name for name, in ask(
        "SELECT proname FROM pg_proc WHERE pronamespace = 'portcullis'::regnamespace AND prosecdef")}
    assert names == set(FUNCTIONS)
    for role in TABLES:
        for name, may in ask(
                f"SELECT proname, has_function_privilege('{role}', oid, 'EXECUTE') FROM pg_proc "
                "WHERE pronamespace = 'portcullis'::regnamespace AND prosecdef"):
            assert may == (FUNCTIONS[name] == role), (role, name)


def test_row_level_security(ask):
    tables = ask("SELECT relname, relrowsecurity AND relforcerowsecurity FROM pg_class "
                 "WHERE relnamespace = 'portcullis'::regnamespace AND relkind IN ('r', 'p') "
                 "AND NOT relispartition")
    assert {name for name, is_secure in tables if not is_secure} == WITHOUT_ORG
    with_org = {name for name, in ask("SELECT table_name FROM information_schema.columns "
                                      "WHERE table_schema = 'portcullis' AND column_name = 'org_id'")}
    assert {name for name, is_secure in tables if is_secure} <= with_org
    views = ask("SELECT relname, coalesce(reloptions::text, '') FROM pg_class "
                "WHERE relnamespace = 'portcullis'::regnamespace AND relkind = 'v'")
    assert views and all("security_invoker=true" in options for _, options in views)
