// SPDX-License-Identifier: Apache-2.0
// Settings of a receiver from --file and options (members: src/receiver/receiver.h).
#ifndef CLI_RECEIVER_DOCUMENT_H
#define CLI_RECEIVER_DOCUMENT_H

#include <jansson.h>

#include "cli/cli.h"

// New object with what was given and nothing else; an option stands above the file. NULL when it
// was said on stderr what is wrong. is_patch: --header NAME= takes that header away.
json_t *receiver_document(struct cli *cli, bool is_patch);

#endif
