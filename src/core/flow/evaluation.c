/* SPDX-License-Identifier: Apache-2.0
 *
 * The member policy_evaluation of an answer that config policies warned of or modified
 * (S2-51, S2-69, C-2): at the end of a JSON answer, in the last chunks of a stream, where
 * every SDK was measured to ignore a member it does not know. In a stream it also says
 * what any policy warns of in the text itself, because by then the headers have gone. Who
 * asked for S2's words gets it with every answer. Else, with nothing to say, nothing is
 * touched. Views into the exchange's arena.
 */
#include "flow_private.h"

#define LISTED_MAX 32

struct listed {
    const struct policy_violation *items[LISTED_MAX];
    size_t count;
    enum policy_effect effect;
    struct str model; /* called instead of the one asked for */
};

static void collect(struct flow_exchange *x, bool with_response, struct listed *ret);
static size_t tell(struct flow_exchange *x, size_t at);
static bool is_asked(const struct flow_private *p);
static void add(const struct flow_private *p, struct listed *l, const struct policy_violation *v,
                bool is_late);
static void write_member(const struct listed *l, struct buf *out);
static bool is_last_chunk(const struct flow_private *p, struct str event, struct str data);
static bool has_reason(struct str data);
static size_t object_end(struct str text);

void flow_evaluation_json(struct flow_exchange *x)
{
    struct flow_private *p = x->p;
    size_t at = object_end(buf_str(&p->answer));
    if (at != 0) {
        (void)tell(x, at);
    }
}

/* What stands behind `from` in p->answer: the events of one event of the provider, so that
 * what is told does not depend on how the provider's bytes were cut. */
void flow_evaluation_events(struct flow_exchange *x, size_t from)
{
    struct flow_private *p = x->p;
    struct str event = STR_NONE;
    if (p->warnings_count == 0 && p->check == NULL && !is_asked(p)) {
        return;
    }
    for (size_t at = from; at < p->answer.len;) {
        struct str rest = str_sub(buf_str(&p->answer), at, p->answer.len);
        ptrdiff_t end = str_find(rest, '\n');
        struct str line = str_sub(rest, 0, end < 0 ? rest.len : (size_t)end + 1);
        size_t object = 0;
        event = str_starts(line, STR("event: ")) ? line : event;
        if (str_starts(line, STR("data: ")) && is_last_chunk(p, event, line)) {
            object = object_end(line);
            event = STR_NONE; /* what is put in may move it */
        }
        at += line.len + (object != 0 ? tell(x, at + object) : 0);
    }
}

/* Puts the member there, if there is something to tell; its length. */
static size_t tell(struct flow_exchange *x, size_t at)
{
    struct flow_private *p = x->p;
    struct listed l;
    struct buf member;
    size_t before = p->answer.len;
    /* An answer that was read whole has been reported. */
    collect(x, p->stream != NULL && !content_is_buffered(p->check), &l);
    if (l.count == 0 && !is_asked(p)) {
        return 0;
    }
    buf_init(&member, 64u * 1024);
    write_member(&l, &member);
    if (member.err == ERR_OK) {
        /* Without room the answer goes without it; the headers say the same. */
        (void)buf_replace(&p->answer, at, 0, buf_str(&member));
    }
    buf_fini(&member);
    return p->answer.len - before;
}

static void collect(struct flow_exchange *x, bool with_response, struct listed *ret)
{
    struct flow_private *p = x->p;
    struct flow_found *found = NULL;
    *ret = (struct listed){.effect = POLICY_INFO};
    if (p->verdict.substituted_from.len != 0) {
        ret->model = p->choice.model->id;
    }
    for (size_t i = 0; i < p->warnings_count; i++) {
        add(p, ret, p->warnings[i], false);
    }
    if (with_response) {
        found = ARENA_NEW(&p->arena, struct flow_found);
    }
    if (found != NULL && flow_check_found(&p->arena, p->facts.org, p->check, CONTENT_RESPONSE,
                                          found) == ERR_OK) {
        for (size_t i = 0; i < found->count; i++) {
            add(p, ret, &found->items[i].violation, true);
        }
    }
}

static bool is_asked(const struct flow_private *p)
{
    return p->error_format == POLICY_ERROR_POLICY;
}

static void add(const struct flow_private *p, struct listed *l, const struct policy_violation *v,
                bool is_late)
{
    bool is_here = is_asked(p) || (v->policy != NULL && v->policy->origin == POLICY_CONFIG);
    bool is_told = v->effect == POLICY_WARN ? is_here || is_late
                                            : is_here && v->effect == POLICY_MODIFY;
    if (is_told && l->count < LISTED_MAX) {
        l->items[l->count++] = v;
        l->effect = v->effect > l->effect ? v->effect : l->effect;
    }
}

static void write_member(const struct listed *l, struct buf *out)
{
    buf_add(out, STR(",\"policy_evaluation\":"));
    codec_write_policy_evaluation(out, l->effect, l->items, l->count, l->model);
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
