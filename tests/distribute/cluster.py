"""A Ray cluster of three nodes on this machine, each of one core: until its standard input ends.

Prints one JSON object when it is up: the address, the process of each node, the head first, and
that of the head's directory.
"""

from __future__ import annotations

import json
import os
import sys

NODE = {"num_cpus": 1, "object_store_memory": 80 << 20}

#: So that a node that is killed is missed within two seconds.
MISSED = {"health_check_period_ms": 500, "health_check_failure_threshold": 3}


def main() -> None:
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    from ray.cluster_utils import Cluster

    head = NODE | {"include_dashboard": False, "_system_config": MISSED}
    cluster = Cluster(initialize_head=True, head_node_args=head)
    nodes = [cluster.head_node, *(cluster.add_node(**NODE) for _ in range(2))]
    cluster.wait_for_nodes()
    raylets = [node.all_processes["raylet"][0].process.pid for node in nodes]
    gcs = cluster.head_node.all_processes["gcs_server"][0].process.pid
    told = {"address": cluster.address, "nodes": raylets, "gcs": gcs}
    sys.stdout.write(json.dumps(told) + "\n")
    sys.stdout.flush()
    sys.stdin.read()
    cluster.shutdown()


if __name__ == "__main__":
    main()
