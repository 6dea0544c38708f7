/* SPDX-License-Identifier: Apache-2.0
 *
 * What the request fuzzers of llm share: parse a body both ways, check that every
 * span is exact and that whatever is rendered is JSON again, in both dialects.
 * Test code only.
 */
#ifndef LLM_FUZZ_H
#define LLM_FUZZ_H

#include <stdint.h>
#include <stdlib.h>

#include "portcullis/llm.h"

#define FUZZ_CHECK(expr) ((expr) ? (void)0 : abort())

static inline void fuzz_spans(struct arena *a, const struct llm_request *r)
{
    struct json_doc doc;
    struct issue issue;
    for (size_t i = 0; i < r->texts_count && i < 64; i++) {
        const struct llm_text *t = &r->texts[i];
        struct str raw = str_sub(r->body, t->span.from, t->span.to);
        FUZZ_CHECK(raw.len > 0 && t->pointer.len > 0);
        if (t->is_number) { /* of a tool's input: read as it is written */
            FUZZ_CHECK(str_eq(raw, t->value));
            continue;
        }
        FUZZ_CHECK(json_parse(a, raw, &json_limits_default, &doc, &issue) == ERR_OK);
        FUZZ_CHECK(str_eq(json_str(doc.root), t->value));
    }
}

/* Cutting every text out must leave a body that parses to the same request. */
static inline void fuzz_edits(struct arena *a, const struct llm_request *r)
{
    struct llm_edit edits[64];
    size_t count = 0;
    for (size_t i = 0; i < r->texts_count && count < 64; i++) {
        if (!r->texts[i].is_key) {
            edits[count++] = (struct llm_edit){r->texts[i].span, STR("\"[X]\"")};
        }
    }
    struct buf out;
    buf_init(&out, r->body.len + 64 * 8);
    FUZZ_CHECK(llm_edits_apply(&out, r->body, edits, count) == ERR_OK);
    struct json_doc doc;
    struct issue issue;
    FUZZ_CHECK(json_parse(a, buf_str(&out), &json_limits_default, &doc, &issue) == ERR_OK);
    buf_fini(&out);
}

static inline void fuzz_render(struct arena *a, const struct llm_request *r)
{
    for (int d = 0; d < 2; d++) {
        struct llm_upstream up;
        struct issue issue;
        struct json_doc doc;
        enum llm_dialect dialect = d == 0 ? LLM_OPENAI : LLM_ANTHROPIC;
        enum err err = llm_request_render(a, r, dialect, STR("up/stream"), &up, &issue);
        if (err != ERR_OK) {
            FUZZ_CHECK(dialect != llm_endpoint_dialect(r->endpoint));
            continue;
        }
        struct str sent = arena_printf(a, "%.*s%.*s", STR_ARG(up.front), STR_ARG(up.body));
        FUZZ_CHECK(json_parse(a, sent, &json_limits_default, &doc, &issue) == ERR_OK);
        FUZZ_CHECK(str_eq(json_str(json_get(doc.root, STR("model"))), STR("up/stream")));
        FUZZ_CHECK(json_get(doc.root, STR("governance_policy")) == NULL);
        struct llm_request again;
        FUZZ_CHECK(llm_request_parse(a, up.endpoint, sent, false, &again, &issue) == ERR_OK);
        FUZZ_CHECK(again.is_stream == r->is_stream);
    }
}

static inline void fuzz_request(enum llm_endpoint e, const uint8_t *data, size_t size)
{
    struct str body = {(const char *)data, size};
    struct arena a;
    struct llm_request r;
    struct llm_request bare;
    struct issue issue;
    arena_init(&a, 64u * 1024 * 1024);
    enum err err_bare = llm_request_parse(&a, e, body, false, &bare, &issue);
    enum err err = llm_request_parse(&a, e, body, true, &r, &issue);
    /* Reading the texts may refuse more, never less. */
    FUZZ_CHECK(err_bare == ERR_OK || err != ERR_OK);
    if (err_bare == ERR_OK) {
        FUZZ_CHECK(bare.texts_count == 0 && bare.model.len > 0);
    }
    if (err == ERR_OK) {
        FUZZ_CHECK(str_eq(r.model, bare.model) && r.is_stream == bare.is_stream);
        fuzz_spans(&a, &r);
        fuzz_edits(&a, &r);
        fuzz_render(&a, &r);
    }
    arena_fini(&a);
}

#endif
