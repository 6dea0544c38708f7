/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of manage share: path captures, and the field values' two
 * directions (JSON in, JSON out).
 */
#ifndef PORTCULLIS_MANAGE_PRIVATE_H
#define PORTCULLIS_MANAGE_PRIVATE_H

#include "portcullis/manage.h"

struct manage_captures {
    struct str values[2];
    size_t count;
};
/* routes.c */
MUST_USE enum err manage_route_find(enum wire_method method, struct str path,
                                    const struct manage_route **ret,
                                    struct manage_captures *ret_captures);
/* item.c: body -> command.values by the collection's field list */
MUST_USE enum err manage_item_read(struct codec_reader *r, yyjson_val *body, bool is_create,
                                   struct manage_command *ret);
void manage_item_write(struct buf *out, const struct manage_collection *c,
                       const struct manage_row *row, struct str key_text);
/* condition.c: If-Match and If-None-Match */
MUST_USE enum err manage_conditions_read(struct arena *a, const struct manage_request *r,
                                         struct manage_command *ret,
                                         struct manage_refusal *refusal);
/* query.c */
MUST_USE enum err manage_filter_read(struct arena *a, struct str query,
                                     const struct manage_route *route, struct manage_filter *ret,
                                     struct manage_refusal *refusal);
const char *const *manage_query_names(const struct manage_route *r);
/* view.c */
const struct codec_shape *manage_shape_of(enum manage_view view); /* NULL = another codec */
/* ?view=... */
MUST_USE enum err manage_view_take(struct manage_command *c, struct manage_refusal *refusal);
enum manage_view manage_view_of_body(yyjson_val *body);
void manage_view_write(struct buf *out, enum manage_view view, const struct policy *p);
/* Before the id in a Location header. */
const char *manage_view_location(enum manage_view view);
/* render_rules.c: S1 */
void manage_rules_list_write(struct buf *out, const struct manage_command *c,
                             const struct manage_result *r);
void manage_rules_error_write(struct buf *out, const struct manage_refusal *r);
void manage_rules_versions_write(struct arena *a, struct buf *out, const struct manage_result *r,
                                 bool is_list);
/* try.c: S1-12, into the refusal what is wrong */
MUST_USE enum err manage_try_write(struct arena *a, struct buf *out,
                                   const struct manage_command *c, const struct manage_result *r,
                                   const struct route_catalog *catalog,
                                   struct manage_refusal *refusal);

#endif
