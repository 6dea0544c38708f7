/* SPDX-License-Identifier: Apache-2.0
 *
 * From a reply to bytes on the wire, well framed or, when ordered, not. A plan
 * says which bytes, where a write may end, how long to wait, and where to break
 * off; the connection only follows it.
 */
#include "fake.h"

#include <stdio.h>

static void make_raw(struct plan *p, const struct marks *marks);
static void make_head(struct plan *p, const struct reply *r, const struct marks *m,
                      size_t body_len, bool is_chunked);
static void make_body(struct plan *p, const struct reply *r, const struct marks *m,
                      struct str body, bool is_chunked);
static void add_end(struct plan *p);
static void gzip_write(struct buf *out, struct str body);
static uint32_t crc32_of(struct str s);
static void add_u32_le(struct buf *out, uint32_t v);

static const char html_page[] =
    "<html><head><title>502 Bad Gateway</title></head><body>Bad Gateway</body></html>";

void plan_init(struct plan *p)
{
    memset(p, 0, sizeof(*p));
    buf_init(&p->bytes, BODY_BYTES_MAX);
    buf_init(&p->ends, BODY_BYTES_MAX);
}

void plan_fini(struct plan *p)
{
    buf_fini(&p->bytes);
    buf_fini(&p->ends);
}

void reply_init(struct reply *r)
{
    memset(r, 0, sizeof(*r));
    buf_init(&r->body, BODY_BYTES_MAX);
    buf_init(&r->headers, BODY_BYTES_MAX);
    buf_init(&r->ends, BODY_BYTES_MAX);
}

void reply_fini(struct reply *r)
{
    buf_fini(&r->body);
    buf_fini(&r->headers);
    buf_fini(&r->ends);
}

void reply_piece_end(struct reply *r)
{
    size_t end = r->body.len;
    buf_add(&r->ends, (struct str){(const char *)&end, sizeof(end)});
}

void reply_header(struct reply *r, const char *name, struct str value)
{
    wire_write_header(&r->headers, str_from(name), value);
}

void plan_make(struct plan *p, const struct reply *r, const struct marks *m, bool is_keep_alive)
{
    p->delay_ms = m->delay_ms;
    p->drip_ms = m->drip_ms;
    p->cut = m->cut;
    p->cut_at = m->cut == CUT_NONE ? UINT64_MAX : m->cut_at;
    p->is_silent = m->is_silent;
    p->is_closing = !is_keep_alive;
    if (m->raw.ptr != NULL) {
        make_raw(p, m);
        return;
    }
    struct buf body;
    buf_init(&body, BODY_BYTES_MAX);
    struct str plain = m->html_status != 0 ? STR(html_page) : buf_str(&r->body);
    if (m->is_bad_json && !r->is_stream) {
        plain = str_sub(plain, 0, plain.len / 2);
    }
    if (m->is_gzip) {
        gzip_write(&body, plain);
    }
    bool is_chunked = (r->is_stream && m->html_status == 0) || m->split > 0 ||
                      m->framing == FRAMING_TE_CL;
    struct str bytes = m->is_gzip ? buf_str(&body) : plain;
    make_head(p, r, m, bytes.len, is_chunked);
    make_body(p, r, m, bytes, is_chunked);
    buf_fini(&body);
}

static void make_raw(struct plan *p, const struct marks *m)
{
    buf_add(&p->bytes, m->raw);
    add_end(p);
    p->is_closing = true;
}

