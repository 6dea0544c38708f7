/* SPDX-License-Identifier: Apache-2.0
 *
 * Streams: the channels of an answer, one for each string that grows, fed as its pieces
 * arrive; what goes on is what the whole string would have given, however it was cut.
 * Pieces that end inside a code point or a surrogate pair wait for the rest of it.
 *
 * Heap, so that a long answer does not fill the exchange's arena; wiped and freed with
 * the check.
 */
#include "stream.h"

#include <stdlib.h>

#define OUT_BYTES_MAX (64U << 20)
#define FNV_BASIS UINT64_C(0xcbf29ce484222325)
#define FNV_PRIME UINT64_C(0x100000001b3)

static enum err open_channels(struct content_check *k);
static bool has_blocking(const struct stage *s, enum content_kind kind);
static struct channel *find_channel(const struct content_check *k, uint64_t id);
static enum err open_channel(struct content_check *k, const struct llm_text *text, bool is_listed,
                             struct channel **ret);
static void free_channel(struct channel *c);
static enum err feed_channel(struct channel *c, const struct llm_text *text, struct buf *out);
static enum err close_channel(struct channel *c, struct buf *out);
static bool is_restored(const struct content_check *k);
static enum err feed_text(struct channel *c, const struct llm_text *text, struct buf *out);
static enum err feed_bytes(struct channel *c, struct str bytes, struct buf *out);
static enum err feed_whole(struct channel *c, struct str bytes, struct buf *out);
static size_t unfinished(struct str s);
static enum err end_channel(struct channel *c, struct buf *out);
static void tell(struct channels *all, const struct channel *c);
static bool was_told(const struct channels *all, const struct llm_text *text);
static uint64_t basis_of(const struct llm_text *text);
static void hash_more(struct channel *c, struct str bytes);

/* ---- the door ------------------------------------------------------------------------ */

enum err content_feed(struct content_check *k, const struct llm_text *delta, struct buf *out)
{
    struct stage *s = stage_of(k, CONTENT_RESPONSE);
    if (s->effect == CONTENT_BLOCK) {
        return ERR_DENIED;
    }
    s->was_added = true;
    TRY(open_channels(k));
    struct channel *c = find_channel(k, delta->channel);
    if (c == NULL) {
        TRY(open_channel(k, delta, true, &c));
    }
    return feed_channel(c, delta, out);
}

enum err content_feed_whole(struct content_check *k, const struct llm_text *text, struct buf *out)
{
    struct stage *s = stage_of(k, CONTENT_RESPONSE);
    struct channel *c;
    if (s->effect == CONTENT_BLOCK) {
        return ERR_DENIED;
    }
    s->was_added = true;
    TRY(open_channels(k));
    TRY(open_channel(k, text, false, &c));
    c->place.is_repeat = was_told(k->channels, text);
    enum err err = feed_channel(c, text, out);
    err = err == ERR_OK ? close_channel(c, out) : err;
    if (err == ERR_OK && !c->place.is_repeat) {
        tell(k->channels, c);
    }
    free_channel(c);
    return err;
}

enum err content_close(struct content_check *k, uint64_t channel, struct buf *out)
{
    struct channel *c = find_channel(k, channel);
    if (c == NULL) {
        return ERR_OK;
    }
    struct channels *all = k->channels;
    bool is_blocked = stage_of(k, CONTENT_RESPONSE)->effect == CONTENT_BLOCK;
    enum err err = is_blocked ? ERR_DENIED : close_channel(c, out);
    tell(all, c);
    struct channel **at = &all->first;
    struct channel *before = NULL;
    while (*at != c) {
        before = *at;
        at = &(*at)->next;
    }
    *at = c->next;
    all->last = all->last == c ? before : all->last;
    all->count--;
    free_channel(c);
    return err;
}

size_t content_open_channels(const struct content_check *k, uint64_t *ret, size_t max)
{
    size_t count = 0;
    const struct channel *c = k->channels != NULL ? k->channels->first : NULL;
    for (; c != NULL && count < max; c = c->next) {
        ret[count++] = c->id;
    }
    return count;
}

size_t content_held_bytes(const struct content_check *k, uint64_t channel)
{
    const struct channel *c = find_channel(k, channel);
    if (c == NULL) {
        return 0;
    }
    size_t lead = c->strand.skip; /* is no text of the channel */
    size_t held = scan_sieve_held_bytes(&c->strand.sieve);
    return held - (lead < held ? lead : held) + c->part_len + c->restorer.held_len +
           (c->json != NULL ? json_reader_held(c->json) : 0);
}

