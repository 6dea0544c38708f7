/* SPDX-License-Identifier: Apache-2.0
 *
 * Chunk lines and trailers, one byte at a time and without a buffer, so that any
 * split gives the same result; a usual line that is whole is read at once. Strict:
 * 1-8 hexadecimal digits, then nothing or ;name[=token-or-quoted-string] without
 * blanks, CRLF after line and data. At most 1 KiB of extension per line and 16 KiB
 * per message, at most 8 KiB of trailers.
 *
 * Extensions and trailers are read to be sure of them and then dropped; trailers
 * never join the header fields. llhttp gets the same bytes from the parser. No
 * memory, one thread. Bad inputs 17, 19-23, 192.
 */
#include "wire_parts.h"

#define DIGITS_MAX 8
#define EXTENSION_BYTES_MAX 1024
#define EXTENSIONS_BYTES_MAX (16 * 1024)
#define TRAILER_BYTES_MAX (8 * 1024)
#define TRAILERS_MAX 64

enum chunk_step {
    STEP_SIZE,
    STEP_EXTENSION, /* behind ';', a name must begin */
    STEP_NAME,
    STEP_VALUE, /* behind '=', a token or a quote must begin */
    STEP_TOKEN,
    STEP_QUOTED,
    STEP_QUOTE_END,
    STEP_SIZE_LF,
    STEP_DATA, /* the parser is passing data on */
    STEP_DATA_CR,
    STEP_DATA_LF,
    STEP_TRAILER, /* a trailer or the final CRLF must begin */
    STEP_TRAILER_NAME,
    STEP_TRAILER_VALUE,
    STEP_TRAILER_LF,
    STEP_LAST_LF
};

static enum err read_usual(struct wire_parser *p, struct str *in);
static enum err step_byte(struct wire_parser *p, char c);
static enum err step_size(struct wire_parser *p, char c);
static enum err step_extension(struct wire_parser *p, char c);
static enum err step_trailer(struct wire_parser *p, char c);
static enum err end_line(struct wire_parser *p);
static enum err refuse_line(struct wire_parser *p);

void chunk_begin(struct chunk_place *chunk)
{
    memset(chunk, 0, sizeof(*chunk));
}

enum err chunk_read(struct wire_parser *p, struct str *in)
{
    struct wire_parser_state *s = p->state;
    if (s->chunk.step == STEP_DATA) {
        s->chunk.step = STEP_DATA_CR; /* the data is behind us */
        TRY(read_usual(p, in));
    }
    while (in->len > 0 && s->phase == PHASE_CHUNKED) {
        TRY(step_byte(p, in->ptr[0]));
        in->ptr++;
        in->len--;
    }
    return ERR_OK;
}

/* What mostly stands between the data of two chunks, at once: CRLF, a size, CRLF. Takes
 * nothing where it is anything else, or not whole. */
static enum err read_usual(struct wire_parser *p, struct str *in)
{
    if (in->len < 5 || in->ptr[0] != '\r' || in->ptr[1] != '\n') {
        return ERR_OK;
    }
    const char *digits = in->ptr + 2, *end = in->ptr + in->len, *at = digits;
    uint64_t size = 0;
    for (int digit; at < end && at < digits + DIGITS_MAX && (digit = hex_value(*at)) >= 0; at++) {
        size = size * 16 + (unsigned)digit;
    }
    if (at == digits || end - at < 2 || at[0] != '\r' || at[1] != '\n') {
        return ERR_OK;
    }
    *in = (struct str){at + 2, (size_t)(end - at) - 2};
    p->state->chunk.size = size;
    return end_line(p);
}

static enum err step_byte(struct wire_parser *p, char c)
{
    struct chunk_place *chunk = &p->state->chunk;
    switch ((enum chunk_step)chunk->step) {
    case STEP_SIZE:
        return step_size(p, c);
    case STEP_EXTENSION:
    case STEP_NAME:
    case STEP_VALUE:
    case STEP_TOKEN:
    case STEP_QUOTED:
    case STEP_QUOTE_END:
        return step_extension(p, c);
    case STEP_SIZE_LF:
        return c == '\n' ? end_line(p) : refuse_line(p);
    case STEP_DATA:
    case STEP_DATA_CR:
        chunk->step = STEP_DATA_LF;
        return c == '\r' ? ERR_OK : refuse_line(p);
    case STEP_DATA_LF:
        chunk->step = STEP_SIZE;
        return c == '\n' ? ERR_OK : refuse_line(p);
    case STEP_TRAILER:
    case STEP_TRAILER_NAME:
    case STEP_TRAILER_VALUE:
    case STEP_TRAILER_LF:
    case STEP_LAST_LF:
        return step_trailer(p, c);
    }
    return refuse_line(p);
}

