/* SPDX-License-Identifier: Apache-2.0
 *
 * Fuzz target: a stream of server-sent events. All raws together must be the
 * stream, and any cut must give the same events.
 */
#include "portcullis/wire.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct outcome {
    uint64_t hash;
    size_t raw_bytes;
    size_t pending_bytes;
    bool is_refused;
};

static void note(struct outcome *o, struct str s)
{
    o->hash = o->hash * 1099511628211U + s.len + (s.ptr == NULL ? 7 : 0);
    for (size_t i = 0; i < s.len; i++) {
        o->hash = (o->hash ^ (unsigned char)s.ptr[i]) * 1099511628211U;
    }
}

static struct outcome run(struct str bytes, size_t step)
{
    struct outcome o = {.hash = 17};
    struct sse_parser p;
    sse_parser_init(&p, 1024);
    for (size_t at = 0; at < bytes.len && !o.is_refused; at += step) {
        struct str slice = str_sub(bytes, at, at + step);
        char *copy = malloc(slice.len);
        ASSERT(copy != NULL);
        memcpy(copy, slice.ptr, slice.len);
        sse_parser_feed(&p, (struct str){copy, slice.len});
        struct sse_event ev;
        enum err err;
        while ((err = sse_parser_next(&p, &ev)) == ERR_OK) {
            ASSERT(ev.raw.len > 0 && ev.data.len <= ev.raw.len);
            ASSERT(o.raw_bytes + ev.raw.len <= bytes.len);
            ASSERT(memcmp(ev.raw.ptr, bytes.ptr + o.raw_bytes, ev.raw.len) == 0);
            ASSERT(!ev.is_comment_only || (ev.data.len == 0 && ev.name.len == 0));
            o.raw_bytes += ev.raw.len;
            note(&o, ev.name);
            note(&o, ev.data);
            note(&o, ev.raw);
        }
        free(copy); /* what is left of it must have been copied */
        o.is_refused = err != ERR_AGAIN;
    }
    o.pending_bytes = sse_parser_pending_bytes(&p);
    ASSERT(o.is_refused || o.raw_bytes + o.pending_bytes == bytes.len);
    sse_parser_fini(&p);
    return o;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str bytes = {(const char *)data, size};
    if (size == 0) {
        return 0;
    }
    struct outcome whole = run(bytes, size);
    size_t steps[] = {1, 1 + data[0] % 7, 1 + size / 2};
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        struct outcome other = run(bytes, steps[i]);
        ASSERT(other.is_refused == whole.is_refused && other.hash == whole.hash);
        ASSERT(other.raw_bytes == whole.raw_bytes);
        ASSERT(other.is_refused || other.pending_bytes == whole.pending_bytes);
    }
    return 0;
}
