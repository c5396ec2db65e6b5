// SPDX-License-Identifier: Apache-2.0
// Envelopes: of a template or plain, of both versions, with whatever the payload may be.
#include <libxml/parser.h>

#include "test_receiver_support.h"

#define SOAP_11 "http://schemas.xmlsoap.org/soap/envelope/"
#define SOAP_12 "http://www.w3.org/2003/05/soap-envelope"

static void a_plain_envelope_has_it_all(void **state)
{
    (void)state;
    struct receiver_settings *settings = settings_of("{" URL ",\"soap\":{}}");
    struct receiver_message message = message_of("{\"a\":\"<&>\"}", "application/json");
    struct receiver_request request = { 0 };
    build_of(settings, &message, NOW, &request);
    assert_body(&request,
                "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                "<soap:Envelope xmlns:soap=\"" SOAP_11 "\"><soap:Body>"
                "<notification xmlns=\"urn:tidings:notification\"><id>ntf_01</id>"
                "<source>pay</source><type>recharge.done</type><txNo>tx-7</txNo>"
                "<attempt>3</attempt><payload>{&quot;a&quot;:&quot;&lt;&amp;&gt;&quot;}</payload>"
                "</notification></soap:Body></soap:Envelope>\n");
    assert_field(&request, "Content-Type", "text/xml; charset=utf-8");
    assert_field(&request, "SOAPAction", "\"\"");
    receiver_request_deinit(&request);
    receiver_settings_unref(settings);
}

static void versions_name_the_action_in_their_way(void **state)
{
    (void)state;
    struct receiver_settings *settings =
        settings_of("{" URL ",\"soap\":{\"action\":\"urn:notify\"},\"headers\":"
                    "{\"soapaction\":\"mine\"}}");
    struct receiver_message message = message_of("x", "text/plain");
    struct receiver_request request = { 0 };
    build_of(settings, &message, NOW, &request);
    assert_field(&request, "SOAPAction", "\"urn:notify\"");
    assert_null(field_of(&request, "soapaction").ptr);
    receiver_request_deinit(&request);
    receiver_settings_unref(settings);
    settings = settings_of("{" URL ",\"soap\":{\"version\":\"1.2\",\"action\":\"urn:notify\"}}");
    build_of(settings, &message, NOW, &request);
    assert_field(&request, "Content-Type",
                 "application/soap+xml; charset=utf-8; action=\"urn:notify\"");
    assert_null(field_of(&request, "SOAPAction").ptr);
    assert_true(str_find_str(request.outgoing.body, STR(SOAP_12)) != SIZE_MAX);
    receiver_request_deinit(&request);
    receiver_settings_unref(settings);
    settings = settings_of("{" URL ",\"soap\":{\"version\":\"1.2\"}}");
    build_of(settings, &message, NOW, &request);
    assert_field(&request, "Content-Type", "application/soap+xml; charset=utf-8");
    receiver_request_deinit(&request);
    receiver_settings_unref(settings);
}

static void places_of_a_template_are_filled(void **state)
{
    (void)state;
    struct receiver_settings *settings =
        settings_of("{" URL ",\"soap\":{\"template\":\"<e:Envelope xmlns:e='" SOAP_11
                    "'><e:Body><n a='${type}'>"
                    "${payload}|${id}|${source}|${txNo}|${attempt}|${payload}$x{y}</n></e:Body></"
                    "e:Envelope>\"}}");
    struct receiver_message message = message_of("1 < 2", "text/plain");
    struct receiver_request request = { 0 };
    message.type = STR("it's \"so\"\n");
    build_of(settings, &message, NOW, &request);
    assert_body(&request, "<e:Envelope xmlns:e='" SOAP_11 "'><e:Body>"
                          "<n a='it&apos;s &quot;so&quot;&#10;'>1 &lt; 2|ntf_01|pay|tx-7|3|1 &lt; 2"
                          "$x{y}</n></e:Body></e:Envelope>");
    receiver_request_deinit(&request);
    receiver_settings_unref(settings);
}

