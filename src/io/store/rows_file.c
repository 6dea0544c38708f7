/* SPDX-License-Identifier: Apache-2.0
 *
 * One organisation's rows as versioned little-endian bytes, for the copy on disk that
 * serves a start without database. One field list per row serves writing and reading
 * alike, so the two cannot drift apart. Policies go as their canonical JSON, providers
 * by slug and attributes by name, so the file outlives a change of the catalogue: what
 * left it is dropped, as when loading from the database. Credentials are in it in
 * clear: snapshot_file.c seals it. Reading makes views into the given bytes. Pure.
 */
#include "portcullis/codec.h"
#include "portcullis/store.h"

#define ROWS_VERSION 2

/* Either appends to `out` or consumes from `at`; the first failure sticks. */
struct rows_io {
    struct buf *out; /* NULL = reading */
    const struct route_catalog *catalog;
    struct arena *arena; /* reading */
    struct issue *issue; /* reading */
    const char *at, *end;
    enum err err;
};

static void fields_org(struct rows_io *io, struct policy_org_rows *o);
static void fields_policy(struct rows_io *io, struct policy *p);
static void policy_body(struct rows_io *io, struct policy *p);
static void fields_key(struct rows_io *io, struct policy_key_row *k);
static bool fields_attestation(struct rows_io *io, struct route_attestation *t);
static bool fields_endpoint(struct rows_io *io, struct route_endpoint *e);
static bool io_provider(struct rows_io *io, unsigned *provider);
static void io_list(struct rows_io *io, struct policy_list *l);
static void io_pairs(struct rows_io *io, const struct policy_pair **pairs, size_t *count);
static void *io_array(struct rows_io *io, const void *items, size_t *count, size_t item_bytes);
static void io_bytes(struct rows_io *io, void *p, size_t len);
static void io_str(struct rows_io *io, struct str *s);
static void io_int(struct rows_io *io, int64_t *v, int64_t min, int64_t max);
static void io_bool(struct rows_io *io, bool *v);
static void fail(struct rows_io *io, enum err e);

/* A field narrower than 64 bits, through io_int with its bounds. */
#define IO_NUMBER(io, field, min, max)                                                             \
    do {                                                                                           \
        int64_t number_ = (int64_t)(field);                                                        \
        io_int((io), &number_, (min), (max));                                                      \
        (field) = number_;                                                                         \
    } while (0)
#define IO_ENUM(io, field, type, last)                                                             \
    do {                                                                                           \
        int64_t number_ = (int64_t)(field);                                                        \
        io_int((io), &number_, 0, (last));                                                         \
        (field) = (enum type)number_;                                                              \
    } while (0)

enum err store_org_rows_write(struct buf *out, const struct policy_org_rows *rows,
                              const struct route_catalog *catalog)
{
    struct rows_io io = {.out = out, .catalog = catalog};
    struct policy_org_rows copy = *rows;
    buf_add_byte(out, ROWS_VERSION);
    fields_org(&io, &copy);
    return io.err != ERR_OK ? io.err : out->err;
}

enum err store_org_rows_read(struct arena *a, struct str bytes,
                             const struct route_catalog *catalog, struct policy_org_rows *ret,
                             struct issue *ret_issue)
{
    memset(ret, 0, sizeof(*ret));
    if (bytes.len < 1 || bytes.ptr[0] != ROWS_VERSION) {
        issue_set(ret_issue, "", "rows of another version");
        return ERR_CORRUPT;
    }
    struct rows_io io = {.catalog = catalog, .arena = a, .issue = ret_issue,
                         .at = bytes.ptr + 1, .end = bytes.ptr + bytes.len};
    fields_org(&io, ret);
    if (io.err == ERR_OK && io.at != io.end) {
        fail(&io, ERR_CORRUPT);
    }
    return io.err;
}

static void fields_org(struct rows_io *io, struct policy_org_rows *o)
{
    io_str(io, &o->id);
    io_str(io, &o->name);
    IO_NUMBER(io, o->seq, 0, INT64_MAX);
    io_bool(io, &o->is_suspended);
    IO_ENUM(io, o->slot_selection, policy_slot_selection, POLICY_SLOT_STRICTER_ONLY);
    IO_ENUM(io, o->error_format, policy_error_format, POLICY_ERROR_POLICY);
    struct policy *policies =
        io_array(io, o->policies, &o->policies_count, sizeof(struct policy));
    for (size_t i = 0; i < o->policies_count; i++) {
        struct policy copy = o->policies != NULL ? o->policies[i] : (struct policy){0};
        fields_policy(io, policies != NULL ? &policies[i] : &copy);
    }
    struct policy_key_row *keys =
        io_array(io, o->keys, &o->keys_count, sizeof(struct policy_key_row));
    for (size_t i = 0; i < o->keys_count; i++) {
        struct policy_key_row copy = o->keys != NULL ? o->keys[i] : (struct policy_key_row){0};
        fields_key(io, keys != NULL ? &keys[i] : &copy);
    }
    struct route_attestation *attestations =
        io_array(io, o->attestations, &o->attestations_count, sizeof(struct route_attestation));
    size_t kept = 0;
    for (size_t i = 0; i < o->attestations_count; i++) {
        struct route_attestation copy =
            o->attestations != NULL ? o->attestations[i] : (struct route_attestation){0};
        kept += fields_attestation(io, attestations != NULL ? &attestations[kept] : &copy);
    }
    o->attestations_count = kept;
    struct route_endpoint *endpoints =
        io_array(io, o->endpoints, &o->endpoints_count, sizeof(struct route_endpoint));
    kept = 0;
    for (size_t i = 0; i < o->endpoints_count; i++) {
        struct route_endpoint copy =
            o->endpoints != NULL ? o->endpoints[i] : (struct route_endpoint){0};
        kept += fields_endpoint(io, endpoints != NULL ? &endpoints[kept] : &copy);
    }
    o->endpoints_count = kept;
    if (io->out == NULL) {
        o->policies = policies;
        o->keys = keys;
        o->attestations = attestations;
        o->endpoints = endpoints;
    }
}

