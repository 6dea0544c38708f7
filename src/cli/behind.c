/* SPDX-License-Identifier: Apache-2.0
 *
 * Organisations whose newest rows could not be taken over: damaged, or with a rule that this
 * version does not know. Their last good part stays in force, and this node does not say that
 * it enforces what it does not: with its epoch it reports whom that does not hold for, so that
 * a write of theirs that waits is told which gateway is behind, and everybody else's is not
 * held up. Control thread.
 */
#include "serve.h"

#define IDS_BYTES_MAX (16u << 20)

void serve_behind_set(struct serve *s, struct str org, bool is_behind)
{
    struct buf kept;
    struct str rest = buf_str(&s->behind);
    uint64_t count = is_behind ? 1 : 0;
    buf_init(&kept, IDS_BYTES_MAX);
    while (rest.len != 0) {
        struct str id = str_cut(&rest, '\n');
        if (id.len != 0 && !str_eq(id, org)) {
            buf_add(&kept, id);
            buf_add_byte(&kept, '\n');
            count++;
        }
    }
    if (is_behind) {
        buf_add(&kept, org);
        buf_add_byte(&kept, '\n');
    }
    s->is_report_due = s->is_report_due || !str_eq(buf_str(&kept), buf_str(&s->behind));
    buf_fini(&s->behind);
    s->behind = kept;
    atomic_store(&s->health.orgs_behind, count);
}

void serve_behind_clear(struct serve *s)
{
    s->is_report_due = s->is_report_due || s->behind.len != 0;
    buf_fini(&s->behind);
    buf_init(&s->behind, IDS_BYTES_MAX);
    atomic_store(&s->health.orgs_behind, 0);
}