bool content_alters(const struct content_check *k, enum content_stage stage)
{
    if (k == NULL) {
        return false;
    }
    const struct content *c = k->content;
    return bits_meet(stage_of(k, stage)->bits, c->rows[ROW_ALTERING], c->words) ||
           (stage == CONTENT_RESPONSE && is_restored(k));
}

void channels_free(struct content_check *k)
{
    struct channels *all = k->channels;
    if (all == NULL) {
        return;
    }
    while (all->first != NULL) {
        struct channel *c = all->first;
        all->first = c->next;
        free_channel(c);
    }
    buf_wipe(&all->decoded);
    buf_wipe(&all->sifted);
    free(all);
    k->channels = NULL;
}

/* ---- channels -------------------------------------------------------------------------- */

static enum err open_channels(struct content_check *k)
{
    if (k->channels != NULL) {
        return ERR_OK;
    }
    const struct stage *s = stage_of(k, CONTENT_RESPONSE);
    if (s->is_recognised) {
        return ERR_UNSUPPORTED; /* it is asked about whole texts: content_is_buffered */
    }
    struct channels *all = malloc(sizeof(*all));
    if (all == NULL) {
        return ERR_MEMORY;
    }
    all->first = all->last = NULL;
    all->count = all->told_count = 0;
    all->judges = s->of_kind_count[CONTENT_TOPICS] + s->of_kind_count[CONTENT_INJECTION] > 0;
    all->judges_early = has_blocking(s, CONTENT_TOPICS) || has_blocking(s, CONTENT_INJECTION);
    buf_init(&all->decoded, OUT_BYTES_MAX);
    buf_init(&all->sifted, OUT_BYTES_MAX);
    k->channels = all;
    return ERR_OK;
}

static bool has_blocking(const struct stage *s, enum content_kind kind)
{
    for (size_t i = 0; i < s->of_kind_count[kind]; i++) {
        if (s->check->content->rules[s->of_kind[kind][i]].effect == CONTENT_BLOCK) {
            return true;
        }
    }
    return false;
}

static struct channel *find_channel(const struct content_check *k, uint64_t id)
{
    struct channel *c = k->channels != NULL ? k->channels->first : NULL;
    while (c != NULL && c->id != id) {
        c = c->next;
    }
    return c;
}

static enum err open_channel(struct content_check *k, const struct llm_text *text, bool is_listed,
                             struct channel **ret)
{
    struct channels *all = k->channels;
    if (is_listed && all->count == CHANNELS_MAX) {
        return ERR_LIMIT;
    }
    struct channel *c = calloc(1, sizeof(*c));
    if (c == NULL) {
        return ERR_MEMORY;
    }
    c->check = k;
    c->id = text->channel;
    c->is_name = text->is_key;
    c->hash = basis_of(text);
    scan_restorer_init(&c->restorer, k->keys.tokens, text->is_json);
    /* A place in a stream is none in the answer; a whole text's is that of its event. */
    c->place.pointer = is_listed ? STR_NONE : text->pointer;
    c->place.role = text->role;
    if (text->is_json) {
        c->json = malloc(sizeof(*c->json));
        if (c->json == NULL) {
            free(c);
            return ERR_MEMORY;
        }
        json_reader_init(c->json, k);
    } else {
        char lead[LEAD_BYTES_MAX];
        bool has_lead = !is_listed && !text->is_key;
        size_t lead_len = has_lead ? lead_of(text->pointer, lead) : 0;
        enum err err = strand_begin(c, (struct str){lead, lead_len});
        if (err != ERR_OK) {
            free_channel(c);
            return err;
        }
    }
    if (is_listed) {
        *(all->last != NULL ? &all->last->next : &all->first) = c;
        all->last = c;
        all->count++;
    }
    *ret = c;
    return ERR_OK;
}

static void free_channel(struct channel *c)
{
    scan_sieve_fini(&c->strand.sieve);
    buf_wipe(&c->strand.text);
    if (c->json != NULL) {
        json_reader_fini(c->json);
        free(c->json);
    }
    bytes_wipe(c, sizeof(*c));
    free(c);
}

/* ---- pieces ------------------------------------------------------------------------------ */

static bool is_restored(const struct content_check *k)
{
    return k->keys.tokens != NULL && k->keys.tokens->count > 0;
}

/* The tokens of the request become their values again when all has been scanned, so that
 * nobody scans the values. */
