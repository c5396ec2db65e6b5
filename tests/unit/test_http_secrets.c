// SPDX-License-Identifier: Apache-2.0
// Many receivers share handles and connections: none gets what is another's, none waits for
// another. The peers say in their replies what they saw.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http/call.h"
#include "net/net.h"

enum { PEM_MAX = 4096, PEERS_MAX = 64, RESULTS_MAX = 512, TEXT_MAX = 4096, PER_HOST = 2 };

struct peer {
    int listener;
    int port;
    SSL_CTX *tls; // NULL: plain
    bool closes;  // after each reply
    int stop[2];
    pthread_t thread;
    atomic_int connections;
};
struct serving {
    struct peer *peer;
    pthread_t thread;
    int fd;
    int number;
};
struct outcome {
    struct fixture *f;
    int order; // 0 = not done
    enum http_failure failure;
    bool reused;
    int64_t total_us;
    char reply[256];
};
struct fixture {
    struct net_loop *loop;
    struct http_client *client;
    struct peer peers[2];
    int peer_count;
    bool by_curl; // plain http too
    struct outcome outcomes[RESULTS_MAX];
    int dones;
    int wanted;
    char server_pem[PEM_MAX];
    char other_pem[PEM_MAX];
    char key_pem[2][PEM_MAX];
    char client_pem[2][PEM_MAX];
};

// ---- certificates ----
static void write_pem(char *out, X509 *certificate, EVP_PKEY *key)
{
    BIO *bio = BIO_new(BIO_s_mem());
    assert_true(certificate != NULL
                    ? PEM_write_bio_X509(bio, certificate)
                    : PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL));
    int len = BIO_read(bio, out, PEM_MAX - 1);
    assert_true(len > 0);
    out[len] = '\0';
    BIO_free(bio);
}

static void make_certificate(const char *name, char *pem, char *key_pem, SSL_CTX *tls)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *x = X509_new();
    X509_NAME *subject = X509_get_subject_name(x);
    X509_EXTENSION *san = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, "IP:127.0.0.1");
    assert_true(X509_set_version(x, 2) && ASN1_INTEGER_set(X509_get_serialNumber(x), 1) &&
                X509_gmtime_adj(X509_getm_notBefore(x), -60) != NULL &&
                X509_gmtime_adj(X509_getm_notAfter(x), 3600) != NULL &&
                X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name,
                                           -1, -1, 0) &&
                X509_set_issuer_name(x, subject) && X509_add_ext(x, san, -1) &&
                X509_set_pubkey(x, key) && X509_sign(x, key, EVP_sha256()) > 0);
    write_pem(pem, x, NULL);
    if (key_pem != NULL) {
        write_pem(key_pem, NULL, key);
    }
    if (tls != NULL) {
        assert_true(SSL_CTX_use_certificate(tls, x) && SSL_CTX_use_PrivateKey(tls, key));
    }
    X509_EXTENSION_free(san);
    X509_free(x);
    EVP_PKEY_free(key);
}

static int accept_any(int ok, X509_STORE_CTX *store)
{
    (void)ok;
    (void)store;
    return 1;
}

// ---- a peer ----
static bool readable(const struct peer *peer, int fd)
{
    struct pollfd polled[2] = { { fd, POLLIN, 0 }, { peer->stop[0], POLLIN, 0 } };
    return poll(polled, 2, -1) > 0 && polled[1].revents == 0;
}

static int take(struct serving *serving, SSL *ssl, char *out, int size)
{
    if ((ssl == NULL || SSL_pending(ssl) == 0) && !readable(serving->peer, serving->fd)) {
        return 0;
    }
    return ssl != NULL ? SSL_read(ssl, out, size) : (int)recv(serving->fd, out, (size_t)size, 0);
}

static bool read_request(struct serving *serving, SSL *ssl, char *text)
{
    size_t len = 0;
    for (;;) {
        int got = take(serving, ssl, text + len, (int)(TEXT_MAX - 1 - len));
        if (got <= 0) {
            return false;
        }
        len += (size_t)got;
        text[len] = '\0';
        const char *end = strstr(text, "\r\n\r\n");
        const char *length = strstr(text, "Content-Length: ");
        size_t body = length != NULL ? (size_t)strtoul(length + 16, NULL, 10) : 0;
        if (end != NULL && len >= (size_t)(end + 4 - text) + body) {
            return true;
        }
    }
}