// Whoever reads the envelope finds the very bytes of the payload.
static void payloads_come_out_as_they_went_in(void **state)
{
    (void)state;
    static const char *const payloads[] = {
        "",
        " a\tb\r\nc\r ",
        "]]>",
        "<x>&amp;</x>",
        "${id}",
        "\xE5\x85\x85\xE5\x80\xBC",
        "\xF0\x9F\x92\xB0",
    };
    struct receiver_settings *settings = settings_of("{" URL ",\"soap\":{}}");
    for (size_t i = 0; i < BASE_COUNT(payloads); i++) {
        struct receiver_message message = message_of(payloads[i], "text/plain");
        struct receiver_request request = { 0 };
        build_of(settings, &message, NOW, &request);
        xmlDoc *doc = xmlReadMemory(request.outgoing.body.ptr, (int)request.outgoing.body.len, NULL,
                                    NULL, XML_PARSE_NONET);
        assert_non_null(doc);
        xmlNode *body = xmlDocGetRootElement(doc)->children;
        xmlChar *text = xmlNodeGetContent(body->children->last);
        assert_string_equal((const char *)text, payloads[i]);
        xmlFree(text);
        xmlFreeDoc(doc);
        receiver_request_deinit(&request);
    }
    receiver_settings_unref(settings);
}

static void what_xml_cannot_hold_is_an_error(void **state)
{
    (void)state;
    struct receiver_settings *settings = settings_of("{" URL ",\"soap\":{}}");
    struct receiver_message message = message_of("a\x01", "text/plain");
    assert_not_built(settings, &message, TIDINGS_E_INVALID, "payload: byte 2 begins a character");
    message.payload = STR("ab\xEF\xBF\xBE");
    assert_not_built(settings, &message, TIDINGS_E_INVALID, "payload: byte 3 begins a character");
    message.payload = STR("a\0b");
    assert_not_built(settings, &message, TIDINGS_E_INVALID, "payload: byte 2 begins a character");
    message.payload = STR("\xFF");
    assert_not_built(settings, &message, TIDINGS_E_INVALID, "payload: is not UTF-8");
    message.payload = STR("ok");
    message.tx_no = STR("\x02");
    assert_not_built(settings, &message, TIDINGS_E_INVALID, "txNo: byte 1");
    receiver_settings_unref(settings);
}

#define TEMPLATE(text) "{" URL ",\"soap\":{\"template\":\"" text "\"}}"
#define AROUND(text)                                                                               \
    TEMPLATE("<e:Envelope xmlns:e='" SOAP_11 "'><e:Body>" text "</e:Body></e:Envelope>")

static void bad_templates_are_found_with_the_settings(void **state)
{
    (void)state;
    static const struct {
        const char *document;
        const char *text;
    } rows[] = {
        { TEMPLATE(""), "soap.template: must be a text" },
        { TEMPLATE("${payload}"), "soap.template: no well-formed XML" },
        { TEMPLATE("<a>${payload}</a>"), "soap.template: must be an Envelope of the namespace" },
        { TEMPLATE("<Envelope>${payload}</Envelope>"), "soap.template: must be an Envelope" },
        { TEMPLATE("<Envelope xmlns='" SOAP_12 "'/>"), "soap.template: must be an Envelope" },
        { AROUND("${payload}<"), "soap.template: no well-formed XML" },
        { AROUND("<${payload}/>"), "soap.template: no well-formed XML" },
        { AROUND("${amount}"), "soap.template: \"${amount}" },
        { AROUND("${payload"), "soap.template: \"${payload<" },
        { AROUND("<![CDATA[${payload}]]>"), "soap.template: ${...} can stand in elements" },
        { AROUND("<!-- ${payload} -->"), "soap.template: ${...} can stand in elements" },
        { AROUND("<?p ${payload}?>"), "soap.template: ${...} can stand in elements" },
        { TEMPLATE("<!DOCTYPE a><Envelope xmlns='" SOAP_11 "'/>"), "has a DOCTYPE" },
        { TEMPLATE("<?xml version='1.0' encoding='ISO-8859-1'?><Envelope xmlns='" SOAP_11 "'/>"),
          "soap.template: its encoding must be UTF-8" },
    };
    for (size_t i = 0; i < BASE_COUNT(rows); i++) {
        assert_refused(rows[i].document, rows[i].text);
    }
    receiver_settings_unref(settings_of(AROUND("<!-- no place --><![CDATA[<x>]]>")));
}

