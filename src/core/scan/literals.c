/* SPDX-License-Identifier: Apache-2.0
 *
 * The literals' database: from sorted terms to a byte-stable source, from a source to
 * libhs, and back from stored bytes. Compiled for no processor in particular, so that
 * the result serves on every machine with this version of the library; literals are not
 * slower for it. Compiling takes some tenths of a second: never on a loop.
 */
#include "literals.h"

#include <stdlib.h>

/* A source is this, then for each literal its length in two bytes (low first) and its
 * bytes. A database is its magic, SHA-256 of the source, CRC-32C of the rest, the rest. */
static const char source_magic[] = "terms 1\n";
static const char database_magic[] = "termdb1\n";
#define MAGIC_BYTES 8U
#define HEADER_BYTES (MAGIC_BYTES + 32U + 4U)
#define DATABASE_BYTES_MAX (256U << 20)
#define LITERALS_MAX (SCAN_TERMS_MAX + SCAN_REGEXES_MAX * PATTERN_FACTORS_MAX)
#define EDGE_BYTES (4U + SCAN_TOKEN_BYTES_MAX) /* what decides about a term lies behind it */

struct lists {
    const char **texts;
    size_t *lengths;
    unsigned *flags, *ids;
    unsigned count;
};

static enum err lists_of(struct str source, struct lists *ret);
static void lists_free(struct lists *l);
static enum err compile(struct str source, hs_database_t **ret, struct issue *issue);
static void put_u32(uint32_t v, char *ret);
static bool load(struct str source, struct str stored, hs_database_t **ret);
static int on_literal(unsigned id, unsigned long long from, unsigned long long to, unsigned flags,
                      void *context);
static void note_spots(struct cursor *c, const struct literal *l, size_t at);

struct hits {
    struct cursor *c;
    size_t base, to; /* where libhs began to read; terms from `to` on are not wanted */
};

/* Terms and factors are both sorted: merged, each text once. */
enum err literals_prepare(struct scan_set *set)
{
    size_t term = 0;
    size_t factor = 0;
    set->literals = ARENA_ARRAY(&set->arena, set->terms_count + set->factors_count, struct literal);
    if (set->literals == NULL) {
        return ERR_MEMORY;
    }
    while (term < set->terms_count || factor < set->factors_count) {
        int order = term == set->terms_count ? 1
                    : factor == set->factors_count
                        ? -1
                        : str_cmp(set->terms[term].text, set->factors[factor].text);
        struct literal *l = &set->literals[set->literals_count++];
        l->text = order <= 0 ? set->terms[term].text : set->factors[factor].text;
        l->term = order <= 0 ? (uint32_t)term : UINT32_MAX;
        l->factor = order >= 0 ? (uint32_t)factor : UINT32_MAX;
        while (term < set->terms_count && str_eq(set->terms[term].text, l->text)) {
            term++;
        }
        while (factor < set->factors_count && str_eq(set->factors[factor].text, l->text)) {
            factor++;
        }
    }
    size_t reach = set->factors_count > 0 ? SCAN_TERM_BYTES_MAX : 0;
    reach = reach > set->term_bytes_max ? reach : set->term_bytes_max;
    set->literal_open = set->literals_count > 0 ? reach + EDGE_BYTES : 0;
    return ERR_OK;
}

void literals_source(const struct scan_set *set, struct buf *ret_source)
{
    if (set->literals_count > 0) {
        buf_add(ret_source, (struct str){source_magic, MAGIC_BYTES});
    }
    for (size_t i = 0; i < set->literals_count; i++) {
        struct str text = set->literals[i].text;
        buf_add_byte(ret_source, (char)(text.len & 0xff));
        buf_add_byte(ret_source, (char)(text.len >> 8));
        buf_add(ret_source, text);
    }
}

bool literals_next(struct str *rest, struct str *ret)
{
    if (rest->len < 2) {
        return false;
    }
    size_t n = (unsigned char)rest->ptr[0] | (size_t)(unsigned char)rest->ptr[1] << 8;
    *ret = str_sub(*rest, 2, 2 + n);
    *rest = str_sub(*rest, 2 + n, rest->len);
    return n > 0 && ret->len == n; /* libhs must never see an empty one */
}

