/* SPDX-License-Identifier: Apache-2.0
 *
 * Writes the example of a place out, with a text in it: a request for a model, an answer's
 * JSON, or a whole stream as it comes from a provider, with the events that every stream
 * begins and ends with, so that the tables hold only what a place is about.
 */
#include "coverage.h"

static void write_text(struct buf *out, const struct flow_saying *s);
static void write_example(struct buf *out, struct str example, const struct flow_saying *s);
static void write_byte(struct buf *out, char c);
static void write_events(struct buf *out, const struct flow_saying *s);
static void write_event(struct buf *out, enum llm_endpoint e, struct str line);
static void write_line(struct buf *out, const struct flow_saying *s, struct str line);
static void write_piece(struct buf *out, const struct flow_saying *s, struct str line, size_t i);
static void write_end(struct buf *out, const struct flow_saying *s);

void flow_place_write(struct buf *out, const struct flow_saying *s)
{
    if (s->place->way == FLOW_STREAM) {
        write_events(out, s);
    } else if (s->place->way == FLOW_ANSWER) {
        write_example(out, str_from(s->place->example), s);
    } else {
        buf_printf(out, "{\"model\":\"%s\",", s->model);
        buf_add(out, s->endpoint == LLM_MESSAGES ? STR("\"max_tokens\":16,") : STR(""));
        write_example(out, str_from(s->place->example), s);
        buf_add_byte(out, '}');
    }
}

static void write_text(struct buf *out, const struct flow_saying *s)
{
    for (size_t i = 0; i < s->pieces_count; i++) {
        buf_add(out, s->pieces[i]);
    }
}

static void write_example(struct buf *out, struct str example, const struct flow_saying *s)
{
    for (size_t i = 0; i < example.len; i++) {
        if (example.ptr[i] == COVERAGE_HOLE) {
            write_text(out, s);
        } else {
            write_byte(out, example.ptr[i]);
        }
    }
}

static void write_byte(struct buf *out, char c)
{
    if (c == '`') {
        buf_add(out, STR("\\\""));
    } else {
        buf_add_byte(out, c == '\'' ? '"' : c);
    }
}

static void write_events(struct buf *out, const struct flow_saying *s)
{
    struct str lines = str_from(s->place->example);
    if (s->endpoint == LLM_MESSAGES) {
        write_event(out, s->endpoint,
                    STR("{'type':'message_start','message':{'id':'m','type':'message','role':"
                        "'assistant','model':'m','content':[],'stop_reason':null,'stop_sequence':"
                        "null,'usage':{'input_tokens':1,'output_tokens':1}}}"));
    } else if (s->endpoint == LLM_RESPONSES) {
        write_event(out, s->endpoint,
                    STR("{'type':'response.created','sequence_number':0,'response':{'id':'r',"
                        "'object':'response','status':'in_progress','model':'m','output':[]}}"));
    }
    while (lines.len > 0) {
        write_line(out, s, str_cut(&lines, '\n'));
    }
    write_end(out, s);
}

/* `line` without a hole. */
static void write_event(struct buf *out, enum llm_endpoint e, struct str line)
{
    const struct flow_saying nothing = {.endpoint = e};
    write_line(out, &nothing, line);
}

static void write_line(struct buf *out, const struct flow_saying *s, struct str line)
{
    bool is_named = s->endpoint == LLM_MESSAGES || s->endpoint == LLM_RESPONSES;
    bool has_hole = str_find(line, COVERAGE_HOLE) >= 0;
    for (size_t i = 0; i < (has_hole ? s->pieces_count : 1); i++) {
        if (is_named) {
            struct str type = str_sub(line, sizeof("{'type':'") - 1, line.len);
            buf_add(out, STR("event: "));
            buf_add(out, str_cut(&type, '\''));
            buf_add(out, STR("\n"));
        }
        buf_add(out, STR("data: "));
        write_piece(out, s, line, i);
        buf_add(out, STR("\n\n"));
    }
}

/* A string that grows begins in the first of its events and ends in the last. */
static void write_piece(struct buf *out, const struct flow_saying *s, struct str line, size_t i)
{
    ptrdiff_t hole = str_find(line, COVERAGE_HOLE);
    size_t from = hole < 0 ? line.len : (size_t)hole;
    size_t to = hole < 0 ? line.len : (size_t)hole + 1;
    size_t end = to;
    while (from > 0 && line.ptr[from - 1] != '\'') {
        from--;
    }
    while (end < line.len && line.ptr[end] != '\'') {
        end++;
    }
    for (size_t k = 0; k < line.len; k++) {
        bool is_before = k >= from && hole >= 0 && k < (size_t)hole;
        bool is_behind = k >= to && k < end;
        if ((is_before && i > 0) || (is_behind && i + 1 < s->pieces_count)) {
            continue;
        }
        if (hole >= 0 && k == (size_t)hole) {
            buf_add(out, s->pieces[i]);
        } else {
            write_byte(out, line.ptr[k]);
        }
    }
}

/* The rest of a stream, as far as the example has not said it. */
static void write_end(struct buf *out, const struct flow_saying *s)
{
    struct str said = str_from(s->place->example);
    switch ((int)s->endpoint) {
    case LLM_MESSAGES:
        if (str_find_str(said, STR("'content_block_start'")) >= 0) {
            write_event(out, s->endpoint, STR("{'type':'content_block_stop','index':0}"));
        }
        if (str_find_str(said, STR("'message_delta'")) < 0) {
            write_event(out, s->endpoint,
                        STR("{'type':'message_delta','delta':{'stop_reason':'end_turn',"
                            "'stop_sequence':null},'usage':{'output_tokens':1}}"));
        }
        write_event(out, s->endpoint, STR("{'type':'message_stop'}"));
        break;
    case LLM_RESPONSES:
        if (str_find_str(said, STR("'response.completed'")) < 0) {
            write_event(out, s->endpoint,
                        STR("{'type':'response.completed','sequence_number':2,'response':{'id':"
                            "'r','object':'response','status':'completed','model':'m','output':["
                            "]}}"));
        }
        break;
    case LLM_COMPLETIONS:
        write_event(out, s->endpoint,
                    STR("{'id':'c','object':'text_completion','created':1,'model':'m','choices':[{"
                        "'index':0,'text':'','finish_reason':'stop'}]}"));
        buf_add(out, STR("data: [DONE]\n\n"));
        break;
    default:
        write_event(out, s->endpoint,
                    STR("{'id':'c','object':'chat.completion.chunk','created':1,'model':'m',"
                        "'choices':[{'index':0,'delta':{},'finish_reason':'stop'}]}"));
        buf_add(out, STR("data: [DONE]\n\n"));
        break;
    }
}
