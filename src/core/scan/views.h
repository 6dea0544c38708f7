/* SPDX-License-Identifier: Apache-2.0
 *
 * The views of a text: what a reader would see, with a map back. A view lives in the
 * scratch until the next view of the same place is made. No globals.
 */
#ifndef PORTCULLIS_SCAN_VIEWS_H
#define PORTCULLIS_SCAN_VIEWS_H

#include "scan_private.h"

MUST_USE enum err view_fold(struct scan_scratch *scratch, struct str text, struct view *ret);
/* From the folded (or plain) view; *ret_is_different = false when there is nothing new. */
MUST_USE enum err view_other(struct scan_scratch *scratch, enum scan_views which,
                             const struct view *plain, struct view *ret, bool *ret_is_different);
/* skeleton.c, generated: what `cp` looks like (UTF-8), or NULL. UTS #39. */
const char *skeleton_of(uint32_t cp);

#endif
