// SPDX-License-Identifier: Apache-2.0
// Tells the service manager (sd_notify(3): a datagram to $NOTIFY_SOCKET); nothing happens without
// one.
#ifndef APP_SDNOTIFY_H
#define APP_SDNOTIFY_H

void sdnotify(const char *state);

#endif
