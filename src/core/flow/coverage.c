/* SPDX-License-Identifier: Apache-2.0
 *
 * What is read where, found out rather than claimed: the example of each place is given
 * to the readers that the path itself uses (llm), with a mark in it, and the mark is
 * looked for in what they list. What a rule of some type does with a text that is listed
 * is asked of content and policy. So a reader that forgets a place changes the table, and
 * the test that drives every row through the path fails.
 *
 * Nothing here runs while requests do. Memory: an arena of its own for each question.
 */
#include "coverage.h"

#define ARENA_BYTES_MAX (1u << 20)
#define EXAMPLE_BYTES_MAX (16u * 1024)

/* A mark that looks like an identifier, one that does not, and digits. */
#define MARK "zqmarkqz"
#define MARK_ODD "zq mark, qz"
#define MARK_NUMBER "4040404040"

/* What is looked for, and what was seen of it. */
struct look {
    struct arena *arena;
    struct str mark;
    struct flow_coverage *ret;
    bool is_found, is_growing, is_dropped;
};

static enum err look_at(const struct flow_place *place, enum llm_endpoint e, struct str mark,
                        struct flow_coverage *ret);
static enum err look_at_request(struct look *l, const struct flow_saying *s);
static enum err look_at_answer(struct look *l, const struct flow_saying *s);
static enum err look_at_events(struct look *l, const struct flow_saying *s);
static void look_at_said(struct look *l, struct str data, const struct llm_said *said);
static void look_at_texts(struct look *l, const struct llm_text *texts, size_t count);
static void look_inside(struct look *l, const struct llm_text *text);
static void note(struct look *l, const struct llm_text *text);

static const char *const way_names[FLOW_WAYS] = {"request", "answer", "stream"};
static const char *const part_names[FLOW_PARTS] = {
    [FLOW_PART_TEXT] = "text",           [FLOW_PART_TOOL] = "tool definition",
    [FLOW_PART_ARGUMENTS] = "arguments", [FLOW_PART_RESULT] = "tool result",
    [FLOW_PART_REASONING] = "reasoning", [FLOW_PART_REFUSAL] = "refusal",
    [FLOW_PART_REPEAT] = "repeat",       [FLOW_PART_MEDIA] = "media",
    [FLOW_PART_OTHER] = "other",
};
static const char *const reading_names[FLOW_READINGS] = {
    [FLOW_NOT_READ] = "not read",        [FLOW_READ_WHOLE] = "whole",
    [FLOW_READ_GROWING] = "as it grows", [FLOW_READ_ODD] = "unless it looks like an identifier",
    [FLOW_UNSCANNABLE] = "unscannable",  [FLOW_LEFT_OUT] = "left out",
    [FLOW_REFUSED] = "refused",
};
static const char *const cell_names[FLOW_CELLS] = {
    [FLOW_CELL_NONE] = "none",         [FLOW_CELL_EDITS] = "edits",
    [FLOW_CELL_BLOCKS] = "blocks",     [FLOW_CELL_ENDS] = "ends",
    [FLOW_CELL_LEFT_OUT] = "left out", [FLOW_CELL_UNSCANNABLE] = "unscannable",
    [FLOW_CELL_REFUSED] = "refused",   [FLOW_CELL_DECIDED] = "decided",
    [FLOW_CELL_NO_RULE] = "no rule",
};

const char *flow_way_name(enum flow_way w)
{
    ASSERT((unsigned)w < FLOW_WAYS);
    return way_names[w];
}

const char *flow_part_name(enum flow_part p)
{
    ASSERT((unsigned)p < FLOW_PARTS);
    return part_names[p];
}

const char *flow_reading_name(enum flow_reading r)
{
    ASSERT((unsigned)r < FLOW_READINGS);
    return reading_names[r];
}

const char *flow_cell_name(enum flow_cell c)
{
    ASSERT((unsigned)c < FLOW_CELLS);
    return cell_names[c];
}