/* What the database keeps in columns beside the body goes beside it here too. */
static void fields_policy(struct rows_io *io, struct policy *p)
{
    policy_body(io, p);
    IO_ENUM(io, p->status, policy_status, POLICY_ARCHIVED);
    IO_NUMBER(io, p->slot, 0, 12);
    io_bool(io, &p->is_default);
    IO_NUMBER(io, p->version, 0, UINT32_MAX);
    io_int(io, &p->created_at_ms, INT64_MIN, INT64_MAX);
    io_int(io, &p->updated_at_ms, INT64_MIN, INT64_MAX);
    io_str(io, &p->created_by);
}

static void policy_body(struct rows_io *io, struct policy *p)
{
    if (io->out == NULL) {
        struct str body;
        io_str(io, &body);
        if (io->err == ERR_OK) {
            /* Without the catalogue, as when loading: what left it matches nothing. */
            fail(io, codec_canonical_parse(io->arena, body, NULL, p, io->issue));
        }
        return;
    }
    struct policy bare = *p;
    struct buf body;
    buf_init(&body, json_limits_default.bytes_max);
    bare.slot = 0; /* columns: the body alone must be a policy that parses */
    bare.is_default = false;
    bare.created_at_ms = bare.updated_at_ms = 0;
    bare.created_by = STR_NONE;
    codec_canonical_write(&body, &bare);
    fail(io, body.err);
    struct str text = buf_str(&body);
    io_str(io, &text);
    buf_fini(&body);
}

static void fields_key(struct rows_io *io, struct policy_key_row *k)
{
    struct str *const texts[] = {&k->id,      &k->name, &k->team, &k->environment,
                                 &k->project, &k->user, &k->role, &k->user_email};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        io_str(io, texts[i]);
    }
    io_bytes(io, k->secret_hmac, sizeof(k->secret_hmac));
    io_bool(io, &k->has_previous);
    io_bytes(io, k->previous_hmac, sizeof(k->previous_hmac));
    io_int(io, &k->previous_until_s, INT64_MIN, INT64_MAX);
    io_int(io, &k->not_before_s, INT64_MIN, INT64_MAX);
    io_int(io, &k->expires_at_s, INT64_MIN, INT64_MAX);
    bool *const flags[] = {&k->is_revoked, &k->may_call, &k->may_manage, &k->may_narrow};
    for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
        io_bool(io, flags[i]);
    }
    IO_NUMBER(io, k->slots, 0, UINT16_MAX);
    IO_NUMBER(io, k->pinned_slot, 0, 12);
    IO_ENUM(io, k->error_format, policy_error_format, POLICY_ERROR_POLICY);
    io_list(io, &k->models);
    io_pairs(io, &k->metadata, &k->metadata_count);
}

/* False: its provider left the catalogue (reading), the row is not taken. */
static bool fields_attestation(struct rows_io *io, struct route_attestation *t)
{
    struct str name = io->out != NULL ? str_from(route_attribute_name(t->attribute)) : STR_NONE;
    bool is_known = io_provider(io, &t->provider);
    io_str(io, &name);
    if (io->err == ERR_OK) {
        fail(io, route_attribute_parse(name, &t->attribute) == ERR_OK ? ERR_OK : ERR_CORRUPT);
    }
    io_bool(io, &t->value);
    io_int(io, &t->valid_from_s, INT64_MIN, INT64_MAX);
    io_int(io, &t->valid_until_s, INT64_MIN, INT64_MAX);
    return is_known;
}

static bool fields_endpoint(struct rows_io *io, struct route_endpoint *e)
{
    bool is_known = io_provider(io, &e->provider);
    struct str *const texts[] = {&e->id, &e->base_url, &e->credential, &e->credential_id,
                                 &e->ca_file};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        io_str(io, texts[i]);
    }
    IO_ENUM(io, e->dialect, llm_dialect, LLM_ANTHROPIC);
    IO_NUMBER(io, e->priority, 0, UINT32_MAX);
    if (io->out == NULL && io->err == ERR_OK) {
        fail(io, wire_url_parse(io->arena, e->base_url, true, &e->url, io->issue));
    }
    return is_known;
}

