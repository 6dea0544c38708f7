/* SPDX-License-Identifier: Apache-2.0
 *
 * Tenants' regular expressions: what they find is what a matcher finds that is too simple
 * to be wrong; the quick and the linear program agree; whole texts, steps and streams
 * agree, with the literals looked for first and without; what is dear is refused, with
 * the figure. A8, catalogue M.
 */
#include "scan_test.h"
#include <stdlib.h>

static struct scan_world w;
static uint64_t dice = 0x2545f4914f6cdd1dU;

static uint64_t roll(uint64_t below)
{
    dice ^= dice << 13;
    dice ^= dice >> 7;
    dice ^= dice << 17;
    return (dice >> 16) % below;
}

/* ---- a matcher that tries everything ------------------------------------------------ */

struct simple {
    struct str text;
    bool ends[320];
};

static bool atom_has(const char *atom, size_t n, char c)
{
    if (atom[0] == '.') {
        return c != '\n';
    }
    if (atom[0] == '[') {
        for (size_t i = 1; i + 1 < n; i++) {
            if (i + 3 < n && atom[i + 1] == '-') {
                if (c >= atom[i] && c <= atom[i + 2]) {
                    return true;
                }
                i += 2;
            } else if (atom[i] == c) {
                return true;
            }
        }
        return false;
    }
    return atom[0] == c;
}

/* Marks every end that `p` and then `rest` can reach; one level of groups, not repeated. */
static void simple_cat(struct simple *m, struct str p, struct str rest, size_t at)
{
    if (p.len == 0) {
        if (rest.len == 0) {
            m->ends[at] = true;
        } else {
            simple_cat(m, rest, STR(""), at);
        }
        return;
    }
    if (p.ptr[0] == '(') {
        size_t close = (size_t)str_find(p, ')');
        struct str inside = str_sub(p, 1, close);
        while (inside.len > 0) {
            simple_cat(m, str_cut(&inside, '|'), str_sub(p, close + 1, p.len), at);
        }
        return;
    }
    if (p.ptr[0] == '\\') { /* \b */
        bool before = at > 0 && strchr(" -", m->text.ptr[at - 1]) == NULL;
        bool after = at < m->text.len && strchr(" -", m->text.ptr[at]) == NULL;
        if (before != after) {
            simple_cat(m, str_sub(p, 2, p.len), rest, at);
        }
        return;
    }
    size_t n = p.ptr[0] == '[' ? (size_t)str_find(p, ']') + 1 : 1;
    char sign = n < p.len ? p.ptr[n] : ' ';
    bool is_counted = sign == '{';
    bool has_sign = is_counted || sign == '+' || sign == '*' || sign == '?';
    size_t min = is_counted ? (size_t)(p.ptr[n + 1] - '0') : sign == '*' || sign == '?' ? 0 : 1;
    size_t max = is_counted ? (size_t)(p.ptr[n + 3] - '0') : sign == '+' || sign == '*' ? 300 : 1;
    struct str after = str_sub(p, n + (is_counted ? 5 : has_sign ? 1 : 0), p.len);
    for (size_t k = 0; k <= max; k++) {
        if (k >= min) {
            simple_cat(m, after, rest, at + k);
        }
        if (at + k >= m->text.len || !atom_has(p.ptr, n, m->text.ptr[at + k])) {
            return;
        }
    }
}

/* The findings, as the door says: from left to right, the longest, then on at its end. */
static size_t simple_find(struct str source, struct str text, struct scan_finding *ret)
{
    size_t count = 0;
    for (size_t at = 0; at < text.len;) {
        struct simple m = {.text = text};
        simple_cat(&m, source, STR(""), at);
        size_t end = text.len;
        while (end > at && !m.ends[end]) {
            end--;
        }
        if (end > at) {
            ret[count++] = (struct scan_finding){.start = at, .end = end};
            at = end;
        } else {
            at++;
        }
    }
    return count;
}

/* ---- random expressions over a small alphabet ---------------------------------------- */

