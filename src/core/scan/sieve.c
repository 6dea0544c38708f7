/* SPDX-License-Identifier: Apache-2.0
 *
 * The sieve: redaction of a stream that equals redaction of the whole text, however the
 * text is cut. Each feed walks on in every view (tracks.c) from the first undecided place;
 * what lies before it, and in no finding that reaches over it, is given out. Places are
 * decided in order, and a finding never begins before its place: so when all places before
 * x are decided in all views, all findings that begin before x are known, and nothing given
 * out is regretted.
 */
#include "actions.h"
#include "tracks.h"

#define PIECE_BYTES 1024U
#define HELD_BYTES_MIN (4U << 10)
#define HELD_BYTES_MAX (16U << 20)

static enum err feed_piece(struct scan_sieve *s, bool is_final, struct buf *out,
                           struct scan_findings *found);
static enum err search(struct scan_sieve *s, bool is_final);
static void mute(struct scan_sieve *s, size_t known);
static uint64_t give(struct scan_sieve *s, uint64_t decided, struct buf *out);
static bool find_block(struct scan_sieve *s, uint64_t decided, uint64_t *ret_start);
static uint64_t whole_findings(const struct scan_sieve *s, uint64_t decided);
static uint64_t write_to(struct scan_sieve *s, uint64_t end, struct buf *out);
static struct str held_text(const struct scan_sieve *s, uint64_t from, uint64_t to);
static enum err settle(struct scan_sieve *s, uint64_t given, struct scan_findings *found);
static bool report(struct scan_sieve *s, size_t i, struct scan_findings *found);

void scan_sieve_init(struct scan_sieve *sieve, const struct scan_set *set,
                     const struct scan_plan *plan, struct scan_keys *keys, unsigned views,
                     size_t bytes_max)
{
    memset(sieve, 0, sizeof(*sieve));
    sieve->set = set;
    sieve->plan = plan;
    sieve->keys = keys;
    sieve->views = views;
    size_t least = bytes_max < HELD_BYTES_MIN ? HELD_BYTES_MIN : bytes_max;
    buf_init(&sieve->held, least > HELD_BYTES_MAX ? HELD_BYTES_MAX : least);
    for (unsigned i = 0; i < 2; i++) {
        scan_findings_init(&sieve->pending[i], SCAN_SIEVE_FINDINGS_MAX);
    }
}

void scan_sieve_fini(struct scan_sieve *sieve)
{
    if (sieve != NULL) {
        buf_wipe(&sieve->held);
        scan_findings_fini(&sieve->pending[0]);
        scan_findings_fini(&sieve->pending[1]);
        tracks_free(sieve->tracks);
        sieve->tracks = NULL;
    }
}

size_t scan_sieve_held_bytes(const struct scan_sieve *sieve)
{
    return sieve->held.len;
}

enum err scan_sieve_feed(struct scan_sieve *sieve, struct str chunk, struct buf *out,
                         struct scan_findings *found)
{
    ASSERT(!sieve->is_closed);
    while (chunk.len > 0 && !sieve->is_blocked) {
        struct str piece = str_sub(chunk, 0, PIECE_BYTES);
        chunk = str_sub(chunk, piece.len, chunk.len);
        buf_add(&sieve->held, piece);
        enum err err = sieve->held.err;
        err = err == ERR_OK ? feed_piece(sieve, false, out, found) : err;
        if (err != ERR_OK) {
            sieve->is_blocked = true;
            return err;
        }
    }
    return ERR_OK;
}

enum err scan_sieve_close(struct scan_sieve *sieve, struct buf *out, struct scan_findings *found)
{
    sieve->is_closed = true;
    if (sieve->is_blocked || sieve->held.len == 0) {
        return ERR_OK;
    }
    enum err err = feed_piece(sieve, true, out, found);
    sieve->is_blocked = sieve->is_blocked || err != ERR_OK;
    return err;
}

static enum err feed_piece(struct scan_sieve *s, bool is_final, struct buf *out,
                           struct scan_findings *found)
{
    if (s->tracks == NULL) {
        TRY(tracks_new(s->set, s->views, &s->tracks));
    }
    TRY(search(s, is_final));
    uint64_t given = give(s, tracks_decided(s->tracks), out);
    TRY(settle(s, given, found));
    buf_consume(&s->held, (size_t)(given - s->base));
    s->base = given;
    tracks_rest(s->tracks);
    return out->err;
}

/* Findings of the step, among those that wait. */
static enum err search(struct scan_sieve *s, bool is_final)
{
    struct scan_findings *all = &s->pending[0];
    size_t known = all->count;
    struct str held = buf_str(&s->held);
    size_t read = (size_t)(s->tracks->folded_to - s->base);
    TRY(tracks_feed(s->tracks, str_sub(held, read, held.len), is_final));
    tracks_walk(s->tracks, is_final, all);
    s->is_too_deep = s->tracks->is_too_deep;
    if (all->is_truncated || all->is_exhausted) {
        s->is_truncated = true;
        return ERR_LIMIT; /* something may have been missed: nothing more goes out */
    }
    if (all->count > known) {
        mute(s, known);
        findings_sort(all);
    }
    return ERR_OK;
}

