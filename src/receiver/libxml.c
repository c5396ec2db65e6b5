// SPDX-License-Identifier: Apache-2.0
#include "receiver/libxml.h"

static bool start(void)
{
    libxml()->xmlInitParser();
    return true;
}

LIBRARY_DEFINE(libxml, LIBXML_MAP, .file = TIDINGS_FILE_XML2, .package = "libxml2",
               .purpose = "XML of receivers (SOAP, XPath)", .start = start)
