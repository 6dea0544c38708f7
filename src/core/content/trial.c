/* SPDX-License-Identifier: Apache-2.0
 *
 * One policy tried alone (S1-11): its rules are compiled as an organisation's would be,
 * and a prompt and an answer go through the check of the path. Nothing here judges; the
 * texts are put as JSON strings because that is what edits are made of. Everything but
 * the results goes at the end. Control thread.
 */
#include "portcullis/content.h"

#define EDITED_BYTES_MAX (8U * CONTENT_TRIAL_BYTES_MAX)

static enum err try_all(struct arena *a, const struct content_question *q,
                        const struct content *content, struct scan_scratch *scratch,
                        struct content_trial *ret);
static enum err try_text(struct arena *a, struct content_check *k, enum content_stage stage,
                         struct str text, struct str *ret_after);
static enum err apply(struct arena *a, struct content_check *k, struct str body,
                      struct str *ret_after);
static enum err keep_hits(struct arena *a, const struct content_check *k,
                          struct content_trial *ret);
static void keep(struct arena *a, struct str *s);

enum err content_try(struct arena *a, const struct content_question *q, struct content_trial *ret,
                     struct issue *ret_issue)
{
    struct content *content = NULL;
    struct scan_scratch *scratch = NULL;
    *ret = (struct content_trial){.prompt = q->prompt, .response = q->response};
    issue_set(ret_issue, "", "the texts could not be checked");
    if (q->prompt.len > CONTENT_TRIAL_BYTES_MAX || q->response.len > CONTENT_TRIAL_BYTES_MAX) {
        issue_set(ret_issue, "", "a text is longer than %u bytes", CONTENT_TRIAL_BYTES_MAX);
        return ERR_LIMIT;
    }
    TRY(content_new(q->rules, q->rules_count, q->build, &content, ret_issue));
    if (content == NULL) {
        return ERR_OK; /* no rules: nothing to say */
    }
    enum err e = scan_scratch_new(&scratch);
    if (e == ERR_OK && content_set(content) != NULL) { /* rules of meaning have none */
        e = scan_scratch_fit(scratch, content_set(content));
    }
    if (e == ERR_OK) {
        e = try_all(a, q, content, scratch, ret);
    }
    scan_scratch_free(scratch);
    content_unref(content);
    return e;
}

/* Every rule applies. */
static enum err try_all(struct arena *a, const struct content_question *q,
                        const struct content *content, struct scan_scratch *scratch,
                        struct content_trial *ret)
{
    struct content_env env = {.scratch = scratch, .hash_key = q->hash_key};
    struct content_check *k = NULL;
    size_t words = (content_rules_count(content) + 63) / 64;
    uint64_t *applies = ARENA_ARRAY(a, words, uint64_t);
    if (applies == NULL) {
        return ERR_MEMORY;
    }
    for (size_t i = 0; i < content_rules_count(content); i++) {
        applies[i / 64] |= UINT64_C(1) << (i % 64);
    }
    TRY(content_check_new(a, content, applies, &env, &k));
    if (k == NULL) {
        return ERR_OK;
    }
    enum err e = ERR_OK;
    if (q->prompt.ptr != NULL && content_is_wanted(k, CONTENT_REQUEST)) {
        e = try_text(a, k, CONTENT_REQUEST, q->prompt, &ret->prompt);
    }
    if (e == ERR_OK && q->response.ptr != NULL && content_is_wanted(k, CONTENT_RESPONSE)) {
        e = try_text(a, k, CONTENT_RESPONSE, q->response, &ret->response);
    }
    if (e == ERR_OK) {
        ret->prompt_effect = content_effect(k, CONTENT_REQUEST);
        ret->response_effect = content_effect(k, CONTENT_RESPONSE);
        ret->edits_count =
            content_edits_count(k, CONTENT_REQUEST) + content_edits_count(k, CONTENT_RESPONSE);
        e = keep_hits(a, k, ret);
    }
    content_check_fini(k);
    return e;
}

static enum err try_text(struct arena *a, struct content_check *k, enum content_stage stage,
                         struct str text, struct str *ret_after)
{
    struct buf quoted;
    buf_init(&quoted, EDITED_BYTES_MAX);
    json_write_str(&quoted, text);
    struct str body = quoted.err == ERR_OK ? arena_str(a, buf_str(&quoted)) : STR_NONE;
    buf_fini(&quoted);
    if (body.ptr == NULL) {
        return ERR_MEMORY;
    }
    struct llm_text *t = ARENA_NEW(a, struct llm_text); /* borrowed until the edits are made */
    if (t == NULL) {
        return ERR_MEMORY;
    }
    bool is_request = stage == CONTENT_REQUEST;
    *t = (struct llm_text){.value = text,
                           .span = {0, body.len},
                           .pointer = is_request ? STR("/prompt") : STR("/response"),
                           .role = is_request ? LLM_ROLE_USER : LLM_ROLE_ASSISTANT};
    TRY(is_request ? content_request_add(k, t) : content_response_add(k, t));
    enum err e;
    do {
        e = content_run(k, CONTENT_TRIAL_BYTES_MAX);
    } while (e == ERR_AGAIN);
    TRY(e);
    return apply(a, k, body, ret_after);
}

static enum err apply(struct arena *a, struct content_check *k, struct str body,
                      struct str *ret_after)
{
    const struct llm_edit *edits;
    size_t count;
    struct buf edited;
    TRY(content_edits(k, &edits, &count));
    if (count == 0) {
        return ERR_OK;
    }
    buf_init(&edited, EDITED_BYTES_MAX);
    enum err e = llm_edits_apply(&edited, body, edits, count);
    if (e == ERR_OK) {
        struct json_doc doc;
        struct issue issue;
        struct str copy = arena_str(a, buf_str(&edited));
        e = copy.ptr == NULL ? ERR_MEMORY
                             : json_parse(a, copy, &json_limits_default, &doc, &issue);
        *ret_after = e == ERR_OK ? json_str(doc.root) : *ret_after;
    }
    buf_fini(&edited);
    return e;
}

/* Their words lie in the content, which ends with the trial. */
static enum err keep_hits(struct arena *a, const struct content_check *k,
                          struct content_trial *ret)
{
    const struct content_hit *hits[2];
    size_t counts[2], dropped[2];
    counts[0] = content_hits(k, CONTENT_REQUEST, &hits[0], &dropped[0]);
    counts[1] = content_hits(k, CONTENT_RESPONSE, &hits[1], &dropped[1]);
    struct content_hit *list = ARENA_ARRAY(a, counts[0] + counts[1], struct content_hit);
    if (list == NULL) {
        return ERR_MEMORY;
    }
    for (size_t i = 0; i < 2; i++) {
        for (size_t n = 0; n < counts[i]; n++) {
            struct content_hit *hit = &list[ret->hits_count++];
            *hit = hits[i][n];
            keep(a, &hit->what);
            keep(a, &hit->pointer);
            keep(a, &hit->message);
        }
        ret->hits_dropped += dropped[i];
    }
    ret->hits = list;
    return a->is_exhausted ? ERR_MEMORY : ERR_OK;
}

static void keep(struct arena *a, struct str *s)
{
    if (s->ptr != NULL) {
        *s = arena_str(a, *s);
    }
}
