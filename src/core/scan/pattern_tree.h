/* SPDX-License-Identifier: Apache-2.0
 *
 * The tree between a regular expression and its programs: what pattern_parse.c makes,
 * pattern.c turns into code and pattern_factor.c looks for literals in. It lives in the
 * arena of the compilation and is not kept.
 */
#ifndef PORTCULLIS_SCAN_PATTERN_TREE_H
#define PORTCULLIS_SCAN_PATTERN_TREE_H

#include "pattern.h"

enum node_kind { NODE_EMPTY, NODE_SET, NODE_CAT, NODE_ALT, NODE_REPEAT, NODE_EDGE, NODE_KEEP };

struct node {
    enum node_kind kind;
    struct byte_set set;
    struct node *left, *right; /* CAT, ALT; REPEAT: left */
    unsigned min, max;         /* max OPEN = open */
};

#define OPEN UINT32_MAX

struct parser {
    struct arena *a;
    struct str s;
    size_t at;
    bool is_nocase;
    unsigned depth;
    struct pattern_limits limits;
    struct issue *issue;
};

/* pattern_parse.c: the whole source. */
MUST_USE enum err parse_pattern(struct parser *p, struct node **ret);
enum err parse_fail(struct parser *p, enum err err, const char *message);
void node_width(const struct node *n, size_t *ret_min, size_t *ret_max);

/* pattern_factor.c */
MUST_USE enum err node_factors(struct arena *a, const struct node *root,
                               struct pattern_factors *ret);

#endif
