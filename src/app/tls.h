// SPDX-License-Identifier: Apache-2.0
// TLS of the remoting ports, as the settings have it.
#ifndef APP_TLS_H
#define APP_TLS_H

#include "app/conf.h"
#include "base/log.h"
#include "net/tls.h"

// NULL in *ret when the settings say `disabled`. Without a certificate in the settings the one in
// the data folder is used; it is made when there is none, and the log says so. Only while there is
// one thread (base/apart.h).
tidings_status app_tls_open(const struct conf *conf, struct log *log, struct net_tls **ret,
                            struct tidings_error *err) TIDINGS_NODISCARD;
// The files that the settings name, read as a start would; nothing is made.
tidings_status app_tls_check(const struct conf *conf, struct tidings_error *err) TIDINGS_NODISCARD;
// Reads the files again; NULL allowed. The log says which certificate is in use now.
tidings_status app_tls_reload(struct net_tls *tls, struct log *log,
                              struct tidings_error *err) TIDINGS_NODISCARD;

#endif
