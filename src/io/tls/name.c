/* SPDX-License-Identifier: Apache-2.0
 *
 * Host names: what a caller may ask for, and whether a certificate is for it.
 *
 * mbedTLS checks names too, but more kindly than we want: it takes a common
 * name when there is no SAN, text "127.0.0.1" in a DNS SAN, and "*.test". So
 * the verify callback asks here as well, and both must agree. Pure; no
 * allocation; any thread.
 */
#include "tls_internal.h"

#include <arpa/inet.h>
#include <time.h>

static bool is_ldh_name(struct str s);
static bool is_numeric_label(struct str s);
static bool ends_numeric(struct str s);
static bool san_matches(const mbedtls_x509_buf *san, const struct tls_host *host);
static bool name_matches(struct str pattern, struct str host);

/* Context-specific tags of GeneralName, RFC 5280 4.2.1.6. */
#define SAN_TAG_DNS 0x82
#define SAN_TAG_IP 0x87

enum err tls_host_parse(struct str text, struct tls_host *ret_host)
{
    memset(ret_host, 0, sizeof(*ret_host));
    if (text.len > 0 && text.ptr[text.len - 1] == '.') {
        text.len--; /* the root's dot is no part of a certificate's name */
    }
    if (text.len == 0 || text.len > TLS_HOST_BYTES_MAX) {
        return ERR_INVALID;
    }
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        ret_host->name[i] = (c >= 'A' && c <= 'Z') ? (char)(c - 'A' + 'a') : c;
    }
    ret_host->name_len = text.len;
    if (memchr(text.ptr, '\0', text.len) != NULL) {
        return ERR_INVALID;
    }
    if (inet_pton(AF_INET, ret_host->name, ret_host->ip) == 1) {
        ret_host->ip_len = 4;
        return ERR_OK;
    }
    if (memchr(text.ptr, ':', text.len) != NULL) {
        if (inet_pton(AF_INET6, ret_host->name, ret_host->ip) != 1) {
            return ERR_INVALID;
        }
        ret_host->ip_len = 16;
        return ERR_OK;
    }
    struct str name = {ret_host->name, ret_host->name_len};
    return is_ldh_name(name) && !ends_numeric(name) ? ERR_OK : ERR_INVALID;
}

/* RFC 6125 6.4.3 as browsers do it: exact, or "*." for exactly one left-most
 * label in front of at least two more. */
static bool name_matches(struct str pattern, struct str host)
{
    if (pattern.len == 0 || host.len == 0 || memchr(pattern.ptr, '\0', pattern.len) != NULL) {
        return false;
    }
    if (!str_starts(pattern, STR("*."))) {
        return memchr(pattern.ptr, '*', pattern.len) == NULL && str_eq_nocase(pattern, host);
    }
    struct str rest = str_sub(pattern, 2, pattern.len);
    ptrdiff_t dot = str_find(host, '.');
    if (dot <= 0 || str_find(rest, '.') <= 0 || str_find(rest, '*') >= 0) {
        return false;
    }
    return str_eq_nocase(rest, str_sub(host, (size_t)dot + 1, host.len));
}

enum tls_san tls_cert_names_host(const mbedtls_x509_crt *cert, const struct tls_host *host)
{
    bool has_any = false;
    for (const mbedtls_x509_sequence *san = &cert->subject_alt_names; san != NULL;
         san = san->next) {
        if (san->buf.p == NULL) {
            continue;
        }
        has_any = true;
        if (san_matches(&san->buf, host)) {
            return TLS_SAN_MATCH;
        }
    }
    return has_any ? TLS_SAN_OTHER : TLS_SAN_ABSENT;
}

static bool san_matches(const mbedtls_x509_buf *san, const struct tls_host *host)
{
    if (host->ip_len > 0) {
        return san->tag == SAN_TAG_IP && san->len == host->ip_len &&
               memcmp(san->p, host->ip, san->len) == 0;
    }
    struct str pattern = {(const char *)san->p, san->len};
    return san->tag == SAN_TAG_DNS &&
           name_matches(pattern, (struct str){host->name, host->name_len});
}

static bool is_ldh_name(struct str s)
{
    size_t label_len = 0;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        bool is_alnum = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
        if (c == '.') {
            if (label_len == 0 || s.ptr[i - 1] == '-') {
                return false;
            }
            label_len = 0;
            continue;
        }
        if (!is_alnum && (c != '-' || label_len == 0)) {
            return false;
        }
        if (++label_len > 63) {
            return false;
        }
    }
    return label_len > 0 && s.ptr[s.len - 1] != '-';
}

/* "127.1", "0x7f.1", "2130706433": resolvers take them for addresses. */
static bool ends_numeric(struct str s)
{
    size_t from = s.len;
    while (from > 0 && s.ptr[from - 1] != '.') {
        from--;
    }
    return is_numeric_label(str_sub(s, from, s.len));
}

static bool is_numeric_label(struct str s)
{
    if (s.len >= 2 && s.ptr[0] == '0' && s.ptr[1] == 'x') {
        return true;
    }
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] < '0' || s.ptr[i] > '9') {
            return false;
        }
    }
    return s.len > 0;
}

int64_t tls_cert_not_after_s(const mbedtls_x509_crt *cert)
{
    const mbedtls_x509_time *t = &cert->valid_to;
    struct tm utc = {.tm_year = t->year - 1900,
                     .tm_mon = t->mon - 1,
                     .tm_mday = t->day,
                     .tm_hour = t->hour,
                     .tm_min = t->min,
                     .tm_sec = t->sec};
    return (int64_t)timegm(&utc);
}
