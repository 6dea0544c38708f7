/* SPDX-License-Identifier: Apache-2.0
 *
 * What the caller calls its request: X-Request-Id, and the trace of a W3C traceparent
 * (product.md 2.4). Both go on record, so that a caller's log leads to the decision; ours
 * stays the id that is answered. They are the caller's words: what is not short and
 * printable is dropped, never repaired, and never a reason to refuse. A traceparent goes on
 * to the provider only when it is valid, and tracestate only beside it, as that
 * specification says.
 */
#include "flow_private.h"

#define CLIENT_ID_BYTES_MAX 128
#define TRACESTATE_BYTES_MAX 512

enum { TRACE_VERSION = 0, TRACE_ID = 3, TRACE_PARENT = 36, TRACE_FLAGS = 53, TRACE_LEN = 55 };

static struct str only(const struct flow_exchange *x, const char *name, size_t bytes_max);
static bool is_printable(struct str s, char from);
static bool is_traceparent(struct str s);
static bool is_lower_hex(struct str s);
static bool is_zero(struct str s);

void flow_read_trace(struct flow_exchange *x)
{
    struct flow_private *p = x->p;
    struct str id = only(x, "x-request-id", CLIENT_ID_BYTES_MAX);
    p->client_request_id = is_printable(id, '!') ? id : STR_NONE;
    struct str parent = only(x, "traceparent", CLIENT_ID_BYTES_MAX);
    if (!is_traceparent(parent)) {
        return;
    }
    p->traceparent = parent;
    p->trace_id = str_sub(parent, TRACE_ID, TRACE_ID + 32);
    struct str state = only(x, "tracestate", TRACESTATE_BYTES_MAX);
    p->tracestate = is_printable(state, ' ') ? state : STR_NONE;
}

/* The value of a field that is there once. */
static struct str only(const struct flow_exchange *x, const char *name, size_t bytes_max)
{
    struct str value = wire_header_get(x->p->head, name);
    bool is_good =
        value.len > 0 && value.len <= bytes_max && !wire_header_is_repeated(x->p->head, name);
    return is_good ? value : STR_NONE;
}

static bool is_printable(struct str s, char from)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] < from || s.ptr[i] > '~') {
            return false;
        }
    }
    return true;
}

/* version-trace-parent-flags; a version to come may have more behind a dash. */
static bool is_traceparent(struct str s)
{
    if (s.len < TRACE_LEN || s.ptr[TRACE_ID - 1] != '-' || s.ptr[TRACE_PARENT - 1] != '-' ||
        s.ptr[TRACE_FLAGS - 1] != '-') {
        return false;
    }
    struct str version = str_sub(s, TRACE_VERSION, 2);
    struct str trace = str_sub(s, TRACE_ID, TRACE_PARENT - 1);
    struct str parent = str_sub(s, TRACE_PARENT, TRACE_FLAGS - 1);
    bool is_known = str_eq(version, STR("00"));
    bool has_end = s.len == TRACE_LEN || (!is_known && s.ptr[TRACE_LEN] == '-');
    return has_end && is_lower_hex(version) && !str_eq(version, STR("ff")) && is_lower_hex(trace) &&
           !is_zero(trace) && is_lower_hex(parent) && !is_zero(parent) &&
           is_lower_hex(str_sub(s, TRACE_FLAGS, TRACE_LEN)) && is_printable(s, '!');
}

static bool is_lower_hex(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        bool is_hex = (s.ptr[i] >= '0' && s.ptr[i] <= '9') || (s.ptr[i] >= 'a' && s.ptr[i] <= 'f');
        if (!is_hex) {
            return false;
        }
    }
    return true;
}

static bool is_zero(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] != '0') {
            return false;
        }
    }
    return true;
}
