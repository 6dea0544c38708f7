/* SPDX-License-Identifier: Apache-2.0
 *
 * Sessions to resume: a small table, least recently used goes first. A full
 * handshake costs 1.5-4 ms of a loop's time and a resumed one a fraction, so a
 * linear walk over some thousand 32-byte keys is nothing in comparison.
 *
 * The key is a hash over CA set, host and the caller's key, so that no tenant
 * resumes another's session (catalogue 278) and no credential is kept here. An entry
 * is good for a time that its successors inherit: resuming shows no certificate.
 * Belongs to one worker; no locks. Must outlive the sessions that use it.
 */
#include "tls_internal.h"

#include <stdlib.h>

struct entry {
    struct sha256 key;
    uint64_t used_at; /* 0 = free */
    int64_t until_s;  /* then the certificate must be shown again */
    mbedtls_ssl_session session;
};

struct tls_resume {
    struct entry *entries;
    size_t entries_max;
    uint64_t ticks;
};

static struct entry *entry_find(struct tls_resume *r, const struct sha256 *key);
static struct entry *entry_oldest(struct tls_resume *r);
static void entry_clear(struct entry *e);

#define ENTRIES_MAX 65536

enum err tls_resume_new(size_t entries_max, struct tls_resume **ret)
{
    *ret = NULL;
    if (entries_max == 0 || entries_max > ENTRIES_MAX) {
        return ERR_INVALID;
    }
    struct tls_resume *r = calloc(1, sizeof(*r));
    if (r == NULL) {
        return ERR_MEMORY;
    }
    r->entries = calloc(entries_max, sizeof(*r->entries));
    if (r->entries == NULL) {
        free(r);
        return ERR_MEMORY;
    }
    r->entries_max = entries_max;
    *ret = r;
    return ERR_OK;
}

void tls_resume_free(struct tls_resume *r)
{
    if (r == NULL) {
        return;
    }
    for (size_t i = 0; i < r->entries_max; i++) {
        entry_clear(&r->entries[i]);
    }
    free(r->entries);
    free(r);
}

struct sha256 tls_resume_key_of(const struct tls_client *c, const struct tls_host *host,
                                struct str resume_key)
{
    struct sha256 caller = sha256_of(resume_key);
    char text[sizeof(c->id) + sizeof(caller) + TLS_HOST_BYTES_MAX];
    size_t len = 0;
    memcpy(text, c->id, sizeof(c->id));
    len += sizeof(c->id);
    memcpy(text + len, caller.bytes, sizeof(caller.bytes));
    len += sizeof(caller.bytes);
    memcpy(text + len, host->name, host->name_len);
    len += host->name_len;
    return sha256_of((struct str){text, len});
}

void tls_resume_put(struct tls_resume *r, const struct sha256 *key, mbedtls_ssl_session *session,
                    int64_t until_s)
{
    struct entry *e = entry_find(r, key);
    if (e == NULL) {
        e = entry_oldest(r);
    }
    entry_clear(e);
    e->key = *key;
    e->session = *session;
    e->used_at = ++r->ticks;
    e->until_s = until_s;
    mbedtls_ssl_session_init(session);
}

const mbedtls_ssl_session *tls_resume_get(struct tls_resume *r, const struct sha256 *key,
                                          int64_t now_s, int64_t *ret_until_s)
{
    struct entry *e = entry_find(r, key);
    if (e != NULL && e->until_s <= now_s) {
        entry_clear(e);
        e = NULL;
    }
    if (e == NULL) {
        return NULL;
    }
    e->used_at = ++r->ticks;
    *ret_until_s = e->until_s;
    return &e->session;
}

void tls_resume_drop(struct tls_resume *r, const struct sha256 *key)
{
    struct entry *e = entry_find(r, key);
    if (e != NULL) {
        entry_clear(e);
    }
}

static struct entry *entry_find(struct tls_resume *r, const struct sha256 *key)
{
    for (size_t i = 0; i < r->entries_max; i++) {
        struct entry *e = &r->entries[i];
        if (e->used_at != 0 && memcmp(e->key.bytes, key->bytes, sizeof(key->bytes)) == 0) {
            return e;
        }
    }
    return NULL;
}

static struct entry *entry_oldest(struct tls_resume *r)
{
    struct entry *oldest = &r->entries[0];
    for (size_t i = 1; i < r->entries_max && oldest->used_at != 0; i++) {
        if (r->entries[i].used_at < oldest->used_at) {
            oldest = &r->entries[i];
        }
    }
    return oldest;
}

static void entry_clear(struct entry *e)
{
    if (e->used_at == 0) {
        return;
    }
    mbedtls_ssl_session_free(&e->session); /* wipes */
    bytes_wipe(e, sizeof(*e));
}
