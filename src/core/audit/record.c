/* SPDX-License-Identifier: Apache-2.0
 *
 * The spool's payload: one record as versioned bytes. One field list per kind serves
 * writing and reading alike, so the two cannot drift apart. A version only adds fields at
 * the end of a list: records of an older one, left in the spool by the program before, are
 * read with those fields empty. Numbers and lengths are LEB128 (seven bits a byte, the low
 * ones first, no longer than needed), with a sign in the lowest bit where there can be one;
 * up to version 4 they were eight and two bytes, little-endian. Texts are cut at 4 KiB
 * (they are names and sentences, never content). Pure; read views point into the given
 * bytes.
 */
#include "portcullis/audit.h"

#define RECORD_VERSION 5
#define VERSION_FIRST 1
#define VERSION_CONTENT 2 /* what content rules found and replaced */
#define VERSION_MODEL 3   /* another model than was asked for */
#define VERSION_CLIENT 4  /* what the caller calls the request */
#define VERSION_SHORT 5   /* numbers as LEB128 */
#define TEXT_BYTES_MAX 4096

/* Room there always is where a text or a violation begins: for all fields that may follow
 * before it is looked for again. */
#define SLACK_BYTES 1024
#define ROOM_BYTES 2048 /* asked of the buffer at once: most records need one */

/* The lists: type, member, version that brought it. A type has a put_ and a get_ below. */
/* clang-format off */
#define DECISION_FIELDS(F)                                                                         \
    F(text, request_id, FIRST) F(text, node, FIRST) F(text, org, FIRST) F(text, team, FIRST)       \
    F(text, environment, FIRST) F(text, project, FIRST) F(text, user, FIRST)                       \
    F(text, user_id, FIRST) F(text, key_id, FIRST) F(text, method, FIRST) F(text, path, FIRST)     \
    F(text, endpoint, FIRST) F(text, decision, FIRST) F(text, policy, FIRST)                       \
    F(text, policy_id, FIRST) F(text, rule, FIRST) F(text, rule_key, FIRST)                        \
    F(text, reason, FIRST) F(text, model_requested, FIRST) F(text, model, FIRST)                   \
    F(text, provider, FIRST) F(text, selected_policy_id, FIRST) F(i64, unix_ms, FIRST)             \
    F(u32, worker, FIRST) F(u32, policy_version, FIRST) F(i32, slot, FIRST) F(u64, epoch, FIRST)   \
    F(u64, org_seq, FIRST) F(u64, staleness_ms, FIRST) F(bool, is_degraded, FIRST)                 \
    F(bool, is_stream, FIRST) F(u32, status, FIRST) F(u32, rules_applied, FIRST)                   \
    F(u32, eval_us, FIRST) F(u64, request_bytes, FIRST) F(hash, body_sha256, FIRST)                \
    F(violations, violations, FIRST) F(u64, violations_dropped, CONTENT)                           \
    F(u64, modifications, CONTENT) F(text, substituted_from, MODEL)                                \
    F(text, client_request_id, CLIENT) F(text, trace_id, CLIENT)

#define OUTCOME_FIELDS(F)                                                                          \
    F(text, request_id, FIRST) F(text, node, FIRST) F(text, org, FIRST) F(text, outcome, FIRST)    \
    F(text, provider, FIRST) F(text, model, FIRST) F(text, upstream_request_id, FIRST)             \
    F(text, finish_reason, FIRST) F(i64, unix_ms, FIRST) F(u32, worker, FIRST)                     \
    F(u32, status, FIRST) F(u32, upstream_status, FIRST) F(u32, attempts, FIRST)                   \
    F(u64, input_tokens, FIRST) F(u64, output_tokens, FIRST) F(u64, cached_tokens, FIRST)          \
    F(bool, has_usage, FIRST) F(bool, is_usage_estimated, FIRST) F(i64, cost_pico_usd, FIRST)      \
    F(u32, duration_ms, FIRST) F(u32, upstream_ms, FIRST) F(u32, first_byte_ms, FIRST)             \
    F(u64, response_bytes, FIRST) F(text, response_decision, CONTENT)                              \
    F(violations, violations, CONTENT) F(u64, violations_dropped, CONTENT)                         \
    F(u64, modifications, CONTENT)

