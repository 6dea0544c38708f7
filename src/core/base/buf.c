/* SPDX-License-Identifier: Apache-2.0
 *
 * Growable bytes that are born with their maximum. The first failure sticks, so
 * that a writer of many pieces checks once. Growth doubles and never passes the
 * maximum. Memory is malloc's and belongs to the buffer. One thread per buffer.
 */
#include "portcullis/base.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define CAPACITY_FIRST_BYTES 256U
#define RARE __attribute__((noinline)) /* else what it needs is saved on every call */

static void add_growing(struct buf *b, struct str s) RARE;
static bool has_room(const struct buf *b, size_t bytes);
static char *grow(struct buf *b, size_t bytes) RARE;
static void swap_memory(struct buf *to, struct buf *from);

void buf_init(struct buf *b, size_t bytes_max)
{
    *b = (struct buf){.bytes_max = bytes_max};
}

void buf_wipe(struct buf *b)
{
    if (b != NULL && b->ptr != NULL) {
        bytes_wipe(b->ptr, b->capacity);
    }
    buf_fini(b);
}

void buf_fini(struct buf *b)
{
    if (b == NULL) {
        return;
    }
    free(b->ptr);
    *b = (struct buf){.bytes_max = b->bytes_max};
}

void buf_clear(struct buf *b)
{
    b->len = 0;
    b->err = ERR_OK;
}

void buf_consume(struct buf *b, size_t bytes)
{
    ASSERT(bytes <= b->len);
    if (bytes == 0) {
        return;
    }
    b->len -= bytes;
    if (b->len > 0) {
        memmove(b->ptr, b->ptr + bytes, b->len);
    }
}

void buf_add(struct buf *b, struct str s)
{
    if (s.len == 0) {
        return;
    }
    if (!has_room(b, s.len)) {
        add_growing(b, s);
        return;
    }
    char *at = b->ptr + b->len;
    b->len += s.len;
    memcpy(at, s.ptr, s.len);
}

static void add_growing(struct buf *b, struct str s)
{
    char *at = buf_reserve(b, s.len);
    if (at != NULL) {
        b->len += s.len;
        memcpy(at, s.ptr, s.len);
    }
}

void buf_add_parts(struct buf *b, const struct str *parts, size_t count)
{
    size_t len = 0;
    for (size_t i = 0; i < count; i++) {
        len += parts[i].len;
    }
    char *at = buf_reserve(b, len);
    if (at == NULL) {
        return;
    }
    for (size_t i = 0; i < count; i++) {
        if (parts[i].len > 0) {
            memcpy(at, parts[i].ptr, parts[i].len);
        }
        at += parts[i].len;
    }
    b->len += len;
}

void buf_add_byte(struct buf *b, char c)
{
    char *at = buf_reserve(b, 1);
    if (at != NULL) {
        *at = c;
        b->len++;
    }
}

void buf_add_u64(struct buf *b, uint64_t v)
{
    char digits[20];
    size_t at = sizeof(digits);
    do {
        digits[--at] = (char)('0' + v % 10);
        v /= 10;
    } while (v > 0);
    buf_add(b, (struct str){digits + at, sizeof(digits) - at});
}

/* Written beside the buffer first: vsnprintf ends with a NUL, and only that byte
 * might pass the maximum. */
void buf_printf(struct buf *b, const char *format, ...)
{
    char small[512];
    va_list args;
    va_list again;
    va_start(args, format);
    va_copy(again, args);
    int len = vsnprintf(small, sizeof(small), format, args);
    va_end(args);
    ASSERT(len >= 0);
    if ((size_t)len < sizeof(small)) {
        buf_add(b, (struct str){small, (size_t)len});
    } else {
        char *text = malloc((size_t)len + 1);
        if (text == NULL) {
            b->err = b->err == ERR_OK ? ERR_MEMORY : b->err;
        } else {
            vsnprintf(text, (size_t)len + 1, format, again);
            buf_add(b, (struct str){text, (size_t)len});
            free(text);
        }
    }
    va_end(again);
}

char *buf_reserve(struct buf *b, size_t bytes)
{
    return has_room(b, bytes) ? b->ptr + b->len : grow(b, bytes);
}

static bool has_room(const struct buf *b, size_t bytes)
{
    return b->err == ERR_OK && b->ptr != NULL && b->capacity - b->len >= bytes;
}

/* Where the bytes go, or NULL. */
static char *grow(struct buf *b, size_t bytes)
{
    if (b->err != ERR_OK) {
        return NULL;
    }
    if (bytes > b->bytes_max || b->len > b->bytes_max - bytes) {
        b->err = ERR_LIMIT;
        return NULL;
    }
    size_t need = b->len + bytes;
    size_t capacity = b->capacity == 0 ? CAPACITY_FIRST_BYTES : b->capacity;
    while (capacity < need && capacity <= b->bytes_max / 2) {
        capacity *= 2;
    }
    if (capacity < need || capacity > b->bytes_max) {
        capacity = b->bytes_max;
    }
    /* A buffer that may hold nothing still gives out a valid pointer. */
    char *ptr = realloc(b->ptr, capacity == 0 ? 1 : capacity);
    if (ptr == NULL) {
        b->err = ERR_MEMORY;
        return NULL;
    }
    b->ptr = ptr;
    b->capacity = capacity;
    return b->ptr + b->len;
}

void buf_commit(struct buf *b, size_t bytes)
{
    ASSERT(bytes <= b->capacity - b->len);
    b->len += bytes;
}

struct str buf_str(const struct buf *b)
{
    return (struct str){b->ptr, b->len};
}

bool buf_replace(struct buf *b, size_t at, size_t len, struct str with)
{
    ASSERT(at <= b->len && len <= b->len - at);
    size_t tail = b->len - at - len;
    if (with.len > len) {
        size_t more = with.len - len;
        if (b->err != ERR_OK || b->bytes_max - b->len < more || buf_reserve(b, more) == NULL) {
            return false;
        }
    }
    if (tail > 0 && with.len != len) {
        memmove(b->ptr + at + with.len, b->ptr + at + len, tail);
    }
    if (with.len > 0) {
        memcpy(b->ptr + at, with.ptr, with.len);
    }
    b->len = at + with.len + tail;
    return true;
}

void buf_move(struct buf *to, struct buf *from)
{
    if (from->err != ERR_OK) {
        to->err = to->err == ERR_OK ? from->err : to->err;
        return;
    }
    bool can_swap = to->err == ERR_OK && to->len == 0 && from->capacity <= to->bytes_max &&
                    to->capacity <= from->bytes_max;
    if (can_swap) {
        swap_memory(to, from);
        return;
    }
    buf_add(to, buf_str(from));
    if (to->err == ERR_OK) {
        from->len = 0;
    }
}

static void swap_memory(struct buf *to, struct buf *from)
{
    char *ptr = to->ptr;
    size_t capacity = to->capacity;
    to->ptr = from->ptr;
    to->len = from->len;
    to->capacity = from->capacity;
    from->ptr = ptr;
    from->len = 0;
    from->capacity = capacity;
}
