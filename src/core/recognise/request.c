/* SPDX-License-Identifier: Apache-2.0
 *
 * What a recogniser is sent: the types that are wanted and the texts, numbered. One
 * request for all texts of an exchange, so that a slow recogniser is waited for once.
 */
#include "portcullis/recognise.h"

bool recognise_type_is_valid(struct str type)
{
    if (type.len == 0 || type.len > RECOGNISE_TYPE_BYTES_MAX || type.ptr[0] < 'a' ||
        type.ptr[0] > 'z') {
        return false;
    }
    for (size_t i = 0; i < type.len; i++) {
        char c = type.ptr[i];
        if ((c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_') {
            return false;
        }
    }
    return true;
}

bool recognise_is_too_much(const struct recognise_ask *ask)
{
    size_t bytes = 0;
    for (size_t i = 0; i < ask->texts_count; i++) {
        bytes += ask->texts[i].len;
    }
    return ask->texts_count > RECOGNISE_TEXTS_MAX || bytes > RECOGNISE_TEXT_BYTES_MAX ||
           ask->types_count > RECOGNISE_TYPES_MAX;
}

void recognise_request_write(struct buf *out, const struct recognise_ask *ask)
{
    buf_add(out, STR("{\"types\":["));
    for (size_t i = 0; i < ask->types_count; i++) {
        if (i > 0) {
            buf_add_byte(out, ',');
        }
        json_write_str(out, ask->types[i]);
    }
    buf_add(out, STR("],\"texts\":["));
    for (size_t i = 0; i < ask->texts_count; i++) {
        buf_add(out, i > 0 ? STR(",{\"id\":") : STR("{\"id\":"));
        buf_add_u64(out, i);
        buf_add(out, STR(",\"text\":"));
        json_write_str(out, ask->texts[i]);
        buf_add_byte(out, '}');
    }
    buf_add(out, STR("]}"));
}
