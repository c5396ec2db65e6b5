// SPDX-License-Identifier: Apache-2.0
// Verifies with the official JavaScript library: a case a line, as JSON, on stdin; its verdict a line on stdout.
const { Webhook } = require("standardwebhooks");

require("readline").createInterface({ input: process.stdin }).on("line", (line) => {
    const one = JSON.parse(line);
    try {
        new Webhook(one.secret).verify(Buffer.from(one.body, "base64").toString("utf8"), one.headers);
        console.log("good");
    } catch (error) {
        console.log(`bad ${error.name}: ${error.message}`.replace(/\n/g, " "));
    }
});
