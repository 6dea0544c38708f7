/* SPDX-License-Identifier: Apache-2.0
 *
 * The strict object reader every dialect is parsed with, and what the dialects
 * share. A shape is a table of members; a member that is not in the table is
 * refused with its JSON pointer and the nearest known name.
 */
#ifndef PORTCULLIS_CODEC_PRIVATE_H
#define PORTCULLIS_CODEC_PRIVATE_H

#include "portcullis/codec.h"

#define CODEC_LIST_MAX 10000
#define CODEC_RULES_MAX 10240
#define CODEC_NAME_BYTES_MAX 200
#define CODEC_TEXT_BYTES_MAX 2000

struct codec_reader {
    struct arena *arena;
    const struct route_catalog *catalog; /* NULL = do not check names against it */
    struct issue *issue;
};

enum codec_kind {
    CODEC_STR,  /* ret: struct str */
    CODEC_BOOL, /* ret: bool */
    CODEC_INT,  /* ret: int64_t, between min and max */
    CODEC_WORD, /* ret: int, index in words */
    CODEC_LIST, /* ret: struct policy_list of non-empty strings */
    CODEC_VAL   /* ret: yyjson_val *, taken as it is */
};
struct codec_member {
    const char *name;
    enum codec_kind kind;
    void *ret;
    bool is_required;
    bool *ret_is_set;         /* optional: the member was there and not null */
    bool *ret_is_null;        /* optional: null is allowed and was given */
    const char *const *words; /* NULL-terminated */
    int64_t min, max;         /* CODEC_INT; CODEC_STR: length, max 0 = default */
};

/* Reads `object` by the table. ERR_INVALID with the issue set. */
MUST_USE enum err codec_object_read(struct codec_reader *r, yyjson_val *object, struct str pointer,
                                    const struct codec_member *members, size_t count);
/* Pointer + "/" + name (escaped), in the arena. */
struct str codec_pointer(struct codec_reader *r, struct str pointer, struct str name);
struct str codec_pointer_at(struct codec_reader *r, struct str pointer, size_t index);
/* Refuses what this build does not enforce and checks names against the catalogue. */
MUST_USE enum err codec_check_providers(struct codec_reader *r, const struct policy_list *list,
                                        struct str pointer);
MUST_USE enum err codec_check_models(struct codec_reader *r, const struct policy_list *list,
                                     struct str pointer);

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
