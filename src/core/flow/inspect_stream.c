/* SPDX-License-Identifier: Apache-2.0
 *
 * Content rules over a stream, event by event. Pieces of growing strings go through their
 * channels and come out later, in the next event of the same channel; what is still held
 * when a channel ends goes out in an event of our own in front of the one that ends it
 * (product.md 2.2). Whole texts that an event repeats get what the pieces got. An event
 * that has nothing left to say is not sent. What is not changed goes on as it came.
 *
 * Where no rule that applies edits or blocks, the events go on unchanged and are only
 * read. Memory: the stream's own heap, freed with it; what outlives an event is in the
 * exchange's arena.
 */
#include "stream.h"

#include <stdlib.h>

#define SCRATCH_BYTES_MAX ((size_t)64 * 1024 * 1024)
#define TEXT_BYTES_MAX ((size_t)16 * 1024 * 1024)

/* What came out of the pieces of one event. */
struct piece {
    const struct llm_text *text;
    struct str out; /* a JSON string */
    bool is_same;
};
struct pieces {
    struct piece *items;
    size_t count;
    size_t said; /* of them that are not empty */
};

static enum err on_event(struct flow_exchange *x, const struct sse_event *ev,
                         const struct llm_event *event);
static bool is_ended(const struct llm_event *event, const struct flow_channel *c);
static bool is_in(const struct llm_event *event, uint64_t channel);
static bool must_come_first(const struct flow_exchange *x, const struct llm_event *event,
                            const struct flow_channel *c);
static bool is_in_block(const struct llm_text *t);
static struct llm_event rest_of(const struct llm_event *event, size_t from);
static enum err read_whole_texts(struct flow_exchange *x, const struct llm_event *event,
                                 struct flow_edits *edits);
static enum err read_pieces(struct flow_exchange *x, const struct llm_event *event,
                            struct pieces *pieces);
static enum err read_piece(struct flow_exchange *x, const struct llm_event *event,
                           const struct llm_event *behind, struct piece *piece);
static enum err write_pieces(struct flow_exchange *x, const struct pieces *pieces);
static enum err make_stubs(struct flow_exchange *x, const struct llm_event *event,
                           const struct flow_edits *edits);
static enum err flush_channel(struct flow_exchange *x, struct flow_channel *c);
static enum err write_stub(struct flow_exchange *x, struct flow_channel *c, struct str text);
static uint64_t number_of(const struct llm_event *event);
static enum err next_number(struct flow_stream *s, struct str *ret);
static enum err json_string(struct flow_stream *s, struct str text, struct str *ret);
static enum err edit_text(struct flow_stream *s, struct flow_edits *edits, struct json_span span,
                          struct str text);

bool flow_stream_new(struct flow_exchange *x)
{
    struct flow_private *p = x->p;
    struct flow_stream *s = calloc(1, sizeof(*s));
    if (s == NULL) {
        return false;
    }
    arena_init(&s->scratch, SCRATCH_BYTES_MAX);
    buf_init(&s->text, TEXT_BYTES_MAX);
    buf_init(&s->data, TEXT_BYTES_MAX);
    buf_init(&s->line, TEXT_BYTES_MAX);
    buf_init(&s->held, p->answer.bytes_max);
    s->alters = content_alters(p->check, CONTENT_RESPONSE);
    p->stream = s;
    return true;
}

void flow_stream_free(struct flow_stream *s)
{
    if (s == NULL) {
        return;
    }
    for (size_t i = 0; i < s->channels_count; i++) {
        buf_fini(&s->channels[i].text);
    }
    free(s->channels);
    free(s->events);
    buf_fini(&s->text);
    buf_fini(&s->data);
    buf_fini(&s->line);
    buf_fini(&s->held);
    arena_fini(&s->scratch);
    free(s);
}

enum err flow_stream_event(struct flow_exchange *x, const struct sse_event *ev)
{
    struct flow_private *p = x->p;
    struct issue issue;
    struct llm_event event;
    if (content_is_buffered(p->check)) {
        return flow_stream_hold(x, ev);
    }
    bool is_over = llm_relay_is_complete(p->relay) || llm_relay_saw_error(p->relay);
    if (is_over || ev->is_comment_only || ev->data.len == 0) {
        return llm_relay_event(p->relay, ev, &p->answer, &issue);
    }
    uint64_t from_us = flow_clock_us(x);
    arena_reset(&p->stream->scratch);
    TRY(llm_event_read(&p->stream->scratch, p->upstream.endpoint, ev->data, &event, &issue));
    enum err e = on_event(x, ev, &event);
    p->content_us[1] += (uint32_t)(flow_clock_us(x) - from_us);
    return e;
}