#define VIOLATION_FIELDS(F)                                                                        \
    F(text, policy_id, FIRST) F(text, policy, FIRST) F(text, rule_key, FIRST)                      \
    F(text, rule, FIRST) F(text, effect, FIRST) F(text, severity, FIRST) F(text, provider, FIRST)  \
    F(text, message, FIRST) F(u32, policy_version, FIRST) F(text, stage, CONTENT)                  \
    F(text, what, CONTENT) F(text, pointer, CONTENT) F(u64, start, CONTENT) F(u64, end, CONTENT)   \
    F(u64, count, CONTENT)
/* clang-format on */

/* What put_ and get_ are given of a member: most one pointer, two types two. */
#define AT_text(s, member) &(s)->member
#define AT_u64(s, member) &(s)->member
#define AT_u32(s, member) &(s)->member
#define AT_i64(s, member) &(s)->member
#define AT_i32(s, member) &(s)->member
#define AT_bool(s, member) &(s)->member
#define AT_hash(s, member) &(s)->has_##member, &(s)->member
#define AT_violations(s, member) &(s)->member, &(s)->member##_count

/* No field takes more than ten bytes, but a text and a hash. */
#define ONE(type, member, since) +1
_Static_assert(10 * (DECISION_FIELDS(ONE) VIOLATION_FIELDS(ONE)) + sizeof(struct sha256) + 2 <=
                   SLACK_BYTES,
               "room");
_Static_assert(10 * (OUTCOME_FIELDS(ONE) VIOLATION_FIELDS(ONE)) + 2 <= SLACK_BYTES, "room");
struct writer {
    struct buf *out;
    const char *end; /* of the room behind what is committed */
};

struct reader {
    struct arena *arena;
    const char *at, *end;
    unsigned version;
    bool is_bad; /* the first failure sticks */
};

static char *begin_record(struct writer *w, struct buf *out, enum audit_kind kind);
static void end_record(struct writer *w, const char *at);
static char *make_room(struct writer *w, size_t bytes);
static char *more_room(struct writer *w, char *at, size_t bytes);
static inline char *put_text(struct writer *w, char *at, const struct str *s);
static char *put_bytes(struct writer *w, char *at, const struct str *s);
static char *put_leb128(char *at, uint64_t v);
static char *put_u64(struct writer *w, char *at, const uint64_t *v);
static char *put_u32(struct writer *w, char *at, const uint32_t *v);
static char *put_i64(struct writer *w, char *at, const int64_t *v);
static char *put_i32(struct writer *w, char *at, const int32_t *v);
static char *put_bool(struct writer *w, char *at, const bool *v);
static char *put_hash(struct writer *w, char *at, const bool *is_there, const struct sha256 *h);
static char *put_violations(struct writer *w, char *at, const struct audit_violation *const *list,
                            const size_t *list_count);
static char *put_violation(struct writer *w, char *at, const struct audit_violation *v);
static void get_decision(struct reader *r, struct audit_decision *d);
static void get_outcome(struct reader *r, struct audit_outcome *o);
static void get_violation(struct reader *r, struct audit_violation *v);
static const char *take(struct reader *r, size_t bytes);
static inline uint64_t get_number(struct reader *r, uint64_t max);
static uint64_t get_leb128(struct reader *r);
static int64_t get_signed(struct reader *r, int64_t min, int64_t max);
static inline void get_text(struct reader *r, struct str *ret);
static void get_bytes(struct reader *r, struct str *ret);
static void get_u64(struct reader *r, uint64_t *ret);
static void get_u32(struct reader *r, uint32_t *ret);
static void get_i64(struct reader *r, int64_t *ret);
static void get_i32(struct reader *r, int32_t *ret);
static void get_bool(struct reader *r, bool *ret);
static void get_hash(struct reader *r, bool *ret_is_there, struct sha256 *ret);
static void get_violations(struct reader *r, const struct audit_violation **ret, size_t *ret_count);

