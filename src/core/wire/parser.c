/* SPDX-License-Identifier: Apache-2.0
 *
 * The parser: in which order bytes become a head, body slices and an end. Each
 * line of a head goes to the guard as soon as it is whole; the finished head and
 * then every framed byte go to the second reader, and both must agree.
 *
 *   START -> LEAD -> HEAD -> HEAD_DONE -> LENGTH | UNTIL_EOF | END
 *                     ^          |     -> CHUNKED <-> CHUNK_DATA -> END
 *                     +-- 1xx ---+                       END -> START
 *
 * Lines are read where they lie in the caller's input and copied once; only a line
 * that straddles two inputs is read from the copy. One look finds a line's end and
 * every byte that no line may hold. The state is allocated with the first byte and
 * freed by wire_parser_idle or fini. One thread.
 */
#include "wire_parts.h"
#include <stdlib.h>

/* What a step of the machine says to the loop in wire_parser_next. */
enum step_result { STEP_AGAIN, STEP_EVENT };

static enum err advance(struct wire_parser *p, struct str *in, struct wire_event *ev,
                        enum step_result *ret_result);
static enum err begin_message(struct wire_parser *p);
static enum err skip_lead(struct wire_parser *p, struct str *in);
static enum err collect_head(struct wire_parser *p, struct str *in);
static enum err finish_split_line(struct wire_parser *p, struct str *in);
static enum err read_whole_lines(struct wire_parser *p, struct str *in);
static enum err measure_line(struct wire_parser *p, struct str s, bool *ret_is_whole);
static enum err read_line(struct wire_parser *p, struct str line, size_t at);
static enum err keep_part(struct wire_parser *p, struct str part, bool *ret_is_whole);
static enum err keep_bytes(struct wire_parser *p, struct str bytes);
static enum err finish_head(struct wire_parser *p);
static void choose_body(struct wire_parser *p);
static enum err pass_body(struct wire_parser *p, const char *from, struct str *in,
                          struct wire_event *ev);
static enum err pass_chunk_lines(struct wire_parser *p, struct str *in, struct wire_event *ev,
                                 enum step_result *ret_result);
static enum err follow(struct wire_parser *p, struct str bytes);
static enum err end_message(struct wire_parser *p, struct str *in);

const struct wire_limits wire_limits_default = {
    .head_bytes_max = 64 * 1024,
    .target_bytes_max = 8 * 1024,
    .body_bytes_max = 16 * 1024 * 1024,
    .informational_max = 10,
};

void wire_parser_init(struct wire_parser *p, enum wire_kind kind, const struct wire_limits *limits)
{
    memset(p, 0, sizeof(*p));
    p->kind = kind;
    p->limits = limits;
}

void wire_parser_fini(struct wire_parser *p)
{
    if (p == NULL) {
        return;
    }
    if (p->state != NULL) {
        buf_fini(&p->state->bytes);
        free(p->state);
    }
    p->state = NULL;
    p->head = NULL;
}

void wire_parser_idle(struct wire_parser *p)
{
    if (wire_parser_is_idle(p) && p->err == ERR_OK) {
        wire_parser_fini(p);
    }
}

bool wire_parser_is_idle(const struct wire_parser *p)
{
    /* Skipped 1xx heads belong to the answer that is still due. */
    return p->state == NULL || (p->state->phase == PHASE_START && p->state->informational == 0);
}

bool wire_parser_is_reusable(const struct wire_parser *p)
{
    return p->is_reusable && p->err == ERR_OK;
}

enum err parser_refuse(struct wire_parser *p, enum err err, unsigned status, const char *reason)
{
    p->err = err;
    p->refusal_status = p->kind == WIRE_RESPONSE ? 502 : status;
    p->refusal_reason = reason;
    return err;
}

enum err wire_parser_next(struct wire_parser *p, struct str *in, struct wire_event *ret_event)
{
    *ret_event = (struct wire_event){.type = WIRE_NEED_MORE};
    if (p->err != ERR_OK) {
        return p->err;
    }
    enum step_result result = STEP_AGAIN;
    /* Every turn takes bytes or moves on to a later phase; 1xx heads are counted. */
    while (result == STEP_AGAIN) {
        TRY(advance(p, in, ret_event, &result));
    }
    return ERR_OK;
}

