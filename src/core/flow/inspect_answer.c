/* SPDX-License-Identifier: Apache-2.0
 *
 * Content rules over a whole answer: a JSON body, or a stream that a rule wants to see
 * complete. Long answers are read in slices, between which the host lets its loop turn.
 * A block refuses, and nothing of the answer leaves; a modification edits the spans of
 * the provider's bytes before they are relayed or translated, so usage, ids and
 * everything else stay as they were. What could not be read is refused.
 */
#include "stream.h"

#define ARENA_BYTES_PER_ANSWER_BYTE 8 /* a tree, the texts of it, and what replaces them */

static void add_json(struct flow_exchange *x);
static void json_added(struct flow_exchange *x);
static enum err add_texts(struct flow_exchange *x);
static void add_events(struct flow_exchange *x);
static void events_added(struct flow_exchange *x);
static void run_slice(struct flow_exchange *x);
static void conclude(struct flow_exchange *x);
static void edit(struct flow_exchange *x);
static void edited(struct flow_exchange *x);
static enum err edit_json(struct flow_exchange *x);

void flow_inspect_json(struct flow_exchange *x)
{
    struct flow_private *p = x->p;
    p->from_us = flow_clock_us(x);
    p->arena.bytes_max += ARENA_BYTES_PER_ANSWER_BYTE * p->answer.len;
    flow_do_work(x, p->answer.len, add_json, json_added);
}

static void add_json(struct flow_exchange *x)
{
    x->p->work_err = add_texts(x);
}

static void json_added(struct flow_exchange *x)
{
    struct flow_private *p = x->p;
    if (p->work_err == ERR_SYNTAX) {
        p->outcome = "upstream_error";
        flow_relay_fail(x, 502, "upstream_invalid_json", "The provider's answer is not valid");
    } else if (p->work_err != ERR_OK) {
        flow_relay_fail_check(x, p->work_err);
    } else {
        run_slice(x);
    }
}

static enum err add_texts(struct flow_exchange *x)
{
    struct flow_private *p = x->p;
    struct issue issue;
    struct llm_said *said = ARENA_NEW(&p->arena, struct llm_said);
    if (said == NULL) {
        return ERR_LIMIT;
    }
    TRY(llm_answer_read(&p->arena, buf_str(&p->answer), said, &issue));
    p->said = said;
    for (size_t i = 0; i < said->texts_count; i++) {
        TRY(content_response_add(p->check, &said->texts[i]));
        p->content_bytes[1] += said->texts[i].value.len;
    }
    for (size_t i = 0; i < said->opaques_count; i++) {
        TRY(content_opaque_add(p->check, CONTENT_RESPONSE, said->opaques[i].kind,
                               said->opaques[i].pointer));
    }
    return ERR_OK;
}

void flow_inspect_events(struct flow_exchange *x)
{
    x->p->from_us = flow_clock_us(x);
    flow_do_work(x, x->p->stream->held.len, add_events, events_added);
}

static void add_events(struct flow_exchange *x)
{
    x->p->work_err = flow_held_add(x);
}

static void events_added(struct flow_exchange *x)
{
    enum err e = x->p->work_err;
    if (e == ERR_SYNTAX) {
        flow_relay_fail(x, 502, "upstream_invalid_event",
                        "The provider sent an event that is not valid");
    } else if (e != ERR_OK) {
        flow_relay_fail_check(x, e);
    } else {
        run_slice(x);
    }
}

void flow_inspect_turn(struct flow_exchange *x, enum err e)
{
    if (e != ERR_OK) {
        flow_relay_fail_check(x, e);
    } else {
        run_slice(x);
    }
}

static void run_slice(struct flow_exchange *x)
{
    struct flow_private *p = x->p;
    enum err e = flow_content_run(x, p->from_us);
    p->content_us[1] += flow_take_us(x);
    if (e == ERR_AGAIN && flow_has_question(x)) {
        e = flow_ask(x);
        e = e == ERR_OK ? ERR_AGAIN : e;
    }
    p->is_answer_waiting = e == ERR_AGAIN && !flow_is_asking(x);
    if (flow_is_asking(x)) {
        return;
    }
    if (e == ERR_AGAIN) {
        x->want |= FLOW_WANT_TURN;
    } else if (e == ERR_OK) {
        conclude(x);
    } else {
        flow_relay_fail_check(x, e);
    }
}

static void conclude(struct flow_exchange *x)
{
    struct flow_private *p = x->p;
    if (content_effect(p->check, CONTENT_RESPONSE) == CONTENT_BLOCK) {
        flow_relay_block(x);
        return;
    }
    flow_inspect_report(x);
    flow_do_work(x, p->stream != NULL ? p->stream->held.len : p->answer.len, edit, edited);
}

static void edit(struct flow_exchange *x)
{
    x->p->work_err = x->p->stream != NULL ? flow_held_edit(x) : edit_json(x);
}

static void edited(struct flow_exchange *x)
{
    struct flow_private *p = x->p;
    p->content_us[1] += flow_take_us(x);
    if (p->work_err != ERR_OK) {
        flow_relay_fail_check(x, p->work_err);
    } else if (p->stream != NULL) {
        flow_held_relay(x);
    } else {
        flow_relay_json(x);
    }
}

void flow_inspect_report(struct flow_exchange *x)
{
    struct flow_private *p = x->p;
    struct flow_found *found = ARENA_NEW(&p->arena, struct flow_found);
    if (found != NULL &&
        flow_check_found(&p->arena, p->facts.org, p->check, CONTENT_RESPONSE, found) == ERR_OK) {
        flow_report(x, found);
    }
}

/* The answer with its changes takes the place of the provider's. */
static enum err edit_json(struct flow_exchange *x)
{
    struct flow_private *p = x->p;
    const struct llm_edit *found;
    size_t found_count;
    TRY(content_edits(p->check, &found, &found_count));
    size_t drops_count = content_alters(p->check, CONTENT_RESPONSE) ? p->said->drops_count : 0;
    size_t count = found_count + drops_count;
    if (count == 0) {
        return ERR_OK;
    }
    struct llm_edit *edits = ARENA_ARRAY(&p->arena, count, struct llm_edit);
    if (edits == NULL) {
        return ERR_LIMIT;
    }
    if (found_count > 0) {
        memcpy(edits, found, found_count * sizeof(*edits));
    }
    if (drops_count > 0) {
        memcpy(edits + found_count, p->said->drops, drops_count * sizeof(*edits));
    }
    /* The request has been answered: its body's memory serves for the answer. */
    buf_clear(&p->edited);
    p->edited.bytes_max = 2 * p->answer.bytes_max; /* what stands for a value may be longer */
    TRY(llm_edits_apply(&p->edited, buf_str(&p->answer), edits, count));
    buf_clear(&p->answer);
    p->answer.bytes_max = p->edited.bytes_max;
    buf_move(&p->answer, &p->edited);
    return p->answer.err;
}
