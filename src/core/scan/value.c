/* SPDX-License-Identifier: Apache-2.0
 *
 * Values: see value.h. "password=ab&cd(ef" in a file of settings is one value, in a query it
 * is two; "f(password=ab)" ends at the bracket and "password=ab)cd" does not. What decides is
 * the line in front of the value (which brackets are open, which sign parted the pair before
 * it, whether the name is that of an environment's variable) and whether a name and a '='
 * follow a sign. In doubt the value is the longer one: what is redacted too far is a loss, what
 * is redacted too short is a leak.
 */
#include "value.h"

#define LINE_BYTES_MAX 256U /* of a value in quotes with blanks in it */
#define NAME_BYTES_MAX 32U
#define TAG_BYTES_MAX 12U
#define NO_BRACKET 4U

/* What stands in front of a value, on its line. */
struct place {
    struct str left;
    char parted;                    /* the sign in front of the name; 0 = none */
    unsigned open[NO_BRACKET + 1];  /* ( [ { < that nothing closed; the last is none */
    bool is_query, is_env, is_pair; /* is_pair: name=value without blanks */
    bool is_element;                /* <name>value */
};

static const char openers[] = "([{<";
static const char closers[] = ")]}>";

static unsigned kind_of(char c, const char *brackets);
static void look_left(const struct match_input *in, size_t start, struct place *ret);
static struct str operator_before(struct str left, struct place *ret);
static void name_before(struct str left, struct place *ret);
static enum match_result is_end(const struct match_input *in, const struct place *p, size_t at);
static enum match_result parts(const struct match_input *in, const struct place *p, size_t at);
static enum match_result escape_ends(const struct match_input *in, size_t at);
static enum match_result tag_begins(const struct match_input *in, const struct place *p, size_t at);
static bool is_quote(char c);
static bool is_letter(char c);
static bool is_among(char c, const char *signs);
static enum match_result unknown(const struct match_input *in);

/* ---- in quotes ------------------------------------------------------------------------- */

/* A quote that is escaped as often as the first one, or less, ends it. */
enum match_result value_quoted_end(const struct match_input *in, size_t start, size_t *ret_end)
{
    const char *t = in->text;
    char quote = start > 0 && is_quote(t[start - 1]) ? t[start - 1] : 0;
    size_t escapes_max = 0;
    while (quote != 0 && start >= 2 + escapes_max && escapes_max < 8 &&
           t[start - 2 - escapes_max] == '\\') {
        escapes_max++;
    }
    size_t word = SIZE_MAX; /* where the first blank or quote is */
    size_t escapes = 0;
    size_t at = start;
    for (; at < in->len && at - start < VALUE_BYTES_MAX && t[at] != '\n'; at++) {
        bool is_stop = (unsigned char)t[at] <= ' ' || is_quote(t[at]);
        word = is_stop && word == SIZE_MAX ? at : word;
        bool is_over = word != SIZE_MAX && (quote == 0 || at - start >= LINE_BYTES_MAX);
        if (is_over || (t[at] == quote && escapes <= escapes_max)) {
            break;
        }
        escapes = t[at] == '\\' ? escapes + 1 : 0;
    }
    if (at == in->len && at - start < VALUE_BYTES_MAX && !in->is_final) {
        return MATCH_MORE;
    }
    if (at < in->len && t[at] == quote && quote != 0) {
        *ret_end = at - escapes;
        return MATCH_YES;
    }
    at = word != SIZE_MAX ? word : at;
    while (at > start && is_among(t[at - 1], ".,;:)]}\\")) {
        at--; /* the sentence's, or the code's */
    }
    *ret_end = at;
    return MATCH_YES;
}

/* ---- without ----------------------------------------------------------------------------- */

