// SPDX-License-Identifier: Apache-2.0
// Problems (RFC 9457): what is answered when something is wrong. Private to the room.
#ifndef API_PROBLEM_H
#define API_PROBLEM_H

#include "base/error.h"
#include "base/str.h"

struct api_out;
struct http_response;

// X(NAME, type behind "urn:tidings:problem:", HTTP status, title). The types are
// docs/openapi.yaml's.
#define API_PROBLEM_MAP(X)                                                                         \
    X(INVALID, "invalid", 400, "The request is not right")                                         \
    X(UNAUTHORIZED, "unauthorized", 401, "A valid key is wanted")                                  \
    X(FORBIDDEN, "forbidden", 403, "The key may not do this")                                      \
    X(NOT_FOUND, "not-found", 404, "There is no such thing")                                       \
    X(METHOD, "method-not-allowed", 405, "The path does not take this method")                     \
    X(CONFLICT, "conflict", 409, "The same notification is there with another payload")            \
    X(EXISTS, "exists", 409, "The name is taken")                                                  \
    X(STATE, "state", 409, "Not in this state")                                                    \
    X(PRECONDITION, "precondition-failed", 412, "It has another version by now")                   \
    X(TOO_LARGE, "too-large", 413, "More than is taken")                                           \
    X(MEDIA, "unsupported-media-type", 415, "The content type is not taken here")                  \
    X(IDEMPOTENCY, "idempotency-key-reused", 422, "The Idempotency-Key came with another request") \
    X(RATE, "rate-limited", 429, "Too many requests")                                              \
    X(INTERNAL, "internal", 500, "The server failed")                                              \
    X(UNAVAILABLE, "unavailable", 503, "Not now; try again")                                       \
    X(DISK, "disk-full", 507, "The disk is full")

enum api_problem {
#define X(name, type, status, title) API_PROBLEM_##name,
    API_PROBLEM_MAP(X)
#undef X
        API_PROBLEMS,
};

// What a parser found wrong: the kind, the member, header or parameter, and the text.
struct api_refusal {
    enum api_problem kind;
    const char *field; // constant, may be NULL
    struct tidings_error err;
};
// Fills it; returns false, so that a check reads `return api_refuse_with(…)`.
bool api_refuse_with(struct api_refusal *refusal, enum api_problem kind, const char *field,
                     const char *format, ...) BASE_PRINTF(4, 5);
// The same from a status and its error.
bool api_refuse_status(struct api_refusal *refusal, const char *field, tidings_status status,
                       const struct tidings_error *err);

int api_problem_http(enum api_problem kind);
enum api_problem api_problem_of(tidings_status status);
enum api_problem api_problem_of_http(int status);
// The object's members, without its brackets, so that others may follow.
void api_problem_members(struct api_out *out, enum api_problem kind, const char *field,
                         const char *detail);
// Makes it the whole response, in place of what is there.
void api_problem_answer(struct http_response *response, enum api_problem kind, const char *field,
                        const char *detail);
// Begins one with further members: the caller writes them, and then api_problem_end.
void api_problem_begin(struct http_response *response, struct api_out *ret_out,
                       enum api_problem kind, const char *field, const char *detail);
void api_problem_end(struct http_response *response, struct api_out *out);

#endif
