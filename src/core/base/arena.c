/* SPDX-License-Identifier: Apache-2.0
 *
 * Bump allocation in blocks from malloc. Blocks double up to 1 MiB, so small
 * exchanges stay small and large ones make few calls; a request that is larger
 * gets a block of its own size. The cap counts what was taken from the system,
 * headers included, because that is what an operator has to provide. Memory is
 * freed only all at once. One thread per arena.
 */
#include "portcullis/base.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define ALIGNMENT 16U
#define BLOCK_FIRST_BYTES 8192U
#define BLOCK_KEPT_BYTES (64U * 1024U) /* over a reset: the next use is like the last */
#define BLOCK_LARGEST_BYTES (1024U * 1024U)
#define LIST_FIRST 8U

struct arena_block {
    struct arena_block *older;
    size_t size; /* header included */
};
_Static_assert(sizeof(struct arena_block) % ALIGNMENT == 0, "payload must stay aligned");

static bool take_block(struct arena *a, size_t need);
static void open_block(struct arena *a, struct arena_block *block);
static size_t round_up(size_t size);

void arena_init(struct arena *a, size_t bytes_max)
{
    *a = (struct arena){.bytes_max = bytes_max};
}

void arena_fini(struct arena *a)
{
    if (a == NULL) {
        return;
    }
    while (a->blocks != NULL) {
        struct arena_block *older = a->blocks->older;
        free(a->blocks);
        a->blocks = older;
    }
    *a = (struct arena){.bytes_max = a->bytes_max};
}

void arena_reset(struct arena *a)
{
    struct arena_block *kept = NULL;
    while (a->blocks != NULL) {
        struct arena_block *block = a->blocks;
        a->blocks = block->older;
        bool is_last = block->older == NULL;
        if (kept == NULL && (is_last || block->size <= BLOCK_KEPT_BYTES)) {
            kept = block;
        } else {
            a->taken_bytes -= block->size;
            free(block);
        }
    }
    if (kept != NULL) {
        kept->older = NULL;
        a->blocks = kept;
        open_block(a, kept);
    }
    a->used_bytes = 0;
    a->is_exhausted = false;
}

void *arena_alloc(struct arena *a, size_t size)
{
    void *p = arena_alloc_raw(a, size);
    if (p != NULL && size > 0) {
        memset(p, 0, size);
    }
    return p;
}

void *arena_alloc_raw(struct arena *a, size_t size)
{
    size_t need = size == 0 ? ALIGNMENT : round_up(size);
    if (need == 0 || ((size_t)(a->end - a->at) < need && !take_block(a, need))) {
        a->is_exhausted = true;
        return NULL;
    }
    void *p = a->at;
    a->at += need;
    a->used_bytes += size;
    return p;
}

static bool take_block(struct arena *a, size_t need)
{
    size_t left = a->bytes_max - a->taken_bytes;
    if (left < sizeof(struct arena_block) || need > left - sizeof(struct arena_block)) {
        return false;
    }
    size_t least = need + sizeof(struct arena_block);
    size_t size = a->blocks == NULL ? BLOCK_FIRST_BYTES : a->blocks->size * 2;
    if (size > BLOCK_LARGEST_BYTES) {
        size = BLOCK_LARGEST_BYTES;
    }
    if (size > left) {
        size = left;
    }
    if (size < least) {
        size = least;
    }
    struct arena_block *block = malloc(size);
    if (block == NULL) {
        return false;
    }
    block->older = a->blocks;
    block->size = size;
    a->blocks = block;
    a->taken_bytes += size;
    open_block(a, block);
    return true;
}

static void open_block(struct arena *a, struct arena_block *block)
{
    a->at = (char *)(block + 1);
    a->end = (char *)block + block->size;
}

/* 0 when it wraps. */
static size_t round_up(size_t size)
{
    return size > SIZE_MAX - ALIGNMENT ? 0 : (size + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
}

void *arena_resize(struct arena *a, void *p, size_t old_size, size_t size)
{
    size_t old_need = round_up(old_size);
    size_t need = round_up(size);
    bool is_last = p != NULL && old_need > 0 && (char *)p + old_need == a->at;
    if (is_last && (need > 0 || size == 0) && need <= (size_t)(a->end - (char *)p)) {
        a->at = (char *)p + need;
        a->used_bytes = a->used_bytes - old_size + size;
        return p;
    }
    if (p != NULL && size <= old_size) {
        return p;
    }
    void *moved = arena_alloc_raw(a, size);
    if (moved != NULL && p != NULL) {
        memcpy(moved, p, old_size);
    }
    return moved;
}

void *arena_grow(struct arena *a, void *items, size_t *capacity, size_t need, size_t item_size)
{
    size_t old = *capacity;
    if (need <= old) {
        return items;
    }
    size_t more = old == 0 ? LIST_FIRST : 2 * old;
    more = more < need ? need : more;
    if (more > SIZE_MAX / item_size) {
        a->is_exhausted = true;
        return NULL;
    }
    char *grown = arena_resize(a, old > 0 ? items : NULL, old * item_size, more * item_size);
    if (grown != NULL) {
        memset(grown + old * item_size, 0, (more - old) * item_size);
        *capacity = more;
    }
    return grown;
}

void *arena_array(struct arena *a, size_t count, size_t size)
{
    if (size != 0 && count > SIZE_MAX / size) {
        a->is_exhausted = true;
        return NULL;
    }
    return arena_alloc(a, count * size);
}

struct str arena_str(struct arena *a, struct str s)
{
    char *copy = s.len == SIZE_MAX ? NULL : arena_alloc_raw(a, s.len + 1);
    if (copy == NULL) {
        return STR_NONE;
    }
    if (s.len > 0) {
        memcpy(copy, s.ptr, s.len);
    }
    copy[s.len] = '\0';
    return (struct str){copy, s.len};
}

struct str arena_printf(struct arena *a, const char *format, ...)
{
    va_list args;
    va_list again;
    va_start(args, format);
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    char *text = len < 0 ? NULL : arena_alloc_raw(a, (size_t)len + 1);
    if (text != NULL) {
        vsnprintf(text, (size_t)len + 1, format, again);
    }
    va_end(again);
    return text == NULL ? STR_NONE : (struct str){text, (size_t)len};
}
