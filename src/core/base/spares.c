/* SPDX-License-Identifier: Apache-2.0
 *
 * Memory of buffers that are done with, for the next ones: what was given last is taken
 * first, because it is still in the cache, while memory that each connection keeps for
 * itself is out of it again whenever its turn comes. One thread per object.
 */
#include "portcullis/base.h"

#define SPARE_BYTES_MAX ((size_t)32 * 1024)

void buf_spares_fini(struct buf_spares *s)
{
    while (s->count > 0) {
        buf_fini(&s->bufs[--s->count]);
    }
}

void buf_take_spare(struct buf_spares *s, struct buf *b)
{
    if (s == NULL || s->count == 0 || b->ptr != NULL) {
        return;
    }
    struct buf *last = &s->bufs[s->count - 1];
    if (last->capacity <= b->bytes_max) {
        b->ptr = last->ptr;
        b->capacity = last->capacity;
        s->count--;
    }
}

void buf_give_spare(struct buf_spares *s, struct buf *b)
{
    if (s == NULL || b->ptr == NULL || s->count == BUF_SPARES_MAX ||
        b->capacity > SPARE_BYTES_MAX) {
        buf_fini(b);
        return;
    }
    s->bufs[s->count++] = *b;
    *b = (struct buf){.bytes_max = b->bytes_max};
}
