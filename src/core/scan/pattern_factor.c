/* SPDX-License-Identifier: Apache-2.0
 *
 * Literals that every match of an expression holds one of: where none stands, there is
 * nothing to look for. The tree is walked from left to right with a small set of strings
 * that what was passed last must be; where the set would grow too large it is a candidate,
 * and the best candidate stays. Lower case, for they are looked for without case.
 */
#include "pattern_tree.h"

#define STRINGS PATTERN_FACTORS_MAX
#define STRING_BYTES 16U
#define LENGTH_MIN 3U
#define SET_WIDTH_MAX 4U

struct strings {
    unsigned count;
    uint8_t lengths[STRINGS];
    char items[STRINGS][STRING_BYTES];
    size_t from_min, from_max; /* where they begin, counted from the match */
    bool is_at_word;
};

struct walk {
    struct strings now, best;
    int best_score;
    size_t at_min, at_max; /* where the walk is */
    bool is_at_word;
};

static void walk_node(struct walk *w, const struct node *n);
static void walk_alt(struct walk *w, const struct node *n);
static void walk_repeat(struct walk *w, const struct node *n);
static void take_all(struct walk *w, const struct strings *more, const struct node *n);
static void pass(struct walk *w, const struct node *n);
static void move_on(struct walk *w, const struct node *n);
static void begin(struct walk *w);
static void offer(struct walk *w, const struct strings *s);
static int score_of(const struct strings *s);
static bool exact_of(const struct node *n, struct strings *ret);
static bool exact_set(const struct node *n, struct strings *ret);
static bool join(struct strings *to, const struct strings *more);
static bool add_string(struct strings *to, const char *bytes, size_t len);
static bool is_apart(const struct node *n);
static size_t plus(size_t a, size_t b);

enum err node_factors(struct arena *a, const struct node *root, struct pattern_factors *ret)
{
    struct walk *w = ARENA_NEW(a, struct walk);
    if (w == NULL) {
        return ERR_MEMORY;
    }
    w->is_at_word = true;
    begin(w);
    walk_node(w, root);
    offer(w, &w->now);
    struct str *items = ARENA_ARRAY(a, w->best.count, struct str);
    if (items == NULL) {
        return ERR_MEMORY;
    }
    for (unsigned i = 0; i < w->best.count; i++) {
        items[i] = (struct str){w->best.items[i], w->best.lengths[i]};
    }
    *ret = (struct pattern_factors){.items = items,
                                    .count = w->best.count,
                                    .before_min = w->best.from_min,
                                    .before_max = w->best.from_max,
                                    .is_at_word = w->best.is_at_word};
    return ERR_OK;
}

static void walk_node(struct walk *w, const struct node *n)
{
    struct strings all;
    if (n->kind == NODE_EDGE) {
        if (w->now.count == 1 && w->now.lengths[0] == 0) {
            w->now.is_at_word = w->is_at_word = true;
        }
        return;
    }
    if (n->kind == NODE_EMPTY || n->kind == NODE_KEEP) {
        return;
    }
    if (n->kind == NODE_CAT) {
        walk_node(w, n->left);
        walk_node(w, n->right);
    } else if (exact_of(n, &all)) {
        take_all(w, &all, n);
    } else if (n->kind == NODE_ALT) {
        walk_alt(w, n);
    } else if (n->kind == NODE_REPEAT) {
        walk_repeat(w, n);
    } else {
        offer(w, &w->now);
        move_on(w, n);
    }
}

/* What is passed is exactly one of these. */
static void take_all(struct walk *w, const struct strings *more, const struct node *n)
{
    struct strings joined = w->now;
    if (join(&joined, more)) {
        w->now = joined;
        pass(w, n);
        return;
    }
    offer(w, &w->now);
    begin(w);
    w->is_at_word = w->now.is_at_word = false;
    joined = w->now;
    ASSERT(join(&joined, more)); /* to the empty string */
    move_on(w, n);
    w->now = joined;
}

/* Both sides must have something, and then it is one of either. */
static void walk_alt(struct walk *w, const struct node *n)
{
    offer(w, &w->now);
    struct walk left = {.at_min = w->at_min, .at_max = w->at_max, .is_at_word = w->is_at_word};
    struct walk right = left;
    begin(&left);
    begin(&right);
    walk_node(&left, n->left);
    walk_node(&right, n->right);
    offer(&left, &left.now);
    offer(&right, &right.now);
    struct strings both = left.best;
    bool is_whole = left.best.count > 0 && right.best.count > 0;
    for (unsigned i = 0; i < right.best.count && is_whole; i++) {
        is_whole = add_string(&both, right.best.items[i], right.best.lengths[i]);
    }
    if (is_whole) {
        both.from_min = both.from_min < right.best.from_min ? both.from_min : right.best.from_min;
        both.from_max = both.from_max > right.best.from_max ? both.from_max : right.best.from_max;
        both.is_at_word = both.is_at_word && right.best.is_at_word;
        offer(w, &both);
    }
    move_on(w, n);
}

static void walk_repeat(struct walk *w, const struct node *n)
{
    if (n->min > 0) { /* once, at least; then whatever comes begins anew */
        struct walk once = {.at_min = w->at_min, .at_max = w->at_max, .now = w->now};
        once.is_at_word = w->is_at_word;
        walk_node(&once, n->left);
        offer(&once, &once.now);
        offer(w, &once.best);
    }
    offer(w, &w->now);
    move_on(w, n);
}

