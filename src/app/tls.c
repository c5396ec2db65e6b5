// SPDX-License-Identifier: Apache-2.0
#include "app/tls.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/apart.h"

enum { PATH_SIZE = 4096, WARN_DAYS = 30 };

static const char *given(const char *text)
{
    return text[0] != '\0' ? text : NULL;
}

// What is known of a certificate in use.
struct look {
    bool made;
    int days;
    char fingerprint[NET_TLS_FINGERPRINT];
};

static void look_at(const struct net_tls *tls, struct look *ret)
{
    ret->days = net_tls_days_left(tls);
    net_tls_fingerprint(tls, ret->fingerprint);
}

static void say(struct log *log, const struct look *look)
{
    log_line(log, look->days < WARN_DAYS ? LOG_WARN : LOG_INFO, "app",
             "msg=\"TLS certificate in use\" fingerprint=%s days_left=%d", look->fingerprint,
             look->days);
}

static void options_of(const struct conf *conf, struct net_tls_options *ret)
{
    *ret = (struct net_tls_options){
        .certificate = given(conf->tls_certificate),
        .key = given(conf->tls_key),
        .client_ca = given(conf->tls_client_ca),
        .client_required = conf->tls_client_required,
        .only = strcmp(conf->tls_mode, "enforcing") == 0,
    };
}

// ---- the certificate of our own, in the data folder ----
struct own {
    const struct conf *conf;
    struct net_tls_options options;
    char path[PATH_SIZE];
};

static tidings_status own_folder(const struct conf *conf, char *path, struct tidings_error *err)
{
    int len = snprintf(path, PATH_SIZE, "%s/tls", conf->data);
    if (len < 0 || len > PATH_SIZE - 16) {
        return error_set(err, TIDINGS_E_INVALID, "store.data: the path is too long");
    }
    if (mkdir(conf->data, 0750) != 0 && errno != EEXIST) {
        return error_set_errno(err, TIDINGS_E_IO, errno, "cannot make folder %s", conf->data);
    }
    if (mkdir(path, 0700) != 0 && errno != EEXIST) {
        return error_set_errno(err, TIDINGS_E_IO, errno, "cannot make the folder %s", path);
    }
    (void)snprintf(path + len, (size_t)(PATH_SIZE - len), "/server.pem");
    return TIDINGS_OK;
}

// Makes it when it is not there, and reads it as a connection would: what is wrong with it is told
// at the start.
static tidings_status make_and_look(void *result, void *arg, struct tidings_error *err)
{
    struct look *look = result;
    struct own *own = arg;
    struct net_tls *tls = NULL;
    const char *advertised = given(own->conf->advertise);
    tidings_status status = TIDINGS_OK;
    if (access(own->path, F_OK) != 0) {
        const char *address = advertised != NULL ? advertised : own->conf->host;
        status = net_tls_make_certificate(own->path, address, err);
        look->made = status == TIDINGS_OK;
    }
    if (status == TIDINGS_OK) {
        status = net_tls_new(&own->options, &tls, err);
    }
    if (status == TIDINGS_OK) {
        look_at(tls, look);
    }
    net_tls_free(tls);
    return status;
}

// In a child process, so that a server to which nobody speaks TLS has nothing of OpenSSL in memory.
static tidings_status open_own(const struct conf *conf, struct log *log, struct net_tls **ret,
                               struct tidings_error *err)
{
    struct look look = { 0 };
    struct own own = { .conf = conf };
    options_of(conf, &own.options);
    own.options.certificate = own.path;
    tidings_status status = own_folder(conf, own.path, err);
    if (status == TIDINGS_OK) {
        status = apart_run(make_and_look, &look, sizeof look, &own, err);
    }
    if (status == TIDINGS_OK) {
        own.options.late = own.options.key == NULL && own.options.client_ca == NULL;
        status = net_tls_new(&own.options, ret, err);
    }
    if (status == TIDINGS_OK && look.made) {
        log_line(log, LOG_INFO, "app",
                 "msg=\"no tls.certificate is set: made one, signed by itself; clients trust it by "
                 "this file\" file=\"%s\"",
                 own.path);
    }
    if (status == TIDINGS_OK) {
        say(log, &look);
    }
    return status;
}

// ---- the face ----
tidings_status app_tls_open(const struct conf *conf, struct log *log, struct net_tls **ret,
                            struct tidings_error *err)
{
    struct look look = { 0 };
    struct net_tls_options options;
    *ret = NULL;
    if (strcmp(conf->tls_mode, "disabled") == 0) {
        return TIDINGS_OK;
    }
    options_of(conf, &options);
    if (options.certificate == NULL) {
        return open_own(conf, log, ret, err);
    }
    tidings_status status = net_tls_new(&options, ret, err);
    if (status == TIDINGS_OK) {
        look_at(*ret, &look);
        say(log, &look);
    }
    return status;
}

tidings_status app_tls_check(const struct conf *conf, struct tidings_error *err)
{
    struct net_tls_options options;
    options_of(conf, &options);
    return strcmp(conf->tls_mode, "disabled") == 0 ? TIDINGS_OK : net_tls_check(&options, err);
}

tidings_status app_tls_reload(struct net_tls *tls, struct log *log, struct tidings_error *err)
{
    struct look look = { 0 };
    tidings_status status = tls != NULL ? net_tls_reload(tls, err) : TIDINGS_OK;
    if (tls != NULL && status == TIDINGS_OK) {
        look_at(tls, &look);
        say(log, &look);
    }
    return status;
}