static void make_head(struct plan *p, const struct reply *r, const struct marks *m,
                      size_t body_len, bool is_chunked)
{
    struct buf *b = &p->bytes;
    unsigned status = m->html_status != 0 ? m->html_status : m->is_redirect ? 302 : r->status;
    buf_printf(b, "HTTP/1.1 %u %s\r\n", status, status == 200 ? "OK" : "Fake");
    wire_write_header(b, STR("content-type"),
                      str_from(m->html_status != 0 ? "text/html" : r->content_type));
    buf_add(b, buf_str(&r->headers));
    if (m->is_redirect) {
        wire_write_header(b, STR("location"), STR("https://elsewhere.test/v1/chat/completions"));
    }
    if (m->is_gzip) {
        wire_write_header(b, STR("content-encoding"), STR("gzip"));
    }
    if (m->huge_header > 0) {
        buf_add(b, STR("x-huge: "));
        for (uint64_t i = 0; i < m->huge_header; i++) {
            buf_add_byte(b, 'h');
        }
        buf_add(b, STR("\r\n"));
    }
    if (m->framing == FRAMING_OBS_FOLD) {
        buf_add(b, STR("x-folded: one\r\n two\r\n"));
    }
    if (m->framing == FRAMING_TWO_CL) {
        wire_write_line_u64(b, STR("content-length: "), body_len + 7);
    }
    if (is_chunked) {
        wire_write_header(b, STR("transfer-encoding"), STR("chunked"));
    }
    if (!is_chunked || m->framing == FRAMING_TE_CL) {
        wire_write_line_u64(b, STR("content-length: "), body_len);
    }
    if (p->is_closing) {
        wire_write_header(b, STR("connection"), STR("close"));
    }
    buf_add(b, STR("\r\n"));
}

/* Pieces are the stream's events; split=N overrides them. The head goes out with
 * the first piece, as real servers do. */
static void make_body(struct plan *p, const struct reply *r, const struct marks *m,
                      struct str body, bool is_chunked)
{
    size_t ends_count = r->ends.len / sizeof(size_t);
    bool has_pieces = r->is_stream && !m->is_gzip && m->html_status == 0 && m->split == 0;
    size_t from = 0;
    size_t piece = 0;
    while (from < body.len) {
        size_t to = body.len;
        if (m->split > 0) {
            to = from + (size_t)m->split;
        } else if (has_pieces && piece < ends_count) {
            memcpy(&to, r->ends.ptr + piece * sizeof(to), sizeof(to));
        }
        to = to < body.len ? to : body.len;
        piece++;
        if (is_chunked) {
            wire_write_chunk(&p->bytes, str_sub(body, from, to));
        } else {
            buf_add(&p->bytes, str_sub(body, from, to));
        }
        from = to;
        add_end(p);
    }
    if (is_chunked) {
        wire_write_last_chunk(&p->bytes);
    }
    if (m->framing == FRAMING_SURPLUS) {
        buf_add(&p->bytes, STR("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"));
    }
    add_end(p);
}

static void add_end(struct plan *p)
{
    size_t end = p->bytes.len;
    buf_add(&p->ends, (struct str){(const char *)&end, sizeof(end)});
}

/* RFC 1952 around stored blocks of RFC 1951: valid, and no compressor needed. */
static void gzip_write(struct buf *out, struct str body)
{
    size_t at = 0;
    buf_add(out, (struct str){"\x1f\x8b\x08\0\0\0\0\0\0\xff", 10});
    do {
        size_t len = body.len - at < 65535 ? body.len - at : 65535;
        buf_add_byte(out, at + len == body.len ? 1 : 0);
        buf_add_byte(out, (char)(len & 255));
        buf_add_byte(out, (char)(len >> 8));
        buf_add_byte(out, (char)(~len & 255));
        buf_add_byte(out, (char)((~len >> 8) & 255));
        buf_add(out, str_sub(body, at, at + len));
        at += len;
    } while (at < body.len);
    add_u32_le(out, crc32_of(body));
    add_u32_le(out, (uint32_t)body.len);
}

static uint32_t crc32_of(struct str s)
{
    uint32_t crc = UINT32_MAX;
    for (size_t i = 0; i < s.len; i++) {
        crc ^= (uint8_t)s.ptr[i];
        for (int bit = 0; bit < 8; bit++) {
            crc = crc >> 1 ^ (0xEDB88320u & (0u - (crc & 1)));
        }
    }
    return ~crc;
}

static void add_u32_le(struct buf *out, uint32_t v)
{
    for (int i = 0; i < 4; i++) {
        buf_add_byte(out, (char)(v >> (8 * i) & 255));
    }
}
