/* SPDX-License-Identifier: Apache-2.0
 *
 * The file that holds the last-known-good snapshot. Each organisation is sealed by
 * itself (AES-256-GCM with the installation's sealing key), so a change costs the
 * sealing of one; a MAC over the head and every organisation's length, nonce and tag
 * binds them into one snapshot: none can be cut off, added, doubled, reordered, or put
 * in from an older file. Integers little-endian. It does no file input or output, and
 * an old file that is whole is told from a new one only by its time.
 *
 *     "PCSNAP1\n" | epoch u64 | fresh_ms i64 | count u32 | {length u32 | sealed}* | mac 32
 *
 * A second, small file says that the first was still current at a later time; it names
 * the first by its MAC, so it lends no other file its time.
 *
 *     "PCTIME1\n" | fresh_ms i64 | mac of the snapshot 32 | mac 32
 */
#include "portcullis/store.h"
#include "portcullis/tls.h"

#define MAGIC "PCSNAP1\n"
#define HEAD_BYTES 28
#define NONCE_BYTES 12
#define TAG_BYTES 16
#define MAC_BYTES STORE_SNAPSHOT_NAME_BYTES
#define BOUND_BYTES (4 + NONCE_BYTES + TAG_BYTES) /* of each organisation under the MAC */
#define ROWS_BYTES_MAX ((size_t)64 << 20)
#define TIME_MAGIC "PCTIME1\n"
#define TIME_BYTES (16 + MAC_BYTES) /* before its own MAC */
#define AAD STR("portcullis snapshot 1")

static void put(char *at, uint64_t v, size_t bytes);
static uint64_t take(const char *at, size_t bytes);
static enum err mac_of(const struct store_secrets *secrets, struct str head,
                       const struct store_snapshot *s, uint8_t ret_mac[MAC_BYTES]);
static void time_mac(const struct store_secrets *secrets, struct str bytes,
                     uint8_t ret_mac[MAC_BYTES]);
static void wipe(struct buf *b);

enum err store_org_seal(const struct store_secrets *secrets, const struct policy_org_rows *rows,
                        const struct route_catalog *catalog, struct buf *out)
{
    struct buf plain;
    buf_init(&plain, ROWS_BYTES_MAX);
    enum err e = store_org_rows_write(&plain, rows, catalog);
    if (e == ERR_OK) {
        e = tls_seal(secrets->sealing, AAD, buf_str(&plain), out);
    }
    wipe(&plain);
    return e;
}

enum err store_org_unseal(const struct store_secrets *secrets, struct str sealed,
                          struct buf *plain)
{
    return tls_open_sealed(secrets->sealing, AAD, sealed, plain);
}

enum err store_snapshot_write(const struct store_secrets *secrets, const struct store_snapshot *s,
                              struct buf *out)
{
    char head[HEAD_BYTES];
    uint8_t mac[MAC_BYTES];
    if (s->orgs_count > UINT32_MAX) {
        return ERR_LIMIT;
    }
    memcpy(head, MAGIC, 8);
    put(head + 8, s->epoch, 8);
    put(head + 16, (uint64_t)s->fresh_ms, 8);
    put(head + 24, s->orgs_count, 4);
    TRY(mac_of(secrets, (struct str){head, sizeof(head)}, s, mac));
    buf_add(out, (struct str){head, sizeof(head)});
    for (size_t i = 0; i < s->orgs_count; i++) {
        char length[4];
        put(length, s->orgs[i].len, 4);
        buf_add(out, (struct str){length, sizeof(length)});
        buf_add(out, s->orgs[i]);
    }
    buf_add(out, (struct str){(const char *)mac, sizeof(mac)});
    return out->err;
}

enum err store_snapshot_read(const struct store_secrets *secrets, struct arena *a,
                             struct str bytes, struct store_snapshot *ret)
{
    memset(ret, 0, sizeof(*ret));
    if (bytes.len < HEAD_BYTES + MAC_BYTES || memcmp(bytes.ptr, MAGIC, 8) != 0) {
        return ERR_CORRUPT;
    }
    struct store_snapshot s = {.epoch = take(bytes.ptr + 8, 8),
                               .fresh_ms = (int64_t)take(bytes.ptr + 16, 8),
                               .orgs_count = (size_t)take(bytes.ptr + 24, 4)};
    const char *at = bytes.ptr + HEAD_BYTES, *end = bytes.ptr + bytes.len - MAC_BYTES;
    if (s.orgs_count > (size_t)(end - at) / BOUND_BYTES) {
        return ERR_CORRUPT; /* before memory is taken for so many */
    }
    struct str *orgs = ARENA_ARRAY(a, s.orgs_count, struct str);
    if (orgs == NULL) {
        return ERR_MEMORY;
    }
    for (size_t i = 0; i < s.orgs_count; i++) {
        size_t left = (size_t)(end - at), length = left >= 4 ? (size_t)take(at, 4) : 0;
        if (length < NONCE_BYTES + TAG_BYTES || length > left - 4) {
            return ERR_CORRUPT;
        }
        orgs[i] = (struct str){at + 4, length};
        at += 4 + length;
    }
    s.orgs = orgs;
    uint8_t mac[MAC_BYTES];
    TRY(mac_of(secrets, str_sub(bytes, 0, HEAD_BYTES), &s, mac));
    if (at != end || !bytes_eq_ct(mac, end, sizeof(mac))) {
        return ERR_CORRUPT;
    }
    *ret = s;
    return ERR_OK;
}