static void add_atom(struct buf *to)
{
    static const char *const atoms[] = {"a", "b", "c", "-", " ", "[ab]", "[a-c]", "[b-]", "."};
    static const char *const repeats[] = {"", "", "", "", "+", "?", "*", "{1,3}", "{2,4}"};
    buf_printf(to, "%s%s", atoms[roll(9)], repeats[roll(9)]);
}

static void random_source(struct buf *to)
{
    buf_add(to, roll(4) == 0 ? STR("/\\b") : STR("/"));
    for (uint64_t i = roll(3); i < 3; i++) {
        add_atom(to);
    }
    if (roll(3) == 0) {
        buf_add_byte(to, '(');
        for (uint64_t i = roll(2); i < 3; i++) {
            add_atom(to);
            add_atom(to);
            buf_add(to, i < 2 ? STR("|") : STR(")"));
        }
    }
    buf_add(to, roll(2) == 0 ? STR("abca") : roll(2) == 0 ? STR("cab-") : STR("c"));
    buf_add(to, roll(4) == 0 ? STR("\\b/c") : STR("/c"));
    buf_add_byte(to, '\0');
}

static void random_text(struct buf *to, size_t most)
{
    static const char *const pieces[] = {"a",  "b",    "c",    "-",  " ",
                                         "ab", "abca", "cab-", "aa", "bcab"};
    while (to->len < most) {
        buf_add(to, str_from(pieces[roll(10)]));
    }
}

static void stream_redact(struct str text, size_t step, struct buf *out)
{
    struct scan_sieve sieve;
    buf_clear(out);
    scan_sieve_init(&sieve, w.set, &w.plan, &w.keys, SCAN_VIEW_FOLD, 1U << 20);
    for (size_t at = 0; at < text.len; at += step) {
        assert_int_equal(
            scan_sieve_feed(&sieve, str_sub(text, at, at + step), out, NULL), ERR_OK);
        assert_true(scan_sieve_held_bytes(&sieve) <= scan_set_hold_bytes_max(w.set));
    }
    assert_int_equal(scan_sieve_close(&sieve, out, NULL), ERR_OK);
    scan_sieve_fini(&sieve);
}

/* A set of random expressions, or NULL: some match the empty text, or everywhere. */
static struct scan_set *random_set(struct buf *sources, struct scan_term *terms, size_t count)
{
    struct scan_set *set = NULL;
    struct issue issue;
    buf_clear(sources);
    ASSERT(buf_reserve(sources, 4096) != NULL); /* so that it does not move */
    for (size_t i = 0; i < count; i++) {
        size_t from = sources->len;
        random_source(sources);
        terms[i] = (struct scan_term){.text = str_from(sources->ptr + from), .id = (uint32_t)i};
    }
    struct scan_spec spec = {.terms = terms, .terms_count = count};
    return scan_set_new(w.engine, &spec, &set, &issue) == ERR_OK ? set : NULL;
}

/* How many findings there are, which must be those of scan_text. */
static size_t check_findings(const struct scan_term *terms, size_t count, struct str text)
{
    struct scan_finding wanted[2048];
    size_t n = 0;
    for (size_t i = 0; i < count; i++) {
        size_t more =
            simple_find(str_sub(terms[i].text, 1, terms[i].text.len - 2), text, wanted + n);
        for (size_t k = 0; k < more; k++) {
            wanted[n++].id = (uint32_t)i;
        }
    }
    bool is_same = n == w.found.count;
    for (size_t i = 0; i < n && is_same; i++) {
        is_same = false;
        for (size_t k = 0; k < n && !is_same; k++) {
            is_same = wanted[i].start == w.found.items[k].start &&
                      wanted[i].end == w.found.items[k].end && wanted[i].id == w.found.items[k].id;
        }
    }
    if (!is_same) {
        print_error("in \"%.*s\": %zu wanted, %zu found\n", STR_ARG(text), n, w.found.count);
        for (size_t i = 0; i < count; i++) {
            print_error("  %.*s\n", STR_ARG(terms[i].text));
        }
        fail();
    }
    return n;
}

