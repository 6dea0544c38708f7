/* SPDX-License-Identifier: Apache-2.0
 *
 * The recognisers of portcullis.json: an array, so they stand in the file alone and not in
 * the environment. What is wrong with one is found out at the start, not when a request
 * needs it. A credential is read from a file of its own and never shown. Used at start.
 */
#include "config.h"

#include <errno.h>
#include <stdio.h>

#define CREDENTIAL_BYTES_MAX 4096
#define CONNECT_MS 1000
#define TOTAL_MS 2000
#define TOTAL_MS_MAX 60000

/* A member is a text, a number or the list of types. */
struct entry {
    struct str name, url, ca_file, credential_file, credential_header;
    yyjson_val *types;
    int64_t connect_ms, total_ms;
};

static enum err read_one(struct config *c, yyjson_val *v, struct recognise_service *list, size_t i,
                         struct issue *issue);
static enum err read_members(yyjson_val *v, struct entry *ret, struct issue *issue);
static enum err take(struct config *c, const struct entry *e, struct recognise_service *ret,
                     struct issue *issue);
static enum err take_types(struct config *c, const struct entry *e, struct recognise_service *ret,
                           struct issue *issue);
static enum err take_credential(struct config *c, const struct entry *e,
                                struct recognise_service *ret, struct issue *issue);
static bool is_field_name(struct str name);
static enum err check_apart(const struct recognise_service *list, size_t count,
                            struct issue *issue);
static enum err refuse(struct issue *issue, struct str name, const char *what);

enum err config_recognisers_read(struct config *c, yyjson_val *array, struct issue *ret_issue)
{
    size_t count = yyjson_arr_size(array);
    if (!yyjson_is_arr(array) || count > RECOGNISE_SERVICES_MAX) {
        issue_set(ret_issue, "recognisers", "must be an array of at most %u recognisers",
                  RECOGNISE_SERVICES_MAX);
        return ERR_INVALID;
    }
    struct recognise_service *list = ARENA_ARRAY(&c->arena, count, struct recognise_service);
    if (list == NULL) {
        return ERR_MEMORY;
    }
    for (size_t i = 0; i < count; i++) {
        enum err e = read_one(c, yyjson_arr_get(array, i), list, i, ret_issue);
        if (e != ERR_OK) {
            char member[sizeof(ret_issue->pointer)];
            snprintf(member, sizeof(member), "%s", ret_issue->pointer);
            snprintf(ret_issue->pointer, sizeof(ret_issue->pointer), "recognisers.%zu%s%.60s", i,
                     member[0] != '\0' ? "." : "", member);
            return e;
        }
    }
    c->recognisers = (struct recognise_services){list, count};
    return ERR_OK;
}

/* The issue's pointer is the member. */
static enum err read_one(struct config *c, yyjson_val *v, struct recognise_service *list, size_t i,
                         struct issue *issue)
{
    struct entry e = {.connect_ms = CONNECT_MS,
                      .total_ms = TOTAL_MS,
                      .credential_header = STR("authorization")};
    TRY(read_members(v, &e, issue));
    TRY(take(c, &e, &list[i], issue));
    return check_apart(list, i, issue);
}

static enum err read_members(yyjson_val *v, struct entry *ret, struct issue *issue)
{
    const struct {
        const char *name;
        struct str *text;
        int64_t *number;
        yyjson_val **list;
    } members[] = {
        {"name", &ret->name, NULL, NULL},
        {"url", &ret->url, NULL, NULL},
        {"ca_file", &ret->ca_file, NULL, NULL},
        {"credential_file", &ret->credential_file, NULL, NULL},
        {"credential_header", &ret->credential_header, NULL, NULL},
        {"types", NULL, NULL, &ret->types},
        {"connect_ms", NULL, &ret->connect_ms, NULL},
        {"total_ms", NULL, &ret->total_ms, NULL},
    };
    yyjson_obj_iter it = yyjson_obj_iter_with(v);
    for (yyjson_val *key; (key = yyjson_obj_iter_next(&it)) != NULL;) {
        yyjson_val *value = yyjson_obj_iter_get_val(key);
        struct str name = json_str(key);
        size_t i = 0;
        while (i < sizeof(members) / sizeof(members[0]) &&
               !str_eq(name, str_from(members[i].name))) {
            i++;
        }
        if (i == sizeof(members) / sizeof(members[0])) {
            return refuse(issue, name, "is no member of a recogniser");
        }
        bool is_read = members[i].text != NULL     ? yyjson_is_str(value)
                       : members[i].number != NULL ? json_int(value, members[i].number)
                                                   : yyjson_is_arr(value);
        if (!is_read) {
            return refuse(issue, name,
                          members[i].text != NULL     ? "must be a string"
                          : members[i].number != NULL ? "must be a whole number"
                                                      : "must be an array of names");
        }
        if (members[i].text != NULL && str_find(json_str(value), '\0') >= 0) {
            return refuse(issue, name, "must not hold a NUL byte");
        }
        if (members[i].text != NULL) {
            *members[i].text = json_str(value);
        } else if (members[i].list != NULL) {
            *members[i].list = value;
        }
    }
    return yyjson_is_obj(v) ? ERR_OK : refuse(issue, STR_NONE, "must be an object");
}

