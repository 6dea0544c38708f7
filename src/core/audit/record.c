/* SPDX-License-Identifier: Apache-2.0
 *
 * The spool's payload: one record as versioned little-endian binary. One field
 * list per kind serves writing and reading alike, so the two cannot drift apart. A
 * version only adds fields at the end of a list: records of an older one, left in the
 * spool by the program before, are read with those fields empty. Texts are cut at 4 KiB
 * (they are names and sentences, never content). Pure; read views point into the given
 * bytes.
 */
#include "portcullis/audit.h"

#define RECORD_VERSION 4
#define VERSION_CONTENT 2 /* what content rules found and replaced */
#define VERSION_MODEL 3   /* another model than was asked for */
#define VERSION_CLIENT 4  /* what the caller calls the request */
#define TEXT_BYTES_MAX 4096

#define ROOM_BYTES 1024 /* asked of the buffer at once: most records need one */

/* Either appends to `out` or consumes from `at`; the first failure sticks. */
struct record_io {
    struct buf *out; /* NULL = reading */
    char *to;        /* writing: behind what is committed */
    size_t written, room;
    const char *at, *end;
    unsigned version; /* of what is read; the newest when writing */
    bool is_bad;
};

static void fields_decision(struct record_io *io, struct arena *a, struct audit_decision *d);
static void fields_violations(struct record_io *io, struct arena *a,
                              const struct audit_violation **violations, size_t *count);
static void fields_violation(struct record_io *io, struct audit_violation *v);
static void fields_outcome(struct record_io *io, struct arena *a, struct audit_outcome *o);
static void io_start(struct record_io *io, enum audit_kind kind);
static void io_finish(struct record_io *io);
static char *io_room(struct record_io *io, size_t len);
static bool io_more_room(struct record_io *io, size_t len);
static void io_bytes(struct record_io *io, void *p, size_t len);
static void io_str(struct record_io *io, struct str *s);
static void io_u64(struct record_io *io, uint64_t *v);
static void put_u64(char *to, uint64_t v);
static uint64_t get_u64(const uint8_t *p);
static void io_i64(struct record_io *io, int64_t *v);
static void io_u32(struct record_io *io, uint32_t *v);
static void io_bool(struct record_io *io, bool *v);

void audit_decision_write(struct buf *out, const struct audit_decision *d)
{
    struct record_io io = {.out = out, .version = RECORD_VERSION};
    struct audit_decision copy = *d;
    io_start(&io, AUDIT_DECISION);
    fields_decision(&io, NULL, &copy);
    io_finish(&io);
}

void audit_outcome_write(struct buf *out, const struct audit_outcome *o)
{
    struct record_io io = {.out = out, .version = RECORD_VERSION};
    struct audit_outcome copy = *o;
    io_start(&io, AUDIT_OUTCOME);
    fields_outcome(&io, NULL, &copy);
    io_finish(&io);
}

enum err audit_record_read(struct arena *a, struct str bytes, struct audit_record *ret)
{
    if (bytes.len < 2 || bytes.ptr[0] < 1 || bytes.ptr[0] > RECORD_VERSION) {
        return ERR_CORRUPT;
    }
    struct record_io io = {.at = bytes.ptr + 2,
                           .end = bytes.ptr + bytes.len,
                           .version = (unsigned char)bytes.ptr[0]};
    memset(ret, 0, sizeof(*ret));
    switch (bytes.ptr[1]) {
    case AUDIT_DECISION:
        ret->kind = AUDIT_DECISION;
        fields_decision(&io, a, &ret->decision);
        break;
    case AUDIT_OUTCOME:
        ret->kind = AUDIT_OUTCOME;
        fields_outcome(&io, a, &ret->outcome);
        break;
    default:
        return ERR_CORRUPT;
    }
    return io.is_bad || io.at != io.end ? ERR_CORRUPT : ERR_OK;
}

