/* SPDX-License-Identifier: Apache-2.0
 *
 * wire: bytes <-> messages. HTTP/1.1 heads and bodies (a raw guard in front of
 * llhttp), server-sent events, URLs, addresses, and the writing of heads.
 *
 * Refuses whatever two readers could read differently: RFC 9112 with every
 * "MAY be lenient" turned off. Pure; one parser per connection and direction;
 * not thread-safe. It does not know what a body means.
 *
 * GLOSSARY  head: start line and fields. guard: the raw scan of a complete head
 * before llhttp sees it. event: one server-sent event, or one parser event.
 *
 * EXAMPLE  in = bytes from the socket;
 *     while (wire_parser_next(&p, &in, &ev) == ERR_OK && ev.type != WIRE_NEED_MORE)
 *         switch (ev.type) { case WIRE_HEAD: use p.head; case WIRE_BODY: use ev.body; ... }
 *     on an error: answer wire_refusal(&p) and close.
 */
#ifndef PORTCULLIS_WIRE_H
#define PORTCULLIS_WIRE_H

#include "portcullis/base.h"

#define WIRE_HEADERS_MAX 100

enum wire_kind { WIRE_REQUEST, WIRE_RESPONSE };

enum wire_method {
    WIRE_GET,
    WIRE_HEAD_METHOD,
    WIRE_POST,
    WIRE_PUT,
    WIRE_PATCH,
    WIRE_DELETE,
    WIRE_OPTIONS
};
const char *wire_method_name(enum wire_method m);

struct wire_header {
    struct str name; /* as sent */
    struct str value; /* without surrounding blanks */
};

/* Views into the parser's own copy of the head; valid until the next message begins. */
struct wire_head {
    enum wire_method method; /* request */
    struct str target;       /* request: as sent, origin-form */
    struct str path;         /* canonical path before '?' */
    struct str query;        /* behind '?', or none */
    struct str host;
    unsigned status; /* response: 100-599 */
    struct wire_header headers[WIRE_HEADERS_MAX];
    size_t headers_count;
    bool has_content_length;
    uint64_t content_length;
    bool is_chunked;
    bool is_keep_alive;
    bool is_http10;
    bool expects_continue;
};
/* First header of that name (case-insensitive), or STR_NONE. */
struct str wire_header_get(const struct wire_head *head, const char *name);
size_t wire_header_count(const struct wire_head *head, const char *name);

struct wire_limits {
    size_t head_bytes_max;   /* start line and fields, 64 KiB */
    size_t target_bytes_max; /* 8 KiB */
    uint64_t body_bytes_max; /* decoded body */
    unsigned informational_max; /* 1xx answers skipped before refusing, 10 */
};
extern const struct wire_limits wire_limits_default; /* body 16 MiB */

enum wire_event_type {
    WIRE_NEED_MORE, /* input used up */
    WIRE_HEAD,      /* p->head is complete */
    WIRE_BODY,      /* ev.body: a slice of the input given, decoded (chunks removed) */
    WIRE_END        /* the message is complete; the next call begins another */
};
struct wire_event {
    enum wire_event_type type;
    struct str body;
};

/* Large (holds llhttp and the header table); embed it in a connection. The
 * head's bytes are kept in a bounded buffer freed by wire_parser_idle/fini. */
struct wire_parser {
    struct wire_head head;
    struct wire_parser_state *state; /* lazily allocated, NULL while idle */
    enum wire_kind kind;
    const struct wire_limits *limits;
    bool is_head_request; /* response: the request was HEAD */
    unsigned refusal_status;
    const char *refusal_reason; /* static sentence */
};

void wire_parser_init(struct wire_parser *p, enum wire_kind kind, const struct wire_limits *limits);
void wire_parser_fini(struct wire_parser *p);
/* Takes what it can from *in (advancing it) and returns one event. Errors stick:
 * ERR_SYNTAX, ERR_LIMIT, ERR_UNSUPPORTED, ERR_MEMORY. A request is never
 * reported as complete when any byte of it was ambiguous. 1xx responses are
 * skipped (at most informational_max; 101 refused). Split-invariant. */
