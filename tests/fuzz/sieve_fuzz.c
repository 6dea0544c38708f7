/* SPDX-License-Identifier: Apache-2.0
 *
 * Fuzz target: a text through every detector, and through the sieve in pieces whose
 * sizes the first bytes say: the outputs must be equal; edits must lie in the text.
 */
#include "portcullis/scan.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct world {
    struct scan_engine *engine;
    struct scan_scratch *scratch;
    struct scan_set *set;
    struct scan_action action;
    struct scan_plan plan;
    struct scan_keys keys;
    struct scan_finding items[8192];
};

static uint8_t of_term(const void *context, uint32_t id)
{
    (void)context;
    (void)id;
    return 0;
}

static struct world *world_new(void)
{
    static const struct scan_term terms[] = {
        {.text = STR_INIT("secret"), .id = 1},
        {.text = STR_INIT("secret project"), .id = 2},
        {.text = STR_INIT("abc"), .id = 3, .is_substring = true},
        {.text = STR_INIT("/x[0-9]+y?/"), .id = 4}};
    struct world *w = calloc(1, sizeof(*w));
    struct issue issue;
    struct scan_spec spec = {.terms = terms, .terms_count = 4};
    ASSERT(w != NULL && scan_engine_new(&w->engine) == ERR_OK);
    ASSERT(scan_scratch_new(&w->scratch) == ERR_OK);
    ASSERT(scan_types_add(&spec.types, STR("all"), &issue) == ERR_OK);
    ASSERT(scan_set_new(w->engine, &spec, &w->set, &issue) == ERR_OK);
    ASSERT(scan_scratch_fit(w->scratch, w->set) == ERR_OK);
    w->action = (struct scan_action){.kind = SCAN_REDACT, .format = STR("[{TYPE}]")};
    scan_plan_init(&w->plan, &w->action, 1);
    scan_plan_set(&w->plan, &spec.types, 0);
    w->plan.of_term = of_term;
    return w;
}

static void check_sieve(struct world *w, struct str text, size_t step, struct str wanted)
{
    struct scan_sieve sieve;
    struct buf out;
    buf_init(&out, 1U << 22);
    scan_sieve_init(&sieve, w->set, &w->plan, &w->keys, SCAN_VIEW_FOLD, 1U << 20);
    enum err err = ERR_OK;
    for (size_t at = 0; at < text.len && err == ERR_OK; at += step) {
        err = scan_sieve_feed(&sieve, str_sub(text, at, at + step), &out, NULL);
    }
    err = err == ERR_OK ? scan_sieve_close(&sieve, &out, NULL) : err;
    ASSERT(err != ERR_OK || str_eq(buf_str(&out), wanted));
    scan_sieve_fini(&sieve);
    buf_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct world *w; /* made once: it costs more than a run */
    w = w != NULL ? w : world_new();
    if (size < 2) {
        return 0;
    }
    size_t step = data[0] % 16 + 1;
    struct str text = {(const char *)data + 1, size - 1};
    struct scan_findings found = {.items = w->items, .capacity = 8192};
    struct buf wanted;
    buf_init(&wanted, 1U << 22);
    ASSERT(scan_text(w->set, w->scratch, text, SCAN_VIEW_FOLD, &found) == ERR_OK);
    for (size_t i = 0; i < found.count; i++) {
        ASSERT(found.items[i].start < found.items[i].end && found.items[i].end <= text.len);
    }
    if (!found.is_truncated && !found.is_exhausted) {
        ASSERT(scan_rewrite(&w->plan, &w->keys, text, &found, &wanted) == ERR_OK);
        check_sieve(w, text, step, buf_str(&wanted));
    }
    found.count = 0;
    ASSERT(scan_text(w->set, w->scratch, text, SCAN_VIEW_ALL, &found) == ERR_OK);
    struct scan_injection in;
    ASSERT(scan_injection(w->engine, w->scratch, text, &in) == ERR_OK);
    buf_fini(&wanted);
    return 0;
}
