/* SPDX-License-Identifier: Apache-2.0
 *
 * The strict object reader every dialect is parsed with, and what the dialects
 * share. A shape is a table of members; a member that is not in the table is
 * refused with its JSON pointer and the nearest known name.
 */
#ifndef PORTCULLIS_CODEC_PRIVATE_H
#define PORTCULLIS_CODEC_PRIVATE_H

#include "portcullis/codec.h"

#define CODEC_RULES_MAX 10240
#define CODEC_PATCH_BYTES_MAX (16u << 20)

/* reader.c: `patch` (RFC 7396) over the stored JSON text. */
MUST_USE enum err codec_merge(struct codec_reader *r, const struct buf *stored, yyjson_val *patch,
                              yyjson_val **ret);

/* One value, as a member of the kind would be read. */
MUST_USE enum err codec_value_read(struct codec_reader *r, yyjson_val *v, struct str pointer,
                                   const struct codec_member *m);

/* rule.c */
MUST_USE enum err codec_rules_read(struct codec_reader *r, yyjson_val *array, struct str pointer,
                                   struct policy *p);
/* Room, zeroed, for as many rules as the array has. */
MUST_USE enum err codec_rules_begin(struct codec_reader *r, yyjson_val *array, struct str pointer,
                                    struct policy_rule **ret, size_t *ret_count);
/* A rule's key is its identity for overrides and diffs: one policy, one use. */
MUST_USE enum err codec_keys_check(struct codec_reader *r, const struct policy_rule *rules,
                                   size_t count, struct str pointer);
void codec_rule_write(struct buf *out, const struct policy_rule *rule);
MUST_USE enum err codec_match_read(struct codec_reader *r, yyjson_val *object, struct str pointer,
                                   struct policy_match *ret);
/* Writes nothing and returns false when the match restricts nothing. */
bool codec_match_write(struct buf *out, const char *lead, const struct policy_match *m);
void codec_list_write(struct buf *out, const char *lead, const struct policy_list *list);
/* "slug",... and [{"slug","reason","reasons"}] without the brackets, catalogue order (S0-61). */
void codec_write_allowed(struct buf *out, const struct route_catalog *catalog,
                         const struct policy_provider_answer *answers);
void codec_write_blocked(struct buf *out, const struct route_catalog *catalog,
                         const struct policy_provider_answer *answers);
/* `,"name":"text"` unless the text is absent. */
void codec_str_write(struct buf *out, const char *name, struct str text);
void codec_time_write(struct buf *out, const char *name, int64_t unix_ms);

/* content.c: params of the rules about texts */
MUST_USE enum err codec_content_read(struct codec_reader *r, yyjson_val *v, struct str pointer,
                                     struct policy_rule *rule);
void codec_content_write(struct buf *out, const struct content_rule *content);

/* shape.c: what the shapes of S1, S2 and S4 share */
/* Gives the rule its content part: kind, effect and stages are the rule's own. */
MUST_USE enum err codec_content_set(struct codec_reader *r, struct policy_rule *rule,
                                    const struct content_rule *from);
MUST_USE enum err codec_check_types(struct codec_reader *r, const struct policy_list *list,
                                    struct str pointer);
MUST_USE enum err codec_check_topics(struct codec_reader *r, const struct policy_list *list,
                                     struct str pointer);
MUST_USE enum err codec_check_not_empty(struct codec_reader *r, const struct policy_list *list,
                                        struct str pointer);
/* ERR_UNSUPPORTED: "rules of type 'token_limit' are not enforced by this version ...". */
MUST_USE enum err codec_not_enforced(struct codec_reader *r, struct str pointer, const char *what,
                                     const char *name);
/* A number from 0 to 1 <-> thousandths. */
MUST_USE enum err codec_share_read(struct codec_reader *r, yyjson_val *v, struct str pointer,
                                   unsigned *ret);
void codec_share_write(struct buf *out, const char *name, unsigned thousandths);
/* A term or pattern as a client writes it: a regular expression with slashes and flag. */
#define CODEC_TERM_BYTES_MAX (SCAN_REGEX_BYTES_MAX + 4)

/* config_shape.c, config_content.c (S2): on_violation, by index */
enum { CODEC_INFO, CODEC_WARN, CODEC_SOFT_BLOCK, CODEC_HARD_BLOCK };
extern const char *const codec_config_verbs[];
MUST_USE enum err codec_config_content_read(struct codec_reader *r, yyjson_val *config,
                                            struct policy *ret);
void codec_config_content_write(struct buf *out, const struct policy *p);
/* The effect, and the severity this dialect gives it. */
void codec_config_effect_set(struct policy_rule *rule, enum policy_effect effect);

struct content_list codec_content_list(const struct policy_list *list);
void codec_content_list_write(struct buf *out, const char *lead, const struct content_list *list);

#endif