static enum err feed_channel(struct channel *c, const struct llm_text *text, struct buf *out)
{
    struct buf *sifted = &c->check->channels->sifted;
    if (!is_restored(c->check)) {
        return feed_text(c, text, out);
    }
    buf_clear(sifted);
    enum err err = feed_text(c, text, sifted);
    TRY(scan_restorer_feed(&c->restorer, buf_str(sifted), out));
    if (err == ERR_DENIED) {
        TRY(scan_restorer_close(&c->restorer, out)); /* nothing comes behind it */
    }
    return err;
}

static enum err close_channel(struct channel *c, struct buf *out)
{
    struct buf *sifted = &c->check->channels->sifted;
    if (!is_restored(c->check)) {
        return end_channel(c, out);
    }
    buf_clear(sifted);
    enum err err = end_channel(c, sifted);
    TRY(scan_restorer_feed(&c->restorer, buf_str(sifted), out));
    TRY(scan_restorer_close(&c->restorer, out));
    return err;
}

static enum err feed_text(struct channel *c, const struct llm_text *text, struct buf *out)
{
    char bytes[4];
    size_t len = llm_half_join(&c->half, text, bytes);
    TRY(feed_bytes(c, (struct str){bytes, len}, out));
    TRY(feed_bytes(c, text->value, out));
    return out->err;
}

/* Whole code points go on; the beginning of one waits for the rest of it. */
static enum err feed_bytes(struct channel *c, struct str bytes, struct buf *out)
{
    hash_more(c, bytes);
    while (c->part_len > 0 && bytes.len > 0) {
        c->part[c->part_len++] = bytes.ptr[0];
        bytes = str_sub(bytes, 1, bytes.len);
        struct str part = {c->part, c->part_len};
        if (unfinished(part) < part.len) {
            c->part_len = 0;
            /* The last byte may begin another one. */
            size_t rest = unfinished(part);
            TRY(feed_whole(c, str_sub(part, 0, part.len - rest), out));
            memmove(c->part, c->part + part.len - rest, rest);
            c->part_len = rest;
        }
    }
    size_t rest = unfinished(bytes);
    TRY(feed_whole(c, str_sub(bytes, 0, bytes.len - rest), out));
    if (rest > 0) {
        memcpy(c->part, bytes.ptr + bytes.len - rest, rest);
        c->part_len = rest;
    }
    return ERR_OK;
}

static enum err feed_whole(struct channel *c, struct str bytes, struct buf *out)
{
    if (bytes.len == 0) {
        return ERR_OK;
    }
    return c->json != NULL ? json_reader_feed(c, bytes, out) : strand_feed(c, bytes, out);
}

/* How many bytes at the end may be the beginning of a code point: 0-3. */
static size_t unfinished(struct str s)
{
    for (size_t n = 1; n <= 3 && n <= s.len; n++) {
        unsigned char byte = (unsigned char)s.ptr[s.len - n];
        if (byte >= 0xc2 && byte < 0xf5) {
            size_t whole = byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
            return n < whole ? n : 0;
        }
        if ((byte & 0xc0) != 0x80) {
            return 0;
        }
    }
    return 0;
}

static enum err end_channel(struct channel *c, struct buf *out)
{
    struct str part = {c->part, c->part_len};
    char bytes[4];
    c->part_len = 0;
    TRY(feed_whole(c, part, out));
    if (c->half != 0) {
        c->half = 0;
        TRY(feed_whole(c, (struct str){bytes, str_utf8_of(0xfffd, bytes)}, out));
    }
    return c->json != NULL ? json_reader_end(c, out) : strand_end(c, out);
}

/* The same bytes read as JSON are another text. */
static uint64_t basis_of(const struct llm_text *text)
{
    return text->is_json ? ~FNV_BASIS : FNV_BASIS;
}

/* Not cryptographic: whoever makes two texts collide changes a count, never what is read,
 * judged or told for the first time. */
static void hash_more(struct channel *c, struct str bytes)
{
    for (size_t i = 0; i < bytes.len; i++) {
        c->hash = (c->hash ^ (unsigned char)bytes.ptr[i]) * FNV_PRIME;
    }
    c->bytes += bytes.len;
}

static void tell(struct channels *all, const struct channel *c)
{
    size_t max = sizeof(all->told) / sizeof(all->told[0]);
    size_t at = all->told_count++ % max;
    all->told[at].hash = c->hash;
    all->told[at].bytes = c->bytes;
}

static bool was_told(const struct channels *all, const struct llm_text *text)
{
    struct channel c = {.hash = basis_of(text)};
    size_t max = sizeof(all->told) / sizeof(all->told[0]);
    hash_more(&c, text->value);
    for (size_t i = 0; i < all->told_count && i < max; i++) {
        if (all->told[i].hash == c.hash && all->told[i].bytes == c.bytes) {
            return true;
        }
    }
    return false;
}
