/* SPDX-License-Identifier: Apache-2.0
 *
 * A stream that is read whole before a byte of it goes on (`buffer: full`, required
 * terms). Events are kept as they came; when all are there, the pieces of each string are
 * put together and read as one text. Then the events go on: a string that was changed is
 * said by the first event of its channel and left out of the others, everything else is
 * as it came.
 *
 * Texts are known to the check by their span: here a place in what is kept, and for the
 * strings that grow a place behind it. Memory: the stream's heap, bounded by what an
 * answer may have; what is put together is in the exchange's arena.
 */
#include "stream.h"

#include <stdlib.h>

static size_t keep(struct flow_stream *s, struct str part, struct str raw, size_t raw_at);
static struct sse_event event_at(const struct flow_stream *s, size_t i);
static enum err add_event(struct flow_exchange *x, const struct flow_held *held,
                          const struct llm_event *event);
static enum err add_whole(struct flow_exchange *x, const struct flow_held *held,
                          const struct llm_text *text);
static enum err add_piece(struct flow_stream *s, const struct llm_text *text);
static enum err add_channels(struct flow_exchange *x);
static int compare_edits(const void *left, const void *right);
static void relay_all(struct flow_exchange *x);
static void all_relayed(struct flow_exchange *x);
static enum err relay_held(struct flow_exchange *x, size_t i);
static enum err edit_texts(struct flow_exchange *x, const struct flow_held *held,
                           const struct llm_event *event, struct flow_edits *edits,
                           bool *ret_is_empty);
static const struct llm_edit *edit_at(const struct flow_stream *s, size_t from);

enum err flow_stream_hold(struct flow_exchange *x, const struct sse_event *ev)
{
    struct flow_stream *s = x->p->stream;
    struct flow_held *events = list_grow(s->events, &s->events_capacity, s->events_count + 1,
                                         SIZE_MAX, sizeof(*events));
    if (events == NULL) {
        return ERR_MEMORY;
    }
    s->events = events;
    struct flow_held *h = &s->events[s->events_count];
    *h = (struct flow_held){.raw = s->held.len,
                            .raw_len = ev->raw.len,
                            .name_len = ev->name.len,
                            .data_len = ev->data.len,
                            .has_unknown_fields = ev->has_unknown_fields,
                            .is_comment_only = ev->is_comment_only};
    buf_add(&s->held, ev->raw);
    h->name = keep(s, ev->name, ev->raw, h->raw);
    h->data = keep(s, ev->data, ev->raw, h->raw);
    TRY(s->held.err);
    s->events_count++;
    return ERR_OK;
}

/* Where `part` lies: in the raw event, or behind it when it was put together. */
static size_t keep(struct flow_stream *s, struct str part, struct str raw, size_t raw_at)
{
    if (part.len == 0) {
        return raw_at;
    }
    if (part.ptr >= raw.ptr && part.ptr + part.len <= raw.ptr + raw.len) {
        return raw_at + (size_t)(part.ptr - raw.ptr);
    }
    size_t at = s->held.len;
    buf_add(&s->held, part);
    return at;
}

static struct sse_event event_at(const struct flow_stream *s, size_t i)
{
    const struct flow_held *h = &s->events[i];
    struct str held = buf_str(&s->held);
    return (struct sse_event){.name = str_sub(held, h->name, h->name + h->name_len),
                              .data = str_sub(held, h->data, h->data + h->data_len),
                              .raw = str_sub(held, h->raw, h->raw + h->raw_len),
                              .has_unknown_fields = h->has_unknown_fields,
                              .is_comment_only = h->is_comment_only};
}

/* ---- reading ---------------------------------------------------------------------- */

enum err flow_held_add(struct flow_exchange *x)
{
    struct flow_private *p = x->p;
    struct flow_stream *s = p->stream;
    struct issue issue;
    p->arena.bytes_max += 8 * s->held.len;
    for (size_t i = 0; i < s->events_count; i++) {
        struct sse_event ev = event_at(s, i);
        struct llm_event event;
        arena_reset(&s->scratch);
        TRY(llm_event_read(&s->scratch, p->upstream.endpoint, ev.data, &event, &issue));
        TRY(add_event(x, &s->events[i], &event));
    }
    return add_channels(x);
}

