/* SPDX-License-Identifier: Apache-2.0
 *
 * Inside of this room: the steps of content_new. Control thread; none of this is seen by
 * a check.
 */
#ifndef PORTCULLIS_CONTENT_COMPILE_H
#define PORTCULLIS_CONTENT_COMPILE_H

#include "content_private.h"

/* compile_check.c: would these rules run as they say? The issue's pointer is
 * /N/member/index, N the rule's number. */
struct compile_rules {
    const struct content_rule *const *items;
    size_t count;
    const struct recognise_services *services;
};
MUST_USE enum err compile_check(const struct compile_rules *rules, struct issue *issue);
bool compile_is_entity(const struct content_rule *r, struct str name);
/* The services of which one finds types[i] of the rule; `ret` names it. */
bool compile_is_recognised(const struct content_rule *r, size_t i,
                           const struct recognise_services *services, struct term *ret);
/* Index of a topic; SCAN_TOPICS_MAX = there is none of the name. */
size_t compile_topic(struct str name);
/* What all rules say, as one hash. */
MUST_USE enum err compile_source(const struct content_rule *const *rules, size_t count,
                                 struct sha256 *ret);

/* compile_set.c: the terms and the set; needs c->rules. Takes the previous content's set
 * when it looks for the same. */
MUST_USE enum err compile_set(struct content *c, const struct content_rule *const *rules,
                              const struct content_build *with, struct issue *issue);

#endif