MUST_USE enum err wire_parser_next(struct wire_parser *p, struct str *in,
                                   struct wire_event *ret_event);
/* End of input. ERR_OK between messages or at the proper end of a
 * read-until-close body (then *ret_is_complete says a WIRE_END is due);
 * ERR_CORRUPT for a cut message. */
MUST_USE enum err wire_parser_finish(struct wire_parser *p, bool *ret_is_complete);
/* Frees buffers between messages so that an idle connection costs little. */
void wire_parser_idle(struct wire_parser *p);
/* No byte of a message has been seen yet. */
bool wire_parser_is_idle(const struct wire_parser *p);
/* After WIRE_END of a response: explicit framing, keep-alive, no surplus. */
bool wire_parser_is_reusable(const struct wire_parser *p);

/* ---- writing heads: one framing header, values checked for CTL ---------- */

/* "POST /path HTTP/1.1\r\nHost: ...\r\n"; then fields; then wire_write_end. */
void wire_write_request_line(struct buf *b, enum wire_method m, struct str target, struct str host);
void wire_write_status_line(struct buf *b, unsigned status);
/* A value with CR, LF, NUL or another control character sets b->err = ERR_INVALID. */
void wire_write_header(struct buf *b, struct str name, struct str value);
void wire_write_header_u64(struct buf *b, struct str name, uint64_t value);
void wire_write_end(struct buf *b);
const char *wire_status_text(unsigned status);
/* One chunk of a chunked body; empty data writes nothing. */
void wire_write_chunk(struct buf *b, struct str data);
void wire_write_last_chunk(struct buf *b);

/* ---- server-sent events (WHATWG HTML 9.2) -------------------------------- */

struct sse_event {
    struct str name; /* of the event: line, or none */
    struct str data; /* data lines joined by \n, without the last \n */
    struct str raw;  /* the event exactly as received, blank line included */
    bool is_comment_only; /* nothing but comments: pass or drop */
};
struct sse_parser {
    struct buf pending; /* incomplete event */
    struct buf data;
    size_t scanned;
    size_t released; /* bytes of `pending` already handed out */
    bool is_started;
};
void sse_parser_init(struct sse_parser *p, size_t event_bytes_max /* 1 MiB */);
void sse_parser_fini(struct sse_parser *p);
void sse_parser_feed(struct sse_parser *p, struct str bytes);
/* ERR_OK with an event (views valid until the next call), ERR_AGAIN, ERR_LIMIT.
 * CR, LF, CRLF and mixes; BOM at the start; split-invariant. */
MUST_USE enum err sse_parser_next(struct sse_parser *p, struct sse_event *ret_event);
/* Bytes of an unfinished event at end of stream (a truncated stream when > 0). */
size_t sse_parser_pending_bytes(const struct sse_parser *p);

/* ---- URLs and addresses --------------------------------------------------- */

struct wire_url {
    bool is_tls; /* https */
    struct str host; /* lower-case LDH, no trailing dot; brackets of IPv6 removed */
    uint16_t port;
    struct str path; /* prefix without trailing '/', "" for none */
    bool is_ip;      /* host is an address literal */
};
/* Strict: https (http only when allow_plain), no userinfo, query, fragment,
 * control or non-ASCII byte, LDH labels, no numeric or octal host tricks, path
 * canonical. Catalogue I of the bad inputs. Views into `text` (lower-cased host
 * in the arena). */
MUST_USE enum err wire_url_parse(struct arena *a, struct str text, bool allow_plain,
                                 struct wire_url *ret_url, struct issue *ret_issue);
/* Is this address one that a provider may have? Refuses loopback, private,
 * link-local, CGN, multicast, documentation, benchmark, 6to4, NAT64, Teredo,
 * mapped forms of all these, metadata services. `bytes` 4 or 16, network order. */
bool wire_addr_is_public(const uint8_t *bytes, size_t len);
/* Request path as routed, authorised and audited: must be canonical already
 * (leading '/', no empty, '.' or '..' segment, no %-escape of an unreserved
 * or reserved delimiter byte, no ';', '\\', control). */
bool wire_path_is_canonical(struct str path);

#endif
