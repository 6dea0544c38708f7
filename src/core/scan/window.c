/* SPDX-License-Identifier: Apache-2.0
 *
 * A view while it is being made: its bytes, and stretches that say where they come from.
 * Most of a text stands for itself, so a map is a few stretches and not two numbers for
 * every byte; findings are rare, and looking one up is a binary search. Heap, bounded.
 */
#include "scan_private.h"

static struct segment *last_segment(struct window *w);
static size_t find_segment(const struct view *v, size_t i);

void window_init(struct window *w, size_t bytes_max)
{
    buf_init(&w->text, bytes_max);
    buf_init(&w->segments, bytes_max == 0 ? 0 : bytes_max / 2 * sizeof(struct segment));
}

void window_fini(struct window *w)
{
    buf_fini(&w->text);
    buf_fini(&w->segments);
}

void window_clear(struct window *w)
{
    buf_clear(&w->text);
    buf_clear(&w->segments);
}

enum err window_err(const struct window *w)
{
    return w->text.err != ERR_OK ? w->text.err : w->segments.err;
}

struct view window_view(const struct window *w)
{
    return (struct view){.text = buf_str(&w->text),
                         .segments = (const struct segment *)(const void *)w->segments.ptr,
                         .segments_count = w->segments.len / sizeof(struct segment)};
}

static struct segment *last_segment(struct window *w)
{
    struct segment *all = (struct segment *)(void *)w->segments.ptr;
    return w->segments.len == 0 ? NULL : &all[w->segments.len / sizeof(*all) - 1];
}

void window_add(struct window *w, struct str bytes, size_t from, size_t to)
{
    if (bytes.len == 0) {
        return;
    }
    const struct segment *last = last_segment(w);
    bool is_same = last != NULL && last->to == to &&
                   last->from == (to == 0 ? from - (w->text.len - last->at) : from);
    if (!is_same && w->segments.bytes_max > 0) {
        struct segment s = {(uint32_t)w->text.len, (uint32_t)from, (uint32_t)to};
        buf_add(&w->segments, (struct str){(const char *)&s, sizeof(s)});
    }
    buf_add(&w->text, bytes);
}

void window_copy(struct window *w, const struct view *in, size_t from, size_t to)
{
    if (w == NULL || from >= to) {
        return;
    }
    if (in->segments == NULL) {
        window_add(w, str_sub(in->text, from, to), from, 0);
        return;
    }
    for (size_t i = find_segment(in, from); from < to; i++) {
        const struct segment *s = &in->segments[i];
        size_t end = i + 1 < in->segments_count ? s[1].at : in->text.len;
        end = end < to ? end : to;
        window_add(w, str_sub(in->text, from, end), s->to == 0 ? s->from + (from - s->at) : s->from,
                   s->to);
        from = end;
    }
}

void window_drop(struct window *w, size_t bytes)
{
    struct view v = window_view(w);
    size_t gone = bytes < v.text.len ? find_segment(&v, bytes) : v.segments_count;
    buf_consume(&w->text, bytes);
    buf_consume(&w->segments, gone * sizeof(struct segment));
    struct segment *s = (struct segment *)(void *)w->segments.ptr;
    size_t count = w->segments.len / sizeof(*s);
    if (count > 0 && s[0].at < bytes) {
        s[0].from += s[0].to == 0 ? (uint32_t)(bytes - s[0].at) : 0;
        s[0].at = (uint32_t)bytes;
    }
    for (size_t i = 0; i < count; i++) {
        s[i].at -= (uint32_t)bytes;
    }
}

/* The stretch that byte i of the view lies in. They are often about equally long, so it is
 * looked for around where it would be then. */
static size_t find_segment(const struct view *v, size_t i)
{
    size_t low = 0;
    size_t high = v->segments_count;
    size_t guess = v->text.len > 0 ? (size_t)((uint64_t)i * high / v->text.len) : 0;
    for (size_t step = 1; high - low > 1 && guess > low && guess < high; step *= 2) {
        if (v->segments[guess].at <= i) {
            low = guess;
            guess += step;
        } else {
            high = guess;
            guess -= step < guess ? step : guess;
        }
    }
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (v->segments[middle].at <= i) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return low;
}

size_t view_start(const struct view *v, size_t i)
{
    if (v->segments == NULL) {
        return i;
    }
    const struct segment *s = &v->segments[find_segment(v, i)];
    return s->to == 0 ? s->from + (i - s->at) : s->from;
}

size_t view_end(const struct view *v, size_t end)
{
    if (v->segments == NULL || end == 0) {
        return end;
    }
    const struct segment *s = &v->segments[find_segment(v, end - 1)];
    return s->to == 0 ? s->from + (end - s->at) : s->to;
}

void view_span(const struct view *v, size_t from, size_t to, size_t *ret_start, size_t *ret_end)
{
    if (v->segments == NULL || to <= from) {
        *ret_start = view_start(v, from);
        *ret_end = view_end(v, to);
        return;
    }
    size_t i = find_segment(v, from);
    const struct segment *s = &v->segments[i];
    *ret_start = s->to == 0 ? s->from + (from - s->at) : s->from;
    bool is_same = i + 1 == v->segments_count || s[1].at >= to;
    *ret_end = !is_same ? view_end(v, to) : s->to == 0 ? s->from + (to - s->at) : s->to;
}
