/* SPDX-License-Identifier: Apache-2.0
 *
 * What the tests of the scan room share: an engine, a set made of names and terms, and
 * redaction of a whole text. Everything lives until scan_world_free.
 */
#ifndef PORTCULLIS_SCAN_TEST_H
#define PORTCULLIS_SCAN_TEST_H

#include "portcullis/scan.h"
#include "test.h"

struct scan_world {
    struct scan_engine *engine;
    struct scan_scratch *scratch;
    struct scan_set *set;
    struct scan_types types;
    struct scan_action action;
    struct scan_plan plan;
    struct scan_keys keys;
    struct scan_finding items[4096];
    struct scan_findings found;
};

static uint8_t scan_world_term(const void *context, uint32_t id)
{
    (void)context;
    (void)id;
    return 0;
}

static inline void scan_world_init(struct scan_world *w, const char *types,
                                   const struct scan_term *terms, size_t terms_count)
{
    struct issue issue;
    memset(w, 0, sizeof(*w));
    assert_int_equal(scan_engine_new(&w->engine), ERR_OK);
    assert_int_equal(scan_scratch_new(&w->scratch), ERR_OK);
    struct str names = str_from(types);
    while (names.len > 0) {
        assert_int_equal(scan_types_add(&w->types, str_cut(&names, ','), &issue), ERR_OK);
    }
    struct scan_spec spec = {.types = w->types, .terms = terms, .terms_count = terms_count};
    assert_int_equal(scan_set_new(w->engine, &spec, &w->set, &issue), ERR_OK);
    assert_int_equal(scan_scratch_fit(w->scratch, w->set), ERR_OK);
    w->action = (struct scan_action){.kind = SCAN_REDACT, .format = STR("[{TYPE}]")};
    scan_plan_init(&w->plan, &w->action, 1);
    scan_plan_set(&w->plan, &w->types, 0);
    w->plan.of_term = scan_world_term;
    w->keys.hash_key = STR("key");
    w->found.items = w->items;
    w->found.capacity = sizeof(w->items) / sizeof(w->items[0]);
}

static inline void scan_world_free(struct scan_world *w)
{
    scan_set_free(w->set);
    scan_scratch_free(w->scratch);
    scan_engine_free(w->engine);
}

/* The findings of `text` stay in w->found. */
static inline void scan_world_scan(struct scan_world *w, struct str text, unsigned views)
{
    w->found.count = 0;
    assert_int_equal(scan_text(w->set, w->scratch, text, views, &w->found), ERR_OK);
    assert_false(w->found.is_truncated);
}

static inline void scan_world_redact(struct scan_world *w, struct str text, unsigned views,
                                     struct buf *out)
{
    scan_world_scan(w, text, views);
    w->keys.names_count = 0;
    assert_int_equal(scan_rewrite(&w->plan, &w->keys, text, &w->found, out), ERR_OK);
}

/* Without the '=' at the end, which is not needed to undo it. */
static inline void add_base64(struct buf *to, struct str s)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < s.len; i += 3) {
        uint32_t bits = (uint32_t)(unsigned char)s.ptr[i] << 16;
        bits |= i + 1 < s.len ? (uint32_t)(unsigned char)s.ptr[i + 1] << 8 : 0;
        bits |= i + 2 < s.len ? (unsigned char)s.ptr[i + 2] : 0;
        for (unsigned k = 0; k < 4 && i + k <= s.len; k++) {
            buf_add_byte(to, letters[bits >> (18 - 6 * k) & 63]);
        }
    }
}

#endif
