/* SPDX-License-Identifier: Apache-2.0
 *
 * Preconditions of a change (RFC 9110 13.1): If-Match and If-None-Match, `*` or a list of
 * entity tags. The tag of a policy is its version and strong; a weak one is well formed and
 * never the same by strong comparison. Read here, asked by the store under its lock. Pure.
 */
#include "manage_private.h"

#include <stdio.h>

static bool takes_conditions(const struct manage_command *c);
static enum err read(struct arena *a, struct str header, bool is_strong,
                     struct manage_condition *ret);
static bool take_tag(struct str *rest, bool *ret_is_weak, struct str *ret_tag);
static bool is_named(const struct manage_condition *c, uint32_t version);

enum err manage_conditions_read(struct arena *a, const struct manage_request *r,
                                struct manage_command *ret, struct manage_refusal *refusal)
{
    const struct {
        const char *name;
        struct str header;
        bool is_strong;
        struct manage_condition *ret;
    } both[] = {{"If-Match", r->if_match, true, &ret->if_match},
                {"If-None-Match", r->if_none_match, false, &ret->if_none_match}};
    for (size_t i = 0; i < 2; i++) {
        if (both[i].header.ptr == NULL || r->method == WIRE_GET) {
            continue; /* what only reads may be answered in full */
        }
        if (!takes_conditions(ret)) {
            manage_refuse(refusal, 400, "invalid_request", both[i].name,
                          "Only changes of policies have versions; leave %s out here",
                          both[i].name);
            return ERR_INVALID;
        }
        enum err e = read(a, both[i].header, both[i].is_strong, both[i].ret);
        if (e == ERR_SYNTAX) {
            manage_refuse(refusal, 400, "invalid_request", both[i].name,
                          "%s must be * or a list of versions, such as \"3\"", both[i].name);
        }
        TRY(e);
    }
    return ERR_OK;
}

/* A condition that nobody looks at is a change that somebody believes to be guarded. */
static bool takes_conditions(const struct manage_command *c)
{
    return c->kind == MANAGE_POLICY_PATCH || c->kind == MANAGE_POLICY_ARCHIVE ||
           c->kind == MANAGE_VERSION_ROLLBACK ||
           (c->kind == MANAGE_POLICY_CREATE && c->view == MANAGE_COMPLIANCE);
}

/* Empty elements of a list are passed over (5.6.1.2), an empty list is none. */
static enum err read(struct arena *a, struct str header, bool is_strong,
                     struct manage_condition *ret)
{
    struct str rest = str_trim(header, " \t");
    size_t found = 0;
    ret->is_set = true;
    if (str_eq(rest, STR("*"))) {
        ret->is_any = true;
        return ERR_OK;
    }
    struct str *tags = ARENA_ARRAY(a, rest.len / 2 + 1, struct str); /* "1," is the shortest */
    if (tags == NULL) {
        return ERR_MEMORY;
    }
    while (rest.len != 0) {
        bool is_weak;
        struct str tag;
        if (rest.ptr[0] != ',') {
            if (!take_tag(&rest, &is_weak, &tag)) {
                return ERR_SYNTAX;
            }
            found++;
            if (!is_strong || !is_weak) {
                tags[ret->tags_count++] = tag;
            }
            rest = str_trim(rest, " \t");
            if (rest.len != 0 && rest.ptr[0] != ',') {
                return ERR_SYNTAX;
            }
        }
        rest = str_trim(str_sub(rest, 1, rest.len), " \t,");
    }
    ret->tags = tags;
    return found != 0 ? ERR_OK : ERR_SYNTAX;
}

/* The tag without its quotes. A bare number is taken for the version that it is: it can be
 * nothing else. */
static bool take_tag(struct str *rest, bool *ret_is_weak, struct str *ret_tag)
{
    size_t at = 0;
    *ret_is_weak = str_starts(*rest, STR("W/\""));
    if (*ret_is_weak) {
        *rest = str_sub(*rest, 2, rest->len);
    }
    if (rest->ptr[0] != '"') {
        while (at < rest->len && rest->ptr[at] >= '0' && rest->ptr[at] <= '9') {
            at++;
        }
        *ret_tag = str_sub(*rest, 0, at);
        *rest = str_sub(*rest, at, rest->len);
        return at != 0;
    }
    for (at = 1; at < rest->len && rest->ptr[at] != '"'; at++) {
        unsigned char c = (unsigned char)rest->ptr[at];
        if (c <= 0x20 || c == 0x7f) {
            return false;
        }
    }
    if (at >= rest->len) {
        return false;
    }
    *ret_tag = str_sub(*rest, 1, at);
    *rest = str_sub(*rest, at + 1, rest->len);
    return true;
}

const char *manage_condition_failed(const struct manage_command *c, uint32_t version)
{
    if (c->if_match.is_set && !is_named(&c->if_match, version)) {
        return "If-Match";
    }
    return c->if_none_match.is_set && is_named(&c->if_none_match, version) ? "If-None-Match" : NULL;
}

/* Compared as text: "03" is another tag than "3". */
static bool is_named(const struct manage_condition *c, uint32_t version)
{
    char text[16];
    int len = snprintf(text, sizeof(text), "%u", (unsigned)version);
    for (size_t i = 0; i < c->tags_count; i++) {
        if (str_eq(c->tags[i], (struct str){text, (size_t)len})) {
            return true;
        }
    }
    return c->is_any && version != 0;
}
