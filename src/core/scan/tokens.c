/* SPDX-License-Identifier: Apache-2.0
 *
 * Tokens: [EMAIL_7K2MQ4ZT9B1C] stands for a value, the same under one key in every
 * request, and what was written in a request can be undone in its answer. The twelve
 * characters are 60 bits of a keyed hash, chosen so that at least four are letters: no
 * number that a detector looks for has this shape. Values live until fini, which wipes.
 */
#include "tokens.h"
#include <stdlib.h>

#define ITEMS_MAX 65536U
#define CODE 12U
#define LETTERS_MIN 4U
#define TYPE_BYTES_MAX (SCAN_TOKEN_BYTES_MAX - CODE - 3)

struct scan_token {
    size_t at; /* in bytes: the token, then the value */
    uint32_t value_len;
    uint16_t token_len;
};

static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

static void make_code(const struct sha256 *h, char *ret);
static struct str token_at(const struct scan_tokens *t, size_t i);
static size_t lower_bound(const struct scan_tokens *t, struct str token);
static bool make_room(struct scan_tokens *t);
static char *reserve(struct scan_tokens *t, size_t bytes);
static size_t find_here(const struct scan_tokens *t, struct str rest, bool *ret_may_become);
static void write_value(const struct scan_tokens *t, size_t i, bool is_json, struct buf *out);
static size_t restore_some(const struct scan_tokens *t, struct str text, bool is_json,
                           bool is_final, struct buf *out);
static void add(struct scan_tokens *t, struct str token, struct str value);
static bool is_code_byte(unsigned char c);
static size_t token_length(struct str rest, bool is_final, bool *ret_may_become);

void scan_tokens_init(struct scan_tokens *tokens, size_t bytes_max)
{
    memset(tokens, 0, sizeof(*tokens));
    buf_init(&tokens->bytes, bytes_max);
}

void scan_tokens_fini(struct scan_tokens *tokens)
{
    if (tokens != NULL) {
        buf_wipe(&tokens->bytes);
        free(tokens->items);
        memset(tokens, 0, sizeof(*tokens));
    }
}

void token_write(struct scan_keys *keys, const char *type, struct str value, struct buf *out)
{
    char token[SCAN_TOKEN_BYTES_MAX];
    size_t n = 0;
    token[n++] = '[';
    for (size_t i = 0; type[i] != '\0' && i < TYPE_BYTES_MAX; i++) {
        char c = type[i] >= 'a' && type[i] <= 'z' ? (char)(type[i] - 32) : type[i];
        token[n++] = is_code_byte((unsigned char)c) ? c : '_';
    }
    /* The value is last, so no other pair of type and value is the same bytes. */
    struct buf hashed;
    buf_init(&hashed, value.len + SCAN_TOKEN_BYTES_MAX);
    buf_add(&hashed, (struct str){token, n});
    buf_add_byte(&hashed, '\0');
    buf_add(&hashed, value);
    if (hashed.err != ERR_OK) {
        out->err = out->err == ERR_OK ? hashed.err : out->err;
    } else {
        struct sha256 h = hmac_sha256(keys->hash_key, buf_str(&hashed));
        token[n++] = '_';
        make_code(&h, token + n);
        n += CODE;
        token[n++] = ']';
        buf_add(out, (struct str){token, n});
        if (keys->tokens != NULL) {
            add(keys->tokens, (struct str){token, n}, value);
        }
    }
    buf_wipe(&hashed);
}

/* The first 60 bits of the hash in which there are enough letters. */
static void make_code(const struct sha256 *h, char *ret)
{
    for (unsigned from = 0; from + CODE * 5 <= 256; from += CODE * 5) {
        unsigned letters = 0;
        for (unsigned i = 0; i < CODE; i++) {
            unsigned bit = from + i * 5;
            unsigned two =
                (unsigned)h->bytes[bit / 8] << 8 | (bit / 8 < 31 ? h->bytes[bit / 8 + 1] : 0);
            ret[i] = alphabet[two >> (11 - bit % 8) & 31];
            letters += ret[i] >= 'A';
        }
        if (letters >= LETTERS_MIN) {
            return;
        }
    }
}

