/* SPDX-License-Identifier: Apache-2.0
 *
 * POST /v1/evaluate: the whole decision for a request, nothing sent, no counter
 * touched (C-22). It resolves, decides, chooses and inspects with the very functions of
 * the path, under the snapshot the calling request sees. Texts are read at once, so they
 * are bounded. Worker thread.
 */
#include "http_private.h"

#include <stdio.h>

#define EDITED_BYTES_MAX (2u << 20)

struct evaluation {
    const struct worker_request *request;
    const struct manage_command *command;
    struct arena *arena;
    struct manage_refusal *refusal;
    enum llm_endpoint endpoint;
    struct route_resolution models;
    struct policy_facts facts;
    struct policy_verdict verdict;
    struct route_choice choice;
    struct codec_evaluation answer;
};

static bool endpoint_of(struct str name, enum llm_endpoint *ret);
static bool decide(struct evaluation *e);
static void inspect(struct evaluation *e);
static bool request_body(struct evaluation *e, struct str *ret);
static bool read_request(struct evaluation *e, struct content_check *k, struct str body);
static bool read_response(struct evaluation *e, struct content_check *k);
static bool edit_request(struct evaluation *e, struct content_check *k,
                         const struct llm_request *r);
static bool edit_response(struct evaluation *e, struct content_check *k, struct str body);
static bool collect(struct evaluation *e, const struct content_check *k);
static bool run(struct evaluation *e, struct content_check *k, enum err added);
static void refuse_issue(struct evaluation *e, const char *where, const struct issue *issue);

void http_evaluate(const struct worker_request *request, const struct manage_command *command,
                   struct arena *a, struct manage_answer *ret)
{
    struct manage_refusal refusal = {0};
    struct evaluation e = {
        .request = request, .command = command, .arena = a, .refusal = &refusal};
    struct buf out;
    buf_init(&out, HTTP_REPLY_BYTES_MAX);
    if (decide(&e)) {
        inspect(&e);
    }
    if (refusal.status == 0) {
        codec_write_evaluation(&out, &e.answer);
    } else {
        manage_write_error(&out, &refusal);
    }
    *ret = (struct manage_answer){.status = refusal.status != 0 ? refusal.status : 200,
                                  .content_type = STR("application/json"),
                                  .body = arena_str(a, buf_str(&out))};
    buf_fini(&out);
}

/* Everything before the texts; false: refused. */
static bool decide(struct evaluation *e)
{
    const struct manage_command *command = e->command;
    const struct route_catalog *catalog = policy_snapshot_catalog(e->request->snapshot);
    const struct policy_org *org = policy_principal_org(e->request->principal);
    if (!endpoint_of(command->evaluate.endpoint, &e->endpoint)) {
        manage_refuse(e->refusal, 400, "invalid_request", "/endpoint", "unknown endpoint");
        return false;
    }
    if (route_resolve(catalog, command->evaluate.model, &e->models) != ERR_OK) {
        manage_refuse(e->refusal, 404, "model_not_found", "/model", "The model is not known");
        return false;
    }
    if (!policy_may_enter(e->request->principal, command->evaluate.environment)) {
        manage_refuse(e->refusal, 403, "environment_not_allowed", "/environment",
                      "This key may not select an environment");
        return false;
    }
    e->facts = (struct policy_facts){.org = org,
                                     .who = e->request->principal,
                                     .endpoint = e->endpoint,
                                     .models = &e->models,
                                     .has_slot = command->evaluate.has_slot,
                                     .slot = command->evaluate.slot,
                                     .environment = command->evaluate.environment,
                                     .tags = command->evaluate.tags,
                                     .tags_count = command->evaluate.tags_count};
    if (policy_decide_call(e->arena, &e->facts, &e->models, &e->verdict) != ERR_OK) {
        manage_refuse(e->refusal, 503, "policy_unavailable", "",
                      "The policies could not be evaluated");
        return false;
    }
    if (e->verdict.is_slot_unknown) {
        manage_refuse(e->refusal, 400, "governance_policy_not_found", "/governance_policy",
                      "No active policy is assigned to this slot");
        return false;
    }
    if (e->verdict.is_slot_denied) {
        manage_refuse(e->refusal, 403, "governance_policy_not_allowed", "/governance_policy",
                      "This key may not select this slot");
        return false;
    }
    size_t count;
    const struct route_endpoint *endpoints = policy_org_endpoints(org, &count);
    bool has_choice = route_choose(catalog, &e->models, e->verdict.allowed, e->endpoint,
                                   &(struct route_reach){endpoints, count}, &e->choice) == ERR_OK;
    e->answer = (struct codec_evaluation){.catalog = catalog,
                                          .facts = &e->facts,
                                          .verdict = &e->verdict,
                                          .choice = has_choice ? &e->choice : NULL,
                                          .request_id = e->request->request_id,
                                          .epoch = policy_snapshot_epoch(e->request->snapshot)};
    return true;
}

