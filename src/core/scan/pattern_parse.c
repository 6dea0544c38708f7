/* SPDX-License-Identifier: Apache-2.0
 *
 * From source to tree: recursive descent over the common subset of regular expressions.
 * What is not in it is refused with a sentence and the byte, never taken for something
 * else. Bounded in depth; the source is at most some hundred bytes.
 */
#include "pattern_tree.h"

#define DEPTH_MAX 32U

static enum err parse_alt(struct parser *p, struct node **ret);
static enum err parse_cat(struct parser *p, struct node **ret);
static enum err parse_repeat(struct parser *p, struct node **ret);
static enum err parse_bounds(struct parser *p, unsigned *ret_min, unsigned *ret_max);
static bool parse_number(struct parser *p, unsigned *ret);
static enum err parse_atom(struct parser *p, struct node **ret);
static enum err parse_group(struct parser *p, struct node **ret);
static enum err parse_class(struct parser *p, struct byte_set *ret);
static enum err parse_class_item(struct parser *p, struct byte_set *set, int *ret_single);
static enum err parse_escape(struct parser *p, struct node *n);
static bool escape_set(char c, struct byte_set *ret);
static int escape_byte(struct parser *p, char c);
static void set_add(struct byte_set *s, unsigned char c);
static void set_fold(struct byte_set *s);
static struct node *node_new(struct parser *p, enum node_kind kind);
static size_t times(size_t width, unsigned count);

enum err parse_pattern(struct parser *p, struct node **ret)
{
    TRY(parse_alt(p, ret));
    if (p->at < p->s.len) {
        return parse_fail(p, ERR_SYNTAX, "a ')' without its '('");
    }
    return ERR_OK;
}

enum err parse_fail(struct parser *p, enum err err, const char *message)
{
    if (p->issue != NULL) {
        issue_set(p->issue, "", "%s (byte %zu of the expression)", message, p->at);
        p->issue->offset = p->at;
    }
    return err;
}

static struct node *node_new(struct parser *p, enum node_kind kind)
{
    struct node *n = ARENA_NEW(p->a, struct node);
    if (n != NULL) {
        n->kind = kind;
    }
    return n;
}

static enum err parse_alt(struct parser *p, struct node **ret)
{
    if (++p->depth > DEPTH_MAX) {
        return parse_fail(p, ERR_LIMIT, "groups nest too deep");
    }
    struct node *left;
    TRY(parse_cat(p, &left));
    while (p->at < p->s.len && p->s.ptr[p->at] == '|') {
        p->at++;
        struct node *alt = node_new(p, NODE_ALT);
        if (alt == NULL) {
            return ERR_MEMORY;
        }
        alt->left = left;
        TRY(parse_cat(p, &alt->right));
        left = alt;
    }
    p->depth--;
    *ret = left;
    return ERR_OK;
}

static enum err parse_cat(struct parser *p, struct node **ret)
{
    struct node *all = node_new(p, NODE_EMPTY);
    while (all != NULL && p->at < p->s.len && p->s.ptr[p->at] != '|' && p->s.ptr[p->at] != ')') {
        struct node *cat = node_new(p, NODE_CAT);
        if (cat == NULL) {
            return ERR_MEMORY;
        }
        cat->left = all;
        TRY(parse_repeat(p, &cat->right));
        all = all->kind == NODE_EMPTY ? cat->right : cat;
    }
    *ret = all;
    return all == NULL ? ERR_MEMORY : ERR_OK;
}

static enum err parse_repeat(struct parser *p, struct node **ret)
{
    struct node *atom;
    TRY(parse_atom(p, &atom));
    while (p->at < p->s.len && strchr("*+?{", p->s.ptr[p->at]) != NULL) {
        unsigned min = 0;
        unsigned max = OPEN;
        char c = p->s.ptr[p->at];
        if (c == '{') {
            TRY(parse_bounds(p, &min, &max));
        } else {
            p->at++;
            min = c == '+' ? 1 : 0;
            max = c == '?' ? 1 : OPEN;
        }
        if (p->at < p->s.len && (p->s.ptr[p->at] == '?' || p->s.ptr[p->at] == '+')) {
            if (p->s.ptr[p->at] == '+') {
                return parse_fail(p, ERR_UNSUPPORTED, "possessive repeats are not supported");
            }
            p->at++; /* lazy or not, the longest match is taken */
        }
        if (atom->kind == NODE_EDGE || atom->kind == NODE_KEEP) {
            return parse_fail(p, ERR_SYNTAX, "nothing here to repeat");
        }
        struct node *n = node_new(p, NODE_REPEAT);
        if (n == NULL) {
            return ERR_MEMORY;
        }
        *n = (struct node){.kind = NODE_REPEAT, .left = atom, .min = min, .max = max};
        atom = n;
    }
    *ret = atom;
    return ERR_OK;
}