/* Indexes change with the catalogue; slugs do not. */
static bool io_provider(struct rows_io *io, unsigned *provider)
{
    struct str slug =
        io->out != NULL ? route_catalog_provider(io->catalog, *provider)->slug : STR_NONE;
    io_str(io, &slug);
    if (io->err != ERR_OK) {
        return false;
    }
    const struct route_provider *p = route_catalog_find_provider(io->catalog, slug);
    *provider = p != NULL ? p->index : 0;
    return p != NULL;
}

static void io_list(struct rows_io *io, struct policy_list *l)
{
    io_bool(io, &l->is_set);
    struct str *items = io_array(io, l->items, &l->count, sizeof(struct str));
    for (size_t i = 0; i < l->count; i++) {
        struct str copy = l->items != NULL ? l->items[i] : STR_NONE;
        io_str(io, items != NULL ? &items[i] : &copy);
    }
    if (io->out == NULL) {
        l->items = items;
    }
}

static void io_pairs(struct rows_io *io, const struct policy_pair **pairs, size_t *count)
{
    struct policy_pair *list = io_array(io, *pairs, count, sizeof(struct policy_pair));
    for (size_t i = 0; i < *count; i++) {
        struct policy_pair copy = *pairs != NULL ? (*pairs)[i] : (struct policy_pair){STR_NONE,
                                                                                     STR_NONE};
        struct policy_pair *p = list != NULL ? &list[i] : &copy;
        io_str(io, &p->name);
        io_str(io, &p->value);
    }
    if (io->out == NULL) {
        *pairs = list;
    }
}

/* The count; when reading, room for so many, or NULL and a count of 0. An item takes at
 * least one byte, so a count beyond what is left is false. */
static void *io_array(struct rows_io *io, const void *items, size_t *count, size_t item_bytes)
{
    ASSERT(io->out == NULL || items != NULL || *count == 0);
    IO_NUMBER(io, *count, 0, UINT32_MAX);
    if (io->out != NULL) {
        return NULL;
    }
    if (io->err == ERR_OK && *count > (size_t)(io->end - io->at)) {
        fail(io, ERR_CORRUPT);
    }
    void *list = io->err == ERR_OK ? arena_array(io->arena, *count, item_bytes) : NULL;
    if (list == NULL) {
        fail(io, ERR_MEMORY);
        *count = 0;
    }
    return list;
}

static void io_bytes(struct rows_io *io, void *p, size_t len)
{
    if (io->out != NULL) {
        buf_add(io->out, (struct str){p, len});
        return;
    }
    if (io->err == ERR_OK && (size_t)(io->end - io->at) < len) {
        fail(io, ERR_CORRUPT);
    }
    if (io->err != ERR_OK) {
        memset(p, 0, len);
        return;
    }
    memcpy(p, io->at, len);
    io->at += len;
}

/* "None" and "empty" stay two things. */
static void io_str(struct rows_io *io, struct str *s)
{
    bool is_some = s->ptr != NULL;
    int64_t len = (int64_t)s->len;
    io_bool(io, &is_some);
    io_int(io, &len, 0, UINT32_MAX);
    if (io->out != NULL) {
        buf_add(io->out, *s);
        return;
    }
    if (io->err == ERR_OK && ((size_t)(io->end - io->at) < (size_t)len || (!is_some && len > 0))) {
        fail(io, ERR_CORRUPT);
    }
    *s = STR_NONE;
    if (io->err == ERR_OK && is_some) {
        *s = (struct str){io->at, (size_t)len};
        io->at += len;
    }
}

static void io_int(struct rows_io *io, int64_t *v, int64_t min, int64_t max)
{
    uint8_t bytes[8];
    uint64_t u = (uint64_t)*v;
    if (io->out != NULL && (*v < min || *v > max)) {
        fail(io, ERR_LIMIT);
    }
    for (unsigned i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (uint8_t)(u >> (8 * i));
    }
    io_bytes(io, bytes, sizeof(bytes));
    u = 0;
    for (unsigned i = 0; i < sizeof(bytes); i++) {
        u |= (uint64_t)bytes[i] << (8 * i);
    }
    *v = (int64_t)u;
    if (io->err == ERR_OK && (*v < min || *v > max)) {
        fail(io, ERR_CORRUPT);
    }
    if (io->err != ERR_OK) {
        *v = min > 0 ? min : 0;
    }
}

static void io_bool(struct rows_io *io, bool *v)
{
    uint8_t byte = *v;
    io_bytes(io, &byte, 1);
    if (byte > 1) {
        fail(io, ERR_CORRUPT);
    }
    *v = byte == 1;
}

static void fail(struct rows_io *io, enum err e)
{
    if (e != ERR_OK && io->err == ERR_OK) {
        io->err = e;
        if (io->issue != NULL && e == ERR_CORRUPT) {
            issue_set(io->issue, "", "damaged rows");
        }
    }
}
