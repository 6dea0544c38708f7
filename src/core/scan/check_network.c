/* SPDX-License-Identifier: Apache-2.0
 *
 * Checks of addresses of all kinds: e-mail, IPv4, IPv6, MAC, a URL with a password in it.
 * What looks like one and is a file's name, a version, a section of a text is none. Pure.
 */
#include "check.h"

static bool is_file_name(struct str domain);
static bool is_dns_label(struct str label);
static bool is_upgrade(struct str left);
static bool parse_groups(struct str s, unsigned *ret_groups);

/* RFC 5321: local part at most 64, domain at most 253; no empty labels. Misplaced dots in
 * the local part are let through: mail systems do, and it is somebody's address. */
enum check_verdict check_email(struct str s, size_t *len)
{
    (void)len;
    ptrdiff_t at = str_find(s, '@');
    struct str local = str_sub(s, 0, (size_t)at);
    struct str domain = str_sub(s, (size_t)at + 1, s.len);
    if (local.len > 64 || domain.len > 253 || is_file_name(domain) || str_eq(local, STR("git"))) {
        return CHECK_NO; /* logo@2x.png, git@host:path */
    }
    while (domain.len > 0) {
        if (!is_dns_label(str_cut(&domain, '.'))) {
            return CHECK_NO;
        }
    }
    return CHECK_OK;
}

/* Endings that no registry has. */
static bool is_file_name(struct str domain)
{
    static const char *const ends[] = {".png", ".jpg", ".jpeg", ".gif",  ".svg", ".webp",
                                       ".css", ".js",  ".tgz",  ".html", ".json"};
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        size_t n = strlen(ends[i]);
        if (domain.len > n &&
            str_eq_nocase(str_sub(domain, domain.len - n, domain.len), str_from(ends[i]))) {
            return true;
        }
    }
    return false;
}

static bool is_dns_label(struct str label)
{
    return label.len > 0 && label.len <= 63 && label.ptr[0] != '-' &&
           label.ptr[label.len - 1] != '-';
}

/* Exactly four, and an address that a host can have. */
enum check_verdict check_ipv4(struct str s, size_t *len)
{
    (void)len;
    unsigned dots = 0;
    for (size_t i = 0; i < s.len; i++) {
        dots += s.ptr[i] == '.';
    }
    if (dots != 3 || str_starts(s, STR("255.255.")) || str_eq(s, STR("0.0.0.0"))) {
        return CHECK_NO; /* a mask, or no address */
    }
    return s.ptr[0] == '0' && s.ptr[1] == '.' ? CHECK_NO : CHECK_OK;
}

/* "1.2.3.4" behind "version", "section" or "Agent/" is none, nor is the end of "9.1.2.3.4". */
bool before_ip(struct str left)
{
    static const char *const words[] = {"version", "versions", "release",  "ver",       "build",
                                        "section", "chapter",  "clause",   "appendix",  "figure",
                                        "table",   "firmware", "rev",      "paragraph", "kapitel",
                                        "step",    "rv",       "abschnitt"};
    size_t n = left.len;
    if (n >= 2 && left.ptr[n - 1] == '.' && is_word_byte((unsigned char)left.ptr[n - 2])) {
        return false;
    }
    if (n >= 2 && left.ptr[n - 1] == '/' && is_word_byte((unsigned char)left.ptr[n - 2])) {
        return false;
    }
    struct str rest = left;
    while (rest.len > 0 && strchr(" :=", rest.ptr[rest.len - 1]) != NULL) {
        rest.len--;
    }
    if (str_ends(rest, STR("\xc2\xa7")) || is_upgrade(rest)) {
        return false;
    }
    rest.len -= str_ends(rest, STR("ver.")) ? 1 : 0;
    size_t from = rest.len;
    while (from > 0 && is_word_byte((unsigned char)rest.ptr[from - 1])) {
        from--;
    }
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (str_eq_nocase(str_sub(rest, from, rest.len), str_from(words[i]))) {
            return false;
        }
    }
    return true;
}

