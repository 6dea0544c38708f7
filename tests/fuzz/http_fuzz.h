/* SPDX-License-Identifier: Apache-2.0
 *
 * What the request and response fuzzers share: play one stream whole and again in
 * two halves and byte by byte, and abort when the outcome differs. The outcome is
 * the number of heads, bodies' bytes and ends, a running hash of the bodies, and
 * whether it ended in an error. Also checks what must hold of every head, and that the
 * same again on the same connection has the same outcome.
 */
#ifndef HTTP_FUZZ_H
#define HTTP_FUZZ_H

#include "portcullis/wire.h"
#include <stdlib.h>

struct outcome {
    unsigned heads;
    unsigned ends;
    uint64_t body_bytes;
    uint64_t body_hash;
    bool is_refused;
    bool is_cut;
};

/* One spelling, but for the slash in a model's name. */
static void check_path(struct str path)
{
    char plain[16 * 1024];
    size_t len = 0;
    ASSERT(path.len <= sizeof(plain));
    bool has_name =
        str_starts(path, STR("/v1/models/")) || str_starts(path, STR("/llm/v1/models/"));
    for (size_t i = 0; i < path.len; i++) {
        bool is_slash = has_name && str_starts(str_sub(path, i, path.len), STR("%2F"));
        plain[len++] = is_slash ? '/' : path.ptr[i];
        i += is_slash ? 2 : 0;
    }
    ASSERT(wire_path_is_canonical((struct str){plain, len}));
}

static inline void check_head(const struct wire_parser *p)
{
    const struct wire_head *head = p->head;
    ASSERT(head != NULL && head->headers_count <= WIRE_HEADERS_MAX);
    ASSERT(!(head->is_chunked && head->has_content_length));
    ASSERT(!(head->is_chunked && head->is_http10));
    ASSERT(wire_header_count(head, "content-length") == (head->has_content_length ? 1 : 0));
    ASSERT(wire_header_count(head, "transfer-encoding") == (head->is_chunked ? 1 : 0));
    if (p->kind == WIRE_REQUEST) {
        check_path(head->path);
        ASSERT(wire_header_count(head, "host") <= 1);
        ASSERT(wire_header_count(head, "authorization") <= 1);
        ASSERT(head->is_http10 || head->host.len > 0);
    } else {
        ASSERT(head->status >= 200 && head->status <= 599);
    }
    /* What was read can be written again: no byte in it splits a head. */
    struct buf b;
    buf_init(&b, 1024 * 1024);
    for (size_t i = 0; i < head->headers_count; i++) {
        ASSERT((head->names & wire_name_bit(head->headers[i].name)) != 0);
        wire_write_header(&b, head->headers[i].name, head->headers[i].value);
    }
    ASSERT(b.err == ERR_OK);
    buf_fini(&b);
}

static inline void feed(struct wire_parser *p, struct str bytes, struct outcome *o)
{
    /* A copy of its own, freed before the next: body slices must not be kept. */
    char *copy = malloc(bytes.len > 0 ? bytes.len : 1);
    ASSERT(copy != NULL);
    if (bytes.len > 0) {
        memcpy(copy, bytes.ptr, bytes.len);
    }
    struct str in = {copy, bytes.len};
    struct wire_event ev = {.type = WIRE_HEAD};
    while (!o->is_refused && ev.type != WIRE_NEED_MORE) {
        if (wire_parser_next(p, &in, &ev) != ERR_OK) {
            ASSERT(p->refusal_status >= 400 && p->refusal_reason != NULL);
            o->is_refused = true;
        } else if (ev.type == WIRE_HEAD) {
            check_head(p);
            o->heads++;
        } else if (ev.type == WIRE_BODY) {
            ASSERT(ev.body.ptr >= copy && ev.body.ptr + ev.body.len <= copy + bytes.len);
            o->body_bytes += ev.body.len;
            for (size_t i = 0; i < ev.body.len; i++) {
                o->body_hash = o->body_hash * 31 + (unsigned char)ev.body.ptr[i];
            }
        } else if (ev.type == WIRE_END) {
            o->ends++;
            if (p->kind == WIRE_RESPONSE && !wire_parser_is_reusable(p)) {
                break; /* nobody reads on */
            }
        }
    }
    free(copy);
}