/* ---- writing --------------------------------------------------------------------- */

/* Each put_ returns what is behind what it wrote; NULL: there was no room. */
#define PUT(type, member, since)                                                                   \
    at = put_##type(w, at, AT_##type(from, member));                                               \
    if (at == NULL) {                                                                              \
        return;                                                                                    \
    }

void audit_decision_write(struct buf *out, const struct audit_decision *from)
{
    struct writer writer, *w = &writer;
    char *at = begin_record(w, out, AUDIT_DECISION);
    if (at != NULL) {
        DECISION_FIELDS(PUT)
        end_record(w, at);
    }
}

void audit_outcome_write(struct buf *out, const struct audit_outcome *from)
{
    struct writer writer, *w = &writer;
    char *at = begin_record(w, out, AUDIT_OUTCOME);
    if (at != NULL) {
        OUTCOME_FIELDS(PUT)
        end_record(w, at);
    }
}
#undef PUT

static char *begin_record(struct writer *w, struct buf *out, enum audit_kind kind)
{
    w->out = out;
    char *at = make_room(w, 0);
    if (at != NULL) {
        *at++ = RECORD_VERSION;
        *at++ = (char)kind;
    }
    return at;
}

static void end_record(struct writer *w, const char *at)
{
    buf_commit(w->out, (size_t)(at - (w->out->ptr + w->out->len)));
}

/* For a text of so many bytes and what may follow it. */
static char *make_room(struct writer *w, size_t bytes)
{
    size_t room = bytes + SLACK_BYTES > ROOM_BYTES ? bytes + SLACK_BYTES : ROOM_BYTES;
    char *at = buf_reserve(w->out, room);
    w->end = at == NULL ? NULL : at + room;
    return at;
}

/* The same behind what was written up to `at`, where there is less. */
static char *more_room(struct writer *w, char *at, size_t bytes)
{
    if ((size_t)(w->end - at) >= bytes + SLACK_BYTES) {
        return at;
    }
    end_record(w, at); /* so far */
    return make_room(w, bytes);
}

/* Most are short, many empty. */
static inline char *put_text(struct writer *w, char *at, const struct str *s)
{
    if (s->len >= 0x80 || (size_t)(w->end - at) < s->len + SLACK_BYTES) {
        return put_bytes(w, at, s);
    }
    *at++ = (char)s->len;
    if (s->len > 0) {
        memcpy(at, s->ptr, s->len);
    }
    return at + s->len;
}

static char *put_bytes(struct writer *w, char *at, const struct str *s)
{
    size_t len = s->len < TEXT_BYTES_MAX ? s->len : TEXT_BYTES_MAX;
    at = more_room(w, at, len);
    if (at == NULL) {
        return NULL;
    }
    at = put_leb128(at, len);
    if (len > 0) {
        memcpy(at, s->ptr, len);
    }
    return at + len;
}

static char *put_leb128(char *at, uint64_t v)
{
    while (v >= 0x80) {
        *at++ = (char)(uint8_t)(v | 0x80);
        v >>= 7;
    }
    *at++ = (char)(uint8_t)v;
    return at;
}

static char *put_u64(struct writer *w, char *at, const uint64_t *v)
{
    (void)w;
    return put_leb128(at, *v);
}

static char *put_u32(struct writer *w, char *at, const uint32_t *v)
{
    (void)w;
    return put_leb128(at, *v);
}

/* 0, -1, 1, -2 ... as 0, 1, 2, 3 ... */
static char *put_i64(struct writer *w, char *at, const int64_t *v)
{
    (void)w;
    return put_leb128(at, (uint64_t)*v << 1 ^ (*v < 0 ? UINT64_MAX : 0));
}

