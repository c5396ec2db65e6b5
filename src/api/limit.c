// SPDX-License-Identifier: Apache-2.0
#include "api/limit.h"

#include <arpa/inet.h>

bool api_limit_take(int64_t *credit_us, int64_t *seen_us, int64_t now_us, int64_t cost_us,
                    int64_t most_us)
{
    int64_t passed = now_us > *seen_us ? now_us - *seen_us : 0;
    *credit_us = passed >= most_us - *credit_us ? most_us : *credit_us + passed;
    *seen_us = now_us;
    if (*credit_us < cost_us) {
        return false;
    }
    *credit_us -= cost_us;
    return true;
}

static uint64_t hash_address(const char *address)
{
    unsigned char six[16];
    if (inet_pton(AF_INET6, address, six) == 1) {
        return str_hash(str_make(six, 8)) | 1;
    }
    return str_hash(str_of(address)) | 1;
}

bool api_peers_failed(struct api_peers *peers, const char *address, int64_t now_us)
{
    const int64_t second = 1000000;
    uint64_t hash = hash_address(address);
    struct api_peer *row = &peers->peers[hash / 2 % (API_PEERS / API_PEERS_WAYS) * API_PEERS_WAYS];
    struct api_peer *peer = &row[0];
    for (size_t i = 0; i < API_PEERS_WAYS; i++) {
        if (row[i].hash == hash) {
            peer = &row[i];
            break;
        }
        if (row[i].seen_us < peer->seen_us) {
            peer = &row[i];
        }
    }
    if (peer->hash != hash) {
        *peer = (struct api_peer){ hash, API_FAILURES_BURST * second, now_us };
    }
    return api_limit_take(&peer->credit_us, &peer->seen_us, now_us, second,
                          API_FAILURES_BURST * second);
}
