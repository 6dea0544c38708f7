/* SPDX-License-Identifier: Apache-2.0
 *
 * Every file of tests/fuzz/corpus/json: n_* must be refused, y_* accepted, and of each
 * the parser behind the door, given all of it, must say the same. A
 * suite of the same naming kept elsewhere (JSONTestSuite) runs as well when
 * PORTCULLIS_JSON_SUITE names its folder; the y_ files of it that we refuse on
 * purpose are listed here by name.
 */
#define _POSIX_C_SOURCE 200809L
#include "test.h"

#include "../../support/json_same.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

static const char *const refused_on_purpose[] = {
    "y_object_duplicated_key.json",
    "y_object_duplicated_key_and_value.json",
    "y_object_escaped_null_in_key.json",
};

struct tally {
    unsigned refused;
    unsigned accepted;
};

static bool is_refused_on_purpose(const char *name)
{
    for (size_t i = 0; i < sizeof(refused_on_purpose) / sizeof(refused_on_purpose[0]); i++) {
        if (strcmp(name, refused_on_purpose[i]) == 0) {
            return true;
        }
    }
    return false;
}

static enum err parse_file(const char *folder, const char *name)
{
    char path[4096];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    size_t len_max = 1024 * 1024;
    char *text = malloc(len_max);
    assert_non_null(text);
    size_t len = fread(text, 1, len_max, file);
    fclose(file);
    struct arena a;
    arena_init(&a, (size_t)64 * 1024 * 1024);
    struct json_doc doc;
    struct issue issue;
    enum err err = json_parse(&a, (struct str){text, len}, &json_limits_default, &doc, &issue);
    const char *wrong = json_same(&a, (struct str){text, len});
    if (wrong != NULL) {
        fail_msg("%s: %s", name, wrong);
    }
    arena_fini(&a);
    free(text);
    return err;
}

static struct tally check_folder(const char *folder)
{
    struct tally tally = {0};
    DIR *dir = opendir(folder);
    assert_non_null(dir);
    struct dirent *entry;
    while ((entry = readdir(dir)) != NULL) {
        const char *name = entry->d_name;
        bool must_refuse = strncmp(name, "n_", 2) == 0 || is_refused_on_purpose(name);
        bool must_accept = strncmp(name, "y_", 2) == 0 && !must_refuse;
        bool is_either = strncmp(name, "i_", 2) == 0; /* but what yyjson says of it */
        if (!must_refuse && !must_accept && !is_either) {
            continue;
        }
        enum err err = parse_file(folder, name);
        if (is_either) {
            continue;
        }
        if ((err == ERR_OK) != must_accept) {
            fail_msg("%s: %s", name, err_name(err));
        }
        tally.refused += must_refuse;
        tally.accepted += must_accept;
    }
    closedir(dir);
    print_message("%u refused, %u accepted in %s\n", tally.refused, tally.accepted, folder);
    return tally;
}

static void test_own_corpus(void **state)
{
    (void)state;
    const char *root = getenv("PORTCULLIS_SOURCE_ROOT");
    if (root == NULL) {
        skip(); /* not started by the build */
    }
    char folder[4096];
    snprintf(folder, sizeof(folder), "%s/tests/fuzz/corpus/json", root);
    struct tally tally = check_folder(folder);
    assert_true(tally.refused >= 100);
    assert_true(tally.accepted >= 40);
}

static void test_suite_kept_elsewhere(void **state)
{
    (void)state;
    const char *folder = getenv("PORTCULLIS_JSON_SUITE");
    if (folder == NULL) {
        skip();
    }
    check_folder(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_own_corpus),
        cmocka_unit_test(test_suite_kept_elsewhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
