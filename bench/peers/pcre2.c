/* SPDX-License-Identifier: Apache-2.0
 *
 * PCRE2 with its just-in-time compiler. An expression may have 64 KiB of code, so long
 * lists of terms are cut into as few alternations as fit, each a pass over the text; the
 * shapes are one alternation or one expression each, whichever is quicker on a sample.
 * Without the library: a peer that is not there.
 */
#include "peers.h"

#ifdef HAVE_PCRE2
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define GROUP_MAX 2000U

struct peer {
    pcre2_code **codes;
    size_t codes_count;
    pcre2_match_data *data;
};

static void drop(struct peer *p);

static pcre2_code *compile(const char *pattern, size_t len, int is_words)
{
    int error;
    PCRE2_SIZE at;
    uint32_t options = is_words ? PCRE2_CASELESS : 0;
    pcre2_code *code = pcre2_compile((PCRE2_SPTR)pattern, len, options, &error, &at, NULL);
    if (code != NULL && pcre2_jit_compile(code, PCRE2_JIT_COMPLETE) != 0) {
        pcre2_code_free(code);
        return NULL;
    }
    return code;
}

static pcre2_code *compile_group(const struct peer_list *list, size_t from, size_t to, int is_words)
{
    size_t len = 32;
    for (size_t i = from; i < to; i++) {
        len += strlen(list->items[i]) + 5;
    }
    char *pattern = malloc(len);
    if (pattern == NULL) {
        return NULL;
    }
    size_t n = (size_t)snprintf(pattern, len, is_words ? "\\b(?:" : "(?:");
    for (size_t i = from; i < to; i++) {
        n += (size_t)snprintf(pattern + n, len - n, is_words ? "%s%s" : "%s(?:%s)",
                              i > from ? "|" : "", list->items[i]);
    }
    n += (size_t)snprintf(pattern + n, len - n, is_words ? ")\\b" : ")");
    pcre2_code *code = compile(pattern, n, is_words);
    free(pattern);
    return code;
}

static struct peer *make_groups(const struct peer_list *list, int is_words, size_t group)
{
    struct peer *p = calloc(1, sizeof(*p));
    if (p == NULL) {
        return NULL;
    }
    p->codes = calloc(list->count, sizeof(pcre2_code *));
    p->data = pcre2_match_data_create(4, NULL);
    for (size_t i = 0; p->codes != NULL && i < list->count; i += group) {
        size_t to = i + group < list->count ? i + group : list->count;
        pcre2_code *code = compile_group(list, i, to, is_words);
        if (code == NULL) {
            drop(p);
            return NULL;
        }
        p->codes[p->codes_count++] = code;
    }
    return p;
}

static size_t count(struct peer *p, const char *text, size_t len)
{
    size_t found = 0;
    for (size_t i = 0; i < p->codes_count; i++) {
        PCRE2_SIZE at = 0;
        while (at <= len && pcre2_jit_match(p->codes[i], (PCRE2_SPTR)text, len, at, 0, p->data,
                                            NULL) > 0) {
            const PCRE2_SIZE *where = pcre2_get_ovector_pointer(p->data);
            at = where[1] > at ? where[1] : at + 1;
            found++;
        }
    }
    return found;
}

static double took(struct peer *p)
{
    char text[4096];
    struct timespec from;
    struct timespec to;
    for (size_t i = 0; i < sizeof(text); i++) {
        text[i] = i % 6 == 5 ? ' ' : (char)('a' + i % 23);
    }
    (void)count(p, text, sizeof(text));
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &from);
    (void)count(p, text, sizeof(text));
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &to);
    return (double)(to.tv_sec - from.tv_sec) * 1e9 + (double)(to.tv_nsec - from.tv_nsec);
}

static struct peer *make(const struct peer_list *list, int is_words, const char **ret_why)
{
    struct peer *together = NULL;
    size_t group = list->count < GROUP_MAX ? list->count : GROUP_MAX;
    for (; together == NULL && group > 0; group /= 2) {
        together = make_groups(list, is_words, group);
    }
    *ret_why = together == NULL ? "cannot be compiled" : "";
    struct peer *apart = is_words || together == NULL ? NULL : make_groups(list, 0, 1);
    if (apart != NULL && took(apart) < took(together)) {
        drop(together);
        return apart;
    }
    drop(apart);
    return together;
}

static void drop(struct peer *p)
{
    if (p != NULL) {
        for (size_t i = 0; i < p->codes_count; i++) {
            pcre2_code_free(p->codes[i]);
        }
        pcre2_match_data_free(p->data);
        free(p->codes);
        free(p);
    }
}

static const struct peer_kind kind = {"PCRE2-JIT", make, count, drop};
const struct peer_kind *const peer_pcre2 = &kind;
#else
const struct peer_kind *const peer_pcre2 = NULL;
#endif
