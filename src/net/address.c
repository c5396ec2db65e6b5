// SPDX-License-Identifier: Apache-2.0
#include <arpa/inet.h>
#include <stdio.h>

#include "net/private.h"

int address_parse(const char *host, int port, struct sockaddr_storage *ret)
{
    memset(ret, 0, sizeof *ret);
    if (uv_ip4_addr(host, port, (struct sockaddr_in *)ret) == 0) {
        return 0;
    }
    memset(ret, 0, sizeof *ret);
    return uv_ip6_addr(host, port, (struct sockaddr_in6 *)ret);
}

socklen_t address_len(const struct sockaddr *address)
{
    return address->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6)
                                          : sizeof(struct sockaddr_in);
}

int address_port(const struct sockaddr *address)
{
    return ntohs(address->sa_family == AF_INET6
                     ? ((const struct sockaddr_in6 *)(const void *)address)->sin6_port
                     : ((const struct sockaddr_in *)(const void *)address)->sin_port);
}

size_t net_conn_peer(const struct net_conn *conn, uint8_t address[16], int *ret_port)
{
    memcpy(address, conn->peer, 16);
    *ret_port = conn->peer_port;
    return conn->peer_len;
}

void net_conn_peer_text(const struct net_conn *conn, char *out, size_t size)
{
    char host[INET6_ADDRSTRLEN] = "?";
    bool is_v6 = conn->peer_len == 16;
    if (inet_ntop(is_v6 ? AF_INET6 : AF_INET, conn->peer, host, sizeof host) == NULL) {
        host[0] = '?';
    }
    int n = snprintf(out, size, is_v6 ? "[%s]:%d" : "%s:%d", host, conn->peer_port);
    if (n < 0 && size > 0) {
        out[0] = '\0';
    }
}