static void fields_decision(struct record_io *io, struct arena *a, struct audit_decision *d)
{
    struct str *texts[] = {&d->request_id,  &d->node,      &d->org,      &d->team,
                           &d->environment, &d->project,   &d->user,     &d->user_id,
                           &d->key_id,      &d->method,    &d->path,     &d->endpoint,
                           &d->decision,    &d->policy,    &d->policy_id, &d->rule,
                           &d->rule_key,    &d->reason,    &d->model_requested,
                           &d->model,       &d->provider,  &d->selected_policy_id};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        io_str(io, texts[i]);
    }
    io_i64(io, &d->unix_ms);
    io_u32(io, &d->worker);
    io_u32(io, &d->policy_version);
    int64_t slot = d->slot;
    io_i64(io, &slot);
    io->is_bad = io->is_bad || slot < INT32_MIN || slot > INT32_MAX;
    d->slot = (int32_t)slot;
    io_u64(io, &d->epoch);
    io_u64(io, &d->org_seq);
    io_u64(io, &d->staleness_ms);
    io_bool(io, &d->is_degraded);
    io_bool(io, &d->is_stream);
    io_u32(io, &d->status);
    io_u32(io, &d->rules_applied);
    io_u32(io, &d->eval_us);
    io_u64(io, &d->request_bytes);
    io_bool(io, &d->has_body_sha256);
    if (d->has_body_sha256) {
        io_bytes(io, d->body_sha256.bytes, sizeof(d->body_sha256.bytes));
    }
    fields_violations(io, a, &d->violations, &d->violations_count);
    if (io->version >= VERSION_CONTENT) {
        io_u64(io, &d->violations_dropped);
        io_u64(io, &d->modifications);
    }
    if (io->version >= VERSION_MODEL) {
        io_str(io, &d->substituted_from);
    }
    if (io->version >= VERSION_CLIENT) {
        io_str(io, &d->client_request_id);
        io_str(io, &d->trace_id);
    }
}

static void fields_violations(struct record_io *io, struct arena *a,
                              const struct audit_violation **violations, size_t *ret_count)
{
    uint32_t count = (uint32_t)(*ret_count < AUDIT_VIOLATIONS_MAX ? *ret_count
                                                               : AUDIT_VIOLATIONS_MAX);
    io_u32(io, &count);
    if (io->out != NULL) {
        for (uint32_t i = 0; i < count; i++) {
            struct audit_violation copy = (*violations)[i];
            fields_violation(io, &copy);
        }
        return;
    }
    if (io->is_bad || count > AUDIT_VIOLATIONS_MAX) {
        io->is_bad = true;
        return;
    }
    struct audit_violation *list = ARENA_ARRAY(a, count, struct audit_violation);
    if (list == NULL) {
        io->is_bad = true;
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        fields_violation(io, &list[i]);
    }
    *violations = list;
    *ret_count = count;
}

static void fields_violation(struct record_io *io, struct audit_violation *v)
{
    struct str *texts[] = {&v->policy_id, &v->policy,   &v->rule_key, &v->rule,
                           &v->effect,    &v->severity, &v->provider, &v->message};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        io_str(io, texts[i]);
    }
    io_u32(io, &v->policy_version);
    if (io->version >= VERSION_CONTENT) {
        io_str(io, &v->stage);
        io_str(io, &v->what);
        io_str(io, &v->pointer);
        io_u64(io, &v->start);
        io_u64(io, &v->end);
        io_u64(io, &v->count);
    }
}

static void fields_outcome(struct record_io *io, struct arena *a, struct audit_outcome *o)
{
    struct str *texts[] = {&o->request_id, &o->node,  &o->org,
                           &o->outcome,    &o->provider, &o->model,
                           &o->upstream_request_id, &o->finish_reason};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        io_str(io, texts[i]);
    }
    io_i64(io, &o->unix_ms);
    io_u32(io, &o->worker);
    io_u32(io, &o->status);
    io_u32(io, &o->upstream_status);
    io_u32(io, &o->attempts);
    io_u64(io, &o->input_tokens);
    io_u64(io, &o->output_tokens);
    io_u64(io, &o->cached_tokens);
    io_bool(io, &o->has_usage);
    io_bool(io, &o->is_usage_estimated);
    io_i64(io, &o->cost_pico_usd);
    io_u32(io, &o->duration_ms);
    io_u32(io, &o->upstream_ms);
    io_u32(io, &o->first_byte_ms);
    io_u64(io, &o->response_bytes);
    if (io->version >= VERSION_CONTENT) {
        io_str(io, &o->response_decision);
        fields_violations(io, a, &o->violations, &o->violations_count);
        io_u64(io, &o->violations_dropped);
        io_u64(io, &o->modifications);
    }
}

