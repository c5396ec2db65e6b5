// SPDX-License-Identifier: Apache-2.0
#include "app/notifier.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/ask.h"
#include "app/watch.h"
#include "base/file.h"
#include "base/num.h"
#include "base/thread.h"
#include "http/policy.h"
#include "net/net.h"
#include "sign/seal.h"

enum { KEY_FILE_MAX = 1024, NODE_ID_MAX = 32, WATCH_MS = 1000, URL_SIZE = PATH_MAX + 32 };

struct notifier {
    struct notifier_options options;
    struct net_loop *loop;
    pthread_t thread;
    bool running;
    struct http_policy *policy;
    struct seal *seal;
    struct notify *notify;
    struct intake *intake;
    struct api *api;
    struct watch keys; // the file of API keys
    struct net_timer *watcher;
};

// ---- the key that secrets are sealed with ----
static tidings_status read_key(const char *path, struct seal **ret, struct tidings_error *err)
{
    char text[KEY_FILE_MAX];
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return error_set_errno(err, TIDINGS_E_IO, errno, "cannot read the key %s", path);
    }
    size_t len = fread(text, 1, sizeof text, file);
    bool broken = ferror(file) != 0;
    fclose(file);
    tidings_status status = broken ? error_set(err, TIDINGS_E_IO, "cannot read the key %s", path)
                                   : seal_new(str_make(text, len), ret, err);
    explicit_bzero(text, sizeof text);
    return status;
}

static tidings_status own_key(struct notifier *notifier, const char *folder,
                              struct tidings_error *err)
{
    char path[PATH_MAX];
    char key[SEAL_KEY_TEXT_SIZE];
    int n = snprintf(path, sizeof path, "%s/seal.key", folder);
    if (n < 0 || n >= (int)sizeof path) {
        return error_set(err, TIDINGS_E_INVALID, "store.data: the path is too long");
    }
    if (access(path, F_OK) == 0) {
        return read_key(path, &notifier->seal, err);
    }
    tidings_status status = seal_key_generate(key, err);
    if (status == TIDINGS_OK) {
        status = file_write_whole(path, str_of(key), err);
    }
    if (status == TIDINGS_OK) {
        status = seal_new(str_of(key), &notifier->seal, err);
        log_line(notifier->options.log, LOG_INFO, "app",
                 "msg=\"no notify.seal_key is set: made one; keep it with your backups\" "
                 "file=\"%s\"",
                 path);
    }
    explicit_bzero(key, sizeof key);
    return status;
}

static tidings_status open_seal(struct notifier *notifier, const char *folder,
                                struct tidings_error *err)
{
    const char *given = getenv("TIDINGS_SEAL_KEY");
    const char *path = notifier->options.conf->notify_seal_key;
    if (path[0] != '\0') {
        return read_key(path, &notifier->seal, err);
    }
    if (given != NULL) {
        tidings_status status = seal_new(str_of(given), &notifier->seal, err);
        return status == TIDINGS_OK
                   ? status
                   : error_set(err, status, "TIDINGS_SEAL_KEY: %s", error_text(err, status));
    }
    return own_key(notifier, folder, err);
}