static void reply(struct serving *serving, SSL *ssl, const char *request)
{
    char text[1024];
    char body[512];
    char name[64] = "none";
    char authorization[128] = "none";
    const char *found = strstr(request, "\r\nAuthorization: ");
    if (found != NULL) {
        (void)snprintf(authorization, sizeof authorization, "%.*s", (int)strcspn(found + 17, "\r"),
                       found + 17);
    }
    X509 *certificate = ssl != NULL ? SSL_get1_peer_certificate(ssl) : NULL;
    if (certificate != NULL) {
        (void)X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, name,
                                        sizeof name);
        X509_free(certificate);
    }
    (void)snprintf(body, sizeof body, "%d %s %s", serving->number, name, authorization);
    int len = snprintf(text, sizeof text, "HTTP/1.1 200 OK\r\n%sContent-Length: %zu\r\n\r\n%s",
                       serving->peer->closes ? "Connection: close\r\n" : "", strlen(body), body);
    if (ssl != NULL) {
        (void)SSL_write(ssl, text, len);
    } else {
        (void)send(serving->fd, text, (size_t)len, MSG_NOSIGNAL);
    }
}

static void *serve_one(void *arg)
{
    struct serving *serving = arg;
    char text[TEXT_MAX];
    SSL *ssl = NULL;
    bool good = true;
    if (serving->peer->tls != NULL) {
        ssl = SSL_new(serving->peer->tls);
        good = SSL_set_fd(ssl, serving->fd) == 1 && SSL_accept(ssl) == 1;
    }
    while (good && read_request(serving, ssl, text)) {
        if (strstr(text, " /hang ") == NULL) {
            reply(serving, ssl, text);
            good = !serving->peer->closes;
        }
    }
    if (ssl != NULL) {
        (void)SSL_shutdown(ssl);
        SSL_free(ssl);
    }
    (void)close(serving->fd);
    return NULL;
}

static void *serve(void *arg)
{
    struct peer *peer = arg;
    struct serving served[PEERS_MAX];
    sigset_t pipe;
    int count = 0;
    // OpenSSL writes without MSG_NOSIGNAL, also when the client was quicker to leave. Of the peers'
    // threads only: the client must not need it.
    (void)sigemptyset(&pipe);
    (void)sigaddset(&pipe, SIGPIPE);
    (void)pthread_sigmask(SIG_BLOCK, &pipe, NULL);
    while (count < PEERS_MAX && readable(peer, peer->listener)) {
        served[count] = (struct serving){ .peer = peer, .fd = accept(peer->listener, NULL, NULL) };
        served[count].number = ++peer->connections;
        if (pthread_create(&served[count].thread, NULL, serve_one, &served[count]) == 0) {
            count++;
        }
    }
    for (int i = 0; i < count; i++) {
        (void)pthread_join(served[i].thread, NULL);
    }
    return NULL;
}

static struct peer *start_peer(struct fixture *f, bool tls)
{
    struct peer *peer = &f->peers[f->peer_count++];
    struct sockaddr_in address = { .sin_family = AF_INET };
    socklen_t size = sizeof address;
    if (tls) {
        peer->tls = SSL_CTX_new(TLS_server_method());
        make_certificate("server", f->server_pem, NULL, peer->tls);
        make_certificate("stranger", f->other_pem, NULL, NULL);
        make_certificate("alice", f->client_pem[0], f->key_pem[0], NULL);
        make_certificate("bob", f->client_pem[1], f->key_pem[1], NULL);
        SSL_CTX_set_verify(peer->tls, SSL_VERIFY_PEER, accept_any);
        (void)SSL_CTX_set_session_id_context(peer->tls, (const unsigned char *)"t", 1);
    }
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    peer->listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(peer->listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(peer->listener, 64), 0);
    assert_int_equal(getsockname(peer->listener, (struct sockaddr *)&address, &size), 0);
    peer->port = ntohs(address.sin_port);
    assert_int_equal(pipe(peer->stop), 0);
    assert_int_equal(pthread_create(&peer->thread, NULL, serve, peer), 0);
    return peer;
}

