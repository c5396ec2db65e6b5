// SPDX-License-Identifier: Apache-2.0
// Options of the commands that speak to the notifier's HTTP API.
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include "cli/cli.h"

extern const struct cli_option options_api[]; // only what they all have
extern const struct cli_option options_notify[];
extern const struct cli_option options_get[];
extern const struct cli_option options_list[];
extern const struct cli_option options_redeliver[];
extern const struct cli_option options_receiver[];
extern const struct cli_option options_receiver_set[];
extern const struct cli_option options_rotate[];
extern const struct cli_option options_test[];
extern const struct cli_option options_binding[];
extern const struct cli_option options_key[];
extern const struct cli_option options_listen[];
extern const struct cli_option options_doctor[];

#endif
