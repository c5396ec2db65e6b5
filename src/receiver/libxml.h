// SPDX-License-Identifier: Apache-2.0
// libxml2, opened with the first receiver whose settings need XML: libxml_open, then
// libxml()->xmlFreeDoc(…). Private to the room.
#ifndef RECEIVER_LIBXML_H
#define RECEIVER_LIBXML_H

#include <libxml/SAX2.h>
#include <libxml/parser.h>
#include <libxml/parserInternals.h>
#include <libxml/tree.h>
#include <libxml/xpath.h>
#include <libxml/xpathInternals.h>

#include "base/library.h"

// Those with two underscores stand behind a variable that each thread has for itself.
#define LIBXML_MAP(X)                                                                              \
    X(__xmlGenericError)                                                                           \
    X(__xmlGenericErrorContext)                                                                    \
    X(valuePop)                                                                                    \
    X(xmlCtxtReadMemory)                                                                           \
    X(xmlDocGetRootElement)                                                                        \
    X(xmlDocSetRootElement)                                                                        \
    X(xmlFree)                                                                                     \
    X(xmlFreeDoc)                                                                                  \
    X(xmlFreeNode)                                                                                 \
    X(xmlFreeParserCtxt)                                                                           \
    X(xmlInitParser)                                                                               \
    X(xmlIsBlankNode)                                                                              \
    X(xmlMalloc)                                                                                   \
    X(xmlNewDoc)                                                                                   \
    X(xmlNewDocNode)                                                                               \
    X(xmlNewParserCtxt)                                                                            \
    X(xmlNodeGetContent)                                                                           \
    X(xmlSAX2Comment)                                                                              \
    X(xmlSAX2ProcessingInstruction)                                                                \
    X(xmlSAX2StartElementNs)                                                                       \
    X(xmlSetGenericErrorFunc)                                                                      \
    X(xmlStopParser)                                                                               \
    X(xmlValidateNCName)                                                                           \
    X(xmlXPathCastToString)                                                                        \
    X(xmlXPathEvalExpr)                                                                            \
    X(xmlXPathFreeContext)                                                                         \
    X(xmlXPathFreeObject)                                                                          \
    X(xmlXPathFreeParserContext)                                                                   \
    X(xmlXPathNewContext)                                                                          \
    X(xmlXPathNewParserContext)                                                                    \
    X(xmlXPathRegisterNs)

struct libxml {
    LIBXML_MAP(LIBRARY_MEMBER)
};

// Also makes it ready for several threads (xmlInitParser).
tidings_status libxml_open(struct tidings_error *err) TIDINGS_NODISCARD;
const struct libxml *libxml(void); // filled once libxml_open has succeeded

#endif
