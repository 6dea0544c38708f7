/* SPDX-License-Identifier: Apache-2.0
 *
 * wire, inside: what the files of this room share: byte classes, the state of a
 * parser in the middle of a message, and the calls between parser (order of
 * things), guard (our reading of heads), again (lines that came before), chunk (our
 * reading of chunked bodies) and second (llhttp reading the same bytes).
 *
 * Not a door: no other room includes it. Memory: the state is one allocation
 * plus the buffer of the head, both owned by the parser. One thread.
 */
#ifndef WIRE_PARTS_H
#define WIRE_PARTS_H

#include "portcullis/wire.h"
#include <llhttp.h>

/* ---- byte classes ------------------------------------------------------- */

#define CHAR_TOKEN 1  /* RFC 9110 tchar */
#define CHAR_VALUE 2  /* field value: HT, SP, visible, obs-text */
#define CHAR_TARGET 4 /* visible ASCII without '#' and '\\' */
#define CHAR_PATH 8   /* RFC 3986 pchar without '%' and ';' */
#define CHAR_HOST 16  /* letter, digit, '.', '-', '_' */
#define CHAR_DIGIT 32
#define CHAR_HEX 64

extern const uint8_t char_classes[256];

static inline bool char_is(char c, unsigned classes)
{
    return (char_classes[(unsigned char)c] & classes) != 0;
}
/* Are all bytes of `s` in one of `classes`? True for none. */
bool chars_are(struct str s, unsigned classes);
/* How many bytes in front are CHAR_VALUE or CHAR_TOKEN? */
size_t chars_value_len(struct str s);
size_t chars_token_len(struct str s);
/* As chars_are, and faster. */
bool chars_are_value(struct str s);
bool chars_are_target(struct str s);
bool chars_are_token(struct str s);
/* Index of the first CR or LF, or s.len. */
size_t chars_find_line_end(struct str s);
/* `lower` is lower-case tokens only, `s` has the same length. */
bool chars_equal_lower(const char *s, const char *lower, size_t len);
struct str chars_trim_ows(struct str s);

/* ---- the state of one message ------------------------------------------- */

enum wire_phase {
    PHASE_START,      /* no byte of a message seen */
    PHASE_LEAD,       /* request: inside the one tolerated CRLF in front */
    PHASE_HEAD,       /* collecting lines */
    PHASE_HEAD_DONE,  /* WIRE_HEAD is due */
    PHASE_LENGTH,     /* body_left more bytes */
    PHASE_UNTIL_EOF,  /* response without framing */
    PHASE_CHUNKED,    /* chunk lines, trailers: see chunk.c */
    PHASE_CHUNK_DATA, /* body_left more bytes of this chunk */
    PHASE_END         /* WIRE_END is due */
};

/* Where a field lies in the buffer of the head; views are made when it is complete,
 * because the buffer may move while it grows. */
struct field_at {
    uint32_t name;
    uint32_t name_len;
    uint32_t value;
    uint32_t value_len;
};

/* Fields the guard interprets: index + 1 into fields, 0 = not there. */
struct field_marks {
    uint8_t host;
    uint8_t authorization;
    uint8_t api_key;
    uint8_t content_length;
    uint8_t transfer_encoding;
    uint8_t content_type;
};

/* Place within chunk lines and trailers. */
struct chunk_place {
    unsigned step;
    unsigned digits;
    uint64_t size;
    size_t line_bytes;      /* of this chunk line's extensions, or of this trailer */
    size_t extension_bytes; /* of all lines */
    size_t trailer_bytes;   /* of all trailers */
    unsigned trailers;
};

/* The accepted head before, still in the buffer: up to its blank line, and its fields. */
struct head_before {
    size_t bytes; /* 0: there is none */
    size_t fields_count;
    struct field_marks marks;
};

/* About so many bytes at a place in the head, kept while they are said again. */
struct note_kept {
    size_t at;
    size_t len; /* 0: there is no note */
    struct wire_note note;
};

/* What llhttp made of the head. */
struct second_view {
    bool has_head;
    bool is_complete;
    bool is_chunked;
    bool has_content_length;
    bool is_keep_alive;
    uint64_t content_length;
    unsigned method;
    unsigned status;
    unsigned minor;
};

/* What every message and every piece of a body needs comes first, the long tables last: an
 * exchange finds most of it out of the cache again. */
struct wire_parser_state {
    enum wire_phase phase;
    bool has_start_line;
    bool has_tab_around_value;
    bool is_bodyless; /* response: HEAD, 204, 304 */
    bool says_close;
    bool says_keep_alive;
    struct field_marks marks;
    unsigned informational; /* 1xx heads skipped since the last answer */
    uint64_t body_left;
    uint64_t body_seen;
    struct chunk_place chunk;
    llhttp_t llhttp;
    struct second_view second;
    struct buf bytes; /* of the head */
    size_t line_at;   /* offset of the current line in the head */
    size_t checked;   /* bytes of an unfinished line that were looked at */
    size_t target_at; /* request: as sent */
    size_t target_len;
    size_t alike; /* bytes in front that the head before had, too; whole lines */
    struct head_before before;
    struct note_kept noted;
    size_t kept_at;       /* 0: nowhere */
    llhttp_t llhttp_kept; /* as it stood behind so many bytes of this head */
    size_t fields_count;
    struct field_at fields[WIRE_HEADERS_MAX];
    struct wire_head head;
};

/* ---- between the files --------------------------------------------------- */

/* Makes the refusal stick and returns `err`; a response's status becomes 502. */
enum err parser_refuse(struct wire_parser *p, enum err err, unsigned status, const char *reason);

/* guard.c. One complete line without its CRLF, all of it CHAR_VALUE; `at` is its offset
 * in the head. */
enum err guard_start_line(struct wire_parser *p, struct str line, size_t at);
enum err guard_field(struct wire_parser *p, struct str line, size_t at);
/* The blank line was seen and all bytes are in state->bytes: fills state->head. */
enum err guard_finish(struct wire_parser *p);
/* target.c: origin-form, absolute-form or "OPTIONS *", judged with the request line
 * already. */
enum err guard_target_form(struct wire_parser *p, struct str target);
/* target.c: fills target, path and query of the head from the request line. */
enum err guard_target(struct wire_parser *p);

/* again.c. An accepted head is remembered, and the note if it is about what came again; of the
 * next head, whose first input this is, the same lines are taken over. */
void again_keep(struct wire_parser_state *s);
void again_take(struct wire_parser_state *s, struct str *in);

/* chunk.c. Reads chunk lines and trailers from *in up to the next data or the end
 * of the body; sets the phase to PHASE_CHUNK_DATA or PHASE_END when reached. */
void chunk_begin(struct chunk_place *chunk);
enum err chunk_read(struct wire_parser *p, struct str *in);

/* second.c. llhttp gets exactly the bytes the guard has passed. */
/* The whole head; what is alike again is not read again. */
enum err second_read_head(struct wire_parser *p);
enum err second_feed(struct wire_parser *p, struct str bytes);
/* After the head: do both readers mean the same? Settles head.is_keep_alive. */
enum err second_compare_head(struct wire_parser *p);
/* At the end of the message: has llhttp seen the end, too? */
enum err second_compare_end(struct wire_parser *p);
enum err second_finish(struct wire_parser *p);

/* path.c. How a path fails, for the status of the refusal. */
enum path_verdict { PATH_CANONICAL, PATH_AMBIGUOUS, PATH_UNKNOWN_BYTE };
/* From `name_at` on %2F is a '/': SIZE_MAX for nowhere. */
enum path_verdict path_judge(struct str path, size_t name_at);

#endif
