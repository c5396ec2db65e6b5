// SPDX-License-Identifier: Apache-2.0
package org.apache.rocketmq.test.base;

import java.util.Random;
import org.apache.rocketmq.test.util.MQAdmin;

/** See BaseConf: only what the tests themselves ask for. */
public class IntegrationTestBase {
    private static final int QUEUES = 8;
    private static final int TRIES = 30;
    protected static Random random = new Random();

    public static boolean initTopic(String topic, String nsAddr, String clusterName) {
        return initTopic(topic, nsAddr, clusterName, QUEUES);
    }

    public static boolean initTopic(String topic, String nsAddr, String clusterName, int queues) {
        for (int i = 0; i < TRIES; i++) {
            if (MQAdmin.createTopic(nsAddr, clusterName, topic, queues)) {
                return true;
            }
        }
        return false;
    }
}
