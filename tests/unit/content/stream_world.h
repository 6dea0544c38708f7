/* SPDX-License-Identifier: Apache-2.0
 *
 * One answer under some rules, for the tests of growing texts: pieces go in, what may go
 * on comes out, and what is held back on the way is measured. The rules of the actions.
 * Each test has its own copy; single-threaded.
 */
#ifndef PORTCULLIS_TEST_STREAM_WORLD_H
#define PORTCULLIS_TEST_STREAM_WORLD_H

#include <stdio.h>
#include <stdlib.h>

#include "portcullis/content.h"
#include "test.h"

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

static struct scan_engine *engine;
static struct scan_scratch *scratch;

/* One answer under some rules. */
struct world {
    struct arena arena;
    struct content *content;
    struct content_check *check;
    struct buf out;
    uint64_t applies[2];
    size_t held_max;
    enum err err; /* of the last feed or close */
};

static inline int set_up(void **state)
{
    (void)state;
    assert_int_equal(scan_engine_new(&engine), ERR_OK);
    assert_int_equal(scan_scratch_new(&scratch), ERR_OK);
    return 0;
}

static inline int tear_down(void **state)
{
    (void)state;
    scan_scratch_free(scratch);
    scan_engine_free(engine);
    return 0;
}

static inline void world_init(struct world *w, const struct content_rule *rules, size_t count)
{
    const struct content_rule *list[8];
    struct issue issue = {.message = ""};
    memset(w, 0, sizeof(*w));
    for (size_t i = 0; i < count; i++) {
        list[i] = &rules[i];
    }
    arena_init(&w->arena, 64U << 20);
    buf_init(&w->out, 16U << 20);
    enum err err =
        content_new(list, count, &(struct content_build){.engine = engine}, &w->content, &issue);
    if (err != ERR_OK) {
        print_error("%s: %s\n", issue.pointer, issue.message);
    }
    assert_int_equal(err, ERR_OK);
    assert_int_equal(scan_scratch_fit(scratch, content_set(w->content)), ERR_OK);
    w->applies[0] = ~UINT64_C(0) >> (64 - count);
}

static inline void world_fini(struct world *w)
{
    content_check_fini(w->check);
    content_unref(w->content);
    buf_fini(&w->out);
    arena_fini(&w->arena);
}

/* A new answer. */
static inline void begin(struct world *w)
{
    content_check_fini(w->check);
    arena_reset(&w->arena);
    buf_clear(&w->out);
    struct content_env env = {.scratch = scratch, .hash_key = STR("0123456789abcdef")};
    assert_int_equal(content_check_new(&w->arena, w->content, w->applies, &env, &w->check), ERR_OK);
    w->err = ERR_OK;
}

static inline void feed(struct world *w, uint64_t channel, struct str piece, bool is_json,
                        struct buf *out)
{
    /* Exactly its size on the heap, so that a read beyond it is seen. */
    char *copy = malloc(piece.len + 1);
    assert_non_null(copy);
    memcpy(copy, piece.ptr, piece.len);
    struct llm_text text = {.value = {copy, piece.len},
                            .role = LLM_ROLE_ASSISTANT,
                            .is_delta = true,
                            .is_json = is_json,
                            .channel = channel};
    if (w->err == ERR_OK) {
        w->err = content_feed(w->check, &text, out);
        size_t held = content_held_bytes(w->check, channel);
        w->held_max = held > w->held_max ? held : w->held_max;
    }
    free(copy);
}

static inline struct str play(struct world *w, struct str text, bool is_json, const size_t *cuts,
                              size_t count)
{
    size_t at = 0;
    begin(w);
    for (size_t i = 0; i <= count; i++) {
        size_t to = i < count ? cuts[i] : text.len;
        feed(w, 7, str_sub(text, at, to), is_json, &w->out);
        at = to;
    }
    if (w->err == ERR_OK) {
        w->err = content_close(w->check, 7, &w->out);
        assert_int_equal(content_held_bytes(w->check, 7), 0);
    }
    return buf_str(&w->out);
}

/* ---- rules ----------------------------------------------------------------------------- */

static const struct str types[] = {STR_INIT("default")};
static const struct str patterns[] = {STR_INIT("secret project"), STR_INIT("falcon"),
                                      STR_INIT("/ab[0-9]{2,4}c?/"), STR_INIT("\xc3\x89t\xc3\xa9")};
static const struct str exceptions[] = {STR_INIT("jane@example.com"), STR_INIT("555-0100")};

#define PII(what, how)                                                                             \
    {                                                                                              \
        .kind = CONTENT_PII, .effect = (what), .stages = CONTENT_RESPONSE, .method = (how),        \
        .types = {                                                                                 \
            types,                                                                                 \
            COUNT(types),                                                                          \
            true                                                                                   \
        }                                                                                          \
    }

static const struct content_rule mask[] = {PII(CONTENT_MODIFY, SCAN_MASK)};
static const struct content_rule redact[] = {
    {.kind = CONTENT_PII,
     .effect = CONTENT_MODIFY,
     .stages = CONTENT_RESPONSE,
     .method = SCAN_REDACT,
     .format = STR_INIT("<{TYPE} {N} {LAST4}>"),
     .types = {types, COUNT(types), true},
     .except = {exceptions, COUNT(exceptions), true}},
    {.kind = CONTENT_TERMS,
     .effect = CONTENT_MODIFY,
     .stages = CONTENT_RESPONSE,
     .method = SCAN_REDACT,
     .format = STR_INIT("[...]"),
     .patterns = {patterns, COUNT(patterns), true}},
};
static const struct content_rule hash[] = {PII(CONTENT_MODIFY, SCAN_HASH)};
static const struct content_rule pseudonym[] = {PII(CONTENT_MODIFY, SCAN_PSEUDONYM)};
static const struct content_rule block[] = {
    PII(CONTENT_BLOCK, SCAN_KEEP),
    {.kind = CONTENT_TERMS,
     .effect = CONTENT_MODIFY,
     .stages = CONTENT_RESPONSE,
     .method = SCAN_MASK,
     .patterns = {patterns, COUNT(patterns), true}},
};
static const struct content_rule warn[] = {PII(CONTENT_WARN, SCAN_KEEP)};

#endif
