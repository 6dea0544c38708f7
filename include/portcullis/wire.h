/* SPDX-License-Identifier: Apache-2.0
 *
 * wire: bytes <-> messages. HTTP/1.1 heads and bodies (a raw guard in front of
 * llhttp), server-sent events, URLs, addresses, and the writing of heads.
 *
 * Refuses whatever two readers could read differently: RFC 9112 with every
 * "MAY be lenient" turned off. Pure; one parser per connection and direction;
 * not thread-safe. It does not know what a body means.
 *
 * GLOSSARY  head: start line and fields. guard: our own strict reading of every
 * framing byte. second reader: llhttp, which is fed the same bytes and must come
 * to the same conclusion, or the message is refused. event: one server-sent
 * event, or one parser event. OWS: spaces and tabs around a field value.
 *
 * EXAMPLE  in = bytes from the socket;
 *     while (wire_parser_next(&p, &in, &ev) == ERR_OK && ev.type != WIRE_NEED_MORE)
 *         switch (ev.type) { case WIRE_HEAD: use p.head; case WIRE_BODY: use ev.body; ... }
 *     on an error: answer p.refusal_status with p.refusal_reason and close.
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
/* "GET" and so on; static, never NULL. */
const char *wire_method_name(enum wire_method m);

struct wire_header {
    struct str name;  /* as sent, RFC 9110 token */
    struct str value; /* without surrounding OWS; no control byte besides HT */
};

/* What whoever reads heads has found out about some bytes of one: theirs to choose. */
struct wire_note {
    uint64_t number;
    const void *what;
};

/* Views into the parser's own copy of the head; valid until the first byte of the
 * next message, wire_parser_idle or wire_parser_fini. Of Host, Authorization,
 * X-Api-Key, Content-Length, Transfer-Encoding and Content-Type there is at most
 * one each. Names with '_' stay as they are and never stand for the '-' name. */
struct wire_head {
    enum wire_method method; /* request */
    struct str target;       /* request: origin-form (absolute-form is reduced to it) */
    struct str path;         /* before '?'; wire_path_is_canonical but for %2F in /v1/models/NAME */
    struct str query;        /* behind '?': visible ASCII without '#' and '\\', or none */
    struct str host;         /* as sent, with port; none only on HTTP/1.0 */
    unsigned status;         /* response: 200-599 (1xx are skipped) */
    bool has_content_length;
    bool is_chunked;
    bool is_keep_alive; /* both readers agree that the connection may go on */
    bool is_http10;
    bool expects_continue; /* HTTP/1.1 request with Expect: 100-continue */
    uint64_t content_length;
    uint64_t names;   /* wire_name_bit of every header */
    uint64_t repeats; /* bits that more than one header has */
    struct wire_parser_state *state; /* of the parser, for its note; NULL = no parser's head */
    size_t headers_count;
    struct wire_header headers[WIRE_HEADERS_MAX]; /* last: mostly a few are there */
};
/* One bit of 64 for a name, whatever its case. Most headers that are asked for are not there:
 * for a literal name the compiler leaves one test of a bit. */
static inline uint64_t wire_name_bit(struct str name)
{
    unsigned letter = name.len == 0 ? 0 : (unsigned char)name.ptr[0] | 0x20;
    return (uint64_t)1 << ((letter + 7 * name.len) & 63);
}
struct str wire_header_find(const struct wire_head *head, struct str name);
/* First header of that name (case-insensitive), or STR_NONE. Always inline: a compiler that
 * makes a function of it counts the letters of a literal at each call. */
__attribute__((always_inline)) static inline struct str
wire_header_get(const struct wire_head *head, const char *name)
{
    struct str wanted = {name, strlen(name)};
    bool may_be = (head->names & wire_name_bit(wanted)) != 0;
    return may_be ? wire_header_find(head, wanted) : STR_NONE;
}
/* Keeps one note, about `bytes`, which are a view into this head. It stays as long as each
 * head that follows on the parser has the same bytes in the same place, by a comparison whose
 * time says nothing of them; then it is gone, and so it is with the parser's state. */
void wire_head_note(const struct wire_head *head, struct str bytes, struct wire_note note);
/* The note about just these bytes, a view into this head; NULL = none. */
const struct wire_note *wire_head_noted(const struct wire_head *head, struct str bytes);
/* How many headers have that name (case-insensitive). */
size_t wire_header_count(const struct wire_head *head, const char *name);
static inline bool wire_header_is_repeated(const struct wire_head *head, const char *name)
{
    return head->repeats != 0 && wire_header_count(head, name) > 1;
}

