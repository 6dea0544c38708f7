/* SPDX-License-Identifier: Apache-2.0
 *
 * API keys: the text, the look-up in a snapshot of many organisations, rotation,
 * time, revocation; and that organisations are shared and wiped.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "policy/support.h"

#define KEYS_COUNT 500

static struct bench b;

static int load(void **state)
{
    (void)state;
    bench_init(&b);
    return 0;
}

static int drop(void **state)
{
    (void)state;
    bench_fini(&b);
    return 0;
}

static void make(unsigned seed, char text[80], struct policy_key_row *row)
{
    static char ids[4 * KEYS_COUNT][12];
    struct policy_key_text parsed;
    uint8_t dice[64];
    struct buf out;

    for (unsigned i = 0; i < 64; i++) {
        dice[i] = (uint8_t)(seed * 2654435761u >> (i % 24) ^ i * 37u);
    }
    buf_init(&out, 128);
    policy_key_format(&out, STR("pc_live"), dice);
    assert_int_equal(out.err, ERR_OK);
    assert_int_equal(out.len, 71);
    memcpy(text, out.ptr, 71);
    text[71] = '\0';
    buf_fini(&out);
    assert_int_equal(policy_key_parse(str_from(text), &parsed), ERR_OK);
    memcpy(ids[seed], parsed.id.ptr, 12);
    *row = (struct policy_key_row){.id = {ids[seed], 12}, .may_call = true};
    struct sha256 h = hmac_sha256(STR("pepper"), parsed.secret);
    memcpy(row->secret_hmac, h.bytes, 32);
}

static void text_of_a_key(void **state)
{
    (void)state;
    char text[80], bad[80];
    struct policy_key_row row;
    struct policy_key_text parsed;
    static const char *const prefixes[] = {"pc_live", "pc_test", "sk_case", "tv_live",
                                           "tv_test", "pk_live", "pk_test"};

    make(1, text, &row);
    /* every single-byte change is refused by shape, charset or CRC */
    for (size_t i = 0; i < 71; i++) {
        for (unsigned c = 1; c < 256; c++) {
            memcpy(bad, text, sizeof(bad));
            bad[i] = (char)(bad[i] ^ (char)c);
            assert_int_equal(policy_key_parse((struct str){bad, 71}, &parsed), ERR_SYNTAX);
        }
        assert_int_equal(policy_key_parse((struct str){text, i}, &parsed), ERR_SYNTAX);
    }
    memcpy(bad, text, sizeof(bad));
    bad[71] = '0';
    assert_int_equal(policy_key_parse((struct str){bad, 72}, &parsed), ERR_SYNTAX);
    assert_int_equal(policy_key_parse(STR_NONE, &parsed), ERR_SYNTAX);
    for (size_t i = 0; i < 7; i++) {
        struct buf out;
        uint8_t dice[64];
        memset(dice, 0xff, sizeof(dice));
        buf_init(&out, 128);
        policy_key_format(&out, str_from(prefixes[i]), dice);
        assert_int_equal(policy_key_parse(buf_str(&out), &parsed), ERR_OK);
        assert_int_equal(parsed.id.len, 12);
        assert_int_equal(parsed.secret.len, 43);
        buf_fini(&out);
    }
    struct buf out;
    buf_init(&out, 128);
    policy_key_format(&out, STR("xx_live"), (const uint8_t[64]){0});
    assert_int_equal(out.err, ERR_INVALID);
    assert_int_equal(out.len, 0);
    /* figures and letters of either size, wherever they stand */
    for (unsigned c = 0; c < 256; c++) {
        bool is_good = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
        for (size_t at = 0; at < 12; at++) {
            char id[] = "0AZaz9000000";
            id[at] = (char)c;
            buf_clear(&out);
            policy_key_format_as(&out, STR("pc_live"), (struct str){id, 12},
                                 (const uint8_t[32]){0});
            assert_int_equal(out.err, is_good ? ERR_OK : ERR_INVALID);
        }
    }
    buf_fini(&out);
}