/* "upgrade to", "updated from" */
static bool is_upgrade(struct str left)
{
    if (!str_ends(left, STR(" to")) && !str_ends(left, STR(" from"))) {
        return false;
    }
    static const char *const words[] = {"upgrade", "upgraded",  "update",
                                        "updated", "downgrade", "downgraded"};
    left.len -= str_ends(left, STR(" to")) ? 3 : 5;
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        size_t n = strlen(words[i]);
        if (left.len >= n &&
            str_eq_nocase(str_sub(left, left.len - n, left.len), str_from(words[i]))) {
            return true;
        }
    }
    return false;
}

/* RFC 4291 text form; an IPv4 address at the end counts as two groups. */
enum check_verdict check_ipv6(struct str s, size_t *len)
{
    while (s.len > 2 && s.ptr[s.len - 1] == ':' && s.ptr[s.len - 2] != ':') {
        s.len--; /* a colon behind it is the sentence's */
    }
    *len = s.len;
    unsigned embedded = 0;
    if (str_find(s, '.') >= 0) {
        size_t from = s.len;
        while (from > 0 && s.ptr[from - 1] != ':') {
            from--;
        }
        struct str v4 = str_sub(s, from, s.len);
        size_t v4_len = v4.len;
        if (check_ipv4(v4, &v4_len) != CHECK_OK || from == 0) {
            s.len = (size_t)str_find(s, '.'); /* the dots are the sentence's */
            *len = s.len;
        } else {
            embedded = 1;
            s.len = from + (size_t)str_find(v4, '.');
        }
    }
    struct str rest = s;
    ptrdiff_t gap = str_find_str(s, STR("::"));
    unsigned before = 0;
    unsigned after = 0;
    if (gap < 0) {
        return check_as(parse_groups(rest, &before) && before + embedded == 8);
    }
    struct str tail = str_sub(s, (size_t)gap + 2, s.len);
    if (!parse_groups(str_sub(s, 0, (size_t)gap), &before) || !parse_groups(tail, &after)) {
        return CHECK_NO;
    }
    /* "ab::cd" is C++; at least three groups, a digit where no name has one, or a well-known
     * beginning. */
    bool is_global = gap == 4 && after > 0 && (s.ptr[0] == '2' || s.ptr[0] == '3');
    bool is_rich =
        before + after + embedded >= 3 || is_global ||
        (before > 0 && s.len >= 6 && (str_starts(s, STR("fe80")) || str_starts(s, STR("2001"))));
    return check_as(before + after + embedded <= 7 && is_rich);
}

static bool parse_groups(struct str s, unsigned *ret_groups)
{
    *ret_groups = 0;
    while (s.len > 0) {
        size_t before = s.len;
        struct str group = str_cut(&s, ':');
        if (group.len == 0 || group.len > 4 || (s.len == 0 && group.len + 1 == before)) {
            return false;
        }
        (*ret_groups)++;
    }
    return true;
}

enum check_verdict check_mac(struct str s, size_t *len)
{
    (void)len;
    bool has_zero_only = true;
    bool has_f_only = true;
    bool has_letter = false;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (c == ':' || c == '-' || c == '.') {
            if (c != s.ptr[s.ptr[4] == '.' ? 4 : 2]) {
                return CHECK_NO;
            }
            continue;
        }
        has_letter = has_letter || c > '9';
        has_zero_only = has_zero_only && c == '0';
        has_f_only = has_f_only && (c | 0x20) == 'f';
    }
    if (s.ptr[4] == '.' && !has_letter) {
        return CHECK_WEAK; /* 1234.5678.9012 may be anything */
    }
    return check_as(!has_zero_only && !has_f_only);
}

/* A placeholder between colon and @ is not a password. */
enum check_verdict check_url_credentials(struct str s, size_t *len)
{
    (void)len;
    ptrdiff_t scheme = str_find_str(s, STR("://"));
    struct str rest = str_sub(s, (size_t)scheme + 3, s.len);
    str_cut(&rest, ':');
    struct str password = str_cut(&rest, '@');
    char first = password.ptr[0];
    return check_as(first != '{' && first != '$' && first != '<' && first != '[' && first != '%' &&
                    first != '*');
}
