"""The sandbox's knobs: AWS's delays, scaled down, and its quirks on demand."""

import dataclasses
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass
class Settings:
    """Delays in seconds, and quirks that are off until asked for (`POST /_sandbox/settings`).

    AWS's own delays are given beside each one. They are scaled down so that a person can watch the whole
    tutorial in a minute; none is zero, because a client that never sees CREATING is a client never tested.
    """

    cluster_delay: float = 1.0
    """Until a created cluster, other than the sandbox's own, is ACTIVE (AWS: about ten minutes)."""
    compute_environment_delay: float = 1.0
    """Until a created or updated compute environment is judged (AWS: seconds to a minute)."""
    access_entry_delay: float = 0.5
    """Until a change of access entries or their policies is in effect (EKS user guide: "several seconds")."""
    addon_delay: float = 0.3
    """For how long an add-on is CREATING, UPDATING or DELETING (AWS: a minute or two)."""
    addons_without_nodes: bool = False
    """Whether no node takes the pods of add-ons, so that they are DEGRADED (eksctl-io/eksctl#6954)."""
    vpc_endpoint_delay: float = 0.0
    """For how long a new interface endpoint is `pending` (AWS: a minute or two)."""
    job_queue_delay: float = 0.3
    """Until a created, updated or deleted job queue settles (AWS: seconds)."""
    deletion_delay: float = 0.5
    """Until a compute environment in DELETING is gone (AWS: one to two minutes)."""
    relationship_delay: float = 0.5
    """How long a compute environment still counts as attached after its queue let go of it
    (terraform-provider-aws#46925: seen for seconds after the queue's change succeeded)."""
    node_join_timeout: float = 15.0
    """Until a compute environment none of whose nodes joined is INVALIDATED (AWS: about half an hour)."""
    blocked_reason_delay: float = 1.0
    """Until the job at the head of a blocked queue gets its statusReason (AWS: minutes)."""
    node_idle_timeout: float = 60.0
    """Until a node without jobs is taken away (AWS: minutes, or minScaleDownDelayMinutes)."""
    pod_cleanup_delay: float = 10.0
    """Between a pod's end and its deletion ("AWS Batch aggressively cleans up the pods", public EKS tutorial)."""
    pod_retry_delay: float = 2.0
    """Until a pod that the cluster refused is tried again; the job stays RUNNABLE meanwhile."""
    timeout_grace: float = 30.0
    """Between SIGTERM and SIGKILL when a job exceeds its timeout (User Guide, job timeouts: 30 s)."""
    time_limit_scale: float = 1.0
    """Factor on AWS's long limits: maxTimeSeconds (at least 600) and attemptDurationSeconds (at least 60)."""
    list_jobs_delay: float = 0.0
    """How long ListJobs does not show a job after SubmitJob (AWS promises no read-after-write)."""
    pull_through_import_delay: float = 0.3
    """Between the first pull of an image through the cache and its import (AWS: seconds to minutes)."""
    pull_through_freshness: float = 24 * 3600.0
    """How long a cached tag is not looked up at its upstream (ECR User Guide, pull-through-cache: 24 hours)."""
    batch_quotas: bool = False
    """Enforce 50 SubmitJob calls a second, as AWS does (User Guide, service limits)."""
    pods_outside_cluster: bool = False
    """Run each new job as a process that Batch starts itself, with no Pod object, image pull, log or event: the whole
    cluster is played on one machine and takes some 15 pods a second, a benchmark of clients needs 50 and more."""
    iam_policies: bool = False
    """Evaluate the caller's identity-based policies at every call, as AWS does; `GET /_sandbox/authorizations` shows
    what was asked. Off, everybody may do everything."""
    ended_job_retention: float = 7 * 24 * 3600.0
    """How long an ended job can still be described (User Guide, job states: at least 7 days)."""

    def __post_init__(self) -> None:
        self._lock = threading.Lock()

    def update(self, values: Mapping[str, Any]) -> None:
        """Set some of the settings at once.

        Raises:
            ValueError: A name is unknown or a value has the wrong type; nothing is changed.
        """
        fields = {field.name: field.type for field in dataclasses.fields(self)}
        for name, value in values.items():
            if name not in fields:
                raise ValueError(f"unknown setting {name!r}; there are: {', '.join(sorted(fields))}")
            wanted: type | tuple[type, ...] = bool if fields[name] is bool else (int, float)
            if not isinstance(value, wanted) or (wanted is not bool and isinstance(value, bool)):
                raise ValueError(f"setting {name!r} cannot be {value!r}")
        with self._lock:
            for name, value in values.items():
                setattr(self, name, value)

    def reset(self) -> None:
        """Back to the defaults."""
        self.update(dataclasses.asdict(Settings()))

    def as_dict(self) -> dict[str, Any]:
        """All settings with their present values."""
        return dataclasses.asdict(self)
