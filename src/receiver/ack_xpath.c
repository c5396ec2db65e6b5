// SPDX-License-Identifier: Apache-2.0
// A place in XML by XPath 1.0, and what its text must be.
#include <stdlib.h>

#include "receiver/ack.h"
#include "receiver/ack_cost.h"
#include "receiver/ack_parts.h"
#include "receiver/xml.h"

// Steps of libxml2's evaluation: a path such as "//a/b" takes a few for each node. What the steps
// themselves cost is bounded by ACK_WORK_MAX.
// Where a path comes by a node more than once, each step may also have to look for it among many.
enum { STEPS_MAX = 50000, CROSSING_STEPS_MAX = 5000, STACK_SIZE = 10 };

struct name_space {
    char *prefix;
    char *uri;
};
struct ack_xpath {
    char *path;
    char *equals;
    struct ack_cost cost; // of the path
    struct name_space namespaces[ACK_NAMESPACES_MAX];
    size_t namespace_count;
};

static void be_silent(void *arg, xmlErrorPtr error)
{
    (void)arg;
    (void)error;
}

BASE_PRINTF(2, 3)
static void print_nothing(void *arg, const char *format, ...)
{
    (void)arg;
    (void)format;
}

// What the path finds; NULL when it cannot be followed.
static xmlXPathObject *evaluate_in(xmlXPathParserContext *parser)
{
    // libxml2 2.9.14 would make the stack itself, and frees too much when it cannot.
    parser->valueTab = (*libxml()->xmlMalloc)(STACK_SIZE * sizeof(xmlXPathObject *));
    if (parser->valueTab == NULL) {
        return NULL;
    }
    parser->valueMax = STACK_SIZE;
    libxml()->xmlXPathEvalExpr(parser);
    xmlXPathObject *found =
        parser->error == XPATH_EXPRESSION_OK ? libxml()->valuePop(parser) : NULL;
    // What an error has left there; valuePop would not go beyond the call that it was in.
    for (int i = 0; i < parser->valueNr; i++) {
        libxml()->xmlXPathFreeObject(parser->valueTab[i]);
    }
    parser->valueNr = 0;
    parser->value = NULL;
    return found;
}

// The path is read anew each time, which takes a few microseconds: xmlXPathCompiledEval of 2.9.14
// ends the process when memory is short, and notes in the compiled path which functions it has
// found, so that threads could not share one.
//
// Some of what libxml2 finds wrong with a path it tells nobody but the terminal. Where to is each
// thread's own, and is put back.
static xmlXPathObject *follow(const char *path, xmlXPathContext *context, bool *ret_limit)
{
    xmlXPathParserContext *parser =
        libxml()->xmlXPathNewParserContext((const xmlChar *)path, context);
    *ret_limit = false;
    if (parser == NULL) {
        return NULL;
    }
    xmlGenericErrorFunc printer = *libxml()->__xmlGenericError();
    void *arg = *libxml()->__xmlGenericErrorContext();
    libxml()->xmlSetGenericErrorFunc(NULL, print_nothing);
    xmlXPathObject *found = evaluate_in(parser);
    libxml()->xmlSetGenericErrorFunc(arg, printer);
    *ret_limit =
        parser->error == XPATH_OP_LIMIT_EXCEEDED || parser->error == XPATH_RECURSION_LIMIT_EXCEEDED;
    libxml()->xmlXPathFreeParserContext(parser);
    return found;
}

static xmlXPathContext *new_context(const struct ack_xpath *xpath, xmlDoc *doc)
{
    xmlXPathContext *context = libxml()->xmlXPathNewContext(doc);
    if (context == NULL) {
        return NULL;
    }
    context->error = be_silent;
    context->opLimit = ack_cost_crosses(&xpath->cost) ? CROSSING_STEPS_MAX : STEPS_MAX;
    for (size_t i = 0; i < xpath->namespace_count; i++) {
        if (libxml()->xmlXPathRegisterNs(context, (const xmlChar *)xpath->namespaces[i].prefix,
                                         (const xmlChar *)xpath->namespaces[i].uri) != 0) {
            libxml()->xmlXPathFreeContext(context);
            return NULL;
        }
    }
    return context;
}

// ---- settings ----

static tidings_status no_memory(struct tidings_error *err)
{
    return error_set(err, TIDINGS_E_NO_MEMORY, "no memory for an ack rule");
}

