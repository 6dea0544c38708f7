/* SPDX-License-Identifier: Apache-2.0
 *
 * The second reader: llhttp, strict, no lenient flag ever set. It is fed the very
 * bytes the guard has let through, in the same order, and must agree on method,
 * version, status, framing and on where the message ends. Two independent readers
 * that differ are the definition of a desync, so any difference is a refusal.
 *
 * Why not llhttp alone: 9.2 still lets 54 of 1,827 offending streams through. It
 * gets a fresh start for every message, or one from where it stood behind the same
 * bytes (again.c), and never sees a byte behind one. Upgrade
 * is ignored: the flag is cleared before llhttp can act on it. Settings are
 * constant data; state lives in the parser. One thread.
 */
#include "wire_parts.h"

static void second_begin(struct wire_parser *p);
static enum err keep_place(struct wire_parser *p, size_t from);
static int on_headers_complete(llhttp_t *llhttp);
static int on_message_complete(llhttp_t *llhttp);

static const llhttp_settings_t second_settings = {
    .on_headers_complete = on_headers_complete,
    .on_message_complete = on_message_complete,
};

/* Same order as enum wire_method. */
static const unsigned second_methods[] = {HTTP_GET,   HTTP_HEAD,   HTTP_POST,   HTTP_PUT,
                                          HTTP_PATCH, HTTP_DELETE, HTTP_OPTIONS};

enum err second_read_head(struct wire_parser *p)
{
    struct wire_parser_state *s = p->state;
    memset(&s->second, 0, sizeof(s->second));
    size_t from = s->kept_at <= s->alike ? s->kept_at : 0;
    if (from > 0) {
        s->llhttp = s->llhttp_kept; /* has seen these very bytes */
    } else {
        second_begin(p);
    }
    if (s->alike != from) {
        TRY(keep_place(p, from));
    }
    s->kept_at = s->alike;
    return second_feed(p, str_sub(buf_str(&s->bytes), s->alike, s->bytes.len));
}

/* Of the two last heads the lines up to here were the same: the next may have them, too. */
static enum err keep_place(struct wire_parser *p, size_t from)
{
    struct wire_parser_state *s = p->state;
    TRY(second_feed(p, str_sub(buf_str(&s->bytes), from, s->alike)));
    s->llhttp_kept = s->llhttp;
    return ERR_OK;
}

static void second_begin(struct wire_parser *p)
{
    struct wire_parser_state *s = p->state;
    llhttp_init(&s->llhttp, p->kind == WIRE_REQUEST ? HTTP_REQUEST : HTTP_RESPONSE,
                &second_settings);
    s->llhttp.data = s;
}

static int on_headers_complete(llhttp_t *llhttp)
{
    struct wire_parser_state *s = llhttp->data;
    struct second_view *view = &s->second;
    view->has_head = true;
    view->is_chunked = (llhttp->flags & F_CHUNKED) != 0;
    view->has_content_length = (llhttp->flags & F_CONTENT_LENGTH) != 0;
    view->content_length = view->has_content_length ? llhttp->content_length : 0;
    view->is_keep_alive = llhttp_should_keep_alive(llhttp) != 0;
    view->method = llhttp->method;
    view->status = llhttp->status_code;
    view->minor = llhttp->http_minor;
    llhttp->upgrade = 0; /* no protocol but this one */
    return s->is_bodyless ? 1 : 0;
}

static int on_message_complete(llhttp_t *llhttp)
{
    struct wire_parser_state *s = llhttp->data;
    s->second.is_complete = true;
    return 0;
}

enum err second_feed(struct wire_parser *p, struct str bytes)
{
    if (llhttp_execute(&p->state->llhttp, bytes.ptr, bytes.len) != HPE_OK) {
        return parser_refuse(p, ERR_SYNTAX, 400, "the message is malformed for the second reader");
    }
    return ERR_OK;
}

enum err second_compare_head(struct wire_parser *p)
{
    struct wire_parser_state *s = p->state;
    struct wire_head *head = &s->head;
    const struct second_view *view = &s->second;
    bool is_same = view->has_head && view->is_chunked == head->is_chunked &&
                   view->minor == (head->is_http10 ? 0U : 1U);
    if (is_same && head->has_content_length) {
        is_same = view->has_content_length && view->content_length == head->content_length;
    } else if (is_same) {
        is_same = !view->has_content_length;
    }
    if (is_same && p->kind == WIRE_REQUEST) {
        is_same = view->method == second_methods[head->method];
    } else if (is_same) {
        is_same = view->status == head->status;
    }
    if (!is_same) {
        return parser_refuse(p, ERR_SYNTAX, 400, "two readers of the head disagree");
    }
    /* llhttp says no for an answer to HEAD or a 204 without a length only because it
     * cannot know yet that no body follows. */
    head->is_keep_alive = head->is_keep_alive && (view->is_keep_alive || s->is_bodyless);
    return ERR_OK;
}

enum err second_compare_end(struct wire_parser *p)
{
    if (!p->state->second.is_complete) {
        return parser_refuse(p, ERR_SYNTAX, 400, "two readers disagree on where the message ends");
    }
    return ERR_OK;
}

enum err second_finish(struct wire_parser *p)
{
    if (llhttp_finish(&p->state->llhttp) != HPE_OK) {
        return parser_refuse(p, ERR_CORRUPT, 400, "the message was cut");
    }
    return second_compare_end(p);
}
