/* SPDX-License-Identifier: Apache-2.0
 *
 * mailbox: what other threads ask of a worker: listeners, drain, management answers.
 *
 * A list under a mutex that is held for a few instructions; the worker takes the
 * whole list at once. The wake-up is sent under the same mutex, so that it never
 * reaches a handle that has been closed. Mail owns what it carries until it is run
 * or dropped.
 */
#include "worker_private.h"

#include <stdlib.h>
#include <unistd.h>

static void run(struct worker *w, struct mail *m);
static struct str keep(char **at, struct str s);

enum err mail_new(size_t text_bytes, enum mail_kind kind, struct mail **ret)
{
    struct mail *m = calloc(1, sizeof(*m) + text_bytes);
    if (m == NULL) {
        return ERR_MEMORY;
    }
    m->kind = kind;
    m->fd = -1;
    *ret = m;
    return ERR_OK;
}

void mail_free(struct mail *m)
{
    if (m->fd >= 0) {
        close(m->fd);
    }
    tls_server_unref(m->tls);
    free(m);
}

void mail_send(struct worker *w, struct mail *m)
{
    uv_mutex_lock(&w->mail_lock);
    bool is_taken = !w->is_closed;
    if (is_taken) {
        *w->mail_last = m;
        w->mail_last = &m->next;
        uv_async_send(&w->wake);
    }
    uv_mutex_unlock(&w->mail_lock);
    if (!is_taken) {
        if (m->kind == MAIL_ANSWER) {
            atomic_fetch_add_explicit(&w->answers_dropped, 1, memory_order_relaxed);
        }
        mail_free(m);
    }
}

static struct mail *take_all(struct worker *w, bool is_closing)
{
    uv_mutex_lock(&w->mail_lock);
    struct mail *first = w->mail_first;
    w->mail_first = NULL;
    w->mail_last = &w->mail_first;
    w->is_closed = w->is_closed || is_closing;
    uv_mutex_unlock(&w->mail_lock);
    return first;
}

void mailbox_run(struct worker *w)
{
    struct mail *m = take_all(w, false);
    while (m != NULL) {
        struct mail *next = m->next;
        run(w, m);
        mail_free(m);
        m = next;
    }
}

void mailbox_close(struct worker *w)
{
    struct mail *m = take_all(w, true);
    while (m != NULL) {
        struct mail *next = m->next;
        mail_free(m);
        m = next;
    }
}

static void run(struct worker *w, struct mail *m)
{
    unsigned *listener = &w->listeners[m->listener];
    unsigned made;
    switch (m->kind) {
    case MAIL_LISTEN:
        if (net_listen(w->net, m->fd, m->tls, m->tag, &made) == ERR_OK) {
            *listener = made + 1;
        }
        m->fd = -1; /* taken over, also on failure */
        break;
    case MAIL_SET_TLS:
        if (*listener != 0) {
            net_listen_set_tls(w->net, *listener - 1, m->tls);
        }
        break;
    case MAIL_UNLISTEN:
        if (*listener != 0) {
            net_unlisten(w->net, *listener - 1);
            *listener = 0;
        }
        break;
    case MAIL_DRAIN:
        net_drain(w->net, m->deadline_ms);
        break;
    case MAIL_DISTRUST:
        net_distrust(w->net);
        break;
    case MAIL_ANSWER:
        if (!net_served(w->net, m->ticket, &m->served)) {
            atomic_fetch_add_explicit(&w->answers_dropped, 1, memory_order_relaxed);
        }
        break;
    }
}

/* ---- management answers -------------------------------------------------------------- */

void worker_answer(struct worker_group *g, struct worker_ticket ticket,
                   const struct flow_served *answer)
{
    struct mail *m;
    size_t bytes = answer->content_type.len + answer->body.len;
    ASSERT(ticket.worker < g->count &&
           answer->headers_count <= sizeof(answer->headers) / sizeof(answer->headers[0]));
    for (size_t i = 0; i < answer->headers_count; i++) {
        bytes += answer->headers[i].name.len + answer->headers[i].value.len;
    }
    if (mail_new(bytes, MAIL_ANSWER, &m) != ERR_OK) {
        return; /* net answers for us when its deadline has passed */
    }
    char *at = m->text;
    m->ticket = ticket.net;
    m->served = *answer;
    m->served.content_type = keep(&at, answer->content_type);
    m->served.body = keep(&at, answer->body);
    for (size_t i = 0; i < answer->headers_count; i++) {
        m->served.headers[i].name = keep(&at, answer->headers[i].name);
        m->served.headers[i].value = keep(&at, answer->headers[i].value);
    }
    mail_send(&g->workers[ticket.worker], m);
}

static struct str keep(char **at, struct str s)
{
    struct str ret = {*at, s.len};
    if (s.len > 0) {
        memcpy(*at, s.ptr, s.len);
    }
    *at += s.len;
    return ret;
}