enum err store_snapshot_time_write(const struct store_secrets *secrets, struct str name,
                                   int64_t fresh_ms, struct buf *out)
{
    char bytes[TIME_BYTES];
    ASSERT(name.len == MAC_BYTES);
    memcpy(bytes, TIME_MAGIC, 8);
    put(bytes + 8, (uint64_t)fresh_ms, 8);
    memcpy(bytes + 16, name.ptr, MAC_BYTES);
    uint8_t mac[MAC_BYTES];
    time_mac(secrets, (struct str){bytes, sizeof(bytes)}, mac);
    buf_add(out, (struct str){bytes, sizeof(bytes)});
    buf_add(out, (struct str){(const char *)mac, sizeof(mac)});
    return out->err;
}

enum err store_snapshot_time_read(const struct store_secrets *secrets, struct str name,
                                  struct str bytes, int64_t *ret_fresh_ms)
{
    ASSERT(name.len == MAC_BYTES);
    if (bytes.len != TIME_BYTES + MAC_BYTES || memcmp(bytes.ptr, TIME_MAGIC, 8) != 0) {
        return ERR_CORRUPT;
    }
    uint8_t mac[MAC_BYTES];
    time_mac(secrets, str_sub(bytes, 0, TIME_BYTES), mac);
    if (!bytes_eq_ct(mac, bytes.ptr + TIME_BYTES, MAC_BYTES)) {
        return ERR_CORRUPT;
    }
    if (memcmp(bytes.ptr + 16, name.ptr, MAC_BYTES) != 0) {
        return ERR_STALE;
    }
    *ret_fresh_ms = (int64_t)take(bytes.ptr + 8, 8);
    return ERR_OK;
}

static void time_mac(const struct store_secrets *secrets, struct str bytes,
                     uint8_t ret_mac[MAC_BYTES])
{
    struct str sealing = {(const char *)secrets->sealing, sizeof(secrets->sealing)};
    struct sha256 key = hmac_sha256(sealing, STR("portcullis snapshot 1 time"));
    struct sha256 mac = hmac_sha256((struct str){(const char *)key.bytes, 32}, bytes);
    memcpy(ret_mac, mac.bytes, MAC_BYTES);
    bytes_wipe(&key, sizeof(key));
}

/* The tag stands for all bytes of its organisation. */
static enum err mac_of(const struct store_secrets *secrets, struct str head,
                       const struct store_snapshot *s, uint8_t ret_mac[MAC_BYTES])
{
    struct str sealing = {(const char *)secrets->sealing, sizeof(secrets->sealing)};
    struct sha256 key = hmac_sha256(sealing, STR("portcullis snapshot 1 mac"));
    struct buf b;
    buf_init(&b, HEAD_BYTES + s->orgs_count * BOUND_BYTES);
    buf_add(&b, head);
    for (size_t i = 0; i < s->orgs_count; i++) {
        struct str sealed = s->orgs[i];
        char length[4];
        ASSERT(sealed.len >= NONCE_BYTES + TAG_BYTES && sealed.len <= UINT32_MAX);
        put(length, sealed.len, 4);
        buf_add(&b, (struct str){length, sizeof(length)});
        buf_add(&b, str_sub(sealed, 0, NONCE_BYTES));
        buf_add(&b, str_sub(sealed, sealed.len - TAG_BYTES, sealed.len));
    }
    enum err e = b.err;
    struct sha256 mac = hmac_sha256((struct str){(const char *)key.bytes, 32}, buf_str(&b));
    memcpy(ret_mac, mac.bytes, MAC_BYTES);
    bytes_wipe(&key, sizeof(key));
    buf_fini(&b);
    return e;
}

static void put(char *at, uint64_t v, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        at[i] = (char)(uint8_t)(v >> (8 * i));
    }
}

static uint64_t take(const char *at, size_t bytes)
{
    uint64_t v = 0;
    for (size_t i = 0; i < bytes; i++) {
        v |= (uint64_t)(uint8_t)at[i] << (8 * i);
    }
    return v;
}

static void wipe(struct buf *b)
{
    if (b->ptr != NULL) {
        bytes_wipe(b->ptr, b->len);
    }
    buf_fini(b);
}