static void many_organisations_one_table(void **state)
{
    (void)state;
    static char texts[KEYS_COUNT][80];
    struct policy_org *orgs[10];
    struct policy_snapshot *s = NULL;
    const struct policy_principal *who = NULL;
    char stranger[80];
    struct policy_key_row row;

    for (unsigned o = 0; o < 10; o++) {
        struct policy_key_row rows[KEYS_COUNT / 10];
        char id[16];
        for (unsigned k = 0; k < KEYS_COUNT / 10; k++) {
            unsigned n = o * (KEYS_COUNT / 10) + k;
            make(n, texts[n], &rows[k]);
        }
        (void)snprintf(id, sizeof(id), "org_%u", o);
        const struct policy_org_rows all = {.id = str_from(id), .seq = o, .keys = rows,
                                            .keys_count = KEYS_COUNT / 10};
        assert_int_equal(policy_org_new(&all,
                                        &(struct policy_build){.catalog = b.catalog, .now_s = 1},
                                        &orgs[o], &b.issue),
                         ERR_OK);
    }
    assert_int_equal(policy_snapshot_new(orgs, 10, b.catalog, 42, 99, &s), ERR_OK);
    for (unsigned o = 0; o < 10; o++) {
        policy_org_unref(orgs[o]); /* the snapshot has its own */
    }
    for (unsigned n = 0; n < KEYS_COUNT; n++) {
        assert_int_equal(policy_authenticate(s, str_from(texts[n]), STR("pepper"), 1, &who),
                         ERR_OK);
        assert_int_equal(policy_org_seq(policy_principal_org(who)), n / (KEYS_COUNT / 10));
        assert_true(str_eq(policy_principal_key(who)->id, str_sub(str_from(texts[n]), 8, 20)));
    }
    make(KEYS_COUNT + 1, stranger, &row);
    assert_int_equal(policy_authenticate(s, str_from(stranger), STR("pepper"), 1, &who),
                     ERR_NOT_FOUND);
    assert_int_equal(policy_authenticate(s, str_from(texts[0]), STR("other"), 1, &who),
                     ERR_NOT_FOUND);
    assert_int_equal(policy_authenticate(s, STR("nonsense"), STR("pepper"), 1, &who), ERR_SYNTAX);
    assert_int_equal(policy_snapshot_epoch(s), 42);
    assert_int_equal(policy_snapshot_made_at(s), 99);
    assert_ptr_equal(policy_snapshot_catalog(s), b.catalog);
    assert_int_equal(policy_snapshot_orgs_count(s), 10);
    assert_ptr_equal(policy_snapshot_org(s, STR("org_3")), policy_snapshot_org_at(s, 3));
    assert_null(policy_snapshot_org(s, STR("org_10")));
    policy_snapshot_free(s);
    policy_snapshot_free(NULL);
}

static enum err at(struct policy_key_row row, const char *text, bool is_suspended, int64_t now_s)
{
    const struct policy_principal *who = NULL;
    const struct policy_org_rows rows = {.id = STR("o"), .keys = &row, .keys_count = 1,
                                         .is_suspended = is_suspended};
    struct policy_org *o = NULL;
    struct policy_snapshot *s = NULL;

    assert_int_equal(policy_org_new(&rows, &(struct policy_build){.catalog = b.catalog, .now_s = 1},
                                    &o, &b.issue),
                     ERR_OK);
    assert_int_equal(policy_snapshot_new(&o, 1, b.catalog, 1, 1, &s), ERR_OK);
    enum err err = policy_authenticate(s, str_from(text), STR("pepper"), now_s, &who);
    assert_int_equal(who != NULL, err == ERR_OK);
    policy_snapshot_free(s);
    policy_org_unref(o);
    return err;
}