static enum err advance(struct wire_parser *p, struct str *in, struct wire_event *ev,
                        enum step_result *ret_result)
{
    enum wire_phase phase = p->state == NULL ? PHASE_START : p->state->phase;
    bool needs_input = phase != PHASE_HEAD_DONE && phase != PHASE_END;
    *ret_result = STEP_EVENT;
    if (needs_input && in->len == 0) {
        return ERR_OK;
    }
    switch (phase) {
    case PHASE_START:
        p->is_reusable = false;
        if (p->is_closed) {
            *in = (struct str){in->ptr + in->len, 0};
            return ERR_OK;
        }
        *ret_result = STEP_AGAIN;
        return begin_message(p);
    case PHASE_LEAD:
        *ret_result = STEP_AGAIN;
        return skip_lead(p, in);
    case PHASE_HEAD:
        *ret_result = STEP_AGAIN;
        return collect_head(p, in);
    case PHASE_HEAD_DONE:
        choose_body(p);
        ev->type = WIRE_HEAD;
        return ERR_OK;
    case PHASE_LENGTH:
    case PHASE_UNTIL_EOF:
    case PHASE_CHUNK_DATA:
        return pass_body(p, in->ptr, in, ev);
    case PHASE_CHUNKED:
        return pass_chunk_lines(p, in, ev, ret_result);
    case PHASE_END:
        ev->type = WIRE_END;
        return end_message(p, in);
    }
    return parser_refuse(p, ERR_INTERNAL, 500, "the parser is in no known state");
}

static enum err begin_message(struct wire_parser *p)
{
    struct wire_parser_state *s = p->state;
    if (s == NULL) {
        s = malloc(sizeof(*s));
        if (s == NULL) {
            return parser_refuse(p, ERR_MEMORY, 503, "out of memory");
        }
        buf_init(&s->bytes, p->limits->head_bytes_max);
        s->informational = 0;
        s->kept_at = 0;
        s->before.bytes = 0;
        s->noted.len = 0;
        /* All but the table of headers, which is as long as headers_count says. */
        memset(&s->head, 0, offsetof(struct wire_head, headers));
        s->head.state = s;
        p->state = s;
    }
    buf_clear(&s->bytes);
    p->head = NULL;
    s->alike = 0;
    s->phase = p->kind == WIRE_REQUEST ? PHASE_LEAD : PHASE_HEAD;
    s->has_start_line = false;
    s->has_tab_around_value = false;
    s->is_bodyless = false;
    s->line_at = 0;
    s->checked = 0;
    s->body_left = 0;
    s->body_seen = 0;
    s->fields_count = 0;
    memset(&s->marks, 0, sizeof(s->marks));
    chunk_begin(&s->chunk);
    return ERR_OK;
}

/* RFC 9112 2.2: one empty line in front of a request line is ignored. `checked`
 * is 1 between its CR and its LF, 2 behind it. */
static enum err skip_lead(struct wire_parser *p, struct str *in)
{
    struct wire_parser_state *s = p->state;
    while (in->len > 0 && s->checked < 2) {
        char c = in->ptr[0];
        if (s->checked == 0 && c != '\r') {
            break;
        }
        if (s->checked == 1 && c != '\n') {
            return parser_refuse(p, ERR_SYNTAX, 400, "CR without LF");
        }
        in->ptr++;
        in->len--;
        s->checked++;
    }
    if (in->len > 0) {
        s->checked = 0;
        s->phase = PHASE_HEAD;
    }
    return ERR_OK;
}

static enum err collect_head(struct wire_parser *p, struct str *in)
{
    struct wire_parser_state *s = p->state;
    if (s->before.bytes > 0) {
        again_take(s, in);
    }
    if (s->bytes.len > s->line_at) {
        TRY(finish_split_line(p, in));
    }
    if (s->phase == PHASE_HEAD && in->len > 0) {
        TRY(read_whole_lines(p, in));
    }
    return s->phase == PHASE_HEAD_DONE ? finish_head(p) : ERR_OK;
}

/* The beginning of this line came with an earlier input. */
static enum err finish_split_line(struct wire_parser *p, struct str *in)
{
    struct wire_parser_state *s = p->state;
    const char *lf = memchr(in->ptr, '\n', in->len);
    struct str part = {in->ptr, lf == NULL ? in->len : (size_t)(lf - in->ptr) + 1};
    *in = str_sub(*in, part.len, in->len);
    bool is_whole;
    TRY(keep_part(p, part, &is_whole));
    if (!is_whole) {
        return ERR_OK;
    }
    size_t at = s->line_at;
    struct str line = {s->bytes.ptr + at, s->checked};
    s->line_at = s->bytes.len;
    s->checked = 0;
    return read_line(p, line, at);
}

