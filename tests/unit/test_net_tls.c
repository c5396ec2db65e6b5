// SPDX-License-Identifier: Apache-2.0
// TLS of dialled connections: against a listener of ours with a certificate that it made itself.
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "net/tls.h"
#include "test_net_rig.h"

static const char hello[8] = { 0, 0, 0, 4, 't', 'i', 'd', 'e' };

struct caller {
    struct rig *rig;
    struct net_handler handler;
    struct net_conn_options options;
    struct net_conn *conn;
    bool write_early;
    // under rig->lock
    size_t opened;
    size_t frames;
    size_t closed;
    tidings_status status;
    char reason[160];
};

static void caller_opened(void *arg, struct net_conn *conn)
{
    struct caller *caller = arg;
    if (!caller->write_early) {
        assert_true(rig_write(conn, hello, sizeof hello));
    }
    rig_count(caller->rig, &caller->opened);
}

static void caller_frame(void *arg, struct net_conn *conn, struct str frame)
{
    struct caller *caller = arg;
    (void)conn;
    assert_true(str_eq(frame, str_make(hello, sizeof hello)));
    rig_count(caller->rig, &caller->frames);
}

static void caller_closed(void *arg, struct net_conn *conn, tidings_status status)
{
    struct caller *caller = arg;
    pthread_mutex_lock(&caller->rig->lock);
    caller->status = status;
    snprintf(caller->reason, sizeof caller->reason, "%s", net_conn_tls_reason(conn));
    pthread_mutex_unlock(&caller->rig->lock);
    rig_count(caller->rig, &caller->closed);
}

static void caller_dial(void *arg)
{
    struct caller *caller = arg;
    assert_int_equal(net_dial(caller->rig->loop, "127.0.0.1", caller->rig->port, &caller->handler,
                              caller, &caller->options, &caller->conn, NULL),
                     TIDINGS_OK);
    if (caller->write_early) {
        assert_true(rig_write(caller->conn, hello, sizeof hello));
    }
}

static void hang_up(void *arg)
{
    net_conn_close(((struct caller *)arg)->conn);
}

// ---- a world: a server with a certificate, a client that trusts it or not ----
struct world {
    struct rig rig;
    struct caller caller;
    struct net_tls *server;
    struct net_tls *client;
    char certificate[64]; // of the server
    char other[64];
};

static void make_file(char *path, size_t size, const char *name)
{
    struct tidings_error err = { 0 };
    snprintf(path, size, "/tmp/tidings-tls-%d-%s.pem", (int)getpid(), name);
    if (net_tls_make_certificate(path, NULL, &err) != TIDINGS_OK) {
        fail_msg("%s", err.text);
    }
}

// A client's: signed by itself, for any purpose.
static void make_client_file(char *path, size_t size)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = X509_new();
    snprintf(path, size, "/tmp/tidings-tls-%d-client.pem", (int)getpid());
    FILE *file = fopen(path, "wb");
    X509_NAME *name = X509_get_subject_name(certificate);
    assert_true(
        X509_set_version(certificate, 2) == 1 &&
        ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1) == 1 &&
        X509_gmtime_adj(X509_getm_notBefore(certificate), -60) != NULL &&
        X509_gmtime_adj(X509_getm_notAfter(certificate), 3600) != NULL &&
        X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"client", -1,
                                   -1, 0) == 1 &&
        X509_set_issuer_name(certificate, name) == 1 && X509_set_pubkey(certificate, key) == 1 &&
        X509_sign(certificate, key, EVP_sha256()) > 0 && PEM_write_X509(file, certificate) == 1 &&
        PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL) == 1);
    assert_int_equal(fclose(file), 0);
    X509_free(certificate);
    EVP_PKEY_free(key);
}

