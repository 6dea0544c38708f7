/* SPDX-License-Identifier: Apache-2.0
 *
 * What was found, as a short list for messages, headers and the audit record, and counts
 * for the metrics. A hit names the rule's own words and the place, never the text. The
 * list is bounded; what a rule that blocks has to say is never crowded out by others.
 * Memory: the exchange's arena.
 */
#include "content_private.h"

static struct content_hit *find(struct stage *s, uint32_t rule, struct str what);
static enum err add(struct stage *s, const struct content_hit *hit, struct str pointer);
static struct content_hit *make_room(struct stage *s, const struct content_hit *hit);
static bool is_first_of_rule(const struct stage *s, size_t at);
static struct str message_of(struct arena *a, const struct content_hit *hit);

static const char *const opaque_names[OPAQUE_KINDS] = {
    [LLM_OPAQUE_IMAGE] = "image",   [LLM_OPAQUE_AUDIO] = "audio", [LLM_OPAQUE_FILE] = "file",
    [LLM_OPAQUE_TOKENS] = "tokens", [LLM_OPAQUE_URL] = "url",     [LLM_OPAQUE_STORED] = "stored",
    [LLM_OPAQUE_ENCODED] = "encoded",
};

enum err hit_add(struct stage *s, const struct place *where, const struct sighting *seen)
{
    const struct rule *r = &s->check->content->rules[seen->rule];
    struct content_hit *known = find(s, seen->rule, seen->what);

    s->effect = r->effect > s->effect ? r->effect : s->effect;
    if (known != NULL) {
        known->count += where->is_repeat ? 0 : 1;
        return ERR_OK;
    }
    if (where->is_repeat && s->hits_count == CONTENT_HITS_MAX && r->effect != CONTENT_BLOCK) {
        return ERR_OK; /* among those that were dropped */
    }
    struct content_hit hit = {
        .rule = seen->rule,
        .kind = r->kind,
        .effect = r->effect,
        .stage = s->stage,
        .what = seen->what,
        .role = where->role,
        .start = seen->start,
        .end = seen->end,
        .score = seen->score,
        .count = 1,
    };
    return add(s, &hit, where->pointer);
}

static struct content_hit *find(struct stage *s, uint32_t rule, struct str what)
{
    for (size_t i = 0; i < s->hits_count; i++) {
        struct content_hit *h = &s->hits[i];
        if (h->rule == rule && !h->is_unscannable && str_eq(h->what, what)) {
            return h;
        }
    }
    return NULL;
}

static enum err add(struct stage *s, const struct content_hit *hit, struct str pointer)
{
    struct arena *a = s->check->arena;
    struct content_hit *to = make_room(s, hit);

    if (to == NULL) {
        return s->hits != NULL ? ERR_OK : ERR_MEMORY;
    }
    *to = *hit;
    to->pointer = pointer.len > 0 ? arena_str(a, pointer) : STR_NONE;
    to->message = message_of(a, hit);
    return to->message.ptr != NULL && (pointer.len == 0 || to->pointer.ptr != NULL) ? ERR_OK
                                                                                   : ERR_MEMORY;
}

/* Where the hit goes; NULL: nowhere, and it is only counted. */
static struct content_hit *make_room(struct stage *s, const struct content_hit *hit)
{
    if (s->hits == NULL) {
        s->hits = ARENA_ARRAY(s->check->arena, CONTENT_HITS_MAX, struct content_hit);
    }
    if (s->hits == NULL) {
        return NULL;
    }
    if (s->hits_count < CONTENT_HITS_MAX) {
        return &s->hits[s->hits_count++];
    }
    s->hits_dropped++;
    if (hit->effect != CONTENT_BLOCK) {
        return NULL;
    }
    for (size_t i = CONTENT_HITS_MAX; i-- > 0;) {
        if (s->hits[i].effect != CONTENT_BLOCK) {
            return &s->hits[i];
        }
    }
    for (size_t i = 0; i < CONTENT_HITS_MAX; i++) {
        if (s->hits[i].rule == hit->rule) {
            return NULL;
        }
    }
    for (size_t i = CONTENT_HITS_MAX; i-- > 0;) {
        if (!is_first_of_rule(s, i)) {
            return &s->hits[i];
        }
    }
    return NULL;
}

