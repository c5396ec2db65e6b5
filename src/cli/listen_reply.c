// SPDX-License-Identifier: Apache-2.0
// What is answered: a text such as "success", JSON, or a SOAP envelope.
#include <jansson.h>
#include <string.h>
#include <strings.h>

#include "cli/listen.h"

#define ENVELOPE_11 "http://schemas.xmlsoap.org/soap/envelope/"
#define ENVELOPE_12 "http://www.w3.org/2003/05/soap-envelope"

static tidings_status add_escaped(struct buf *out, const char *text)
{
    tidings_status status = TIDINGS_OK;
    for (; *text != '\0' && status == TIDINGS_OK; text++) {
        status = *text == '&'   ? buf_add_str(out, STR("&amp;"))
                 : *text == '<' ? buf_add_str(out, STR("&lt;"))
                 : *text == '>' ? buf_add_str(out, STR("&gt;"))
                                : buf_add(out, text, 1);
    }
    return status;
}

static bool is_soap_12(const struct http_request *request)
{
    const char *type = http_request_header(request, "Content-Type");
    return type != NULL && strncasecmp(type, "application/soap+xml", 20) == 0;
}

static tidings_status add_fault(struct buf *out, bool is_12, const char *text)
{
    tidings_status status = buf_add_str(
        out, is_12 ? STR("<soap:Fault><soap:Code><soap:Value>soap:Receiver</soap:Value>"
                         "</soap:Code><soap:Reason><soap:Text xml:lang=\"en\">")
                   : STR("<soap:Fault><faultcode>soap:Server</faultcode><faultstring>"));
    status = status == TIDINGS_OK ? add_escaped(out, text) : status;
    return status == TIDINGS_OK
               ? buf_add_str(out, is_12 ? STR("</soap:Text></soap:Reason></soap:Fault>")
                                        : STR("</faultstring></soap:Fault>"))
               : status;
}

static tidings_status add_response(struct buf *out, const char *text)
{
    tidings_status status = buf_add_str(out, STR("<response>"));
    status = status == TIDINGS_OK ? add_escaped(out, text) : status;
    return status == TIDINGS_OK ? buf_add_str(out, STR("</response>")) : status;
}

static tidings_status add_envelope(struct buf *out, bool is_12, bool is_fault, const char *text)
{
    tidings_status status = buf_addf(out,
                                     "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                                     "<soap:Envelope xmlns:soap=\"%s\"><soap:Body>",
                                     is_12 ? ENVELOPE_12 : ENVELOPE_11);
    if (status == TIDINGS_OK) {
        status = is_fault ? add_fault(out, is_12, text) : add_response(out, text);
    }
    return status == TIDINGS_OK ? buf_add_str(out, STR("</soap:Body></soap:Envelope>\n")) : status;
}

static bool is_json(const char *text)
{
    json_t *value = json_loads(text, 0, NULL); // an object or an array
    json_decref(value);
    return value != NULL;
}

void listen_reply(const struct listener *listener, const struct listen_delivery *delivery,
                  struct http_response *response)
{
    bool taken = delivery->answer == LISTEN_TAKEN || delivery->answer == LISTEN_AGAIN;
    const char *text = taken ? listener->reply : delivery->why;
    response->status = delivery->status;
    if (delivery->status == 204 || delivery->status == 304) {
        return; // have no body
    }
    tidings_status status;
    if (listener->soap) {
        bool is_12 = is_soap_12(delivery->request);
        response->content_type =
            is_12 ? "application/soap+xml; charset=utf-8" : "text/xml; charset=utf-8";
        status = add_envelope(&response->body, is_12, !taken, text);
    } else {
        response->content_type =
            taken && is_json(text) ? "application/json" : "text/plain; charset=utf-8";
        status = buf_add_str(&response->body, str_of(text));
    }
    if (status != TIDINGS_OK) {
        buf_clear(&response->body);
        response->status = 503;
    }
}