static char *put_i32(struct writer *w, char *at, const int32_t *v)
{
    int64_t wide = *v;
    return put_i64(w, at, &wide);
}

static char *put_bool(struct writer *w, char *at, const bool *v)
{
    (void)w;
    *at++ = *v ? 1 : 0;
    return at;
}

static char *put_hash(struct writer *w, char *at, const bool *is_there, const struct sha256 *h)
{
    at = put_bool(w, at, is_there);
    if (*is_there) {
        memcpy(at, h->bytes, sizeof(h->bytes));
        at += sizeof(h->bytes);
    }
    return at;
}

static char *put_violations(struct writer *w, char *at, const struct audit_violation *const *list,
                            const size_t *list_count)
{
    size_t count = *list_count < AUDIT_VIOLATIONS_MAX ? *list_count : AUDIT_VIOLATIONS_MAX;
    at = put_leb128(at, count);
    for (size_t i = 0; i < count && at != NULL; i++) {
        at = more_room(w, at, 0);
        at = at == NULL ? NULL : put_violation(w, at, &(*list)[i]);
    }
    return at;
}

#define PUT(type, member, since)                                                                   \
    at = at == NULL ? NULL : put_##type(w, at, AT_##type(from, member));
static char *put_violation(struct writer *w, char *at, const struct audit_violation *from)
{
    VIOLATION_FIELDS(PUT)
    return at;
}
#undef PUT

/* ---- reading --------------------------------------------------------------------- */

enum audit_kind audit_record_kind(struct str bytes)
{
    bool is_known = bytes.len >= 2 && bytes.ptr[0] >= VERSION_FIRST &&
                    bytes.ptr[0] <= RECORD_VERSION &&
                    (bytes.ptr[1] == AUDIT_DECISION || bytes.ptr[1] == AUDIT_OUTCOME);
    return is_known ? (enum audit_kind)bytes.ptr[1] : (enum audit_kind)0;
}

enum err audit_record_read(struct arena *a, struct str bytes, struct audit_record *ret)
{
    enum audit_kind kind = audit_record_kind(bytes);
    if (kind == 0) {
        return ERR_CORRUPT;
    }
    struct reader r = {.arena = a,
                       .at = bytes.ptr + 2,
                       .end = bytes.ptr + bytes.len,
                       .version = (unsigned char)bytes.ptr[0]};
    memset(ret, 0, sizeof(*ret));
    ret->kind = kind;
    if (kind == AUDIT_DECISION) {
        get_decision(&r, &ret->decision);
    } else {
        get_outcome(&r, &ret->outcome);
    }
    return r.is_bad || r.at != r.end ? ERR_CORRUPT : ERR_OK;
}

#define GET(type, member, since)                                                                   \
    if (VERSION_##since <= r->version) {                                                           \
        get_##type(r, AT_##type(to, member));                                                      \
    }

static void get_decision(struct reader *r, struct audit_decision *to)
{
    DECISION_FIELDS(GET)
}

static void get_outcome(struct reader *r, struct audit_outcome *to)
{
    OUTCOME_FIELDS(GET)
}

static void get_violation(struct reader *r, struct audit_violation *to)
{
    VIOLATION_FIELDS(GET)
}
#undef GET

/* NULL, and never anything again, when there is less. */
static const char *take(struct reader *r, size_t bytes)
{
    if (r->is_bad || (size_t)(r->end - r->at) < bytes) {
        r->is_bad = true;
        return NULL;
    }
    r->at += bytes;
    return r->at - bytes;
}

static inline uint64_t get_number(struct reader *r, uint64_t max)
{
    uint64_t v = 0;
    if (r->version >= VERSION_SHORT) {
        bool is_short = r->at < r->end && !r->is_bad && (*r->at & 0x80) == 0; /* mostly */
        v = is_short ? (uint8_t)*r->at++ : get_leb128(r);
    } else {
        const char *at = take(r, sizeof(v));
        for (size_t i = sizeof(v); at != NULL && i-- > 0;) {
            v = v << 8 | (uint8_t)at[i];
        }
    }
    r->is_bad = r->is_bad || v > max;
    return v;
}

