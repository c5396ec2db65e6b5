// SPDX-License-Identifier: Apache-2.0
// The inside of the server. Private to the room.
//
// Each worker is one thread with a libmicrohttpd daemon of its own that it runs itself (external
// polling): whatever touches a connection happens on that thread, one thing after the other. Other
// threads only push finished exchanges onto the worker's list and wake it; the worker takes the
// whole list at once. That an answer overtakes the handler that said "later" is therefore nothing
// special: it waits in the list until the handler has returned.
#ifndef HTTP_SERVER_H
#define HTTP_SERVER_H

#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>

#include "base/list.h"
#include "http/http.h"

enum {
    HTTP_THREADS_MAX = 64,
    HTTP_RESPONSE_MAX = 16 * 1024 * 1024,
    // What is read, and dropped, of a body that was refused: the client gets its answer only when
    // it has said all, or it would find its connection reset.
    HTTP_DRAIN_MAX = 64 * 1024 * 1024,
    // Of a connection's request head: what is passed on of it (16 KiB at most) and as much again
    // as others allow for a token. libmicrohttpd clears all of it after each request.
    HTTP_HEAD_MAX = 20 * 1024,
    HTTP_SPARE_MAX = 64,        // exchanges of a worker that are kept for the next requests
    HTTP_SPARE_BODY = 8 * 1024, // and what each of their buffers may keep
};

struct worker {
    struct http_server *server;
    struct MHD_Daemon *daemon;
    int wake_fd;
    pthread_t thread;
    bool running;
    pthread_mutex_t lock;
    struct http_exchange *answered; // newest first; under the lock
    bool told_to_stop;              // under the lock
    // ---- the thread's own ----
    struct list connections;
    struct http_exchange *spare; // not used now
    size_t spare_count;
    size_t later;   // exchanges whose answer comes later
    size_t writing; // answers on their way out
    bool stopping;
    int64_t now_ms; // of this turn
    int64_t sweep_ms;
};

struct http_server {
    struct http_server_options options;
    int port;
    unsigned worker_count;
    atomic_size_t bodies_held; // bytes of all workers' request bodies
    struct worker workers[];
};

enum phase { PHASE_WAITING, PHASE_READING, PHASE_HANDLING, PHASE_WRITING };

struct connection {
    struct list node;
    int fd;
    enum phase phase;
    int64_t since_ms;
    bool bad_escape; // in the path or query of the request that has just come
};

struct http_exchange {
    struct worker *worker;
    struct MHD_Connection *mhd;
    struct connection *connection;
    struct http_exchange *next; // in worker->answered or ->spare
    struct buf body;
    size_t held; // what of it is counted in bodies_held
    size_t drained;
    int refusal; // status of the refusal, 0 = none
    const char *refusal_text;
    bool is_later;
    bool is_answered;
    struct http_request request;
    struct http_response response; // large: only what counts is set at first
    max_align_t room[HTTP_ROOM_SIZE / sizeof(max_align_t)];
};

// ---- worker.c ----
tidings_status worker_start(struct worker *worker, struct http_server *server, int listen_fd,
                            bool v6, struct tidings_error *err) TIDINGS_NODISCARD;
// Asks it to end, without waiting; worker_stop waits and frees.
void worker_tell_stop(struct worker *worker);
void worker_stop(struct worker *worker);
void worker_push(struct worker *worker, struct http_exchange *exchange);

// ---- exchange.c: what libmicrohttpd calls ----
enum MHD_Result exchange_on_request(void *arg, struct MHD_Connection *mhd, const char *path,
                                    const char *method, const char *version, const char *upload,
                                    size_t *upload_len, void **state);
void exchange_on_done(void *arg, struct MHD_Connection *mhd, void **state,
                      enum MHD_RequestTerminationCode code);
void exchange_free(struct http_exchange *exchange);
size_t exchange_unescape(void *arg, struct MHD_Connection *mhd, char *text);
void exchange_set_phase(struct http_exchange *exchange, enum phase phase);

// ---- response.c ----
// `body` is initialized, and empty.
void response_init(struct http_response *response);
// Fills the response with a refusal of the server's own.
void response_refuse(struct http_server *server, int status, const char *text,
                     struct http_response *response);
// A large body is taken out of `response`, a small one stays there until the request is done.
enum MHD_Result response_queue(struct MHD_Connection *mhd, struct http_response *response);

#endif
