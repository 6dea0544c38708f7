/* SPDX-License-Identifier: Apache-2.0
 *
 * The member policy_evaluation of an answer that config policies warned of or modified
 * (S2-51, S2-69, C-2): at the end of a JSON answer, in the last chunks of a stream, where
 * every SDK was measured to ignore a member it does not know. Where no such policy has
 * something to say nothing is touched. Views into the exchange's arena.
 */
#include "flow_private.h"

#define LISTED_MAX 32

struct listed {
    const struct policy_violation *items[LISTED_MAX];
    size_t count;
    enum policy_effect effect;
};

static void collect(struct flow_exchange *x, bool with_response, struct listed *ret);
static void add(struct listed *l, const struct policy_violation *v);
static void write_member(const struct listed *l, struct buf *out);
static void insert(struct buf *into, size_t at, struct str member);
static bool is_last_chunk(const struct flow_private *p, struct str event, struct str data);
static bool has_reason(struct str data);
static size_t object_end(struct str text);

void flow_evaluation_json(struct flow_exchange *x)
{
    struct flow_private *p = x->p;
    struct listed l;
    struct buf member;
    collect(x, false, &l); /* what the answer holds was reported */
    size_t at = object_end(buf_str(&p->answer));
    if (l.count == 0 || at == 0) {
        return;
    }
    buf_init(&member, 64u * 1024);
    write_member(&l, &member);
    if (member.err == ERR_OK) {
        insert(&p->answer, at, buf_str(&member));
    }
    buf_fini(&member);
}

void flow_evaluation_events(struct flow_exchange *x)
{
    struct flow_private *p = x->p;
    struct listed l = {.count = LISTED_MAX + 1}; /* not collected yet */
    struct buf out, member;
    if (p->warnings_count == 0 && p->check == NULL) {
        return;
    }
    buf_init(&out, p->answer.bytes_max);
    buf_init(&member, 64u * 1024);
    struct str rest = buf_str(&p->answer), event = STR_NONE;
    while (rest.len != 0 && l.count != 0) {
        ptrdiff_t end = str_find(rest, '\n');
        struct str line = str_sub(rest, 0, end < 0 ? rest.len : (size_t)end + 1);
        rest = str_sub(rest, line.len, rest.len);
        event = str_starts(line, STR("event: ")) ? line : event;
        bool is_data = str_starts(line, STR("data: "));
        if (is_data && is_last_chunk(p, event, line)) {
            if (l.count > LISTED_MAX) {
                /* An answer that was read whole has been reported. */
                collect(x, p->check != NULL && !content_is_buffered(p->check), &l);
                write_member(&l, &member);
            }
            size_t at = object_end(line);
            buf_add(&out, str_sub(line, 0, at));
            buf_add(&out, at != 0 ? buf_str(&member) : STR(""));
            line = str_sub(line, at, line.len);
        }
        buf_add(&out, line);
    }
    if (l.count != 0 && l.count <= LISTED_MAX && out.err == ERR_OK && member.err == ERR_OK) {
        buf_clear(&p->answer);
        buf_move(&p->answer, &out);
    }
    buf_fini(&out);
    buf_fini(&member);
}

static void collect(struct flow_exchange *x, bool with_response, struct listed *ret)
{
    struct flow_private *p = x->p;
    struct flow_found *found = NULL;
    *ret = (struct listed){.effect = POLICY_INFO};
    for (size_t i = 0; i < p->warnings_count; i++) {
        add(ret, p->warnings[i]);
    }
    if (with_response) {
        found = ARENA_NEW(&p->arena, struct flow_found);
    }
    if (found != NULL && flow_check_found(&p->arena, p->facts.org, p->check, CONTENT_RESPONSE,
                                          found) == ERR_OK) {
        for (size_t i = 0; i < found->count; i++) {
            add(ret, &found->items[i].violation);
        }
    }
}

static void add(struct listed *l, const struct policy_violation *v)
{
    bool is_told = v->policy != NULL && v->policy->origin == POLICY_CONFIG &&
                   (v->effect == POLICY_WARN || v->effect == POLICY_MODIFY);
    if (is_told && l->count < LISTED_MAX) {
        l->items[l->count++] = v;
        l->effect = v->effect > l->effect ? v->effect : l->effect;
    }
}

static void write_member(const struct listed *l, struct buf *out)
{
    if (l->count != 0) {
        buf_add(out, STR(",\"policy_evaluation\":"));
        codec_write_policy_evaluation(out, l->effect, l->items, l->count);
    }
}

static void insert(struct buf *into, size_t at, struct str member)
{
    if (buf_reserve(into, member.len) == NULL) {
        return; /* no room: the answer goes without it, the headers say the same */
    }
    memmove(into->ptr + at + member.len, into->ptr + at, into->len - at);
    memcpy(into->ptr + at, member.ptr, member.len);
    into->len += member.len;
}

/* The chunk that says why the text ended; of several choices each has one. */
static bool is_last_chunk(const struct flow_private *p, struct str event, struct str data)
{
    switch (p->endpoint) {
    case LLM_MESSAGES:
        return str_starts(event, STR("event: message_delta"));
    case LLM_RESPONSES:
        return str_starts(event, STR("event: response.completed")) ||
               str_starts(event, STR("event: response.incomplete"));
    case LLM_CHAT:
    case LLM_COMPLETIONS:
        return has_reason(data);
    case LLM_EMBEDDINGS:
    case LLM_MODERATIONS:
    case LLM_COUNT_TOKENS:
    case LLM_INPUT_TOKENS:
    case LLM_ENDPOINTS_COUNT:
        break;
    }
    return false;
}

/* A member with a string value. Inside a string its quotes would be escaped. */
static bool has_reason(struct str data)
{
    static const struct str name = STR_INIT("\"finish_reason\":");
    for (ptrdiff_t at; (at = str_find_str(data, name)) >= 0;) {
        data = str_trim(str_sub(data, (size_t)at + name.len, data.len), " ");
        if (data.len != 0 && data.ptr[0] == '"') {
            return true;
        }
    }
    return false;
}

/* Where the last brace of an object with members stands; 0 = there is none. */
static size_t object_end(struct str text)
{
    struct str body = str_trim(text, " \t\r\n");
    bool has_members = body.len > 2 && body.ptr[body.len - 1] == '}' &&
                       body.ptr[body.len - 2] != '{';
    return has_members ? (size_t)(body.ptr - text.ptr) + body.len - 1 : 0;
}
