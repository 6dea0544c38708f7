/* SPDX-License-Identifier: Apache-2.0
 *
 * Fuzz target: a text through every detector, and through the sieve in pieces whose
 * sizes the first byte says, with letters folded and in all views: outputs and findings must
 * be equal; findings must lie in the text.
 */
#include "portcullis/scan.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FOUND_MAX 8192U

struct world {
    struct scan_engine *engine;
    struct scan_scratch *scratch;
    struct scan_set *set;
    struct scan_action action;
    struct scan_plan plan;
    struct scan_keys keys;
    struct scan_finding items[FOUND_MAX], streamed[FOUND_MAX];
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
    w->action = (struct scan_action){.kind = SCAN_REDACT, .format = STR("[{TYPE} {N}]")};
    scan_plan_init(&w->plan, &w->action, 1);
    scan_plan_set(&w->plan, &spec.types, 0);
    w->plan.of_term = of_term;
    w->keys.hash_key = STR("key");
    return w;
}

/* Those that the plan wants. */
static void check_findings(const struct world *w, const struct scan_findings *whole,
                           const struct scan_findings *stream)
{
    size_t at = 0;
    for (size_t i = 0; i < whole->count; i++) {
        const struct scan_finding *a = &whole->items[i];
        if (a->kind == SCAN_ENTITY && a->score < w->plan.score_min) {
            continue;
        }
        const struct scan_finding *b = &stream->items[at++];
        ASSERT(at <= stream->count && a->start == b->start && a->end == b->end &&
               a->id == b->id && a->kind == b->kind && a->score == b->score);
    }
    ASSERT(at == stream->count);
}

static void check_sieve(struct world *w, struct str text, size_t step, unsigned views)
{
    struct scan_findings whole = {.items = w->items, .capacity = FOUND_MAX};
    struct scan_findings stream = {.items = w->streamed, .capacity = FOUND_MAX};
    struct scan_sieve sieve;
    struct buf wanted;
    struct buf out;
    buf_init(&wanted, 1U << 22);
    buf_init(&out, 1U << 22);
    ASSERT(scan_text(w->set, w->scratch, text, views, &whole) == ERR_OK);
    for (size_t i = 0; i < whole.count; i++) {
        ASSERT(whole.items[i].start < whole.items[i].end && whole.items[i].end <= text.len);
    }
    w->keys.names_count = 0;
    ASSERT(scan_rewrite(&w->plan, &w->keys, text, &whole, &wanted) == ERR_OK);
    w->keys.names_count = 0;
    scan_sieve_init(&sieve, w->set, &w->plan, &w->keys, views, 1U << 20);
    enum err err = ERR_OK;
    for (size_t at = 0; at < text.len && err == ERR_OK; at += step) {
        err = scan_sieve_feed(&sieve, str_sub(text, at, at + step), &out, &stream);
    }
    err = err == ERR_OK ? scan_sieve_close(&sieve, &out, &stream) : err;
    if (err == ERR_OK && !whole.is_truncated && !whole.is_exhausted && !stream.is_truncated) {
        ASSERT(str_eq(buf_str(&out), buf_str(&wanted)));
        check_findings(w, &whole, &stream);
    }
    scan_sieve_fini(&sieve);
    buf_fini(&out);
    buf_fini(&wanted);
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
    check_sieve(w, text, step, SCAN_VIEW_FOLD);
    check_sieve(w, text, step, SCAN_VIEW_ALL);
    struct scan_injection in;
    ASSERT(scan_injection(w->engine, w->scratch, text, &in) == ERR_OK);
    return 0;
}
