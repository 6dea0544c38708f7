/* SPDX-License-Identifier: Apache-2.0
 *
 * Settings from defaults, file, environment and flags, by one table. The file is
 * JSON: {"listen": {"port": 8080}} sets listen.port. PORTCULLIS_LISTEN_PORT does
 * the same, and PORTCULLIS_..._FILE reads a value from a file, so that a secret
 * need not stand in the environment. Used once at start and by `config`.
 */
#include "config.h"

#include "cli.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define FILE_BYTES_MAX (1u << 20)

enum setting_kind { SETTING_TEXT, SETTING_INT, SETTING_BOOL };

struct setting {
    const char *name; /* section.member */
    enum setting_kind kind;
    size_t offset;
    const char *value; /* default */
    int64_t min, max;
    bool is_secret;
    const char *help;
    const char *words; /* of a text: the only values, separated by spaces; NULL = any */
};

#define TEXT(n, f, v, h)                                                                           \
    {                                                                                              \
        n, SETTING_TEXT, offsetof(struct config, f), v, 0, 0, false, h, NULL                       \
    }
#define WORD(n, f, v, w, h)                                                                        \
    {                                                                                              \
        n, SETTING_TEXT, offsetof(struct config, f), v, 0, 0, false, h, w                          \
    }
#define INT(n, f, v, lo, hi, h)                                                                    \
    {                                                                                              \
        n, SETTING_INT, offsetof(struct config, f), v, lo, hi, false, h, NULL                      \
    }

/* lint: table */
static const struct setting settings[] = {
    TEXT("listen.host", listen_host, "127.0.0.1", "address of the listener"),
    INT("listen.port", listen_port, "8080", 0, 65535, "port of the listener; 0 picks one"),
    INT("listen.backlog", listen_backlog, "1024", 1, 65535, "accept queue per worker"),
    TEXT("tls.host", tls_host, "127.0.0.1", "address of the TLS listener"),
    INT("tls.port", tls_port, "-1", -1, 65535, "port of the TLS listener; -1 = none"),
    TEXT("tls.certificate", tls_certificate, "", "PEM chain of the TLS listener"),
    TEXT("tls.key", tls_key, "", "PEM key of the TLS listener"),
    TEXT("admin.host", admin_host, "127.0.0.1", "address of the management listener"),
    INT("admin.port", admin_port, "-1", -1, 65535,
        "port of a separate management listener; -1 = management on the main one"),
    INT("workers", workers, "0", 0, 64, "event loops; 0 = one per core"),
    {"database.url", SETTING_TEXT, offsetof(struct config, database_url), "", 0, 0, true,
     "PostgreSQL connection string; DATABASE_URL works too", NULL},
    TEXT("master_key_file", master_key_file, "",
         "file with 64 hex digits: protects provider credentials and key hashes"),
    TEXT("catalog_dir", catalog_dir, "", "folder of providers.json and models.json"),
    TEXT("state_dir", state_dir, "/var/lib/portcullis", "spool and last-known-good snapshot"),
    TEXT("node", node, "", "name of this node; default: host name and a suffix, kept"),
    WORD("audit.durability", audit_durability, "process", "process strict",
         "process: a record survives a crash of the gateway; strict: also power loss"),
    INT("audit.segment_mib", audit_segment_mib, "64", 1, 1024, "size of a spool segment"),
    INT("audit.spool_mib", audit_spool_mib, "4096", 2, 1 << 20, "spool kept at most"),
    INT("audit.keep_shipped_s", audit_keep_shipped_s, "3600", 0, 86400 * 7,
        "how long shipped segments are kept for a database failover"),
    {"audit.hash_body", SETTING_BOOL, offsetof(struct config, audit_hash_body), "false", 0, 0,
     false, "SHA-256 of each request body into its decision record", NULL},
    INT("policy.max_stale_s", policy_max_stale_s, "300", 0, 86400,
        "refuse requests when policies could not be refreshed for this long; 0 = never"),
    INT("policy.poll_s", policy_poll_s, "5", 1, 3600, "poll behind the notifications"),
    INT("policy.compile_cpu_s", policy_compile_cpu_s, "10", 1, 3600,
        "CPU seconds that compiling one organisation's terms may take"),
    INT("policy.compile_memory_mib", policy_compile_memory_mib, "512", 64, 1 << 20,
        "memory that compiling them may take"),
    INT("policy.compile_cache_mib", policy_compile_cache_mib, "512", 0, 1 << 20,
        "compiled terms kept in the state folder; 0 = none"),
    TEXT("upstream.ca_file", upstream_ca_file, "", "CA certificates; default: the system's"),
    TEXT("upstream.exceptions", upstream_exceptions, "",
         "hosts, host:port or networks permitted though private or plain http"),
    INT("limits.body_mib", limits_body_mib, "16", 1, 1024, "largest request body"),
    INT("limits.clients", limits_clients, "0", 0, 1 << 20, "connections per worker; 0 = automatic"),
    INT("drain_s", drain_s, "30", 0, 3600, "how long requests may finish on SIGTERM"),
    WORD("log.requests", log_requests, "none", "none errors all",
         "a line for each request beside its record: none, errors (not answered well) or all"),
    WORD("log.level", log_level, "info", "error warn info debug", "error, warn, info or debug"),
};
#define SETTINGS (sizeof(settings) / sizeof(settings[0]))

