/* SPDX-License-Identifier: Apache-2.0
 *
 * Fuzz target: whole conversations. The first bytes choose how the rest is fed; then
 * come what the client sends and what the provider sends. Whatever it is, the
 * exchange ends, is accounted exactly once (a decision, then an outcome, or neither),
 * the answer is HTTP, and the key never reaches the provider. With content rules (bit 7
 * of [1]) nothing goes on that one blocks, and what one changed is still JSON.
 *
 * Input: [0] operation and mode, [1] size of the pieces (0-127), [2] how the provider ends,
 * [3..4] bytes of the client's part (little endian).
 */
#include <stdlib.h>

#include "../unit/flow/rules.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MODE_RAW 0x08     /* the client's part is the whole request, else its body */
#define MODE_RAW_UP 0x10  /* the provider's part is the whole answer, else its body */
#define MODE_STREAM 0x20  /* then its type is text/event-stream */
#define MODE_GONE 0x40    /* the client goes away before the end */
#define MODE_FULL 0x80    /* the spool takes nothing */

static const char *const targets[] = {
    "/v1/chat/completions", "/v1/messages",    "/v1/responses",   "/v1/completions",
    "/v1/embeddings",       "/v1/moderations", "/llm/v1/chat/completions", "/v1/models",
};
static const char *const governance[] = {
    "{\"name\":\"Default\",\"rules\":{\"minimumTrustTier\":\"trusted\"}}",
    "{\"name\":\"Warn\",\"tagSlot\":2,\"rules\":{\"requireBaa\":true,\"enforcement\":\"warn\"}}",
    NULL};

/* Of answers: streams are read event by event. */
static const struct content_rule masks_answers = {.kind = CONTENT_PII,
                                                  .effect = CONTENT_MODIFY,
                                                  .stages = CONTENT_RESPONSE,
                                                  .method = SCAN_MASK,
                                                  .types = LIST(email)};
static const struct policy_rule answer_rules[] = {{.key = STR_INIT("answers"),
                                                   .type = POLICY_PII,
                                                   .effect = POLICY_MODIFY,
                                                   .severity = POLICY_VIOLATION,
                                                   .stage = POLICY_RESPONSE,
                                                   .is_enabled = true,
                                                   .content = &masks_answers}};
static const struct policy answers = {.id = STR_INIT("answers"),
                                      .name = STR_INIT("Answers"),
                                      .origin = POLICY_NATIVE,
                                      .status = POLICY_ACTIVE,
                                      .priority = 30,
                                      .version = 1,
                                      .rules = answer_rules,
                                      .rules_count = 1};

static void feed_request(struct path *p, unsigned mode, struct str bytes, size_t step)
{
    struct buf text;
    buf_init(&text, 1u << 20);
    if ((mode & MODE_RAW) == 0) {
        buf_printf(&text,
                   "POST %s HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer %s\r\nContent-Type: "
                   "application/json\r\nContent-Length: %zu\r\n\r\n",
                   targets[mode & 7], p->key, bytes.len);
    }
    buf_add(&text, bytes);
    path_request_bytes(p, buf_str(&text), step);
    buf_fini(&text);
}

static void feed_answer(struct path *p, unsigned mode, struct str bytes, size_t step)
{
    struct buf text;
    buf_init(&text, 1u << 20);
    if ((mode & MODE_RAW_UP) == 0) {
        buf_printf(&text, "HTTP/1.1 200 OK\r\nContent-Type: %s\r\nContent-Length: %zu\r\n\r\n",
                   (mode & MODE_STREAM) != 0 ? "text/event-stream" : "application/json",
                   bytes.len);
    }
    buf_add(&text, bytes);
    path_answer_bytes(p, buf_str(&text), step);
    buf_fini(&text);
}

/* What the client got is one HTTP answer, or a prefix of one before the close. */
static void check_answer(const struct path *p, bool is_head)
{
    struct wire_parser parser;
    struct str in = buf_str(&p->client);
    struct wire_event ev = {WIRE_NEED_MORE, STR_NONE};
    if (in.len == 0) {
        return;
    }
    wire_parser_init(&parser, WIRE_RESPONSE, &wire_limits_default);
    parser.is_head_request = is_head;
    bool has_head = false;
    do {
        ASSERT(wire_parser_next(&parser, &in, &ev) == ERR_OK);
        has_head = has_head || ev.type == WIRE_HEAD;
    } while (ev.type != WIRE_NEED_MORE && ev.type != WIRE_END);
    ASSERT(has_head);
    ASSERT(ev.type == WIRE_END || p->is_closed);
    wire_parser_fini(&parser);
}

static void check_call(const struct path *p)
{
    struct arena a;
    struct json_doc doc;
    struct issue issue;
    struct str sent = buf_str(&p->provider);
    ptrdiff_t head = str_find_str(sent, STR("\r\n\r\n"));
    for (size_t i = 0; i < p->decision.violations_count; i++) {
        const struct audit_violation *v = &p->decision.violations[i];
        ASSERT(v->stage.len == 0 || !str_eq(v->effect, STR("block")));
    }
    ASSERT(head > 0);
    arena_init(&a, 64u << 20);
    ASSERT(json_parse(&a, str_sub(sent, (size_t)head + 4, sent.len), &json_limits_default, &doc,
                      &issue) == ERR_OK);
    arena_fini(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct path plain, ruled;
    static bool is_set_up;
    if (!is_set_up) {
        const struct policy all[] = {pii, filter, warn, answers};
        path_set_up(&plain, governance);
        path_set_up_with(&ruled, governance, all, 4);
        is_set_up = true;
    }
    if (size < 5 || size > 32u * 1024) {
        return 0;
    }
    unsigned mode = data[0];
    struct path *p = (data[1] & 0x80) != 0 ? &ruled : &plain;
    size_t step = data[1] & 0x7f;
    size_t client_bytes = (size_t)data[3] | (size_t)data[4] << 8;
    struct str rest = {(const char *)data + 5, size - 5};
    p->spool_is_full = (mode & MODE_FULL) != 0;
    feed_request(p, mode, str_sub(rest, 0, client_bytes), step);
    bool is_called = p->calls != 0;
    if (is_called) {
        check_call(p);
    }
    if (is_called && !p->is_done) {
        feed_answer(p, mode, str_sub(rest, client_bytes, rest.len), step);
    }
    if (is_called && !p->is_done && (mode & MODE_GONE) == 0) {
        path_answer_end(p, (enum flow_end_how)(1 + data[2] % FLOW_END_PROTOCOL));
        ASSERT(p->is_done);
    }
    bool is_answered = p->is_done;
    if (!p->is_done) {
        path_client_gone(p);
    }
    ASSERT(p->is_done && p->calls <= 1);
    ASSERT(p->decisions <= 1 && p->outcomes == p->decisions);
    ASSERT(!is_called || p->decisions == 1);
    ASSERT((mode & MODE_FULL) == 0 || p->calls == 0);
    ASSERT(!path_provider_has(p, p->key) || (mode & MODE_RAW) != 0 ||
           str_find_str(rest, str_from(p->key)) >= 0);
    if (is_answered) {
        /* What could not be read is answered with a body, whatever it asked for. */
        check_answer(p, (mode & MODE_RAW) != 0 && p->request.err == ERR_OK &&
                             str_starts(rest, STR("HEAD ")));
    }
    return 0;
}