struct wire_limits {
    size_t head_bytes_max;      /* start line and fields, 64 KiB */
    size_t target_bytes_max;    /* 8 KiB */
    uint64_t body_bytes_max;    /* decoded body */
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

/* About 50 bytes; embed it in a connection. Everything large (llhttp, the header
 * table, the bytes of the head: 5 KiB and the head) is in `state`, which lives from
 * the first byte of a message until wire_parser_idle or wire_parser_fini; as long as it
 * does, the lines in front that a head has in common with the one before are not read
 * again. */
struct wire_parser {
    const struct wire_head *head;     /* NULL before the first WIRE_HEAD and while idle */
    struct wire_parser_state *state;  /* NULL while idle */
    const struct wire_limits *limits; /* borrowed */
    const char *refusal_reason;       /* static sentence for a person, NULL without error */
    enum wire_kind kind;
    enum err err;            /* the error that stuck */
    unsigned refusal_status; /* request: 400-505 to answer; response: 502 */
    bool is_head_request;    /* response: set by the caller when the request was HEAD */
    bool is_closed;          /* request: the last one announced close; the rest is dropped */
    bool is_reusable;        /* see wire_parser_is_reusable */
};

/* Allocates nothing. `limits` must outlive the parser. */
void wire_parser_init(struct wire_parser *p, enum wire_kind kind, const struct wire_limits *limits);
void wire_parser_fini(struct wire_parser *p); /* NULL is allowed */
/* Takes what it can from *in (advancing it) and returns one event. Errors stick:
 * ERR_SYNTAX (400), ERR_INVALID (404: path bytes that name nothing here), ERR_LIMIT
 * (413 body, 414 target, 431 fields), ERR_UNSUPPORTED (405/501 method, 417
 * expectation, 505 version), ERR_MEMORY (503); of a response always 502. A request
 * is never reported as complete when any byte of it was ambiguous, and a bad line
 * is refused as soon as it is seen, not at the end of the head. After WIRE_END do not call
 * again until the exchange is done with the head and, on a request that is not
 * keep-alive, at all: what follows is swallowed. Responses: 1xx are skipped (at
 * most informational_max; 101 refused); bytes behind an answer that announced
 * close are refused if they are in the same input. Otherwise split-invariant.
 * Source: RFC 9112; bad inputs 1-36, 45-46, 157-159, 163, 186-194. */
MUST_USE enum err wire_parser_next(struct wire_parser *p, struct str *in,
                                   struct wire_event *ret_event);
/* End of input. ERR_OK between messages or at the proper end of a
 * read-until-close body (then *ret_is_complete says a WIRE_END is due: call
 * wire_parser_next with empty input); ERR_CORRUPT for a cut message. Call it for
 * TLS only after close_notify, else the end of such a body is a truncation. */
MUST_USE enum err wire_parser_finish(struct wire_parser *p, bool *ret_is_complete);
/* Frees buffers between messages so that an idle connection costs little; does
 * nothing inside a message. The head is gone after it. */
void wire_parser_idle(struct wire_parser *p);
/* No byte of a message has been seen yet; a skipped 1xx is part of the answer. */
bool wire_parser_is_idle(const struct wire_parser *p);
/* After WIRE_END of a response: HTTP/1.1, explicit framing, keep-alive, no 204/304
 * with a length, no surplus. False as soon as another byte is given (bad input 189). */
bool wire_parser_is_reusable(const struct wire_parser *p);

/* ---- writing heads: every byte checked, so nothing taken from a peer splits one -- */
/* All of these report through b->err: ERR_INVALID for a byte that does not belong
 * there (nothing of that line is written), or what the buffer says. The caller
 * writes exactly one framing header. */

/* "POST /path HTTP/1.1\r\nHost: ...\r\n"; then fields; then wire_write_end.
 * `prefix` and `path` make the target, which begins with '/' and is visible ASCII
 * without '#'; `host` is LDH, dots, an optional port, or a bracketed IPv6 address. */
void wire_write_request_line(struct buf *b, enum wire_method m, struct str prefix, struct str path,
                             struct str host);
/* "HTTP/1.1 200 OK\r\n"; 100-599. */
void wire_write_status_line(struct buf *b, unsigned status);
/* `name` must be a token; a value with CR, LF, NUL or another control character
 * besides HT sets b->err = ERR_INVALID (bad input 154). */
void wire_write_header(struct buf *b, struct str name, struct str value);
/* The same behind a beginning of ours, which is written as it is: STR("x-request-id: "). */
void wire_write_line(struct buf *b, struct str front, struct str value);
void wire_write_line_u64(struct buf *b, struct str front, uint64_t value);
void wire_write_end(struct buf *b);
/* Reason phrase, "Unknown" for a status without one; static. */
const char *wire_status_text(unsigned status);
/* One chunk of a chunked body; empty data writes nothing (it would end the body). */
void wire_write_chunk(struct buf *b, struct str data);
void wire_write_last_chunk(struct buf *b);

/* ---- server-sent events (WHATWG HTML 9.2) -------------------------------- */

/* One event. The `raw` of all events, in order, are the bytes of the stream. */
struct sse_event {
    struct str name; /* of the last event: line, or none */
    struct str data; /* data lines joined by \n, without the last \n; none without a data line */
    struct str raw;  /* the event exactly as received, blank line included */
    bool is_comment_only;    /* nothing but comments or an extra blank line: pass or drop */
    bool has_unknown_fields; /* a line that is not event, data, id, retry or a comment */
};
/* Of the lines of an event that is not whole yet; offsets from its first byte. */
struct sse_found {
    size_t name_at, name_len; /* 0: no event: line */
    size_t data_at, data_len; /* of the last data line */
    size_t data_lines;
    bool has_fields, has_unknown_fields;
};
struct sse_parser {
    struct str in;      /* what events are taken from: the bytes fed, or `pending` */
    struct buf pending; /* the beginning of an event that was not whole, and what came behind */
    struct buf data;    /* joined data when an event has several data lines */
    struct sse_found found;
    size_t event_bytes_max;
    size_t scanned;  /* bytes of `in` in which no event ends */
    size_t line_at;  /* where in `in` the current line begins */
    size_t released; /* bytes of `in` already handed out */
    char line_end;   /* how the line before the current one ended: '\n', '\r' or 0 */
    bool is_started; /* past the place of a byte order mark */
};
/* Allocates nothing. An event longer than event_bytes_max is ERR_LIMIT. */
void sse_parser_init(struct sse_parser *p, size_t event_bytes_max /* 1 MiB */);
void sse_parser_fini(struct sse_parser *p);
/* `bytes` are read where they lie: they must stay until sse_parser_next gives no event any
 * more. Take all events out before the next feed: what is untaken is copied then, and more
 * than event_bytes_max + 1 MiB of it make sse_parser_next fail. */
void sse_parser_feed(struct sse_parser *p, struct str bytes);
/* ERR_OK with an event (views valid until the next call of feed or next),
 * ERR_AGAIN, ERR_LIMIT, ERR_MEMORY; the last two stick. CR, LF, CRLF and mixes;
 * a byte order mark at the start is skipped (it stays in raw); split-invariant.
 * A blank line that ends in CR behind a line that did not waits for one byte
 * more, which may be its LF. Source: bad inputs 195-197. */
MUST_USE enum err sse_parser_next(struct sse_parser *p, struct sse_event *ret_event);
/* End of the stream: a CR at its very end is a line end of its own. True when that was in
 * doubt; then sse_parser_next may give one event more. */
bool sse_parser_end(struct sse_parser *p);
/* Bytes of an unfinished event at end of stream (a truncated stream when > 0);
 * they are not to be forwarded. */
size_t sse_parser_pending_bytes(const struct sse_parser *p);
struct str sse_parser_pending(const struct sse_parser *p); /* those bytes; until the next call */

/* ---- URLs and addresses --------------------------------------------------- */

struct wire_url {
    bool is_tls;     /* https */
    struct str host; /* lower-case LDH, no trailing dot; brackets of IPv6 removed */
    uint16_t port;
    struct str path;      /* prefix without trailing '/', "" for none */
    struct str authority; /* what Host says: brackets of IPv6, the port unless the scheme's own */
    bool is_ip;           /* host is an address literal */
};
/* Strict: no userinfo, query, fragment, backslash, control or non-ASCII byte, LDH
 * labels (no xn--), no numeric, hexadecimal or octal host, no port 0 or with a
 * leading zero, path canonical. Without `allow_plain`, which is the operator's
 * permission for private targets, also: https only, port 443 only, no address
 * literal that is not public, no single label, no localhost, .local, .internal,
 * metadata or wildcard-DNS name. With it the caller checks port and address. Every
 * address must be checked again with wire_addr_is_public when connecting.
 * ERR_INVALID (or ERR_MEMORY) with *ret_issue: what and where. `path` is a view
 * into `text`, host is lower-cased in the arena. Source: bad inputs 166-180. */
MUST_USE enum err wire_url_parse(struct arena *a, struct str text, bool allow_plain,
                                 struct wire_url *ret_url, struct issue *ret_issue);
/* A host, as in wire_url, that no provider has whatever it leads to: one label, the names
 * that wire_url_parse refuses without permission for private targets. */
bool wire_host_is_special(struct str host);
/* Address literal to bytes in network order: dotted decimal in four parts without
 * leading zeros gives 4, RFC 4291 text without brackets and zone gives 16; else 0. */
size_t wire_addr_parse(struct str text, uint8_t ret_bytes[16]);
/* Is this address one that a provider may have? Refuses loopback, private,
 * link-local, CGN, multicast, documentation, benchmark, 6to4, NAT64, Teredo,
 * mapped forms of all these, metadata services. `bytes` 4 or 16, network order;
 * any other `len` is not public. Source: IANA special-purpose registries. */
bool wire_addr_is_public(const uint8_t *bytes, size_t len);
/* Request path as routed, authorised and audited: must be canonical already:
 * leading '/', no empty, '.' or '..' segment (one trailing '/' is allowed), no
 * ';', '\\' or control, raw or escaped; only RFC 3986 path characters raw;
 * %-escapes in upper-case hex and only of bytes that must be escaped, never of a
 * reserved delimiter, and no second escape behind %25. Source: bad input 35. */
bool wire_path_is_canonical(struct str path);

#endif