// ---- settings ----
static bool is_loopback(const char *host)
{
    struct in_addr v4;
    struct in6_addr v6;
    if (inet_pton(AF_INET, host, &v4) == 1) {
        return (ntohl(v4.s_addr) >> 24) == 127;
    }
    return inet_pton(AF_INET6, host, &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

static tidings_status check_documents(const struct conf *conf, struct tidings_error *err)
{
    struct tidings_error why = { 0 };
    tidings_status status = TIDINGS_OK;
    const struct conf_document *item = NULL;
    for (size_t i = 0; i < conf->receivers.count && status == TIDINGS_OK; i++) {
        struct receiver_settings *settings = NULL;
        item = &conf->receivers.items[i];
        status = receiver_name_check(str_of(item->name), &why);
        if (status == TIDINGS_OK) {
            status = receiver_settings_parse(str_of(item->name), str_of(item->json), NULL, 0,
                                             &settings, &why);
        }
        receiver_settings_unref(settings);
    }
    for (size_t i = 0; i < conf->bindings.count && status == TIDINGS_OK; i++) {
        item = &conf->bindings.items[i];
        status = intake_check(str_of(item->name), str_of(item->json), &why);
    }
    return status == TIDINGS_OK
               ? status
               : error_set(err, status, "%s: %s", item->where, error_text(&why, status));
}

tidings_status notifier_check(const struct conf *conf, struct tidings_error *err)
{
    struct http_policy *policy = NULL;
    struct tidings_error why = { 0 };
    const char *host = conf->http_host[0] != '\0' ? conf->http_host : conf->host;
    tidings_status status = http_policy_new(str_of(conf->notify_allow), &policy, &why);
    http_policy_free(policy);
    if (status != TIDINGS_OK) {
        return error_set(err, status, "notify.allow: %s", error_text(&why, status));
    }
    if (conf->api_keys[0] == '\0' && !is_loopback(host)) {
        return error_set(err, TIDINGS_E_INVALID,
                         "HTTP on %s without API keys: whoever reaches it could do everything; "
                         "make a key (tidings key create) and set api.keys, or --http-listen "
                         "127.0.0.1",
                         host);
    }
    if (conf->api_keys[0] != '\0') {
        status = api_keys_check(conf->api_keys, err);
    }
    return status == TIDINGS_OK ? check_documents(conf, err) : status;
}

static void say_set(void *arg, tidings_status status, int64_t version,
                    const struct tidings_error *err)
{
    struct notifier *notifier = arg;
    (void)version;
    if (status != TIDINGS_OK) {
        log_line(notifier->options.log, LOG_ERROR, "app",
                 "msg=\"a receiver or binding of the configuration was not set\" reason=\"%s\"",
                 error_text(err, status));
    }
}

// Before the loop runs: what the configuration names is as it says, whatever the API did to it.
static tidings_status set_receivers(struct notifier *notifier, struct tidings_error *err)
{
    const struct conf_documents *receivers = &notifier->options.conf->receivers;
    tidings_status status = TIDINGS_OK;
    for (size_t i = 0; i < receivers->count && status == TIDINGS_OK; i++) {
        const struct conf_document *item = &receivers->items[i];
        status = notify_receiver_put(notifier->notify, str_of(item->name), str_of(item->json),
                                     NOTIFY_REPLACE, 0, say_set, notifier, err);
    }
    return status;
}

static tidings_status set_bindings(struct notifier *notifier, struct tidings_error *err)
{
    const struct conf_documents *bindings = &notifier->options.conf->bindings;
    tidings_status status = TIDINGS_OK;
    for (size_t i = 0; i < bindings->count && status == TIDINGS_OK; i++) {
        const struct conf_document *item = &bindings->items[i];
        status = intake_put(notifier->intake, str_of(item->name), str_of(item->json), say_set,
                            notifier, err);
    }
    return status;
}

// ---- start ----
static tidings_status make_folder(const struct conf *conf, char *folder, char *url,
                                  struct tidings_error *err)
{
    char root[PATH_MAX];
    if (realpath(conf->data, root) == NULL) {
        return error_set_errno(err, TIDINGS_E_IO, errno, "cannot find the folder %s", conf->data);
    }
    int n = snprintf(folder, PATH_MAX, "%s/notify", root);
    if (n < 0 || n >= PATH_MAX) {
        return error_set(err, TIDINGS_E_INVALID, "store.data: the path is too long");
    }
    if (mkdir(folder, 0700) != 0 && errno != EEXIST) {
        return error_set_errno(err, TIDINGS_E_IO, errno, "cannot make the folder %s", folder);
    }
    n = conf->notify_database[0] != '\0' ? snprintf(url, URL_SIZE, "%s", conf->notify_database)
                                         : snprintf(url, URL_SIZE, "sqlite://%s/record.db", folder);
    return n > 0 && n < URL_SIZE
               ? TIDINGS_OK
               : error_set(err, TIDINGS_E_INVALID, "notify.database: the URL is too long");
}

// ---- the node's lasting identity ----
static tidings_status read_node_id(const char *path, int64_t *ret, struct tidings_error *err)
{
    char text[NODE_ID_MAX];
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return error_set_errno(err, TIDINGS_E_IO, errno, "cannot read %s", path);
    }
    size_t len = fread(text, 1, sizeof text, file);
    fclose(file);
    struct str number = str_make(text, len);
    while (number.len > 0 && number.ptr[number.len - 1] == '\n') {
        number.len--;
    }
    return num_parse_i64(number, 1, INT64_MAX, ret)
               ? TIDINGS_OK
               : error_set(err, TIDINGS_E_CORRUPT,
                           "%s: a number is wanted; without the file a new one is made", path);
}

// By it a node that was killed knows what it had in hand.
static tidings_status node_id(const char *folder, int64_t *ret, struct tidings_error *err)
{
    char path[PATH_MAX];
    char text[NODE_ID_MAX];
    struct rnd rnd;
    int n = snprintf(path, sizeof path, "%s/node.id", folder);
    if (n < 0 || n >= (int)sizeof path) {
        return error_set(err, TIDINGS_E_INVALID, "store.data: the path is too long");
    }
    if (access(path, F_OK) == 0) {
        return read_node_id(path, ret, err);
    }
    rnd_seed_system(&rnd);
    *ret = (int64_t)(rnd_next(&rnd) >> 1 | 1);
    (void)snprintf(text, sizeof text, "%lld\n", (long long)*ret);
    return file_write_whole(path, str_of(text), err);
}

static tidings_status start_notify(struct notifier *notifier, const char *folder, const char *url,
                                   struct tidings_error *err)
{
    const struct conf *conf = notifier->options.conf;
    const struct net_loop_options loop = { .clock = clock_system(), .connections_max = 16 };
    int64_t owner = 0;
    tidings_status status = net_loop_new(&loop, &notifier->loop, err);
    if (status == TIDINGS_OK) {
        status = node_id(folder, &owner, err);
    }
    const struct notify_options options = { .loop = notifier->loop,
                                            .database_url = url,
                                            .record = { .clock = clock_system(),
                                                        .node = (int)conf->notify_node,
                                                        .fault = notifier->options.fault },
                                            .owner = owner,
                                            .connections_max = (unsigned)conf->notify_connections,
                                            .allows = http_policy_allows,
                                            .allows_arg = notifier->policy,
                                            .seal = notifier->seal,
                                            .log = notifier->options.log,
                                            .retention_ms = conf->notify_retention,
                                            .payload_max = (size_t)conf->payload_max };
    if (status == TIDINGS_OK) {
        status = notify_start(&options, &notifier->notify, err);
    }
    return status == TIDINGS_OK ? set_receivers(notifier, err) : status;
}

static tidings_status start_intake(struct notifier *notifier, struct tidings_error *err)
{
    const struct conf *conf = notifier->options.conf;
    const struct intake_options options = {
        .loop = notifier->loop,
        .notify = notifier->notify,
        .name_servers = notifier->options.name_servers,
        .client_settings = strcmp(conf->tls_mode, "enforcing") == 0 ? "tls=on\ntls_verify=off" : "",
        .payload_max = (size_t)conf->payload_max,
        .seal = notifier->seal,
        .log = notifier->options.log
    };
    tidings_status status = intake_start(&options, &notifier->intake, err);
    return status == TIDINGS_OK ? set_bindings(notifier, err) : status;
}

static tidings_status make_api(struct notifier *notifier, struct tidings_error *err)
{
    const struct conf *conf = notifier->options.conf;
    const struct api_options options = { .loop = notifier->loop,
                                         .notify = notifier->notify,
                                         .intake = notifier->intake,
                                         .keys_file = conf->api_keys,
                                         .payload_max = (size_t)conf->payload_max,
                                         .log = notifier->options.log,
                                         .clock = clock_system() };
    return api_new(&options, &notifier->api, err);
}

// A keys file that several servers share is read again by each of them, without a signal.
static void look_at_keys(void *arg)
{
    struct notifier *notifier = arg;
    struct tidings_error err = { 0 };
    net_timer_start(notifier->watcher, WATCH_MS);
    if (notifier->api == NULL || !watch_look(&notifier->keys)) {
        return;
    }
    tidings_status status = api_reload(notifier->api, &err);
    log_line(notifier->options.log, status == TIDINGS_OK ? LOG_INFO : LOG_ERROR, "app",
             "msg=\"the keys file was changed: %s\" reason=\"%s\"",
             status == TIDINGS_OK ? "read again" : "not read, what was in force stays",
             status == TIDINGS_OK ? "" : error_text(&err, status));
}

static tidings_status watch_keys(struct notifier *notifier, struct tidings_error *err)
{
    const char *path = notifier->options.conf->api_keys;
    if (path[0] == '\0') {
        return TIDINGS_OK;
    }
    watch_init(&notifier->keys, path);
    if (net_timer_new(notifier->loop, look_at_keys, notifier, &notifier->watcher) != TIDINGS_OK) {
        return error_set(err, TIDINGS_E_NO_MEMORY, "no memory to watch the keys file");
    }
    net_timer_start(notifier->watcher, WATCH_MS);
    return TIDINGS_OK;
}

static void *run(void *arg)
{
    struct notifier *notifier = arg;
    net_loop_run(notifier->loop);
    return NULL;
}

static tidings_status run_loop(struct notifier *notifier, struct tidings_error *err)
{
    int result = thread_start(&notifier->thread, run, notifier);
    notifier->running = result == 0;
    return result == 0
               ? TIDINGS_OK
               : error_set_errno(err, TIDINGS_E_AGAIN, result, "no thread for the notifier");
}

static tidings_status start_parts(struct notifier *notifier, struct tidings_error *err)
{
    char folder[PATH_MAX];
    char url[URL_SIZE];
    const struct conf *conf = notifier->options.conf;
    tidings_status status = notifier_check(conf, err);
    if (status == TIDINGS_OK) {
        status = make_folder(conf, folder, url, err);
    }
    if (status == TIDINGS_OK) {
        status = http_policy_new(str_of(conf->notify_allow), &notifier->policy, err);
    }
    if (status == TIDINGS_OK) {
        status = open_seal(notifier, folder, err);
    }
    if (status == TIDINGS_OK) {
        status = start_notify(notifier, folder, url, err);
    }
    if (status == TIDINGS_OK) {
        status = start_intake(notifier, err);
    }
    if (status == TIDINGS_OK) {
        status = watch_keys(notifier, err);
    }
    if (status == TIDINGS_OK) {
        status = make_api(notifier, err);
    }
    return status == TIDINGS_OK ? run_loop(notifier, err) : status;
}

tidings_status notifier_start(const struct notifier_options *options, struct notifier **ret,
                              struct tidings_error *err)
{
    struct notifier *notifier = calloc(1, sizeof *notifier);
    *ret = NULL;
    if (notifier == NULL) {
        return error_set(err, TIDINGS_E_NO_MEMORY, "no memory for the notifier");
    }
    notifier->options = *options;
    tidings_status status = start_parts(notifier, err);
    if (status != TIDINGS_OK) {
        notifier_stop(notifier);
        return status;
    }
    *ret = notifier;
    return TIDINGS_OK;
}

// ---- stop ----
static void stop_loop(void *arg)
{
    net_loop_stop(((struct notifier *)arg)->loop);
}

// The loop runs until the last answer of the consumers and of the store has come.
static void stop_running(struct notifier *notifier)
{
    struct tidings_error err = { 0 };
    if (!notifier->running && run_loop(notifier, &err) != TIDINGS_OK) {
        log_line(notifier->options.log, LOG_ERROR, "app",
                 "msg=\"cannot stop in order\" reason=\"%s\"", err.text);
        return;
    }
    if (notifier->intake != NULL) {
        intake_stop(notifier->intake);
    }
    while (net_loop_post(notifier->loop, stop_loop, notifier) == TIDINGS_E_FULL) {
        (void)usleep(1000);
    }
    pthread_join(notifier->thread, NULL);
    notifier->running = false;
}

void notifier_stop(struct notifier *notifier)
{
    if (notifier == NULL) {
        return;
    }
    if (notifier->loop != NULL) {
        stop_running(notifier);
    }
    net_timer_free(notifier->watcher);
    api_free(notifier->api);
    notify_stop(notifier->notify);
    intake_free(notifier->intake);
    net_loop_free(notifier->loop);
    seal_free(notifier->seal);
    http_policy_free(notifier->policy);
    free(notifier);
}

struct api *notifier_api(const struct notifier *notifier)
{
    return notifier->api;
}

static tidings_status write_metrics(void *arg, struct buf *out)
{
    return api_write_metrics(arg, out);
}

tidings_status notifier_metrics(struct notifier *notifier, struct buf *out)
{
    return app_ask(notifier->loop, write_metrics, notifier->api, out);
}