static bool endpoint_of(struct str name, enum llm_endpoint *ret)
{
    if (name.len == 0) {
        return true; /* chat */
    }
    for (int e = 0; e < LLM_ENDPOINTS_COUNT; e++) {
        if (str_eq(name, str_from(llm_endpoint_name((enum llm_endpoint)e)))) {
            *ret = (enum llm_endpoint)e;
            return true;
        }
    }
    return false;
}

/* ---- content rules --------------------------------------------------------------------- */

/* As on the path: not for what no candidate is left for. Where no provider is set up the
 * first candidate that policies allow stands for it. */
static void inspect(struct evaluation *e)
{
    struct str body = STR_NONE, response = e->command->evaluate.response;
    if (e->verdict.allowed == 0 || !request_body(e, &body) ||
        (body.ptr == NULL && response.ptr == NULL)) {
        return;
    }
    if (body.len > CONTENT_TRIAL_BYTES_MAX || response.len > CONTENT_TRIAL_BYTES_MAX) {
        manage_refuse(e->refusal, 413, "content_too_large", "",
                      "Texts of more than %u bytes are not evaluated here",
                      CONTENT_TRIAL_BYTES_MAX);
        return;
    }
    struct content_check *k = NULL;
    struct flow_question q = {.arena = e->arena,
                              .facts = &e->facts,
                              .verdict = &e->verdict,
                              .candidate = e->answer.choice != NULL
                                               ? e->choice.candidate
                                               : (size_t)__builtin_ctz(e->verdict.allowed),
                              .scratch = e->request->scratch,
                              .pepper = e->request->pepper};
    bool is_fine = run(e, NULL, flow_check_new(&q, &k));
    e->answer.has_content = true;
    if (is_fine && body.ptr != NULL) {
        is_fine = read_request(e, k, body);
    }
    if (is_fine && response.ptr != NULL) {
        is_fine = read_response(e, k);
    }
    if (is_fine && k != NULL) {
        (void)collect(e, k);
    }
    content_check_fini(k);
}

/* The body that the path would read; none: there is nothing of a request to read. */
static bool request_body(struct evaluation *e, struct str *ret)
{
    const struct manage_command *c = e->command;
    struct buf out;
    buf_init(&out, 4u * CONTENT_TRIAL_BYTES_MAX);
    if (c->evaluate.request != NULL) {
        json_write_val(&out, c->evaluate.request);
    } else if (c->evaluate.messages != NULL || c->evaluate.prompt.ptr != NULL) {
        buf_add(&out, STR("{\"model\":"));
        json_write_str(&out, c->evaluate.model);
        buf_add(&out, STR(",\"messages\":"));
        if (c->evaluate.messages != NULL) {
            json_write_val(&out, c->evaluate.messages);
        } else {
            buf_add(&out, STR("[{\"role\":\"user\",\"content\":"));
            json_write_str(&out, c->evaluate.prompt);
            buf_add(&out, STR("}]"));
        }
        buf_add_byte(&out, '}');
    }
    bool is_fine = out.err == ERR_OK;
    if (is_fine && out.len != 0) {
        *ret = arena_str(e->arena, buf_str(&out));
        is_fine = ret->ptr != NULL;
    }
    if (!is_fine) {
        manage_refuse(e->refusal, 413, "content_too_large", "", "The texts are too large");
    }
    buf_fini(&out);
    return is_fine;
}

static bool read_request(struct evaluation *e, struct content_check *k, struct str body)
{
    struct llm_request r;
    struct issue issue;
    bool is_bare = e->command->evaluate.request == NULL;
    /* A bare prompt or messages are put as chat, whatever the policies are asked about. */
    enum llm_endpoint endpoint =
        is_bare && e->endpoint != LLM_MESSAGES ? LLM_CHAT : e->endpoint;
    enum err err = llm_request_parse(e->arena, endpoint, body, true, &r, &issue);
    if (err != ERR_OK) {
        refuse_issue(e, is_bare ? "" : "/request", &issue);
        return false;
    }
    for (size_t i = 0; e->command->evaluate.prompt.ptr != NULL && i < r.texts_count; i++) {
        if (str_eq(r.texts[i].pointer, STR("/messages/0/content"))) {
            r.texts[i].pointer = STR("/prompt");
        }
    }
    if (k != NULL && content_is_wanted(k, CONTENT_REQUEST) &&
        !run(e, k, flow_check_add(k, &r))) {
        return false;
    }
    return edit_request(e, k, &r);
}

