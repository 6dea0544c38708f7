/* SPDX-License-Identifier: Apache-2.0
 *
 * What is read as one text while it grows: through the sieve, and what that finds into
 * the notes. The meaning (topics, injection) is judged when a text is over and, where a
 * rule blocks for it, each time the text has doubled: at places that do not depend on the
 * cuts. Memory: the channel's.
 */
#include "stream.h"

#define MEANING_BYTES_MIN 512U      /* where a rule blocks, first judged at this length */

static enum err sift(struct channel *c, struct str piece, struct buf *out);
static enum err tell_depth(struct channel *c, struct buf *out, size_t from);
static enum err note(struct channel *c, struct scan_findings *found);
static void cut_at_block(const struct stage *stage, struct scan_findings *found);
static void count_edits(struct channel *c, const struct scan_findings *found, size_t from);
static enum err judge(struct channel *c);

enum err strand_begin(struct channel *c, struct str lead)
{
    struct content_check *k = c->check;
    struct strand *s = &c->strand;
    struct stage *stage = stage_of(k, CONTENT_RESPONSE);
    scan_sieve_fini(&s->sieve);
    scan_sieve_init(&s->sieve, content_set(k->content), &stage->plan, &k->keys,
                    CONTENT_VIEWS, content_held_bytes_max(k->content));
    s->covers.count = 0;
    s->is_told = false;
    s->edited_to = 0;
    s->judge_at = MEANING_BYTES_MIN;
    s->judged = 0;
    s->text.bytes_max = MEANING_BYTES;
    buf_clear(&s->text);
    s->is_open = true;
    s->lead_len = stage->is_scanned ? lead.len : 0;
    s->skip = s->lead_len;
    if (s->lead_len == 0) {
        return ERR_OK;
    }
    s->sieve.muted = s->lead_len;
    struct buf ignored;
    buf_init(&ignored, LEAD_BYTES_MAX);
    enum err err = scan_sieve_feed(&s->sieve, lead, &ignored, NULL);
    s->skip -= ignored.len;
    buf_fini(&ignored);
    return err;
}

enum err strand_feed(struct channel *c, struct str text, struct buf *out)
{
    struct strand *s = &c->strand;
    const struct channels *all = c->check->channels;
    bool judges = all->judges && !c->is_name;
    while (text.len > 0) {
        struct str piece = str_sub(text, 0, STEP_BYTES);
        size_t due = all->judges_early ? s->judge_at : MEANING_BYTES;
        if (judges && s->text.len + piece.len > due) {
            piece.len = due - s->text.len;
        }
        text = str_sub(text, piece.len, text.len);
        TRY(sift(c, piece, out));
        if (judges) {
            buf_add(&s->text, piece);
            TRY(s->text.err);
        }
        if (judges && s->text.len == due) {
            TRY(judge(c));
        }
    }
    return out->err;
}

enum err strand_end(struct channel *c, struct buf *out)
{
    struct strand *s = &c->strand;
    if (!s->is_open) {
        return ERR_OK;
    }
    s->is_open = false;
    TRY(sift(c, STR_NONE, out));
    TRY(s->text.len > s->judged ? judge(c) : ERR_OK);
    return out->err;
}

