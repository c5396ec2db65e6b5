// SPDX-License-Identifier: Apache-2.0
// TLS of a connection: between the socket and the frames. OpenSSL works on two memory buffers; both
// are fed and drained in pieces of a record, so that a connection holds little however much it
// moves.
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdlib.h>

#include "base/str.h"
#include "net/private.h"
#include "net/tls.h"

enum {
    PIECE = 16 * 1024,      // a record holds at most so much (RFC 8446 section 5.1)
    RECORD_EXTRA = 256,     // at most so much more a record is than what it holds (5.2)
    PLAIN_SIZE = 64 * 1024, // decrypted and delivered at once
    UNSENT_MAX = 64 * 1024, // of the protocol's own answers to a peer that does not read
    HANDSHAKE_RECORD = 22,
};

struct tls {
    SSL *ssl;
    BIO *in;       // owned by ssl
    BIO *out;      // owned by ssl
    bool finished; // the handshake
    bool failed;
    bool ended;       // our close_notify is written
    struct buf early; // dialled: what was written before the handshake's end
    char reason[160];
};

void tls_free(struct net_conn *conn)
{
    if (conn->tls != NULL) {
        SSL_free(conn->tls->ssl);
        buf_deinit(&conn->tls->early);
        free(conn->tls);
        conn->tls = NULL;
    }
}

static tidings_status make(struct net_conn *conn)
{
    struct net_loop *loop = conn->loop;
    if (loop->plain_buffer == NULL) {
        loop->plain_buffer = malloc(PLAIN_SIZE);
    }
    struct tls *tls = loop->plain_buffer != NULL ? calloc(1, sizeof *tls) : NULL;
    if (tls == NULL) {
        return TIDINGS_E_NO_MEMORY;
    }
    conn->tls = tls;
    buf_init(&tls->early, conn->options.out_max);
    SSL_CTX *context = tls_context(conn->options.tls);
    tls->ssl = context != NULL ? SSL_new(context) : NULL;
    tls->in = BIO_new(BIO_s_mem());
    tls->out = BIO_new(BIO_s_mem());
    if (tls->ssl == NULL || tls->in == NULL || tls->out == NULL) {
        BIO_free(tls->in);
        BIO_free(tls->out);
        return TIDINGS_E_NO_MEMORY;
    }
    SSL_set_bio(tls->ssl, tls->in, tls->out);
    return TIDINGS_OK;
}

static tidings_status begin(struct net_conn *conn)
{
    tidings_status status = make(conn);
    if (status != TIDINGS_OK) {
        return status;
    }
    SSL_set_accept_state(conn->tls->ssl);
    if (conn->options.frame_timeout_ms > 0) {
        conn->deadline_ms = loop_now_ms(conn->loop) + conn->options.frame_timeout_ms;
        deadline_update(conn);
    }
    return TIDINGS_OK;
}

// ---- dialled ----
// Whom the certificate must name, and, if that is a name, whom the server is asked to be (RFC 6066
// section 3).
static bool set_name(SSL *ssl, const char *name)
{
    struct sockaddr_storage address;
    if (name == NULL) {
        return true;
    }
    if (address_parse(name, 1, &address) == 0) {
        return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name) == 1;
    }
    char own[256]; // the macro takes the const away
    return str_copy(own, sizeof own, str_of(name)) && SSL_set_tlsext_host_name(ssl, own) == 1 &&
           SSL_set1_host(ssl, own) == 1;
}

bool tls_dialled(struct net_conn *conn)
{
    if (make(conn) != TIDINGS_OK || !set_name(conn->tls->ssl, conn->options.tls_name)) {
        ERR_clear_error();
        conn_close(conn, TIDINGS_E_NO_MEMORY);
        return false;
    }
    conn->first_seen = true;
    SSL_set_connect_state(conn->tls->ssl);
    (void)SSL_do_handshake(conn->tls->ssl); // writes the first record; the rest comes with reading
    ERR_clear_error();
    conn_mark_dirty(conn);
    return true;
}

// Kept for the handler: the certificate's fault, or what the library says.
static void note_reason(struct tls *tls)
{
    long verified = SSL_get_verify_result(tls->ssl);
    const char *reason = verified != X509_V_OK ? X509_verify_cert_error_string(verified)
                                               : ERR_reason_error_string(ERR_peek_error());
    struct str text = str_of(reason != NULL ? reason : "broken TLS");
    text.len = text.len < sizeof tls->reason ? text.len : sizeof tls->reason - 1;
    (void)str_copy(tls->reason, sizeof tls->reason, text);
}

const char *net_conn_tls_reason(const struct net_conn *conn)
{
    return conn->tls != NULL ? conn->tls->reason : "";
}

// ---- reading ----
static void count_handshake(struct net_conn *conn)
{
    if (!conn->tls->finished && SSL_is_init_finished(conn->tls->ssl)) {
        conn->tls->finished = true;
        conn->deadline_ms = 0;
        conn->loop->stats.tls_handshakes++;
    }
}

// After SSL_read gave nothing: more is needed, the peer ended, or it is broken.
static void read_none(struct net_conn *conn, int ssl_error)
{
    switch (ssl_error) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE: break;
    case SSL_ERROR_ZERO_RETURN: conn_read_failed(conn, UV_EOF); break;
    default:
        conn->tls->failed = true; // the alert that says why still leaves
        conn->loop->stats.tls_refused += !conn->tls->finished;
        conn_drain(conn, TIDINGS_E_PROTOCOL);
        break;
    }
}

