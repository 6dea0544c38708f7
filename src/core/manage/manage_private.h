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
/* query.c */
MUST_USE enum err manage_filter_read(struct arena *a, struct str query,
                                     const struct manage_route *route, struct manage_filter *ret,
                                     struct manage_refusal *refusal);

#endif