static enum err add_event(struct flow_exchange *x, const struct flow_held *held,
                          const struct llm_event *event)
{
    struct flow_private *p = x->p;
    const struct llm_said *said = &event->said;
    for (size_t i = 0; i < said->opaques_count; i++) {
        struct str pointer = arena_str(&p->arena, said->opaques[i].pointer);
        if (pointer.ptr == NULL) {
            return ERR_LIMIT;
        }
        TRY(content_opaque_add(p->check, CONTENT_RESPONSE, said->opaques[i].kind, pointer));
    }
    for (size_t i = 0; i < said->texts_count; i++) {
        p->content_bytes[1] += said->texts[i].value.len;
        TRY(said->texts[i].is_delta ? add_piece(p->stream, &said->texts[i])
                                    : add_whole(x, held, &said->texts[i]));
    }
    return ERR_OK;
}

static enum err add_whole(struct flow_exchange *x, const struct flow_held *held,
                          const struct llm_text *text)
{
    struct flow_private *p = x->p;
    struct llm_text *kept = ARENA_NEW(&p->arena, struct llm_text);
    if (kept == NULL) {
        return ERR_LIMIT;
    }
    *kept = *text;
    kept->value = arena_str(&p->arena, text->value);
    kept->pointer = arena_str(&p->arena, text->pointer);
    kept->span.from += held->data;
    kept->span.to += held->data;
    if (kept->value.ptr == NULL || kept->pointer.ptr == NULL) {
        return ERR_LIMIT;
    }
    return content_response_add(p->check, kept);
}

static enum err add_piece(struct flow_stream *s, const struct llm_text *text)
{
    struct flow_channel *c = flow_channel_of(s, text);
    if (c == NULL) {
        return s->channels_count == FLOW_CHANNELS_MAX ? ERR_LIMIT : ERR_MEMORY;
    }
    char bytes[4];
    buf_add(&c->text, (struct str){bytes, llm_half_join(&c->half, text, bytes)});
    buf_add(&c->text, text->value);
    return c->text.err;
}

static enum err add_channels(struct flow_exchange *x)
{
    struct flow_private *p = x->p;
    struct flow_stream *s = p->stream;
    for (size_t i = 0; i < s->channels_count; i++) {
        struct flow_channel *c = &s->channels[i];
        struct llm_text *text = ARENA_NEW(&p->arena, struct llm_text);
        if (text == NULL) {
            return ERR_LIMIT;
        }
        buf_add(&c->text, c->half != 0 ? STR("\xef\xbf\xbd") : STR(""));
        TRY(c->text.err);
        *text = (struct llm_text){.value = buf_str(&c->text),
                                  .span = {s->held.len + 2 * i, s->held.len + 2 * i + 1},
                                  .pointer = STR(""),
                                  .role = c->role,
                                  .is_json = c->is_json};
        TRY(content_response_add(p->check, text));
    }
    return ERR_OK;
}

/* ---- going on ------------------------------------------------------------------------ */

enum err flow_held_edit(struct flow_exchange *x)
{
    struct flow_private *p = x->p;
    struct flow_stream *s = p->stream;
    const struct llm_edit *found;
    TRY(content_edits(p->check, &found, &s->found_count));
    struct llm_edit *sorted = ARENA_ARRAY(&p->arena, s->found_count, struct llm_edit);
    if (sorted == NULL) {
        return ERR_LIMIT;
    }
    if (s->found_count > 0) {
        memcpy(sorted, found, s->found_count * sizeof(*sorted));
        qsort(sorted, s->found_count, sizeof(*sorted), compare_edits);
    }
    s->found = sorted;
    for (size_t i = 0; i < s->channels_count; i++) {
        const struct llm_edit *edit = edit_at(s, s->held.len + 2 * i);
        s->channels[i].is_edited = edit != NULL;
        s->channels[i].edited = edit != NULL ? edit->with : STR_NONE;
    }
    return ERR_OK;
}