static enum err parse_bounds(struct parser *p, unsigned *ret_min, unsigned *ret_max)
{
    p->at++; /* { */
    if (!parse_number(p, ret_min)) {
        return parse_fail(p, ERR_SYNTAX,
                          "after '{' a number is expected; write '\\{' for the character");
    }
    *ret_max = *ret_min;
    if (p->at < p->s.len && p->s.ptr[p->at] == ',') {
        p->at++;
        if (!parse_number(p, ret_max)) {
            *ret_max = OPEN;
        }
    }
    if (p->at >= p->s.len || p->s.ptr[p->at] != '}' || *ret_max < *ret_min) {
        return parse_fail(p, ERR_SYNTAX, "a repeat is written {n}, {n,} or {n,m} with n <= m");
    }
    p->at++;
    unsigned most = p->limits.repeat_max > 0 ? p->limits.repeat_max : 1000;
    if (*ret_min > most || (*ret_max != OPEN && *ret_max > most)) {
        return parse_fail(p, ERR_LIMIT, "a repeat count is too large; at most 64");
    }
    return ERR_OK;
}

static bool parse_number(struct parser *p, unsigned *ret)
{
    size_t from = p->at;
    unsigned n = 0;
    while (p->at < p->s.len && p->s.ptr[p->at] >= '0' && p->s.ptr[p->at] <= '9' &&
           p->at - from < 5) {
        n = n * 10 + (unsigned)(p->s.ptr[p->at++] - '0');
    }
    *ret = n;
    return p->at > from;
}

static enum err parse_atom(struct parser *p, struct node **ret)
{
    char c = p->s.ptr[p->at];
    if (c == '(') {
        return parse_group(p, ret);
    }
    struct node *n = *ret = node_new(p, NODE_SET);
    if (n == NULL) {
        return ERR_MEMORY;
    }
    if (c == '\\') {
        TRY(parse_escape(p, n));
    } else if (c == '[') {
        TRY(parse_class(p, &n->set));
    } else if (c == '.') {
        p->at++;
        memset(&n->set, 0xff, sizeof(n->set));
        n->set.bits[0] &= ~(UINT64_C(1) << '\n');
    } else if (strchr("*+?{", c) != NULL) {
        return parse_fail(p, ERR_SYNTAX, "nothing here to repeat");
    } else if (c == '^' || c == '$') {
        return parse_fail(p, ERR_UNSUPPORTED,
                          "anchors to the text's ends are not supported; use \\b");
    } else {
        p->at++;
        set_add(&n->set, (unsigned char)c);
    }
    if (p->is_nocase) {
        set_fold(&n->set);
    }
    return ERR_OK;
}

static enum err parse_group(struct parser *p, struct node **ret)
{
    p->at++;
    if (p->at < p->s.len && p->s.ptr[p->at] == '?') {
        if (p->at + 1 >= p->s.len || p->s.ptr[p->at + 1] != ':') {
            return parse_fail(p, ERR_UNSUPPORTED, "only (?: ) and ( ) groups are supported");
        }
        p->at += 2;
    }
    TRY(parse_alt(p, ret));
    if (p->at >= p->s.len) {
        return parse_fail(p, ERR_SYNTAX, "a '(' without its ')'");
    }
    p->at++;
    return ERR_OK;
}

static enum err parse_class(struct parser *p, struct byte_set *ret)
{
    bool is_negated = false;
    p->at++;
    if (p->at < p->s.len && p->s.ptr[p->at] == '^') {
        is_negated = true;
        p->at++;
    }
    size_t first = p->at;
    while (p->at < p->s.len && (p->s.ptr[p->at] != ']' || p->at == first)) {
        int from;
        TRY(parse_class_item(p, ret, &from));
        if (from >= 0 && p->at + 1 < p->s.len && p->s.ptr[p->at] == '-' &&
            p->s.ptr[p->at + 1] != ']') {
            p->at++;
            int to;
            TRY(parse_class_item(p, ret, &to));
            if (to < from) {
                return parse_fail(p, ERR_SYNTAX, "a range in [] runs backwards");
            }
            for (int c = from; c <= to; c++) {
                set_add(ret, (unsigned char)c);
            }
        }
    }
    if (p->at >= p->s.len) {
        return parse_fail(p, ERR_SYNTAX, "a '[' without its ']'");
    }
    p->at++;
    if (is_negated) {
        if (p->is_nocase) {
            set_fold(ret);
        }
        for (unsigned i = 0; i < 4; i++) {
            ret->bits[i] = ~ret->bits[i];
        }
    }
    return ERR_OK;
}