// ---- the client ----
static void on_done(void *arg, const struct http_result *result)
{
    struct outcome *outcome = arg;
    outcome->order = ++outcome->f->dones;
    outcome->failure = result->failure;
    outcome->reused = result->reused;
    outcome->total_us = result->total_us;
    (void)snprintf(outcome->reply, sizeof outcome->reply, "%.*s", STR_ARG(result->reply));
    if (outcome->f->dones == outcome->f->wanted) {
        net_loop_stop(outcome->f->loop);
    }
}

static int setup(void **state)
{
    static struct fixture fixture;
    struct fixture *f = &fixture;
    const struct net_loop_options loop = { .clock = clock_system(), .connections_max = 16 };
    const struct http_client_options options = { .connections_max = 8, .per_host_max = PER_HOST };
    memset(f, 0, sizeof *f);
    for (int i = 0; i < RESULTS_MAX; i++) {
        f->outcomes[i].f = f;
    }
    assert_int_equal(net_loop_new(&loop, &f->loop, NULL), TIDINGS_OK);
    assert_int_equal(http_client_new(f->loop, &options, &f->client, NULL), TIDINGS_OK);
    *state = f;
    return 0;
}

static int setup_curl(void **state)
{
    (void)setup(state);
    struct fixture *f = *state;
    f->by_curl = true;
    client_use_curl_only(f->client);
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    http_client_free(f->client);
    net_loop_free(f->loop);
    for (int i = 0; i < f->peer_count; i++) {
        (void)close(f->peers[i].stop[1]);
        (void)pthread_join(f->peers[i].thread, NULL);
        (void)close(f->peers[i].stop[0]);
        (void)close(f->peers[i].listener);
        SSL_CTX_free(f->peers[i].tls);
    }
    return 0;
}

static struct http_call *begin(struct fixture *f, int number, const struct peer *peer,
                               const char *path, struct http_outgoing outgoing)
{
    char url[128];
    struct http_call *call = NULL;
    struct tidings_error err = { 0 };
    (void)snprintf(url, sizeof url, "http%s://127.0.0.1:%d%s", peer->tls != NULL ? "s" : "",
                   peer->port, path);
    outgoing.method = "POST";
    outgoing.url = url; // need not stay
    outgoing.deadline_ms = outgoing.deadline_ms > 0 ? outgoing.deadline_ms : 60000;
    outgoing.reply_max = 1000;
    if (http_client_send(f->client, &outgoing, on_done, &f->outcomes[number], &call, &err) !=
        TIDINGS_OK) {
        fail_msg("%s", err.text);
    }
    return call;
}

static void run_until(struct fixture *f, int wanted)
{
    f->wanted = wanted;
    if (f->dones < wanted) {
        net_loop_run(f->loop);
    }
    assert_true(f->dones >= wanted);
}

static const struct outcome *ask(struct fixture *f, struct http_outgoing outgoing)
{
    f->dones = 0;
    f->outcomes[0] = (struct outcome){ .f = f };
    (void)begin(f, 0, &f->peers[0], "/", outgoing);
    run_until(f, 1);
    return &f->outcomes[0];
}

static void assert_seen(struct fixture *f, struct http_outgoing outgoing, const char *wanted)
{
    const struct outcome *outcome = ask(f, outgoing);
    assert_int_equal(outcome->failure, HTTP_FINE);
    assert_string_equal(outcome->reply, wanted);
}

// ---- secrets ----
static void passwords_and_tokens_are_of_one_request(void **state)
{
    struct fixture *f = *state;
    const struct http_outgoing plain = { 0 };
    const struct http_outgoing basic = { .basic = "alice:a" };
    const struct http_outgoing other = { .basic = "bob:b" };
    const struct http_outgoing bearer = { .bearer = "token" };
    (void)start_peer(f, false);
    for (int i = 0; i < 3; i++) { // all over one connection, with one handle
        assert_seen(f, plain, "1 none none");
        assert_seen(f, basic, "1 none Basic YWxpY2U6YQ==");
        assert_seen(f, plain, "1 none none");
        assert_seen(f, bearer, "1 none Bearer token");
        assert_seen(f, other, "1 none Basic Ym9iOmI=");
        assert_seen(f, bearer, "1 none Bearer token");
        assert_seen(f, plain, "1 none none");
    }
}