static bool edit_request(struct evaluation *e, struct content_check *k,
                         const struct llm_request *r)
{
    struct llm_request after = *r;
    struct issue issue;
    struct buf edited;
    enum err err = ERR_OK;
    buf_init(&edited, EDITED_BYTES_MAX);
    if (k != NULL) {
        err = flow_check_edit(e->arena, k, r, &edited, &after, &issue);
    }
    if (err == ERR_INVALID || err == ERR_SYNTAX || err == ERR_UNSUPPORTED) {
        refuse_issue(e, "/request", &issue);
        buf_fini(&edited);
        return false;
    }
    bool is_fine = run(e, NULL, err);
    if (!e->command->evaluate.is_edited_wanted) {
        buf_fini(&edited);
        return is_fine;
    }
    if (is_fine && e->command->evaluate.prompt.ptr != NULL) {
        yyjson_val *message = yyjson_arr_get_first(json_get(after.doc.root, STR("messages")));
        e->answer.edited_prompt = arena_str(e->arena, json_str(json_get(message, STR("content"))));
    } else if (is_fine) {
        e->answer.edited_request = arena_str(e->arena, after.body);
    }
    buf_fini(&edited);
    return is_fine;
}

/* Put as an answer, so that it is read as one. */
static bool read_response(struct evaluation *e, struct content_check *k)
{
    struct buf out;
    struct issue issue;
    struct llm_said said = {0};
    enum err err = ERR_OK;
    buf_init(&out, EDITED_BYTES_MAX);
    buf_add(&out, STR("{\"content\":"));
    json_write_str(&out, e->command->evaluate.response);
    buf_add_byte(&out, '}');
    struct str body = arena_str(e->arena, buf_str(&out));
    buf_fini(&out);
    if (k != NULL && content_is_wanted(k, CONTENT_RESPONSE)) {
        err = llm_answer_read(e->arena, body, &said, &issue);
        for (size_t i = 0; i < said.texts_count && err == ERR_OK; i++) {
            said.texts[i].pointer = STR("/response");
            err = content_response_add(k, &said.texts[i]);
        }
        if (!run(e, k, err)) {
            return false;
        }
    }
    return edit_response(e, k, body);
}

static bool edit_response(struct evaluation *e, struct content_check *k, struct str body)
{
    const struct llm_edit *edits = NULL;
    size_t count = 0;
    struct buf edited;
    struct json_doc doc;
    struct issue issue;
    buf_init(&edited, EDITED_BYTES_MAX);
    enum err err = k != NULL ? content_edits(k, &edits, &count) : ERR_OK;
    if (err == ERR_OK) {
        err = llm_edits_apply(&edited, body, edits, count);
    }
    struct str copy = arena_str(e->arena, buf_str(&edited));
    buf_fini(&edited);
    if (err == ERR_OK) {
        err = json_parse(e->arena, copy, &json_limits_default, &doc, &issue);
    }
    if (!run(e, NULL, err)) {
        return false;
    }
    if (e->command->evaluate.is_edited_wanted) {
        e->answer.edited_response = json_str(json_get(doc.root, STR("content")));
    }
    return true;
}

/* Everything added is read now; false: refused. */
static bool run(struct evaluation *e, struct content_check *k, enum err added)
{
    enum err err = added;
    if (err == ERR_OK && k != NULL) {
        do {
            err = content_run(k, CONTENT_TRIAL_BYTES_MAX);
        } while (err == ERR_AGAIN);
    }
    if (err == ERR_LIMIT) {
        manage_refuse(e->refusal, 413, "content_check_limit", "",
                      "The texts are too large or too dense to be checked");
    } else if (err != ERR_OK) {
        manage_refuse(e->refusal, 503, "content_check_unavailable", "",
                      "The content rules could not be evaluated");
    }
    return err == ERR_OK;
}

static bool collect(struct evaluation *e, const struct content_check *k)
{
    struct flow_found found[2];
    enum content_stage stages[2] = {CONTENT_REQUEST, CONTENT_RESPONSE};
    for (size_t i = 0; i < 2; i++) {
        if (!run(e, NULL, flow_check_found(e->arena, e->facts.org, k, stages[i], &found[i]))) {
            return false;
        }
        if (content_effect(k, stages[i]) != CONTENT_BLOCK) { /* that would not go on */
            e->answer.modifications += content_edits_count(k, stages[i]);
        }
        e->answer.found_dropped += found[i].dropped;
    }
    size_t count = found[0].count + found[1].count;
    struct codec_found *list = ARENA_ARRAY(e->arena, count, struct codec_found);
    if (list == NULL) {
        return run(e, NULL, ERR_MEMORY);
    }
    for (size_t i = 0; i < 2; i++) {
        for (size_t n = 0; n < found[i].count; n++) {
            list[e->answer.found_count++] = found[i].items[n];
        }
    }
    e->answer.found = list;
    return true;
}

static void refuse_issue(struct evaluation *e, const char *where, const struct issue *issue)
{
    char pointer[sizeof(e->refusal->param)];
    snprintf(pointer, sizeof(pointer), "%s%.200s", where, issue->pointer);
    manage_refuse(e->refusal, 400, "invalid_request", pointer, "%s", issue->message);
}
