/* SPDX-License-Identifier: Apache-2.0
 *
 * The nth allocation of a handshake fails (catalogue 280, the class of
 * CVE-2025-27810): the session fails or says ERR_MEMORY, and is never OPEN with
 * anything left out. mbedTLS allocates with calloc only, so the test replaces
 * calloc; a sanitizer brings its own, so there the test can only run unfailed.
 */
#include "pair.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || !defined(__GLIBC__)
#define CAN_FAIL 0
#else
#define CAN_FAIL 1
#endif

static size_t allocations;
static size_t fail_at; /* 0 = never */

static struct world world;

static const struct cert_spec good = {.subject = "CN=x", .names = {"api.example.test"}};

#if CAN_FAIL
void *__libc_calloc(size_t count, size_t size);
void *calloc(size_t count, size_t size);

void *calloc(size_t count, size_t size)
{
    allocations++;
    return fail_at != 0 && allocations == fail_at ? NULL : __libc_calloc(count, size);
}
#endif

static bool handshake_with_failure_at(struct tls_server *server, size_t nth)
{
    struct side c;
    struct side s;
    side_init(&c);
    side_init(&s);
    allocations = 0;
    fail_at = nth;
    enum err err = tls_session_new_client(world.client, STR("api.example.test"), NULL, STR_NONE,
                                          &c.session);
    err = err != ERR_OK ? err : tls_session_new_server(server, &s.session);
    struct pair p = {c, s};
    if (err == ERR_OK) {
        pair_pump(&p, NET_MAX);
    } else {
        assert_int_equal(err, ERR_MEMORY);
    }
    bool has_failed = fail_at != 0 && allocations >= fail_at;
    fail_at = 0;
    if (err == ERR_OK && tls_session_state(p.c.session) == TLS_OPEN) {
        /* What is open works: both sides finished, and data passes. */
        assert_string_equal(tls_session_reason(p.c.session), "");
        if (tls_session_state(p.s.session) == TLS_OPEN) {
            assert_int_equal(tls_session_write(p.c.session, STR("ping"), &p.c.net), ERR_OK);
            pair_pump(&p, NET_MAX);
            assert_int_equal(p.s.plain.len, 4);
        }
    } else if (err == ERR_OK && tls_session_state(p.c.session) == TLS_FAILED) {
        assert_string_not_equal(tls_session_reason(p.c.session), "");
    }
    pair_close(&p);
    return has_failed;
}

static void any_allocation_may_fail(void **state)
{
    (void)state;
    struct tls_server *server = world_server(&world, &good, &world.ca);
    assert_false(handshake_with_failure_at(server, 0));
    size_t total = allocations;
    size_t tried = 0;
    for (size_t n = 1; CAN_FAIL && n <= total; n += n < 60 ? 1 : 1 + total / 300) {
        (void)handshake_with_failure_at(server, n);
        tried++;
    }
    print_message("  %zu of %zu allocations failed in turn\n", tried, total);
    assert_false(handshake_with_failure_at(server, 0)); /* nothing was broken for good */
    tls_server_unref(server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_allocation_may_fail),
    };
    if (tls_start() != ERR_OK) {
        return 1;
    }
    world_open(&world);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    world_close(&world);
    return failed;
}
