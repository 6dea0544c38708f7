/* SPDX-License-Identifier: Apache-2.0
 *
 * The cost of a regular expression, for set.c, which refuses what is too dear, and what
 * both need of how expressions are run.
 */
#ifndef PORTCULLIS_SCAN_COST_H
#define PORTCULLIS_SCAN_COST_H

#include "scan_private.h"

/* ERR_LIMIT or ERR_INVALID with a sentence that has the figure; *ret is filled anyway. */
MUST_USE enum err regex_cost(const struct regex *r, struct scan_cost *ret, struct issue *issue);
/* Do the bytes at `at` allow a match? */
bool regex_may_begin(const struct pattern *p, const struct match_input *in, size_t at);
/* For is_lead_run, after it failed at `at`: the next place where it might not. */
size_t regex_behind_lead(const struct regex *r, const struct match_input *in, size_t at);
void regex_describe(struct regex *r);

#endif