const struct flow_place *flow_place_at(size_t i)
{
    const struct {
        const struct flow_place *places;
        size_t count;
    } tables[] = {{coverage_requests, coverage_requests_count},
                  {coverage_answers, coverage_answers_count},
                  {coverage_streams, coverage_streams_count}};
    for (size_t t = 0; t < sizeof(tables) / sizeof(tables[0]); t++) {
        if (i < tables[t].count) {
            return &tables[t].places[i];
        }
        i -= tables[t].count;
    }
    return NULL;
}

bool flow_way_exists(enum llm_endpoint e, enum flow_way w)
{
    return w != FLOW_STREAM || llm_endpoint_has_stream(e);
}

/* ---- how a place is read -------------------------------------------------------------- */

enum err flow_coverage_of(const struct flow_place *place, enum llm_endpoint e,
                          struct flow_coverage *ret)
{
    if (place->is_number) {
        return look_at(place, e, STR(MARK_NUMBER), ret);
    }
    TRY(look_at(place, e, STR(MARK), ret));
    if (ret->reading == FLOW_NOT_READ) {
        TRY(look_at(place, e, STR(MARK_ODD), ret));
        ret->reading = ret->reading == FLOW_READ_WHOLE ? FLOW_READ_ODD : ret->reading;
    }
    return ERR_OK;
}

static enum err look_at(const struct flow_place *place, enum llm_endpoint e, struct str mark,
                        struct flow_coverage *ret)
{
    struct arena arena;
    struct flow_saying s = {place, e, "m", &mark, 1};
    struct look l = {.arena = &arena, .mark = mark, .ret = ret};
    *ret = (struct flow_coverage){.role = LLM_ROLE_OTHER};
    arena_init(&arena, ARENA_BYTES_MAX);
    enum err err = place->way == FLOW_REQUEST  ? look_at_request(&l, &s)
                   : place->way == FLOW_ANSWER ? look_at_answer(&l, &s)
                                               : look_at_events(&l, &s);
    arena_fini(&arena);
    if (l.is_found) {
        ret->reading = l.is_growing ? FLOW_READ_GROWING : FLOW_READ_WHOLE;
    } else if (l.is_dropped) {
        ret->reading = FLOW_LEFT_OUT;
    } else if (ret->is_unscannable) {
        ret->reading = FLOW_UNSCANNABLE;
    }
    return err;
}

static enum err look_at_request(struct look *l, const struct flow_saying *s)
{
    struct buf body;
    struct llm_request r;
    struct issue issue;
    buf_init(&body, EXAMPLE_BYTES_MAX);
    flow_place_write(&body, s);
    enum err err = body.err;
    if (err == ERR_OK) {
        err = llm_request_parse(l->arena, s->endpoint, buf_str(&body), true, &r, &issue);
    }
    if (err == ERR_OK) {
        look_at_texts(l, r.texts, r.texts_count);
        l->ret->is_unscannable = r.opaques_count > 0;
    } else if (err == ERR_INVALID || err == ERR_UNSUPPORTED) {
        l->ret->reading = FLOW_REFUSED;
        err = ERR_OK;
    }
    buf_fini(&body);
    return err;
}

static enum err look_at_answer(struct look *l, const struct flow_saying *s)
{
    struct buf body;
    struct llm_said said;
    struct issue issue;
    buf_init(&body, EXAMPLE_BYTES_MAX);
    flow_place_write(&body, s);
    enum err err = body.err;
    if (err == ERR_OK) {
        err = llm_answer_read(l->arena, buf_str(&body), &said, &issue);
    }
    if (err == ERR_OK) {
        look_at_said(l, buf_str(&body), &said);
    }
    buf_fini(&body);
    return err;
}

