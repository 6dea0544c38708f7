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

/* rule.c */
MUST_USE enum err codec_rules_read(struct codec_reader *r, yyjson_val *array, struct str pointer,
                                   struct policy *p);
void codec_rule_write(struct buf *out, const struct policy_rule *rule);
MUST_USE enum err codec_match_read(struct codec_reader *r, yyjson_val *object, struct str pointer,
                                   struct policy_match *ret);
/* Writes nothing and returns false when the match restricts nothing. */
bool codec_match_write(struct buf *out, const char *lead, const struct policy_match *m);
void codec_list_write(struct buf *out, const char *lead, const struct policy_list *list);
/* [{"slug","reason","reasons"}] without the brackets, catalogue order (S0-61). */
void codec_write_blocked(struct buf *out, const struct route_catalog *catalog,
                         const struct policy_provider_answer *answers);
/* `,"name":"text"` unless the text is absent. */
void codec_str_write(struct buf *out, const char *name, struct str text);
void codec_time_write(struct buf *out, const char *name, int64_t unix_ms);

#endif