static struct world *world_with(const struct net_tls_client_options *client, bool wants_client,
                                bool late, const char *name)
{
    struct world *world = calloc(1, sizeof *world);
    make_file(world->certificate, sizeof world->certificate, "server");
    make_client_file(world->other, sizeof world->other);
    const struct net_tls_options server = { .certificate = world->certificate,
                                            .client_ca = wants_client ? world->other : NULL,
                                            .client_required = wants_client,
                                            .late = late };
    struct net_tls_client_options own = *client;
    own.ca = own.ca == NULL ? world->certificate : world->other;
    own.certificate = own.certificate != NULL ? world->other : NULL;
    assert_int_equal(net_tls_new(&server, &world->server, NULL), TIDINGS_OK);
    assert_int_equal(net_tls_client_new(&own, &world->client, NULL), TIDINGS_OK);
    rig_init(&world->rig);
    world->rig.options.tls = world->server;
    rig_start(&world->rig);
    world->caller = (struct caller){
        .rig = &world->rig,
        .handler = { rig_measure, caller_frame, caller_opened, caller_closed },
        .options = { .frame_max = 1000,
                     .out_max = 100000,
                     .connect_timeout_ms = 600000,
                     .tls = world->client,
                     .tls_name = name },
    };
    return world;
}

static struct world *world_start(const struct net_tls_client_options *client, bool wants_client,
                                 const char *name)
{
    return world_with(client, wants_client, false, name);
}

static void world_end(struct world *world)
{
    rig_deinit(&world->rig);
    net_tls_free(world->server);
    net_tls_free(world->client);
    (void)unlink(world->certificate);
    (void)unlink(world->other);
    free(world);
}

static const struct net_tls_client_options trusting = { 0 };
static const struct net_tls_client_options trusts_other = { .ca = "other" };

static void call(struct world *world)
{
    rig_call(&world->rig, caller_dial, &world->caller);
    rig_wait(&world->rig, &world->caller.frames, 1);
    assert_int_equal(rig_read(&world->rig, &world->caller.opened), 1);
    rig_call(&world->rig, hang_up, &world->caller);
    rig_wait(&world->rig, &world->caller.closed, 1);
    assert_int_equal(world->caller.status, TIDINGS_OK);
    assert_string_equal(world->caller.reason, "");
    assert_int_equal(rig_stats(&world->rig).tls_handshakes, 2); // both ends are of this loop
}

static void refused(struct world *world, const char *reason)
{
    rig_call(&world->rig, caller_dial, &world->caller);
    rig_wait(&world->rig, &world->caller.closed, 1);
    assert_int_equal(rig_read(&world->rig, &world->caller.opened), 0);
    assert_int_equal(world->caller.status, TIDINGS_E_PROTOCOL);
    if (strstr(world->caller.reason, reason) == NULL) {
        fail_msg("\"%s\" is not in \"%s\"", reason, world->caller.reason);
    }
}

static void trusted(void **state)
{
    static const char *const names[] = { "127.0.0.1", "localhost", "::1" };
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct world *world = world_start(&trusting, false, names[i]);
        call(world);
        world_end(world);
    }
}

static void written_before_it_is_open(void **state)
{
    (void)state;
    struct world *world = world_start(&trusting, false, "localhost");
    world->caller.write_early = true;
    call(world);
    world_end(world);
}

static void signed_by_somebody_else(void **state)
{
    (void)state;
    struct world *world = world_start(&trusts_other, false, "localhost");
    refused(world, "self-signed certificate");
    world_end(world);
}

static void of_another_name(void **state)
{
    static const char *const names[][2] = { { "example.org", "hostname mismatch" },
                                            { "127.0.0.2", "IP address mismatch" } };
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct world *world = world_start(&trusting, false, names[i][0]);
        refused(world, names[i][1]);
        world_end(world);
    }
}

static void not_verified(void **state)
{
    const struct net_tls_client_options careless = { .ca = "other", .unverified = true };
    (void)state;
    struct world *world = world_start(&careless, false, "example.org");
    call(world);
    world_end(world);
}

static void with_a_client_certificate(void **state)
{
    const struct net_tls_client_options known = { .certificate = "other" };
    (void)state;
    struct world *world = world_start(&known, true, "localhost");
    call(world);
    world_end(world);
}

// TLS 1.3 tells it only after the client's handshake is done.
static void without_the_client_certificate(void **state)
{
    (void)state;
    struct world *world = world_start(&trusting, true, "localhost");
    rig_call(&world->rig, caller_dial, &world->caller);
    rig_wait(&world->rig, &world->caller.closed, 1);
    assert_int_equal(rig_read(&world->rig, &world->caller.frames), 0);
    assert_non_null(strstr(world->caller.reason, "certificate required"));
    world_end(world);
}

