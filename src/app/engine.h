// SPDX-License-Identifier: Apache-2.0
// Everything that runs, built once in serve.c and handed down.
#ifndef APP_ENGINE_H
#define APP_ENGINE_H

#include <pthread.h>

#include "app/conf.h"
#include "app/notifier.h"
#include "base/fault.h"
#include "base/log.h"
#include "broker/broker.h"
#include "http/http.h"
#include "net/net.h"
#include "net/tls.h"

struct engine {
    struct conf conf;
    struct log log;
    struct fault fault;
    bool fault_active; // TIDINGS_FAULT is set: for tests
    struct net_loop *loop;
    struct net_tls *tls; // NULL = plain only
    struct broker *broker;
    struct net_listener *namesrv_listener;
    struct net_listener *broker_listener;
    struct net_listener *vip_listener;
    struct http_server *http;
    struct notifier *notifier;
    pthread_t stopper; // while stopping: ends what the loop must outlive
    struct net_timer *drain_timer;
    int drain_steps;
    bool stopping;
    bool stops_beside; // by `stopper`
    _Atomic bool ready;
};

// HTTP: /healthz, /readyz, /metrics.
tidings_status engine_http_start(struct engine *engine,
                                 struct tidings_error *err) TIDINGS_NODISCARD;

#endif