static enum err take(struct config *c, const struct entry *e, struct recognise_service *ret,
                     struct issue *issue)
{
    if (!recognise_type_is_valid(e->name)) {
        return refuse(issue, STR("name"), "must be a-z, digits and '_', at most 64 bytes");
    }
    if (e->connect_ms < 1 || e->total_ms < e->connect_ms || e->total_ms > TOTAL_MS_MAX) {
        return refuse(issue, STR("total_ms"),
                      "connect_ms and total_ms must be 1 to 60000, and total_ms not the less");
    }
    struct str url = arena_str(&c->arena, e->url);
    if (url.ptr == NULL) {
        return ERR_MEMORY;
    }
    struct issue why;
    if (wire_url_parse(&c->arena, url, true, &ret->url, &why) != ERR_OK) {
        return refuse(issue, STR("url"), why.message);
    }
    ret->name = arena_str(&c->arena, e->name);
    ret->ca_file = e->ca_file.len > 0 ? arena_str(&c->arena, e->ca_file) : STR_NONE;
    ret->connect_ms = (uint32_t)e->connect_ms;
    ret->total_ms = (uint32_t)e->total_ms;
    TRY(take_types(c, e, ret, issue));
    return take_credential(c, e, ret, issue);
}

static enum err take_types(struct config *c, const struct entry *e, struct recognise_service *ret,
                           struct issue *issue)
{
    size_t count = yyjson_arr_size(e->types);
    struct str *types = ARENA_ARRAY(&c->arena, count, struct str);
    if (types == NULL) {
        return ERR_MEMORY;
    }
    if (count == 0 || count > RECOGNISE_TYPES_MAX) {
        return refuse(issue, STR("types"), "must hold 1 to 32 names");
    }
    for (size_t i = 0; i < count; i++) {
        struct str type = json_str(yyjson_arr_get(e->types, i));
        bool is_set = str_eq(type, STR("all")) || str_eq(type, STR("default"));
        if (!recognise_type_is_valid(type) || is_set) {
            return refuse(issue, STR("types"),
                          "each must be a-z, digits and '_', and not 'all' or 'default'");
        }
        types[i] = arena_str(&c->arena, type);
        if (types[i].ptr == NULL) {
            return ERR_MEMORY;
        }
    }
    ret->types = types;
    ret->types_count = count;
    return ERR_OK;
}

/* The whole value of the field, as `Bearer ...`. */
static enum err take_credential(struct config *c, const struct entry *e,
                                struct recognise_service *ret, struct issue *issue)
{
    if (e->credential_file.len == 0) {
        return ERR_OK;
    }
    struct str path = arena_str(&c->arena, e->credential_file), text;
    if (path.ptr == NULL) {
        return ERR_MEMORY;
    }
    if (config_slurp(c, path.ptr, &text) != ERR_OK) {
        char why[96];
        snprintf(why, sizeof(why), "cannot be read: %s", strerror(errno));
        return refuse(issue, STR("credential_file"), why);
    }
    text = str_trim(text, " \r\n\t");
    bool is_text = text.len > 0 && text.len <= CREDENTIAL_BYTES_MAX;
    for (size_t i = 0; is_text && i < text.len; i++) {
        is_text = text.ptr[i] >= ' ' && text.ptr[i] <= '~';
    }
    if (!is_text) {
        return refuse(issue, STR("credential_file"), "must hold one line of printable ASCII");
    }
    if (!is_field_name(e->credential_header)) {
        return refuse(issue, STR("credential_header"),
                      "must be a field of the credential's own, in small letters");
    }
    ret->credential = text;
    ret->header = arena_str(&c->arena, e->credential_header);
    return ret->header.ptr != NULL ? ERR_OK : ERR_MEMORY;
}

