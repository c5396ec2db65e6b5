// SPDX-License-Identifier: Apache-2.0
// The server's main: configuration, wiring, signals.
#ifndef APP_APP_H
#define APP_APP_H

#include <stdio.h>

// `tidings serve`: arguments after the word serve. Returns the exit code: 0 after a drained stop, 1
// on a failure to start or serve, 2 on wrong usage or configuration (said on stderr).
int app_serve(int argc, char **argv);
// The settings as a text for --help, and as a table for the documentation.
void app_print_settings(FILE *out);
void app_print_settings_markdown(FILE *out);
// Pages of docs/reference, to standard output.
void app_print_metrics(void);
void app_print_requests(void);

#endif
