/* SPDX-License-Identifier: Apache-2.0
 *
 * Fuzz target: a growing text under content rules. The first byte picks the rules and
 * whether it is a tool's arguments, the second how the text is cut. Checked: any cut gives
 * what a body with the text gives, edits and hits; what was JSON stays JSON of the same
 * structure; no more is held back than the bound says; a repeat gives what the pieces gave.
 */
#include <stdlib.h>

#include "portcullis/content.h"

#include "../support/values.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define KINDS 4U

struct world {
    struct scan_engine *engine;
    struct scan_scratch *scratch;
    struct content *contents[KINDS];
};

static struct world *world_new(void)
{
    static const struct str types[] = {STR_INIT("default")};
    static const struct str words[] = {STR_INIT("secret"), STR_INIT("secret project"),
                                       STR_INIT("/x[0-9]+y?/")};
    static const struct str except[] = {STR_INIT("secret projector"), STR_INIT("a@b.co")};
    static const enum scan_action_kind methods[] = {SCAN_MASK, SCAN_REDACT, SCAN_PSEUDONYM,
                                                    SCAN_KEEP};
    struct world *w = calloc(1, sizeof(*w));
    struct issue issue;
    ASSERT(w != NULL && scan_engine_new(&w->engine) == ERR_OK);
    ASSERT(scan_scratch_new(&w->scratch) == ERR_OK);
    for (size_t i = 0; i < KINDS; i++) {
        struct content_rule pii = {.kind = CONTENT_PII,
                                   .effect =
                                       methods[i] == SCAN_KEEP ? CONTENT_BLOCK : CONTENT_MODIFY,
                                   .stages = CONTENT_RESPONSE,
                                   .method = methods[i],
                                   .types = {types, 1, true}};
        struct content_rule terms = {.kind = CONTENT_TERMS,
                                     .effect = CONTENT_MODIFY,
                                     .stages = CONTENT_RESPONSE,
                                     .method = SCAN_REDACT,
                                     .format = STR("<{N}>"),
                                     .patterns = {words, 3, true},
                                     .except = {except, 2, true}};
        const struct content_rule *rules[] = {&pii, &terms};
        ASSERT(content_new(rules, 2, &(struct content_build){.engine = w->engine}, &w->contents[i],
                           &issue) == ERR_OK);
        ASSERT(scan_scratch_fit(w->scratch, content_set(w->contents[i])) == ERR_OK);
    }
    return w;
}

static struct content_check *check_new(struct world *w, struct arena *a, unsigned kind)
{
    static const uint64_t applies[] = {3};
    struct content_env env = {.scratch = w->scratch, .hash_key = STR("0123456789abcdef")};
    struct content_check *k;
    ASSERT(content_check_new(a, w->contents[kind], applies, &env, &k) == ERR_OK);
    return k;
}

/* In pieces of `step` bytes, 0 = at once. */
static enum err play(struct content_check *k, struct llm_text text, size_t step, size_t held_max,
                     struct buf *out)
{
    struct str all = text.value;
    enum err err = ERR_OK;
    for (size_t at = 0; at < all.len && err == ERR_OK;) {
        size_t to = step == 0 ? all.len : at + step;
        text.value = str_sub(all, at, to);
        err = content_feed(k, &text, out);
        ASSERT(content_held_bytes(k, text.channel) <= held_max);
        at += text.value.len;
    }
    return err == ERR_OK ? content_close(k, text.channel, out) : err;
}

/* The same text as that of an answer that came at once: what becomes of it, and what is
 * told. A stream that is blocked has told what it came to. */
