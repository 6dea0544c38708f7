/* SPDX-License-Identifier: Apache-2.0
 *
 * address: where a provider may live. Public addresses over https on port 443;
 * everything else only where the operator said so (catalogue I, 166-175).
 *
 * The list is the operator's, from configuration, never a tenant's. It is parsed
 * strictly: an entry that cannot be read refuses the start rather than permit less
 * or more than was meant. Reasons name no address, so that they cannot serve as an
 * oracle for what runs inside (179). Immutable; any thread.
 */
#include "net_private.h"

#include <stdlib.h>

#define ENTRIES_MAX 256

struct entry {
    struct str host;  /* none: a network, or "*" */
    bool is_any_host; /* "*:port" */
    uint16_t port;    /* 0 = any */
    uint8_t bytes[16];
    uint8_t len; /* of a network: 4 or 16 */
    unsigned bits;
};
struct net_exceptions {
    size_t count;
    struct entry entries[ENTRIES_MAX];
    char *text; /* lower-cased copy the hosts point into */
};

static enum err parse_entry(struct str text, struct entry *ret);
static enum err parse_network(struct str addr, struct str bits, struct entry *ret);
static bool parse_addr(struct str text, uint8_t *ret_bytes, uint8_t *ret_len);
static bool is_in(const struct entry *e, const uint8_t *addr, size_t len);
static bool is_ldh(struct str host);

enum err net_exceptions_new(struct str text, struct net_exceptions **ret, struct issue *ret_issue)
{
    struct net_exceptions *e = calloc(1, sizeof(*e));
    if (e == NULL) {
        return ERR_MEMORY;
    }
    e->text = calloc(1, text.len + 1);
    if (e->text == NULL) {
        free(e);
        return ERR_MEMORY;
    }
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        bool is_separator = c == ',' || c == '\t' || c == '\n';
        e->text[i] = c >= 'A' && c <= 'Z' ? (char)(c + 32) : is_separator ? ' ' : c;
    }
    struct str rest = {e->text, text.len};
    while (rest.len > 0) {
        struct str word = str_cut(&rest, ' ');
        if (word.len == 0) {
            continue;
        }
        if (e->count == ENTRIES_MAX) {
            issue_set(ret_issue, "", "more than %d exceptions", ENTRIES_MAX);
            net_exceptions_free(e);
            return ERR_LIMIT;
        }
        if (parse_entry(word, &e->entries[e->count]) != ERR_OK) {
            issue_set(ret_issue, "",
                      "exception \"%.*s\" is not understood: write host, host:port, [v6]:port, "
                      "*:port or a network such as 10.0.0.0/8",
                      STR_ARG(word));
            net_exceptions_free(e);
            return ERR_SYNTAX;
        }
        e->count++;
    }
    *ret = e;
    return ERR_OK;
}

void net_exceptions_free(struct net_exceptions *e)
{
    if (e != NULL) {
        free(e->text);
        free(e);
    }
}

static enum err parse_entry(struct str text, struct entry *ret)
{
    uint64_t port = 0;
    *ret = (struct entry){0};
    if (str_find(text, '/') >= 0) {
        struct str addr = str_cut(&text, '/');
        return parse_network(addr, text, ret);
    }
    struct str host = text;
    struct str port_text = STR_NONE;
    if (text.ptr[0] == '[') {
        ptrdiff_t close = str_find(text, ']');
        if (close < 2) {
            return ERR_SYNTAX;
        }
        host = str_sub(text, 1, (size_t)close);
        port_text = str_sub(text, (size_t)close + 1, text.len);
        if (!parse_addr(host, ret->bytes, &ret->len) || ret->len != 16 ||
            (port_text.len > 0 && port_text.ptr[0] != ':')) {
            return ERR_SYNTAX;
        }
        ret->len = 0;
    } else if (str_find(text, ':') >= 0) {
        port_text = text;
        host = str_cut(&port_text, ':');
        port_text = (struct str){host.ptr + host.len, text.len - host.len};
    }
    if (port_text.len > 0) {
        struct str digits = str_sub(port_text, 1, port_text.len);
        if (str_to_u64(digits, &port) != ERR_OK || port == 0 || port > 65535) {
            return ERR_SYNTAX;
        }
    }
    ret->port = (uint16_t)port;
    ret->is_any_host = str_eq(host, STR("*"));
    if (ret->is_any_host) {
        return port == 0 ? ERR_SYNTAX : ERR_OK; /* "any host, any port" is not an exception */
    }
    ret->host = host;
    return text.ptr[0] == '[' || is_ldh(host) ? ERR_OK : ERR_SYNTAX;
}

