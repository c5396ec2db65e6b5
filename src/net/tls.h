// SPDX-License-Identifier: Apache-2.0
// TLS on the ports of a loop: the certificate, who may connect, and how a connection that begins
// with a handshake record (first byte 22, RFC 8446 section 5.1) is told from a plain one; and TLS
// of connections that are dialled. TLS 1.2 and 1.3, no renegotiation, no session kept in memory.
//
// A context belongs to one loop's thread. It must live as long as the listeners whose options name
// it, or, of a client, as the connections; connections keep what they began with.
#ifndef NET_TLS_H
#define NET_TLS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

struct net_tls;

struct net_tls_options {
    const char *certificate; // PEM file: the certificate, then those between it and the root
    const char *key;         // PEM file; NULL = it stands in the file of the certificate
    const char *client_ca; // PEM file: who may have signed clients' certificates; NULL = not asked
    bool client_required;  // no connection without such a certificate; else it may be missing
    bool only;             // plain connections are closed
    // `certificate` holds the key too, is known to be good (net_tls_new without this said so, maybe
    // in another process) and stands alone. It is read now but looked at only when the first
    // connection begins with TLS: until then nothing of OpenSSL is used.
    bool late;
};

struct net_tls_client_options {
    const char *ca; // PEM file: who may have signed servers' certificates; NULL = those that
                    // the system trusts
    const char *certificate; // PEM file to show when asked; NULL = none
    const char *key;         // PEM file; NULL = it stands in the file of the certificate
    bool unverified;         // any certificate will do: an attacker in between is not noticed
};
// For net_dial: options.tls with options.tls_name.
tidings_status net_tls_client_new(const struct net_tls_client_options *options,
                                  struct net_tls **ret,
                                  struct tidings_error *err) TIDINGS_NODISCARD;

tidings_status net_tls_new(const struct net_tls_options *options, struct net_tls **ret,
                           struct tidings_error *err) TIDINGS_NODISCARD;
// Reads the files as net_tls_new would; here `certificate` may be NULL, and is not looked at then.
tidings_status net_tls_check(const struct net_tls_options *options,
                             struct tidings_error *err) TIDINGS_NODISCARD;
void net_tls_free(struct net_tls *tls); // NULL allowed
// Reads the files again, for connections from now on. With a mistake in them nothing changes. What
// was late is not any more.
tidings_status net_tls_reload(struct net_tls *tls, struct tidings_error *err) TIDINGS_NODISCARD;

enum { NET_TLS_FINGERPRINT = 65 };
// SHA-256 of the certificate in use: 64 hexadecimal digits. Neither this nor the days are known of
// one that is late and was not needed so far: empty, -1.
void net_tls_fingerprint(const struct net_tls *tls, char out[NET_TLS_FINGERPRINT]);
// Days until the certificate in use expires, < 0 = it has.
int net_tls_days_left(const struct net_tls *tls);

// Writes a new key (P-256) and a certificate signed by itself into one file that only its owner may
// read; good for ten years, for localhost, 127.0.0.1, ::1 and `address` (numeric, may be NULL). It
// is whole or not there, also after a power failure.
tidings_status net_tls_make_certificate(const char *path, const char *address,
                                        struct tidings_error *err) TIDINGS_NODISCARD;

#endif
