/* SPDX-License-Identifier: Apache-2.0
 *
 * base: what every room stands on: errors, byte strings, arenas, bounded
 * buffers, a string map, hashing, and strict JSON.
 *
 * Pure: no clock, no randomness, no logging, no globals. Nothing here knows
 * what a request or a policy is. Allocation is malloc/free underneath an arena
 * or a buffer that was born with its limit; running into a limit is ERR_LIMIT,
 * never an abort. Single-threaded per object; immutable objects may be shared.
 *
 * GLOSSARY  str: pointer and length, borrowed, may hold any byte, never relied
 * on to be NUL-terminated. arena: memory freed all at once. buf: growable bytes
 * with a maximum. issue: what is wrong with an input, where, what would be right.
 *
 * EXAMPLE
 *     struct arena a;
 *     arena_init(&a, 64 * 1024);
 *     struct json_doc doc;
 *     struct issue issue;
 *     if (json_parse(&a, body, &json_limits_default, &doc, &issue) != ERR_OK)
 *         ... issue.message, issue.offset
 *     struct str model = json_str(json_get(doc.root, STR("model")));
 *     arena_fini(&a);
 */
#ifndef PORTCULLIS_BASE_H
#define PORTCULLIS_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <yyjson.h>

/* ---- errors ------------------------------------------------------------ */

#define MUST_USE __attribute__((warn_unused_result))

/* Operating failures. A policy outcome is never one of these (it is a verdict). */
enum err {
    ERR_OK = 0,
    ERR_MEMORY,      /* the system refused memory */
    ERR_LIMIT,       /* a stated bound was hit (413/431/503) */
    ERR_SYNTAX,      /* the bytes are not what the format demands (400) */
    ERR_INVALID,     /* well-formed, but a value is not allowed (400/422) */
    ERR_NOT_FOUND,   /* 404 */
    ERR_CONFLICT,    /* 409 */
    ERR_STALE,       /* precondition failed (412) */
    ERR_DENIED,      /* 403 */
    ERR_UNSUPPORTED, /* understood, deliberately not done (501/400) */
    ERR_AGAIN,       /* needs more input */
    ERR_IO,          /* the world failed (502/503) */
    ERR_TIMEOUT,     /* a deadline passed (504) */
    ERR_CORRUPT,     /* stored bytes fail their check */
    ERR_INTERNAL     /* our mistake, found at run time (500) */
};

/* Static English name of `e`, such as "limit"; never NULL. */
const char *err_name(enum err e);

/* Return the error of `call` from the current function, the only control-flow macro. */
#define TRY(call)                                                                                  \
    do {                                                                                           \
        enum err try_err_ = (call);                                                                \
        if (try_err_ != ERR_OK) {                                                                  \
            return try_err_;                                                                       \
        }                                                                                          \
    } while (0)

/* Prints file, line and the expression to stderr, then aborts. For our own
 * mistakes only, never on bytes of a peer. Always compiled in. */
_Noreturn void base_assert_fail(const char *expr, const char *file, int line);
#define ASSERT(expr) ((expr) ? (void)0 : base_assert_fail(#expr, __FILE__, __LINE__))

/* ---- byte strings ------------------------------------------------------ */

struct str {
    const char *ptr;
    size_t len;
};

#define STR(literal) ((struct str){(literal), sizeof(literal) - 1})
#define STR_INIT(literal) {(literal), sizeof(literal) - 1} /* initialiser of a static table */
#define STR_NONE ((struct str){NULL, 0})
#define STR_ARG(s) (int)(s).len, (s).ptr /* for "%.*s" */

struct str str_from(const char *z); /* NULL gives STR_NONE */
bool str_eq(struct str a, struct str b);
bool str_eq_nocase(struct str a, struct str b); /* ASCII only */
int str_cmp(struct str a, struct str b);        /* bytewise, shorter first */
bool str_starts(struct str s, struct str prefix);
bool str_ends(struct str s, struct str suffix);
/* Index of the first `c`, or -1. */
ptrdiff_t str_find(struct str s, char c);
ptrdiff_t str_find_str(struct str s, struct str needle);
struct str str_sub(struct str s, size_t from, size_t to); /* clamped */
/* Returns what is behind it; inline, because it mostly copies a few bytes. */
static inline char *str_put(char *to, struct str s)
{
    if (s.len > 0) {
        memcpy(to, s.ptr, s.len);
    }
    return to + s.len;
}
struct str str_trim(struct str s, const char *bytes);
/* Cuts at the first `sep`: returns what is before, moves *s behind it. Without
 * a separator returns all and leaves *s = STR_NONE. */
