/* SPDX-License-Identifier: Apache-2.0
 *
 * What a recogniser answered: strict JSON, every finding checked against what was asked,
 * characters counted into bytes. One mistake and the whole answer is refused: a service
 * that misplaces a name by one character would leave half of it in the prompt. Findings
 * are sorted before they are measured, so that each text is walked once.
 */
#include "portcullis/recognise.h"

#include <stdio.h>
#include <stdlib.h>

#define VALUES_PER_FINDING 24U /* five members, and some that are ignored */

static enum err read_finding(yyjson_val *v, const struct recognise_ask *ask,
                             struct recognise_finding *ret, const char **ret_wrong);
static bool find_type(const struct recognise_ask *ask, struct str name, uint32_t *ret);
static enum err measure(const struct recognise_ask *ask, struct recognise_finding *list,
                        size_t count, struct issue *issue);
static void sort(struct recognise_finding *list, size_t count,
                 int (*order)(const void *a, const void *b));
static size_t walk(struct str s, size_t at, size_t *characters, size_t to);
static int compare(const void *a, const void *b);
static int compare_ends(const void *a, const void *b);

enum err recognise_answer_read(struct arena *a, struct str body, const struct recognise_ask *ask,
                               struct recognise_finding **ret, size_t *ret_count,
                               struct issue *ret_issue)
{
    static const struct json_limits limits = {.bytes_max = RECOGNISE_ANSWER_BYTES_MAX,
                                              .depth_max = 8,
                                              .values_max =
                                                  RECOGNISE_FINDINGS_MAX * VALUES_PER_FINDING};
    struct json_doc doc;
    TRY(json_parse(a, body, &limits, &doc, ret_issue));
    yyjson_val *array = json_get(doc.root, STR("findings"));
    size_t count = yyjson_arr_size(array);
    if (!yyjson_is_obj(doc.root) || !yyjson_is_arr(array)) {
        issue_set(ret_issue, "/findings", "must be an array of findings");
        return ERR_INVALID;
    }
    if (count > RECOGNISE_FINDINGS_MAX) {
        issue_set(ret_issue, "/findings", "%zu findings; at most %u", count,
                  RECOGNISE_FINDINGS_MAX);
        return ERR_LIMIT;
    }
    struct recognise_finding *list = ARENA_ARRAY(a, count, struct recognise_finding);
    if (list == NULL) {
        return ERR_MEMORY;
    }
    yyjson_arr_iter it = yyjson_arr_iter_with(array);
    for (size_t i = 0; i < count; i++) {
        const char *wrong = "";
        if (read_finding(yyjson_arr_iter_next(&it), ask, &list[i], &wrong) != ERR_OK) {
            char pointer[64];
            snprintf(pointer, sizeof(pointer), "/findings/%zu", i);
            issue_set(ret_issue, pointer, "%s", wrong);
            return ERR_INVALID;
        }
    }
    TRY(measure(ask, list, count, ret_issue));
    *ret = list;
    *ret_count = count;
    return ERR_OK;
}

/* start and end still count characters. */
static enum err read_finding(yyjson_val *v, const struct recognise_ask *ask,
                             struct recognise_finding *ret, const char **ret_wrong)
{
    int64_t id = -1, start = -1, end = -1;
    yyjson_val *score = json_get(v, STR("score"));
    double value = yyjson_is_num(score) ? yyjson_get_num(score) : -1;
    *ret_wrong = "id must be the id of a text that was sent";
    if (!json_int(json_get(v, STR("id")), &id) || id < 0 || (uint64_t)id >= ask->texts_count) {
        return ERR_INVALID;
    }
    *ret_wrong = "type must be one of the types that were asked for";
    if (!find_type(ask, json_str(json_get(v, STR("type"))), &ret->type)) {
        return ERR_INVALID;
    }
    *ret_wrong = "start and end must be whole numbers, start before end, inside of the text";
    if (!json_int(json_get(v, STR("start")), &start) || !json_int(json_get(v, STR("end")), &end) ||
        start < 0 || end <= start || (uint64_t)end > ask->texts[id].len) {
        return ERR_INVALID;
    }
    *ret_wrong = "score must be a number from 0 to 1";
    if (!(value >= 0 && value <= 1)) {
        return ERR_INVALID;
    }
    ret->text = (uint32_t)id;
    ret->start = (size_t)start;
    ret->end = (size_t)end;
    ret->score = (unsigned)(value * 1000 + 0.5);
    return ERR_OK;
}