static void test_against_a_simple_matcher(void **state)
{
    (void)state;
    scan_world_init(&w, "", NULL, 0);
    scan_set_free(w.set);
    struct buf sources;
    struct buf text;
    struct buf whole;
    struct buf streamed;
    buf_init(&sources, 4096);
    buf_init(&text, 1U << 16);
    buf_init(&whole, 1U << 16);
    buf_init(&streamed, 1U << 16);
    unsigned sets = 0;
    size_t found = 0;
    for (unsigned round = 0; round < 3000; round++) {
        struct scan_term terms[8];
        size_t count = 1 + roll(8);
        w.set = random_set(&sources, terms, count);
        if (w.set == NULL) {
            continue;
        }
        sets++;
        if (roll(2) == 0) { /* else without libhs */
            assert_int_equal(scan_scratch_fit(w.scratch, w.set), ERR_OK);
        }
        buf_clear(&text);
        random_text(&text, 20 + roll(130));
        scan_world_scan(&w, buf_str(&text), 0);
        found += check_findings(terms, count, buf_str(&text));
        buf_clear(&whole);
        assert_int_equal(scan_rewrite(&w.plan, &w.keys, buf_str(&text), &w.found, &whole), ERR_OK);
        for (size_t step = 1; step < 12; step += 1 + roll(4)) {
            stream_redact(buf_str(&text), step, &streamed);
            assert_true(str_eq(buf_str(&whole), buf_str(&streamed)));
        }
        scan_set_free(w.set);
    }
    w.set = NULL;
    assert_true(sets > 1500);
    assert_true(found > 10000);
    buf_fini(&sources);
    buf_fini(&text);
    buf_fini(&whole);
    buf_fini(&streamed);
    scan_world_free(&w);
}

/* Expressions that a backtracking engine would be busy with for ever. None can take longer
 * than its width for each place: the answer comes, and it is right. */
static void test_linear_where_it_would_explode(void **state)
{
    (void)state;
    static const struct scan_term terms[] = {
        {.text = STR_INIT("/(?:a|b|ab){1,20}z/"), .id = 1},
        {.text = STR_INIT("/(?:ab|[ab]b?){1,5}y/"), .id = 2},
    };
    scan_world_init(&w, "", terms, 2);
    char text[3000];
    for (size_t i = 0; i < sizeof(text); i++) {
        text[i] = i % 3 == 2 ? 'b' : 'a';
    }
    struct str s = {text, sizeof(text)};
    scan_world_scan(&w, s, 0);
    assert_int_equal(w.found.count, 0);
    assert_false(w.found.is_exhausted);
    text[2000] = 'z';
    scan_world_scan(&w, s, 0);
    assert_false(w.found.is_exhausted);
    assert_int_equal(w.found.count, 1);
    assert_int_equal(w.found.items[0].end, 2001);
    scan_world_free(&w);
}

