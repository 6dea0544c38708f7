/* SPDX-License-Identifier: Apache-2.0
 *
 * Server-sent events: bytes in, whole events out (WHATWG HTML 9.2). Two passes:
 * find where the event ends (never over the same bytes twice), then take
 * its lines apart. The raw bytes of every event are handed out too, so that an
 * event nobody edits goes on as it came.
 *
 * It does not know JSON or [DONE]. Memory: two bounded buffers, freed by fini.
 * One thread. The treatment of a CR that may be half of a CRLF is in end_of_event.
 */
#include "wire_parts.h"

#define UNTAKEN_BYTES_MAX (1024 * 1024)

static size_t end_of_event(struct sse_parser *p);
static bool begin_event(struct sse_parser *p, struct str all);
static enum err take_apart(struct sse_parser *p, struct str raw, struct sse_event *ev);
static struct str cut_line(struct str *rest);
static void take_line(struct sse_parser *p, struct str line, struct sse_event *ev,
                      unsigned *data_lines);

void sse_parser_init(struct sse_parser *p, size_t event_bytes_max)
{
    memset(p, 0, sizeof(*p));
    p->event_bytes_max = event_bytes_max;
    buf_init(&p->pending, event_bytes_max + UNTAKEN_BYTES_MAX);
    buf_init(&p->data, event_bytes_max);
}

void sse_parser_fini(struct sse_parser *p)
{
    if (p == NULL) {
        return;
    }
    buf_fini(&p->pending);
    buf_fini(&p->data);
}

void sse_parser_feed(struct sse_parser *p, struct str bytes)
{
    if (p->released > 0) {
        buf_consume(&p->pending, p->released);
        p->scanned -= p->released;
        p->line_at -= p->released;
        p->released = 0;
    }
    buf_add(&p->pending, bytes);
}

size_t sse_parser_pending_bytes(const struct sse_parser *p)
{
    return p->pending.len - p->released;
}

enum err sse_parser_next(struct sse_parser *p, struct sse_event *ret_event)
{
    memset(ret_event, 0, sizeof(*ret_event));
    if (p->pending.err != ERR_OK) {
        return p->pending.err;
    }
    size_t end = end_of_event(p);
    size_t bytes = (end > 0 ? end : p->pending.len) - p->released;
    if (bytes > p->event_bytes_max) {
        p->pending.err = ERR_LIMIT;
        return ERR_LIMIT;
    }
    if (end == 0) {
        return ERR_AGAIN;
    }
    struct str raw = {p->pending.ptr + p->released, end - p->released};
    p->released = end;
    return take_apart(p, raw, ret_event);
}

/* Offset in `pending` behind the next event, or 0. A CR at the very end may be
 * half of a CRLF. Behind a line that ended in a bare CR the stream is taken to use
 * CR, and the event ends there at once; should a LF follow after all, it is passed
 * over in front of the next event. Otherwise one more byte is waited for. Either
 * way the result does not depend on how the bytes were cut. */
static size_t end_of_event(struct sse_parser *p)
{
    struct str all = buf_str(&p->pending);
    if (!begin_event(p, all)) {
        return 0;
    }
    for (;;) {
        size_t end = p->scanned + chars_find_line_end(str_sub(all, p->scanned, all.len));
        p->scanned = end;
        if (end == all.len) {
            return 0;
        }
        bool is_blank = end == p->line_at;
        char ending = all.ptr[end];
        size_t next = end + 1;
        bool is_settled = ending == '\n' || (is_blank && p->line_end == '\r');
        if (!is_settled && next == all.len) {
            return 0;
        }
        if (!is_settled && all.ptr[next] == '\n') {
            ending = '\n';
            next++;
        }
        p->line_end = ending;
        p->line_at = next;
        p->scanned = next;
        if (is_blank) {
            return next;
        }
    }
}

/* Passes over a byte order mark in front of the stream, and over a LF whose CR
 * ended the event before. False when that needs more bytes. */
static bool begin_event(struct sse_parser *p, struct str all)
{
    if (!p->is_started) {
        static const char mark[3] = {'\xEF', '\xBB', '\xBF'};
        size_t len = all.len < 3 ? all.len : 3;
        if (len == 0 || (len < 3 && memcmp(all.ptr, mark, len) == 0)) {
            return false;
        }
        p->is_started = true;
        p->scanned = memcmp(all.ptr, mark, len) == 0 ? 3 : 0;
        p->line_at = p->scanned;
        p->line_end = 0;
    }
    if (p->scanned != p->released) {
        return true; /* in the middle of an event */
    }
    if (p->line_end == '\r' && p->scanned == all.len) {
        return false;
    }
    if (p->line_end == '\r' && all.ptr[p->scanned] == '\n') {
        p->scanned++;
        p->line_at++;
    }
    p->line_end = 0;
    return true;
}

static enum err take_apart(struct sse_parser *p, struct str raw, struct sse_event *ev)
{
    unsigned data_lines = 0;
    unsigned fields = 0;
    struct str rest = raw;
    buf_clear(&p->data);
    if (p->released == raw.len && str_starts(rest, STR("\xEF\xBB\xBF")) && !p->is_past_first) {
        rest = str_sub(rest, 3, rest.len);
    }
    p->is_past_first = true;
    while (rest.len > 0) {
        struct str line = cut_line(&rest);
        if (line.len > 0 && line.ptr[0] != ':') {
            fields++;
            take_line(p, line, ev, &data_lines);
        }
    }
    if (p->data.err != ERR_OK) {
        p->pending.err = p->data.err;
        return p->data.err;
    }
    if (data_lines > 1) {
        ev->data = buf_str(&p->data);
    }
    ev->raw = raw;
    ev->is_comment_only = fields == 0;
    return ERR_OK;
}

static struct str cut_line(struct str *rest)
{
    size_t end = chars_find_line_end(*rest);
    struct str line = str_sub(*rest, 0, end);
    size_t next = end + 1;
    if (next < rest->len && rest->ptr[end] == '\r' && rest->ptr[next] == '\n') {
        next++;
    }
    *rest = str_sub(*rest, next, rest->len);
    return line;
}

static void take_line(struct sse_parser *p, struct str line, struct sse_event *ev,
                      unsigned *data_lines)
{
    ptrdiff_t colon = str_find(line, ':');
    struct str name = colon < 0 ? line : str_sub(line, 0, (size_t)colon);
    struct str value =
        colon < 0 ? str_sub(line, line.len, line.len) : str_sub(line, (size_t)colon + 1, line.len);
    if (value.len > 0 && value.ptr[0] == ' ') {
        value = str_sub(value, 1, value.len);
    }
    if (str_eq(name, STR("event"))) {
        ev->name = value;
    } else if (str_eq(name, STR("data"))) {
        /* One data line is the rule and needs no copy. */
        if (*data_lines == 1) {
            buf_add(&p->data, ev->data);
        }
        if (*data_lines >= 1) {
            buf_add_byte(&p->data, '\n');
            buf_add(&p->data, value);
        }
        ev->data = value;
        (*data_lines)++;
    } else if (!str_eq(name, STR("id")) && !str_eq(name, STR("retry"))) {
        ev->has_unknown_fields = true;
    }
}
