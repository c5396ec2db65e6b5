// SPDX-License-Identifier: Apache-2.0
// Status codes of every Tidings call, public and internal, from one table.
#ifndef TIDINGS_STATUS_H
#define TIDINGS_STATUS_H

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define TIDINGS_NODISCARD __attribute__((warn_unused_result))
#define TIDINGS_API       __attribute__((visibility("default")))
#else
#define TIDINGS_NODISCARD
#define TIDINGS_API
#endif

// X(NAME, number, retriable, HTTP status, remoting code, text).
// Numbers never change once released; new rows are added at the end. `retriable` is 1 when the same
// call may succeed later unchanged. The remoting code is what the embedded broker answers for it.
#define TIDINGS_STATUS_MAP(X)                                                                      \
    X(OK, 0, 0, 200, 0, "ok")                                                                      \
    X(E_INVALID, 1, 0, 400, 1, "invalid argument or input")                                        \
    X(E_NO_MEMORY, 2, 1, 503, 1, "out of memory")                                                  \
    X(E_TOO_LARGE, 3, 0, 413, 13, "larger than its limit")                                         \
    X(E_FULL, 4, 1, 503, 2, "queue or table is full")                                              \
    X(E_TIMEOUT, 5, 1, 504, 1, "timed out")                                                        \
    X(E_IO, 6, 1, 500, 1, "input/output error")                                                    \
    X(E_DISK_FULL, 7, 1, 507, 14, "disk is full")                                                  \
    X(E_CORRUPT, 8, 0, 500, 1, "stored data is damaged")                                           \
    X(E_NOT_FOUND, 9, 0, 404, 22, "not found")                                                     \
    X(E_EXISTS, 10, 0, 409, 1, "already exists")                                                   \
    X(E_CLOSED, 11, 1, 503, 14, "closed or shutting down")                                         \
    X(E_NETWORK, 12, 1, 502, 1, "network error")                                                   \
    X(E_PROTOCOL, 13, 0, 502, 1, "peer broke the protocol")                                        \
    X(E_REFUSED, 14, 0, 502, 1, "peer refused the request")                                        \
    X(E_NO_ROUTE, 15, 1, 502, 17, "no route to the topic")                                         \
    X(E_UNSUPPORTED, 16, 0, 501, 3, "not supported")                                               \
    X(E_STATE, 17, 0, 409, 1, "not allowed in this state")                                         \
    X(E_AGAIN, 18, 1, 503, 2, "not now, try again")                                                \
    X(E_DUPLICATE, 19, 0, 409, 1, "duplicate key")                                                 \
    X(E_LOST, 20, 1, 503, 1, "connection to the database was lost")                                \
    X(E_PERMISSION, 21, 0, 403, 16, "no permission")                                               \
    X(E_INTERNAL, 22, 0, 500, 1, "internal error")                                                 \
    X(E_OFFSET, 23, 0, 416, 21, "offset is out of range")                                          \
    X(E_EOF, 24, 0, 500, 1, "end of data")

typedef enum tidings_status {
#define X(name, number, retriable, http, remoting, text) TIDINGS_##name = (number),
    TIDINGS_STATUS_MAP(X)
#undef X
} tidings_status;

// Name without prefix ("E_INVALID"), or "E_UNKNOWN".
TIDINGS_API const char *tidings_status_name(tidings_status status);
// One line for people.
TIDINGS_API const char *tidings_status_text(tidings_status status);
// 1 when the same call may succeed later unchanged.
TIDINGS_API int tidings_status_is_retriable(tidings_status status);

// Details of a failure, owned by the caller and filled by the callee; pass NULL where they do not
// interest. Never allocates. The struct grows at its end only; set it to zero before first use.
struct tidings_error {
    tidings_status status;
    int os_errno;    // errno behind it, or 0
    int remote_code; // remoting response code behind it, or 0
    char text[244];  // what, where, what would be right; always ends with NUL
};

#ifdef __cplusplus
}
#endif
#endif
