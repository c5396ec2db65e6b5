// SPDX-License-Identifier: Apache-2.0
// Where a server may be sent by strangers' URLs: which URLs are taken at all, and which addresses
// may be connected to. Judged is the resolved address of every attempt
// (http_client_options.allows), never a name, so that a name that is pointed elsewhere gains
// nothing.
#ifndef HTTP_POLICY_H
#define HTTP_POLICY_H

#include "base/error.h"
#include "base/str.h"

enum { HTTP_POLICY_RANGES_MAX = 256, HTTP_URL_MAX = 2048 };

struct http_policy;
// Blocked are, unless `allow` has them: loopback, private, link-local, shared (100.64/10),
// benchmarking, documentation, reserved, multicast and broadcast addresses of IPv4 and IPv6, and
// IPv6 addresses that stand for IPv4 ones (mapped, 6to4, NAT64, …), which are also judged by the
// IPv4 address in them. `allow`: ranges such as "10.0.0.0/8 192.168.1.7 fd00::/8", separated by
// spaces or commas; "" for none. E_INVALID names the piece that is wrong (host bits must be zero).
tidings_status http_policy_new(struct str allow, struct http_policy **ret,
                               struct tidings_error *err) TIDINGS_NODISCARD;
void http_policy_free(struct http_policy *policy); // NULL allowed
// `policy` as void, to be used as http_client_options.allows. False with the reason, which names
// the kind of range ("loopback address").
bool http_policy_allows(void *policy, const uint8_t *address, size_t len, char *reason,
                        size_t size);

// A URL that notifications can be sent to: http or https, a host, perhaps port, path and query; no
// user, no fragment, no white space or control characters, at most HTTP_URL_MAX bytes; a numeric
// host is written as usual (no octal, hex or short forms of IPv4). E_INVALID says what is wrong.
tidings_status http_url_check(struct str url, struct tidings_error *err) TIDINGS_NODISCARD;

#endif
