/* SPDX-License-Identifier: Apache-2.0
 *
 * What the tests of this room share: rules written as canonical JSON, a request or an
 * answer as its body, and what comes out: the edited body, effects and hits as text.
 * Everything lives until world_fini; single-threaded.
 */
#ifndef PORTCULLIS_TEST_CONTENT_WORLD_H
#define PORTCULLIS_TEST_CONTENT_WORLD_H

#include <stdio.h>
#include <stdlib.h>

#include "portcullis/codec.h"
#include "portcullis/content.h"
#include "test.h"

#define WORLD_RULES_MAX 64U

struct world {
    struct scan_engine *engine;
    struct scan_scratch *scratch;
    struct arena arena;
    struct content *content;
    struct content_check *check;
    struct policy policy;
    const struct content_rule *rules[WORLD_RULES_MAX];
    uint64_t applies[WORLD_RULES_MAX / 64];
    const struct recognise_services *services; /* for the next rules; NULL = none */
    bool may_ask, may_work;
    size_t turns, works; /* of the last run */
    size_t step; /* bytes of one content_run */
    struct issue issue;
    struct buf out;
};

/* `rules`: "TYPE EFFECT STAGE PARAMS" one per line. */
#define RULE(type, effect, stage, params)                                                          \
    "{\"key\":\"k%u\",\"type\":\"" type "\",\"effect\":\"" effect "\",\"stage\":\"" stage          \
    "\",\"params\":" params "}"

static inline void world_init(struct world *w)
{
    memset(w, 0, sizeof(*w));
    assert_int_equal(scan_engine_new(&w->engine), ERR_OK);
    assert_int_equal(scan_scratch_new(&w->scratch), ERR_OK);
    arena_init(&w->arena, (size_t)256 << 20);
    buf_init(&w->out, (size_t)64 << 20);
    w->step = (size_t)64 << 10;
}

static inline void world_fini(struct world *w)
{
    content_check_fini(w->check);
    content_unref(w->content);
    scan_scratch_free(w->scratch);
    scan_engine_free(w->engine);
    buf_fini(&w->out);
    arena_fini(&w->arena);
}

static inline enum err world_compile(struct world *w, const char *const *rules, size_t count)
{
    struct buf text;
    buf_init(&text, 1U << 20);
    buf_add(&text, STR("{\"id\":\"pol_x\",\"org_id\":\"o\",\"name\":\"n\",\"scope\":{\"level\":"
                       "\"org\"},\"rules\":["));
    for (size_t i = 0; i < count; i++) {
        const char *key = strstr(rules[i], "%u");
        assert_non_null(key);
        buf_add(&text, i == 0 ? STR("") : STR(","));
        buf_add(&text, (struct str){rules[i], (size_t)(key - rules[i])});
        buf_add_u64(&text, i);
        buf_add(&text, str_from(key + 2));
    }
    buf_add(&text, STR("]}"));
    struct str body = arena_str(&w->arena, buf_str(&text));
    buf_fini(&text);
    enum err e = codec_canonical_parse(&w->arena, body, NULL, &w->policy, &w->issue);
    if (e != ERR_OK) {
        print_error("%s: %s\n", w->issue.pointer, w->issue.message);
    }
    assert_int_equal(e, ERR_OK);
    content_check_fini(w->check);
    content_unref(w->content);
    w->check = NULL;
    w->content = NULL;
    for (size_t i = 0; i < count; i++) {
        w->rules[i] = w->policy.rules[i].content;
        w->applies[i / 64] |= UINT64_C(1) << (i % 64);
    }
    const struct content_build build = {.engine = w->engine, .services = w->services};
    e = content_new(w->rules, count, &build, &w->content, &w->issue);
    if (e == ERR_OK && content_set(w->content) != NULL) {
        assert_int_equal(scan_scratch_fit(w->scratch, content_set(w->content)), ERR_OK);
    }
    return e;
}
#define WORLD_RULES(w, ...)                                                                        \
    do {                                                                                           \
        static const char *const rules_[] = {__VA_ARGS__};                                         \
        memset((w)->applies, 0, sizeof((w)->applies));                                             \
        enum err e_ = world_compile((w), rules_, sizeof(rules_) / sizeof(rules_[0]));              \
        if (e_ != ERR_OK) {                                                                        \
            print_error("%s: %s\n", (w)->issue.pointer, (w)->issue.message);                       \
        }                                                                                          \
        assert_int_equal(e_, ERR_OK);                                                              \
    } while (0)

