// SPDX-License-Identifier: Apache-2.0
package tidings.interop;

/** One thing that users of the official client rely on; throws when the server does not give it. */
interface Scenario {
    void run(Env env) throws Exception;
}