enum match_result value_plain_end(const struct match_input *in, size_t start, size_t *ret_end)
{
    struct place p;
    unsigned inner[NO_BRACKET + 1] = {0};
    size_t at = start;
    look_left(in, start, &p);
    for (; at < in->len && at - start < VALUE_BYTES_MAX; at++) {
        char c = in->text[at];
        if (is_word_byte((unsigned char)c)) {
            continue;
        }
        unsigned open = kind_of(c, openers);
        unsigned close = kind_of(c, closers);
        if (inner[close] > 0) {
            inner[close]--;
            continue;
        }
        if (p.open[close] > 0) {
            break;
        }
        enum match_result end = is_end(in, &p, at);
        if (end == MATCH_MORE) {
            return MATCH_MORE;
        }
        if (end == MATCH_YES) {
            break;
        }
        inner[open] += open < NO_BRACKET;
    }
    if (at == in->len && at - start < VALUE_BYTES_MAX && !in->is_final) {
        return MATCH_MORE;
    }
    *ret_end = at;
    return MATCH_YES;
}

static unsigned kind_of(char c, const char *brackets)
{
    unsigned i = 0;
    while (i < NO_BRACKET && brackets[i] != c) {
        i++;
    }
    return i;
}

static void look_left(const struct match_input *in, size_t start, struct place *ret)
{
    size_t most = start < VALUE_LEFT_BYTES ? start : VALUE_LEFT_BYTES;
    struct str left = {in->text + start - most, most};
    memset(ret, 0, sizeof(*ret));
    left = operator_before(left, ret);
    for (size_t i = left.len; i-- > 0;) {
        if (left.ptr[i] == '\n') {
            left = str_sub(left, i + 1, left.len);
            break;
        }
    }
    ret->left = left;
    for (size_t i = 0; i < left.len; i++) {
        unsigned open = kind_of(left.ptr[i], openers);
        unsigned close = kind_of(left.ptr[i], closers);
        ret->open[open] += open < NO_BRACKET;
        ret->open[close] -= ret->open[close] > 0;
    }
    name_before(left, ret);
}

/* Takes it away: what may stand between a name and its value (ASSIGN in detectors_secret.c). */
static struct str operator_before(struct str left, struct place *ret)
{
    size_t end = left.len;
    while (end > 0 && is_among(left.ptr[end - 1], " \t\r\n*|>-")) {
        ret->is_element = ret->is_element || left.ptr[end - 1] == '>';
        end--;
    }
    bool is_apart = end < left.len;
    size_t from = end;
    while (from > 0 && is_among(left.ptr[from - 1], ":=")) {
        from--;
    }
    ret->is_element = ret->is_element && from == end;
    ret->is_pair = !is_apart && end - from == 1 && left.ptr[from] == '=';
    return str_sub(left, 0, from);
}

/* In capitals it is a variable of the environment; behind ? or & one of a query. */
static void name_before(struct str left, struct place *ret)
{
    size_t end = left.len;
    while (end > 0 && is_among(left.ptr[end - 1], " \t\"'`\\])")) {
        end--;
    }
    size_t from = end;
    bool has_small = false;
    while (from > 0 && (is_word_byte((unsigned char)left.ptr[from - 1]) ||
                        is_among(left.ptr[from - 1], "-.["))) {
        from--;
        has_small = has_small || (left.ptr[from] >= 'a' && left.ptr[from] <= 'z');
    }
    ret->is_env = !has_small && end > from;
    bool is_amp = str_ends(str_sub(left, 0, from), STR("&amp;"));
    while (from > 0 && is_among(left.ptr[from - 1], " \t\"'`\\")) {
        from--;
    }
    char before = is_amp ? '&' : from > 0 ? left.ptr[from - 1] : 0;
    ret->is_query = before == '?' || before == '&' || before == '#';
    ret->parted = ret->is_query ? '&' : before;
}