/* Text, or the end of it (none), through the sieve; what it finds is noted. */
static enum err sift(struct channel *c, struct str piece, struct buf *out)
{
    struct strand *s = &c->strand;
    struct content_check *k = c->check;
    struct scan_findings found = {.items = k->channels->items, .capacity = FOUND_MAX};
    size_t from = out->len;
    if (!stage_of(k, CONTENT_RESPONSE)->is_scanned) {
        buf_add(out, piece);
        return out->err;
    }
    /* A token that is written here stands for what the model said: it stays. */
    struct scan_tokens *tokens = k->keys.tokens;
    k->keys.tokens = NULL;
    enum err err = piece.ptr != NULL ? scan_sieve_feed(&s->sieve, piece, out, &found)
                                     : scan_sieve_close(&s->sieve, out, &found);
    k->keys.tokens = tokens;
    if (err != ERR_OK || found.is_truncated) {
        return err != ERR_OK ? err : ERR_LIMIT;
    }
    if (s->sieve.is_too_deep && !s->is_told) {
        s->is_told = true;
        TRY(tell_depth(c, out, from));
    }
    if (s->skip > 0 && out->len > from) {
        size_t skipped = out->len - from < s->skip ? out->len - from : s->skip;
        memmove(out->ptr + from, out->ptr + from + skipped, out->len - from - skipped);
        out->len -= skipped;
        s->skip -= skipped;
    }
    if (found.count > 0) {
        TRY(note(c, &found));
    }
    return s->sieve.is_blocked ? ERR_DENIED : out->err;
}

/* There are more encodings than are undone. Where that blocks, what was read with them does
 * not go out. */
static enum err tell_depth(struct channel *c, struct buf *out, size_t from)
{
    struct stage *stage = stage_of(c->check, CONTENT_RESPONSE);
    TRY(hit_add_opaque(stage, LLM_OPAQUE_ENCODED, c->place.pointer));
    if (stage->effect == CONTENT_BLOCK) {
        out->len = from;
        return ERR_DENIED;
    }
    return ERR_OK;
}

static enum err note(struct channel *c, struct scan_findings *found)
{
    struct strand *s = &c->strand;
    struct stage *stage = stage_of(c->check, CONTENT_RESPONSE);
    for (size_t i = 0; i < found->count; i++) {
        found->items[i].start -= s->lead_len;
        found->items[i].end -= s->lead_len;
    }
    if (s->sieve.is_blocked) {
        cut_at_block(stage, found);
    }
    size_t count = found->count;
    TRY(note_findings(stage, &c->place, found, &s->covers));
    if (!c->place.is_repeat) {
        count_edits(c, found, found->count - count);
    }
    return ERR_OK;
}

/* What begins behind the place that blocks was found or not, as the cuts would have it. */
static void cut_at_block(const struct stage *stage, struct scan_findings *found)
{
    size_t at = 0;
    while (at < found->count) {
        uint8_t index = judge_index(stage, found->items, found->count, at);
        if (index < stage->plan.actions_count && stage->plan.actions[index].kind == SCAN_BLOCK) {
            break;
        }
        at++;
    }
    size_t count = at;
    while (count < found->count && found->items[count].start == found->items[at].start) {
        count++;
    }
    found->count = count;
}

/* Findings that overlap are one place. */
static void count_edits(struct channel *c, const struct scan_findings *found, size_t from)
{
    struct stage *stage = stage_of(c->check, CONTENT_RESPONSE);
    for (size_t i = from; i < found->count; i++) {
        const struct scan_finding *f = &found->items[i];
        uint8_t index = judge_index(stage, found->items, found->count, i);
        if (index >= stage->plan.actions_count || stage->plan.actions[index].kind == SCAN_KEEP ||
            stage->plan.actions[index].kind == SCAN_BLOCK) {
            continue;
        }
        stage->edits_count += f->start >= c->strand.edited_to;
        c->strand.edited_to = f->end > c->strand.edited_to ? f->end : c->strand.edited_to;
    }
}

/* What the text so far is about. A long one is judged piece by piece, as a whole text is. */
static enum err judge(struct channel *c)
{
    struct strand *s = &c->strand;
    struct stage *stage = stage_of(c->check, CONTENT_RESPONSE);
    TRY(note_meaning(stage, &c->place, buf_str(&s->text)));
    s->judge_at *= 2;
    if (s->text.len == MEANING_BYTES) {
        buf_consume(&s->text, MEANING_BYTES - MEANING_OVERLAP);
        s->judge_at = 2 * MEANING_OVERLAP;
    }
    s->judged = s->text.len;
    return stage->effect == CONTENT_BLOCK ? ERR_DENIED : ERR_OK;
}
