"""What this project knows of eksctl's ClusterConfig, in the format of botocore's service models.

Source: https://schema.eksctl.io (eksctl.io/v1alpha5). It has hundreds of fields; those that are not listed here pass
through with a warning, and eksctl itself refuses what it does not know.
"""

from functools import cache
from typing import Any

from specs.shape import Shapes

_SHAPES: dict[str, Any] = {
    "Text": {"type": "string"},
    "Flag": {"type": "boolean"},
    "Count": {"type": "integer", "min": 0},
    "Texts": {"type": "list", "member": {"shape": "Text"}},
    "TextByText": {"type": "map", "key": {"shape": "Text"}, "value": {"shape": "Text"}},
    "ClusterConfig": {
        "type": "structure",
        "open": True,
        "required": ("metadata", "privateCluster"),
        "members": {
            "metadata": {"shape": "ClusterMeta"},
            "privateCluster": {"shape": "PrivateCluster"},
            "availabilityZones": {"shape": "Texts"},
            "vpc": {"shape": "ClusterVPC"},
            "managedNodeGroups": {"shape": "NodeGroups"},
            "nodeGroups": {"shape": "NodeGroups"},
        },
    },
    "ClusterMeta": {
        "type": "structure",
        "open": True,
        "required": ("name", "region"),
        "members": {
            "name": {"shape": "Text"},
            "region": {"shape": "Text"},
            "version": {"shape": "Text"},
            "tags": {"shape": "TextByText"},
        },
    },
    "PrivateCluster": {
        "type": "structure",
        "open": True,
        "required": ("enabled",),
        "members": {
            "enabled": {"shape": "Flag"},
            "skipEndpointCreation": {"shape": "Flag"},
            "additionalEndpointServices": {"shape": "Texts"},
        },
    },
    "ClusterVPC": {
        "type": "structure",
        "open": True,
        "members": {"id": {"shape": "Text"}, "subnets": {"shape": "ClusterSubnets"}},
    },
    "ClusterSubnets": {"type": "structure", "open": True, "members": {"private": {"shape": "SubnetByZone"}}},
    "SubnetByZone": {"type": "map", "key": {"shape": "Text"}, "value": {"shape": "Subnet"}},
    "Subnet": {
        "type": "structure",
        "open": True,
        "members": {"id": {"shape": "Text"}, "az": {"shape": "Text"}, "cidr": {"shape": "Text"}},
    },
    "NodeGroups": {"type": "list", "member": {"shape": "NodeGroup"}},
    "NodeGroup": {
        "type": "structure",
        "open": True,
        "required": ("name", "privateNetworking"),
        "members": {
            "name": {"shape": "Text"},
            "privateNetworking": {"shape": "Flag"},
            "instanceType": {"shape": "Text"},
            "minSize": {"shape": "Count"},
            "maxSize": {"shape": "Count"},
            "desiredCapacity": {"shape": "Count"},
        },
    },
}


@cache
def private_cluster_shapes() -> Shapes:
    """The shapes of a ClusterConfig."""
    return Shapes("eksctl schema", _SHAPES)