static tidings_status add_namespace(const char *prefix, const json_t *value,
                                    struct ack_xpath *xpath, struct tidings_error *err)
{
    struct str uri;
    if (xpath->namespace_count == ACK_NAMESPACES_MAX) {
        return error_set(err, TIDINGS_E_INVALID, "ack.xpath.namespaces: more than %d",
                         ACK_NAMESPACES_MAX);
    }
    if (libxml()->xmlValidateNCName((const xmlChar *)prefix, 0) != 0 ||
        strlen(prefix) > ACK_TEXT_MAX) {
        return error_set(err, TIDINGS_E_INVALID,
                         "ack.xpath.namespaces: a prefix must be a name of XML without a colon");
    }
    tidings_status status =
        member_text(value, "ack.xpath.namespaces: a namespace", 1, ACK_TEXT_MAX, &uri, err);
    if (status != TIDINGS_OK) {
        return status;
    }
    struct name_space *added = &xpath->namespaces[xpath->namespace_count++];
    added->prefix = str_dup(str_of(prefix));
    added->uri = str_dup(uri);
    return added->prefix != NULL && added->uri != NULL ? TIDINGS_OK : no_memory(err);
}

static tidings_status read_namespaces(json_t *document, struct ack_xpath *xpath,
                                      struct tidings_error *err)
{
    tidings_status status = TIDINGS_OK;
    if (document != NULL && !json_is_object(document)) {
        return error_set(err, TIDINGS_E_INVALID,
                         "ack.xpath.namespaces: must be an object of prefixes and namespaces");
    }
    for (void *at = json_object_iter(document); at != NULL && status == TIDINGS_OK;
         at = json_object_iter_next(document, at)) {
        status = add_namespace(json_object_iter_key(at), json_object_iter_value(at), xpath, err);
    }
    return status;
}

// On a document of nothing: what is no path is found, and prefixes and functions that there are
// not.
static tidings_status try_path(const struct ack_xpath *xpath, struct tidings_error *err)
{
    char shown[MEMBER_EXCERPT_SIZE];
    xmlDoc *doc = libxml()->xmlNewDoc((const xmlChar *)"1.0");
    xmlNode *root =
        doc != NULL ? libxml()->xmlNewDocNode(doc, NULL, (const xmlChar *)"nothing", NULL) : NULL;
    xmlXPathContext *context = root != NULL ? new_context(xpath, doc) : NULL;
    if (context == NULL) {
        libxml()->xmlFreeNode(root);
        libxml()->xmlFreeDoc(doc);
        return no_memory(err);
    }
    (void)libxml()->xmlDocSetRootElement(doc, root);
    bool limit;
    xmlXPathObject *found = follow(xpath->path, context, &limit);
    bool prefix = context->lastError.code == XML_XPATH_UNDEF_PREFIX_ERROR;
    // What is wrong with a path is always noted; what is not noted is a lack of memory.
    bool memory = found == NULL && (context->lastError.code == XML_ERR_NO_MEMORY ||
                                    context->lastError.code == XML_ERR_OK);
    bool good = found != NULL;
    libxml()->xmlXPathFreeObject(found);
    libxml()->xmlXPathFreeContext(context);
    libxml()->xmlFreeDoc(doc);
    if (memory) {
        return no_memory(err);
    }
    member_excerpt(str_of(xpath->path), shown);
    return good ? TIDINGS_OK
                : error_set(
                      err, TIDINGS_E_INVALID, "ack.xpath.path: \"%s\" is no XPath 1.0%s", shown,
                      prefix ? ": a prefix is not among namespaces" : " whose functions there are");
}

// What would be too much for a reply of this size is for no reply.
static tidings_status check_cost(const struct ack_xpath *xpath, struct tidings_error *err)
{
    static const struct ack_shape small = { .nodes = 16, .depth = 5, .bytes = 2048 };
    const struct ack_cost *cost = &xpath->cost;
    if (ack_cost_work(cost, &small) <= ACK_WORK_MAX) {
        return TIDINGS_OK;
    }
    return error_set(err, TIDINGS_E_INVALID,
                     "ack.xpath.path: too much work even for a small reply: %u operands, %u sets "
                     "compared, %u levels of predicates, %u looks beyond a predicate's node%s%s; "
                     "right is a plain path such as //code",
                     cost->operands, cost->sets, cost->levels, cost->far,
                     cost->concat ? ", concat" : "", cost->searches ? ", a search in texts" : "");
}

static tidings_status fill(const json_t *document, struct ack_xpath *xpath,
                           struct tidings_error *err)
{
    static const char *const names[] = { "path", "equals", "namespaces" };
    struct str path = { 0 };
    struct str equals = { 0 };
    tidings_status status = member_object(document, "ack.xpath", names, BASE_COUNT(names), err);
    if (status == TIDINGS_OK) {
        status = member_text(json_object_get(document, "path"), "ack.xpath.path", 1, ACK_TEXT_MAX,
                             &path, err);
    }
    if (status == TIDINGS_OK) {
        status = member_text(json_object_get(document, "equals"), "ack.xpath.equals", 0,
                             ACK_TEXT_MAX, &equals, err);
    }
    if (status == TIDINGS_OK) {
        status = read_namespaces(member_get(document, "namespaces"), xpath, err);
    }
    if (status != TIDINGS_OK) {
        return status;
    }
    xpath->path = str_dup(path);
    xpath->equals = str_dup(equals);
    if (xpath->path == NULL || xpath->equals == NULL) {
        return no_memory(err);
    }
    xpath->cost = ack_cost_of(path);
    status = try_path(xpath, err);
    return status == TIDINGS_OK ? check_cost(xpath, err) : status;
}