static enum err read_file(struct config *c, const char *file, struct issue *issue);
static enum err read_object(struct config *c, yyjson_val *object, const char *section,
                            struct issue *issue);
static enum err read_member(struct config *c, struct str name, bool has_dot, yyjson_val *v,
                            struct issue *issue);
static enum err in_place(const char *where, enum err e, struct issue *issue);
static enum err read_environment(struct config *c, struct issue *issue);
static enum err read_flags(struct config *c, int argc, char **argv, int from, struct issue *issue);
static enum err set(struct config *c, struct str name, struct str value, enum config_source source,
                    struct issue *issue);
static const struct setting *find(struct str name);
static bool is_section(struct str name);
static enum err unknown(struct config *c, struct str name, struct issue *issue);
static enum err set_value(struct config *c, const struct setting *s, struct str value,
                          struct issue *issue);
static bool is_word(const char *words, struct str value);
static void environment_name(const struct setting *s, const char *suffix, char ret[96]);

enum err config_load(struct config *c, const char *file, int argc, char **argv, int from,
                     struct issue *ret_issue)
{
    ASSERT(SETTINGS <= sizeof(c->sources));
    memset(c, 0, sizeof(*c));
    arena_init(&c->arena, 16u << 20);
    for (size_t i = 0; i < SETTINGS; i++) {
        c->sources[i] = CONFIG_DEFAULT;
        TRY(set_value(c, &settings[i], str_from(settings[i].value), ret_issue));
    }
    if (file != NULL) {
        TRY(in_place(file, read_file(c, file, ret_issue), ret_issue));
    }
    TRY(read_environment(c, ret_issue));
    return read_flags(c, argc, argv, from, ret_issue);
}

/* Says where a wrong setting stands: in which file, variable or flag; in a file as a
 * JSON pointer, elsewhere by its name. */
static enum err in_place(const char *where, enum err e, struct issue *issue)
{
    if (e == ERR_OK) {
        return e;
    }
    struct issue inner = *issue;
    bool is_setting = inner.pointer[0] != '\0' && inner.pointer[0] != '/';
    bool is_file = strncmp(where, "PORTCULLIS_", 11) != 0 && strcmp(where, "--set") != 0;
    for (char *at = inner.pointer; is_file && is_setting && *at != '\0'; at++) {
        *at = *at == '.' ? '/' : *at;
    }
    issue_set(issue, "", "%.120s: %s%.100s%s%s", where, is_file && is_setting ? "/" : "",
              inner.pointer, inner.pointer[0] != '\0' ? ": " : "", inner.message);
    return e;
}