static enum err on_event(struct flow_exchange *x, const struct sse_event *ev,
                         const struct llm_event *event)
{
    struct flow_stream *s = x->p->stream;
    struct flow_edits edits = {0};
    struct pieces pieces = {0};
    for (size_t i = 0; i < s->channels_count; i++) {
        struct flow_channel *c = &s->channels[i];
        if (c->is_open && !is_in(event, c->id) &&
            (is_ended(event, c) || must_come_first(x, event, c))) {
            TRY(flush_channel(x, c));
        }
    }
    TRY(read_whole_texts(x, event, &edits));
    enum err e = read_pieces(x, event, &pieces);
    if (e != ERR_OK && e != ERR_DENIED) {
        return e;
    }
    if (!s->alters) {
        edits.count = 0;
        return e == ERR_OK ? flow_stream_pass(x, ev, event, &edits) : e;
    }
    TRY(make_stubs(x, event, &edits));
    if (e == ERR_DENIED) {
        TRY(write_pieces(x, &pieces));
        return ERR_DENIED;
    }
    if (event->is_bare && pieces.count > 0 && pieces.said == 0) {
        flow_leave_out(s, event);
        return ERR_OK;
    }
    for (size_t i = 0; i < pieces.count; i++) {
        if (!pieces.items[i].is_same) {
            TRY(flow_edit_add(s, &edits,
                              (struct llm_edit){pieces.items[i].text->span, pieces.items[i].out}));
        }
    }
    TRY(flow_edit_members(x, event, &edits));
    return flow_stream_pass(x, ev, event, &edits);
}

static bool is_ended(const struct llm_event *event, const struct flow_channel *c)
{
    for (size_t i = 0; i < event->ends_count; i++) {
        if (event->ends[i] == c->id || (event->ends[i] == c->scope && c->scope != 0)) {
            return true;
        }
    }
    return event->ends_all;
}

static bool is_in(const struct llm_event *event, uint64_t channel)
{
    for (size_t i = 0; i < event->said.texts_count; i++) {
        if (event->said.texts[i].is_delta && event->said.texts[i].channel == channel) {
            return true;
        }
    }
    return false;
}

/* Blocks of a messages stream do not overlap: when a chat stream is translated into one,
 * a string that becomes part of a block is complete when another one begins. */
static bool must_come_first(const struct flow_exchange *x, const struct llm_event *event,
                            const struct flow_channel *c)
{
    const struct flow_private *p = x->p;
    if (!p->upstream.is_translated || p->upstream.endpoint != LLM_CHAT || !c->is_in_block) {
        return false;
    }
    for (size_t i = 0; i < event->said.texts_count; i++) {
        const struct llm_text *t = &event->said.texts[i];
        if (is_in_block(t) && (!t->is_delta || t->channel != c->id)) {
            return true;
        }
    }
    return false;
}

static bool is_in_block(const struct llm_text *t)
{
    return str_find_str(t->pointer, STR("/tool_calls/")) >= 0 ||
           (t->is_delta &&
            (str_ends(t->pointer, STR("/content")) || str_ends(t->pointer, STR("/refusal"))));
}

/* What is not a piece: names, titles, repeats of whole strings; and what nobody can read. */
static enum err read_whole_texts(struct flow_exchange *x, const struct llm_event *event,
                                 struct flow_edits *edits)
{
    struct flow_private *p = x->p;
    struct flow_stream *s = p->stream;
    const struct llm_said *said = &event->said;
    for (size_t i = 0; i < said->opaques_count; i++) {
        TRY(content_opaque_add(p->check, CONTENT_RESPONSE, said->opaques[i].kind,
                               said->opaques[i].pointer));
    }
    if (content_effect(p->check, CONTENT_RESPONSE) == CONTENT_BLOCK) {
        return ERR_DENIED;
    }
    for (size_t i = 0; i < said->texts_count; i++) {
        const struct llm_text *t = &said->texts[i];
        if (t->is_delta) {
            continue;
        }
        buf_clear(&s->text);
        p->content_bytes[1] += t->value.len;
        TRY(content_feed_whole(p->check, t, &s->text));
        TRY(s->text.err);
        if (!str_eq(buf_str(&s->text), t->value)) {
            TRY(edit_text(s, edits, t->span, buf_str(&s->text)));
        }
    }
    return ERR_OK;
}

/* Pieces come out of their channels; ERR_DENIED: up to the one that did not. */
static enum err read_pieces(struct flow_exchange *x, const struct llm_event *event,
                            struct pieces *pieces)
{
    const struct llm_said *said = &event->said;
    enum err e = ERR_OK;
    pieces->items = ARENA_ARRAY(&x->p->stream->scratch, said->texts_count, struct piece);
    if (pieces->items == NULL) {
        return ERR_LIMIT;
    }
    for (size_t i = 0; i < said->texts_count && e == ERR_OK; i++) {
        if (said->texts[i].is_delta) {
            struct piece *piece = &pieces->items[pieces->count++];
            piece->text = &said->texts[i];
            struct llm_event behind = rest_of(event, i + 1);
            e = read_piece(x, event, &behind, piece);
            pieces->said += piece->out.len > 2;
        }
    }
    return e;
}

