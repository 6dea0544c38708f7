/* SPDX-License-Identifier: Apache-2.0
 *
 * Provider endpoints and their credentials. A credential is sealed with AES-256-GCM
 * and bound to organisation, endpoint, provider, host and version: a row copied to
 * another organisation, or pointed at another host, does not open.
 */
#include "store_private.h"

#include "portcullis/tls.h"

#include <stdlib.h>

#define CREDENTIAL_BYTES_MAX (16 * 1024)

static struct str aad_of(struct arena *a, const struct store_binding *b)
{
    struct wire_url url = {0};
    struct issue issue;
    if (wire_url_parse(a, b->base_url, true, &url, &issue) != ERR_OK) {
        return STR_NONE;
    }
    return arena_printf(a, "%.*s|%.*s|%.*s|%.*s:%u|%u", STR_ARG(b->org), STR_ARG(b->id),
                        STR_ARG(b->provider), STR_ARG(url.host), (unsigned)url.port,
                        (unsigned)b->version);
}

enum err store_credential_seal(const struct store *s, struct arena *a,
                               const struct store_binding *b, struct str plain,
                               struct str *ret_sealed)
{
    struct str aad = aad_of(a, b);
    if (aad.ptr == NULL) {
        return ERR_INVALID;
    }
    struct buf sealed;
    buf_init(&sealed, CREDENTIAL_BYTES_MAX + 64);
    enum err e = tls_seal(s->options.secrets.sealing, aad, plain, &sealed);
    if (e == ERR_OK) {
        *ret_sealed = arena_str(a, buf_str(&sealed));
        e = ret_sealed->ptr != NULL ? ERR_OK : ERR_MEMORY;
    }
    buf_fini(&sealed);
    return e;
}

enum err store_endpoint_read(const struct store *s, struct arena *a, const PGresult *r, int row,
                             struct route_endpoint *ret)
{
    struct issue issue;
    struct str sealed;
    struct store_binding b = {.org = store_col(a, r, row, 0),
                              .id = store_col(a, r, row, 1),
                              .provider = store_col(a, r, row, 2),
                              .base_url = store_col(a, r, row, 3),
                              .version = (uint32_t)store_col_int(r, row, 6, 0)};
    *ret = (struct route_endpoint){.id = b.id, .base_url = b.base_url};
    const struct route_provider *p = route_catalog_find_provider(s->options.catalog, b.provider);
    if (p == NULL) {
        return ERR_NOT_FOUND;
    }
    ret->provider = p->index;
    ret->dialect = str_eq(store_col(a, r, row, 4), STR("anthropic")) ? LLM_ANTHROPIC : LLM_OPENAI;
    ret->ca_file = store_col(a, r, row, 7);
    ret->priority = (unsigned)store_col_int(r, row, 8, 100);
    TRY(wire_url_parse(a, b.base_url, true, &ret->url, &issue));
    TRY(store_col_bytes(a, r, row, 5, &sealed));
    /* Names a pool of connections: another credential is another pool. */
    ret->credential_id = arena_printf(a, "%.*s/%u", STR_ARG(b.id), (unsigned)b.version);
    if (sealed.ptr == NULL) {
        return ERR_OK;
    }
    struct buf plain;
    buf_init(&plain, CREDENTIAL_BYTES_MAX);
    enum err e = tls_open_sealed(s->options.secrets.sealing, aad_of(a, &b), sealed, &plain);
    if (e == ERR_OK) {
        ret->credential = arena_str(a, buf_str(&plain));
        e = ret->credential.ptr != NULL ? ERR_OK : ERR_MEMORY;
    }
    if (plain.ptr != NULL) {
        bytes_wipe(plain.ptr, plain.len);
    }
    buf_fini(&plain);
    return e;
}

bool store_url_is_same_host(struct arena *a, struct str one, struct str other)
{
    struct wire_url u, v;
    struct issue issue;
    return wire_url_parse(a, one, true, &u, &issue) == ERR_OK &&
           wire_url_parse(a, other, true, &v, &issue) == ERR_OK && str_eq(u.host, v.host) &&
           u.port == v.port;
}

void store_loaded_free(struct store_loaded *l)
{
    if (l == NULL) {
        return;
    }
    for (size_t i = 0; i < l->orgs_count; i++) {
        const struct policy_org_rows *o = &l->orgs[i].rows;
        for (size_t k = 0; k < o->endpoints_count; k++) {
            struct str c = o->endpoints[k].credential;
            if (c.len != 0) {
                /* The arena is ours and writable; the door lends it read-only. */
                bytes_wipe((void *)(uintptr_t)c.ptr, c.len);
            }
        }
    }
    arena_fini(&l->arena);
    free(l);
}
