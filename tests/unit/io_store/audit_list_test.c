/* SPDX-License-Identifier: Apache-2.0
 *
 * The list of records against a real PostgreSQL: filters find what the list itself shows.
 * A filter that finds nothing looks like proof that nothing was blocked.
 */
#include "harness.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static size_t found(const char *query)
{
    struct reply r = ask("org_find", arena_printf(&arena, "GET /v1/audit?%s", query).ptr, NULL);
    assert_int_equal(r.status, 200);
    return yyjson_arr_size(json_get(r.json, STR("data")));
}

/* What the list shows can be looked up: the id with its prefix, and who or what decided about
 * the answer, which the outcome names. */
static void audit_is_found_by_what_it_shows(void **state)
{
    (void)state;
    make_org("org_find");
    assert_int_equal(store_audit_prepare(store), ERR_OK);
    sql("INSERT INTO portcullis.audit_decisions (org_id, day, request_id, unix_ms, decision, "
        "policy, policy_id) VALUES "
        "('org_find', '2025-01-10', 'req_1', 1736519400000, 'block', 'pol_named so', 'AAA'),"
        "('org_find', '2025-01-10', 'req_2', 1736519400000, 'allow', NULL, NULL),"
        "('org_find', '2025-01-10', 'req_3', 1736519400000, 'allow', NULL, NULL)");
    sql("INSERT INTO portcullis.audit_outcomes (org_id, day, request_id, unix_ms, outcome, "
        "response_decision, policy, policy_id) VALUES "
        "('org_find', '2025-01-10', 'req_2', 1736519400000, 'completed', 'block', 'Leaks', 'BBB'),"
        "('org_find', '2025-01-10', 'req_3', 1736519400000, 'completed', 'allow', NULL, NULL)");
    static const struct {
        const char *query;
        size_t count;
    } table[] = {
        {"policy=AAA", 1},   {"policy=pol_AAA", 1},        {"policy=gpol_AAA", 1},
        {"policy=Leaks", 1}, {"policy=pol_named%20so", 1}, {"policy=policy_BBB", 1},
        {"policy=pol_", 0},  {"policy=pol_CCC", 0},        {"policy=named%20so", 0},
        {"decision=block", 2}, {"decision=allow", 2}, {"decision=block&policy=pol_BBB", 1},
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        if (found(table[i].query) != table[i].count) {
            fail_msg("%s: %zu", table[i].query, found(table[i].query));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(audit_is_found_by_what_it_shows, reset),
    };
    if (!harness_open()) {
        return 77;
    }
    migrate();
    int failed = cmocka_run_group_tests_name("audit list", tests, NULL, NULL);
    harness_close();
    return failed;
}