static void io_start(struct record_io *io, enum audit_kind kind)
{
    char *to = io_room(io, 2);
    if (to != NULL) {
        to[0] = RECORD_VERSION;
        to[1] = (char)kind;
    }
}

static void io_finish(struct record_io *io)
{
    if (io->written > 0 && io->out->err == ERR_OK) {
        buf_commit(io->out, io->written);
    }
    io->written = 0;
    io->room = 0;
}

/* Where the next `len` bytes of a record go; NULL when there is no room. */
static char *io_room(struct record_io *io, size_t len)
{
    if (io->room - io->written < len && !io_more_room(io, len)) {
        return NULL;
    }
    char *to = io->to + io->written;
    io->written += len;
    return to;
}

static bool io_more_room(struct record_io *io, size_t len)
{
    io_finish(io);
    io->to = buf_reserve(io->out, len > ROOM_BYTES ? len : ROOM_BYTES);
    if (io->to == NULL) {
        return false;
    }
    io->room = len > ROOM_BYTES ? len : ROOM_BYTES;
    return true;
}

static void io_bytes(struct record_io *io, void *p, size_t len)
{
    if (io->out != NULL) {
        char *to = io_room(io, len);
        if (to != NULL) {
            memcpy(to, p, len);
        }
        return;
    }
    if (io->is_bad || (size_t)(io->end - io->at) < len) {
        io->is_bad = true;
        memset(p, 0, len);
        return;
    }
    memcpy(p, io->at, len);
    io->at += len;
}

static void io_str(struct record_io *io, struct str *s)
{
    if (io->out != NULL) {
        size_t len = s->len < TEXT_BYTES_MAX ? s->len : TEXT_BYTES_MAX;
        char *to = io_room(io, 2 + len);
        if (to != NULL) {
            to[0] = (char)(uint8_t)len;
            to[1] = (char)(uint8_t)(len >> 8);
            if (len > 0) {
                memcpy(to + 2, s->ptr, len);
            }
        }
        return;
    }
    uint8_t head[2];
    io_bytes(io, head, sizeof(head));
    size_t len = (size_t)head[0] | (size_t)head[1] << 8;
    if (io->is_bad || len > TEXT_BYTES_MAX || (size_t)(io->end - io->at) < len) {
        io->is_bad = true;
        *s = STR_NONE;
        return;
    }
    *s = len == 0 ? STR_NONE : (struct str){io->at, len};
    io->at += len;
}

static void io_u64(struct record_io *io, uint64_t *v)
{
    if (io->out != NULL) {
        char *to = io_room(io, 8);
        if (to != NULL) {
            put_u64(to, *v);
        }
        return;
    }
    uint8_t bytes[8];
    io_bytes(io, bytes, sizeof(bytes));
    *v = get_u64(bytes);
}

/* Written out: the compiler makes one store, one load of it, of a loop it does not. */
static void put_u64(char *to, uint64_t v)
{
    to[0] = (char)(uint8_t)v;
    to[1] = (char)(uint8_t)(v >> 8);
    to[2] = (char)(uint8_t)(v >> 16);
    to[3] = (char)(uint8_t)(v >> 24);
    to[4] = (char)(uint8_t)(v >> 32);
    to[5] = (char)(uint8_t)(v >> 40);
    to[6] = (char)(uint8_t)(v >> 48);
    to[7] = (char)(uint8_t)(v >> 56);
}

static uint64_t get_u64(const uint8_t *p)
{
    return (uint64_t)p[0] | (uint64_t)p[1] << 8 | (uint64_t)p[2] << 16 | (uint64_t)p[3] << 24 |
           (uint64_t)p[4] << 32 | (uint64_t)p[5] << 40 | (uint64_t)p[6] << 48 |
           (uint64_t)p[7] << 56;
}

static void io_i64(struct record_io *io, int64_t *v)
{
    uint64_t u = (uint64_t)*v;
    io_u64(io, &u);
    *v = (int64_t)u;
}

static void io_u32(struct record_io *io, uint32_t *v)
{
    uint64_t u = *v;
    io_u64(io, &u);
    *v = (uint32_t)u;
    io->is_bad = io->is_bad || u > UINT32_MAX;
}

static void io_bool(struct record_io *io, bool *v)
{
    uint8_t byte = *v;
    io_bytes(io, &byte, sizeof(byte));
    io->is_bad = io->is_bad || byte > 1;
    *v = byte == 1;
}