static void certificates_have_connections_of_their_own(void **state)
{
    struct fixture *f = *state;
    (void)start_peer(f, true);
    const struct http_outgoing alice = { .ca_pem = f->server_pem,
                                         .client_pem = f->client_pem[0],
                                         .client_key_pem = f->key_pem[0] };
    const struct http_outgoing bob = { .ca_pem = f->server_pem,
                                       .client_pem = f->client_pem[1],
                                       .client_key_pem = f->key_pem[1] };
    const struct http_outgoing nobody = { .ca_pem = f->server_pem };
    assert_seen(f, alice, "1 alice none");
    assert_seen(f, alice, "1 alice none");
    assert_true(f->outcomes[0].reused);
    assert_seen(f, bob, "2 bob none");
    assert_false(f->outcomes[0].reused);
    assert_seen(f, bob, "2 bob none");
    assert_seen(f, nobody, "3 none none"); // the host's places are full: the oldest one goes
    assert_seen(f, nobody, "3 none none");
    assert_seen(f, bob, "2 bob none");
    assert_seen(f, alice, "4 alice none");
}

static void sessions_are_not_resumed_for_others(void **state)
{
    struct fixture *f = *state;
    start_peer(f, true)->closes = true;
    const struct http_outgoing alice = { .ca_pem = f->server_pem,
                                         .client_pem = f->client_pem[0],
                                         .client_key_pem = f->key_pem[0] };
    const struct http_outgoing bob = { .ca_pem = f->server_pem,
                                       .client_pem = f->client_pem[1],
                                       .client_key_pem = f->key_pem[1] };
    const struct http_outgoing nobody = { .ca_pem = f->server_pem };
    assert_seen(f, alice, "1 alice none");
    assert_seen(f, bob, "2 bob none");
    assert_seen(f, nobody, "3 none none");
    assert_seen(f, alice, "4 alice none");
    assert_seen(f, nobody, "5 none none");
}

static void trust_is_of_one_request(void **state)
{
    struct fixture *f = *state;
    (void)start_peer(f, true);
    const struct http_outgoing right = { .ca_pem = f->server_pem };
    const struct http_outgoing wrong = { .ca_pem = f->other_pem };
    const struct http_outgoing system = { 0 };
    for (int i = 0; i < 2; i++) {
        const struct outcome *outcome = ask(f, right);
        assert_int_equal(outcome->failure, HTTP_FINE);
        assert_int_equal(outcome->reused, i > 0);
        assert_int_equal(ask(f, wrong)->failure, HTTP_TLS);
        assert_int_equal(ask(f, system)->failure, HTTP_TLS);
    }
}

// ---- places ----
static void a_hanging_receiver_holds_up_nobody_else(void **state)
{
    struct fixture *f = *state;
    const struct peer *hanging = start_peer(f, false);
    const struct peer *good = start_peer(f, false);
    struct http_call *calls[7];
    for (int i = 1; i <= 6; i++) { // two are under way, the others wait
        calls[i] = begin(f, i, hanging, "/hang", (struct http_outgoing){ 0 });
    }
    for (int i = 7; i <= 12; i++) {
        (void)begin(f, i, good, "/", (struct http_outgoing){ 0 });
    }
    run_until(f, 6);
    for (int i = 1; i <= 6; i++) {
        assert_int_equal(f->outcomes[i].order, 0);
        assert_int_equal(f->outcomes[i + 6].failure, HTTP_FINE);
    }
    assert_true(good->connections <= PER_HOST);
    for (int i = 1; i <= 6; i++) { // the same with a deadline, also for those who wait
        http_call_cancel(calls[i]);
        (void)begin(f, i, hanging, "/hang", (struct http_outgoing){ .deadline_ms = 400 });
    }
    run_until(f, 12);
    for (int i = 1; i <= 6; i++) {
        assert_int_equal(f->outcomes[i].failure, HTTP_DEADLINE);
        assert_true(f->outcomes[i].total_us >= 398000);
    }
}

static void those_who_wait_run_in_order(void **state)
{
    struct fixture *f = *state;
    const struct peer *peer = start_peer(f, false);
    struct http_call *calls[100];
    const struct http_client_options options = { .connections_max = 8, .per_host_max = 1 };
    http_client_free(f->client);
    assert_int_equal(http_client_new(f->loop, &options, &f->client, NULL), TIDINGS_OK);
    if (f->by_curl) {
        client_use_curl_only(f->client);
    }
    for (int i = 0; i < 100; i++) {
        calls[i] = begin(f, i, peer, "/", (struct http_outgoing){ .body = STR("x") });
    }
    for (int i = 1; i < 100; i += 2) {
        http_call_cancel(calls[i]); // running or waiting
    }
    run_until(f, 50);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(f->outcomes[i].order, i % 2 == 0 ? i / 2 + 1 : 0);
    }
    assert_int_equal(peer->connections, 1);
}

