/* SPDX-License-Identifier: Apache-2.0
 *
 * Secrets at rest: round trip, binding to the row, every byte authenticated,
 * nonces never the same; and the randomness behind them.
 */
#include "portcullis/tls.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static const uint8_t key[32] = {1, 2, 3};
static const struct str row = {"org-a|openai|api.openai.com|1", 29};

static void round_trip_and_sizes(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, 15, 16, 17, 5000};
    char plain[5000];
    memset(plain, 'p', sizeof(plain));
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct buf sealed;
        struct buf opened;
        buf_init(&sealed, 10000);
        buf_init(&opened, 10000);
        struct str text = {plain, sizes[i]};
        assert_int_equal(tls_seal(key, row, text, &sealed), ERR_OK);
        assert_int_equal(sealed.len, 12 + sizes[i] + 16);
        assert_int_equal(tls_open_sealed(key, row, buf_str(&sealed), &opened), ERR_OK);
        assert_true(str_eq(buf_str(&opened), text));
        buf_fini(&sealed);
        buf_fini(&opened);
    }
}

static void any_change_is_corrupt(void **state)
{
    (void)state;
    struct buf sealed;
    struct buf opened;
    buf_init(&sealed, 1000);
    buf_init(&opened, 1000);
    assert_int_equal(tls_seal(key, row, STR("sk-secret"), &sealed), ERR_OK);
    for (size_t i = 0; i < sealed.len; i++) {
        sealed.ptr[i] ^= 0x10;
        assert_int_equal(tls_open_sealed(key, row, buf_str(&sealed), &opened), ERR_CORRUPT);
        sealed.ptr[i] ^= 0x10;
    }
    for (size_t len = 0; len < sealed.len; len++) {
        assert_int_equal(tls_open_sealed(key, row, str_sub(buf_str(&sealed), 0, len), &opened),
                         ERR_CORRUPT);
    }
    /* A row copied to another organisation does not open. */
    assert_int_equal(tls_open_sealed(key, STR("org-b|openai|api.openai.com|1"), buf_str(&sealed),
                                     &opened), ERR_CORRUPT);
    const uint8_t other[32] = {9};
    assert_int_equal(tls_open_sealed(other, row, buf_str(&sealed), &opened), ERR_CORRUPT);
    assert_int_equal(opened.len, 0);
    assert_int_equal(tls_open_sealed(key, row, buf_str(&sealed), &opened), ERR_OK);
    assert_true(str_eq(buf_str(&opened), STR("sk-secret")));
    buf_fini(&sealed);
    buf_fini(&opened);
}

static void nonces_differ(void **state)
{
    (void)state;
    struct buf a;
    struct buf b;
    buf_init(&a, 100);
    buf_init(&b, 100);
    assert_int_equal(tls_seal(key, row, STR("same"), &a), ERR_OK);
    assert_int_equal(tls_seal(key, row, STR("same"), &b), ERR_OK);
    assert_memory_not_equal(a.ptr, b.ptr, 12);
    assert_memory_not_equal(a.ptr + 12, b.ptr + 12, 4);
    uint8_t x[32] = {0};
    uint8_t y[32] = {0};
    assert_int_equal(tls_random(x, sizeof(x)), ERR_OK);
    assert_int_equal(tls_random(y, sizeof(y)), ERR_OK);
    assert_memory_not_equal(x, y, sizeof(x));
    buf_fini(&a);
    buf_fini(&b);
}

static void a_full_buffer_is_a_limit(void **state)
{
    (void)state;
    struct buf tight;
    buf_init(&tight, 20);
    assert_int_equal(tls_seal(key, row, STR("longer than that"), &tight), ERR_LIMIT);
    assert_int_equal(tight.len, 0);
    buf_fini(&tight);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trip_and_sizes),
        cmocka_unit_test(any_change_is_corrupt),
        cmocka_unit_test(nonces_differ),
        cmocka_unit_test(a_full_buffer_is_a_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