static enum err step_size(struct wire_parser *p, char c)
{
    struct chunk_place *chunk = &p->state->chunk;
    int digit = hex_value(c);
    if (digit >= 0) {
        if (++chunk->digits > DIGITS_MAX) {
            return refuse_line(p);
        }
        chunk->size = chunk->size * 16 + (unsigned)digit;
        return ERR_OK;
    }
    if (chunk->digits == 0) {
        return refuse_line(p);
    }
    if (c == ';') {
        chunk->step = STEP_EXTENSION;
        return ERR_OK;
    }
    chunk->step = STEP_SIZE_LF;
    return c == '\r' ? ERR_OK : refuse_line(p);
}

static enum err step_extension(struct wire_parser *p, char c)
{
    struct chunk_place *chunk = &p->state->chunk;
    chunk->extension_bytes++;
    if (++chunk->line_bytes > EXTENSION_BYTES_MAX ||
        chunk->extension_bytes > EXTENSIONS_BYTES_MAX) {
        return parser_refuse(p, ERR_LIMIT, 400, "too many chunk extensions");
    }
    bool is_token = char_is(c, CHAR_TOKEN);
    if (chunk->step == STEP_QUOTED) {
        chunk->step = c == '"' ? STEP_QUOTE_END : STEP_QUOTED;
        return char_is(c, CHAR_VALUE) && c != '\\' ? ERR_OK : refuse_line(p);
    }
    if (chunk->step == STEP_VALUE && c == '"') {
        chunk->step = STEP_QUOTED;
        return ERR_OK;
    }
    if (chunk->step == STEP_EXTENSION || chunk->step == STEP_VALUE) {
        chunk->step = chunk->step == STEP_EXTENSION ? STEP_NAME : STEP_TOKEN;
        return is_token ? ERR_OK : refuse_line(p);
    }
    if (is_token && chunk->step != STEP_QUOTE_END) {
        return ERR_OK;
    }
    if (c == '=' && chunk->step == STEP_NAME) {
        chunk->step = STEP_VALUE;
        return ERR_OK;
    }
    if (c == ';') {
        chunk->step = STEP_EXTENSION;
        return ERR_OK;
    }
    chunk->step = STEP_SIZE_LF;
    return c == '\r' ? ERR_OK : refuse_line(p);
}

/* The LF of a chunk line: data follows, or trailers behind the last chunk. */
static enum err end_line(struct wire_parser *p)
{
    struct wire_parser_state *s = p->state;
    struct chunk_place *chunk = &s->chunk;
    if (chunk->size > p->limits->body_bytes_max - s->body_seen) {
        return parser_refuse(p, ERR_LIMIT, 413, "the body is too large");
    }
    if (chunk->size == 0) {
        chunk->step = STEP_TRAILER;
    } else {
        s->body_left = chunk->size;
        s->body_seen += chunk->size;
        s->phase = PHASE_CHUNK_DATA;
        chunk->step = STEP_DATA;
    }
    chunk->size = 0;
    chunk->digits = 0;
    chunk->line_bytes = 0;
    return ERR_OK;
}

static enum err step_trailer(struct wire_parser *p, char c)
{
    struct chunk_place *chunk = &p->state->chunk;
    if (chunk->step == STEP_LAST_LF) {
        p->state->phase = PHASE_END;
        return c == '\n' ? ERR_OK : refuse_line(p);
    }
    if (chunk->step == STEP_TRAILER && c == '\r') {
        chunk->step = STEP_LAST_LF;
        return ERR_OK;
    }
    if (++chunk->trailer_bytes > TRAILER_BYTES_MAX) {
        return parser_refuse(p, ERR_LIMIT, 431, "too many trailers");
    }
    switch (chunk->step) {
    case STEP_TRAILER:
        if (++chunk->trailers > TRAILERS_MAX) {
            return parser_refuse(p, ERR_LIMIT, 431, "too many trailers");
        }
        chunk->step = STEP_TRAILER_NAME;
        return char_is(c, CHAR_TOKEN) ? ERR_OK : refuse_line(p);
    case STEP_TRAILER_NAME:
        chunk->step = c == ':' ? STEP_TRAILER_VALUE : STEP_TRAILER_NAME;
        return c == ':' || char_is(c, CHAR_TOKEN) ? ERR_OK : refuse_line(p);
    case STEP_TRAILER_VALUE:
        chunk->step = c == '\r' ? STEP_TRAILER_LF : STEP_TRAILER_VALUE;
        return c == '\r' || char_is(c, CHAR_VALUE) ? ERR_OK : refuse_line(p);
    default:
        chunk->step = STEP_TRAILER;
        return c == '\n' ? ERR_OK : refuse_line(p);
    }
}

static enum err refuse_line(struct wire_parser *p)
{
    return parser_refuse(p, ERR_SYNTAX, 400, "the chunked body is malformed");
}
