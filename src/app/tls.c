// SPDX-License-Identifier: Apache-2.0
#include "app/tls.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_SIZE = 4096, WARN_DAYS = 30 };

static const char *given(const char *text)
{
    return text[0] != '\0' ? text : NULL;
}

static void say(struct log *log, const struct net_tls *tls)
{
    char fingerprint[NET_TLS_FINGERPRINT];
    int days = net_tls_days_left(tls);
    net_tls_fingerprint(tls, fingerprint);
    log_line(log, days < WARN_DAYS ? LOG_WARN : LOG_INFO, "app",
             "msg=\"TLS certificate in use\" fingerprint=%s days_left=%d", fingerprint, days);
}

// The certificate of our own, in the data folder.
static tidings_status own_certificate(const struct conf *conf, struct log *log, char *path,
                                      struct tidings_error *err)
{
    int len = snprintf(path, PATH_SIZE, "%s/tls", conf->data);
    if (len < 0 || len > PATH_SIZE - 16) {
        return error_set(err, TIDINGS_E_INVALID, "store.data: the path is too long");
    }
    if (mkdir(path, 0700) != 0 && errno != EEXIST) {
        return error_set_errno(err, TIDINGS_E_IO, errno, "cannot make the folder %s", path);
    }
    snprintf(path + len, (size_t)(PATH_SIZE - len), "/server.pem");
    if (access(path, F_OK) == 0) {
        return TIDINGS_OK;
    }
    const char *address = given(conf->advertise) != NULL ? conf->advertise : conf->host;
    tidings_status status = net_tls_make_certificate(path, address, err);
    if (status == TIDINGS_OK) {
        log_line(log, LOG_INFO, "app",
                 "msg=\"no tls.certificate is set: made one, signed by itself; clients trust it by "
                 "this file\" file=\"%s\"",
                 path);
    }
    return status;
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

tidings_status app_tls_open(const struct conf *conf, struct log *log, struct net_tls **ret,
                            struct tidings_error *err)
{
    char own[PATH_SIZE];
    struct net_tls_options options;
    *ret = NULL;
    if (strcmp(conf->tls_mode, "disabled") == 0) {
        return TIDINGS_OK;
    }
    options_of(conf, &options);
    tidings_status status = TIDINGS_OK;
    if (options.certificate == NULL) {
        options.certificate = own;
        status = own_certificate(conf, log, own, err);
    }
    if (status == TIDINGS_OK) {
        status = net_tls_new(&options, ret, err);
    }
    if (status == TIDINGS_OK) {
        say(log, *ret);
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
    tidings_status status = tls != NULL ? net_tls_reload(tls, err) : TIDINGS_OK;
    if (tls != NULL && status == TIDINGS_OK) {
        say(log, tls);
    }
    return status;
}