struct str str_cut(struct str *s, char sep);
/* Decimal digits only, no sign, no leading blank; ERR_SYNTAX or ERR_LIMIT. */
MUST_USE enum err str_to_u64(struct str s, uint64_t *ret_value);
/* What is written for AVX2 as well asks here which way to take. */
static inline bool cpu_has_avx2(void)
{
#if defined(__x86_64__) && defined(__GNUC__)
    return __builtin_cpu_supports("avx2") != 0;
#else
    return false;
#endif
}
/* Is `s` well-formed UTF-8 (no surrogates, no overlongs)? */
bool str_is_utf8(struct str s);
/* Bytes (1-4) of the well-formed UTF-8 sequence that `s` starts with; 0 when it
 * starts with none, or is empty. */
size_t str_utf8_step(struct str s);
/* The bytes of a code point, 1-4; a surrogate gives what UTF-8 does not allow. */
size_t str_utf8_of(uint32_t code, char ret_bytes[4]);

/* ---- arena ------------------------------------------------------------- */

struct arena_block;

/* Bump allocator. Everything goes at once. Not thread-safe. */
struct arena {
    struct arena_block *blocks;
    char *at;
    char *end;
    size_t used_bytes;  /* sum of what was asked for */
    size_t bytes_max;   /* cap on memory taken from the system */
    size_t taken_bytes; /* taken from the system so far */
    bool is_exhausted;  /* a request was refused; stays set until reset */
};

void arena_init(struct arena *a, size_t bytes_max);
void arena_fini(struct arena *a);  /* frees all; NULL is allowed */
void arena_reset(struct arena *a); /* keeps one block of at most 64 KiB for reuse */
/* Zeroed, aligned to 16. NULL at the cap or without memory. size 0 gives a
 * valid pointer. */
void *arena_alloc(struct arena *a, size_t size);
/* As arena_alloc, but the bytes are whatever they were: for what is overwritten at once. */
void *arena_alloc_raw(struct arena *a, size_t size);
/* Grows or shrinks what was allocated last in place; otherwise moves it when it
 * must grow. New bytes are whatever they were. NULL leaves `p` as it was.
 * Size 0 gives back what was allocated last. */
void *arena_resize(struct arena *a, void *p, size_t old_size, size_t size);
/* A list that grows, for at least `need` items: `items` as it is, or with twice the room,
 * the new part zeroed. NULL leaves `items` and *capacity as they were. */
void *arena_grow(struct arena *a, void *items, size_t *capacity, size_t need, size_t item_size);
/* As arena_alloc for `count` objects; NULL on overflow too. */
void *arena_array(struct arena *a, size_t count, size_t size);
/* Copies; the copy is also NUL-terminated for the benefit of C libraries.
 * ptr == NULL on failure. */