void config_free(struct config *c)
{
    arena_fini(&c->arena);
}

static enum err read_file(struct config *c, const char *file, struct issue *issue)
{
    struct str text;
    struct json_doc doc;
    if (config_slurp(c, file, &text) != ERR_OK) {
        issue_set(issue, "", "the configuration file cannot be read: %s", strerror(errno));
        return ERR_NOT_FOUND;
    }
    TRY(json_parse(&c->arena, text, &json_limits_default, &doc, issue));
    return read_object(c, doc.root, "", issue);
}

/* `section` is empty at the top. */
static enum err read_object(struct config *c, yyjson_val *object, const char *section,
                            struct issue *issue)
{
    bool is_top = section[0] == '\0';
    if (!yyjson_is_obj(object)) {
        issue_set(issue, section, is_top ? "the configuration must be an object"
                                         : "must be an object of settings");
        return ERR_INVALID;
    }
    yyjson_obj_iter it = yyjson_obj_iter_with(object);
    for (yyjson_val *key; (key = yyjson_obj_iter_next(&it)) != NULL;) {
        yyjson_val *v = yyjson_obj_iter_get_val(key);
        struct str name = arena_printf(&c->arena, "%s%s%.*s", section, is_top ? "" : ".",
                                       STR_ARG(json_str(key)));
        if (name.ptr == NULL) {
            return ERR_MEMORY;
        }
        if (is_top && str_eq(name, STR("recognisers"))) {
            TRY(config_recognisers_read(c, v, issue));
        } else if (is_top && is_section(name)) {
            TRY(read_object(c, v, name.ptr, issue));
        } else {
            TRY(read_member(c, name, str_find(json_str(key), '.') >= 0, v, issue));
        }
    }
    return ERR_OK;
}

static enum err read_member(struct config *c, struct str name, bool has_dot, yyjson_val *v,
                            struct issue *issue)
{
    int64_t number;
    struct str value = json_str(v);
    const struct setting *s = find(name);
    if (s != NULL && has_dot) {
        struct str member = name, section = str_cut(&member, '.');
        issue_set(issue, "", "/%.*s: write it as {\"%.*s\": {\"%.*s\": ...}}", STR_ARG(name),
                  STR_ARG(section), STR_ARG(member));
        return ERR_INVALID;
    }
    if (yyjson_is_bool(v)) {
        value = yyjson_get_bool(v) ? STR("true") : STR("false");
    } else if (json_int(v, &number)) {
        value = arena_printf(&c->arena, "%lld", (long long)number);
    } else if (!yyjson_is_str(v)) {
        value = STR(""); /* neither a number nor a word */
        if (s != NULL && s->kind == SETTING_TEXT && s->words == NULL) {
            issue_set(issue, s->name, "must be a string");
            return ERR_INVALID;
        }
    }
    return set(c, name, value, CONFIG_FILE, issue);
}

static enum err read_environment(struct config *c, struct issue *issue)
{
    const char *url = getenv("DATABASE_URL");
    if (url != NULL) {
        TRY(set(c, STR("database.url"), str_from(url), CONFIG_ENV, issue));
    }
    for (size_t i = 0; i < SETTINGS; i++) {
        char name[96], name_file[96];
        environment_name(&settings[i], "", name);
        environment_name(&settings[i], "_FILE", name_file);
        const char *value = getenv(name);
        const char *path = getenv(name_file);
        struct str text = str_from(value);
        bool is_path_setting = str_ends(str_from(settings[i].name), STR("_file"));
        if (value == NULL && path != NULL && !is_path_setting) {
            if (config_slurp(c, path, &text) != ERR_OK) {
                issue_set(issue, settings[i].name, "the file named by %s cannot be read: %s",
                          name_file, strerror(errno));
                return ERR_NOT_FOUND;
            }
            text = str_trim(text, "\r\n");
        }
        if (text.ptr != NULL) {
            TRY(in_place(value != NULL ? name : name_file,
                         set(c, str_from(settings[i].name), text, CONFIG_ENV, issue), issue));
        }
    }
    return ERR_OK;
}