struct str literals_begin(struct str source)
{
    bool is_source = source.len > MAGIC_BYTES && memcmp(source.ptr, source_magic, MAGIC_BYTES) == 0;
    return is_source ? str_sub(source, MAGIC_BYTES, source.len) : STR_NONE;
}

static enum err lists_of(struct str source, struct lists *ret)
{
    memset(ret, 0, sizeof(*ret));
    struct str all = literals_begin(source);
    if (all.len == 0) {
        return ERR_INVALID;
    }
    struct str rest = all;
    struct str literal;
    size_t n = 0;
    while (rest.len > 0) {
        if (!literals_next(&rest, &literal) || n++ == LITERALS_MAX) {
            return ERR_INVALID;
        }
    }
    ret->texts = calloc(n, sizeof(*ret->texts));
    ret->lengths = calloc(n, sizeof(*ret->lengths));
    ret->flags = calloc(n, sizeof(*ret->flags));
    ret->ids = calloc(n, sizeof(*ret->ids));
    if (ret->texts == NULL || ret->lengths == NULL || ret->flags == NULL || ret->ids == NULL) {
        return ERR_MEMORY;
    }
    for (rest = all; rest.len > 0 && literals_next(&rest, &literal); ret->count++) {
        ret->texts[ret->count] = literal.ptr;
        ret->lengths[ret->count] = literal.len;
        ret->flags[ret->count] = HS_FLAG_CASELESS;
        ret->ids[ret->count] = ret->count;
    }
    return ERR_OK;
}

static void lists_free(struct lists *l)
{
    free(l->texts);
    free(l->lengths);
    free(l->flags);
    free(l->ids);
}

static enum err compile(struct str source, hs_database_t **ret, struct issue *issue)
{
    static const hs_platform_info_t any = {0};
    struct lists l;
    enum err err = lists_of(source, &l);
    if (err == ERR_OK) {
        hs_compile_error_t *why = NULL;
        hs_error_t rc = hs_compile_lit_multi(l.texts, l.flags, l.ids, l.lengths, l.count,
                                             HS_MODE_BLOCK, &any, ret, &why);
        bool is_memory = rc != HS_SUCCESS && why != NULL && why->message != NULL &&
                         strstr(why->message, "allocate memory") != NULL;
        err = rc == HS_SUCCESS ? ERR_OK : is_memory ? ERR_MEMORY : ERR_INVALID;
        hs_free_compile_error(why);
    }
    lists_free(&l);
    if (err == ERR_INVALID) {
        issue_set(issue, "", "the terms cannot be compiled");
    }
    return err;
}

static void put_u32(uint32_t v, char *ret)
{
    for (unsigned i = 0; i < 4; i++) {
        ret[i] = (char)(v >> (8 * i) & 0xff);
    }
}

enum err scan_terms_compile(struct str source, struct buf *ret_database, struct issue *issue)
{
    if (source.len == 0) {
        return ERR_OK;
    }
    hs_database_t *database = NULL;
    TRY(compile(source, &database, issue));
    char *bytes = NULL;
    size_t n = 0;
    hs_error_t rc = hs_serialize_database(database, &bytes, &n);
    hs_free_database(database);
    if (rc != HS_SUCCESS || n > DATABASE_BYTES_MAX) {
        free(bytes);
        return rc == HS_NOMEM ? ERR_MEMORY : ERR_LIMIT;
    }
    struct sha256 name = sha256_of(source);
    char crc[4];
    put_u32(crc32c(0, bytes, n), crc);
    buf_add(ret_database, (struct str){database_magic, MAGIC_BYTES});
    buf_add(ret_database, (struct str){(const char *)name.bytes, sizeof(name.bytes)});
    buf_add(ret_database, (struct str){crc, sizeof(crc)});
    buf_add(ret_database, (struct str){bytes, n});
    free(bytes);
    return ret_database->err;
}