static bool is_field_name(struct str name)
{
    static const char *const ours[] = {"host",       "content-length",    "content-type",
                                       "connection", "transfer-encoding", "accept",
                                       "accept-encoding", "user-agent",   "x-request-id"};
    for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++) {
        if (str_eq(name, str_from(ours[i]))) {
            return false;
        }
    }
    for (size_t i = 0; i < name.len; i++) {
        char b = name.ptr[i];
        if ((b < 'a' || b > 'z') && (b < '0' || b > '9') && b != '-') {
            return false;
        }
    }
    return name.len > 0 && name.len <= 64;
}

/* A type is asked of one; a name means one. */
static enum err check_apart(const struct recognise_service *list, size_t count,
                            struct issue *issue)
{
    const struct recognise_services others = {list, count};
    const struct recognise_service *last = &list[count];
    for (size_t i = 0; i < count; i++) {
        if (str_eq(list[i].name, last->name)) {
            return refuse(issue, STR("name"), "two recognisers must not have one name");
        }
    }
    for (size_t i = 0; i < last->types_count; i++) {
        const struct recognise_service own = {.types = last->types, .types_count = i};
        const struct recognise_services before = {&own, 1};
        size_t service, type;
        if (recognise_find(&others, last->types[i], &service, &type) ||
            recognise_find(&before, last->types[i], &service, &type)) {
            return refuse(issue, STR("types"), "a type must be offered only once");
        }
    }
    return ERR_OK;
}

static enum err refuse(struct issue *issue, struct str name, const char *what)
{
    char pointer[64] = "";
    if (name.len > 0) {
        snprintf(pointer, sizeof(pointer), "%.*s", (int)(name.len < 63 ? name.len : 63), name.ptr);
    }
    issue_set(issue, pointer, "%s", what);
    return ERR_INVALID;
}

enum err config_recognisers_check(const struct config *c, const struct net_exceptions *exceptions,
                                  struct issue *ret_issue)
{
    for (size_t i = 0; i < c->recognisers.count; i++) {
        const struct recognise_service *s = &c->recognisers.items[i];
        struct tls_client *client = NULL;
        const char *reason = "";
        int skipped;
        if (!net_url_is_permitted(exceptions, &s->url, &reason)) {
            issue_set(ret_issue, "recognisers", "%.*s: %s; see upstream.exceptions",
                      STR_ARG(s->name), reason);
            return ERR_DENIED;
        }
        if (s->ca_file.len > 0) {
            enum err e = tls_client_open(s->ca_file.ptr, &client, &skipped, ret_issue);
            if (e != ERR_OK) {
                struct issue why = *ret_issue;
                issue_set(ret_issue, "recognisers", "%.*s: %s", STR_ARG(s->name), why.message);
                return e;
            }
            tls_client_unref(client);
        }
    }
    return ERR_OK;
}

void config_recognisers_write(const struct config *c, struct buf *out, bool is_json)
{
    for (size_t i = 0; i < c->recognisers.count; i++) {
        const struct recognise_service *s = &c->recognisers.items[i];
        char name[100], text[1024];
        (void)snprintf(name, sizeof(name), "recognisers.%.*s", STR_ARG(s->name));
        (void)snprintf(text, sizeof(text), "%s://%.*s:%u%.*s %zu types, %u ms%s",
                       s->url.is_tls ? "https" : "http", STR_ARG(s->url.host), s->url.port,
                       STR_ARG(s->url.path), s->types_count, s->total_ms,
                       s->credential.len > 0 ? ", with a credential" : "");
        if (is_json) {
            buf_printf(out, ",\n  {\"name\": \"%s\", \"value\": ", name);
            json_write_str(out, str_from(text));
            buf_add(out, STR(", \"origin\": \"file\", \"help\": \"finds names and the like\"}"));
        } else {
            buf_printf(out, "%-22s %-24s %-12s %s\n", name, text, "file",
                       "finds names and the like");
        }
    }
}
