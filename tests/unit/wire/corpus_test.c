/* SPDX-License-Identifier: Apache-2.0
 *
 * Holds the parser to the verdict in the names of the fuzz corpus: accept means no
 * error and a complete message, reject an error and no complete message behind the
 * error, incomplete neither; in one piece and byte by byte. The streams are made by
 * tests/fuzz/make_http_corpus.py. Files of other names are fuzzers' finds.
 */
#define _POSIX_C_SOURCE 200809L
#include "wire_test.h"
#include <dirent.h>

static struct str read_file(const char *path, char *memory, size_t size)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    size_t len = fread(memory, 1, size, file);
    fclose(file);
    assert_true(len < size);
    return (struct str){memory, len};
}

static void judge(const struct play *how, const char *name, struct str bytes)
{
    char *got = play_cut(how, bytes, 0);
    char *single = play_cut(how, bytes, SIZE_MAX);
    bool is_error = strstr(got, "error(") != NULL;
    bool is_end = strstr(got, "end ") != NULL;
    bool is_fine = strcmp(got, single) == 0 || strstr(name, "surplus-close") != NULL;
    if (strncmp(name, "accept-", 7) == 0) {
        is_fine = is_fine && is_end && !is_error;
    } else if (strncmp(name, "reject-", 7) == 0) {
        is_fine = is_fine && is_error && !is_end;
    } else {
        is_fine = is_fine && !is_end && !is_error;
    }
    if (!is_fine) {
        fail_msg("%s: %s", name, got);
    }
    free(got);
    free(single);
}

static unsigned judge_folder(const struct play *how, const char *folder)
{
    static char memory[1024 * 1024];
    char path[4096];
    const char *root = getenv("PORTCULLIS_SOURCE_ROOT");
    assert_non_null(root);
    snprintf(path, sizeof(path), "%s/tests/fuzz/corpus/%s", root, folder);
    DIR *dir = opendir(path);
    assert_non_null(dir);
    unsigned judged = 0;
    struct dirent *entry;
    while ((entry = readdir(dir)) != NULL) {
        const char *name = entry->d_name;
        if (strncmp(name, "accept-", 7) != 0 && strncmp(name, "reject-", 7) != 0 &&
            strncmp(name, "incomplete-", 11) != 0) {
            continue;
        }
        snprintf(path, sizeof(path), "%s/tests/fuzz/corpus/%s/%s", root, folder, name);
        judge(how, name, read_file(path, memory, sizeof(memory)));
        judged++;
    }
    closedir(dir);
    return judged;
}

static void test_requests(void **unused)
{
    (void)unused;
    struct play how = {.kind = WIRE_REQUEST};
    assert_true(judge_folder(&how, "request") > 150);
}

static void test_responses(void **unused)
{
    (void)unused;
    struct play how = {.kind = WIRE_RESPONSE, .stops_at_end = true, .is_finished = true};
    assert_true(judge_folder(&how, "response") > 80);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_requests),
        cmocka_unit_test(test_responses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
