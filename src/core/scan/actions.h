/* SPDX-License-Identifier: Apache-2.0
 *
 * Regions: what a whole text and a stream share when they rewrite. Findings in the
 * order of findings_sort go in; those that a plan edits and that overlap come out as
 * one region each. Pure.
 */
#ifndef PORTCULLIS_SCAN_ACTIONS_H
#define PORTCULLIS_SCAN_ACTIONS_H

#include "scan_private.h"

struct region {
    size_t start, end;
    size_t block_start; /* of the first finding that blocks */
    const struct scan_finding *leader;
    const struct scan_action *action; /* the leader's */
    bool has_block;
    bool is_joined; /* of findings of more than one type and place */
};

/* What the plan says of items[at]: an index of its actions, SCAN_PLAN_COVER or _NONE. */
uint8_t plan_index(const struct scan_plan *plan, const struct scan_finding *items, size_t count,
                   size_t at);
/* The next region from findings[*at] on; *at moves behind it. False at the end. */
bool region_next(const struct scan_plan *plan, const struct scan_finding *findings, size_t count,
                 size_t *at, struct region *ret);
/* Appends what stands for `value`. */
void region_write(const struct scan_plan *plan, struct scan_keys *keys, const struct region *r,
                  struct str value, struct buf *out);

#endif