struct str arena_str(struct arena *a, struct str s);
struct str arena_printf(struct arena *a, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
#define ARENA_NEW(a, type) ((type *)arena_alloc((a), sizeof(type)))
#define ARENA_ARRAY(a, count, type) ((type *)arena_array((a), (count), sizeof(type)))

/* ---- list on the heap -------------------------------------------------- */

/* Room for at least `need` of at most `items_max` items of `item_size` bytes: `items` as it
 * is, or moved, with twice the room; the new part is whatever it was. NULL (the bound, or no
 * memory) leaves `items` and *capacity as they were. `items` is NULL while *capacity is 0;
 * the owner frees it. */
void *list_grow(void *items, size_t *capacity, size_t need, size_t items_max, size_t item_size);

/* ---- bounded buffer ---------------------------------------------------- */

/* Growable bytes. The first failure sticks in `err`; later appends do nothing,
 * so a writer checks once at its end. */
struct buf {
    char *ptr;
    size_t len;
    size_t capacity;
    size_t bytes_max;
    enum err err;
};

void buf_init(struct buf *b, size_t bytes_max); /* allocates nothing */
void buf_fini(struct buf *b);
void buf_wipe(struct buf *b); /* buf_fini of a secret: all its memory is overwritten first */
void buf_clear(struct buf *b);    /* len = 0, err = OK, keeps memory */
void buf_consume(struct buf *b, size_t bytes); /* drops from the front */
void buf_add(struct buf *b, struct str s);
/* One behind the other, all of them or none. */
void buf_add_parts(struct buf *b, const struct str *parts, size_t count);
void buf_add_byte(struct buf *b, char c);
void buf_add_u64(struct buf *b, uint64_t v);
void buf_printf(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Room for `bytes` more at ptr + len, or NULL (err set); then buf_commit. */
char *buf_reserve(struct buf *b, size_t bytes);
void buf_commit(struct buf *b, size_t bytes);
struct str buf_str(const struct buf *b);
/* `with` in the place of the `len` bytes at `at`. False: no room for it, and nothing changed. */
bool buf_replace(struct buf *b, size_t at, size_t len, struct str with);
/* Moves all content of `from` behind `to`, leaving `from` empty; swaps when `to` is
 * empty. An error of `from` becomes one of `to`; what does not fit stays in `from`. */
void buf_move(struct buf *to, struct buf *from);

/* Memory of buffers that are done with; all zero is none. */
#define BUF_SPARES_MAX 64U
struct buf_spares {
    struct buf bufs[BUF_SPARES_MAX];
    unsigned count;
};
void buf_spares_fini(struct buf_spares *s);
/* For a buffer without memory, if some is at hand; `s` may be NULL. */
void buf_take_spare(struct buf_spares *s, struct buf *b);
/* What `b` holds is gone; its memory is kept, or freed: more than 32 KiB, or if there
 * is enough, or without `s`. */
void buf_give_spare(struct buf_spares *s, struct buf *b);

/* ---- hashing and encoding ---------------------------------------------- */

uint64_t hash_bytes(struct str s, uint64_t seed); /* fast, not cryptographic */
uint32_t crc32c(uint32_t crc, const void *data, size_t len);
struct sha256 {
    uint8_t bytes[32];
};
/* FIPS 180-4 and RFC 2104. */
struct sha256 sha256_of(struct str s);
struct sha256 hmac_sha256(struct str key, struct str s);
/* Compares in time that depends only on the length. */
bool bytes_eq_ct(const void *a, const void *b, size_t len);
void bytes_wipe(void *p, size_t len); /* not optimised away */
int hex_value(char c); /* of a hexadecimal digit of either case; -1: it is none */
void hex_of(const uint8_t *bytes, size_t len, char *ret_hex /* 2 * len, no NUL */);
MUST_USE enum err hex_to(struct str hex, uint8_t *ret_bytes, size_t bytes_len);
/* 26 characters of Crockford base32: 48 bit milliseconds, 80 bit dice. */
void ulid_of(uint64_t unix_ms, const uint8_t dice[10], char ret_ulid[26]);
/* RFC 3339 in UTC: "2025-01-10T14:30:00Z" (20 bytes) or with ".123" (24). */
struct str time_rfc3339(int64_t unix_s, char buf[32]);
struct str time_rfc3339_ms(int64_t unix_ms, char buf[32]);
/* Upper-case T and Z or a numeric offset, 0-9 digits of fraction (cut to ms), years
 * 0000-9999, no leap second. ERR_SYNTAX (shape) or ERR_INVALID (no such date). */
MUST_USE enum err time_parse_rfc3339(struct str s, int64_t *ret_unix_ms);

/* ---- map: str -> pointer ------------------------------------------------ */

/* Open addressing in an arena; keys are borrowed; no removal. Lookup reads only.
 * The hash is public: not for many keys chosen by one stranger. */
struct map {
    struct map_slot *slots;
    size_t slots_count; /* power of two or 0 */
    size_t count;
};
/* Sized for `expected` keys; grows in the arena when exceeded. */
MUST_USE enum err map_init(struct map *m, struct arena *a, size_t expected);
/* ERR_CONFLICT when the key is there already. */
MUST_USE enum err map_put(struct map *m, struct arena *a, struct str key, void *value);
void *map_get(const struct map *m, struct str key); /* NULL when absent */

/* ---- what is wrong with an input --------------------------------------- */

/* Filled by parsers and validators: a sentence for a person. Never carries a
 * secret or a matched value; it may quote a member NAME. */
struct issue {
    char pointer[256];  /* RFC 6901 JSON pointer, "" = the whole document */
    char message[384];  /* what is wrong and what would be right */
    uint64_t offset;    /* byte offset in the input; UINT64_MAX = unknown */
};
void issue_set(struct issue *issue, const char *pointer, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Of `names` (NULL-terminated) the nearest to `word` within edit distance 2
 * (or a third of its length), or NULL: for "did you mean". */
const char *issue_did_you_mean(struct str word, const char *const *names);

/* ---- strict JSON (RFC 8259, nothing more) ------------------------------- */

#define JSON_DEPTH_CEILING 256U /* no limits allow more */

struct json_limits {
    size_t bytes_max;
    unsigned depth_max;
    size_t values_max;
};
extern const struct json_limits json_limits_default; /* 16 MiB, 64, 1 000 000 */

struct json_long;

/* The document lives in the arena. `text` is borrowed and must outlive it. String values
 * point into a copy in which escapes are undone: first what long strings say, then the
 * rest of the text, which the parser read. Long strings are listed, so that it is known
 * of every string where it stands in `text`: span edits rest on it. */
struct json_doc {
    yyjson_val *root;
    struct str text;
    const char *copy;
    const char *shortened;   /* in the copy: the text without what long strings say */
    struct json_long *longs; /* in their order in the text */
    size_t longs_count;
};

/* Takes about four times the text from the arena (a copy, and 16 bytes for each value),
 * and never more than 24 bytes for each value that the limits allow. depth_max is
 * taken as at most JSON_DEPTH_CEILING.
 * Refuses besides bad syntax: duplicate keys (compared after unescaping), NUL
 * in a key, BOM, trailing bytes, bad UTF-8, lone surrogates, too deep, too many
 * values. ERR_SYNTAX, ERR_LIMIT or ERR_MEMORY; *ret_issue says where. */
MUST_USE enum err json_parse(struct arena *a, struct str text, const struct json_limits *limits,
                             struct json_doc *ret_doc, struct issue *ret_issue);
/* What documents of one kind have in common: of the last few forms, names, punctuation and
 * words are remembered, never what strings and numbers say. Of one thread. */
struct json_forms;
struct json_forms *json_forms_new(void); /* NULL: no memory */
void json_forms_free(struct json_forms *f);
/* As json_parse, and faster if `forms` (NULL: none) know the form of `text`; then string values
 * and names point into `text`, but those with an escape. */
MUST_USE enum err json_parse_like(struct json_forms *forms, struct arena *a, struct str text,
                                  const struct json_limits *limits, struct json_doc *ret_doc,
                                  struct issue *ret_issue);
/* Lookup and typed reads; all take NULL and wrong types: NULL, STR_NONE, fallback. */
yyjson_val *json_get(yyjson_val *object, struct str key);
struct str json_str(yyjson_val *v);
bool json_bool(yyjson_val *v, bool fallback);
/* Whole numbers written as integers (1, not 1.0 or 1e0). False otherwise. */
bool json_int(yyjson_val *v, int64_t *ret_value);
/* Byte range in doc->text of a value's raw JSON, quotes included. Strings,
 * and any value reached through its key. */
struct json_span {
    size_t from;
    size_t to;
};
struct json_span json_span_of_string(const struct json_doc *doc, yyjson_val *string);
struct json_span json_span_of_member_value(const struct json_doc *doc, yyjson_val *key);
/* The member with one neighbouring comma, such that cutting the span out leaves
 * a valid object. For ONE member of an object: the spans of two may share a comma. */
struct json_span json_span_of_member(const struct json_doc *doc, yyjson_val *key);
/* Appends `s` as a JSON string with quotes; invalid UTF-8 becomes U+FFFD. */
void json_write_str(struct buf *b, struct str s);
void json_write_chars(struct buf *b, struct str s); /* the same without the quotes */
bool json_is_plain(struct str s); /* json_write_chars would write it as it is */
/* Serialises a value without blanks. */
void json_write_val(struct buf *b, yyjson_val *v);

#endif
