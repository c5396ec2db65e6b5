// SPDX-License-Identifier: Apache-2.0
// libcurl, opened when it is first needed: libcurl_open, and from then on the names of its
// functions mean those of the library that was opened. They keep the names of its manual, so that
// what is read there can be found here.
#ifndef HTTP_LIBCURL_H
#define HTTP_LIBCURL_H

#define CURL_DISABLE_TYPECHECK
#include <curl/curl.h>

#include "base/library.h"

// The header's own macros of these would stand in the way.
#undef curl_easy_setopt
#undef curl_easy_getinfo
#undef curl_multi_setopt

#define LIBCURL_MAP(X)                                                                             \
    X(curl_easy_cleanup)                                                                           \
    X(curl_easy_getinfo)                                                                           \
    X(curl_easy_init)                                                                              \
    X(curl_easy_perform)                                                                           \
    X(curl_easy_reset)                                                                             \
    X(curl_easy_setopt)                                                                            \
    X(curl_easy_strerror)                                                                          \
    X(curl_getdate)                                                                                \
    X(curl_global_init)                                                                            \
    X(curl_multi_add_handle)                                                                       \
    X(curl_multi_cleanup)                                                                          \
    X(curl_multi_info_read)                                                                        \
    X(curl_multi_init)                                                                             \
    X(curl_multi_remove_handle)                                                                    \
    X(curl_multi_setopt)                                                                           \
    X(curl_multi_socket_action)                                                                    \
    X(curl_slist_append)                                                                           \
    X(curl_slist_free_all)

struct libcurl {
    LIBCURL_MAP(LIBRARY_MEMBER)
};

// Also starts it (curl_global_init). From any thread; E_UNSUPPORTED says what to install.
tidings_status libcurl_open(struct tidings_error *err) TIDINGS_NODISCARD;
const struct libcurl *libcurl(void); // filled once libcurl_open has succeeded

#define curl_easy_cleanup        libcurl()->curl_easy_cleanup
#define curl_easy_getinfo        libcurl()->curl_easy_getinfo
#define curl_easy_init           libcurl()->curl_easy_init
#define curl_easy_perform        libcurl()->curl_easy_perform
#define curl_easy_reset          libcurl()->curl_easy_reset
#define curl_easy_setopt         libcurl()->curl_easy_setopt
#define curl_easy_strerror       libcurl()->curl_easy_strerror
#define curl_getdate             libcurl()->curl_getdate
#define curl_multi_add_handle    libcurl()->curl_multi_add_handle
#define curl_multi_cleanup       libcurl()->curl_multi_cleanup
#define curl_multi_info_read     libcurl()->curl_multi_info_read
#define curl_multi_init          libcurl()->curl_multi_init
#define curl_multi_remove_handle libcurl()->curl_multi_remove_handle
#define curl_multi_setopt        libcurl()->curl_multi_setopt
#define curl_multi_socket_action libcurl()->curl_multi_socket_action
#define curl_slist_append        libcurl()->curl_slist_append
#define curl_slist_free_all      libcurl()->curl_slist_free_all

#endif