static enum err parse_network(struct str addr, struct str bits, struct entry *ret)
{
    uint64_t count;
    if (!parse_addr(addr, ret->bytes, &ret->len) || str_to_u64(bits, &count) != ERR_OK ||
        count == 0 || count > ret->len * 8u) {
        return ERR_SYNTAX;
    }
    ret->bits = (unsigned)count;
    for (unsigned i = ret->bits; i < ret->len * 8u; i++) { /* host bits must be zero */
        if ((ret->bytes[i / 8] >> (7 - i % 8) & 1) != 0) {
            return ERR_SYNTAX;
        }
    }
    return ERR_OK;
}

static bool parse_addr(struct str text, uint8_t *ret_bytes, uint8_t *ret_len)
{
    char z[64];
    if (text.len == 0 || text.len >= sizeof(z)) {
        return false;
    }
    memcpy(z, text.ptr, text.len);
    z[text.len] = '\0';
    *ret_len = 4;
    if (uv_inet_pton(AF_INET, z, ret_bytes) == 0) {
        return true;
    }
    *ret_len = 16;
    return strchr(z, '%') == NULL && uv_inet_pton(AF_INET6, z, ret_bytes) == 0;
}

static bool is_ldh(struct str host)
{
    for (size_t i = 0; i < host.len; i++) {
        char c = host.ptr[i];
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.')) {
            return false;
        }
    }
    return host.len > 0 && host.len <= 253;
}

static bool is_in(const struct entry *e, const uint8_t *addr, size_t len)
{
    if (e->len != len || e->bits == 0) {
        return false;
    }
    size_t whole = e->bits / 8;
    unsigned rest = e->bits % 8;
    if (memcmp(e->bytes, addr, whole) != 0) {
        return false;
    }
    return rest == 0 || (e->bytes[whole] ^ addr[whole]) >> (8 - rest) == 0;
}

/* ---- the question ------------------------------------------------------------------- */

static bool is_named(const struct entry *e, const struct wire_url *url)
{
    return e->host.len > 0 && str_eq(e->host, url->host) && (e->port == 0 || e->port == url->port);
}

bool net_address_is_permitted(const struct net_exceptions *e, const struct wire_url *url,
                              const uint8_t *addr, size_t addr_len, const char **ret_reason)
{
    bool is_port_free = url->port == 443;
    for (size_t i = 0; e != NULL && i < e->count; i++) {
        if (is_named(&e->entries[i], url) || is_in(&e->entries[i], addr, addr_len)) {
            return true;
        }
        is_port_free = is_port_free ||
                       (e->entries[i].is_any_host && e->entries[i].port == url->port);
    }
    if (!wire_addr_is_public(addr, addr_len)) {
        *ret_reason = "the provider's address is not a public one";
    } else if (!url->is_tls) {
        *ret_reason = "the provider must be reached over https";
    } else if (!is_port_free) {
        *ret_reason = "the provider's port is not permitted";
    } else {
        return true;
    }
    return false;
}

bool net_url_is_permitted(const struct net_exceptions *e, const struct wire_url *url,
                          const char **ret_reason)
{
    uint8_t bytes[16];
    uint8_t len;
    if (url->is_ip) {
        *ret_reason = "the provider's address is not readable";
        return parse_addr(url->host, bytes, &len) &&
               net_address_is_permitted(e, url, bytes, len, ret_reason);
    }
    bool is_port_free = url->port == 443;
    for (size_t i = 0; e != NULL && i < e->count; i++) {
        const struct entry *x = &e->entries[i];
        if (is_named(x, url) || x->bits > 0) {
            return true; /* a network: its addresses are checked once they are known */
        }
        is_port_free = is_port_free || (x->is_any_host && x->port == url->port);
    }
    bool is_inside = wire_host_is_special(url->host);
    *ret_reason = !url->is_tls    ? "the provider must be reached over https"
                  : !is_port_free ? "the provider's port is not permitted"
                  : is_inside ? "the provider's name is one of an internal network, or of a zone "
                                "where anybody has a name for any address"
                              : "";
    return url->is_tls && is_port_free && !is_inside;
}