/* What comes behind a text in its event. */
static struct llm_event rest_of(const struct llm_event *event, size_t from)
{
    struct llm_event rest = *event;
    rest.said.texts += from;
    rest.said.texts_count -= from;
    return rest;
}

static enum err read_piece(struct flow_exchange *x, const struct llm_event *event,
                           const struct llm_event *behind, struct piece *piece)
{
    struct flow_private *p = x->p;
    struct flow_stream *s = p->stream;
    const struct llm_text *t = piece->text;
    struct flow_channel *c = flow_channel_of(s, t);
    if (c == NULL) {
        return s->channels_count == FLOW_CHANNELS_MAX ? ERR_LIMIT : ERR_MEMORY;
    }
    buf_clear(&s->text);
    c->is_open = true;
    p->content_bytes[1] += t->value.len;
    enum err e = content_feed(p->check, t, &s->text);
    if (e == ERR_OK && (is_ended(event, c) || must_come_first(x, behind, c))) {
        c->is_open = false;
        e = content_close(p->check, c->id, &s->text);
    }
    if (e != ERR_OK && e != ERR_DENIED) {
        return e;
    }
    TRY(s->text.err);
    piece->is_same =
        str_eq(buf_str(&s->text), t->value) && t->half_before == 0 && t->half_after == 0;
    TRY(json_string(s, buf_str(&s->text), &piece->out));
    return e;
}

/* A rule blocks inside this event: of it goes on only what came out before. */
static enum err write_pieces(struct flow_exchange *x, const struct pieces *pieces)
{
    for (size_t i = 0; i < pieces->count; i++) {
        struct flow_channel *c = flow_channel_of(x->p->stream, pieces->items[i].text);
        if (c != NULL && pieces->items[i].out.len > 2) {
            TRY(write_stub(x, c, pieces->items[i].out));
        }
    }
    return ERR_OK;
}

/* The event with its whole texts as they may go on says what an event of each new channel
 * looks like. */
static enum err make_stubs(struct flow_exchange *x, const struct llm_event *event,
                           const struct flow_edits *edits)
{
    struct flow_private *p = x->p;
    struct flow_stream *s = p->stream;
    bool is_written = false;
    for (size_t i = 0; i < event->said.texts_count; i++) {
        const struct llm_text *t = &event->said.texts[i];
        struct flow_channel *c = t->is_delta ? flow_channel_of(s, t) : NULL;
        if (c == NULL || c->stub.data.ptr != NULL) {
            continue;
        }
        if (!is_written) {
            buf_clear(&s->data);
            TRY(llm_edits_apply(&s->data, event->data, edits->items, edits->count));
            is_written = true;
        }
        struct llm_stub stub;
        TRY(llm_event_stub(&s->scratch, buf_str(&s->data), t->pointer, &stub));
        stub.name = arena_str(&p->arena, stub.name);
        stub.data = arena_str(&p->arena, stub.data);
        if (stub.name.ptr == NULL || stub.data.ptr == NULL) {
            return ERR_LIMIT;
        }
        c->stub = stub;
    }
    return ERR_OK;
}

/* ---- what is held back ------------------------------------------------------------- */

enum err flow_stream_flush(struct flow_exchange *x)
{
    struct flow_stream *s = x->p->stream;
    for (size_t i = 0; i < s->channels_count; i++) {
        if (s->channels[i].is_open) {
            TRY(flush_channel(x, &s->channels[i]));
        }
    }
    return ERR_OK;
}

static enum err flush_channel(struct flow_exchange *x, struct flow_channel *c)
{
    struct flow_stream *s = x->p->stream;
    struct str out;
    c->is_open = false;
    buf_clear(&s->text);
    enum err e = content_close(x->p->check, c->id, &s->text);
    if (e != ERR_OK && e != ERR_DENIED) {
        return e;
    }
    if (!s->alters || s->text.len == 0) {
        return e;
    }
    TRY(json_string(s, buf_str(&s->text), &out));
    TRY(write_stub(x, c, out));
    return e;
}

/* An event of our own that says `text`, a JSON string, in this channel. */
static enum err write_stub(struct flow_exchange *x, struct flow_channel *c, struct str text)
{
    struct flow_private *p = x->p;
    struct flow_stream *s = p->stream;
    struct issue issue;
    struct llm_edit edits[2] = {{c->stub.text, text}};
    size_t count = 1;
    if (c->stub.data.ptr == NULL) {
        return ERR_INTERNAL;
    }
    if (c->stub.sequence.to > 0) {
        s->is_renumbered = true;
        edits[count].span = c->stub.sequence;
        TRY(next_number(s, &edits[count++].with));
    }
    buf_clear(&s->data);
    TRY(llm_edits_apply(&s->data, c->stub.data, edits, count));
    buf_clear(&s->line);
    llm_event_write(&s->line, c->stub.name, buf_str(&s->data));
    TRY(s->line.err);
    struct sse_event ev = {
        .name = c->stub.name, .data = buf_str(&s->data), .raw = buf_str(&s->line)};
    return llm_relay_event(p->relay, &ev, &p->answer, &issue);
}

