/* SPDX-License-Identifier: Apache-2.0
 *
 * Streams: one sieve for each channel of an answer. Heap, so that a long answer does not
 * fill the exchange's arena; freed with the check.
 */
#include "content_private.h"

void channels_free(struct content_check *k)
{
    k->channels = NULL;
}
