/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files about streams share. A channel is a string that grows; a strand is
 * what is read as one text: the whole channel, or one string of the JSON that a channel of
 * tool arguments is. The tokenizer (stream_json.c) says where strands begin and end; they are
 * scanned in strand.c.
 */
#ifndef PORTCULLIS_CONTENT_STREAM_H
#define PORTCULLIS_CONTENT_STREAM_H

#include "content_private.h"
#include "names.h"

#define CHANNELS_MAX 1024U
#define STEP_BYTES 1024U /* fed at once, so that the findings of a step fit */
#define FOUND_MAX 1024U
#define JSON_DEPTH_MAX 64U
#define JSON_PENDING_MAX 128U

struct strand {
    struct scan_sieve sieve;
    struct covers covers;
    size_t lead_len;  /* bytes in front that are only looked back at */
    size_t skip;      /* of them not given out yet */
    size_t edited_to; /* end of the last region that was replaced */
    struct buf text;  /* as it came, for topics and injection; else empty */
    size_t judge_at;  /* its length at which it is judged next, where a rule blocks */
    size_t judged;    /* of `text` */
    bool is_open, is_told; /* told: that there are more encodings than are undone */
};

enum json_state {
    JSON_START,  /* nothing but blanks yet */
    JSON_VALUE,  /* a value must come */
    JSON_FIRST,  /* just behind [ or {: an end may come as well */
    JSON_NAME,   /* a name must come */
    JSON_COLON,  /* behind a name */
    JSON_BEHIND, /* behind a value */
    JSON_STRING, /* inside a string, `is_name` says of what */
    JSON_ESCAPE, /* inside an escape of a string: in `pending` */
    JSON_NUMBER, /* in `pending`, with the blanks behind it */
    JSON_WORD,   /* true, false, null: in `pending` */
    JSON_PLAIN   /* no JSON after all: what follows is read as plain text */
};

struct json_lead {
    uint8_t len;
    char bytes[LEAD_BYTES_MAX];
};

struct json_reader {
    enum json_state state;
    bool is_name;
    bool is_number_over; /* blanks have come behind it */
    uint16_t high;       /* first half of a surrogate pair in escapes */
    unsigned depth;
    uint64_t objects; /* bit per level: 1 = object */
    char pending[JSON_PENDING_MAX];
    size_t pending_len;
    char name[LEAD_BYTES_MAX + 1]; /* of the member under way; longer ones are cut */
    size_t name_len;
    struct json_lead leads[JSON_DEPTH_MAX + 1]; /* what values of a level stand under */
    bool is_numbering; /* names may be edited, so two may become equal */
    struct names names;
    uint64_t name_in, name_out; /* hashes of the name under way, as it came and as it goes */
    uint64_t object;            /* how many were begun */
    uint64_t in_object[JSON_DEPTH_MAX + 1];
};

struct channel {
    struct channel *next;
    struct content_check *check;
    uint64_t id;
    struct place place;
    struct strand strand;
    struct json_reader *json;      /* NULL: plain text */
    struct scan_restorer restorer; /* behind all that: tokens of the request */
    uint64_t hash;                 /* of all that was fed */
    uint64_t bytes;
    uint16_t half; /* of a surrogate pair, from the end of the last piece */
    char part[4];  /* of a code point, likewise */
    size_t part_len;
    bool is_name; /* the strand is one: it has no meaning */
};

struct channels {
    struct channel *first, *last;
    size_t count;
    bool judges_early;  /* a rule that blocks asks for the meaning */
    bool judges;        /* some rule does */
    struct buf decoded; /* what a strand of JSON gave out */
    struct buf sifted;  /* what goes into a restorer */
    struct {
        uint64_t hash, bytes;
    } told[64]; /* texts that were read whole: repeats are not counted */
    size_t told_count;
    struct scan_finding items[FOUND_MAX + COVERS_MAX];
};

/* Text of a strand; `lead` is what it stands under. Each appends to `out` what may go on.
 * ERR_DENIED: blocked, `out` has what may still go. */
MUST_USE enum err strand_begin(struct channel *c, struct str lead);
MUST_USE enum err strand_feed(struct channel *c, struct str text, struct buf *out);
MUST_USE enum err strand_end(struct channel *c, struct buf *out);

/* Pieces of JSON text, cut anywhere; appends JSON text. */
void json_reader_init(struct json_reader *j, const struct content_check *k);
void json_reader_fini(struct json_reader *j);
MUST_USE enum err json_reader_feed(struct channel *c, struct str text, struct buf *out);
/* The text is over, wherever it stands. */
MUST_USE enum err json_reader_end(struct channel *c, struct buf *out);
/* Bytes read and neither given out nor in the strand. */
size_t json_reader_held(const struct json_reader *j);

#endif
