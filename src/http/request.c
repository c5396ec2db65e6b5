// SPDX-License-Identifier: Apache-2.0
// What a handler may ask about its request.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>

#include "http/server.h"

const char *http_request_header(const struct http_request *request, const char *name)
{
    return MHD_lookup_connection_value(request->exchange->mhd, MHD_HEADER_KIND, name);
}

const char *http_request_query(const struct http_request *request, const char *name)
{
    return MHD_lookup_connection_value(request->exchange->mhd, MHD_GET_ARGUMENT_KIND, name);
}

struct walk {
    bool (*each)(void *arg, const char *name, const char *value);
    void *arg;
};

static enum MHD_Result visit(void *arg, enum MHD_ValueKind kind, const char *name,
                             const char *value)
{
    const struct walk *walk = arg;
    (void)kind;
    return walk->each(walk->arg, name != NULL ? name : "", value != NULL ? value : "") ? MHD_YES
                                                                                       : MHD_NO;
}

void http_request_each_header(const struct http_request *request,
                              bool (*each)(void *arg, const char *name, const char *value),
                              void *arg)
{
    struct walk walk = { each, arg };
    (void)MHD_get_connection_values(request->exchange->mhd, MHD_HEADER_KIND, visit, &walk);
}

void http_request_each_query(const struct http_request *request,
                             bool (*each)(void *arg, const char *name, const char *value),
                             void *arg)
{
    struct walk walk = { each, arg };
    (void)MHD_get_connection_values(request->exchange->mhd, MHD_GET_ARGUMENT_KIND, visit, &walk);
}

void http_request_peer(const struct http_request *request, char *out, size_t size)
{
    char text[INET6_ADDRSTRLEN] = "";
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(request->exchange->mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    const struct sockaddr *address = info != NULL ? info->client_addr : NULL;
    if (address != NULL && address->sa_family == AF_INET) {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)address;
        (void)inet_ntop(AF_INET, &v4->sin_addr, text, sizeof text);
    } else if (address != NULL && address->sa_family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)(const void *)address;
        (void)inet_ntop(AF_INET6, &v6->sin6_addr, text, sizeof text);
    }
    (void)snprintf(out, size, "%s", text);
}

void *http_request_room(const struct http_request *request)
{
    return request->exchange->room;
}

const struct http_request *http_exchange_request(const struct http_exchange *exchange)
{
    return &exchange->request;
}

struct http_response *http_exchange_response(struct http_exchange *exchange)
{
    return &exchange->response;
}