/* Takes out what begins in text that was only fed to be looked back at. */
static void mute(struct scan_sieve *s, size_t known)
{
    struct scan_findings *all = &s->pending[0];
    size_t kept = known;
    for (size_t i = known; i < all->count && s->base < s->muted; i++) {
        if (all->items[i].start >= s->muted) {
            all->items[kept++] = all->items[i];
        }
    }
    all->count = s->base < s->muted ? kept : all->count;
}

/* ---- giving out -------------------------------------------------------------------------- */

/* Writes what is certain; returns the place in the text up to which that was. */
static uint64_t give(struct scan_sieve *s, uint64_t decided, struct buf *out)
{
    uint64_t end;
    if (decided <= s->base) {
        return s->base;
    }
    if (s->pending[0].count > 0 && find_block(s, decided, &end)) {
        s->is_blocked = true;
        return write_to(s, end, out);
    }
    return write_to(s, whole_findings(s, decided), out);
}

/* Blocks as soon as all that begins where the blocking finding does is known: so what is
 * told does not depend on the cuts either. */
static bool find_block(struct scan_sieve *s, uint64_t decided, uint64_t *ret_start)
{
    const struct scan_findings *all = &s->pending[0];
    size_t at = 0;
    struct region r;
    while (region_next(s->plan, all->items, all->count, &at, &r) && r.start < decided) {
        if (r.has_block && r.block_start < decided) {
            *ret_start = r.start;
            return true;
        }
    }
    return false;
}

/* The last place before `decided` that lies in no finding which a rule wants: findings that
 * overlap are told together. */
static uint64_t whole_findings(const struct scan_sieve *s, uint64_t decided)
{
    const struct scan_findings *all = &s->pending[0];
    uint64_t end = decided;
    for (size_t i = all->count; i-- > 0;) {
        const struct scan_finding *f = &all->items[i];
        if (f->start < end && f->end > end &&
            plan_index(s->plan, all->items, all->count, i) < s->plan->actions_count) {
            end = f->start;
        }
    }
    return end < s->base ? s->base : end;
}

/* Regions that begin before `end` end there or before. */
static uint64_t write_to(struct scan_sieve *s, uint64_t end, struct buf *out)
{
    const struct scan_findings *all = &s->pending[0];
    uint64_t given = s->base;
    size_t at = 0;
    struct region r;
    while (all->count > 0 && region_next(s->plan, all->items, all->count, &at, &r) &&
           r.start < end) {
        buf_add(out, held_text(s, given, r.start));
        region_write(s->plan, s->keys, &r, held_text(s, r.start, r.end), out);
        given = r.end;
    }
    buf_add(out, held_text(s, given, end));
    return end;
}

static struct str held_text(const struct scan_sieve *s, uint64_t from, uint64_t to)
{
    return str_sub(buf_str(&s->held), (size_t)(from - s->base), (size_t)(to - s->base));
}

/* Findings that begin in what was given out are reported; the rest waits. So do covers
 * that reach further: what they cover may be decided later. */
static enum err settle(struct scan_sieve *s, uint64_t given, struct scan_findings *found)
{
    struct scan_findings *all = &s->pending[0];
    struct scan_findings *rest = &s->pending[1];
    if (all->count == 0 || (all->items[0].start >= given && !s->is_blocked)) {
        return ERR_OK;
    }
    rest->count = 0;
    for (size_t i = 0; i < all->count; i++) {
        struct scan_finding f = all->items[i];
        bool is_given = f.start < given || s->is_blocked;
        if (is_given) {
            bool is_cover = report(s, i, found);
            if (s->is_blocked || f.end <= given || !is_cover) {
                continue;
            }
            f.score = 0; /* reported */
        }
        findings_add(rest, f);
    }
    struct scan_findings kept = *rest;
    *rest = *all;
    *all = kept;
    return all->is_truncated ? ERR_MEMORY : ERR_OK;
}

/* Tells a finding, once. Is it a cover? */
static bool report(struct scan_sieve *s, size_t i, struct scan_findings *found)
{
    const struct scan_findings *all = &s->pending[0];
    struct scan_finding f = all->items[i];
    uint8_t index = plan_index(s->plan, all->items, all->count, i);
    bool is_cover = index == SCAN_PLAN_COVER;
    if (f.score == 0 || (index >= s->plan->actions_count && !is_cover)) {
        return is_cover;
    }
    if (is_cover) {
        ; /* nothing that was looked for */
    } else if (f.kind == SCAN_TERM) {
        s->terms_count++;
    } else {
        s->counts[detector_at(f.id)->class]++;
    }
    if (found != NULL && found->count == found->capacity) {
        found->is_truncated = true;
    } else if (found != NULL) {
        found->items[found->count++] = f;
    }
    return is_cover;
}
