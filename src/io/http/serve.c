/* SPDX-License-Identifier: Apache-2.0
 *
 * http_serve: what to do with a request that is not the path. Health, metrics,
 * documents, templates and evaluations are answered on the worker at once; what
 * needs the database becomes a job for the control thread. Copies everything a job
 * keeps: the request's views end with the call.
 */
#include "http_private.h"

#include <stdlib.h>

static bool serve_ops(struct http *h, const struct worker_request *request);
static void serve_management(struct http *h, const struct worker_request *request);
static void read_request(struct arena *a, const struct worker_request *r,
                         struct manage_caller *caller, struct manage_request *ret);
static struct str joined(struct arena *a, const struct wire_head *head, const char *name);
static void answer(struct http *h, struct worker_ticket ticket, const struct manage_answer *m);
static bool queue(struct http *h, struct http_job *job);
static void unknown_path(struct str path, struct manage_refusal *refusal);
static enum err check_base_url(const struct http *h, struct arena *a,
                               const struct manage_command *c, struct manage_refusal *refusal);
static bool is_admin_only(const struct http *h, const struct worker_request *request);

enum err http_new(const struct http_options *options, struct http **ret)
{
    struct http *h = calloc(1, sizeof(*h));
    if (h == NULL) {
        return ERR_MEMORY;
    }
    h->options = *options;
    h->queue_end = &h->queue;
    pthread_mutex_init(&h->lock, NULL);
    *ret = h;
    return ERR_OK;
}

void http_free(struct http *h)
{
    if (h == NULL) {
        return;
    }
    struct http_job *lists[] = {h->queue, h->waiting, h->compiling};
    for (size_t i = 0; i < 3; i++) {
        while (lists[i] != NULL) {
            struct http_job *next = lists[i]->next;
            arena_fini(&lists[i]->arena);
            free(lists[i]);
            lists[i] = next;
        }
    }
    pthread_mutex_destroy(&h->lock);
    free(h);
}

void http_serve(void *context, const struct worker_request *request)
{
    struct http *h = context;
    if (!serve_ops(h, request)) {
        serve_management(h, request);
    }
}

static bool serve_ops(struct http *h, const struct worker_request *request)
{
    struct http_reply r = {.content_type = STR("application/json")};
    struct str path = request->head->path;
    buf_init(&r.body, HTTP_REPLY_BYTES_MAX);
    bool is_read =
        request->head->method == WIRE_GET || request->head->method == WIRE_HEAD_METHOD;
    if (!is_read) {
        buf_fini(&r.body);
        return false; /* 405 or 404 is management's to say */
    }
    if (str_eq(path, STR("/healthz"))) {
        http_ops_health(&r);
    } else if (str_eq(path, STR("/readyz"))) {
        http_ops_ready(h, &r);
    } else if (str_eq(path, STR("/metrics"))) {
        http_ops_metrics(h, request->snapshot, &r);
    } else {
        return false;
    }
    struct flow_served served = {
        .status = r.status, .content_type = r.content_type, .body = buf_str(&r.body)};
    worker_answer(h->options.group, request->ticket, &served);
    buf_fini(&r.body);
    return true;
}

static void serve_management(struct http *h, const struct worker_request *request)
{
    struct http_job *job = calloc(1, sizeof(*job));
    if (job == NULL) {
        struct flow_served none = {.status = 503};
        worker_answer(h->options.group, request->ticket, &none);
        return;
    }
    arena_init(&job->arena, HTTP_JOB_ARENA_BYTES_MAX);
    job->ticket = request->ticket;
    const struct route_catalog *catalog = policy_snapshot_catalog(request->snapshot);
    struct manage_caller caller;
    struct manage_request m;
    struct manage_refusal refusal = {0};
    struct manage_answer reply;
    read_request(&job->arena, request, &caller, &m);
    enum err e = ERR_NOT_FOUND;
    if (!is_admin_only(h, request)) {
        m.services = h->options.services;
        e = manage_parse(&job->arena, &m, catalog, &job->command, &refusal);
    }
    if (e == ERR_NOT_FOUND && refusal.status == 0) {
        unknown_path(request->head->path, &refusal);
    }
    if (e == ERR_OK) {
        e = check_base_url(h, &job->arena, &job->command, &refusal);
    }
    if (e == ERR_OK && job->command.needs_store) {
        if (queue(h, job)) {
            return;
        }
        manage_refuse(&refusal, 503, "busy", "",
                      "Too many requests wait for the database; nothing was changed, try again");
        e = ERR_LIMIT;
    }
    if (e == ERR_OK && job->command.kind == MANAGE_EVALUATE) {
        http_evaluate(request, &job->command, &job->arena, &reply);
    } else {
        job->result.refusal = refusal;
        manage_render(&job->arena, &job->command, e, &job->result, catalog, &reply);
    }
    answer(h, job->ticket, &reply);
    arena_fini(&job->arena);
    free(job);
}