/* ---- events with changes -------------------------------------------------------------- */

struct flow_channel *flow_channel_of(struct flow_stream *s, const struct llm_text *text)
{
    for (size_t i = 0; i < s->channels_count; i++) {
        if (s->channels[i].id == text->channel) {
            return &s->channels[i];
        }
    }
    struct flow_channel *channels = list_grow(s->channels, &s->channels_capacity,
                                              s->channels_count + 1, FLOW_CHANNELS_MAX,
                                              sizeof(*channels));
    if (channels == NULL) {
        return NULL;
    }
    s->channels = channels;
    struct flow_channel *c = &s->channels[s->channels_count++];
    *c = (struct flow_channel){.id = text->channel,
                               .scope = text->scope,
                               .is_json = text->is_json,
                               .is_in_block = is_in_block(text),
                               .role = text->role};
    buf_init(&c->text, s->held.bytes_max);
    return c;
}

/* `text` as a JSON string in the scratch arena. */
static enum err json_string(struct flow_stream *s, struct str text, struct str *ret)
{
    buf_clear(&s->line);
    json_write_str(&s->line, text);
    TRY(s->line.err);
    *ret = arena_str(&s->scratch, buf_str(&s->line));
    return ret->ptr != NULL ? ERR_OK : ERR_LIMIT;
}

/* Appends an edit with `text` as a JSON string. ERR_MEMORY. */
static enum err edit_text(struct flow_stream *s, struct flow_edits *edits, struct json_span span,
                          struct str text)
{
    struct llm_edit edit = {.span = span};
    TRY(json_string(s, text, &edit.with));
    return flow_edit_add(s, edits, edit);
}

enum err flow_edit_add(struct flow_stream *s, struct flow_edits *edits, struct llm_edit edit)
{
    struct llm_edit *grown =
        arena_grow(&s->scratch, edits->items, &edits->capacity, edits->count + 1, sizeof(*grown));
    if (grown == NULL) {
        return ERR_LIMIT;
    }
    edits->items = grown;
    edits->items[edits->count++] = edit;
    return ERR_OK;
}

enum err flow_edit_members(struct flow_exchange *x, const struct llm_event *event,
                           struct flow_edits *edits)
{
    struct flow_stream *s = x->p->stream;
    for (size_t i = 0; i < event->said.drops_count; i++) {
        TRY(flow_edit_add(s, edits, event->said.drops[i]));
    }
    if (event->sequence.to == 0) {
        return ERR_OK;
    }
    if (!s->is_renumbered) {
        s->sequence = number_of(event) + 1;
        return ERR_OK;
    }
    struct llm_edit edit = {.span = event->sequence};
    TRY(next_number(s, &edit.with));
    return flow_edit_add(s, edits, edit);
}

/* Without the event there is one number less. */
void flow_leave_out(struct flow_stream *s, const struct llm_event *event)
{
    if (!s->is_renumbered && event->sequence.to > 0) {
        s->sequence = number_of(event);
        s->is_renumbered = true;
    }
}

static uint64_t number_of(const struct llm_event *event)
{
    uint64_t n;
    struct str digits = str_sub(event->data, event->sequence.from, event->sequence.to);
    return str_to_u64(digits, &n) == ERR_OK ? n : 0;
}

static enum err next_number(struct flow_stream *s, struct str *ret)
{
    *ret = arena_printf(&s->scratch, "%llu", (unsigned long long)s->sequence++);
    return ret->ptr != NULL ? ERR_OK : ERR_LIMIT;
}

enum err flow_stream_pass(struct flow_exchange *x, const struct sse_event *ev,
                          const struct llm_event *event, const struct flow_edits *edits)
{
    struct flow_private *p = x->p;
    struct flow_stream *s = p->stream;
    struct issue issue;
    if (edits->count == 0) {
        return llm_relay_event(p->relay, ev, &p->answer, &issue);
    }
    buf_clear(&s->data);
    TRY(llm_edits_apply(&s->data, event->data, edits->items, edits->count));
    buf_clear(&s->line);
    llm_event_write(&s->line, ev->name, buf_str(&s->data));
    TRY(s->line.err);
    struct sse_event edited = {
        .name = ev->name, .data = buf_str(&s->data), .raw = buf_str(&s->line)};
    return llm_relay_event(p->relay, &edited, &p->answer, &issue);
}
