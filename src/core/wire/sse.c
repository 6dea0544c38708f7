/* SPDX-License-Identifier: Apache-2.0
 *
 * Server-sent events: bytes in, whole events out (WHATWG HTML 9.2). One pass: each
 * line is found, never over the same bytes twice, and taken at once; what is known of
 * an event in the middle stands in `found`, by offsets, because its bytes may move.
 * The raw bytes of every event are handed out too, so that an event nobody edits goes
 * on as it came.
 *
 * It does not know JSON or [DONE]. Events are read where the caller's bytes lie; only
 * the beginning of one that is not whole is copied. Memory: two bounded buffers, freed
 * by fini. One thread. The treatment of a CR that may be half of a CRLF is in
 * end_of_event.
 */
#include "wire_parts.h"

#define UNTAKEN_BYTES_MAX (1024 * 1024)

static void keep_rest(struct sse_parser *p);
static size_t end_of_event(struct sse_parser *p);
static bool begin_event(struct sse_parser *p, struct str all);
static void take_line(struct sse_parser *p, struct str line);
static void take_data(struct sse_parser *p, struct str value);
static void hand_out(struct sse_parser *p, size_t end, struct sse_event *ev);

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
    if (p->in.len > 0) { /* of an event that is not whole, or events that were not taken */
        keep_rest(p);
    }
    if (p->in.len == 0) {
        p->in = bytes;
        return;
    }
    buf_add(&p->pending, bytes);
    p->in = buf_str(&p->pending);
}

/* Drops what was handed out. What is left is ours from here on, not the caller's. */
static void keep_rest(struct sse_parser *p)
{
    if (p->in.ptr == p->pending.ptr) {
        buf_consume(&p->pending, p->released);
    } else {
        buf_add(&p->pending, str_sub(p->in, p->released, p->in.len));
    }
    p->in = buf_str(&p->pending);
    p->scanned -= p->released;
    p->line_at -= p->released;
    p->released = 0;
}

/* What the CR waited for is a LF, or nothing: then one does no harm. */
bool sse_parser_end(struct sse_parser *p)
{
    bool is_open = sse_parser_pending_bytes(p) > 0 && p->in.ptr[p->in.len - 1] == '\r';
    if (is_open) {
        sse_parser_feed(p, STR("\n"));
    }
    return is_open;
}

size_t sse_parser_pending_bytes(const struct sse_parser *p)
{
    return p->in.len - p->released;
}

struct str sse_parser_pending(const struct sse_parser *p)
{
    return str_sub(p->in, p->released, p->in.len);
}

enum err sse_parser_next(struct sse_parser *p, struct sse_event *ret_event)
{
    if (p->pending.err != ERR_OK) {
        return p->pending.err;
    }
    size_t end = end_of_event(p);
    size_t bytes = (end > 0 ? end : p->in.len) - p->released;
    if (bytes > p->event_bytes_max || p->data.err != ERR_OK) {
        p->pending.err = bytes > p->event_bytes_max ? ERR_LIMIT : p->data.err;
        return p->pending.err;
    }
    if (end == 0) {
        keep_rest(p);
        return p->pending.err != ERR_OK ? p->pending.err : ERR_AGAIN;
    }
    hand_out(p, end, ret_event);
    return ERR_OK;
}

/* Offset in `in` behind the next event, or 0. A CR at the very end may be
 * half of a CRLF. Behind a line that ended in a bare CR the stream is taken to use
 * CR, and the event ends there at once; should a LF follow after all, it is passed
 * over in front of the next event. Otherwise one more byte is waited for. Either
 * way the result does not depend on how the bytes were cut. */
static size_t end_of_event(struct sse_parser *p)
{
    struct str all = p->in;
    if (!begin_event(p, all)) {
        return 0;
    }
    for (;;) {
        size_t end = p->scanned;
        if (end < all.len && all.ptr[end] != '\n') { /* as the blank line mostly is */
            end += chars_find_line_end((struct str){all.ptr + end, all.len - end});
        }
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
        if (!is_blank) {
            take_line(p, (struct str){all.ptr + p->line_at, end - p->line_at});
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

static void take_line(struct sse_parser *p, struct str line)
{
    struct sse_found *found = &p->found;
    if (line.ptr[0] == ':') {
        return;
    }
    ptrdiff_t colon = str_starts(line, STR("data:")) ? 4 : str_find(line, ':');
    struct str name = {line.ptr, colon < 0 ? line.len : (size_t)colon};
    struct str value = str_sub(line, name.len + 1, line.len);
    if (value.len > 0 && value.ptr[0] == ' ') {
        value.ptr++;
        value.len--;
    }
    found->has_fields = true;
    if (str_eq(name, STR("data"))) {
        take_data(p, value);
    } else if (str_eq(name, STR("event"))) {
        found->name_at = (size_t)(value.ptr - p->in.ptr) - p->released;
        found->name_len = value.len;
    } else if (!str_eq(name, STR("id")) && !str_eq(name, STR("retry"))) {
        found->has_unknown_fields = true;
    }
}

/* One data line is the rule and needs no copy. */
static void take_data(struct sse_parser *p, struct str value)
{
    struct sse_found *found = &p->found;
    if (found->data_lines == 1) {
        buf_clear(&p->data);
        buf_add(&p->data, str_sub(p->in, p->released + found->data_at,
                                  p->released + found->data_at + found->data_len));
    }
    if (found->data_lines >= 1) {
        buf_add_byte(&p->data, '\n');
        buf_add(&p->data, value);
    }
    found->data_at = (size_t)(value.ptr - p->in.ptr) - p->released;
    found->data_len = value.len;
    found->data_lines++;
}

static void hand_out(struct sse_parser *p, size_t end, struct sse_event *ev)
{
    const struct sse_found *found = &p->found;
    const char *raw = p->in.ptr + p->released;
    *ev = (struct sse_event){.raw = {raw, end - p->released},
                             .is_comment_only = !found->has_fields,
                             .has_unknown_fields = found->has_unknown_fields};
    if (found->name_at != 0) { /* a value stands behind a name */
        ev->name = (struct str){raw + found->name_at, found->name_len};
    }
    if (found->data_lines > 1) {
        ev->data = buf_str(&p->data);
    } else if (found->data_lines == 1) {
        ev->data = (struct str){raw + found->data_at, found->data_len};
    }
    p->released = end;
    p->found = (struct sse_found){0};
}