/* A new exchange. */
static inline void world_check(struct world *w)
{
    const struct content_env env = {
        .scratch = w->scratch, .hash_key = STR("tenant secret"), .may_ask = w->may_ask,
        .may_work = w->may_work};
    content_check_fini(w->check);
    w->check = NULL;
    assert_int_equal(content_check_new(&w->arena, w->content, w->applies, &env, &w->check),
                     ERR_OK);
    assert_non_null(w->check);
}

static inline enum err world_run(struct world *w)
{
    enum err e;
    w->turns = w->works = 0;
    do {
        e = content_run(w->check, w->step);
        w->turns++;
        if (content_has_work(w->check)) {
            w->works++;
            content_work(w->check);
        }
    } while (e == ERR_AGAIN && w->turns < 10000000);
    return e;
}

/* The body with the edits, NUL-terminated. */
static inline const char *world_edited(struct world *w, struct str body)
{
    const struct llm_edit *edits;
    size_t count;
    assert_int_equal(content_edits(w->check, &edits, &count), ERR_OK);
    buf_clear(&w->out);
    assert_int_equal(llm_edits_apply(&w->out, body, edits, count), ERR_OK);
    const char *text = arena_str(&w->arena, buf_str(&w->out)).ptr;
    assert_non_null(text);
    return text;
}

static inline const char *world_request(struct world *w, enum llm_endpoint endpoint,
                                        const char *body)
{
    struct llm_request r;
    struct str text = arena_str(&w->arena, str_from(body));
    enum err e = llm_request_parse(&w->arena, endpoint, text, true, &r, &w->issue);
    if (e != ERR_OK) {
        print_error("%s: %s\n", w->issue.pointer, w->issue.message);
    }
    assert_int_equal(e, ERR_OK);
    world_check(w);
    for (size_t i = 0; i < r.texts_count; i++) {
        assert_int_equal(content_request_add(w->check, &r.texts[i]), ERR_OK);
    }
    for (size_t i = 0; i < r.opaques_count; i++) {
        assert_int_equal(content_opaque_add(w->check, CONTENT_REQUEST, r.opaques[i].kind,
                                            r.opaques[i].pointer),
                         ERR_OK);
    }
    assert_int_equal(world_run(w), ERR_OK);
    const char *edited = world_edited(w, text);
    assert_int_equal(llm_request_parse(&w->arena, endpoint, str_from(edited), true, &r, &w->issue),
                     ERR_OK);
    return edited;
}

/* The same check goes on with an answer. */
static inline const char *world_answer(struct world *w, const char *body)
{
    struct llm_said said;
    struct str text = arena_str(&w->arena, str_from(body));
    assert_int_equal(llm_answer_read(&w->arena, text, &said, &w->issue), ERR_OK);
    for (size_t i = 0; i < said.texts_count; i++) {
        assert_int_equal(content_response_add(w->check, &said.texts[i]), ERR_OK);
    }
    assert_int_equal(world_run(w), ERR_OK);
    return world_edited(w, text);
}

/* A chat of one user message; only the message's content comes back, as JSON string. */
static inline const char *world_say(struct world *w, const char *text)
{
    static const char head[] = "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":";
    struct buf body;
    buf_init(&body, 32U << 20);
    buf_add(&body, STR(head));
    json_write_str(&body, str_from(text));
    buf_add(&body, STR("}]}"));
    buf_add_byte(&body, '\0');
    const char *edited = world_request(w, LLM_CHAT, body.ptr);
    buf_fini(&body);
    size_t from = sizeof(head) - 1;
    return arena_str(&w->arena, str_sub(str_from(edited), from, strlen(edited) - 3)).ptr;
}

/* "rule what xCOUNT effect" per hit, joined by "; ". */
static inline const char *world_hits(struct world *w, enum content_stage stage)
{
    static const char *const effects[] = {"info", "warn", "modify", "block"};
    const struct content_hit *hits;
    size_t dropped;
    size_t count = content_hits(w->check, stage, &hits, &dropped);
    buf_clear(&w->out);
    for (size_t i = 0; i < count; i++) {
        buf_printf(&w->out, "%s%u %.*s x%u %s", i > 0 ? "; " : "", hits[i].rule,
                   STR_ARG(hits[i].what), (unsigned)hits[i].count, effects[hits[i].effect]);
    }
    if (dropped > 0) {
        buf_printf(&w->out, "; %zu dropped", dropped);
    }
    return arena_str(&w->arena, buf_str(&w->out)).ptr;
}

#endif