static void environment_name(const struct setting *s, const char *suffix, char ret[96])
{
    snprintf(ret, 96, "PORTCULLIS_%s%s", s->name, suffix);
    for (char *p = ret; *p != 0; p++) {
        if (*p == '.') {
            *p = '_';
        } else if (*p >= 'a' && *p <= 'z') {
            *p = (char)(*p - 'a' + 'A');
        }
    }
}

bool config_flags_check(int argc, char **argv, int from, struct issue *ret_issue)
{
    for (int i = from; i < argc; i += 2) {
        bool is_set = strcmp(argv[i], "--set") == 0;
        if (is_set && i + 1 < argc && strchr(argv[i + 1], '=') != NULL) {
            continue;
        }
        if (is_set) {
            issue_set(ret_issue, "", "--set needs name=value");
        } else if (strcmp(argv[i], "-c") == 0) {
            issue_set(ret_issue, "", "-c needs a FILE and comes first");
        } else {
            issue_set(ret_issue, "", "unknown flag '%.80s'; settings are given as --set name=value",
                      argv[i]);
        }
        return false;
    }
    return true;
}

/* They have been checked. */
static enum err read_flags(struct config *c, int argc, char **argv, int from, struct issue *issue)
{
    for (int i = from + 1; i < argc; i += 2) {
        struct str value = str_from(argv[i]);
        struct str name = str_cut(&value, '=');
        value = value.ptr != NULL ? value : STR("");
        TRY(in_place("--set", set(c, name, value, CONFIG_FLAG, issue), issue));
    }
    return ERR_OK;
}

static enum err set(struct config *c, struct str name, struct str value, enum config_source source,
                    struct issue *issue)
{
    const struct setting *s = find(name);
    if (s == NULL) {
        return unknown(c, name, issue);
    }
    c->sources[s - settings] = (uint8_t)source;
    return set_value(c, s, value, issue);
}

static const struct setting *find(struct str name)
{
    for (size_t i = 0; i < SETTINGS; i++) {
        if (str_eq(name, str_from(settings[i].name))) {
            return &settings[i];
        }
    }
    return NULL;
}

static bool is_section(struct str name)
{
    for (size_t i = 0; i < SETTINGS; i++) {
        struct str member = str_from(settings[i].name);
        if (str_eq(str_cut(&member, '.'), name) && member.len > 0) {
            return true;
        }
    }
    return false;
}

/* The names of sections may have been meant as well. */
static enum err unknown(struct config *c, struct str name, struct issue *issue)
{
    const char *names[2 * SETTINGS + 1] = {NULL};
    char pointer[96];
    for (size_t i = 0; i < SETTINGS; i++) {
        struct str member = str_from(settings[i].name);
        struct str section = arena_str(&c->arena, str_cut(&member, '.'));
        names[2 * i] = settings[i].name;
        names[2 * i + 1] = section.ptr != NULL ? section.ptr : "";
    }
    const char *near = issue_did_you_mean(name, names);
    snprintf(pointer, sizeof(pointer), "%.*s", (int)(name.len < 80 ? name.len : 80), name.ptr);
    issue_set(issue, pointer, "unknown setting%s%s%s", near != NULL ? "; did you mean '" : "",
              near != NULL ? near : "", near != NULL ? "'?" : "");
    return ERR_INVALID;
}