static void check_body(struct world *w, unsigned kind, const struct llm_text *text,
                       struct content_check *streamed, struct str wanted)
{
    struct arena a;
    const struct llm_edit *edits;
    const struct content_hit *hits[2];
    size_t counts[2], dropped[2], edits_count;
    struct json_doc doc;
    arena_init(&a, 256u << 20);
    struct content_check *k = check_new(w, &a, kind);
    enum err err = content_response_add(k, text);
    while (err == ERR_OK && (err = content_run(k, SIZE_MAX)) == ERR_AGAIN) {
        err = ERR_OK;
    }
    bool is_blocked = content_effect(streamed, CONTENT_RESPONSE) == CONTENT_BLOCK;
    if (err == ERR_OK) {
        ASSERT(is_blocked == (content_effect(k, CONTENT_RESPONSE) == CONTENT_BLOCK));
    }
    if (err == ERR_OK && !is_blocked) {
        ASSERT(content_edits(k, &edits, &edits_count) == ERR_OK);
        struct str all = text->value;
        if (edits_count > 0) {
            ASSERT(json_parse(&a, edits[0].with, &json_limits_default, &doc, NULL) == ERR_OK);
            all = json_str(doc.root);
        }
        ASSERT(str_eq(all, wanted));
        counts[0] = content_hits(k, CONTENT_RESPONSE, &hits[0], &dropped[0]);
        counts[1] = content_hits(streamed, CONTENT_RESPONSE, &hits[1], &dropped[1]);
        ASSERT(counts[0] == counts[1] && content_edits_count(k, CONTENT_RESPONSE) ==
                                             content_edits_count(streamed, CONTENT_RESPONSE));
        for (size_t i = 0; i < counts[0]; i++) {
            ASSERT(hits[0][i].rule == hits[1][i].rule && hits[0][i].count == hits[1][i].count &&
                   hits[0][i].start == hits[1][i].start && hits[0][i].end == hits[1][i].end &&
                   hits[0][i].score == hits[1][i].score &&
                   str_eq(hits[0][i].what, hits[1][i].what));
        }
    }
    content_check_fini(k);
    arena_fini(&a);
}

/* Equal names may have become equal only here, so the strict reader is not asked. */
static void check_json(struct arena *a, struct str before, struct str after)
{
    struct json_doc doc;
    if (json_parse(a, before, &json_limits_default, &doc, NULL) != ERR_OK) {
        return;
    }
    yyjson_doc *read = yyjson_read(after.ptr, after.len, 0);
    ASSERT(read != NULL && count_values(yyjson_doc_get_root(read)) == count_values(doc.root));
    yyjson_doc_free(read);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct world *w; /* made once: it costs more than a run */
    w = w != NULL ? w : world_new();
    if (size < 3) {
        return 0;
    }
    struct arena a;
    struct buf whole;
    struct buf pieces;
    unsigned kind = data[0] % KINDS;
    size_t step = data[1] % 32 + 1;
    struct llm_text text = {.value = {(const char *)data + 2, size - 2},
                            .role = LLM_ROLE_ASSISTANT,
                            .is_json = (data[0] & 0x40) != 0,
                            .is_delta = true,
                            .channel = 1};
    arena_init(&a, 256u << 20);
    buf_init(&whole, 1u << 26);
    buf_init(&pieces, 1u << 26);
    /* Besides a channel's: the beginning of a code point, an escape, a number, a token. */
    size_t held_max = content_held_bytes_max(w->contents[kind]) + 256;
    struct content_check *k = check_new(w, &a, kind);
    enum err err = play(k, text, 0, held_max, &whole);
    if (err == ERR_OK) {
        struct buf again;
        buf_init(&again, 1u << 26);
        ASSERT(content_feed_whole(k, &text, &again) == ERR_OK);
        ASSERT(str_eq(buf_str(&again), buf_str(&whole)));
        buf_fini(&again);
        if (text.is_json) {
            check_json(&a, text.value, buf_str(&whole));
        }
    }
    content_check_fini(k);
    k = check_new(w, &a, kind);
    enum err cut = play(k, text, step, held_max, &pieces);
    if (cut != ERR_LIMIT && !text.is_json && str_is_utf8(text.value)) {
        check_body(w, kind, &text, k, buf_str(&pieces));
    }
    ASSERT(cut == err || err == ERR_LIMIT || cut == ERR_LIMIT);
    ASSERT(cut != err || err == ERR_LIMIT || str_eq(buf_str(&pieces), buf_str(&whole)));
    content_check_fini(k);
    buf_fini(&whole);
    buf_fini(&pieces);
    arena_fini(&a);
    return 0;
}
