/* SPDX-License-Identifier: Apache-2.0
 *
 * ca: the sets of certificate authorities, read once per file and shared by all
 * workers. An endpoint's own file is read when a connection first needs it (a few
 * milliseconds, once); a file that cannot be read stays refused until the next
 * reload, so that a broken file does not cost a read per request. Any worker;
 * under ca_lock.
 */
#include "worker_private.h"

#include <stdlib.h>

static struct ca_entry *read_file(struct str file);

struct tls_client *ca_find(void *worker, struct str ca_file)
{
    struct worker_group *g = ((struct worker *)worker)->group;
    struct tls_client *found = NULL;
    uv_mutex_lock(&g->ca_lock);
    if (ca_file.len == 0) {
        found = tls_client_ref(g->ca_default);
    } else {
        struct ca_entry *e = g->ca_files;
        while (e != NULL && !str_eq((struct str){e->file, e->file_len}, ca_file)) {
            e = e->next;
        }
        if (e == NULL) {
            e = read_file(ca_file);
            if (e != NULL) {
                e->next = g->ca_files;
                g->ca_files = e;
            }
        }
        found = e == NULL || e->client == NULL ? NULL : tls_client_ref(e->client);
    }
    uv_mutex_unlock(&g->ca_lock);
    return found;
}

static struct ca_entry *read_file(struct str file)
{
    struct issue issue;
    int skipped;
    struct ca_entry *e = calloc(1, sizeof(*e) + file.len + 1);
    if (e == NULL) {
        return NULL;
    }
    memcpy(e->file, file.ptr, file.len);
    e->file_len = file.len;
    if (memchr(file.ptr, '\0', file.len) != NULL ||
        tls_client_open(e->file, &e->client, &skipped, &issue) != ERR_OK) {
        e->client = NULL;
    }
    return e;
}

void ca_forget(struct worker_group *g)
{
    while (g->ca_files != NULL) {
        struct ca_entry *e = g->ca_files;
        g->ca_files = e->next;
        tls_client_unref(e->client);
        free(e);
    }
}

enum err worker_group_reload_ca(struct worker_group *g, struct issue *ret_issue)
{
    struct tls_client *fresh;
    int skipped;
    TRY(tls_client_open(g->options.ca_file, &fresh, &skipped, ret_issue));
    uv_mutex_lock(&g->ca_lock);
    struct tls_client *old = g->ca_default;
    g->ca_default = fresh;
    ca_forget(g);
    uv_mutex_unlock(&g->ca_lock);
    tls_client_unref(old);
    group_distrust(g);
    return ERR_OK;
}