static enum err set_value(struct config *c, const struct setting *s, struct str value,
                          struct issue *issue)
{
    char *at = (char *)c + s->offset;
    switch (s->kind) {
    case SETTING_TEXT: {
        if (s->words != NULL && !is_word(s->words, value)) {
            issue_set(issue, s->name, "must be one of: %s", s->words);
            return ERR_INVALID;
        }
        if (str_find(value, '\0') >= 0) {
            issue_set(issue, s->name, "must not hold a NUL byte");
            return ERR_INVALID;
        }
        struct str copy = arena_str(&c->arena, value);
        if (copy.ptr == NULL) {
            return ERR_MEMORY;
        }
        memcpy(at, &copy.ptr, sizeof(copy.ptr));
        return ERR_OK;
    }
    case SETTING_BOOL: {
        bool is_true = str_eq(value, STR("true"));
        if (!is_true && !str_eq(value, STR("false"))) {
            issue_set(issue, s->name, "must be true or false");
            return ERR_INVALID;
        }
        memcpy(at, &is_true, sizeof(is_true));
        return ERR_OK;
    }
    case SETTING_INT: {
        bool is_negative = value.len > 0 && value.ptr[0] == '-';
        uint64_t magnitude;
        int64_t number = 0;
        bool is_bad =
            str_to_u64(str_sub(value, is_negative ? 1 : 0, value.len), &magnitude) != ERR_OK ||
            magnitude > INT64_MAX;
        if (!is_bad) {
            number = is_negative ? -(int64_t)magnitude : (int64_t)magnitude;
        }
        if (is_bad || number < s->min || number > s->max) {
            issue_set(issue, s->name, "must be a whole number from %lld to %lld", (long long)s->min,
                      (long long)s->max);
            return ERR_INVALID;
        }
        memcpy(at, &number, sizeof(number));
        return ERR_OK;
    }
    }
    return ERR_INTERNAL;
}

static bool is_word(const char *words, struct str value)
{
    struct str rest = str_from(words);
    while (rest.len != 0) {
        if (str_eq(str_cut(&rest, ' '), value)) {
            return true;
        }
    }
    return false;
}

enum err config_slurp(struct config *c, const char *path, struct str *ret)
{
    struct buf b;
    buf_init(&b, FILE_BYTES_MAX);
    enum err e = cli_read_file(path, &b);
    *ret = e == ERR_OK ? arena_str(&c->arena, buf_str(&b)) : STR_NONE;
    buf_wipe(&b);
    return e == ERR_OK && ret->ptr == NULL ? ERR_MEMORY : e;
}

void config_write(const struct config *c, struct buf *out, bool is_json)
{
    static const char *const names[] = {"default", "file", "environment", "flag"};
    buf_add(out, is_json ? STR("[") : STR(""));
    for (size_t i = 0; i < SETTINGS; i++) {
        const struct setting *s = &settings[i];
        const char *at = (const char *)c + s->offset;
        char number[32] = "";
        const char *text = number;
        if (s->kind == SETTING_TEXT) {
            memcpy(&text, at, sizeof(text));
            text = s->is_secret && text[0] != '\0' ? "********" : text;
        } else if (s->kind == SETTING_BOOL) {
            text = *at != 0 ? "true" : "false";
        } else {
            int64_t value;
            memcpy(&value, at, sizeof(value));
            snprintf(number, sizeof(number), "%lld", (long long)value);
        }
        if (is_json) {
            buf_printf(out, "%s\n  {\"name\": \"%s\", \"value\": ", i == 0 ? "" : ",", s->name);
            json_write_str(out, str_from(text));
            buf_printf(out, ", \"origin\": \"%s\", \"help\": \"%s\"}", names[c->sources[i]],
                       s->help);
        } else {
            buf_printf(out, "%-26s %-24s %-12s %s\n", s->name, text, names[c->sources[i]], s->help);
        }
    }
    config_recognisers_write(c, out, is_json);
    buf_add(out, is_json ? STR("\n]\n") : STR(""));
}