static void test_what_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *source;
        enum err err;
        const char *word; /* of the sentence */
    } cases[] = {
        {"/\\w{1,100}@\\w{1,100}/", ERR_LIMIT, "64"},
        {"/\\p{L}{1,200}\\p{N}{1,200}x/", ERR_UNSUPPORTED, "escape"},
        {"/([a-z]|bc*d|xy?z){1000,5000}/", ERR_LIMIT, "64"},
        {"/[^x]{0,32000}[^y]{0,32000}z/", ERR_LIMIT, "64"},
        {"/(foo|bar){1000}/", ERR_LIMIT, "64"},
        {"/.{1,5000}x.{1,5000}y/", ERR_LIMIT, "64"},
        {"/\\b.{100,10000}\\b/", ERR_LIMIT, "64"},
        {"/.{32768}/", ERR_LIMIT, "64"},
        {"/(x+x+)+y/", ERR_LIMIT, "steps"},
        {"/(([a-z])+.)+[A-Z]/c", ERR_LIMIT, "steps"},
        {"/(a|aa)+b/", ERR_LIMIT, "steps"},
        {"/(a+)+$/", ERR_UNSUPPORTED, "anchors"},
        {"/(.*)*x/", ERR_UNSUPPORTED, "empty"},
        {"/./", ERR_INVALID, "everywhere"},
        {"/[a-z]/", ERR_INVALID, "everywhere"},
        {"/\\w+/", ERR_INVALID, "everywhere"},
        {"/.*/", ERR_INVALID, "empty"},
        {"/a*/", ERR_INVALID, "empty"},
        {"/x?/", ERR_INVALID, "empty"},
        {"/(?=a)b/", ERR_UNSUPPORTED, "groups"},
        {"/(a)\\1/", ERR_UNSUPPORTED, "escape"},
        {"/(*ACCEPT)/", ERR_SYNTAX, "repeat"},
        {"/((((((((((((((((((((((((((((((((((a))))))))))))))))))))))))))))))))))/", ERR_LIMIT,
         "deep"},
        {"/(((a{50}){50}){50}){50}/", ERR_LIMIT, "short"},
        {"/((?:[a-m]{1,60}[n-z]{1,60}){1,60}q){1,60}/", ERR_LIMIT, "large"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct scan_term term = {.text = str_from(cases[i].source), .id = 1};
        struct scan_cost cost;
        struct issue issue = {.message = ""};
        enum err err = scan_term_cost(&term, &cost, &issue);
        if (err != cases[i].err || strstr(issue.message, cases[i].word) == NULL) {
            print_error("%s: %s, %s\n", cases[i].source, err_name(err), issue.message);
        }
        assert_int_equal(err, cases[i].err);
        assert_non_null(strstr(issue.message, cases[i].word));
    }
}

static void test_costs(void **state)
{
    (void)state;
    static const struct {
        const char *source;
        size_t width;
        bool has_factor;
        unsigned steps_max;
    } cases[] = {
        {"falcon", 6, false, 0},
        {"/acme-[0-9]{3}\\b/", 8, true, 200},
        {"/[A-Z]{2}[0-9]{6}/c", 8, false, 2000},
        {"/[a-z0-9._-]+@[a-z]+\\.corp/", 256, true, 10000},
        {"/(?:internal|confidential) (?:memo|paper)/", 18, true, 500},
        {"/password\\s*[:=]\\s*\\S+/", 256, true, 1000},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct scan_term term = {.text = str_from(cases[i].source), .id = 1};
        struct scan_cost cost;
        struct issue issue = {.message = ""};
        assert_int_equal(scan_term_cost(&term, &cost, &issue), ERR_OK);
        assert_int_equal(cost.width_max, cases[i].width);
        assert_int_equal(cost.has_factor, cases[i].has_factor);
        if (cost.steps_per_kb > cases[i].steps_max) {
            print_error("%s: %u steps\n", cases[i].source, cost.steps_per_kb);
        }
        assert_true(cost.steps_per_kb <= cases[i].steps_max);
    }
}

/* Each is allowed, all together are not. */
static void test_all_together(void **state)
{
    (void)state;
    scan_world_init(&w, "", NULL, 0);
    static char source[400][48];
    static struct scan_term terms[400];
    for (size_t i = 0; i < 400; i++) {
        snprintf(source[i], sizeof(source[i]), "/[a-z]{1,20} [a-z]{1,20} [a-z]{1,20} q%zu/", i);
        terms[i] = (struct scan_term){.text = str_from(source[i]), .id = (uint32_t)i};
    }
    struct scan_spec spec = {.terms = terms, .terms_count = 400};
    struct scan_set *set;
    struct issue issue;
    assert_int_equal(scan_set_new(w.engine, &spec, &set, &issue), ERR_LIMIT);
    assert_non_null(strstr(issue.message, "together"));
    assert_int_equal(issue.pointer[0], '/');
    scan_world_free(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_against_a_simple_matcher),
        cmocka_unit_test(test_linear_where_it_would_explode),
        cmocka_unit_test(test_what_is_refused),
        cmocka_unit_test(test_costs),
        cmocka_unit_test(test_all_together),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
