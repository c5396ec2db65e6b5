// SPDX-License-Identifier: Apache-2.0
// What commands read. Each says on stderr what is wrong.
#ifndef CLI_INPUT_H
#define CLI_INPUT_H

#include <jansson.h>

#include "base/str.h"
#include "cli/cli.h"

enum { INPUT_DOCUMENT_MAX = 1024 * 1024, INPUT_PAYLOAD_MAX = 16 * 1024 * 1024 };

// A file whole, "-" for standard input; at most out->max bytes.
bool input_read(const struct cli *cli, const char *path, struct buf *out);
// A JSON object from a file; NULL when it is none.
json_t *input_json(const struct cli *cli, const char *path);
// Every value of an option that may be given several times, until `each` returns false.
bool input_each(const struct cli *cli, const char *name, bool (*each)(void *arg, struct str value),
                void *arg);
// All values of an option, each a name or names separated by commas, as an array of texts; NULL
// when the option was not given, or an error was said (then cli_switch(cli, option) is true).
json_t *input_names(const struct cli *cli, const char *option);
// Cuts NAME=VALUE; both are views.
bool input_pair(const struct cli *cli, const char *option, struct str text, struct str *ret_name,
                struct str *ret_value);

#endif