static int compare_edits(const void *left, const void *right)
{
    const struct llm_edit *a = left;
    const struct llm_edit *b = right;
    return a->span.from < b->span.from ? -1 : a->span.from > b->span.from;
}

static const struct llm_edit *edit_at(const struct flow_stream *s, size_t from)
{
    struct llm_edit key = {{from, from}, STR_NONE};
    return s->found_count == 0
               ? NULL
               : bsearch(&key, s->found, s->found_count, sizeof(key), compare_edits);
}

void flow_held_relay(struct flow_exchange *x)
{
    flow_do_work(x, x->p->stream->held.len, relay_all, all_relayed);
}

static void relay_all(struct flow_exchange *x)
{
    struct flow_private *p = x->p;
    struct flow_stream *s = p->stream;
    enum err e = ERR_OK;
    buf_clear(&p->answer);
    p->answer.bytes_max = 2 * s->held.bytes_max;
    for (size_t i = 0; i < s->events_count && e == ERR_OK; i++) {
        size_t from = p->answer.len;
        e = relay_held(x, i);
        flow_evaluation_events(x, from);
    }
    p->work_err = e == ERR_OK ? p->answer.err : e;
}

static void all_relayed(struct flow_exchange *x)
{
    struct flow_private *p = x->p;
    if (p->work_err != ERR_OK) {
        flow_relay_fail(x, 502, "upstream_invalid_event",
                        "The provider sent an event that is not valid");
        return;
    }
    if (llm_relay_is_complete(p->relay) || llm_relay_saw_error(p->relay)) {
        flow_relay_begin(x);
        flow_relay_write(x, buf_str(&p->answer));
    }
    flow_relay_end_events(x);
}

static enum err relay_held(struct flow_exchange *x, size_t i)
{
    struct flow_private *p = x->p;
    struct flow_stream *s = p->stream;
    struct sse_event ev = event_at(s, i);
    struct llm_event event;
    struct flow_edits edits = {0};
    struct issue issue;
    bool is_empty = false;
    if (ev.is_comment_only || ev.data.len == 0) {
        return llm_relay_event(p->relay, &ev, &p->answer, &issue);
    }
    arena_reset(&s->scratch);
    TRY(llm_event_read(&s->scratch, p->upstream.endpoint, ev.data, &event, &issue));
    if (!s->alters) {
        return flow_stream_pass(x, &ev, &event, &edits);
    }
    TRY(edit_texts(x, &s->events[i], &event, &edits, &is_empty));
    if (is_empty && event.is_bare) {
        flow_leave_out(s, &event);
        return ERR_OK;
    }
    TRY(flow_edit_members(x, &event, &edits));
    return flow_stream_pass(x, &ev, &event, &edits);
}

static enum err edit_texts(struct flow_exchange *x, const struct flow_held *held,
                           const struct llm_event *event, struct flow_edits *edits,
                           bool *ret_is_empty)
{
    struct flow_stream *s = x->p->stream;
    size_t pieces = 0;
    size_t said = 0;
    for (size_t i = 0; i < event->said.texts_count; i++) {
        const struct llm_text *t = &event->said.texts[i];
        struct llm_edit edit = {.span = t->span};
        if (!t->is_delta) {
            const struct llm_edit *found = edit_at(s, held->data + t->span.from);
            if (found != NULL) {
                edit.with = found->with;
                TRY(flow_edit_add(s, edits, edit));
            }
            continue;
        }
        struct flow_channel *c = flow_channel_of(s, t);
        pieces++;
        if (c == NULL || !c->is_edited) {
            said++;
            continue;
        }
        edit.with = c->is_given ? STR("\"\"") : c->edited;
        said += !c->is_given && c->edited.len > 2;
        c->is_given = true;
        TRY(flow_edit_add(s, edits, edit));
    }
    *ret_is_empty = pieces > 0 && said == 0;
    return ERR_OK;
}