/* The connect checks every resolved address again; refusing here tells the
 * administrator at once instead of the first developer (catalogue I). */
static enum err check_base_url(const struct http *h, struct arena *a,
                               const struct manage_command *c, struct manage_refusal *refusal)
{
    for (size_t i = 0; c->collection != NULL && i < c->collection->fields_count; i++) {
        struct wire_url url;
        struct issue issue;
        const char *reason = "";
        const struct manage_field *f = &c->collection->fields[i];
        if (f->type != MANAGE_URL || c->values[i].text.len == 0) {
            continue;
        }
        if (wire_url_parse(a, c->values[i].text, true, &url, &issue) != ERR_OK ||
            !net_url_is_permitted(h->options.exceptions, &url, &reason)) {
            manage_refuse(refusal, 400, "url_not_permitted", "/base_url",
                          "This base URL is not permitted: %s", reason);
            return ERR_DENIED;
        }
    }
    return ERR_OK;
}

/* With a listener of its own, management answers nowhere else. */
static bool is_admin_only(const struct http *h, const struct worker_request *request)
{
    return h->options.has_admin_listener && request->listener_tag != h->options.admin_tag &&
           manage_path_is_known(request->head->path);
}

/* Refused, not ignored: an endpoint that is not understood cannot be governed. */
static void unknown_path(struct str path, struct manage_refusal *refusal)
{
    if (str_eq(path, STR("/healthz")) || str_eq(path, STR("/readyz")) ||
        str_eq(path, STR("/metrics"))) {
        manage_refuse(refusal, 405, "method_not_allowed", "", "This path takes GET");
        snprintf(refusal->allow, sizeof(refusal->allow), "GET, HEAD");
        return;
    }
    manage_refuse(
        refusal, 404, "endpoint_not_supported", "",
        "This endpoint is not known here, so nothing was sent anywhere; see /openapi.json");
}

static void read_request(struct arena *a, const struct worker_request *r,
                         struct manage_caller *caller, struct manage_request *ret)
{
    const struct wire_head *head = r->head;
    *ret = (struct manage_request){
        .method = head->method,
        .path = arena_str(a, head->path),
        .query = arena_str(a, head->query),
        .body = arena_str(a, r->body),
        .content_type = arena_str(a, wire_header_get(head, "content-type")),
        .if_match = joined(a, head, "if-match"),
        .if_none_match = joined(a, head, "if-none-match"),
        .prefer = joined(a, head, "prefer"),
    };
    if (r->principal == NULL) {
        return;
    }
    struct manage_caller c = manage_caller_of(r->principal);
    *caller = c;
    struct str *texts[] = {&caller->org, &caller->user, &caller->email, &caller->key_id,
                           &caller->environment};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        *texts[i] = arena_str(a, *texts[i]); /* the snapshot may go before the job does */
    }
    ret->caller = caller;
}

/* The lines of a list are one list (RFC 9110 5.3): a condition on the second line counts.
 * None stays none; without memory the list is empty, which is no condition that holds. */
static struct str joined(struct arena *a, const struct wire_head *head, const char *name)
{
    struct str list = wire_header_get(head, name);
    if (list.ptr == NULL) {
        return STR_NONE;
    }
    list = STR("");
    for (size_t i = 0; i < head->headers_count && list.ptr != NULL; i++) {
        if (str_eq_nocase(head->headers[i].name, str_from(name))) {
            list = arena_printf(a, "%.*s%s%.*s", STR_ARG(list), list.len != 0 ? ", " : "",
                                STR_ARG(head->headers[i].value));
        }
    }
    return list.ptr != NULL ? list : STR("");
}

static void answer(struct http *h, struct worker_ticket ticket, const struct manage_answer *m)
{
    struct flow_served served = {
        .status = m->status, .content_type = m->content_type, .body = m->body};
    for (size_t i = 0; i < m->headers_count; i++) {
        served.headers[served.headers_count++] = m->headers[i];
    }
    worker_answer(h->options.group, ticket, &served);
}

/* False: the queue is full, the job still the caller's. */
static bool queue(struct http *h, struct http_job *job)
{
    job->came_ms = http_mono_ms();
    pthread_mutex_lock(&h->lock);
    bool is_full = h->queued >= HTTP_JOBS_MAX;
    if (!is_full) {
        *h->queue_end = job;
        h->queue_end = &job->next;
        h->queued++;
    }
    pthread_mutex_unlock(&h->lock);
    if (!is_full) {
        h->options.wake(h->options.wake_context);
    }
    return !is_full;
}
