/* SPDX-License-Identifier: Apache-2.0
 *
 * The literals' database of a set, for set.c. A source names the literals; the id that
 * libhs reports is a literal's number in it. Nothing is kept here.
 */
#ifndef PORTCULLIS_SCAN_LITERALS_H
#define PORTCULLIS_SCAN_LITERALS_H

#include "scan_private.h"

/* What terms and expressions make libhs look for; both are there, and sorted. */
MUST_USE enum err literals_prepare(struct scan_set *set);
/* Appends the source; nothing when there are no literals. */
void literals_source(const struct scan_set *set, struct buf *ret_source);
/* From `stored` when it is of this source and platform, else compiled. */
MUST_USE enum err literals_compile(struct scan_set *set, struct str stored, struct issue *issue);
MUST_USE enum err literals_load(struct str source, struct str stored, hs_database_t **ret,
                                struct issue *issue);

/* The literals of a source, one after another; nothing of what is not a source. */
struct str literals_begin(struct str source);
bool literals_next(struct str *rest, struct str *ret);

#endif