static enum err look_at_events(struct look *l, const struct flow_saying *s)
{
    struct buf all;
    struct sse_parser sse;
    struct sse_event ev;
    struct issue issue;
    buf_init(&all, EXAMPLE_BYTES_MAX);
    sse_parser_init(&sse, EXAMPLE_BYTES_MAX);
    flow_place_write(&all, s);
    sse_parser_feed(&sse, buf_str(&all));
    enum err err = all.err;
    while (err == ERR_OK && sse_parser_next(&sse, &ev) == ERR_OK) {
        struct llm_event event;
        err = llm_event_read(l->arena, s->endpoint, ev.data, &event, &issue);
        if (err == ERR_OK) {
            look_at_said(l, event.data, &event.said);
        }
    }
    sse_parser_fini(&sse);
    buf_fini(&all);
    return err;
}

static void look_at_said(struct look *l, struct str data, const struct llm_said *said)
{
    ptrdiff_t at = str_find_str(data, l->mark);
    look_at_texts(l, said->texts, said->texts_count);
    l->ret->is_unscannable = l->ret->is_unscannable || said->opaques_count > 0;
    for (size_t i = 0; i < said->drops_count; i++) {
        const struct json_span *span = &said->drops[i].span;
        l->is_dropped =
            l->is_dropped || (at >= 0 && (size_t)at >= span->from && (size_t)at < span->to);
    }
}

static void look_at_texts(struct look *l, const struct llm_text *texts, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (str_find_str(texts[i].value, l->mark) >= 0) {
            note(l, &texts[i]);
            if (texts[i].is_json) {
                look_inside(l, &texts[i]);
            }
        }
    }
}

static void note(struct look *l, const struct llm_text *text)
{
    l->is_found = true;
    l->is_growing = text->is_delta;
    l->ret->is_json = text->is_json;
    l->ret->is_key = text->is_key;
    l->ret->is_number = text->is_number;
    l->ret->role = text->role;
}

/* JSON in a string: which text of it is it? What is not JSON is a plain text. */
static void look_inside(struct look *l, const struct llm_text *text)
{
    struct llm_text *texts;
    struct issue issue;
    size_t count;
    if (llm_json_texts(l->arena, text->value, &texts, &count, &issue) != ERR_OK) {
        return;
    }
    l->is_found = false;
    for (size_t i = 0; i < count; i++) {
        if (str_find_str(texts[i].value, l->mark) >= 0) {
            l->is_found = true;
            l->ret->is_key = texts[i].is_key;
            l->ret->is_number = texts[i].is_number;
        }
    }
}

/* ---- what a rule does there -------------------------------------------------------------- */

enum flow_cell flow_cell_of(enum policy_rule_type type, const struct flow_place *place,
                            const struct flow_coverage *c)
{
    enum content_kind kind;
    if (!policy_rule_type_runs(type)) {
        return FLOW_CELL_NO_RULE;
    }
    if (!policy_rule_type_kind(type, &kind)) {
        return FLOW_CELL_DECIDED;
    }
    switch (c->reading) {
    case FLOW_REFUSED:
        return FLOW_CELL_REFUSED;
    case FLOW_LEFT_OUT:
        return FLOW_CELL_LEFT_OUT;
    case FLOW_UNSCANNABLE:
        return FLOW_CELL_UNSCANNABLE;
    case FLOW_NOT_READ:
    case FLOW_READINGS:
        return FLOW_CELL_NONE;
    case FLOW_READ_WHOLE:
    case FLOW_READ_GROWING:
    case FLOW_READ_ODD:
        break;
    }
    enum content_stage stage = place->way == FLOW_REQUEST ? CONTENT_REQUEST : CONTENT_RESPONSE;
    if (!content_kind_looks_at(kind, stage, c->role, c->is_key || c->is_number)) {
        return c->is_unscannable ? FLOW_CELL_UNSCANNABLE : FLOW_CELL_NONE;
    }
    if (c->reading == FLOW_READ_GROWING && content_kind_is_judged(kind)) {
        return FLOW_CELL_ENDS;
    }
    return content_kind_may_modify(kind) ? FLOW_CELL_EDITS : FLOW_CELL_BLOCKS;
}