static bool is_first_of_rule(const struct stage *s, size_t at)
{
    for (size_t i = 0; i < at; i++) {
        if (s->hits[i].rule == s->hits[at].rule) {
            return false;
        }
    }
    return true;
}

static struct str message_of(struct arena *a, const struct content_hit *hit)
{
    static const char *const words[CONTENT_KINDS] = {
        [CONTENT_PII] = "PII detected: ",
        [CONTENT_TERMS] = "Pattern matched: ",
        [CONTENT_REQUIRED_TERMS] = "Required term missing: ",
        [CONTENT_TOPICS] = "Topic detected: ",
        [CONTENT_INJECTION] = "Prompt injection detected",
    };
    if (hit->is_unscannable) {
        return arena_printf(a, "Content that cannot be scanned: %.*s", STR_ARG(hit->what));
    }
    if (hit->kind == CONTENT_INJECTION) {
        return str_from(words[hit->kind]);
    }
    return arena_printf(a, "%s%.*s", words[hit->kind], STR_ARG(hit->what));
}

/* The first of a kind goes through the rules that apply; the next ones only count. */
enum err hit_add_opaque(struct stage *s, enum llm_unscannable_kind kind, struct str pointer)
{
    const struct content *c = s->check->content;
    struct str what = str_from(opaque_names[kind]);

    for (size_t i = 0; s->has_opaque[kind] && i < s->hits_count; i++) {
        s->hits[i].count += s->hits[i].is_unscannable && str_eq(s->hits[i].what, what) ? 1 : 0;
    }
    for (size_t w = 0; !s->has_opaque[kind] && w < c->words; w++) {
        for (uint64_t bits = s->bits[w]; bits != 0; bits &= bits - 1) {
            uint32_t n = (uint32_t)(w * 64 + (size_t)__builtin_ctzll(bits));
            const struct rule *r = &c->rules[n];
            if (r->unscannable == CONTENT_INFO) {
                continue;
            }
            s->effect = r->unscannable > s->effect ? r->unscannable : s->effect;
            TRY(add(s,
                    &(struct content_hit){.rule = n,
                                          .kind = r->kind,
                                          .effect = r->unscannable,
                                          .stage = s->stage,
                                          .is_unscannable = true,
                                          .what = what,
                                          .role = LLM_ROLE_OTHER,
                                          .count = 1},
                    pointer));
        }
    }
    s->has_opaque[kind] = true;
    return ERR_OK;
}

/* Also where it is allowed: then as something to know. */
enum err hit_add_failure(struct stage *s, size_t service, enum recognise_result why)
{
    const struct content *c = s->check->content;
    struct str name = c->services->items[service].name;
    struct str what = arena_printf(s->check->arena, "recogniser %.*s: %s", STR_ARG(name),
                                   recognise_result_name(why));
    uint32_t last = UINT32_MAX;

    if (what.ptr == NULL) {
        return ERR_MEMORY;
    }
    for (size_t i = c->recognised_from; i < c->terms_count; i++) {
        const struct term *t = &c->terms[i];
        if (t->service != service || t->rule == last || !bit_has(s->bits, t->rule)) {
            continue;
        }
        const struct rule *r = &c->rules[t->rule];
        last = t->rule;
        s->effect = r->failure > s->effect ? r->failure : s->effect;
        TRY(add(s,
                &(struct content_hit){.rule = t->rule,
                                      .kind = r->kind,
                                      .effect = r->failure,
                                      .stage = s->stage,
                                      .is_unscannable = true,
                                      .what = what,
                                      .role = LLM_ROLE_OTHER,
                                      .count = 1},
                STR_NONE));
    }
    return ERR_OK;
}

void entity_count(struct stage *s, const char *type)
{
    for (size_t i = 0; i < s->entities_count; i++) {
        if (s->entities[i] == type || strcmp(s->entities[i], type) == 0) {
            s->entities_counts[i]++;
            return;
        }
    }
    if (s->entities_count < ENTITIES_MAX) {
        s->entities[s->entities_count] = type;
        s->entities_counts[s->entities_count++] = 1;
    }
}
