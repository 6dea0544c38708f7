/* SPDX-License-Identifier: Apache-2.0
 *
 * Sentences about a wrong input, and the guess at what was meant. Texts that are
 * too long are cut at a character, never in the middle of one. Callers see to it
 * that no value of the input is quoted, only names. Any thread.
 */
#include "portcullis/base.h"

#include <stdarg.h>
#include <stdio.h>

#define WORD_BYTES_MAX 64U

static void end_on_character(char *text);
static size_t edit_distance(struct str a, struct str b);
static size_t least(size_t a, size_t b);

void issue_set(struct issue *issue, const char *pointer, const char *format, ...)
{
    if (issue == NULL) {
        return;
    }
    issue->offset = UINT64_MAX;
    snprintf(issue->pointer, sizeof(issue->pointer), "%s", pointer == NULL ? "" : pointer);
    end_on_character(issue->pointer);
    va_list args;
    va_start(args, format);
    vsnprintf(issue->message, sizeof(issue->message), format, args);
    va_end(args);
    end_on_character(issue->message);
}

/* A cut text may end in the middle of a character: at most three bytes go. */
static void end_on_character(char *text)
{
    size_t len = strlen(text);
    size_t back = 0;
    while (back < 3 && back + 1 < len && ((unsigned char)text[len - 1 - back] & 0xC0) == 0x80) {
        back++;
    }
    if (len == 0 || (unsigned char)text[len - 1 - back] < 0xC0) {
        return;
    }
    if (str_utf8_step((struct str){text + len - 1 - back, back + 1}) == 0) {
        text[len - 1 - back] = '\0';
    }
}

const char *issue_did_you_mean(struct str word, const char *const *names)
{
    if (word.len < 2 || word.len > WORD_BYTES_MAX) {
        return NULL;
    }
    /* Short words have many neighbours: "ab" is two edits from everything. */
    size_t distance_max = word.len / 3 > 2 ? word.len / 3 : 2;
    size_t best = word.len <= 3 ? 2 : distance_max + 1;
    const char *nearest = NULL;
    for (size_t i = 0; names[i] != NULL; i++) {
        struct str name = str_from(names[i]);
        if (name.len == 0 || name.len > WORD_BYTES_MAX) {
            continue;
        }
        size_t distance = edit_distance(word, name);
        if (distance < best) {
            best = distance;
            nearest = names[i];
        }
    }
    return nearest;
}

/* Insert, delete, replace, or swap of two neighbours (optimal string alignment),
 * without regard to ASCII case. Both at most WORD_BYTES_MAX long. */
static size_t edit_distance(struct str a, struct str b)
{
    size_t rows[3][WORD_BYTES_MAX + 1] = {{0}};
    size_t *before = rows[0];
    size_t *above = rows[1];
    size_t *row = rows[2];
    for (size_t j = 0; j <= b.len; j++) {
        above[j] = j;
    }
    for (size_t i = 1; i <= a.len; i++) {
        row[0] = i;
        for (size_t j = 1; j <= b.len; j++) {
            bool is_same = str_eq_nocase(str_sub(a, i - 1, i), str_sub(b, j - 1, j));
            row[j] = least(above[j - 1] + !is_same, least(above[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && a.ptr[i - 1] == b.ptr[j - 2] && a.ptr[i - 2] == b.ptr[j - 1]) {
                row[j] = least(row[j], before[j - 2] + 1);
            }
        }
        size_t *free_row = before;
        before = above;
        above = row;
        row = free_row;
    }
    return above[b.len];
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}
