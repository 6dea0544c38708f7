/* SPDX-License-Identifier: Apache-2.0
 *
 * What a head has in common with the one before it on the same parser: the lines in front
 * that are the same bytes. A client says most of its head again with every request, and
 * both readers have judged those lines; each goes on behind them as it stood there then.
 * Nothing is taken over but whole lines from the first one on, never the blank line, and
 * only of a head that was accepted.
 *
 * Lines are compared in time that depends on their length alone: the head before may be
 * another client's, and one of its lines is a credential. A note about bytes of a head is
 * kept with them: it needs no copy of a credential. Memory is the parser's.
 */
#include "wire_parts.h"

static struct field_marks marks_of(const struct head_before *before, size_t fields_count);

void again_keep(struct wire_parser_state *s)
{
    if (s->noted.at + s->noted.len > s->alike) {
        s->noted.len = 0; /* about bytes that did not come again */
    }
    /* A tab that became a space is read like one: what is sent next is compared with it. */
    s->before = (struct head_before){s->bytes.len - 2, s->fields_count, s->marks};
}

void again_take(struct wire_parser_state *s, struct str *in)
{
    const struct head_before before = s->before;
    size_t at = 0, lines = 0;
    s->before.bytes = 0; /* from here on the buffer holds the new head */
    if (before.bytes <= in->len && bytes_eq_ct(in->ptr, s->bytes.ptr, before.bytes)) {
        at = before.bytes;
        lines = before.fields_count + 1; /* and the start line */
    }
    while (at < before.bytes) {
        size_t end = lines < before.fields_count ? s->fields[lines].name : before.bytes;
        if (end > in->len || !bytes_eq_ct(in->ptr + at, s->bytes.ptr + at, end - at)) {
            break;
        }
        at = end;
        lines++;
    }
    s->alike = at;
    if (lines == 0) {
        return;
    }
    buf_commit(&s->bytes, at);
    *in = (struct str){in->ptr + at, in->len - at};
    s->line_at = at;
    s->has_start_line = true;
    s->fields_count = lines - 1;
    s->marks = marks_of(&before, s->fields_count);
}

/* Those of the first fields, the others did not come again. */
static struct field_marks marks_of(const struct head_before *before, size_t fields_count)
{
    struct field_marks ret = before->marks;
    uint8_t *all[] = {&ret.host,           &ret.authorization,     &ret.api_key,
                      &ret.content_length, &ret.transfer_encoding, &ret.content_type};
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        *all[i] = *all[i] <= fields_count ? *all[i] : 0;
    }
    return ret;
}

void wire_head_note(const struct wire_head *head, struct str bytes, struct wire_note note)
{
    struct wire_parser_state *s = head->state;
    if (s == NULL || bytes.len == 0) {
        return;
    }
    ASSERT(bytes.ptr >= s->bytes.ptr && bytes.ptr + bytes.len <= s->bytes.ptr + s->bytes.len);
    s->noted = (struct note_kept){(size_t)(bytes.ptr - s->bytes.ptr), bytes.len, note};
}

const struct wire_note *wire_head_noted(const struct wire_head *head, struct str bytes)
{
    const struct wire_parser_state *s = head->state;
    bool is_it = s != NULL && s->noted.len != 0 && bytes.len == s->noted.len &&
                 bytes.ptr == s->bytes.ptr + s->noted.at;
    return is_it ? &s->noted.note : NULL;
}
