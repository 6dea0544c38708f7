/* SPDX-License-Identifier: Apache-2.0
 *
 * A provider's answer through a relay. The first byte picks the client's operation,
 * whether the provider speaks the other dialect, and whether the answer is a stream.
 * Checked: what comes out of a stream is a stream again, each event JSON or [DONE];
 * nothing follows the end; an error is never a proper end.
 */
#include "llm_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void run_stream(struct llm_relay *r, enum llm_endpoint upstream, struct str in,
                       bool is_strict);
static void check_whole(struct str body);
static void check_texts(enum llm_endpoint upstream, struct str data);
static size_t edits_of(struct arena *a, const struct llm_said *said, struct llm_edit **ret);
static void check_stub(struct arena *a, enum llm_endpoint upstream, struct str data,
                       const struct llm_text *text);
static void check_output(struct str out);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct {
        enum llm_endpoint endpoint;
        const char *body;
    } clients[] = {
        {LLM_CHAT, "{\"model\":\"m\",\"stream\":true,\"messages\":[{\"role\":\"user\","
                   "\"content\":\"x\"}]}"},
        {LLM_MESSAGES, "{\"model\":\"m\",\"stream\":true,\"max_tokens\":5,\"messages\":"
                       "[{\"role\":\"user\",\"content\":\"x\"}]}"},
        {LLM_RESPONSES, "{\"model\":\"m\",\"stream\":true,\"input\":\"x\"}"},
        {LLM_CHAT, "{\"model\":\"m\",\"stream\":true,\"stream_options\":{\"include_usage\":true},"
                   "\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}"},
    };
    if (size == 0) {
        return 0;
    }
    struct arena a;
    struct llm_request request;
    struct llm_upstream upstream;
    struct issue issue;
    unsigned pick = data[0] & 3;
    bool is_translated = (data[0] & 4) != 0;
    struct str in = {(const char *)data + 1, size - 1};
    arena_init(&a, 64u * 1024 * 1024);
    FUZZ_CHECK(llm_request_parse(&a, clients[pick].endpoint, str_from(clients[pick].body), false,
                                 &request, &issue) == ERR_OK);
    enum llm_dialect own = llm_endpoint_dialect(request.endpoint);
    enum llm_dialect other = own == LLM_OPENAI ? LLM_ANTHROPIC : LLM_OPENAI;
    if (llm_request_render(&a, &request, is_translated ? other : own, STR("m"), &upstream,
                           &issue) == ERR_OK) {
        struct llm_relay *r = llm_relay_new(&a, &request, &upstream);
        FUZZ_CHECK(r != NULL);
        if ((data[0] & 8) != 0) {
            struct buf out;
            struct json_doc doc;
            buf_init(&out, 1u << 24);
            check_whole(in);
            enum err err = llm_relay_json(r, in, &out, &issue);
            FUZZ_CHECK((err == ERR_OK) == (out.len > 0));
            FUZZ_CHECK(err != ERR_OK ||
                       json_parse(&a, buf_str(&out), &json_limits_default, &doc, &issue) == ERR_OK);
            buf_fini(&out);
        } else {
            run_stream(r, upstream.endpoint, in, is_translated);
        }
        llm_relay_fini(r);
    }
    arena_fini(&a);
    return 0;
}

static void run_stream(struct llm_relay *r, enum llm_endpoint upstream, struct str in,
                       bool is_strict)
{
    struct sse_parser p;
    struct sse_event ev;
    struct issue issue;
    struct buf out;
    enum err err = ERR_OK;
    buf_init(&out, 1u << 24);
    sse_parser_init(&p, 1u << 20);
    sse_parser_feed(&p, in);
    while (err == ERR_OK && sse_parser_next(&p, &ev) == ERR_OK) {
        check_texts(upstream, ev.data);
        bool was_over = llm_relay_is_complete(r) || llm_relay_saw_error(r);
        size_t before = out.len;
        err = llm_relay_event(r, &ev, &out, &issue);
        FUZZ_CHECK(!was_over || out.len == before);
        FUZZ_CHECK(!llm_relay_is_complete(r) || !llm_relay_saw_error(r));
    }
    const struct llm_usage *u = llm_relay_usage(r);
    FUZZ_CHECK(u->cached_tokens <= u->input_tokens);
    if (is_strict) {
        check_output(buf_str(&out));
    }
    sse_parser_fini(&p);
    buf_fini(&out);
}