static bool find_type(const struct recognise_ask *ask, struct str name, uint32_t *ret)
{
    for (size_t i = 0; name.ptr != NULL && i < ask->types_count; i++) {
        if (str_eq(ask->types[i], name)) {
            *ret = (uint32_t)i;
            return true;
        }
    }
    return false;
}

/* Characters to bytes, first all ends, then all starts, each in one walk. */
static enum err measure(const struct recognise_ask *ask, struct recognise_finding *list,
                        size_t count, struct issue *issue)
{
    for (unsigned pass = 0; pass < 2; pass++) {
        size_t text = SIZE_MAX, at = 0, characters = 0;
        sort(list, count, pass == 0 ? compare_ends : compare);
        for (size_t i = 0; i < count; i++) {
            size_t *place = pass == 0 ? &list[i].end : &list[i].start;
            struct str s = ask->texts[list[i].text];
            if (list[i].text != text) {
                text = list[i].text;
                at = characters = 0;
            }
            at = walk(s, at, &characters, *place);
            if (characters < *place) {
                issue_set(issue, "/findings", "a finding ends behind its text");
                return ERR_INVALID;
            }
            *place = at;
        }
    }
    sort(list, count, compare); /* the longest first, now in bytes */
    return ERR_OK;
}

/* Most answers are in order already. */
static void sort(struct recognise_finding *list, size_t count,
                 int (*order)(const void *a, const void *b))
{
    for (size_t i = 1; i < count; i++) {
        if (order(&list[i - 1], &list[i]) > 0) {
            qsort(list, count, sizeof(list[0]), order);
            return;
        }
    }
}

/* From the border `at`, of which *characters is the number, to that of number `to` or the
 * end. Eight bytes at a time: a character begins with whatever does not continue one. */
static size_t walk(struct str s, size_t at, size_t *characters, size_t to)
{
    while (to - *characters >= 8 && at + 8 <= s.len) {
        uint64_t w;
        memcpy(&w, s.ptr + at, 8);
        uint64_t begun = ~(w >> 7) | w >> 6; /* in each byte's lowest bit */
        *characters += (size_t)__builtin_popcountll(begun & UINT64_C(0x0101010101010101));
        at += 8;
    }
    while (at < s.len && (*characters < to || ((unsigned char)s.ptr[at] & 0xc0) == 0x80)) {
        *characters += ((unsigned char)s.ptr[at] & 0xc0) != 0x80 ? 1 : 0;
        at++;
    }
    return at;
}

static int compare(const void *a, const void *b)
{
    const struct recognise_finding *x = a;
    const struct recognise_finding *y = b;
    if (x->text != y->text) {
        return x->text < y->text ? -1 : 1;
    }
    if (x->start != y->start) {
        return x->start < y->start ? -1 : 1;
    }
    if (x->end != y->end) {
        return x->end > y->end ? -1 : 1;
    }
    if (x->type != y->type) {
        return x->type < y->type ? -1 : 1;
    }
    return x->score > y->score ? -1 : x->score < y->score;
}

static int compare_ends(const void *a, const void *b)
{
    const struct recognise_finding *x = a;
    const struct recognise_finding *y = b;
    if (x->text != y->text) {
        return x->text < y->text ? -1 : 1;
    }
    return x->end < y->end ? -1 : x->end > y->end;
}