static const struct wire_limits fuzz_limits = {.head_bytes_max = 4096,
                                               .target_bytes_max = 512,
                                               .body_bytes_max = 64 * 1024,
                                               .informational_max = 3};

/* step 0: all at once. `half`: where to cut once when step is SIZE_MAX. */
static inline struct outcome run(enum wire_kind kind, struct str bytes, size_t step, size_t half)
{
    struct outcome o = {0};
    struct wire_parser p;
    wire_parser_init(&p, kind, &fuzz_limits);
    for (size_t at = 0; at < bytes.len && !o.is_refused;) {
        size_t size = step == 0          ? bytes.len
                      : step == SIZE_MAX ? (at == 0 ? half : bytes.len)
                                         : step;
        size = size == 0 ? 1 : size;
        feed(&p, str_sub(bytes, at, at + size), &o);
        at += size;
        if (kind == WIRE_RESPONSE && o.ends > 0) {
            break; /* one answer: what follows depends on when it arrives */
        }
        if (wire_parser_is_idle(&p) && at % 3 == 0) {
            wire_parser_idle(&p);
        }
    }
    bool is_complete = false;
    if (!o.is_refused && !(kind == WIRE_RESPONSE && o.ends > 0)) {
        o.is_cut = wire_parser_finish(&p, &is_complete) != ERR_OK;
        if (is_complete) {
            feed(&p, STR(""), &o);
        }
    }
    wire_parser_fini(&p);
    return o;
}

/* The second time with the first `half` bytes by themselves. */
static inline void run_again(enum wire_kind kind, struct str bytes, size_t half)
{
    struct outcome first = {0}, second = {0};
    struct wire_parser p;
    wire_parser_init(&p, kind, &fuzz_limits);
    feed(&p, bytes, &first);
    bool is_open = kind == WIRE_REQUEST ? !p.is_closed : wire_parser_is_reusable(&p);
    if (!first.is_refused && first.ends > 0 && is_open && wire_parser_is_idle(&p)) {
        feed(&p, str_sub(bytes, 0, half), &second);
        feed(&p, str_sub(bytes, half, bytes.len), &second);
        ASSERT(!second.is_refused && wire_parser_is_idle(&p));
        ASSERT(second.heads == first.heads && second.ends == first.ends);
        ASSERT(second.body_bytes == first.body_bytes && second.body_hash == first.body_hash);
    }
    wire_parser_fini(&p);
}

static inline int fuzz_stream(enum wire_kind kind, const uint8_t *data, size_t size)
{
    struct str bytes = {(const char *)data, size};
    struct outcome whole = run(kind, bytes, 0, 0);
    size_t half = size > 0 ? data[size - 1] * size / 256 : 0;
    struct outcome others[2];
    others[0] = run(kind, bytes, 1, 0);
    others[1] = run(kind, bytes, SIZE_MAX, half);
    run_again(kind, bytes, half);
    for (unsigned i = 0; i < 2; i++) {
        const struct outcome *o = &others[i];
        /* Of a refused message more or less body may have come out before. */
        ASSERT(o->is_refused == whole.is_refused || kind == WIRE_RESPONSE);
        if (!o->is_refused && !whole.is_refused) {
            ASSERT(o->heads == whole.heads && o->ends == whole.ends);
            ASSERT(o->body_bytes == whole.body_bytes && o->body_hash == whole.body_hash);
            ASSERT(o->is_cut == whole.is_cut);
        }
        ASSERT(o->heads == whole.heads);
    }
    return 0;
}

#endif
