/* SPDX-License-Identifier: Apache-2.0
 *
 * Base URLs of providers and webhooks: one strict grammar, so that what was checked
 * is what is connected to. Every spelling two URL parsers are known to read
 * differently (userinfo, backslashes, odd schemes, numeric hosts, odd ports) is
 * refused with a sentence that says what would be right.
 *
 * A name says nothing about its address: whoever connects checks each resolved
 * address with wire_addr_is_public. Memory: the host in the caller's arena. Pure,
 * one thread. Bad inputs 166-180.
 */
#include "wire_parts.h"

static enum err split_authority(struct str authority, struct str *ret_host, struct str *ret_port,
                                struct issue *issue);
static enum err read_port(struct str text, struct wire_url *url, struct issue *issue);
static enum err read_host(struct arena *a, struct str text, struct wire_url *url,
                          struct issue *issue);
static enum err write_authority(struct arena *a, struct wire_url *url);
static enum err check_name(struct str host, struct issue *issue);
static enum err check_public(const struct wire_url *url, struct issue *issue);
static enum err refuse(struct issue *issue, const char *message);

enum err wire_url_parse(struct arena *a, struct str text, bool allow_plain,
                        struct wire_url *ret_url, struct issue *ret_issue)
{
    memset(ret_url, 0, sizeof(*ret_url));
    for (size_t i = 0; i < text.len; i++) {
        if (!char_is(text.ptr[i], CHAR_TARGET) || text.ptr[i] == '?') {
            return refuse(ret_issue, "a base URL is visible ASCII without '?', '#' and '\\'");
        }
    }
    struct str rest = text;
    if (rest.len > 8 && chars_equal_lower(rest.ptr, "https://", 8)) {
        ret_url->is_tls = true;
        rest = str_sub(rest, 8, rest.len);
    } else if (rest.len > 7 && chars_equal_lower(rest.ptr, "http://", 7)) {
        if (!allow_plain) {
            return refuse(ret_issue, "the scheme must be https");
        }
        rest = str_sub(rest, 7, rest.len);
    } else {
        return refuse(ret_issue, "a base URL must begin with https://");
    }
    ptrdiff_t slash = str_find(rest, '/');
    struct str authority = slash < 0 ? rest : str_sub(rest, 0, (size_t)slash);
    struct str path =
        slash < 0 ? str_sub(rest, rest.len, rest.len) : str_sub(rest, (size_t)slash, rest.len);
    struct str host;
    struct str port;
    TRY(split_authority(authority, &host, &port, ret_issue));
    TRY(read_port(port, ret_url, ret_issue));
    TRY(read_host(a, host, ret_url, ret_issue));
    TRY(write_authority(a, ret_url));
    if (path.len > 0 && !wire_path_is_canonical(path)) {
        return refuse(ret_issue, "the path must be in canonical spelling: no empty, '.' or '..' "
                                 "segment, no ';', upper-case escapes of what needs one only");
    }
    if (path.len > 0 && path.ptr[path.len - 1] == '/') {
        path.len--;
    }
    ret_url->path = path;
    return allow_plain ? ERR_OK : check_public(ret_url, ret_issue);
}

static enum err split_authority(struct str authority, struct str *ret_host, struct str *ret_port,
                                struct issue *issue)
{
    *ret_port = STR_NONE;
    if (str_find(authority, '@') >= 0) {
        return refuse(issue, "a base URL has no user name or password; keys are stored apart");
    }
    if (authority.len > 0 && authority.ptr[0] == '[') {
        ptrdiff_t end = str_find(authority, ']');
        if (end < 0) {
            return refuse(issue, "the IPv6 address has no closing bracket");
        }
        *ret_host = str_sub(authority, 0, (size_t)end + 1);
        authority = str_sub(authority, (size_t)end + 1, authority.len);
        if (authority.len == 0) {
            return ERR_OK;
        }
        if (authority.ptr[0] != ':') {
            return refuse(issue, "only :PORT may follow the IPv6 address");
        }
        *ret_port = str_sub(authority, 1, authority.len);
        return ERR_OK;
    }
    ptrdiff_t colon = str_find(authority, ':');
    *ret_host = colon < 0 ? authority : str_sub(authority, 0, (size_t)colon);
    if (colon >= 0) {
        *ret_port = str_sub(authority, (size_t)colon + 1, authority.len);
    }
    return ERR_OK;
}

static enum err read_port(struct str text, struct wire_url *url, struct issue *issue)
{
    url->port = url->is_tls ? 443 : 80;
    if (text.ptr == NULL) {
        return ERR_OK;
    }
    unsigned value = 0;
    bool is_bad = text.len == 0 || text.len > 5 || text.ptr[0] == '0';
    for (size_t i = 0; i < text.len && !is_bad; i++) {
        is_bad = !char_is(text.ptr[i], CHAR_DIGIT);
        value = value * 10 + (unsigned)(unsigned char)text.ptr[i] - '0';
    }
    if (is_bad || value > 65535) {
        return refuse(issue, "the port must be 1 to 65535 without leading zeros");
    }
    url->port = (uint16_t)value;
    return ERR_OK;
}