/* Does the value end in front of this byte? */
static enum match_result is_end(const struct match_input *in, const struct place *p, size_t at)
{
    char c = in->text[at];
    char next = at + 1 < in->len ? in->text[at + 1] : ' ';
    bool is_last = at + 1 == in->len && !in->is_final;
    if ((unsigned char)c <= ' ' || (c == '#' && p->is_query)) {
        return MATCH_YES;
    }
    if (is_quote(c)) { /* in the middle of a word it is a part of that */
        bool is_inside = is_word_byte((unsigned char)next) && !is_quote(in->text[at - 1]);
        return is_last ? MATCH_MORE : is_inside ? MATCH_NO : MATCH_YES;
    }
    switch (c) {
    case '&':
    case ';':
    case ',':
    case '|':
        return c == p->parted ? MATCH_YES : parts(in, p, at);
    case '\\':
        return escape_ends(in, at);
    case '<':
        return tag_begins(in, p, at);
    default:
        return MATCH_NO;
    }
}

/* A sign that may part pairs: a quote, a blank, the end or "name=" behind it says that it does.
 * Names of a connection string have blanks in them. */
static enum match_result parts(const struct match_input *in, const struct place *p, size_t at)
{
    const char *t = in->text;
    char sign = t[at++];
    struct str rest = {t + at, in->len - at};
    if (sign == '&' && !in->is_final && rest.len < 4 && str_starts(STR("amp;"), rest)) {
        return MATCH_MORE;
    }
    at += sign == '&' && str_starts(rest, STR("amp;")) ? 4 : 0;
    size_t from = at;
    while (at < in->len && at - from < NAME_BYTES_MAX &&
           (is_word_byte((unsigned char)t[at]) || is_among(t[at], "-.[]") ||
            (t[at] == ' ' && sign == ';' && at > from))) {
        at++;
    }
    if (at == in->len) {
        return in->is_final ? (at == from ? MATCH_YES : MATCH_NO) : MATCH_MORE;
    }
    if (at == from) {
        return (unsigned char)t[at] <= ' ' || is_quote(t[at]) ? MATCH_YES : MATCH_NO;
    }
    bool is_name = is_letter(t[from]) && (t[at] == '=' || (t[at] == ':' && sign != '&'));
    bool is_one_value = p->is_env && (sign == '&' || sign == ';');
    is_one_value = is_one_value || (sign == '&' && !p->is_pair);
    return is_name && !is_one_value ? MATCH_YES : MATCH_NO;
}

/* \n \" in a string of JSON or code, which the text is a part of. */
static enum match_result escape_ends(const struct match_input *in, size_t at)
{
    while (at < in->len && in->text[at] == '\\') {
        at++;
    }
    if (at == in->len) {
        return in->is_final ? MATCH_YES : MATCH_MORE;
    }
    return is_quote(in->text[at]) || is_among(in->text[at], "nrt") ? MATCH_YES : MATCH_NO;
}

/* </name> or <br>; behind <password> every one. */
static enum match_result tag_begins(const struct match_input *in, const struct place *p, size_t at)
{
    size_t from = ++at;
    if (p->is_element) {
        return MATCH_YES;
    }
    if (at == in->len) {
        return unknown(in);
    }
    if (in->text[at] == '/') {
        return MATCH_YES;
    }
    while (at < in->len && at - from < TAG_BYTES_MAX && is_letter(in->text[at])) {
        at++;
    }
    if (at == in->len) {
        return unknown(in);
    }
    return at > from && (in->text[at] == '>' || in->text[at] == '/') ? MATCH_YES : MATCH_NO;
}

static enum match_result unknown(const struct match_input *in)
{
    return in->is_final ? MATCH_NO : MATCH_MORE;
}

static bool is_quote(char c)
{
    return c == '"' || c == '\'' || c == '`';
}

static bool is_among(char c, const char *signs)
{
    return c != '\0' && strchr(signs, c) != NULL;
}

static bool is_letter(char c)
{
    return (unsigned)(c | 0x20) - 'a' < 26;
}