// Fills the buffer of the loop. What SSL_read said at last is asked for at once: a write, which
// a handler may do, changes it.
static size_t decrypt(struct net_conn *conn, int *ret_ssl_error)
{
    SSL *ssl = conn->tls->ssl;
    size_t have = 0;
    *ret_ssl_error = SSL_ERROR_NONE;
    ERR_clear_error();
    while (have < PLAIN_SIZE && *ret_ssl_error == SSL_ERROR_NONE) {
        int got = SSL_read(ssl, conn->loop->plain_buffer + have, (int)(PLAIN_SIZE - have));
        *ret_ssl_error = SSL_get_error(ssl, got);
        have += got > 0 ? (size_t)got : 0;
    }
    if (*ret_ssl_error == SSL_ERROR_SSL) {
        note_reason(conn->tls);
    }
    ERR_clear_error();
    count_handshake(conn);
    return have;
}

// What was written early is the first to leave.
static void open_dialled(struct net_conn *conn)
{
    if (buf_add_str(net_conn_out(conn), buf_str(&conn->tls->early)) != TIDINGS_OK) {
        conn_close(conn, TIDINGS_E_NO_MEMORY);
        return;
    }
    buf_deinit(&conn->tls->early);
    conn_opened(conn);
}

// Delivers what can be decrypted now.
static void deliver(struct net_conn *conn)
{
    int ssl_error = SSL_ERROR_NONE;
    while (ssl_error == SSL_ERROR_NONE && conn->state == CONN_OPEN) {
        bool was_finished = conn->tls->finished;
        size_t have = decrypt(conn, &ssl_error);
        if (!conn->accepted && conn->tls->finished && !was_finished) {
            open_dialled(conn);
        }
        if (have > 0 && conn->state == CONN_OPEN) {
            conn_take(conn, conn->loop->plain_buffer, have);
        }
    }
    if (conn->state == CONN_OPEN) {
        read_none(conn, ssl_error);
    }
}

static void feed(struct net_conn *conn, const char *bytes, size_t len)
{
    for (size_t used = 0; used < len && conn->state == CONN_OPEN;) {
        size_t piece = len - used < PIECE ? len - used : PIECE;
        if (BIO_write(conn->tls->in, bytes + used, (int)piece) != (int)piece) {
            conn_close(conn, TIDINGS_E_NO_MEMORY);
            return;
        }
        used += piece;
        deliver(conn);
    }
    size_t unsent = conn->state != CONN_CLOSING ? BIO_ctrl_pending(conn->tls->out) : 0;
    if (unsent > UNSENT_MAX) {
        conn_close(conn, TIDINGS_E_FULL);
    } else if (unsent > 0) {
        conn_mark_dirty(conn);
    }
}

void tls_take(struct net_conn *conn, const char *bytes, size_t len)
{
    if (!conn->first_seen) {
        conn->first_seen = true;
        bool is_tls = (unsigned char)bytes[0] == HANDSHAKE_RECORD;
        if (!is_tls && tls_is_only(conn->options.tls)) {
            conn->loop->stats.tls_refused++;
            conn_close(conn, TIDINGS_E_PROTOCOL);
            return;
        }
        if (is_tls && begin(conn) != TIDINGS_OK) {
            conn_close(conn, TIDINGS_E_NO_MEMORY);
            return;
        }
    }
    if (conn->tls != NULL) {
        feed(conn, bytes, len);
    } else {
        conn_take(conn, bytes, len);
    }
}

// ---- writing ----
static tidings_status move_out(struct tls *tls, struct buf *sealed)
{
    char *bytes = NULL;
    long len = BIO_get_mem_data(tls->out, &bytes);
    if (len > 0 && buf_add(sealed, bytes, (size_t)len) != TIDINGS_OK) {
        return TIDINGS_E_NO_MEMORY;
    }
    (void)BIO_reset(tls->out);
    return TIDINGS_OK;
}

static tidings_status encrypt(struct tls *tls, const struct buf *plain, struct buf *sealed)
{
    tidings_status status = move_out(tls, sealed);
    for (size_t used = 0; used < plain->len && status == TIDINGS_OK;) {
        size_t piece = plain->len - used < PIECE ? plain->len - used : PIECE;
        status = SSL_write(tls->ssl, plain->ptr + used, (int)piece) == (int)piece
                     ? move_out(tls, sealed)
                     : TIDINGS_E_PROTOCOL;
        used += piece;
    }
    return status;
}

tidings_status tls_seal(struct net_conn *conn)
{
    struct tls *tls = conn->tls;
    bool may_write = tls->finished && !tls->failed;
    bool last = may_write && conn->state == CONN_DRAINING && !tls->ended;
    if (conn->out.len > 0 && !may_write && (conn->accepted || tls->failed)) {
        return TIDINGS_E_PROTOCOL; // see net_conn_options: nobody speaks before the first frame
    }
    if (conn->out.len > 0 && !may_write) {
        if (buf_add_str(&tls->early, buf_str(&conn->out)) != TIDINGS_OK) {
            return TIDINGS_E_FULL;
        }
        conn->out.len = 0;
    }
    if (conn->out.len == 0 && !last && BIO_ctrl_pending(tls->out) == 0) {
        return TIDINGS_OK;
    }
    struct buf plain = conn->out;
    size_t records = plain.len / PIECE + 2;
    buf_init(&conn->out, plain.len + UNSENT_MAX + (records * RECORD_EXTRA));
    ERR_clear_error();
    tidings_status status = encrypt(tls, &plain, &conn->out);
    plain.max = conn->options.out_max;
    pool_give(conn->loop, &plain);
    if (status == TIDINGS_OK && last) {
        tls->ended = true;
        (void)SSL_shutdown(tls->ssl); // 0: ours is written, the peer's is not waited for
        status = move_out(tls, &conn->out);
    }
    ERR_clear_error();
    return status;
}
