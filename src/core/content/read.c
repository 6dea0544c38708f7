/* SPDX-License-Identifier: Apache-2.0
 *
 * What is known of a text besides its bytes: the name it stands under, who said it, and
 * what it is about. Topics and injection are asked of what comes from outside: in a
 * request of what users and tools bring, not of the instructions around it and of what
 * the model said before; in an answer of what the model says. Pure.
 */
#include "run.h"

#define MEANING_BYTES_MIN 8U

static struct str name_of(struct str pointer);
static bool is_in(struct str s, const char *const *words);

/* Members that carry what one says. */
static const char *const speech_names[] = {
    "content", "text", "input", "prompt", "system", "instructions", "output", "thinking",
    "reasoning", "reasoning_content", "refusal", "summary", "transcript", "response", "arguments",
    "partial_json", "suffix", "data", NULL};
/* The APIs' own members: their names say nothing of what stands there. */
static const char *const plain_names[] = {"name", "title", "description", "user",  "type", "role",
                                          "id",   "model", "value",       "query", "url",  NULL};

size_t lead_of(struct str pointer, char ret[LEAD_BYTES_MAX])
{
    struct str name = name_of(pointer);
    if (name.len == 0 || name.len > LEAD_BYTES_MAX - 2 || str_find(name, '~') >= 0 ||
        is_in(name, speech_names) || is_in(name, plain_names)) {
        return 0;
    }
    memcpy(ret, name.ptr, name.len);
    ret[name.len] = ':';
    ret[name.len + 1] = ' ';
    return name.len + 2;
}

/* The last segment that is not a number. */
static struct str name_of(struct str pointer)
{
    while (pointer.len > 0) {
        size_t from = pointer.len;
        bool is_number = true;
        while (from > 0 && pointer.ptr[from - 1] != '/') {
            from--;
            is_number = is_number && pointer.ptr[from] >= '0' && pointer.ptr[from] <= '9';
        }
        if (!is_number) {
            return str_sub(pointer, from, pointer.len);
        }
        pointer.len = from > 0 ? from - 1 : 0;
    }
    return STR_NONE;
}

static bool is_in(struct str s, const char *const *words)
{
    for (size_t i = 0; words[i] != NULL; i++) {
        if (str_eq(s, str_from(words[i]))) {
            return true;
        }
    }
    return false;
}

bool is_speech(const struct llm_text *text)
{
    return !text->is_key && !text->is_json && !text->is_number &&
           is_in(name_of(text->pointer), speech_names);
}

bool content_kind_is_judged(enum content_kind kind)
{
    return kind == CONTENT_TOPICS || kind == CONTENT_INJECTION;
}

bool content_kind_looks_at(enum content_kind kind, enum content_stage stage,
                           enum llm_text_role role, bool is_key)
{
    if (!content_kind_is_judged(kind)) {
        return true;
    }
    return !is_key && (stage == CONTENT_RESPONSE || role == LLM_ROLE_USER ||
                       role == LLM_ROLE_TOOL || role == LLM_ROLE_OTHER);
}

enum err note_meaning(struct stage *s, const struct place *where, struct str text)
{
    TRY(note_topics(s, where, text));
    return note_injection(s, where, text);
}

enum err note_topics(struct stage *s, const struct place *where, struct str text)
{
    const struct content *c = s->check->content;
    unsigned scores[SCAN_TOPICS_MAX];
    bool is_topical = content_kind_looks_at(CONTENT_TOPICS, s->stage, where->role, false);
    size_t count = is_topical ? s->of_kind_count[CONTENT_TOPICS] : 0;

    if (count == 0 || text.len < MEANING_BYTES_MIN) {
        return ERR_OK;
    }
    TRY(scan_topics(c->engine, s->check->env.scratch, text, scores));
    for (size_t i = 0; i < count; i++) {
        uint32_t n = s->of_kind[CONTENT_TOPICS][i];
        for (uint32_t topics = c->rules[n].topics; topics != 0; topics &= topics - 1) {
            size_t t = (size_t)__builtin_ctz(topics);
            if (scores[t] >= c->rules[n].threshold) {
                TRY(hit_add(s, where,
                            &(struct sighting){n, str_from(scan_topic_name(t)), 0, text.len,
                                               scores[t]}));
            }
        }
    }
    return ERR_OK;
}

enum err note_injection(struct stage *s, const struct place *where, struct str text)
{
    const struct content *c = s->check->content;
    struct scan_injection injection;
    bool is_suspect = content_kind_looks_at(CONTENT_INJECTION, s->stage, where->role, false);
    size_t count = is_suspect ? s->of_kind_count[CONTENT_INJECTION] : 0;

    if (count == 0 || text.len < MEANING_BYTES_MIN) {
        return ERR_OK;
    }
    TRY(scan_injection(c->engine, s->check->env.scratch, text, &injection));
    /* What is scanned is told of already; a growing answer is judged again and again. */
    if (injection.is_too_deep && !s->is_scanned && !s->has_opaque[LLM_OPAQUE_ENCODED]) {
        TRY(hit_add_opaque(s, LLM_OPAQUE_ENCODED, where->pointer));
    }
    for (size_t i = 0; i < count; i++) {
        uint32_t n = s->of_kind[CONTENT_INJECTION][i];
        if (injection.score >= c->rules[n].threshold) {
            TRY(hit_add(s, where,
                        &(struct sighting){n, STR("injection"), 0, text.len, injection.score}));
        }
    }
    return ERR_OK;
}
