/* SPDX-License-Identifier: Apache-2.0
 *
 * Fuzz target: base URLs, address literals and paths. What is accepted must fulfil
 * the promises of the door, and being stricter must never accept more.
 */
#include "portcullis/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_url(const struct wire_url *url)
{
    ASSERT(url->port != 0 && url->host.len > 0 && url->path.ptr != NULL);
    ASSERT(url->path.len == 0 || wire_path_is_canonical(url->path));
    for (size_t i = 0; i < url->host.len; i++) {
        char c = url->host.ptr[i];
        bool is_ldh = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
        ASSERT(is_ldh || (url->is_ip && c == ':'));
    }
    uint8_t bytes[16];
    ASSERT((wire_addr_parse(url->host, bytes) != 0) == url->is_ip);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = {(const char *)data, size};
    struct arena a;
    struct wire_url plain;
    struct wire_url strict;
    struct issue issue;
    arena_init(&a, 1024 * 1024);
    enum err lax_err = wire_url_parse(&a, text, true, &plain, &issue);
    enum err err = wire_url_parse(&a, text, false, &strict, &issue);
    if (lax_err == ERR_OK) {
        check_url(&plain);
    }
    if (err == ERR_OK) {
        ASSERT(lax_err == ERR_OK && strict.is_tls && strict.port == 443);
        ASSERT(str_eq(strict.host, plain.host));
        uint8_t bytes[16];
        ASSERT(!strict.is_ip || wire_addr_is_public(bytes, wire_addr_parse(strict.host, bytes)));
    }
    uint8_t bytes[16];
    size_t len = wire_addr_parse(text, bytes);
    ASSERT(len == 0 || len == 4 || len == 16);
    if (len > 0) {
        (void)wire_addr_is_public(bytes, len);
    }
    if (wire_path_is_canonical(text)) {
        ASSERT(size > 0 && data[0] == '/' && str_find_str(text, STR("//")) < 0);
        ASSERT(str_find_str(text, STR("/../")) < 0 && str_find(text, ';') < 0);
    }
    arena_fini(&a);
    return 0;
}
