/* SPDX-License-Identifier: Apache-2.0
 *
 * The operator's settings: one table says for each its name, kind, environment
 * variable, default and meaning; file, environment and flags are read by it and
 * `config show` prints from it. Flags win over environment, environment over file,
 * file over defaults; an unknown name in file or flags is an error, in the environment it
 * is ignored (orchestrators put their own there). Values live as long as
 * the struct config.
 */
#ifndef PORTCULLIS_CLI_CONFIG_H
#define PORTCULLIS_CLI_CONFIG_H

#include "portcullis/net.h"
#include "portcullis/recognise.h"

struct config {
    struct arena arena;
    const char *listen_host;
    int64_t listen_port, listen_backlog;
    const char *tls_host, *tls_certificate, *tls_key;
    int64_t tls_port;
    const char *admin_host;
    int64_t admin_port;
    int64_t workers;
    const char *database_url;
    const char *master_key_file;
    const char *catalog_dir;
    const char *state_dir;
    const char *node;
    const char *audit_durability; /* process, strict */
    int64_t audit_segment_mib, audit_spool_mib, audit_keep_shipped_s;
    bool audit_hash_body;
    int64_t policy_max_stale_s, policy_poll_s;
    int64_t policy_compile_cpu_s, policy_compile_memory_mib, policy_compile_cache_mib;
    const char *upstream_ca_file;
    const char *upstream_exceptions;
    int64_t limits_body_mib, limits_clients;
    int64_t drain_s;
    const char *log_level, *log_requests;
    struct recognise_services recognisers; /* of the file only */
    uint8_t sources[64]; /* enum config_source per setting, for config_write */
};

enum config_source { CONFIG_DEFAULT, CONFIG_FILE, CONFIG_ENV, CONFIG_FLAG };

/* Is argv[from..argc) nothing but `--set name=value`? If not, the issue says what is wrong. */
bool config_flags_check(int argc, char **argv, int from, struct issue *ret_issue);
/* Reads defaults, then `file` (NULL = none), then the environment, then the flags in
 * argv[from..argc), which config_flags_check has seen. On failure prints nothing; the issue says
 * which name, where, and what would be right. */
MUST_USE enum err config_load(struct config *c, const char *file, int argc, char **argv, int from,
                              struct issue *ret_issue);
void config_free(struct config *c);
/* A file of at most 1 MiB, into the arena; errno says why it failed. */
MUST_USE enum err config_slurp(struct config *c, const char *path, struct str *ret);

/* recognisers.c */
/* The member "recognisers" of the file; reads the credentials that it names. */
MUST_USE enum err config_recognisers_read(struct config *c, yyjson_val *array,
                                          struct issue *ret_issue);
/* Where they are may be connected to, and their CA certificates can be read. */
MUST_USE enum err config_recognisers_check(const struct config *c,
                                           const struct net_exceptions *exceptions,
                                           struct issue *ret_issue);

/* config_check.c */
/* What no single setting shows. After tls_start; the caller frees *ret_exceptions, also
 * after a failure. */
MUST_USE enum err config_check(const struct config *c, struct net_exceptions **ret_exceptions,
                               struct issue *ret_issue);
/* Returns e; of an error the issue then says that it is in this setting, or group of settings,
 * unless it says where it is. */
MUST_USE enum err config_in_setting(const char *name, enum err e, struct issue *issue);
/* What starts and is a mistake all the same, one line for each on stderr. After config_check. */
void config_warn(const struct config *c);
/* Is it the address that stands for all of them, of either family? */
bool config_is_anywhere(const char *host);
/* As set, else one for each core. */
unsigned config_workers(const struct config *c);
/* For config_write. */
void config_recognisers_write(const struct config *c, struct buf *out, bool is_json);
/* Every setting with its value (secrets masked), origin and meaning. */
void config_write(const struct config *c, struct buf *out, bool is_json);

#endif