static enum err read_host(struct arena *a, struct str text, struct wire_url *url,
                          struct issue *issue)
{
    uint8_t bytes[16];
    if (text.len > 2 && text.ptr[0] == '[') {
        text = str_sub(text, 1, text.len - 1);
        if (str_find(text, ':') < 0 || wire_addr_parse(text, bytes) != 16) {
            return refuse(issue, "the host in brackets is not an IPv6 address");
        }
        url->is_ip = true;
    } else if (wire_addr_parse(text, bytes) == 4) {
        url->is_ip = true;
    } else {
        TRY(check_name(text, issue));
    }
    struct str lower = arena_str(a, text);
    if (lower.ptr == NULL) {
        return ERR_MEMORY;
    }
    /* The copy is ours and not yet shared. */
    char *bytes_of_copy = (char *)(uintptr_t)lower.ptr;
    for (size_t i = 0; i < lower.len; i++) {
        if (lower.ptr[i] >= 'A' && lower.ptr[i] <= 'Z') {
            bytes_of_copy[i] = (char)(lower.ptr[i] | 0x20);
        }
    }
    url->host = lower;
    return ERR_OK;
}

/* Once, for the Host field of every request there. */
static enum err write_authority(struct arena *a, struct wire_url *url)
{
    bool is_ipv6 = url->is_ip && str_find(url->host, ':') >= 0;
    bool is_default = url->port == (url->is_tls ? 443 : 80);
    struct str host = url->host;
    if (is_ipv6) {
        host = arena_printf(a, "[%.*s]", STR_ARG(host));
    }
    url->authority = is_default || host.ptr == NULL
                         ? host
                         : arena_printf(a, "%.*s:%u", STR_ARG(host), (unsigned)url->port);
    return url->authority.ptr == NULL ? ERR_MEMORY : ERR_OK;
}

/* RFC 1123 names whose last label is not numeric: "1.2.3", "0x7f.1" and "2130706433"
 * are addresses to some readers and names to others. */
static enum err check_name(struct str host, struct issue *issue)
{
    if (host.len == 0 || host.len > 253) {
        return refuse(issue, "the host must have 1 to 253 characters");
    }
    struct str rest = host;
    struct str label = STR_NONE;
    while (rest.ptr != NULL) {
        label = str_cut(&rest, '.');
        bool is_bad = label.len == 0 || label.len > 63 || label.ptr[0] == '-' ||
                      label.ptr[label.len - 1] == '-';
        for (size_t i = 0; i < label.len; i++) {
            char c = label.ptr[i];
            is_bad = is_bad || !char_is(c, CHAR_HOST) || c == '_' || c == '.';
        }
        if (is_bad) {
            return refuse(issue, "the host must be letters, digits and inner hyphens between "
                                 "single dots, without a dot at the end");
        }
        if (label.len > 3 && label.ptr[2] == '-' && label.ptr[3] == '-') {
            return refuse(issue, "internationalised host names (xn--) are not accepted");
        }
    }
    if (char_is(label.ptr[0], CHAR_DIGIT)) {
        return refuse(issue, "the last label of a host must not begin with a digit; an address "
                             "is four decimal numbers without leading zeros");
    }
    return ERR_OK;
}

static enum err check_public(const struct wire_url *url, struct issue *issue)
{
    uint8_t bytes[16];
    if (url->port != 443) {
        return refuse(issue, "the port must be 443 unless the operator allows private targets");
    }
    if (url->is_ip && !wire_addr_is_public(bytes, wire_addr_parse(url->host, bytes))) {
        return refuse(issue, "the address is not public; the operator may allow private targets");
    }
    if (!url->is_ip && wire_host_is_special(url->host)) {
        return refuse(issue, "the host names a private or special target; the operator may allow "
                             "private targets");
    }
    return ERR_OK;
}

/* RFC 6761 and 8375 names, metadata services, and zones in which anybody can make a
 * name for any address. */
bool wire_host_is_special(struct str host)
{
    static const struct str zones[] = {
        {".localhost", 10},   {".local", 6},    {".internal", 9},
        {".localdomain", 12}, {".lan", 4},      {".home", 5},
        {".corp", 5},         {".intranet", 9}, {".private", 8},
        {".home.arpa", 10},   {".arpa", 5},     {".test", 5},
        {".invalid", 8},      {".onion", 6},    {".nip.io", 7},
        {".sslip.io", 9},     {".xip.io", 7},   {".localtest.me", 13},
        {".lvh.me", 7},       {".vcap.me", 8},  {".lacolhost.com", 14},
        {".r3dir.me", 9},     {".1u.ms", 6},    {".rbndr.us", 9},
        {".svc", 4},          {".alt", 4},
    };
    if (str_find(host, '.') < 0) {
        return true;
    }
    for (size_t i = 0; i < sizeof(zones) / sizeof(zones[0]); i++) {
        struct str apex = str_sub(zones[i], 1, zones[i].len);
        if (str_ends(host, zones[i]) || str_eq(host, apex)) {
            return true;
        }
    }
    return false;
}

static enum err refuse(struct issue *issue, const char *message)
{
    issue_set(issue, "", "%s", message);
    return ERR_INVALID;
}
