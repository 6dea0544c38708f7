/* SPDX-License-Identifier: Apache-2.0
 *
 * What every command with verbs says about a verb that it does not have: what was given,
 * what was probably meant, what there is. Asked before anything is opened, so that a wrong
 * word is told as one also where no database is at hand.
 */
#include "cli.h"

#include <stdio.h>

bool cli_verb(int argc, char **argv, const char *const *verbs)
{
    const char *verb = argc > 1 ? argv[1] : "";

    for (size_t i = 0; verbs[i] != NULL; i++) {
        if (strcmp(verbs[i], verb) == 0) {
            return true;
        }
    }
    const char *near = issue_did_you_mean(str_from(verb), verbs);
    if (verb[0] == '\0') {
        fprintf(stderr, "portcullis: %s: say what to do\n", argv[0]);
    } else {
        fprintf(stderr, "portcullis: %s: there is no '%s'%s%s%s\n", argv[0], verb,
                near != NULL ? "; did you mean '" : "", near != NULL ? near : "",
                near != NULL ? "'?" : "");
    }
    (void)cli_usage(argv[0]);
    return false;
}
