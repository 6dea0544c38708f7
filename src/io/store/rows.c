/* SPDX-License-Identifier: Apache-2.0
 *
 * Columns of a result -> values in an arena, and the other way round. Rows come from
 * the database and are judged like any other input: nothing here asserts on them.
 */
#include "store_private.h"

#include "portcullis/tls.h"

#include <stdlib.h>
#include <time.h>

static const struct json_limits column_limits = {256 * 1024, 4, 10000};

struct str store_col(struct arena *a, const PGresult *r, int row, int col)
{
    if (PQgetisnull(r, row, col)) {
        return STR_NONE;
    }
    return arena_str(a, (struct str){PQgetvalue(r, row, col), (size_t)PQgetlength(r, row, col)});
}

int64_t store_col_int(const PGresult *r, int row, int col, int64_t fallback)
{
    if (PQgetisnull(r, row, col)) {
        return fallback;
    }
    return strtoll(PQgetvalue(r, row, col), NULL, 10);
}

bool store_col_bool(const PGresult *r, int row, int col)
{
    return !PQgetisnull(r, row, col) && PQgetvalue(r, row, col)[0] == 't';
}

enum err store_col_bytes(struct arena *a, const PGresult *r, int row, int col, struct str *ret)
{
    *ret = STR_NONE;
    if (PQgetisnull(r, row, col)) {
        return ERR_OK;
    }
    struct str hex = {PQgetvalue(r, row, col), (size_t)PQgetlength(r, row, col)};
    if (!str_starts(hex, STR("\\x")) || hex.len % 2 != 0) {
        return ERR_CORRUPT;
    }
    size_t len = (hex.len - 2) / 2;
    uint8_t *bytes = arena_alloc(a, len);
    if (bytes == NULL) {
        return ERR_MEMORY;
    }
    if (hex_to(str_sub(hex, 2, hex.len), bytes, len) != ERR_OK) {
        return ERR_CORRUPT;
    }
    *ret = (struct str){(const char *)bytes, len};
    return ERR_OK;
}

enum err store_list_parse(struct arena *a, struct str json, struct policy_list *ret)
{
    *ret = (struct policy_list){0};
    if (json.ptr == NULL) {
        return ERR_OK;
    }
    struct json_doc doc;
    struct issue issue;
    if (json_parse(a, json, &column_limits, &doc, &issue) != ERR_OK || !yyjson_is_arr(doc.root)) {
        return ERR_CORRUPT;
    }
    size_t count = yyjson_arr_size(doc.root), i, n;
    struct str *items = ARENA_ARRAY(a, count, struct str);
    if (items == NULL) {
        return ERR_MEMORY;
    }
    yyjson_val *v;
    yyjson_arr_foreach(doc.root, i, n, v)
    {
        if (!yyjson_is_str(v)) {
            return ERR_CORRUPT;
        }
        items[i] = json_str(v);
    }
    *ret = (struct policy_list){items, count, true};
    return ERR_OK;
}

enum err store_pairs_parse(struct arena *a, struct str json, const struct policy_pair **ret,
                           size_t *ret_count)
{
    *ret = NULL;
    *ret_count = 0;
    if (json.ptr == NULL) {
        return ERR_OK;
    }
    struct json_doc doc;
    struct issue issue;
    if (json_parse(a, json, &column_limits, &doc, &issue) != ERR_OK || !yyjson_is_obj(doc.root)) {
        return ERR_CORRUPT;
    }
    struct policy_pair *pairs = ARENA_ARRAY(a, yyjson_obj_size(doc.root), struct policy_pair);
    if (pairs == NULL) {
        return ERR_MEMORY;
    }
    yyjson_val *key, *value;
    size_t i, n;
    yyjson_obj_foreach(doc.root, i, n, key, value)
    {
        if (!yyjson_is_str(value)) {
            return ERR_CORRUPT;
        }
        pairs[i] = (struct policy_pair){json_str(key), json_str(value)};
    }
    *ret = pairs;
    *ret_count = yyjson_obj_size(doc.root);
    return ERR_OK;
}

enum err store_slots_parse(struct arena *a, struct str json, uint16_t *ret_slots)
{
    struct json_doc doc;
    struct issue issue;
    *ret_slots = 0;
    if (json.ptr == NULL) {
        return ERR_OK;
    }
    if (json_parse(a, json, &column_limits, &doc, &issue) != ERR_OK || !yyjson_is_arr(doc.root)) {
        return ERR_CORRUPT;
    }
    yyjson_val *v;
    size_t i, n;
    yyjson_arr_foreach(doc.root, i, n, v)
    {
        int64_t slot;
        if (!json_int(v, &slot) || slot < 1 || slot > 12) {
            return ERR_CORRUPT;
        }
        *ret_slots |= (uint16_t)(1u << slot);
    }
    return ERR_OK;
}

struct str store_text_u64(struct arena *a, uint64_t v)
{
    return arena_printf(a, "%llu", (unsigned long long)v);
}

enum err store_id_make(struct arena *a, const char *prefix, struct str *ret)
{
    struct timespec t;
    uint8_t dice[10];
    char ulid[26];
    clock_gettime(CLOCK_REALTIME, &t);
    TRY(tls_random(dice, sizeof(dice)));
    ulid_of((uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000, dice, ulid);
    *ret = arena_printf(a, "%s%.26s", prefix, ulid);
    return ret->ptr != NULL ? ERR_OK : ERR_MEMORY;
}