static enum err read_whole_lines(struct wire_parser *p, struct str *in)
{
    struct wire_parser_state *s = p->state;
    size_t kept = s->bytes.len; /* offset in the head of in->ptr */
    struct str rest = str_sub(*in, 0, p->limits->head_bytes_max - kept);
    bool is_whole = true;
    while (s->phase == PHASE_HEAD) {
        TRY(measure_line(p, rest, &is_whole));
        if (!is_whole) {
            break;
        }
        struct str line = {rest.ptr, s->checked};
        s->checked = 0;
        TRY(read_line(p, line, kept + (size_t)(line.ptr - in->ptr)));
        rest = (struct str){rest.ptr + line.len + 2, rest.len - line.len - 2};
    }
    size_t taken = (size_t)(rest.ptr - in->ptr);
    TRY(keep_bytes(p, str_sub(*in, 0, taken)));
    s->line_at = s->bytes.len;
    rest = str_sub(*in, taken, in->len); /* beyond the limit, too: keep_part says so */
    *in = is_whole ? rest : (struct str){rest.ptr + rest.len, 0};
    return is_whole ? ERR_OK : keep_part(p, rest, &is_whole);
}

/* Goes on behind the bytes that were looked at, up to the CRLF or what there is. */
static enum err measure_line(struct wire_parser *p, struct str s, bool *ret_is_whole)
{
    size_t len = p->state->checked;
    len += chars_value_len((struct str){s.ptr + len, s.len - len});
    p->state->checked = len;
    size_t behind = s.len - len;
    bool is_cr = behind > 0 && s.ptr[len] == '\r';
    *ret_is_whole = is_cr && behind > 1 && s.ptr[len + 1] == '\n';
    if (*ret_is_whole || behind == 0 || (is_cr && behind == 1)) {
        return ERR_OK;
    }
    return parser_refuse(p, ERR_SYNTAX, 400,
                         s.ptr[len] == '\n' ? "LF without CR" : "a control byte in the head");
}

static enum err read_line(struct wire_parser *p, struct str line, size_t at)
{
    struct wire_parser_state *s = p->state;
    if (!s->has_start_line) {
        s->has_start_line = true;
        return guard_start_line(p, line, at);
    }
    if (line.len == 0) {
        s->phase = PHASE_HEAD_DONE;
        return ERR_OK;
    }
    return guard_field(p, line, at);
}

/* Of a line that is not whole in its input; looked through at once. */
static enum err keep_part(struct wire_parser *p, struct str part, bool *ret_is_whole)
{
    struct wire_parser_state *s = p->state;
    TRY(keep_bytes(p, part));
    struct str line = {s->bytes.ptr + s->line_at, s->bytes.len - s->line_at};
    TRY(measure_line(p, line, ret_is_whole));
    if (!*ret_is_whole && p->kind == WIRE_REQUEST && !s->has_start_line &&
        line.len > p->limits->target_bytes_max + 32) {
        return parser_refuse(p, ERR_LIMIT, 414, "the request target is too long");
    }
    return ERR_OK;
}

static enum err keep_bytes(struct wire_parser *p, struct str bytes)
{
    struct wire_parser_state *s = p->state;
    buf_add(&s->bytes, bytes);
    if (s->bytes.err == ERR_OK) {
        return ERR_OK;
    }
    if (s->bytes.err == ERR_MEMORY) {
        return parser_refuse(p, ERR_MEMORY, 503, "out of memory");
    }
    return parser_refuse(p, ERR_LIMIT, s->has_start_line ? 431 : 414, "the head is too large");
}

static enum err finish_head(struct wire_parser *p)
{
    struct wire_parser_state *s = p->state;
    TRY(guard_finish(p));
    TRY(second_read_head(p));
    TRY(second_compare_head(p));
    again_keep(s);
    if (p->kind == WIRE_RESPONSE && s->head.status < 200) {
        s->informational++;
        if (s->informational > p->limits->informational_max) {
            return parser_refuse(p, ERR_LIMIT, 502, "too many informational answers");
        }
        s->phase = PHASE_START;
        return second_compare_end(p);
    }
    p->head = &s->head;
    return ERR_OK;
}