tidings_status ack_xpath_new(const json_t *document, struct ack_xpath **ret,
                             struct tidings_error *err)
{
    struct ack_xpath *xpath = calloc(1, sizeof *xpath);
    *ret = NULL;
    if (xpath == NULL) {
        return no_memory(err);
    }
    tidings_status status = libxml_open(err);
    status = status == TIDINGS_OK ? fill(document, xpath, err) : status;
    if (status != TIDINGS_OK) {
        ack_xpath_free(xpath);
        return status;
    }
    *ret = xpath;
    return TIDINGS_OK;
}

void ack_xpath_free(struct ack_xpath *xpath)
{
    if (xpath == NULL) {
        return;
    }
    for (size_t i = 0; i < xpath->namespace_count; i++) {
        free(xpath->namespaces[i].prefix);
        free(xpath->namespaces[i].uri);
    }
    free(xpath->path);
    free(xpath->equals);
    free(xpath);
}

// ---- a reply ----

// The text of what the path finds, for xmlFree; NULL when it could not be followed.
static xmlChar *evaluate(const struct ack_xpath *xpath, xmlDoc *doc, bool *ret_nothing,
                         bool *ret_limit)
{
    xmlXPathContext *context = new_context(xpath, doc);
    *ret_limit = false;
    xmlXPathObject *found = context != NULL ? follow(xpath->path, context, ret_limit) : NULL;
    *ret_nothing =
        found != NULL && found->type == XPATH_NODESET && xmlXPathNodeSetIsEmpty(found->nodesetval);
    xmlChar *text = found != NULL ? libxml()->xmlXPathCastToString(found) : NULL;
    libxml()->xmlXPathFreeObject(found);
    libxml()->xmlXPathFreeContext(context);
    return text;
}

// Not followed at all where it would hold up everything else.
static bool is_little_work(const struct ack_xpath *xpath, const xmlDoc *doc, char *why,
                           size_t why_size)
{
    char path[MEMBER_EXCERPT_SIZE];
    const struct ack_shape shape = ack_shape_of(doc);
    if (ack_cost_work(&xpath->cost, &shape) <= ACK_WORK_MAX) {
        return true;
    }
    member_excerpt(str_of(xpath->path), path);
    return ack_refuse(why, why_size,
                      "XPath \"%s\" is too much work in a reply of %llu nodes, %llu levels deep: a "
                      "plainer path is wanted",
                      path, (unsigned long long)shape.nodes, (unsigned long long)shape.depth);
}

bool ack_xpath_fits(const struct ack_xpath *xpath, xmlDoc *doc, char *why, size_t why_size)
{
    char path[MEMBER_EXCERPT_SIZE];
    char wanted[MEMBER_EXCERPT_SIZE];
    char came[MEMBER_EXCERPT_SIZE];
    bool nothing;
    bool limit;
    if (!is_little_work(xpath, doc, why, why_size)) {
        return false;
    }
    xmlChar *text = evaluate(xpath, doc, &nothing, &limit);
    bool fits = text != NULL && !nothing && str_eq_c(xml_str(text), xpath->equals);
    if (!fits) {
        member_excerpt(str_of(xpath->path), path);
        member_excerpt(str_of(xpath->equals), wanted);
        member_excerpt(xml_str(text), came);
    }
    bool failed = text == NULL;
    (*libxml()->xmlFree)(text);
    if (fits) {
        return true;
    }
    if (failed) {
        return ack_refuse(why, why_size,
                          limit ? "XPath \"%s\" takes too many steps in this reply"
                                : "XPath \"%s\" cannot be followed in this reply: a function "
                                  "that XPath 1.0 does not have, or no memory",
                          path);
    }
    return nothing ? ack_refuse(why, why_size, "XPath \"%s\" must be \"%s\", there is nothing",
                                path, wanted)
                   : ack_refuse(why, why_size, "XPath \"%s\" must be \"%s\", it is \"%s\"", path,
                                wanted, came);
}

static const xmlNode *text_of_fault(const xmlNode *fault)
{
    for (const xmlNode *part = xml_element(fault->children); part != NULL;
         part = xml_element(part->next)) {
        if (str_eq_c(xml_str(part->name), "faultstring") ||
            str_eq_c(xml_str(part->name), "Reason")) {
            return part;
        }
    }
    return fault;
}

void ack_fault_text(const xmlNode *fault, char ret[MEMBER_EXCERPT_SIZE])
{
    xmlChar *text = libxml()->xmlNodeGetContent(text_of_fault(fault));
    member_excerpt(str_trim(xml_str(text)), ret);
    (*libxml()->xmlFree)(text);
}
