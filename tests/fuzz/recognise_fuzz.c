/* SPDX-License-Identifier: Apache-2.0
 *
 * Fuzz target: what a recogniser answers about three texts. Whatever it is, findings
 * lie inside their text at borders of characters, are of a type that was asked for, in
 * order, and say the same when they are written down and read again.
 */
#include "portcullis/recognise.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct str types[] = {STR_INIT("person"), STR_INIT("location")};
static const struct str texts[] = {
    STR_INIT("Ada wrote to Jos\xc3\xa9 in \xe6\x9d\xb1\xe4\xba\xac."), STR_INIT(""),
    STR_INIT("\xf0\x9f\x98\x80 called \xf0\x9f\x98\x80 and Bob")};
static const struct recognise_ask ask = {types, 2, texts, 3};

static bool is_border(struct str s, size_t at)
{
    return at == s.len || (at < s.len && ((unsigned char)s.ptr[at] & 0xc0) != 0x80);
}

static size_t characters(struct str s)
{
    size_t count = 0;
    for (size_t i = 0; i < s.len; i++) {
        count += ((unsigned char)s.ptr[i] & 0xc0) != 0x80;
    }
    return count;
}

static void write_again(struct buf *out, const struct recognise_finding *list, size_t count)
{
    buf_add(out, STR("{\"findings\":["));
    for (size_t i = 0; i < count; i++) {
        const struct recognise_finding *f = &list[i];
        struct str text = texts[f->text];
        buf_printf(out,
                   "%s{\"id\":%u,\"type\":\"%.*s\",\"start\":%zu,\"end\":%zu,\"score\":%u.%03u}",
                   i > 0 ? "," : "", (unsigned)f->text, STR_ARG(types[f->type]),
                   characters(str_sub(text, 0, f->start)), characters(str_sub(text, 0, f->end)),
                   f->score / 1000, f->score % 1000);
    }
    buf_add(out, STR("]}"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a;
    struct issue issue;
    struct recognise_finding *list, *again;
    size_t count, again_count;
    arena_init(&a, 32u << 20);
    if (recognise_answer_read(&a, (struct str){(const char *)data, size}, &ask, &list, &count,
                              &issue) == ERR_OK) {
        for (size_t i = 0; i < count; i++) {
            const struct recognise_finding *f = &list[i];
            ASSERT(f->text < 3 && f->type < 2 && f->score <= 1000);
            ASSERT(f->start < f->end && f->end <= texts[f->text].len);
            ASSERT(is_border(texts[f->text], f->start) && is_border(texts[f->text], f->end));
            ASSERT(i == 0 || list[i - 1].text < f->text ||
                   (list[i - 1].text == f->text && list[i - 1].start <= f->start));
        }
        struct buf out;
        buf_init(&out, 8u << 20);
        write_again(&out, list, count);
        ASSERT(out.err == ERR_OK);
        ASSERT(recognise_answer_read(&a, buf_str(&out), &ask, &again, &again_count, &issue) ==
               ERR_OK);
        ASSERT(again_count == count);
        for (size_t i = 0; i < count; i++) {
            ASSERT(list[i].text == again[i].text && list[i].start == again[i].start &&
                   list[i].end == again[i].end && list[i].type == again[i].type &&
                   list[i].score == again[i].score);
        }
        buf_fini(&out);
    }
    arena_fini(&a);
    return 0;
}
