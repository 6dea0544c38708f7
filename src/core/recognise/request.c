/* SPDX-License-Identifier: Apache-2.0
 *
 * What a recogniser is sent: the types that are wanted and the texts, numbered. One
 * request for all texts of an exchange, so that a slow recogniser is waited for once. And
 * which service it is that offers a type. Pure.
 */
#include "portcullis/recognise.h"

static bool is_type(struct str type, struct str name);
static char folded(char c);

bool recognise_find(const struct recognise_services *s, struct str type, size_t *ret_service,
                    size_t *ret_type)
{
    for (size_t i = 0; s != NULL && i < s->count; i++) {
        for (size_t k = 0; k < s->items[i].types_count; k++) {
            if (is_type(s->items[i].types[k], type)) {
                *ret_service = i;
                *ret_type = k;
                return true;
            }
        }
    }
    return false;
}

static bool is_type(struct str type, struct str name)
{
    if (type.len != name.len) {
        return false;
    }
    for (size_t i = 0; i < name.len; i++) {
        if (folded(name.ptr[i]) != type.ptr[i]) {
            return false;
        }
    }
    return true;
}

static char folded(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c == '-' || c == ' ' ? '_' : c;
}

bool recognise_type_is_name(struct str name)
{
    char type[RECOGNISE_TYPE_BYTES_MAX];
    for (size_t i = 0; i < name.len && i < sizeof(type); i++) {
        type[i] = folded(name.ptr[i]);
    }
    return name.len <= sizeof(type) && recognise_type_is_valid((struct str){type, name.len});
}

const char *recognise_result_name(enum recognise_result r)
{
    static const char *const names[RECOGNISE_RESULTS] = {
        [RECOGNISE_ANSWERED] = "answered",   [RECOGNISE_NOT_ASKED] = "not_asked",
        [RECOGNISE_TOO_MUCH] = "too_much",   [RECOGNISE_UNREACHABLE] = "unreachable",
        [RECOGNISE_TLS] = "tls",             [RECOGNISE_TIMEOUT] = "timeout",
        [RECOGNISE_CUT] = "cut",             [RECOGNISE_STATUS] = "status",
        [RECOGNISE_BAD_ANSWER] = "bad_answer", [RECOGNISE_TOO_LARGE] = "answer_too_large",
    };
    return names[r];
}

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