// A server that speaks something else, or nothing.
static void no_tls_there(void **state)
{
    (void)state;
    struct world *world = world_start(&trusting, false, "localhost");
    int fd = rig_socket();
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t length = sizeof address;
    int own_port = world->rig.port;
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(fd, 4), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &length), 0);
    world->rig.port = ntohs(address.sin_port);
    rig_call(&world->rig, caller_dial, &world->caller);
    int peer = accept(fd, NULL, NULL);
    rig_send(peer, "HTTP/1.1 400 what is that\r\n\r\n", 29);
    assert_int_equal(shutdown(peer, SHUT_WR), 0); // its end is waited for
    rig_wait(&world->rig, &world->caller.closed, 1);
    assert_int_equal(world->caller.status, TIDINGS_E_PROTOCOL);
    assert_true(world->caller.reason[0] != '\0');
    close(peer);

    rig_call(&world->rig, caller_dial, &world->caller); // and one that never answers
    peer = accept(fd, NULL, NULL);
    rig_advance_ms(&world->rig, 700000);
    rig_wait(&world->rig, &world->caller.closed, 2);
    assert_int_equal(world->caller.status, TIDINGS_E_TIMEOUT);
    close(peer);

    rig_call(&world->rig, caller_dial, &world->caller); // and one that hangs up at once
    close(accept(fd, NULL, NULL));
    rig_wait(&world->rig, &world->caller.closed, 3);
    assert_int_equal(rig_read(&world->rig, &world->caller.opened), 0);
    close(fd);
    world->rig.port = own_port;
    world_end(world);
}

static bool is_known(const struct net_tls *tls)
{
    char fingerprint[NET_TLS_FINGERPRINT];
    net_tls_fingerprint(tls, fingerprint);
    bool has_days = net_tls_days_left(tls) > 0;
    assert_int_equal(strlen(fingerprint), has_days ? 64 : 0);
    return has_days;
}

// What was read at the start is used, whatever became of the file.
static void looked_at_when_needed(void **state)
{
    (void)state;
    struct world *world = world_with(&trusting, false, true, "localhost");
    assert_int_equal(unlink(world->certificate), 0);
    assert_false(is_known(world->server));
    call(world);
    assert_true(is_known(world->server));
    world_end(world);
}

static void late_and_read_again(void **state)
{
    char path[64];
    struct tidings_error err = { 0 };
    (void)state;
    make_file(path, sizeof path, "late");
    const struct net_tls_options options = { .certificate = path, .late = true };
    struct net_tls *late = NULL;
    assert_int_equal(net_tls_new(&options, &late, NULL), TIDINGS_OK);
    assert_int_equal(truncate(path, 10), 0);
    assert_int_equal(net_tls_reload(late, &err), TIDINGS_E_INVALID); // the old stays
    assert_false(is_known(late));
    make_file(path, sizeof path, "late");
    assert_int_equal(net_tls_reload(late, NULL), TIDINGS_OK);
    assert_true(is_known(late));
    net_tls_free(late);
    (void)unlink(path);
}

static void wrong_files(void **state)
{
    struct net_tls *tls;
    struct tidings_error err = { 0 };
    const struct net_tls_client_options no_ca = { .ca = "/nowhere/ca.pem" };
    const struct net_tls_client_options no_certificate = { .certificate = "/nowhere/own.pem" };
    (void)state;
    assert_int_equal(net_tls_client_new(&no_ca, &tls, &err), TIDINGS_E_INVALID);
    assert_non_null(strstr(err.text, "/nowhere/ca.pem"));
    assert_int_equal(net_tls_client_new(&no_certificate, &tls, &err), TIDINGS_E_INVALID);
    assert_non_null(strstr(err.text, "/nowhere/own.pem"));
    const struct net_tls_options no_late = { .certificate = "/nowhere/late.pem", .late = true };
    assert_int_equal(net_tls_new(&no_late, &tls, &err), TIDINGS_E_IO);
    assert_non_null(strstr(err.text, "/nowhere/late.pem"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(trusted),
        cmocka_unit_test(written_before_it_is_open),
        cmocka_unit_test(signed_by_somebody_else),
        cmocka_unit_test(of_another_name),
        cmocka_unit_test(not_verified),
        cmocka_unit_test(with_a_client_certificate),
        cmocka_unit_test(without_the_client_certificate),
        cmocka_unit_test(no_tls_there),
        cmocka_unit_test(looked_at_when_needed),
        cmocka_unit_test(late_and_read_again),
        cmocka_unit_test(wrong_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