static void time_and_state(void **state)
{
    (void)state;
    char text[80];
    struct policy_key_row row, other;

    make(2, text, &row);
    assert_int_equal(at(row, text, false, 100), ERR_OK);
    assert_int_equal(at(row, text, true, 100), ERR_DENIED);
    other = row;
    other.is_revoked = true;
    assert_int_equal(at(other, text, false, 100), ERR_DENIED);
    other = row;
    other.expires_at_s = 100;
    assert_int_equal(at(other, text, false, 99), ERR_OK);
    assert_int_equal(at(other, text, false, 100), ERR_DENIED);
    other = row;
    other.not_before_s = 100;
    assert_int_equal(at(other, text, false, 99), ERR_DENIED);
    assert_int_equal(at(other, text, false, 100), ERR_OK);
    /* a wrong secret learns nothing of the state */
    other = row;
    other.is_revoked = true;
    other.secret_hmac[0] ^= 1;
    assert_int_equal(at(other, text, false, 100), ERR_NOT_FOUND);
}

static void rotation(void **state)
{
    (void)state;
    char text[80];
    struct policy_key_row row;

    make(3, text, &row);
    memcpy(row.previous_hmac, row.secret_hmac, 32);
    row.secret_hmac[5] ^= 0xff;
    assert_int_equal(at(row, text, false, 100), ERR_NOT_FOUND);
    row.has_previous = true;
    row.previous_until_s = 200;
    assert_int_equal(at(row, text, false, 199), ERR_OK);
    assert_int_equal(at(row, text, false, 200), ERR_NOT_FOUND);
}

static void one_id_twice_is_a_conflict(void **state)
{
    (void)state;
    char text[80];
    struct policy_key_row row;
    struct policy_org *orgs[2] = {NULL};
    struct policy_snapshot *s = NULL;

    make(4, text, &row);
    for (unsigned i = 0; i < 2; i++) {
        const struct policy_org_rows rows = {
            .id = i == 0 ? STR("a") : STR("b"), .keys = &row, .keys_count = 1};
        assert_int_equal(policy_org_new(&rows,
                                        &(struct policy_build){.catalog = b.catalog, .now_s = 1},
                                        &orgs[i], &b.issue),
                         ERR_OK);
    }
    assert_int_equal(policy_snapshot_new(orgs, 2, b.catalog, 1, 1, &s), ERR_CONFLICT);
    assert_null(s);
    struct policy_org *same[2] = {orgs[0], orgs[0]};
    assert_int_equal(policy_snapshot_new(same, 2, b.catalog, 1, 1, &s), ERR_CONFLICT);
    policy_org_unref(orgs[0]);
    policy_org_unref(orgs[1]);
    policy_org_unref(NULL);
}

static void rows_are_copied(void **state)
{
    (void)state;
    char credential[] = "sk-secret", id[] = "ep1";
    const struct route_endpoint endpoint = {.id = {id, 3}, .provider = 1,
                                            .credential = {credential, 9}};
    size_t count = 0;

    assert_int_equal(bench_org(&b, &(struct policy_org_rows){.endpoints = &endpoint,
                                                             .endpoints_count = 1}),
                     ERR_OK);
    memset(credential, 'x', 9);
    memset(id, 'x', 3);
    const struct route_endpoint *kept = policy_org_endpoints(b.org, &count);
    assert_int_equal(count, 1);
    assert_true(str_eq(kept->credential, STR("sk-secret")));
    assert_true(str_eq(kept->id, STR("ep1")));
    assert_true(str_eq(policy_org_id(b.org), STR("org_1")));
    assert_true(policy_org_bytes(b.org) >= policy_org_index_bytes(b.org));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_of_a_key),
        cmocka_unit_test(many_organisations_one_table),
        cmocka_unit_test(time_and_state),
        cmocka_unit_test(rotation),
        cmocka_unit_test(one_id_twice_is_a_conflict),
        cmocka_unit_test(rows_are_copied),
    };
    return cmocka_run_group_tests(tests, load, drop);
}