/* Between the brackets. */
static bool is_code_byte(unsigned char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/* Bytes of the token-shaped text that `rest` begins with, or 0; may become one when more
 * text comes. */
static size_t token_length(struct str rest, bool is_final, bool *ret_may_become)
{
    *ret_may_become = false;
    size_t n = 1;
    if (rest.len == 0 || rest.ptr[0] != '[') {
        return 0;
    }
    while (n < rest.len && n < SCAN_TOKEN_BYTES_MAX && is_code_byte((unsigned char)rest.ptr[n])) {
        n++;
    }
    if (n == SCAN_TOKEN_BYTES_MAX) {
        return 0;
    }
    if (n == rest.len) {
        *ret_may_become = !is_final;
        return 0;
    }
    bool is_shaped = rest.ptr[n] == ']' && n >= CODE + 3 && rest.ptr[n - CODE - 1] == '_' &&
                     rest.ptr[1] >= 'A' && rest.ptr[1] <= 'Z';
    unsigned letters = 0;
    for (size_t i = n - CODE; is_shaped && i < n; i++) {
        is_shaped = strchr(alphabet, rest.ptr[i]) != NULL;
        letters += rest.ptr[i] >= 'A';
    }
    return is_shaped && letters >= LETTERS_MIN ? n + 1 : 0;
}

enum match_result token_covers(const struct match_input *in, size_t start, size_t end)
{
    const char *t = in->text;
    size_t open = start;
    if (t[start] != '[') {
        while (open > 0 && start - open < SCAN_TOKEN_BYTES_MAX &&
               is_code_byte((unsigned char)t[open - 1])) {
            open--;
        }
        if (open == 0 || t[--open] != '[') {
            return MATCH_NO;
        }
    }
    bool may_become;
    size_t n = token_length((struct str){t + open, in->len - open}, in->is_final, &may_become);
    if (n == 0) {
        return may_become ? MATCH_MORE : MATCH_NO;
    }
    for (size_t i = open + n; i < end; i++) { /* a value's end may take a bracket along */
        if (is_word_byte((unsigned char)t[i]) || (unsigned char)t[i] >= 0x80) {
            return MATCH_NO;
        }
    }
    return MATCH_YES;
}

static struct str token_at(const struct scan_tokens *t, size_t i)
{
    return (struct str){t->bytes.ptr + t->items[i].at, t->items[i].token_len};
}

static size_t lower_bound(const struct scan_tokens *t, struct str token)
{
    size_t low = 0;
    size_t high = t->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (str_cmp(token_at(t, middle), token) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static bool make_room(struct scan_tokens *t)
{
    struct scan_token *items =
        list_grow(t->items, &t->capacity, t->count + 1, ITEMS_MAX, sizeof(*items));
    t->items = items != NULL ? items : t->items;
    return items != NULL;
}

static void add(struct scan_tokens *t, struct str token, struct str value)
{
    size_t at = lower_bound(t, token);
    if (at < t->count && str_eq(token_at(t, at), token)) {
        return;
    }
    size_t need = token.len + value.len;
    bool is_fitting = !t->is_full && value.len <= UINT32_MAX && make_room(t);
    char *bytes = is_fitting ? reserve(t, need) : NULL;
    if (bytes == NULL) {
        t->is_full = true;
        return;
    }
    memcpy(bytes, token.ptr, token.len);
    memcpy(bytes + token.len, value.ptr, value.len);
    memmove(&t->items[at + 1], &t->items[at], (t->count - at) * sizeof(t->items[0]));
    t->items[at] = (struct scan_token){
        .at = t->bytes.len, .value_len = (uint32_t)value.len, .token_len = (uint16_t)token.len};
    t->bytes.len += need;
    t->count++;
}

/* As buf_reserve, but what moved away is wiped where it was. */
static char *reserve(struct scan_tokens *t, size_t bytes)
{
    struct buf *b = &t->bytes;
    if (bytes > b->bytes_max - b->len) {
        return NULL;
    }
    if (b->capacity - b->len < bytes) {
        struct buf more;
        buf_init(&more, b->bytes_max);
        size_t wanted = b->len + bytes > 512 ? 2 * (b->len + bytes) : 1024;
        if (buf_reserve(&more, wanted < b->bytes_max ? wanted : b->bytes_max) == NULL) {
            return NULL;
        }
        buf_add(&more, buf_str(b));
        buf_wipe(b);
        *b = more;
    }
    return b->ptr + b->len;
}

/* The index of the token that `rest` begins with; count = none. */
static size_t find_here(const struct scan_tokens *t, struct str rest, bool *ret_may_become)
{
    *ret_may_become = false;
    ptrdiff_t close = str_find(str_sub(rest, 0, SCAN_TOKEN_BYTES_MAX), ']');
    if (close < 0) {
        size_t next = lower_bound(t, rest);
        *ret_may_become = next < t->count && str_starts(token_at(t, next), rest);
        return t->count;
    }
    struct str token = str_sub(rest, 0, (size_t)close + 1);
    size_t at = lower_bound(t, token);
    return at < t->count && str_eq(token_at(t, at), token) ? at : t->count;
}

static void write_value(const struct scan_tokens *t, size_t i, bool is_json, struct buf *out)
{
    struct str value = {t->bytes.ptr + t->items[i].at + t->items[i].token_len,
                        t->items[i].value_len};
    if (!is_json) {
        buf_add(out, value);
        return;
    }
    size_t from = out->len;
    json_write_str(out, value);
    if (out->err == ERR_OK) { /* without the quotes around it */
        memmove(out->ptr + from, out->ptr + from + 1, out->len - from - 2);
        out->len -= 2;
    }
}

/* Returns how much of `text` was used; the rest may become a token. */
static size_t restore_some(const struct scan_tokens *t, struct str text, bool is_json,
                           bool is_final, struct buf *out)
{
    size_t at = 0;
    while (at < text.len) {
        struct str rest = str_sub(text, at, text.len);
        ptrdiff_t open = t->count > 0 ? str_find(rest, '[') : -1;
        if (open < 0) {
            buf_add(out, rest);
            return text.len;
        }
        buf_add(out, str_sub(rest, 0, (size_t)open));
        at += (size_t)open;
        rest = str_sub(text, at, text.len);
        bool may_become;
        size_t i = find_here(t, rest, &may_become);
        if (may_become && !is_final) {
            return at;
        }
        if (i < t->count) {
            write_value(t, i, is_json, out);
            at += t->items[i].token_len;
        } else {
            buf_add_byte(out, '[');
            at++;
        }
    }
    return at;
}

void scan_restorer_init(struct scan_restorer *r, const struct scan_tokens *tokens, bool is_json)
{
    memset(r, 0, sizeof(*r));
    r->tokens = tokens;
    r->is_json = is_json;
}

enum err scan_restorer_feed(struct scan_restorer *r, struct str chunk, struct buf *out)
{
    /* What is held grows byte by byte until it is decided; the rest is read where it is. */
    while (r->held_len > 0 && chunk.len > 0) {
        r->held[r->held_len++] = chunk.ptr[0];
        chunk = str_sub(chunk, 1, chunk.len);
        size_t used =
            restore_some(r->tokens, (struct str){r->held, r->held_len}, r->is_json, false, out);
        r->held_len -= used;
        memmove(r->held, r->held + used, r->held_len);
    }
    if (r->held_len == 0 && chunk.len > 0) {
        size_t used = restore_some(r->tokens, chunk, r->is_json, false, out);
        r->held_len = chunk.len - used;
        ASSERT(r->held_len < sizeof(r->held));
        memcpy(r->held, chunk.ptr + used, r->held_len);
    }
    return out->err;
}

enum err scan_restorer_close(struct scan_restorer *r, struct buf *out)
{
    restore_some(r->tokens, (struct str){r->held, r->held_len}, r->is_json, true, out);
    r->held_len = 0;
    return out->err;
}