// Plain and with TLS go different ways out, and have the same places.
static void both_ways_share_the_places(void **state)
{
    struct fixture *f = *state;
    const struct http_client_options options = { .connections_max = 2, .per_host_max = 2 };
    const struct peer *plain = start_peer(f, false);
    const struct peer *secure = start_peer(f, true);
    const struct http_outgoing trusting = { .ca_pem = f->server_pem };
    const struct http_outgoing impatient = { .ca_pem = f->server_pem, .deadline_ms = 300 };
    http_client_free(f->client);
    assert_int_equal(http_client_new(f->loop, &options, &f->client, NULL), TIDINGS_OK);
    assert_null(f->client->curl); // until it is needed
    assert_int_equal(ask(f, (struct http_outgoing){ 0 })->failure, HTTP_FINE);
    struct http_call *hanging[2];
    for (int i = 0; i < 2; i++) {
        hanging[i] = begin(f, 10 + i, plain, "/hang", (struct http_outgoing){ 0 });
    }
    (void)begin(f, 20, secure, "/", impatient);
    run_until(f, f->dones + 1);
    assert_int_equal(f->outcomes[20].failure, HTTP_DEADLINE);
    assert_int_equal(secure->connections, 0);
    (void)begin(f, 21, secure, "/", trusting);
    http_call_cancel(hanging[0]);
    run_until(f, f->dones + 1);
    assert_int_equal(f->outcomes[21].failure, HTTP_FINE);
    (void)begin(f, 22, secure, "/hang", trusting);
    (void)begin(f, 23, plain, "/", (struct http_outgoing){ .deadline_ms = 300 });
    run_until(f, f->dones + 1);
    assert_int_equal(f->outcomes[23].failure, HTTP_DEADLINE);
    http_call_cancel(hanging[1]);
    (void)begin(f, 24, plain, "/", (struct http_outgoing){ 0 });
    run_until(f, f->dones + 1);
    assert_int_equal(f->outcomes[24].failure, HTTP_FINE);
}

static void those_who_wait_end_with_the_client(void **state)
{
    struct fixture *f = *state;
    const struct peer *hanging = start_peer(f, false);
    for (int i = 0; i < 20; i++) {
        (void)begin(f, i, hanging, "/hang", (struct http_outgoing){ 0 });
    }
    net_loop_turn(f->loop);
    http_client_free(f->client);
    f->client = NULL;
    assert_int_equal(f->dones, 20);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(f->outcomes[i].failure, HTTP_ENDED);
    }
}

static void empty_bodies_use_connections_again(void **state)
{
    struct fixture *f = *state;
    const struct http_outgoing empty = { 0 };
    const struct http_outgoing full = { .body = STR("words") };
    (void)start_peer(f, false);
    for (int i = 0; i < 5; i++) {
        assert_seen(f, empty, "1 none none");
        assert_seen(f, full, "1 none none");
    }
}

int main(void)
{
#define TEST(name)      cmocka_unit_test_setup_teardown(name, setup, teardown)
#define TEST_CURL(name) cmocka_unit_test_setup_teardown(name, setup_curl, teardown)
    const struct CMUnitTest tests[] = {
        TEST(passwords_and_tokens_are_of_one_request),
        TEST_CURL(passwords_and_tokens_are_of_one_request),
        TEST(certificates_have_connections_of_their_own),
        TEST(sessions_are_not_resumed_for_others),
        TEST(trust_is_of_one_request),
        TEST(a_hanging_receiver_holds_up_nobody_else),
        TEST_CURL(a_hanging_receiver_holds_up_nobody_else),
        TEST(those_who_wait_run_in_order),
        TEST_CURL(those_who_wait_run_in_order),
        TEST(both_ways_share_the_places),
        TEST(those_who_wait_end_with_the_client),
        TEST_CURL(those_who_wait_end_with_the_client),
        TEST(empty_bodies_use_connections_again),
        TEST_CURL(empty_bodies_use_connections_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