static void many_places_are_refused(void **state)
{
    (void)state;
    struct buf document;
    buf_init(&document, 65536);
    assert_int_equal(buf_add_str(&document, STR("{" URL ",\"soap\":{\"template\":\"<e:Envelope "
                                                "xmlns:e='" SOAP_11 "'>")),
                     TIDINGS_OK);
    for (int i = 0; i < 300; i++) {
        assert_int_equal(buf_add_str(&document, STR("${id}")), TIDINGS_OK);
    }
    assert_int_equal(buf_add_str(&document, STR("</e:Envelope>\"}}\0")), TIDINGS_OK);
    assert_refused(document.ptr, "soap.template: more than 255 places");
    buf_deinit(&document);
}

static void envelopes_are_bounded(void **state)
{
    (void)state;
    struct receiver_settings *settings =
        settings_of(AROUND("<a>${payload}${payload}${payload}${payload}${payload}${payload}</a>"));
    size_t len = 4 << 20;
    char *payload = malloc(len);
    assert_non_null(payload);
    memset(payload, '"', len);
    struct receiver_message message = message_of("", "text/plain");
    message.payload = str_make(payload, len);
    assert_not_built(settings, &message, TIDINGS_E_TOO_LARGE, "payload: no room");
    free(payload);
    receiver_settings_unref(settings);
}

static void envelopes_are_what_is_signed(void **state)
{
    (void)state;
    struct receiver_settings *settings =
        settings_of("{" URL ",\"soap\":{},\"secrets\":[{\"secret\":\"" SECRET_1 "\"}]}");
    struct receiver_message message = message_of("x", "text/plain");
    struct receiver_request request = { 0 };
    struct sign_secret *key = NULL;
    assert_int_equal(sign_secret_new(SIGN_STANDARD, STR(SECRET_1), &key, NULL), TIDINGS_OK);
    build_of(settings, &message, NOW, &request);
    struct sign_webhook_headers headers = { STR("ntf_01"), STR("1700000000"),
                                            field_of(&request, "webhook-signature") };
    const struct sign_secret *keys[] = { key };
    assert_int_equal(
        sign_webhook_verify(keys, 1, &headers, 1700000000, 0, request.outgoing.body, NULL),
        TIDINGS_OK);
    assert_true(request.outgoing.body.len > 100);
    receiver_request_deinit(&request);
    receiver_settings_unref(settings);
    sign_secret_free(key);
}

static void faults_are_refusals(void **state)
{
    (void)state;
    struct receiver_settings *settings = settings_of("{" URL ",\"soap\":{}}");
    char why[128];
    assert_true(receiver_is_taken(settings, 200,
                                  STR("<s:Envelope xmlns:s='" SOAP_11 "'><s:Body/></s:Envelope>"),
                                  false, why, sizeof why));
    assert_false(receiver_is_taken(
        settings, 200,
        STR("<s:Envelope xmlns:s='" SOAP_11 "'><s:Body><s:Fault/></s:Body></s:Envelope>"), false,
        why, sizeof why));
    assert_non_null(strstr(why, "SOAP Fault"));
    receiver_settings_unref(settings);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plain_envelope_has_it_all),
        cmocka_unit_test(versions_name_the_action_in_their_way),
        cmocka_unit_test(places_of_a_template_are_filled),
        cmocka_unit_test(payloads_come_out_as_they_went_in),
        cmocka_unit_test(what_xml_cannot_hold_is_an_error),
        cmocka_unit_test(bad_templates_are_found_with_the_settings),
        cmocka_unit_test(many_places_are_refused),
        cmocka_unit_test(envelopes_are_bounded),
        cmocka_unit_test(envelopes_are_what_is_signed),
        cmocka_unit_test(faults_are_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