/* The same of a whole answer, whichever operation it is of. */
static void check_whole(struct str body)
{
    struct arena a;
    struct llm_said said, again;
    struct issue issue;
    struct llm_edit *edits;
    struct buf out;
    arena_init(&a, 64u * 1024 * 1024);
    buf_init(&out, 1u << 24);
    if (llm_answer_read(&a, body, &said, &issue) == ERR_OK) {
        size_t count = edits_of(&a, &said, &edits);
        FUZZ_CHECK(llm_edits_apply(&out, body, edits, count) == ERR_OK);
        FUZZ_CHECK(llm_answer_read(&a, buf_str(&out), &again, &issue) == ERR_OK);
        FUZZ_CHECK(again.texts_count == said.texts_count && again.drops_count <= said.drops_count);
    }
    buf_fini(&out);
    arena_fini(&a);
}

static size_t edits_of(struct arena *a, const struct llm_said *said, struct llm_edit **ret)
{
    size_t count = said->drops_count;
    struct llm_edit *edits = ARENA_ARRAY(a, said->texts_count + count + 1, struct llm_edit);
    FUZZ_CHECK(edits != NULL);
    if (count > 0) {
        memcpy(edits, said->drops, count * sizeof(*edits));
    }
    for (size_t i = 0; i < said->texts_count; i++) {
        if (!said->texts[i].is_key) {
            edits[count++] = (struct llm_edit){said->texts[i].span, STR("\"[ X ]\"")};
        }
    }
    *ret = edits;
    return count;
}

/* Replacing every text of an event leaves an event with the same number of texts, and
 * an event of our own says exactly one piece of the same channel. */
static void check_texts(enum llm_endpoint upstream, struct str data)
{
    struct arena a;
    struct llm_event seen;
    struct issue issue;
    arena_init(&a, 64u * 1024 * 1024);
    if (llm_event_read(&a, upstream, data, &seen, &issue) == ERR_OK) {
        struct buf out;
        const struct llm_said *said = &seen.said;
        struct llm_edit *edits;
        size_t count = edits_of(&a, said, &edits);
        buf_init(&out, 1u << 24);
        FUZZ_CHECK(llm_edits_apply(&out, seen.data, edits, count) == ERR_OK);
        struct llm_event again;
        FUZZ_CHECK(llm_event_read(&a, upstream, buf_str(&out), &again, &issue) == ERR_OK);
        FUZZ_CHECK(again.said.texts_count == said->texts_count);
        for (size_t i = 0; i < said->texts_count; i++) {
            if (said->texts[i].is_delta) {
                check_stub(&a, upstream, buf_str(&out), &said->texts[i]);
            }
        }
        buf_fini(&out);
    }
    arena_fini(&a);
}

static void check_stub(struct arena *a, enum llm_endpoint upstream, struct str data,
                       const struct llm_text *text)
{
    struct llm_stub stub;
    struct llm_event seen;
    struct issue issue;
    struct buf out;
    if (llm_event_stub(a, data, text->pointer, &stub) != ERR_OK) {
        return; /* a pointer that was too long is cut */
    }
    buf_init(&out, 1u << 24);
    struct llm_edit edit = {stub.text, STR("\"rest\"")};
    FUZZ_CHECK(llm_edits_apply(&out, stub.data, &edit, 1) == ERR_OK);
    FUZZ_CHECK(llm_event_read(a, upstream, buf_str(&out), &seen, &issue) == ERR_OK);
    size_t deltas = 0;
    for (size_t i = 0; i < seen.said.texts_count; i++) {
        deltas += seen.said.texts[i].is_delta;
    }
    FUZZ_CHECK(deltas <= 1);
    buf_fini(&out);
}

static void check_output(struct str out)
{
    struct sse_parser p;
    struct sse_event ev;
    struct arena a;
    struct json_doc doc;
    struct issue issue;
    arena_init(&a, 64u * 1024 * 1024);
    sse_parser_init(&p, 1u << 22);
    sse_parser_feed(&p, out);
    while (sse_parser_next(&p, &ev) == ERR_OK) {
        if (ev.is_comment_only || str_eq(ev.data, STR("[DONE]"))) {
            continue;
        }
        FUZZ_CHECK(json_parse(&a, ev.data, &json_limits_default, &doc, &issue) == ERR_OK);
    }
    /* A last CR may still become CRLF. */
    FUZZ_CHECK(sse_parser_pending_bytes(&p) <= 1);
    sse_parser_fini(&p);
    arena_fini(&a);
}