/* One spelling per number: no more bytes than it needs, no bits beyond 64. */
static uint64_t get_leb128(struct reader *r)
{
    const char *at = r->at;
    uint64_t v = 0;
    for (unsigned shift = 0; shift < 64 && !r->is_bad && at < r->end; shift += 7) {
        uint8_t byte = (uint8_t)*at++;
        uint64_t bits = byte & 0x7f;
        if ((bits << shift) >> shift != bits) {
            break;
        }
        v |= bits << shift;
        if ((byte & 0x80) == 0) {
            r->at = at;
            r->is_bad = bits == 0 && shift > 0;
            return v;
        }
    }
    r->is_bad = true;
    return 0;
}

static int64_t get_signed(struct reader *r, int64_t min, int64_t max)
{
    uint64_t u = get_number(r, UINT64_MAX);
    if (r->version >= VERSION_SHORT) {
        u = u >> 1 ^ ((u & 1) != 0 ? UINT64_MAX : 0);
    }
    int64_t v = (int64_t)u;
    r->is_bad = r->is_bad || v < min || v > max;
    return v;
}

/* Most are short, many empty. */
static inline void get_text(struct reader *r, struct str *ret)
{
    size_t left = (size_t)(r->end - r->at);
    if (r->version < VERSION_SHORT || r->is_bad || left == 0 || (uint8_t)*r->at >= left ||
        (*r->at & 0x80) != 0) {
        get_bytes(r, ret);
        return;
    }
    size_t len = (uint8_t)*r->at++;
    *ret = len == 0 ? STR_NONE : (struct str){r->at, len};
    r->at += len;
}

static void get_bytes(struct reader *r, struct str *ret)
{
    size_t len;
    if (r->version >= VERSION_SHORT) {
        len = (size_t)get_number(r, TEXT_BYTES_MAX);
    } else {
        const char *at = take(r, 2);
        len = at == NULL ? 0 : (size_t)(uint8_t)at[0] | (size_t)(uint8_t)at[1] << 8;
        r->is_bad = r->is_bad || len > TEXT_BYTES_MAX;
    }
    const char *text = take(r, len);
    *ret = text == NULL || len == 0 ? STR_NONE : (struct str){text, len};
}

static void get_u64(struct reader *r, uint64_t *ret)
{
    *ret = get_number(r, UINT64_MAX);
}

static void get_u32(struct reader *r, uint32_t *ret)
{
    *ret = (uint32_t)get_number(r, UINT32_MAX);
}

static void get_i64(struct reader *r, int64_t *ret)
{
    *ret = get_signed(r, INT64_MIN, INT64_MAX);
}

static void get_i32(struct reader *r, int32_t *ret)
{
    *ret = (int32_t)get_signed(r, INT32_MIN, INT32_MAX);
}

static void get_bool(struct reader *r, bool *ret)
{
    const char *at = take(r, 1);
    r->is_bad = at == NULL || (uint8_t)*at > 1;
    *ret = at != NULL && *at == 1;
}

static void get_hash(struct reader *r, bool *ret_is_there, struct sha256 *ret)
{
    get_bool(r, ret_is_there);
    const char *bytes = *ret_is_there ? take(r, sizeof(ret->bytes)) : NULL;
    if (bytes != NULL) {
        memcpy(ret->bytes, bytes, sizeof(ret->bytes));
    }
}

static void get_violations(struct reader *r, const struct audit_violation **ret, size_t *ret_count)
{
    size_t count = (size_t)get_number(r, AUDIT_VIOLATIONS_MAX);
    struct audit_violation *list =
        r->is_bad ? NULL : ARENA_ARRAY(r->arena, count, struct audit_violation);
    if (list == NULL) {
        r->is_bad = true;
        return;
    }
    for (size_t i = 0; i < count; i++) {
        get_violation(r, &list[i]);
    }
    *ret = list;
    *ret_count = count;
}
