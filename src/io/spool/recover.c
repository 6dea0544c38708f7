/* SPDX-License-Identifier: Apache-2.0
 *
 * Opening a spool that an earlier process left, however it ended. Each segment is
 * sealed behind its last whole record and queued for shipping; a new process never
 * appends to an old one. Damage inside (a flipped bit, a page that was not written)
 * costs the records it hits (counted on shipping); whole records behind it are kept, though
 * a plain reader would stop at the first hole. Start-up only: one thread.
 */
#include "spool_private.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

static int is_segment_name(const struct dirent *d);
static enum err recover_one(struct spool *s, const char *name, uint64_t *ret_recovered,
                            struct issue *issue);
static size_t seal(struct segment *g, uint64_t *ret_recovered);
static size_t claimed_shipped(const struct segment_header *h);

enum err spool_recover(struct spool *s, uint64_t *ret_recovered, struct issue *issue)
{
    struct dirent **names;
    int count = scandir(s->dir, &names, is_segment_name, alphasort);
    if (count < 0) {
        issue_set(issue, "", "the spool folder %s cannot be read", s->dir);
        return ERR_IO;
    }
    enum err result = ERR_OK;
    for (int i = 0; i < count; i++) {
        enum err e = recover_one(s, names[i]->d_name, ret_recovered, issue);
        result = result == ERR_OK ? e : result;
        free(names[i]);
    }
    free(names);
    atomic_store(&s->recovered_left, *ret_recovered);
    return result;
}

static int is_segment_name(const struct dirent *d)
{
    return strlen(d->d_name) == 20 && strcmp(d->d_name + 16, SEGMENT_SUFFIX) == 0 &&
           strspn(d->d_name, "0123456789abcdef") == 16;
}

static enum err recover_one(struct spool *s, const char *name, uint64_t *ret_recovered,
                            struct issue *issue)
{
    char path[512], aside[520];
    struct segment *g;
    snprintf(path, sizeof(path), "%s/%s", s->dir, name);
    uint64_t number = strtoull(name, NULL, 16);
    if (number >= s->next_number && number < UINT64_MAX / 2) {
        s->next_number = number + 1;
    }
    enum err e = segment_open(path, number, &g);
    if (e == ERR_CORRUPT) {
        /* Died while making it: it holds no record. Kept under another name. */
        snprintf(aside, sizeof(aside), "%s.bad", path);
        (void)rename(path, aside);
        return ERR_OK;
    }
    if (e != ERR_OK) {
        issue_set(issue, "", "the spool segment %s cannot be opened", path);
        return e;
    }
    if (seal(g, ret_recovered) == SEGMENT_HEADER_BYTES) {
        segment_close(g, true); /* a spare that was never used */
        return ERR_OK;
    }
    g->is_recovered = true;
    segments_recovered(s, g);
    return ERR_OK;
}

/* Returns where the last whole record ends. */
static size_t seal(struct segment *g, uint64_t *ret_recovered)
{
    struct segment_header *h = segment_header_of(g);
    size_t claim = claimed_shipped(h), at = SEGMENT_HEADER_BYTES, end = at, shipped = at;
    uint64_t damaged = 0, count = 0, count_shipped = 0; /* damage counts when shipped */
    struct str record;
    while (segment_next_whole(g, &at, g->bytes, &record, &damaged)) {
        end = at;
        count++;
        if (at == claim) {
            shipped = at;
            count_shipped = count;
        }
    }
    *ret_recovered += count - count_shipped;
    segment_set_shipped(g, shipped);
    if (shipped < end) {
        atomic_store(&h->shipped_s, 0);
    }
    atomic_store(&h->sealed, end);
    return end;
}

/* Of two that differ the smaller is safe: a record may come twice, never not at all. */
static size_t claimed_shipped(const struct segment_header *h)
{
    uint64_t a = atomic_load(&h->shipped), b = ~atomic_load(&h->shipped_not);
    return a < b ? a : b;
}
