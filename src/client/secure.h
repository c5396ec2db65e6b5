// SPDX-License-Identifier: Apache-2.0
// What makes a client's connections safe: TLS (settings tls…) and signed requests (access_key,
// secret_key), as RocketMQ's ACL checks them. Private to the room.
#ifndef CLIENT_SECURE_H
#define CLIENT_SECURE_H

#include "client/config.h"
#include "net/tls.h"
#include "sign/sign.h"
#include "wire/wire.h"

struct secure {
    struct net_tls *tls;       // NULL: plain connections
    struct sign_key *secret;   // NULL: requests are not signed
    struct str access_key;     // views into the settings
    struct str security_token; // ptr NULL when there is none
};

// The settings must live longer.
tidings_status secure_init(struct secure *secure, const tidings_config *config,
                           struct tidings_error *err) TIDINGS_NODISCARD;
void secure_deinit(struct secure *secure);

struct signature {
    char text[SIGN_TEXT_SIZE];
    unsigned fields_before; // of the header
};
// Adds the fields of a signature to a request, which point into `ret`; secure_unsign takes them off
// again when the request is encoded. server_version: of the server's last answer, 0 = not known.
tidings_status secure_sign(const struct secure *secure, int32_t server_version,
                           struct wire_header *header, struct str body,
                           struct signature *ret) TIDINGS_NODISCARD;
static inline void secure_unsign(struct wire_header *header, const struct signature *signature)
{
    header->ext_count = signature->fields_before;
}

#endif