/* RFC 9112 6.3. */
static void choose_body(struct wire_parser *p)
{
    struct wire_parser_state *s = p->state;
    const struct wire_head *head = &s->head;
    if (s->is_bodyless) {
        s->phase = PHASE_END;
    } else if (head->is_chunked) {
        s->phase = PHASE_CHUNKED;
    } else if (head->has_content_length) {
        s->body_left = head->content_length;
        s->phase = s->body_left > 0 ? PHASE_LENGTH : PHASE_END;
    } else {
        s->phase = p->kind == WIRE_REQUEST ? PHASE_END : PHASE_UNTIL_EOF;
    }
}

/* `from`: where what the second reader has not seen begins. */
static enum err pass_body(struct wire_parser *p, const char *from, struct str *in,
                          struct wire_event *ev)
{
    struct wire_parser_state *s = p->state;
    struct str data = *in;
    if (s->phase == PHASE_UNTIL_EOF) {
        if (data.len > p->limits->body_bytes_max - s->body_seen) {
            return parser_refuse(p, ERR_LIMIT, 413, "the body is too large");
        }
        s->body_seen += data.len;
    } else {
        data = str_sub(data, 0, data.len < s->body_left ? data.len : (size_t)s->body_left);
        s->body_left -= data.len;
        if (s->body_left == 0) {
            s->phase = s->phase == PHASE_LENGTH ? PHASE_END : PHASE_CHUNKED;
        }
    }
    *in = str_sub(*in, data.len, in->len);
    TRY(follow(p, (struct str){from, (size_t)(in->ptr - from)}));
    ev->type = WIRE_BODY;
    ev->body = data;
    return ERR_OK;
}

/* With the data behind them, as far as it is there: the second reader gets all at once. */
static enum err pass_chunk_lines(struct wire_parser *p, struct str *in, struct wire_event *ev,
                                 enum step_result *ret_result)
{
    const char *from = in->ptr;
    TRY(chunk_read(p, in));
    if (p->state->phase == PHASE_CHUNK_DATA && in->len > 0) {
        return pass_body(p, from, in, ev);
    }
    *ret_result = STEP_AGAIN;
    return follow(p, (struct str){from, (size_t)(in->ptr - from)});
}

/* The second reader goes the same way and must be at the end when we are. */
static enum err follow(struct wire_parser *p, struct str bytes)
{
    struct wire_parser_state *s = p->state;
    TRY(second_feed(p, bytes));
    if (s->phase != PHASE_END && s->second.is_complete) {
        return parser_refuse(p, ERR_SYNTAX, 400, "two readers disagree on where the message ends");
    }
    return ERR_OK;
}

static enum err end_message(struct wire_parser *p, struct str *in)
{
    struct wire_parser_state *s = p->state;
    const struct wire_head *head = &s->head;
    TRY(second_compare_end(p));
    s->phase = PHASE_START;
    s->informational = 0;
    if (p->kind == WIRE_REQUEST) {
        p->is_closed = !head->is_keep_alive;
        return ERR_OK;
    }
    if (!head->is_keep_alive && in->len > 0 && !head->is_http10) {
        return parser_refuse(p, ERR_SYNTAX, 502, "bytes behind an answer that announced close");
    }
    bool is_odd = s->is_bodyless && head->is_chunked;
    if (head->status == 204 || head->status == 304) {
        is_odd = is_odd || head->content_length > 0;
    }
    p->is_reusable = head->is_keep_alive && !head->is_http10 && !is_odd && in->len == 0 &&
                     (s->is_bodyless || head->is_chunked || head->has_content_length);
    return ERR_OK;
}

enum err wire_parser_finish(struct wire_parser *p, bool *ret_is_complete)
{
    *ret_is_complete = false;
    if (p->err != ERR_OK) {
        return p->err;
    }
    struct wire_parser_state *s = p->state;
    enum wire_phase phase = s == NULL ? PHASE_START : s->phase;
    /* Nothing, or nothing but the empty line in front of a request. */
    bool is_lead = phase == PHASE_LEAD && s->checked != 1;
    if (is_lead || wire_parser_is_idle(p)) {
        return ERR_OK;
    }
    if (phase == PHASE_UNTIL_EOF) {
        TRY(second_finish(p));
        s->phase = PHASE_END;
        s->head.is_keep_alive = false;
    } else if (phase != PHASE_END) {
        return parser_refuse(p, ERR_CORRUPT, 400, "the message was cut");
    }
    *ret_is_complete = true;
    return ERR_OK;
}
