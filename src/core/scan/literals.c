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

void literals_source(const struct term *terms, size_t count, struct buf *ret_source)
{
    size_t from = ret_source->len;
    buf_add(ret_source, (struct str){source_magic, MAGIC_BYTES});
    size_t known = ret_source->len;
    for (size_t i = 0; i < count; i++) {
        if (i > 0 && str_eq(terms[i].text, terms[i - 1].text)) {
            continue;
        }
        buf_add_byte(ret_source, (char)(terms[i].text.len & 0xff));
        buf_add_byte(ret_source, (char)(terms[i].text.len >> 8));
        buf_add(ret_source, terms[i].text);
    }
    if (ret_source->len == known) {
        ret_source->len = from;
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
        if (!literals_next(&rest, &literal) || n++ == SCAN_TERMS_MAX) {
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

enum err literals_load(struct str source, struct str stored, hs_database_t **ret,
                       struct issue *issue)
{
    *ret = NULL;
    if (source.len == 0) {
        return ERR_OK;
    }
    struct str body = str_sub(stored, HEADER_BYTES, stored.len);
    if (body.len > 0 && memcmp(stored.ptr, database_magic, MAGIC_BYTES) == 0) {
        struct sha256 name = sha256_of(source);
        char crc[4];
        put_u32(crc32c(0, body.ptr, body.len), crc);
        bool is_ours = memcmp(stored.ptr + MAGIC_BYTES, name.bytes, sizeof(name.bytes)) == 0 &&
                       memcmp(stored.ptr + HEADER_BYTES - sizeof(crc), crc, sizeof(crc)) == 0;
        if (is_ours && hs_deserialize_database(body.ptr, body.len, ret) == HS_SUCCESS) {
            return ERR_OK;
        }
        *ret = NULL;
    }
    return compile(source, ret, issue);
}

struct str scan_terms_platform(void)
{
    return str_from(hs_version());
}