enum err literals_compile(struct scan_set *set, struct str stored, struct issue *issue)
{
    if (set->literals_count == 0) {
        return ERR_OK;
    }
    struct buf source;
    buf_init(&source, DATABASE_BYTES_MAX);
    literals_source(set, &source);
    enum err err = source.err;
    err = err == ERR_OK ? literals_load(buf_str(&source), stored, &set->database, issue) : err;
    buf_fini(&source);
    return err;
}

enum err literals_load(struct str source, struct str stored, hs_database_t **ret,
                       struct issue *issue)
{
    return load(source, stored, ret) ? ERR_OK : compile(source, ret, issue);
}

static bool load(struct str source, struct str stored, hs_database_t **ret)
{
    struct str body = str_sub(stored, HEADER_BYTES, stored.len);
    if (body.len == 0 || memcmp(stored.ptr, database_magic, MAGIC_BYTES) != 0) {
        return false;
    }
    struct sha256 name = sha256_of(source);
    char crc[4];
    put_u32(crc32c(0, body.ptr, body.len), crc);
    bool is_ours = memcmp(stored.ptr + MAGIC_BYTES, name.bytes, sizeof(name.bytes)) == 0 &&
                   memcmp(stored.ptr + HEADER_BYTES - sizeof(crc), crc, sizeof(crc)) == 0;
    if (!is_ours || hs_deserialize_database(body.ptr, body.len, ret) != HS_SUCCESS) {
        *ret = NULL;
        return false;
    }
    return true;
}

/* ERR_INTERNAL when libhs would not; the caller then walks. */
enum err literals_scan(struct cursor *c, hs_scratch_t *scratch, size_t from, size_t to)
{
    const struct scan_set *set = c->set;
    struct hits h = {c, from, to};
    if (c->spots != NULL) {
        memset(c->spots->low, 0xff, set->regexes_count * sizeof(c->spots->low[0]));
        memset(c->spots->high, 0, set->regexes_count * sizeof(c->spots->high[0]));
    }
    size_t end = c->in.len - to < set->literal_open ? c->in.len : to + set->literal_open;
    hs_error_t rc = hs_scan(set->database, c->in.text + from, (unsigned)(end - from), 0, scratch,
                            on_literal, &h);
    return rc == HS_SUCCESS || rc == HS_SCAN_TERMINATED ? ERR_OK : ERR_INTERNAL;
}

static int on_literal(unsigned id, unsigned long long from, unsigned long long to, unsigned flags,
                      void *context)
{
    (void)from;
    (void)flags;
    const struct hits *h = context;
    const struct literal *l = &h->c->set->literals[id];
    size_t at = h->base + (size_t)to - l->text.len;
    if (l->term != UINT32_MAX && at < h->to && at >= h->c->terms_from) {
        (void)terms_add(h->c, l->term, at); /* never MORE: literal_open bytes are known */
    }
    if (l->factor != UINT32_MAX && h->c->spots != NULL) {
        note_spots(h->c, l, at);
    }
    return h->c->out->is_truncated ? 1 : 0;
}

static void note_spots(struct cursor *c, const struct literal *l, size_t at)
{
    const struct scan_set *set = c->set;
    for (size_t i = l->factor; i < set->factors_count; i++) {
        if (!str_eq(set->factors[i].text, l->text)) {
            return;
        }
        uint32_t regex = set->factors[i].regex;
        const struct pattern_factors *f = &set->regexes[regex].pattern.factors;
        size_t low = f->before_max < SCAN_TERM_BYTES_MAX ? f->before_max : SCAN_TERM_BYTES_MAX;
        low = at > low ? at - low : 0;
        if (at < f->before_min) {
            continue;
        }
        size_t high = at - f->before_min;
        c->spots->low[regex] = low < c->spots->low[regex] ? (uint32_t)low : c->spots->low[regex];
        c->spots->high[regex] =
            high > c->spots->high[regex] ? (uint32_t)high : c->spots->high[regex];
    }
}

struct str scan_terms_platform(void)
{
    return str_from(hs_version());
}
