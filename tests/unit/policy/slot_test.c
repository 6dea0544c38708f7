/* SPDX-License-Identifier: Apache-2.0
 *
 * Slots (S0-38 to S0-43) and the three settings of slot_selection: what a caller
 * may select, and that a selection never switches off anything else (C-7, trap 7).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "policy/support.h"

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

#define SLOT(n) .is_slot_selected = true, .slot = (n)
#define BLOCKS(slug) RULES(PROVIDERS(POLICY_BLOCK, .block = LIST(STR(slug))))

/* Slot 1 forbids openai, slot 2 only warns of azure, the default forbids azure,
 * and one policy is always on and forbids groq. */
static void prepare(enum policy_slot_selection setting, const struct policy_key_row *key)
{
    const struct policy policies[] = {
        POLICY("one", SLOT(1), BLOCKS("openai")),
        POLICY("two", SLOT(2), RULES(PROVIDERS(POLICY_WARN, .block = LIST(STR("azure"))))),
        POLICY("default", .is_slot_selected = true, .is_default = true, BLOCKS("azure")),
        POLICY("always", BLOCKS("groq")),
        POLICY("shadow", SLOT(5), .is_shadow = true, BLOCKS("openai")),
    };
    struct policy_key_row row = key != NULL ? *key : (struct policy_key_row){0};
    struct policy_org_rows rows = {
        .policies = policies,
        .policies_count = 5,
        .slot_selection = setting,
        .keys = &row,
        .keys_count = key != NULL ? 1 : 0,
    };
    char text[80];
    struct buf out;
    uint8_t dice[64] = {1, 2, 3};
    struct policy_key_text parsed;

    buf_init(&out, sizeof(text));
    policy_key_format(&out, STR("sk_case"), dice);
    assert_int_equal(policy_key_parse(buf_str(&out), &parsed), ERR_OK);
    struct sha256 h = hmac_sha256(STR("p"), parsed.secret);
    memcpy(row.secret_hmac, h.bytes, 32);
    row.id = parsed.id;
    assert_int_equal(bench_org(&b, &rows), ERR_OK);
    if (key != NULL) {
        assert_int_equal(policy_snapshot_new(&b.org, 1, b.catalog, 1, 1, &b.snapshot), ERR_OK);
        assert_int_equal(policy_authenticate(b.snapshot, buf_str(&out), STR("p"), 1, &b.who),
                         ERR_OK);
    }
    buf_fini(&out);
}

/* want: the policy selected, "" for none, "?" unknown, "!" denied. */
static void selects(bool has_slot, int64_t slot, const char *want, uint32_t allowed_gpt4o)
{
    b.facts = (struct policy_facts){.has_slot = has_slot, .slot = slot};
    assert_int_equal(bench_decide(&b, "gpt-4o"), ERR_OK); /* bit 0 openai, bit 1 azure */
    assert_int_equal(b.verdict.allowed, allowed_gpt4o);
    assert_int_equal(b.verdict.is_slot_unknown, strcmp(want, "?") == 0);
    assert_int_equal(b.verdict.is_slot_denied, strcmp(want, "!") == 0);
    if (strcmp(want, "?") == 0 || strcmp(want, "!") == 0) {
        assert_int_equal(b.verdict.effect, POLICY_BLOCK);
        assert_null(b.verdict.selected);
        return;
    }
    if (want[0] == '\0') {
        assert_null(b.verdict.selected);
    } else {
        assert_true(str_eq(b.verdict.selected->id, str_from(want)));
    }
    assert_int_equal(bench_decide(&b, "groq/openai/gpt-oss-120b"), ERR_OK);
    assert_int_equal(b.verdict.effect, POLICY_BLOCK); /* always on, whatever is selected */
}

static void s0_42_default_and_s0_43_unknown(void **state)
{
    (void)state;
    prepare(POLICY_SLOT_ANY, NULL);
    selects(false, 0, "default", 1);
    selects(true, 1, "one", 2);
    selects(true, 2, "two", 3);
    selects(true, 3, "?", 0);
    selects(true, 0, "?", 0);
    selects(true, 13, "?", 0);
    selects(true, -1, "?", 0);
    selects(true, INT64_MAX, "?", 0);
    selects(true, INT64_MIN, "?", 0);
    selects(true, 5, "?", 0); /* a shadow is no policy to escape to */
}

static void without_default_nothing_is_selected(void **state)
{
    (void)state;
    assert_int_equal(BENCH_ORG(&b, POLICY("one", SLOT(1), BLOCKS("openai")),
                               POLICY("always", BLOCKS("groq"))),
                     ERR_OK);
    selects(false, 0, "", 3);
    selects(true, 1, "one", 2);
}

static void a_key_may_select_only_its_slots(void **state)
{
    (void)state;
    const struct policy_key_row key = {.slots = 1u << 1};
    prepare(POLICY_SLOT_ANY, &key);
    selects(false, 0, "default", 1);
    selects(true, 1, "one", 2);
    selects(true, 2, "!", 0);
    selects(true, 3, "!", 0); /* does not tell whether it exists */
    selects(true, 99, "!", 0);
}

static void a_pinned_key(void **state)
{
    (void)state;
    const struct policy_key_row key = {.pinned_slot = 1};
    prepare(POLICY_SLOT_ANY, &key);
    selects(false, 0, "one", 2);
    selects(true, 2, "two", 3); /* S0-41: the body selects */
    const struct policy_key_row gone = {.pinned_slot = 7};
    prepare(POLICY_SLOT_ANY, &gone);
    selects(false, 0, "?", 0);
    selects(true, 1, "?", 0);
}

static void setting_pinned(void **state)
{
    (void)state;
    const struct policy_key_row key = {.pinned_slot = 1}, free_key = {.may_call = true};
    prepare(POLICY_SLOT_PINNED, &key);
    selects(false, 0, "one", 2);
    selects(true, 1, "one", 2);
    selects(true, 2, "!", 0);
    prepare(POLICY_SLOT_PINNED, &free_key);
    selects(false, 0, "default", 1);
    selects(true, 1, "!", 0);
    selects(true, 2, "!", 0);
    prepare(POLICY_SLOT_PINNED, NULL);
    selects(true, 2, "!", 0);
}

/* Trap 7: slot 2 warns only, but the default still holds. */
static void setting_stricter_only(void **state)
{
    (void)state;
    const struct policy_key_row key = {.pinned_slot = 1};
    prepare(POLICY_SLOT_STRICTER_ONLY, NULL);
    selects(false, 0, "default", 1);
    selects(true, 2, "two", 1);
    selects(true, 1, "one", 0);
    selects(true, 3, "?", 0);
    prepare(POLICY_SLOT_STRICTER_ONLY, &key);
    selects(true, 2, "two", 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(s0_42_default_and_s0_43_unknown),
        cmocka_unit_test(without_default_nothing_is_selected),
        cmocka_unit_test(a_key_may_select_only_its_slots),
        cmocka_unit_test(a_pinned_key),
        cmocka_unit_test(setting_pinned),
        cmocka_unit_test(setting_stricter_only),
    };
    return cmocka_run_group_tests(tests, load, drop);
}
