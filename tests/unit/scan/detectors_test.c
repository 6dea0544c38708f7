/* SPDX-License-Identifier: Apache-2.0
 *
 * Replays the vectors of vectors_*.tsv: of each detector what it must find, and what it
 * must leave alone. A line is `detector TAB kind TAB text`. Kinds: + the text between <<
 * and >> is found, and nothing else; ! the shape is right and the check says no; - looks
 * alike. {32h} stands for 32 random characters of a kind, the same ones in every run: so
 * no file of ours looks as if it held a key. A detector without vectors is a failure.
 */
#include "scan_test.h"

#include <stdio.h>
#include <stdlib.h>

#define TEXT_MAX 4096U

static const char *const files[] = {"vectors_common.tsv", "vectors_national.tsv",
                                    "vectors_secret.tsv", "vectors_token.tsv",
                                    "vectors_near.tsv",   "vectors_injection.tsv"};

struct vector {
    char text[TEXT_MAX];
    size_t len, from, to; /* what is to be found */
};

struct seen {
    unsigned found, broken, alike;
};

static struct seen seen[SCAN_DETECTORS_MAX];
static struct scan_engine *engine;
static struct scan_scratch *scratch;

static char random_of(char kind, uint64_t *dice)
{
    static const char *const upper = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    static const char *const lower = "abcdefghijklmnopqrstuvwxyz";
    static const char all[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_-";
    static const char plus[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ+/";
    static const char base32[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    *dice = *dice * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    uint64_t r = *dice >> 33;
    switch (kind) {
    case 'd':
        return all[r % 10];
    case 'h':
        return all[r % 16];
    case 'H':
        return r % 16 < 10 ? all[r % 16] : upper[r % 16 - 10];
    case 'l':
        return all[r % 36];
    case 'u':
        return r % 36 < 10 ? all[r % 36] : upper[r % 36 - 10];
    case 'a':
        return lower[r % 26];
    case 'A':
        return upper[r % 26];
    case 'L':
        return all[10 + r % 52];
    case 'w':
        return all[r % 62];
    case 'v':
        return all[r % 64];
    case 'b':
        return plus[r % 64];
    case 'k':
        return base32[r % 32];
    default:
        return kind; /* {32x}: 32 times x */
    }
}

/* Writes {32h} out, turns \n and \t into what they mean and takes << and >> out. */
static void expand(struct str in, struct vector *v, size_t line)
{
    uint64_t dice = 88172645463325252U + line;
    size_t n = 0;
    v->from = v->to = SIZE_MAX;
    for (size_t i = 0; i < in.len; i++) {
        struct str rest = str_sub(in, i, in.len);
        size_t digits = 1;
        size_t count = 0;
        while (digits < rest.len && rest.ptr[digits] >= '0' && rest.ptr[digits] <= '9') {
            count = count * 10 + (size_t)(rest.ptr[digits++] - '0');
        }
        bool is_random = rest.ptr[0] == '{' && digits > 1 && digits + 1 < rest.len &&
                         rest.ptr[digits + 1] == '}';
        assert_true(n + (is_random ? count : 0) + 2 < TEXT_MAX);
        if (is_random) {
            for (size_t k = 0; k < count; k++) {
                v->text[n++] = random_of(rest.ptr[digits], &dice);
            }
            i += digits + 1;
        } else if (str_starts(rest, STR("<<")) && v->from == SIZE_MAX) {
            v->from = n;
            i++;
        } else if (str_starts(rest, STR(">>")) && v->to == SIZE_MAX) {
            v->to = n;
            i++;
        } else if (str_starts(rest, STR("\\n")) || str_starts(rest, STR("\\t"))) {
            v->text[n++] = rest.ptr[1] == 'n' ? '\n' : '\t';
            i++;
        } else {
            v->text[n++] = rest.ptr[0];
        }
    }
    v->len = n;
}

static size_t detector_named(struct str name)
{
    for (size_t i = 0; i < scan_detectors_count(); i++) {
        if (str_eq(name, str_from(scan_detector_info(i).name))) {
            return i;
        }
    }
    return SIZE_MAX;
}

static bool replay(size_t detector, char kind, const struct vector *v)
{
    static struct scan_finding items[512];
    struct scan_findings found = {.items = items, .capacity = 512};
    struct scan_spec spec = {.terms_count = 0};
    spec.types.bits[detector / 64] = UINT64_C(1) << (detector % 64);
    struct scan_set *set;
    struct issue issue;
    assert_int_equal(scan_set_new(engine, &spec, &set, &issue), ERR_OK);
    struct str text = {v->text, v->len};
    assert_int_equal(scan_text(set, scratch, text, SCAN_VIEW_FOLD, &found), ERR_OK);
    bool is_injection = scan_detector_info(detector).class == SCAN_INJECTION;
    scan_findings_resolve(&found, NULL, is_injection ? 0 : 600);
    scan_set_free(set);
    if (kind != '+') {
        return found.count == 0;
    }
    return found.count == 1 && items[0].start == v->from && items[0].end == v->to;
}

static unsigned replay_line(const char *file, struct str line, size_t number)
{
    static struct vector v;
    struct str rest = line;
    struct str name = str_cut(&rest, '\t');
    struct str kind = str_cut(&rest, '\t');
    size_t detector = detector_named(name);
    bool is_known = kind.len == 1 && strchr("+!-", kind.ptr[0]) != NULL && rest.len > 0;
    if (detector == SIZE_MAX || !is_known) {
        print_error("%s:%zu: no such detector, or not a vector\n", file, number);
        return 1;
    }
    expand(rest, &v, number);
    struct seen *s = &seen[detector];
    s->found += kind.ptr[0] == '+';
    s->broken += kind.ptr[0] == '!';
    s->alike += kind.ptr[0] == '-';
    bool is_marked = v.from < v.to && v.to != SIZE_MAX;
    if (is_marked != (kind.ptr[0] == '+') || !replay(detector, kind.ptr[0], &v)) {
        print_error("%s:%zu: %.*s %c %.*s\n", file, number, STR_ARG(name), kind.ptr[0], (int)v.len,
                    v.text);
        return 1;
    }
    return 0;
}

static unsigned replay_file(const char *file)
{
    char path[1024];
    const char *root = getenv("PORTCULLIS_SOURCE_ROOT");
    snprintf(path, sizeof(path), "%s/tests/unit/scan/%s", root != NULL ? root : ".", file);
    FILE *in = fopen(path, "r");
    if (in == NULL) {
        print_error("%s is not there\n", path);
        return 1;
    }
    static char line[TEXT_MAX];
    unsigned failed = 0;
    for (size_t number = 1; fgets(line, sizeof(line), in) != NULL; number++) {
        struct str s = {line, strcspn(line, "\n")};
        if (s.len > 0 && s.ptr[0] != '#') {
            failed += replay_line(file, s, number);
        }
    }
    fclose(in);
    return failed;
}

static void test_vectors(void **state)
{
    (void)state;
    unsigned failed = 0;
    memset(seen, 0, sizeof(seen));
    assert_int_equal(scan_engine_new(&engine), ERR_OK);
    assert_int_equal(scan_scratch_new(&scratch), ERR_OK);
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        failed += replay_file(files[i]);
    }
    scan_scratch_free(scratch);
    scan_engine_free(engine);
    assert_int_equal(failed, 0);
}

/* Runs behind the one above. */
static void test_every_detector_has_vectors(void **state)
{
    (void)state;
    unsigned lacking = 0;
    for (size_t i = 0; i < scan_detectors_count(); i++) {
        struct scan_detector_info info = scan_detector_info(i);
        bool needs_broken = info.has_check && seen[i].broken == 0;
        if (seen[i].found == 0 || seen[i].alike == 0 || needs_broken) {
            print_error("%s: %u found, %u broken, %u alike\n", info.name, seen[i].found,
                        seen[i].broken, seen[i].alike);
            lacking++;
        }
    }
    assert_int_equal(lacking, 0);
}

/* What the product promises: so many types of data, so many families of secrets. */
static void test_counts(void **state)
{
    (void)state;
    unsigned types = 0;
    unsigned families = 0;
    for (size_t i = 0; i < scan_detectors_count(); i++) {
        struct scan_detector_info info = scan_detector_info(i);
        bool is_first = info.class != SCAN_INJECTION;
        for (size_t k = 0; k < i && is_first; k++) {
            struct scan_detector_info other = scan_detector_info(k);
            assert_true(strcmp(other.name, info.name) != 0);
            is_first = strcmp(other.type, info.type) != 0;
        }
        types += is_first;
        families += info.class == SCAN_SECRET;
    }
    assert_true(types >= 90);
    assert_true(families >= 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_every_detector_has_vectors),
        cmocka_unit_test(test_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