/* The place behind the node. */
static void pass(struct walk *w, const struct node *n)
{
    size_t min;
    size_t max;
    node_width(n, &min, &max);
    w->at_min = plus(w->at_min, min);
    w->at_max = plus(w->at_max, max);
    w->is_at_word = is_apart(n);
}

static void move_on(struct walk *w, const struct node *n)
{
    pass(w, n);
    begin(w);
}

static void begin(struct walk *w)
{
    memset(&w->now, 0, sizeof(w->now));
    w->now.count = 1; /* the empty string */
    w->now.from_min = w->at_min;
    w->now.from_max = w->at_max;
    w->now.is_at_word = w->is_at_word;
}

static void offer(struct walk *w, const struct strings *s)
{
    int score = score_of(s);
    if (score > w->best_score) {
        w->best = *s;
        w->best_score = score;
    }
}

/* Long ones are rare; few are quick to look for; a known distance leaves few places. */
static int score_of(const struct strings *s)
{
    unsigned least = STRING_BYTES;
    for (unsigned i = 0; i < s->count; i++) {
        least = s->lengths[i] < least ? s->lengths[i] : least;
    }
    if (s->count == 0 || least < LENGTH_MIN) {
        return 0;
    }
    int length = least > 8 ? 8 : (int)least;
    return 100 + length * 8 - (int)s->count + (s->from_max < 64 ? 4 : 0) + (s->is_at_word ? 4 : 0);
}

/* The few strings that the node is, if they are few. */
static bool exact_of(const struct node *n, struct strings *ret)
{
    struct strings more;
    memset(ret, 0, sizeof(*ret));
    ret->count = 1;
    switch (n->kind) {
    case NODE_EMPTY:
        return true;
    case NODE_EDGE:
    case NODE_KEEP:
        return false;
    case NODE_SET:
        return exact_set(n, ret);
    case NODE_CAT:
        return exact_of(n->left, ret) && exact_of(n->right, &more) && join(ret, &more);
    case NODE_ALT:
        if (!exact_of(n->left, ret) || !exact_of(n->right, &more)) {
            return false;
        }
        for (unsigned i = 0; i < more.count; i++) {
            if (!add_string(ret, more.items[i], more.lengths[i])) {
                return false;
            }
        }
        return true;
    case NODE_REPEAT:
        if (n->max > 4 || !exact_of(n->left, &more)) {
            return false;
        }
        for (unsigned i = 0; i < n->min; i++) {
            if (!join(ret, &more)) {
                return false;
            }
        }
        if (n->max > n->min && !add_string(&more, "", 0)) {
            return false;
        }
        for (unsigned i = n->min; i < n->max; i++) {
            if (!join(ret, &more)) {
                return false;
            }
        }
        return true;
    }
    return false;
}

static bool exact_set(const struct node *n, struct strings *ret)
{
    ret->count = 0;
    for (unsigned c = 0; c < 256; c++) {
        if (!byte_set_has(&n->set, (unsigned char)c)) {
            continue;
        }
        char lower = c >= 'A' && c <= 'Z' ? (char)(c + 32) : (char)c;
        if (!add_string(ret, &lower, 1) || ret->count > SET_WIDTH_MAX) {
            return false;
        }
    }
    return ret->count > 0;
}

/* Each of `to` with each of `more` behind it. */
static bool join(struct strings *to, const struct strings *more)
{
    struct strings all = {.from_min = to->from_min, .from_max = to->from_max};
    all.is_at_word = to->is_at_word;
    for (unsigned i = 0; i < to->count; i++) {
        for (unsigned k = 0; k < more->count; k++) {
            char bytes[2 * STRING_BYTES];
            memcpy(bytes, to->items[i], to->lengths[i]);
            memcpy(bytes + to->lengths[i], more->items[k], more->lengths[k]);
            if (!add_string(&all, bytes, (size_t)to->lengths[i] + more->lengths[k])) {
                return false;
            }
        }
    }
    *to = all;
    return true;
}

static bool add_string(struct strings *to, const char *bytes, size_t len)
{
    for (unsigned i = 0; i < to->count; i++) {
        if (to->lengths[i] == len && memcmp(to->items[i], bytes, len) == 0) {
            return true;
        }
    }
    if (to->count == STRINGS || len > STRING_BYTES) {
        return false;
    }
    memcpy(to->items[to->count], bytes, len);
    to->lengths[to->count++] = (uint8_t)len;
    return true;
}

/* Whatever it matches ends in what is no letter and no digit. */
static bool is_apart(const struct node *n)
{
    switch (n->kind) {
    case NODE_SET:
        for (unsigned c = 0; c < 128; c++) {
            if (byte_set_has(&n->set, (unsigned char)c) && is_word_byte((unsigned char)c) &&
                c != '_') {
                return false;
            }
        }
        return true;
    case NODE_CAT:
        return is_apart(n->right);
    case NODE_ALT:
        return is_apart(n->left) && is_apart(n->right);
    case NODE_REPEAT:
        return n->min > 0 && is_apart(n->left);
    case NODE_EMPTY:
    case NODE_EDGE:
    case NODE_KEEP:
        break;
    }
    return false;
}

static size_t plus(size_t a, size_t b)
{
    return a == SIZE_MAX || b == SIZE_MAX ? SIZE_MAX : a + b;
}