/* One byte or one \d-like set; *ret_single is the byte, or -1. */
static enum err parse_class_item(struct parser *p, struct byte_set *set, int *ret_single)
{
    char c = p->s.ptr[p->at++];
    *ret_single = (unsigned char)c;
    if (c == '\\') {
        if (p->at >= p->s.len) {
            return parse_fail(p, ERR_SYNTAX, "the expression ends in a backslash");
        }
        c = p->s.ptr[p->at++];
        struct byte_set more = {{0}};
        if (escape_set(c, &more)) {
            for (unsigned i = 0; i < 4; i++) {
                set->bits[i] |= more.bits[i];
            }
            *ret_single = -1;
            return ERR_OK;
        }
        *ret_single = escape_byte(p, c);
        if (*ret_single < 0) {
            return parse_fail(p, ERR_UNSUPPORTED, "this escape is not supported");
        }
    }
    set_add(set, (unsigned char)*ret_single);
    return ERR_OK;
}

static enum err parse_escape(struct parser *p, struct node *n)
{
    p->at++;
    if (p->at >= p->s.len) {
        return parse_fail(p, ERR_SYNTAX, "the expression ends in a backslash");
    }
    char c = p->s.ptr[p->at++];
    if (c == 'b' || c == 'K') {
        n->kind = c == 'b' ? NODE_EDGE : NODE_KEEP;
        return ERR_OK;
    }
    if (escape_set(c, &n->set)) {
        return ERR_OK;
    }
    int byte = escape_byte(p, c);
    if (byte < 0) {
        return parse_fail(p, ERR_UNSUPPORTED, "this escape is not supported");
    }
    set_add(&n->set, (unsigned char)byte);
    return ERR_OK;
}

static bool escape_set(char c, struct byte_set *ret)
{
    for (unsigned b = 0; b < 256; b++) {
        bool has = false;
        switch (c | 0x20) {
        case 'd':
            has = b >= '0' && b <= '9';
            break;
        case 'w':
            has = is_word_byte((unsigned char)b);
            break;
        case 's':
            has = b == ' ' || (b >= '\t' && b <= '\r');
            break;
        default:
            return false;
        }
        if (has != ((c & 0x20) == 0)) {
            set_add(ret, (unsigned char)b);
        }
    }
    return true;
}

/* The byte that `\c` stands for, or -1. */
static int escape_byte(struct parser *p, char c)
{
    static const char from[] = "ntrfv";
    static const char to[] = "\n\t\r\f\v";
    const char *known = strchr(from, c);
    if (known != NULL) {
        return (unsigned char)to[known - from];
    }
    if (c == 'x' && p->at + 1 < p->s.len) {
        uint8_t byte;
        if (hex_to(str_sub(p->s, p->at, p->at + 2), &byte, 1) == ERR_OK) {
            p->at += 2;
            return byte;
        }
        return -1;
    }
    unsigned char u = (unsigned char)c;
    return is_word_byte(u) && u != '_' ? -1 : u;
}

static void set_add(struct byte_set *s, unsigned char c)
{
    s->bits[c >> 6] |= UINT64_C(1) << (c & 63);
}

static void set_fold(struct byte_set *s)
{
    for (unsigned char c = 'a'; c <= 'z'; c++) {
        unsigned char upper = (unsigned char)(c - 'a' + 'A');
        if (byte_set_has(s, c) || byte_set_has(s, upper)) {
            set_add(s, c);
            set_add(s, upper);
        }
    }
}

void node_width(const struct node *n, size_t *ret_min, size_t *ret_max)
{
    size_t min = 0;
    size_t max = 0;
    *ret_min = *ret_max = 0;
    switch (n->kind) {
    case NODE_EMPTY:
    case NODE_EDGE:
    case NODE_KEEP:
        break;
    case NODE_SET:
        *ret_min = *ret_max = 1;
        break;
    case NODE_CAT:
        node_width(n->left, ret_min, ret_max);
        node_width(n->right, &min, &max);
        *ret_min += min;
        *ret_max = *ret_max == SIZE_MAX || max == SIZE_MAX ? SIZE_MAX : *ret_max + max;
        break;
    case NODE_ALT:
        node_width(n->left, ret_min, ret_max);
        node_width(n->right, &min, &max);
        *ret_min = min < *ret_min ? min : *ret_min;
        *ret_max = max > *ret_max ? max : *ret_max;
        break;
    case NODE_REPEAT:
        node_width(n->left, &min, &max);
        *ret_min = times(min, n->min);
        *ret_max = n->max == OPEN && max > 0 ? SIZE_MAX : times(max, n->max);
        break;
    }
}

static size_t times(size_t width, unsigned count)
{
    if (width == 0 || count == 0) {
        return 0;
    }
    return width > 1000000 / count ? SIZE_MAX : width * count;
}
